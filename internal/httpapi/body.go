package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// readBody reads a body whole, within the limit, and checks its media type. Where the contract's schema judges it, it
// is then JSON whose every member can be meant in one way only. An import is left to its handler, whatever its size.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, op *openapi3.Operation, judged bool) error {
	if op.RequestBody == nil {
		return nil
	}
	content, err := checkMediaType(r, op)
	if err != nil {
		return err
	}
	if op.OperationID == importOperation || op.OperationID == onboardOperation {
		return nil
	}
	body, err := readBounded(w, r)
	if err != nil {
		return err
	}
	if judged {
		if body, err = wellFormed(body, op); err != nil {
			return err
		}
		if err := checkNames(content.Schema, body); err != nil {
			return err
		}
	}
	digest := sha256.Sum256(body)
	if slices.Contains(lenientOperations(), op.OperationID) {
		body = withoutNulls(body)
	}
	ctx := context.WithValue(r.Context(), digestKey{}, digest)
	if op.OperationID == grantOperation {
		ctx = context.WithValue(ctx, bodyKey{}, body)
	}
	*r = *r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return nil
}

// readBounded reads a body that is not larger than the limit.
func readBounded(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body []byte
	var err error
	if r.ContentLength <= maxBodyBytes {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || r.ContentLength > maxBodyBytes {
		return nil, newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxBodyBytes))
	}
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "the body could not be read")
	}
	return body, nil
}

// wellFormed returns the JSON of a body, unwrapped where it may be wrapped.
func wellFormed(body []byte, op *openapi3.Operation) ([]byte, error) {
	if err := checkUTF8(body); err != nil {
		return nil, err
	}
	if op.OperationID == grantOperation {
		body = unwrapString(body)
	}
	return body, checkSyntax(body)
}

// checkMediaType returns what the contract says of bodies of the request's media type.
func checkMediaType(r *http.Request, op *openapi3.Operation) (*openapi3.MediaType, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, newProblem(http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not supported; send the body as it is", printable(coding))).
			withHeader("Accept-Encoding", "identity")
	}
	content := op.RequestBody.Value.Content
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && content[mt] != nil {
		return content[mt], nil
	}
	return nil, newProblem(http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q is not supported here; send %s",
		printable(r.Header.Get("Content-Type")), strings.Join(slices.Sorted(maps.Keys(content)), " or ")))
}

// checkUTF8 refuses what is not UTF-8, with the position.
func checkUTF8(content []byte) error {
	if utf8.Valid(content) {
		return nil
	}
	at := 0
	for at < len(content) {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	line, column := (&lineIndex{body: content[:at]}).position(at)
	return newProblem(http.StatusBadRequest, fmt.Sprintf("line %d, column %d: found a byte that is not UTF-8", line, column))
}

// checkSyntax refuses what is no JSON, with the position.
func checkSyntax(body []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(body, &v)
	if err == nil {
		return checkDepth(body)
	}
	at := int64(len(body))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	line := 1 + bytes.Count(body[:min(at, int64(len(body)))], []byte("\n"))
	return newProblem(http.StatusBadRequest, fmt.Sprintf("the body is not JSON: line %d, byte %d: %s", line, at, err))
}

// maxDepth is how deep the objects and arrays of a body may lie in each other. What the APIs know is not half as deep.
const maxDepth = 64

// checkDepth refuses JSON that is deeper than anything here. The body is JSON already.
func checkDepth(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return newProblem(http.StatusBadRequest, fmt.Sprintf("the body is nested more than %d deep", maxDepth))
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// unwrapString decodes a body that is a JSON string once more: VNFMs of the Tacker family encode twice.
func unwrapString(body []byte) []byte {
	trimmed := bytes.TrimSpace(body)
	var inner string
	if len(trimmed) > 0 && trimmed[0] == '"' && json.Unmarshal(trimmed, &inner) == nil {
		return []byte(inner)
	}
	return body
}

// withoutNulls leaves out the members that are null: VNFMs whose JSON library writes every attribute mean that they
// have no value, and the attributes of a grant request have no null.
func withoutNulls(body []byte) []byte {
	if !bytes.Contains(body, []byte("null")) {
		return body
	}
	v, err := decodeJSON(body)
	if err != nil {
		return body
	}
	out, err := json.Marshal(dropNulls(v))
	if err != nil {
		return body
	}
	return out
}

func dropNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			} else {
				v[name] = dropNulls(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = dropNulls(v[i])
		}
	}
	return v
}
