package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// patched applies a JSON merge patch (RFC 7396) to the wire form of a resource. What comes out is held to the
// schema of the contract; where it breaks it, the answer is 422 with the places.
func patched[W any](c *contract, schema string, current W, patch []byte) (W, error) {
	var after W
	before, err := json.Marshal(current)
	if err != nil {
		return after, fmt.Errorf("patch %s: %w", schema, err)
	}
	target, err := decodeJSON(before)
	if err != nil {
		return after, fmt.Errorf("patch %s: %w", schema, err)
	}
	change, err := decodeJSON(patch)
	if err != nil {
		return after, newProblem(http.StatusBadRequest, "the patch is not JSON: "+printable(err.Error()))
	}
	merged := mergePatch(target, change)
	if err := c.checkSchema(schema, merged); err != nil {
		return after, err
	}
	result, err := json.Marshal(merged)
	if err != nil {
		return after, fmt.Errorf("patch %s: %w", schema, err)
	}
	if err := checkNames(c.doc.Components.Schemas[schema], result); err != nil {
		return after, err
	}
	if err := json.Unmarshal(result, &after); err != nil {
		return after, newProblem(http.StatusUnprocessableEntity, "the patched resource cannot be read: "+printable(err.Error()))
	}
	return after, nil
}

// removesKept refuses a patch that removes attributes of a resource which a write leaves as they are: it would be answered as if it
// had.
func removesKept(current any, patch []byte, kept []string) error {
	var change map[string]json.RawMessage
	if len(kept) == 0 || json.Unmarshal(patch, &change) != nil {
		return nil //nolint:nilerr // what is no object is judged as what comes out
	}
	text, err := json.Marshal(current)
	if err != nil {
		return fmt.Errorf("read what is patched: %w", err)
	}
	var before map[string]json.RawMessage
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("read what is patched: %w", err)
	}
	var faults []invalidParam
	for _, name := range kept {
		if value, named := change[name]; named && string(value) == "null" && before[name] != nil {
			faults = append(faults, invalidParam{Pointer: "/" + name, Reason: "it is set by others, and not removed by a change of the resource; leave it out"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faulty(http.StatusUnprocessableEntity, faults)
}

// decodeJSON reads a JSON value and keeps its numbers exact.
func decodeJSON(data []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// mergePatch is the algorithm of RFC 7396, section 2.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// checkSchema holds a decoded JSON value to a schema of the contract.
func (c *contract) checkSchema(schema string, value any) error {
	ref := c.doc.Components.Schemas[schema]
	if ref == nil {
		return fmt.Errorf("schema %s is not in the %s contract", schema, c.name)
	}
	err := ref.Value.VisitJSON(value, openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	return schemaProblem(err)
}
