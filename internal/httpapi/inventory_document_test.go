package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"ringfence/internal/placement"
)

func testNow() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// TestDocumentsAreReadAsWritten proves that a document survives being written and read, in both formats, and that YAML
// which is read in parts says the same as when it is read whole.
func TestDocumentsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	format := testFormat(t)
	rapid.Check(t, func(t *rapid.T) {
		doc := draws{t}.document()
		for _, mediaType := range []string{mediaJSON, mediaYAML} {
			var text bytes.Buffer
			if err := format.write(&text, doc, mediaType); err != nil {
				t.Fatal(err)
			}
			back, err := format.read(text.Bytes(), mediaType, testNow())
			if err != nil {
				t.Fatalf("%v\n%s", err, text.Bytes())
			}
			if len(back.faults) > 0 {
				t.Errorf("%s\n%v", text.Bytes(), back.faults)
			}
			if diff := cmp.Diff(doc, &back.inventory); diff != "" {
				t.Errorf("%s\nread from %s (-written +read):\n%s", text.Bytes(), mediaType, diff)
			}
			if mediaType == mediaJSON {
				continue
			}
			if _, ok := cutYAML(text.Bytes()); !ok {
				t.Errorf("what is written is not in plain form:\n%s", text.Bytes())
			}
			root, err := parseYAML(text.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			whole, err := format.readFrom(&yamlSource{root: root, entries: map[string][]yamlEntry{}}, testNow())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(whole.inventory, back.inventory); diff != "" {
				t.Errorf("%s\n(-whole +parts):\n%s", text.Bytes(), diff)
			}
		}
	})
}

// TestStringsThatLookLikeOthersAreQuoted has strings that YAML takes for something else where they stand without quotes.
func TestStringsThatLookLikeOthersAreQuoted(t *testing.T) {
	t.Parallel()
	format := testFormat(t)
	for _, text := range []string{"", "~", "null", "true", "FALSE", "0", "-1", "007", "0x1f", "0o17", "1.5", "1e3", "1e310", "-.inf", ".NaN", "1_000", "2026-11-23", "yes", "- a", "a: b", "#"} {
		doc := &placement.Inventory{Hosts: []placement.Host{{ID: "h", NFVIPoPID: "p", ResourceZoneID: "z", Labels: map[string]string{"k": text}}}}
		var written bytes.Buffer
		if err := format.write(&written, doc, mediaYAML); err != nil {
			t.Fatal(err)
		}
		back, err := format.read(written.Bytes(), mediaYAML, testNow())
		if err != nil || len(back.faults) > 0 {
			t.Errorf("%q: %v %v\n%s", text, err, back, written.Bytes())
			continue
		}
		if got := back.inventory.Hosts[0].Labels["k"]; got != text {
			t.Errorf("%q is read as %q\n%s", text, got, written.Bytes())
		}
	}
}

