package client

import (
	"context"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/openapi"
)

// TestEveryCallIsInTheContract calls every method, and expects each request to be an operation of a contract with its body in a media
// type that the operation takes.
func TestEveryCallIsInTheContract(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	seen := 0
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		seen++
		id, fault := operation(t, r)
		if fault != "" {
			t.Errorf("%s %s: %s", r.Method, r.URL, fault)
		}
		covered[id] = true
		_, _ = w.Write([]byte("null"))
	})
	for _, receiver := range []any{
		c, c.TrustDomains(), c.TrustRelations(), c.NFVIPoPs(), c.ResourceZones(), c.HostPools(), c.RuntimeClasses(), c.Hosts(), c.Images(),
		c.VNFProfiles(), c.Residencies(), c.CacheEntries(),
	} {
		value := reflect.ValueOf(receiver)
		for i := range value.NumMethod() {
			method, name := value.Method(i), value.Type().Method(i).Name
			if method.Type().NumIn() == 0 || name == "Do" || name == "Open" {
				continue
			}
			before := seen
			drain(method.Call(arguments(t.Context(), receiver, method.Type())))
			if seen == before {
				t.Errorf("%s of %s made no call", name, value.Type())
			}
		}
	}
	if len(covered) < 100 {
		t.Errorf("%d operations are covered", len(covered))
	}
	for _, name := range openapi.Names() {
		for path, item := range document(t, name).Paths.Map() {
			for method, op := range item.Operations() {
				if !covered[name+" "+op.OperationID] {
					t.Logf("no method calls %s %s (%s)", method, path, op.OperationID)
				}
			}
		}
	}
}

// arguments are zero values, but for contexts, readers and texts; and there are two ids for what two ids name.
func arguments(ctx context.Context, receiver any, signature reflect.Type) []reflect.Value {
	var values []reflect.Value
	for i := range signature.NumIn() {
		switch in := signature.In(i); {
		case in.Kind() == reflect.Interface && in.Name() == "Context":
			values = append(values, reflect.ValueOf(ctx))
		case in.Kind() == reflect.String:
			values = append(values, reflect.ValueOf("grant").Convert(in)) // an API too
		case signature.IsVariadic() && i == signature.NumIn()-1:
			values = append(values, reflect.ValueOf("one"))
			if path := reflect.ValueOf(receiver).FieldByName("path").String(); strings.HasSuffix(path, "trust_relations") || strings.HasSuffix(path, "cache_entries") {
				values = append(values, reflect.ValueOf("two"))
			}
		case in.Name() == "Reader":
			values = append(values, reflect.ValueOf(strings.NewReader("")))
		case in.Kind() == reflect.Interface:
			values = append(values, reflect.ValueOf(map[string]any{}))
		default:
			values = append(values, reflect.Zero(in))
		}
	}
	return values
}

// drain reads what a method returns: lists only call when they are read, and what is open is closed.
func drain(results []reflect.Value) {
	for _, result := range results {
		if response, is := reflect.TypeAssert[*http.Response](result); is && response != nil {
			_ = response.Body.Close()
		}
		if result.Kind() == reflect.Func && result.Type().CanSeq2() {
			next, stop := iter.Pull2(result.Seq2())
			next()
			stop()
		}
	}
}

// operation is the operation of a contract that a request calls, or what is wrong with the request.
func operation(t *testing.T, r *http.Request) (id, fault string) {
	t.Helper()
	name := strings.Split(r.URL.Path, "/")[1]
	for path, item := range document(t, name).Paths.Map() {
		op := item.GetOperation(r.Method)
		if op == nil || !matches(path, r.URL.EscapedPath()) {
			continue
		}
		kind := r.Header.Get("Content-Type") // "grant" where the caller says of which type the content is
		if op.RequestBody != nil && op.RequestBody.Value.Required && op.RequestBody.Value.Content[kind] == nil && kind != "grant" {
			return name + " " + op.OperationID, "the body is " + kind
		}
		return name + " " + op.OperationID, ""
	}
	return "", "no operation"
}

// matches compares a path with a template.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if parameter := strings.HasPrefix(want[i], "{"); want[i] != got[i] && (!parameter || got[i] == "") {
			return false
		}
	}
	return true
}

// TestAsksForTheFormOfItsTypes holds the Version header of grants to the contract that the types come from.
func TestAsksForTheFormOfItsTypes(t *testing.T) {
	t.Parallel()
	if version := document(t, openapi.NameGrant).Info.Version; version != grantVersion {
		t.Errorf("the client asks for %s, the contract is %s", grantVersion, version)
	}
}

func document(t *testing.T, name string) *openapi3.T {
	t.Helper()
	loaded, err := openapi.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}
