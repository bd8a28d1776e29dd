package httpapi

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

func TestSelectableAttributesComeFromTheContract(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Placement()
	if err != nil {
		t.Fatal(err)
	}
	rep := representationOf(doc.Paths.Find("/placement/v1/decisions").Get)
	for _, path := range []string{"explanation", "placements", "explanation/warnings", "explanation/demands/rejected", "placements/cache"} {
		if !slices.Contains(rep.Optional, path) {
			t.Errorf("%s cannot be selected; can be: %v", path, rep.Optional)
		}
	}
	for _, path := range []string{"policies", "id", "explanation/demands"} { // mandatory, or no complex attribute
		if slices.Contains(rep.Optional, path) {
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
			if rep := operations[operation]; rep == nil || !slices.Contains(rep.Optional, path) {
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
