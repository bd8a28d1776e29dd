package stub_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ringfence/openapi"
	"ringfence/test/stub"
)

// TestVerifyExamples holds the verification to the directives that the contract shows, which are signed with the key that it
// shows; and to the same directives with one thing changed.
func TestVerifyExamples(t *testing.T) {
	t.Parallel()
	document, err := openapi.Load(openapi.NameDirectives)
	if err != nil {
		t.Fatal(err)
	}
	example := func(name string) []byte {
		text, err := json.Marshal(document.Components.Examples[name].Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", stub.TypeJSON)
		_, _ = w.Write(example("OneKey"))
	}))
	t.Cleanup(service.Close)
	keys, err := stub.ReadKeys(t.Context(), stub.Client{URL: service.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"PlaceAndCache", "CleanUp"} {
		var directives []json.RawMessage
		if err := json.Unmarshal(example(name), &directives); err != nil || len(directives) == 0 {
			t.Fatalf("%s holds no directives: %v", name, err)
		}
		for _, text := range directives {
			if err := keys.Verify(text); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			changed := strings.Replace(string(text), `"hostId":"h02"`, `"hostId":"h03"`, 1)
			if err := keys.Verify([]byte(changed)); !errors.Is(err, stub.ErrUnsigned) {
				t.Errorf("for another host: %v: %s", err, changed)
			}
			more := strings.Replace(string(text), "{", `{"more":true,`, 1)
			if err := keys.Verify([]byte(more)); !errors.Is(err, stub.ErrUnsigned) {
				t.Errorf("with one member more: %v: %s", err, more)
			}
			if err := (stub.Keys{}).Verify(text); !errors.Is(err, stub.ErrUnsigned) {
				t.Errorf("without keys: %v", err)
			}
		}
	}
}
