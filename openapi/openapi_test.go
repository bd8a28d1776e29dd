package openapi_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/openapi"
)

func TestDocumentsKeepTheRules(t *testing.T) {
	t.Parallel()
	for _, name := range openapi.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := openapi.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(name, doc) {
				t.Error(fault)
			}
		})
	}
}

func TestCommonIsValid(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromFile("common.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	for name, response := range doc.Components.Responses {
		for _, fault := range problemFaults(name, "", response.Value) {
			t.Error(fault)
		}
	}
}

func TestLoadReturnsOneValue(t *testing.T) {
	t.Parallel()
	byName := map[string]func() (*openapi3.T, error){
		openapi.NameGrant:      openapi.Grant,
		openapi.NameNFVPolicy:  openapi.NFVPolicy,
		openapi.NameInventory:  openapi.Inventory,
		openapi.NamePlacement:  openapi.Placement,
		openapi.NameDirectives: openapi.Directives,
		openapi.NameVNFPkgM:    openapi.VNFPkgM,
	}
	if len(byName) != len(openapi.Names()) {
		t.Fatalf("%d accessors for %d documents", len(byName), len(openapi.Names()))
	}
	for name, load := range byName {
		first, err := load()
		if err != nil {
			t.Fatal(err)
		}
		second, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if first != second {
			t.Errorf("%s was loaded twice", name)
		}
	}
}

func TestRawIsTheFile(t *testing.T) {
	t.Parallel()
	for _, name := range openapi.Names() {
		raw, err := openapi.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, file) {
			t.Errorf("Raw(%q) differs from %s.yaml", name, name)
		}
	}
}

// A console or a generator gets one file. It must load without any other, keep the rules, and describe
// the same operations.
func TestJSONStandsAlone(t *testing.T) {
	t.Parallel()
	for _, name := range openapi.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone := parseJSON(t, name)
			if err := alone.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(name, alone) {
				t.Error(fault)
			}
			doc, err := openapi.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := operationIDs(alone), operationIDs(doc); !slices.Equal(got, want) {
				t.Errorf("operations %v, want %v", got, want)
			}
		})
	}
}

// Components of other documents keep their names in JSON, so a document must not use one of those names
// for something else.
func TestNamesOfComponentsDoNotClash(t *testing.T) {
	t.Parallel()
	common, err := openapi3.NewLoader().LoadFromFile("common.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		own := doc.Components
		for schema := range own.Schemas {
			if common.Components.Schemas[schema] != nil {
				t.Errorf("%s.yaml defines schema %s, which common.yaml defines", name, schema)
			}
		}
		for parameter := range own.Parameters {
			if common.Components.Parameters[parameter] != nil {
				t.Errorf("%s.yaml defines parameter %s, which common.yaml defines", name, parameter)
			}
		}
		for response := range own.Responses {
			if common.Components.Responses[response] != nil {
				t.Errorf("%s.yaml defines response %s, which common.yaml defines", name, response)
			}
		}
	}
}

func TestUnknownName(t *testing.T) {
	t.Parallel()
	_, loadErr := openapi.Load("common")
	_, rawErr := openapi.Raw("../go.mod")
	_, jsonErr := openapi.JSON("")
	for _, err := range []error{loadErr, rawErr, jsonErr} {
		if !errors.Is(err, openapi.ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	}
}

// The rules above are worth nothing if they cannot fail: each sabotage must be found.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	post := func(doc *openapi3.T) *openapi3.Operation { return doc.Paths.Find("/grant/v1/grants").Post }
	for _, c := range []struct {
		name, want string
		sabotage   func(*openapi3.T)
	}{
		{"operation without id", "no operationId", func(d *openapi3.T) { post(d).OperationID = "" }},
		{"id in snake case", "not lowerCamelCase", func(d *openapi3.T) { post(d).OperationID = "create_grant" }},
		{"id used twice", "used twice", func(d *openapi3.T) { post(d).OperationID = "getGrant" }},
		{"no summary", "no summary", func(d *openapi3.T) { post(d).Summary = "" }},
		{"no description", "no description", func(d *openapi3.T) { post(d).Description = " " }},
		{"no request example", "request has no example", func(d *openapi3.T) {
			post(d).RequestBody.Value.Content["application/json"].Examples = nil
		}},
		{"no response example", "201 has no example", func(d *openapi3.T) {
			post(d).Responses.Value("201").Value.Content["application/json"].Examples = nil
		}},
		{"error as plain JSON", "carries application/json", func(d *openapi3.T) {
			response := post(d).Responses.Value("403").Value
			response.Content = openapi3.Content{"application/json": response.Content["application/problem+json"]}
		}},
		{"error without body", "is no problem document", func(d *openapi3.T) { post(d).Responses.Value("403").Value.Content = nil }},
		{"problem with another status", "example says status 403", func(d *openapi3.T) {
			post(d).Responses.Set("418", post(d).Responses.Value("403"))
		}},
		{"response without Version", "without the Version header", func(d *openapi3.T) {
			delete(post(d).Responses.Value("201").Value.Headers, "Version")
		}},
		{"no Version parameter", "does not take the Version header", func(d *openapi3.T) { post(d).Parameters = nil }},
		{"no answer to a URI that is too long", "does not name the answer 414", func(d *openapi3.T) { post(d).Responses.Delete("414") }},
		{"no answer to a body that is too long", "does not name the answer 413", func(d *openapi3.T) { post(d).Responses.Delete("413") }},
		{"too many requests without a time", "429 is without the Retry-After header", func(d *openapi3.T) {
			delete(post(d).Responses.Value("429").Value.Headers, "Retry-After")
		}},
		{"foreign path", "is not under /grant/", func(d *openapi3.T) { d.Paths.Set("/policy/v1/grants", d.Paths.Find("/grant/v1/grants")) }},
		{"no version discovery", "there is no /grant/api_versions", func(d *openapi3.T) { d.Paths.Delete("/grant/api_versions") }},
		{"open to everyone", "security must be bearer", func(d *openapi3.T) { d.Security = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc := parseJSON(t, openapi.NameGrant) // a copy of its own
			c.sabotage(doc)
			got := faults(openapi.NameGrant, doc)
			if !slices.ContainsFunc(got, func(fault string) bool { return strings.Contains(fault, c.want) }) {
				t.Errorf("want a fault with %q, got %q", c.want, got)
			}
		})
	}
}

// That examples follow their schemas is checked when a document is loaded.
func TestWrongExampleIsFound(t *testing.T) {
	t.Parallel()
	doc := parseJSON(t, openapi.NameGrant)
	example, ok := doc.Components.Examples["TerminateRequest"].Value.Value.(map[string]any)
	if !ok {
		t.Fatalf("example is a %T", doc.Components.Examples["TerminateRequest"].Value.Value)
	}
	example["operation"] = "DESTROY"
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err == nil {
		t.Error("an example with an unknown operation was accepted")
	}
}

// parseJSON loads the self-contained form of a document, with references to other files forbidden.
func parseJSON(t *testing.T, name string) *openapi3.T {
	t.Helper()
	data, err := openapi.JSON(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func operationIDs(doc *openapi3.T) []string {
	var ids []string
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			ids = append(ids, operation.OperationID)
		}
	}
	slices.Sort(ids)
	return ids
}