// TestFaultyDocuments holds what is said of faulty documents, with the places, to the corpus. A file holds the document
// and its findings, one a line; with RINGFENCE_UPDATE_CORPUS set they are written anew.
func TestFaultyDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inventory/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			document, wanted := archive.Files[0], &archive.Files[len(archive.Files)-1]
			got := readFindings(t, document.Name, document.Data)
			if os.Getenv("RINGFENCE_UPDATE_CORPUS") != "" {
				wanted.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(wanted.Data), got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func readFindings(t *testing.T, name string, content []byte) string {
	t.Helper()
	mediaType := mediaYAML
	if strings.HasSuffix(name, ".json") {
		mediaType = mediaJSON
	}
	doc, err := testFormat(t).read(content, mediaType, testNow())
	if err != nil {
		return fmt.Sprintf("problem %d: %v\n", problemOf(err).Status, err)
	}
	var b strings.Builder
	for _, f := range doc.locate(doc.faults) {
		fmt.Fprintf(&b, "%d:%d %s %s %s\n", f.Line, f.Column, f.Code, f.Pointer, f.Message)
	}
	return b.String()
}

// TestShapesAgreeWithTheContract damages entries and compares the verdict on them with that of the library which
// validates every other body.
func TestShapesAgreeWithTheContract(t *testing.T) {
	t.Parallel()
	format := testFormat(t)
	schema := inventorySchema(t, "Inventory")
	verdicts := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		doc := draws{t}.document()
		for i := range format.lists {
			list := &format.lists[i]
			err := list.write(doc, func(entry any) error {
				text, err := json.Marshal(entry)
				if err != nil {
					return err
				}
				var v any
				if err := json.Unmarshal(text, &v); err != nil {
					return err
				}
				v = damage(t, v, rapid.IntRange(0, 2).Draw(t, "damages"))
				if text, err = json.Marshal(v); err != nil {
					return err
				}
				theirs := schema.Properties[list.name].Value.Items.Value.VisitJSON(v, openapi3.MultiErrors())
				var faults []string
				c := shapeCheck{fault: func(code, pointer string, _ place, message string) {
					faults = append(faults, code+" "+pointer+" "+message)
				}}
				c.check(list.shape, (&documentText{body: text}).value())
				verdicts[theirs == nil]++
				if (theirs == nil) != (len(faults) == 0) {
					t.Errorf("%s: %s\nthe contract says %v\nthe shape says %q", list.name, text, theirs, faults)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("the damage is of no use: verdicts %v", verdicts)
	}
}

// damage changes a JSON value somewhere.
func damage(t *rapid.T, v any, times int) any {
	for range times {
		v = damageOnce(t, v)
	}
	return v
}

func damageOnce(t *rapid.T, v any) any {
	switch x := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(x))
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			x["surprise"] = 1.0
		case 1:
			if len(names) > 0 {
				delete(x, rapid.SampledFrom(names).Draw(t, "dropped"))
			}
		default:
			if len(names) > 0 {
				name := rapid.SampledFrom(names).Draw(t, "damaged")
				x[name] = damageOnce(t, x[name])
			}
		}
		return x
	case []any:
		if len(x) > 0 && rapid.Bool().Draw(t, "within") {
			i := rapid.IntRange(0, len(x)-1).Draw(t, "index")
			x[i] = damageOnce(t, x[i])
			return x
		}
		if len(x) > 0 && rapid.Bool().Draw(t, "twice") {
			return append(x, x[0])
		}
	}
	return rapid.SampledFrom([]any{
		nil, true, 1.0, -1.0, 5.0, 1e15, 1e17, "", "x", "VM", "GB", "gb", "sha256:00", "sha256", strings.Repeat("é", 256), "a\x01b", "24h", "1x",
		"2026-11-23T10:00:00Z", "2026-11-23",
		[]any{},
		map[string]any{},
		[]any{"x", "x"},
		[]any{"GB"},
		map[string]any{"cpuMillis": -1.0},
	}).Draw(t, "instead")
}

// TestPlacesAreFoundAgain proves that the place of an attribute is the one where it stands, in every way to read.
func TestPlacesAreFoundAgain(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("  - {id: x, country: GB}\n", 2*partBytes/len("  - {id: x, country: GB}\n"))
	for name, text := range map[string]string{
		"parts": "kind: Inventory\nnfviPops:\n" + many + "  # here\n  - id: y\n    country: IE\n",
		"whole": "kind: &k Inventory\napiVersion: ringfence/v1\nnfviPops: &l\n" + many + "  # here\n  - id: y\n    country: IE\n",
		"flow":  "{kind: Inventory, nfviPops: [\n" + strings.ReplaceAll(many, "  - {id: x, country: GB}", "{id: x, country: GB},") + "\n{id: y,\n     country: IE}\n]}\n",
		"json": `{"kind":"Inventory","nfviPops":[` + "\n" + strings.ReplaceAll(many, "  - {id: x, country: GB}", `{"id":"x","country":"GB"},`) +
			"\n" + `{"id":"y", "é":"é",` + "\n" + `"country":   "IE"}]}`,
	} {
		doc, err := testFormat(t).read([]byte(text), mediaYAML, testNow())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pops := doc.inventory.NFVIPoPs
		last := len(pops) - 1
		if pops[last] != (placement.NFVIPoP{ID: "y", Country: "IE"}) {
			t.Fatalf("%s: the last site is %v", name, pops[last])
		}
		f := doc.locate([]placement.Finding{{Pointer: fmt.Sprintf("/nfviPops/%d/country", last)}})[0]
		line := strings.Split(text, "\n")[f.Line-1]
		if got := strings.Trim(string([]rune(line)[f.Column-1:]), "]}\""); got != "IE" {
			t.Errorf("%s: %d:%d is %q of %q", name, f.Line, f.Column, got, line)
		}
	}
}

func FuzzReadInventory(f *testing.F) {
	for _, seed := range []string{
		"kind: Inventory\nhosts:\n- {id: a}\n- id: |\n    x\n", `{"kind":"Inventory","hosts":[{"id":"a\u00e9","capacity":{"cpuMillis":1}}]}`, "a: &a [*a]\nhosts: *a",
		"%YAML 1.2\n---\nkind: Inventory", "kind: Inventory\nhosts:\n  - &h {id: a}\n  - *h\n", "- 1", "{", "\"\\ud800\"", "hosts:\n- - -\n", "kind: !!str Inventory",
		"kind: Inventory\nnfviPops:\n  - id: \"a\n  - b\"\n    country: GB\nimages: [{digest: 'a:b\nimages:\n'}]\n", "kind: Inventory\nnfviPops:\n- id: a\n  country: |\n    x\n  # c\n\n-\n  id: b\n",
		"kind: >\n Inventory\nhostPools:\n\t- {id: x}\n", "kind: Inventory\nhostPools:\n   - id: x\n  # less\n   - id: y\n  - id: z\n", "? kind\n: Inventory\n",
	} {
		f.Add([]byte(seed))
	}
	format := testFormat(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		doc, err := format.read(content, mediaYAML, testNow())
		if err != nil {
			if status := problemOf(err).Status; status != 400 {
				t.Errorf("%q: %d %v", content, status, err)
			}
			return
		}
		for _, f := range doc.locate(doc.faults) {
			if f.Line < 1 || f.Column < 1 {
				t.Errorf("%q: a fault without a place: %v", content, f)
			}
		}
		sameInParts(t, format, content)
	})
}

