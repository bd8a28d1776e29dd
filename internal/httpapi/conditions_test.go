package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

// unread are the operations with If-Match whose resource cannot be read, and where they are tried instead.
var unread = map[string]string{"putObservedState": "TestObservedState"}

// sample is a resource of the contract that a server has.
type sample struct{ list, template, url string }

// samples finds a resource for every path with operations that take If-Match: the last that the list above it has.
func (a *api) samples(all []operation) map[string]sample {
	a.t.Helper()
	found := map[string]sample{}
	for _, o := range all {
		if !o.takes("header", "If-Match") || unread[o.OperationID] != "" {
			continue
		}
		template := strings.TrimSuffix(o.path, "/release")
		list, _, _ := strings.Cut(template, "/{")
		entries := a.do(call{as: "root", path: list}).want(200).list()
		if len(entries) == 0 {
			a.t.Fatalf("there is nothing in %s", list)
		}
		found[o.path] = sample{list, template, addressed(template, entries[len(entries)-1])}
	}
	return found
}

// addressed puts the attributes of an entry into the places of a path.
func addressed(template string, entry object) string {
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(template, func(name string) string {
		value, ok := entry[strings.Trim(name, "{}")]
		if !ok {
			value = entry["id"]
		}
		return url.PathEscape(fmt.Sprint(value))
	})
}

// change is a change of a resource to what it is already, as far as the operation has such a change.
func (o operation) change(at string, body []byte) call {
	c := call{as: "root", method: o.method, path: at, header: map[string]string{}}
	switch {
	case o.OperationID == "modifyPolicy":
		c.body, c.header["Content-Type"] = object{"selectedVersion": "1.0.0"}, o.mediaType()
	case o.method == http.MethodPatch:
		c.body, c.header["Content-Type"] = object{}, o.mediaType()
	case o.method == http.MethodPut && o.OperationID == "putEnforcementMode":
		c.body = object{"mode": "ENFORCE", "reason": "a reason"}
	case o.method == http.MethodPut:
		c.body = body
	case o.method == http.MethodPost:
		c.path, c.body = at+"/release", object{"reason": "nothing runs there"}
	}
	return c
}

func (c call) under(header, condition string) call {
	headers := map[string]string{header: condition}
	maps.Copy(headers, c.header)
	c.header = headers
	return c
}

// Every change under a condition is made when it holds, and not when it does not.
func TestChangesUnderACondition(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	all := operations(t)
	slices.SortStableFunc(all, func(x, y operation) int { // what ends resources last
		return strings.Compare(strings.Replace(x.method, "DELETE", "Z", 1), strings.Replace(y.method, "DELETE", "Z", 1))
	})
	policies := newAPI(t) // of which the ones in force can be changed
	policies.policy("1.0.0", separation("1.0.0"))
	samples, tried := a.samples(all), 0
	for _, o := range all {
		a := a
		if o.api == openapi.NameNFVPolicy {
			a = policies
			samples[o.path] = a.samples([]operation{o})[o.path]
		}
		at, ok := samples[o.path]
		if !ok || !o.takes("header", "If-Match") {
			continue
		}
		tried++
		a.conditions(o, at)
	}
	if tried < 35 {
		t.Errorf("%d operations take If-Match", tried)
	}
}

