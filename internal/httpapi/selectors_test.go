package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

func TestSelectorsChoosePaths(t *testing.T) {
	t.Parallel()
	rep := &representation{optional: []string{"a", "a/b", "c", "d"}, leftOut: []string{"c", "d"}}
	for query, want := range map[string][]string{
		"":                                  nil, // filled below
		"all_fields":                        nil,
		"fields=a":                          {"c", "d"},
		"fields=a/b":                        {"c", "d"}, // a holds it
		"fields=c,d":                        {"a", "a/b"},
		"exclude_fields=a/b,c":              {"a/b", "c"},
		"exclude_default":                   {"c", "d"},
		"exclude_default&fields=c":          {"d"},
		"exclude_default&fields=c&fields=d": {},
	} {
		if query == "" {
			want = []string{"c", "d"}
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rep.dropped(values)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for _, query := range []string{
		"fields=e", "exclude_fields=e", "fields=", "fields=a,", "all_fields&fields=a", "all_fields&exclude_default", "all_fields&exclude_fields=a",
		"exclude_fields=a&fields=c", "exclude_fields=a&exclude_default",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rep.dropped(values); statusOfError(err) != http.StatusBadRequest {
			t.Errorf("%s: got %v, %v; want 400", query, got, err)
		}
	}
}

func TestSelectableAttributesComeFromTheContract(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Placement()
	if err != nil {
		t.Fatal(err)
	}
	rep := representationOf(doc.Paths.Find("/placement/v1/decisions").Get)
	for _, path := range []string{"explanation", "placements", "explanation/warnings", "explanation/demands/rejected", "placements/cache"} {
		if !slices.Contains(rep.optional, path) {
			t.Errorf("%s cannot be selected; can be: %v", path, rep.optional)
		}
	}
	for _, path := range []string{"policies", "id", "explanation/demands"} { // mandatory, or no complex attribute
		if slices.Contains(rep.optional, path) {
			t.Errorf("%s can be left out", path)
		}
	}
	if rep := representationOf(doc.Paths.Find("/placement/v1/decisions").Post); rep != nil {
		t.Error("the answer to a POST has selectors")
	}
}

func TestLeftOutExists(t *testing.T) {
	t.Parallel()
	operations := map[string]*representation{}
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range doc.Paths.Map() {
			if item.Get != nil {
				operations[item.Get.OperationID] = representationOf(item.Get)
			}
		}
	}
	for operation, paths := range leftOut {
		for _, path := range paths {
			if rep := operations[operation]; rep == nil || !slices.Contains(rep.optional, path) {
				t.Errorf("%s leaves out %s, which the contract does not have as an optional complex attribute", operation, path)
			}
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	const list = `[{"id":9007199254740993,"a":{"b":[1],"c":{"d":"x"}},"l":[{"m":{},"n":1}]},{"id":2}]`
	got, err := prune(json.RawMessage(list), []string{"a/b", "l/m"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`[{"a":{"c":{"d":"x"}},"id":9007199254740993,"l":[{"n":1}]},{"id":2}]`, string(got)); diff != "" {
		t.Error(diff)
	}
}