// sameInParts proves that a document which can be read in parts says the same when it is read whole.
func sameInParts(t *testing.T, format *inventoryFormat, content []byte) {
	t.Helper()
	sections, ok := cutYAML(content)
	if !ok {
		return
	}
	parts, err := format.readFrom(&yamlSource{sections: sections, entries: map[string][]yamlEntry{}}, testNow())
	if err != nil {
		return // it is read whole
	}
	root, err := parseYAML(content)
	if err != nil {
		if len(sections) > 0 {
			t.Errorf("%q: read in parts, but not whole: %v", content, err)
		}
		return
	}
	whole, err := format.readFrom(&yamlSource{root: root, entries: map[string][]yamlEntry{}}, testNow())
	if err != nil {
		t.Fatalf("%q: %v", content, err)
	}
	if diff := cmp.Diff(whole.inventory, parts.inventory); diff != "" {
		t.Errorf("%q (-whole +parts):\n%s", content, diff)
	}
	if (len(whole.faults) == 0) != (len(parts.faults) == 0) {
		t.Errorf("%q\nwhole: %v\nparts: %v", content, whole.faults, parts.faults)
	}
}

func FuzzDocumentText(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e3,"x\"\\\u00e9",null,true,false,{}],"b":{"c":[]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		var want any
		if json.Unmarshal(content, &want) != nil || !json.Valid(content) {
			return
		}
		v := (&documentText{body: content}).value()
		var got any
		if err := json.Unmarshal(v.appendJSON(nil), &got); err != nil {
			t.Fatalf("%q: %v", content, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", content, diff)
		}
	})
}