// conditions tries an operation on a resource.
func (a *api) conditions(o operation, at sample) {
	before := a.do(call{as: "root", path: at.url}).want(200)
	tag := before.header.Get("ETag")
	c := o.change(at.url, before.body)
	for condition, want := range map[string]int{`"999999"`: 412, "W/" + tag: 412, "garbage": 412, `"`: 412, tag + `, "2"`: 400} {
		p := a.do(c.under("If-Match", condition)).problem(want)
		if p["detail"] == "" {
			a.t.Errorf("If-Match: %s: %v", condition, p)
		}
	}
	if o.method == http.MethodPut {
		a.do(c.under("If-None-Match", "*")).problem(412)
		a.do(c.under("If-None-Match", tag)).problem(400)
		missing := c
		missing.path = regexp.MustCompile(`[^/]*$`).ReplaceAllString(c.path, "CLIENT:nothing")
		if strings.HasSuffix(o.path, "{digest}") {
			missing.path = regexp.MustCompile(`[^/]*$`).ReplaceAllString(c.path, "sha256:nothing")
		}
		a.do(missing.under("If-Match", "*")).problem(412)
		a.do(call{as: "root", path: missing.path}).problem(404)
	}
	after := a.do(call{as: "root", path: at.url}).want(200)
	if diff := cmp.Diff(string(before.body), string(after.body)); diff != "" || after.header.Get("ETag") != tag {
		a.t.Errorf("changed under conditions that do not hold: %s, ETag %s, was %s", diff, after.header.Get("ETag"), tag)
	}
	if o.method == http.MethodPatch || o.method == http.MethodPut {
		a.took(a.do(c.under("If-Match", "*")))
		tag = a.do(call{as: "root", path: at.url}).want(200).header.Get("ETag")
	}
	a.took(a.do(c.under("If-Match", tag)))
}

// took checks that a change was not refused for its condition; what is in use, or in force, may still not end.
func (a *api) took(got answer) {
	if got.status != http.StatusOK && got.status != http.StatusNoContent && (got.call.method != http.MethodDelete || got.status != http.StatusConflict) {
		a.t.Errorf("%s under %v: %d %s", got.call.method, got.call.header, got.status, got.body)
	}
}

// The copy of a client is compared wherever the contract says so.
func TestCopiesAreCompared(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	for _, c := range collections(t) {
		if c.Responses.Status(http.StatusNotModified) == nil {
			continue
		}
		tag := a.do(call{as: "root", path: c.url()}).want(200).header.Get("ETag")
		for condition, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "garbage": 200} {
			got := a.do(call{as: "root", path: c.url(), header: map[string]string{"If-None-Match": condition}}).want(want)
			if got.header.Get("ETag") != tag || got.header.Get("Version") == "" || want == 304 && len(got.body) > 0 {
				t.Errorf("%s with %s: %v", c.OperationID, condition, got.header)
			}
		}
	}
}

// untagged are the resources in lists that have no entity tag of their own, and why.
var untagged = map[string]string{"getPolicySubscription": "it never changes, and SOL012 gives it none"}

// Every resource that is in a list has an entity tag where it is read by itself.
func TestEveryResourceHasATag(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	var lists []string
	for _, c := range collections(t) {
		lists = append(lists, c.path)
	}
	tried := 0
	for _, o := range operations(t) {
		list, _, _ := strings.Cut(o.path, "/{")
		if o.method != http.MethodGet || !strings.HasSuffix(o.path, "}") || !slices.Contains(lists, list) || strings.HasSuffix(o.path, "/{version}") {
			continue
		}
		tried++
		entries := a.do(call{as: "root", path: list}).want(200).list()
		got := a.do(call{as: "root", path: addressed(o.path, entries[len(entries)-1])}).want(200)
		if (got.header.Get("ETag") == "") != (untagged[o.OperationID] != "") {
			t.Errorf("%s: ETag %q", o.OperationID, got.header.Get("ETag"))
		}
	}
	if tried < 18 {
		t.Errorf("%d resources are read by themselves", tried)
	}
}

// A condition that an operation does not look at is refused, with every method that changes something; and none has to be sent.
func TestConditionsAreNotIgnored(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, o := range operations(t) {
		for _, name := range []string{"If-Match", "If-None-Match"} {
			if p := o.Parameters.GetByInAndName("header", name); p != nil {
				if p.Required {
					t.Errorf("%s requires %s, and the contract does not know 428", o.OperationID, name)
				}
				continue
			}
			if o.method == http.MethodGet {
				continue
			}
			c := call{as: "root", method: o.method, path: o.url(), header: map[string]string{name: `"1"`}}
			if o.RequestBody != nil {
				c.header["Content-Type"], c.body = o.mediaType(), "{}"
			}
			if p := a.do(c).problem(400); !strings.Contains(fmt.Sprint(p["detail"]), name) {
				t.Errorf("%s: %v", o.OperationID, p)
			}
		}
	}
}
