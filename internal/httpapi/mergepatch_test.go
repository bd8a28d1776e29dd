package httpapi

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	wire "ringfence/api/inventory"
	"ringfence/openapi"
)

// The test cases of RFC 7396, appendix A.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		target, err1 := decodeJSON([]byte(c[0]))
		patch, err2 := decodeJSON([]byte(c[1]))
		want, err3 := decodeJSON([]byte(c[2]))
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, mergePatch(target, patch)); diff != "" {
			t.Errorf("%s patched with %s (-want +got):\n%s", c[0], c[1], diff)
		}
	}
}

func TestPatchedIsHeldToTheContract(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{name: openapi.NameInventory, doc: doc}
	var zone wire.ResourceZone
	if err := json.Unmarshal([]byte(`{"id": "LON-A", "nfviPopId": "LON", "zoneGroupIds": ["G1"]}`), &zone); err != nil {
		t.Fatal(err)
	}
	after, err := patched(c, "ResourceZone", zone, []byte(`{"zoneGroupIds": ["G1", "G2"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"G1", "G2"}, after.ZoneGroupIDs); diff != "" {
		t.Error(diff)
	}
	if after, err = patched(c, "ResourceZone", zone, []byte(`{"zoneGroupIds": null}`)); err != nil || after.ZoneGroupIDs != nil {
		t.Errorf("removed: %v, %v", after.ZoneGroupIDs, err)
	}
	for patch, pointer := range map[string]string{
		`{"nfviPopId": null}`:        "/nfviPopId",
		`{"zoneGroupIds": ["a", 1]}`: "/zoneGroupIds/1",
		`{"colour": "red"}`:          "/colour",
		`[]`:                         "",
	} {
		_, err := patched(c, "ResourceZone", zone, []byte(patch))
		var p *problem
		if !errors.As(err, &p) || p.Status != 422 || len(p.InvalidParams) == 0 || p.InvalidParams[0].Pointer != pointer {
			t.Errorf("%s: got %v %+v, want 422 at %q", patch, err, p, pointer)
		}
	}
}
