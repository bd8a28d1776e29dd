package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/internal/sol013"
)

// leftOut lists what the entries of a list leave out unless it is asked for, by operation.
var leftOut = map[string][]string{
	"listDecisions":      {"explanation"},
	"listPendingChanges": {"base", "change", "deletions"},
}

// representation is what the contract says of the answer to a GET: whether it has an entity tag, and which
// attributes of its entries can be left out (SOL013 attribute selectors: those that are optional and complex).
type representation struct {
	sol013.Selectable

	cached    bool // If-None-Match can be answered 304
	selectors bool // the operation takes them
}

// representationOf reads the contract of one operation; nil when its answers have no entity tag.
func representationOf(op *openapi3.Operation) *representation {
	ok := op.Responses.Status(http.StatusOK)
	if ok == nil || ok.Value.Headers["ETag"] == nil {
		return nil
	}
	rep := &representation{cached: op.Responses.Status(http.StatusNotModified) != nil}
	media := ok.Value.Content.Get("application/json")
	if op.Parameters.GetByInAndName("query", "fields") == nil || media == nil || media.Schema.Value.Items == nil {
		return rep
	}
	paths := map[string]bool{}
	optionalComplex(media.Schema.Value.Items.Value, "", paths)
	rep.selectors, rep.Selectable = true, sol013.Selectable{Optional: slices.Sorted(maps.Keys(paths)), LeftOut: leftOut[op.OperationID]}
	return rep
}

// optionalComplex collects the paths of the optional attributes of a schema that are objects or arrays.
func optionalComplex(schema *openapi3.Schema, prefix string, into map[string]bool) {
	for _, part := range schema.AllOf {
		optionalComplex(part.Value, prefix, into)
	}
	for name, ref := range schema.Properties {
		inner := ref.Value
		for len(inner.AllOf) == 1 && inner.Type == nil {
			inner = inner.AllOf[0].Value
		}
		if !inner.Type.Is("object") && !inner.Type.Is("array") {
			continue
		}
		path := prefix + sol013.EscapeName(name)
		if !slices.Contains(schema.Required, name) {
			into[path] = true
		}
		if inner.Items != nil {
			inner = inner.Items.Value
		}
		optionalComplex(inner, path+"/", into)
	}
}

// prune removes paths from a JSON value, and from every entry of an array.
func prune(data json.RawMessage, drop []string) (json.RawMessage, error) {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		for i := range list {
			var err error
			if list[i], err = prune(list[i], drop); err != nil {
				return nil, err
			}
		}
		return json.Marshal(list)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return data, nil //nolint:nilerr // a value without members has nothing to leave out
	}
	inner := map[string][]string{}
	for _, path := range drop {
		name, rest, deeper := strings.Cut(path, "/")
		name = strings.NewReplacer("~0", "~", "~1", "/", "~a", ",").Replace(name)
		if deeper {
			inner[name] = append(inner[name], rest)
		} else {
			delete(object, name)
		}
	}
	for name, rest := range inner {
		if member, ok := object[name]; ok {
			var err error
			if object[name], err = prune(member, rest); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(object)
}

type droppedKey struct{}

// leavesOut tells whether an answer has none of these attributes, so that they need not be read.
func leavesOut(ctx context.Context, attributes ...string) bool {
	dropped, _ := ctx.Value(droppedKey{}).([]string)
	return !slices.ContainsFunc(attributes, func(name string) bool { return !slices.Contains(dropped, name) })
}

// represent finishes the answers to GET: it leaves out what was not asked for, names the representation by an
// entity tag where the handler gave none, and answers 304 when the client has it already.
func (s *Server) represent(c *contract) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rep := c.representations[pathPattern(r)]
			if rep == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
				next.ServeHTTP(w, r)
				return
			}
			var drop []string
			if rep.selectors {
				var err error
				if drop, err = rep.Dropped(r.URL.Query()); err != nil {
					s.writeProblem(w, r, err)
					return
				}
				r = r.WithContext(context.WithValue(r.Context(), droppedKey{}, drop))
			}
			buf := &bufferedResponse{header: w.Header(), status: http.StatusOK}
			next.ServeHTTP(buf, r)
			body := buf.body.Bytes()
			if buf.status == http.StatusOK && len(drop) > 0 {
				pruned, err := prune(body, drop)
				if err != nil {
					s.writeProblem(w, r, fmt.Errorf("leave out attributes: %w", err))
					return
				}
				body = append(pruned, '\n')
			}
			if buf.status == http.StatusOK {
				tag := tagged(w.Header(), body)
				if none := r.Header.Get("If-None-Match"); rep.cached && none != "" && hasTag(none, tag) {
					w.Header().Del("Content-Type")
					w.WriteHeader(http.StatusNotModified)
					return
				}
			}
			w.WriteHeader(buf.status)
			_, _ = w.Write(body) //nolint:gosec // JSON that we made, not HTML
		})
	}
}

// tagged gives an answer an entity tag where it has none, and returns it.
func tagged(header http.Header, body []byte) string {
	if header.Get("ETag") == "" {
		header.Set("ETag", contentTag(body))
	}
	return header.Get("ETag")
}
