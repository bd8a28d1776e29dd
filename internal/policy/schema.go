package policy

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of the policy document. It is what Parse checks against; editors can
// use it as well.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// documentSchema is the schema compiled, and as it is written, to look up what a part of it says.
type documentSchema struct {
	compiled *jsonschema.Schema
	text     any
}

// loadSchema compiles the schema once. An error is a fault of the program, which every test would show.
var loadSchema = sync.OnceValues(func() (*documentSchema, error) {
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		return nil, fmt.Errorf("read the schema of the policy document: %w", err)
	}
	const url = "urn:ringfence:schema:trust-domain-policy:v1"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "go-duration", Validate: validDuration})
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: validTime})
	if err := c.AddResource(url, text); err != nil {
		return nil, fmt.Errorf("load the schema of the policy document: %w", err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of the policy document: %w", err)
	}
	return &documentSchema{compiled, text}, nil
})

// validDuration takes what time.ParseDuration takes, above zero.
func validDuration(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil // the type is another keyword's business
	}
	if d, err := time.ParseDuration(s); err != nil || d <= 0 {
		return errors.New("no duration above zero")
	}
	return nil
}

func validTime(v any) error {
	if s, ok := v.(string); ok {
		_, err := time.Parse(time.RFC3339, s)
		return err
	}
	return nil
}

// checkStructure reports everything in the document that the schema does not allow.
func checkStructure(root *node, r *report) {
	schema, err := loadSchema()
	if err != nil {
		r.add(CodeSyntax, root.Position, "", "cannot check the document: %v", err)
		return
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](schema.compiled.Validate(root.value())); ok {
		t := translator{report: r, schema: schema.text, root: root}
		t.walk(invalid)
	}
}

// lookup follows the fragment of a schema URL.
func lookup(schema any, url string) map[string]any {
	_, fragment, _ := strings.Cut(url, "#")
	for _, token := range pointerTokens(fragment) {
		switch s := schema.(type) {
		case map[string]any:
			schema = s[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(s) {
				return nil
			}
			schema = s[i]
		default:
			return nil
		}
	}
	m, _ := schema.(map[string]any)
	return m
}

// words returns the strings of a list of JSON values.
func words(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, plain(v))
	}
	return out
}

// plain renders a scalar of a JSON text without quotes.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}
