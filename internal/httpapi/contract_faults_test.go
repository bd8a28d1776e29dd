package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fault is one way in which a request can be wrong, whatever the operation.
type fault struct {
	name   string
	status int
	header string // that the answer must have
	breaks func(o operation, c *call) bool
}

func faults() []fault {
	return []fault{
		{"no token", 401, "Www-Authenticate", func(_ operation, c *call) bool { c.as = ""; return true }},
		{"a token of nobody", 401, "Www-Authenticate", func(_ operation, c *call) bool { c.as = "nobody"; return true }},
		{"an Authorization header that is none", 400, "Www-Authenticate", header("Authorization", "Basic dTpw")},
		{"a Version that is none", 400, "", versioned("1.0")},
		{"a Version with an empty implementation", 400, "", versioned("1.0.0-impl:")},
		{"a Version that is not offered", 406, "", versioned("9.9.9")},
		{"a Version of an implementation that is not offered", 406, "", versioned("9.9.9-impl:example.com:pp:1")},
		{"an Accept without what there is", 406, "", func(o operation, c *call) bool {
			c.header["Accept"] = "image/png, application/json;q=0, audio/*"
			return slices.ContainsFunc([]string{"200", "201"}, func(s string) bool {
				r := o.Responses.Value(s)
				return r != nil && len(r.Value.Content) > 0
			})
		}},
		{"a query parameter that is not supported", 400, "", func(o operation, c *call) bool {
			c.path += "?" + o.required() + "colour=red"
			return true
		}},
		{"a query that cannot be read", 400, "", func(o operation, c *call) bool {
			c.path += "?" + o.required() + "filter=%zz"
			return true
		}},
		{"a URI of more than 16 KiB", 414, "", func(o operation, c *call) bool {
			c.path += "?" + o.required() + "filter=" + strings.Repeat("x", 16<<10)
			return true
		}},
		{"a body in a coding", 415, "Accept-Encoding", func(o operation, c *call) bool {
			c.header["Content-Encoding"] = "gzip"
			return o.RequestBody != nil
		}},
		{"a filter that is none", 400, "", query("filter", "colour=red")},
		{"a filter on an attribute that is not supported", 400, "", query("filter", "(eq,colour,red)")},
		{"a filter with an operator that is none", 400, "", query("filter", "(like,id,a)")},
		{"a selector of an attribute that is none", 400, "", query("fields", "colour")},
		{"selectors that exclude each other", 400, "", query("all_fields", "&exclude_default")},
		{"a page marker that is none", 400, "", query("nextpage_opaque_marker", "eHh4")},
		{"another page marker that is none", 400, "", query("nextpage_opaque_marker", "***")},
		{"a body of another media type", 415, "", func(o operation, c *call) bool {
			c.header["Content-Type"] = "text/plain"
			return o.RequestBody != nil
		}},
		{"a body without a media type", 415, "", func(o operation, c *call) bool {
			c.header["Content-Type"] = ""
			return o.RequestBody != nil
		}},
		{"a body that is no JSON", 400, "", body(`{"a": `)},
		{"no body", 400, "", body("")},
		{"a body of 1 MiB and more", 413, "", func(o operation, c *call) bool {
			c.body = `{"a": "` + strings.Repeat("x", 1<<20) + `"}`
			return o.RequestBody != nil && !o.streamed()
		}},
		{"a body of another type", 422, "", body(`["a"]`)},
	}
}

func header(name, value string) func(operation, *call) bool {
	return func(_ operation, c *call) bool {
		c.header[name] = value
		return true
	}
}

func versioned(v string) func(operation, *call) bool {
	return func(o operation, c *call) bool {
		c.header["Version"] = v
		return o.takes("header", "Version")
	}
}

func query(name, value string) func(operation, *call) bool {
	return func(o operation, c *call) bool {
		c.path += "?" + name + "=" + strings.NewReplacer("(", "%28", ")", "%29").Replace(value)
		return o.takes("query", name)
	}
}

func body(text string) func(operation, *call) bool {
	return func(o operation, c *call) bool {
		c.body = text
		return o.judged()
	}
}

// Every operation refuses every kind of wrong request alike, with a problem document of the contract.
func TestFaultsOfEveryOperation(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	tried := map[string]int{}
	for _, o := range operations(t) {
		for _, f := range faults() {
			c := call{as: "root", method: o.method, path: o.url(), header: map[string]string{}}
			if o.RequestBody != nil {
				c.header["Content-Type"], c.body = o.mediaType(), "{}"
			}
			if !f.breaks(o, &c) {
				continue
			}
			tried[f.name]++
			got := a.do(c)
			if got.status != f.status || got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Version") == "" {
				t.Errorf("%s with %s: %d %s, want %d\n%s", o.OperationID, f.name, got.status, got.header, f.status, got.body)
				continue
			}
			if p := got.object(); p["detail"] == "" || p["status"] != float64(f.status) {
				t.Errorf("%s with %s: %s", o.OperationID, f.name, got.body)
			}
			if f.header != "" && got.header.Get(f.header) == "" {
				t.Errorf("%s with %s: no %s", o.OperationID, f.name, f.header)
			}
			if o.Responses.Value(fmt.Sprint(f.status)) == nil {
				t.Errorf("%s answers %d, which its contract does not have", o.OperationID, f.status)
			}
		}
	}
	for _, f := range faults() {
		if tried[f.name] == 0 {
			t.Errorf("%s was never tried", f.name)
		}
	}
}
