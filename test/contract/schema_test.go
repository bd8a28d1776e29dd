package contract

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// document loads a definition in OpenAPI 3.
func document(t *testing.T, elements ...string) *openapi3.T {
	t.Helper()
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = readDefinition
	doc, err := loader.LoadFromFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// undefinedSecurity is what definitions of SOL012 require of callers and define nowhere, so that no reader takes them.
var undefinedSecurity = regexp.MustCompile(`(?m)^security:\r?\n  - OauthSecurity:\r?\n(?:      - \w+\r?\n)*`)

// readDefinition reads a file of a definition without the scheme that it does not define.
func readDefinition(_ *openapi3.Loader, location *url.URL) ([]byte, error) {
	text, err := os.ReadFile(filepath.FromSlash(location.Path))
	return undefinedSecurity.ReplaceAll(text, nil), err
}

// response is what the definition says of an answer to an operation; nil when it does not know such an answer.
func response(doc *openapi3.T, path, method string, status int) *openapi3.Response {
	item := doc.Paths.Find(path)
	if item == nil || item.GetOperation(method) == nil {
		return nil
	}
	if r := item.GetOperation(method).Responses.Value(strconv.Itoa(status)); r != nil {
		return r.Value
	}
	return nil
}

// answers is the schema of an operation's answer; an error's is the same whatever its code.
func answers(t *testing.T, doc *openapi3.T, path, method string, status int) *openapi3.Schema {
	t.Helper()
	item := doc.Paths.Find(path)
	if item == nil {
		t.Fatalf("the definition has no %s", path)
	}
	operation := item.GetOperation(method)
	if operation == nil {
		t.Fatalf("the definition has no %s %s", method, path)
	}
	response := operation.Responses.Value(strconv.Itoa(status))
	if response == nil || response.Value == nil {
		t.Fatalf("the definition has no answer %d to %s %s", status, method, path)
	}
	content := response.Value.Content
	for _, kind := range []string{"application/json", "application/problem+json"} {
		if media := content.Get(kind); media != nil && media.Schema != nil {
			return media.Schema.Value
		}
	}
	t.Fatalf("the definition does not say what answer %d to %s %s holds", status, method, path)
	return nil
}

// plain reads a schema that is a document of its own, or a part of one that is older than OpenAPI 3.
func plain(t *testing.T, text []byte, path ...string) *openapi3.Schema {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		object, is := value.(map[string]any)
		if !is || object[name] == nil {
			t.Fatalf("the definition has no %q of %v", name, path)
		}
		value = object[name]
	}
	part, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var schema openapi3.Schema
	if err := json.Unmarshal(part, &schema); err != nil {
		t.Fatal(err)
	}
	return &schema
}

// check holds a value to a schema of SOL012, and enters it as a client's.
func check(t *testing.T, client, what string, schema *openapi3.Schema, value any) {
	t.Helper()
	entry := tally{answers: 1}
	if err := schema.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		entry.failed = 1
		t.Errorf("%s: %v", what, err)
	}
	summary.add(specPolicy371, client, entry)
}
