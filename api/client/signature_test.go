package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ringfence/openapi"
)

// example is an example of the contract, as JSON.
func example(t testing.TB, name string) []byte {
	t.Helper()
	document, err := openapi.Load(openapi.NameDirectives)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document.Components.Examples[name].Value.Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestVerify holds the verification to the directives that the contract shows, which are signed with the key that it shows;
// and to the same directives with one thing changed.
func TestVerify(t *testing.T) {
	t.Parallel()
	reads := 0
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reads++
		_, _ = w.Write(example(t, "OneKey"))
	}))
	t.Cleanup(service.Close)
	c, err := New(Options{URL: service.URL})
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(c)
	for _, name := range []string{"PlaceAndCache", "CleanUp"} {
		var directives []json.RawMessage
		if err := json.Unmarshal(example(t, name), &directives); err != nil || len(directives) == 0 {
			t.Fatalf("%s holds no directives: %v", name, err)
		}
		for _, text := range directives {
			d, err := v.Verify(t.Context(), text)
			if err != nil || d.HostID != "h02" || d.Seq == 0 {
				t.Errorf("%v: %s", err, text)
			}
			for what, changed := range map[string]string{
				"another host":   strings.Replace(string(text), `"hostId":"h02"`, `"hostId":"h03"`, 1),
				"a member more":  strings.Replace(string(text), "{", `{"more":true,`, 1),
				"a member twice": strings.Replace(string(text), "{", `{"hostId":"h03",`, 1),
				"a fraction":     strings.Replace(string(text), "{", `{"more":1.5,`, 1),
				"null":           strings.Replace(string(text), "{", `{"more":null,`, 1),
				"text after it":  string(text) + " 1",
				"no signature":   strings.Replace(string(text), "signature", "signed", 1),
			} {
				if _, err := v.Verify(t.Context(), json.RawMessage(changed)); !errors.Is(err, ErrUnsigned) {
					t.Errorf("%s: %v: %s", what, err, changed)
				}
			}
		}
	}
	if reads != 1 {
		t.Errorf("the keys were read %d times for directives of one key", reads)
	}
}

// TestCanonicalForm has the rules of the canonical form, as the introduction of the contract states them.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{ "b" : [ 2, 1 ], "a" : {"d": false, "c": true} }`: `{"a":{"c":true,"d":false},"b":[2,1]}`,
		`{"a10":1,"a9":2,"A":3,"_":4}`:                      `{"A":3,"_":4,"a10":1,"a9":2}`,
		`["\u0041\/\u003c\u003e\u0026"]`:                    `["A/<>&"]`,
		`["\"\\\b\t\n\f\r\u0001\u001F\u007f"]`:              `["\"\\\b\t\n\f\r\u0001\u001f` + "\x7f" + `"]`,
		`["\u2028\u00e9\ud83d\ude00"]`:                      "[\"\u2028\u00e9\U0001f600\"]",
		`[9007199254740991]`:                                `[9007199254740991]`,
	} {
		payload, signature, err := canonical([]byte(`{"v":` + in + `,"signature":"h..s"}`))
		if got := string(payload); err != nil || signature != "h..s" || got != `{"v":`+want+`}` {
			t.Errorf("%s becomes %s, want %s: %v", in, got, want, err)
		}
	}
}

// FuzzCanonical holds canonical JSON to what it is for: it says the same as the text did, and it is its own canonical form.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"b":[1,true,"x\u2028<\u0007\n"],"a":{"z":-5,"y":{}},"signature":"h..s"}`))
	f.Add([]byte(`{"signature":"","é":[]}`))
	f.Add([]byte(`{"a":1,"a":2,"signature":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		payload, signature, err := canonical(text)
		if err != nil {
			return
		}
		if !json.Valid(payload) || strings.ContainsAny(string(payload), "\n\t\r") {
			t.Fatalf("%q has the canonical form %q", text, payload)
		}
		quoted, err := json.Marshal(signature)
		if err != nil {
			t.Fatal(err)
		}
		signed := `{"signature":` + string(quoted)
		if len(payload) > 2 {
			signed += ","
		}
		again, _, err := canonical([]byte(signed + string(payload[1:])))
		if err != nil || string(again) != string(payload) {
			t.Fatalf("%q, then %q: %v", payload, again, err)
		}
	})
}
