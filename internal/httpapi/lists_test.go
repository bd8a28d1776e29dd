package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"ringfence/internal/postgres"
	"ringfence/internal/sol013"
)

// outside are the lists that are no collections, and why.
var outside = map[string]string{
	"listHostDirectives": "what follows them says where it stands, and a filter or a page would make gaps",
	"listDirectives":     "as listHostDirectives",
	"listKeys":           "it is no array: the few keys of one service, in the form of RFC 7517",
}

// unselected are the lists without attribute selectors and entity tags, and why.
var unselected = map[string]string{
	"listPolicies":            "SOL012 gives its lists a filter and pages, and no selectors",
	"listPolicySubscriptions": "as listPolicies",
}

// leftOutByDefault is what the contract says that lists leave out unless it is asked for.
var leftOutByDefault = map[string][]string{
	"listDecisions":      {"explanation"},
	"listPendingChanges": {"base", "change", "deletions"},
}

var selectorParameters = []string{"all_fields", "fields", "exclude_fields", "exclude_default"}

// Every GET that answers an array takes a filter and has pages, selectors and an entity tag, but for those that are excepted.
func TestEveryListFollowsSOL013(t *testing.T) {
	t.Parallel()
	listed := 0
	for _, o := range operations(t) {
		if strings.HasPrefix(o.OperationID, "list") && outside[o.OperationID] == "" {
			listed++
		}
	}
	all := collections(t)
	if len(all) != listed || listed < 20 {
		t.Errorf("%d operations are called lists, %d answer arrays", listed, len(all))
	}
	for _, c := range all {
		for _, parameter := range []string{"filter", "nextpage_opaque_marker"} {
			if !c.takes("query", parameter) {
				t.Errorf("%s does not take %s", c.OperationID, parameter)
			}
		}
		ok := c.Responses.Status(http.StatusOK).Value
		if ok.Headers["Link"] == nil {
			t.Errorf("%s does not lead to a next page", c.OperationID)
		}
		if unselected[c.OperationID] != "" {
			continue
		}
		for _, parameter := range selectorParameters {
			if !c.takes("query", parameter) {
				t.Errorf("%s does not take %s", c.OperationID, parameter)
			}
		}
		if ok.Headers["ETag"] == nil || !c.takes("header", "If-None-Match") || c.Responses.Status(http.StatusNotModified) == nil {
			t.Errorf("%s has no entity tag, or does not compare it", c.OperationID)
		}
	}
}

// What a list takes it judges, with the place that is wrong; what it does not take it refuses.
func TestListsIgnoreNothing(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	known := map[string]string{}
	for _, c := range collections(t) {
		known[c.OperationID] = "(eq," + firstText(c) + ",a)"
	}
	wrong := map[string][2]string{ // a value, and what the sentence says of it
		"fields": {"colour", "fields, byte 1: "}, "exclude_fields": {"colour", "exclude_fields, byte 1: "},
		"all_fields": {"yes", ""}, "exclude_default": {"yes", ""}, "nextpage_opaque_marker": {"eHh4", "nextpage_opaque_marker "},
	}
	for _, o := range operations(t) {
		if !strings.HasPrefix(o.OperationID, "list") {
			continue
		}
		path := collection{operation: o}.url() + "?" + o.required()
		good := known[o.OperationID]
		wrong["filter"] = [2]string{good + ";(eq,colour,red)", fmt.Sprintf("filter, byte %d: ", len(good)+2)}
		for name, c := range wrong {
			p := a.do(call{as: "root", path: path + name + "=" + url.QueryEscape(c[0])}).problem(400)
			detail := fmt.Sprint(p["detail"])
			if !o.takes("query", name) {
				if !strings.Contains(detail, "the query parameter "+name+" is not supported here") {
					t.Errorf("%s does not take %s, and says %q", o.OperationID, name, detail)
				}
				continue
			}
			if !strings.HasPrefix(detail, c[1]) || len(pointers(p)) != 1 {
				t.Errorf("%s with %s=%s: %v", o.OperationID, name, c[0], p)
			}
		}
		for _, query := range []string{"colour", "filter=%zz", "filter=" + good + "&filter=" + good, "nextpage_opaque_marker=&nextpage_opaque_marker=eHh4", "FILTER=" + good} {
			a.do(call{as: "root", path: path + query}).problem(400)
		}
	}
}

// selectable lists the optional complex attributes of a schema, by the contract alone.
func selectable(s *openapi3.Schema, prefix string) (all []string) {
	for _, part := range s.AllOf {
		all = append(all, selectable(part.Value, prefix)...)
	}
	for name, p := range s.Properties {
		path, inner := prefix+sol013.EscapeName(name), resolved(p).Value
		if !inner.Type.Is("object") && !inner.Type.Is("array") {
			continue
		}
		if !slices.Contains(s.Required, name) {
			all = append(all, path)
		}
		if inner.Items != nil {
			inner = resolved(inner.Items).Value
		}
		all = append(all, selectable(inner, path+"/")...)
	}
	return all
}

// minus removes an attribute from an entry, wherever it is in it.
func minus(value any, path string) {
	name, rest, deeper := strings.Cut(path, "/")
	switch v := value.(type) {
	case []map[string]any:
		for _, member := range v {
			minus(member, path)
		}
	case []any:
		for _, member := range v {
			minus(member, path)
		}
	case map[string]any:
		if deeper {
			minus(v[name], rest)
		} else {
			delete(v, name)
		}
	}
}

// lies tells whether one path is the other, or leads through it.
func lies(path, outer string) bool { return path == outer || strings.HasPrefix(path, outer+"/") }

// keeps lists what is left when only some of the attributes that could be left out are wanted: what is wanted, what is in it, and
// what it is in.
func keeps(all, wanted []string) (dropped []string) {
	for _, p := range all {
		if !slices.ContainsFunc(wanted, func(w string) bool { return lies(p, w) || lies(w, p) }) {
			dropped = append(dropped, p)
		}
	}
	return dropped
}

// The combinations of selectors, on every list and for every attribute that it can leave out.
func TestSelectorsOfEveryList(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	for _, c := range collections(t) {
		if unselected[c.OperationID] != "" {
			continue
		}
		t.Run(c.OperationID, func(t *testing.T) {
			t.Parallel()
			a := a.in(t)
			all, byDefault := selectable(c.entry, ""), leftOutByDefault[c.OperationID]
			want := map[string][]string{"all_fields": nil, "": byDefault, "exclude_default": byDefault}
			for _, p := range all {
				want["fields="+p] = keeps(all, []string{p})
				want["exclude_fields="+p] = []string{p}
				want["exclude_default&fields="+p] = keeps(byDefault, []string{p})
			}
			if len(all) > 1 {
				two := []string{all[0], all[len(all)-1]}
				want["fields="+strings.Join(two, ",")], want["exclude_fields="+strings.Join(two, ",")] = keeps(all, two), two
			}
			for query, dropped := range want {
				entries, _, _ := a.pages(c, "all_fields")
				for _, p := range dropped {
					minus(entries, p)
				}
				got, _, _ := a.pages(c, query)
				if diff := cmp.Diff(entries, got); diff != "" {
					t.Errorf("?%s (-want +got):\n%s", query, diff)
				}
			}
			if len(all) > 0 {
				a.refusesCombinations(c, all[0])
			}
		})
	}
}

// refusesCombinations asks with every set of selectors that the table of SOL013 does not have.
func (a *api) refusesCombinations(c collection, path string) {
	a.t.Helper()
	for set := range 1 << len(selectorParameters) {
		var given []string
		for i, p := range selectorParameters {
			if set&(1<<i) == 0 {
				continue
			}
			if strings.HasSuffix(p, "fields") && p != "all_fields" {
				p += "=" + path
			}
			given = append(given, p)
		}
		query := strings.Join(given, "&")
		if len(given) > 1 && query != "fields="+path+"&exclude_default" {
			a.do(call{as: "root", path: c.url() + "?" + query}).problem(400)
		}
	}
}

// A list is the same whole and entry by entry, with a filter and without; a marker leads on in its own list only.
func TestPagesOfEveryList(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	all := collections(t)
	queries := func(c collection) []string {
		l := firstText(c)
		return []string{"filter=" + url.QueryEscape("(ncont,"+l+",nothing has this)"), ""}
	}
	whole := map[string][]map[string]any{}
	for _, c := range all {
		for _, query := range queries(c) {
			got := a.do(call{as: "root", path: c.url() + "?" + query}).want(200)
			if whole[c.OperationID+query] = got.entries(); got.header.Get("Link") != "" {
				t.Fatalf("%s is on several pages already", c.OperationID)
			}
		}
	}
	a.server.SetPageSize(1)
	markers := map[string]string{}
	for _, c := range all {
		for _, query := range queries(c) {
			entries, marker, count := a.pages(c, query)
			if markers[c.OperationID] = marker; count < 2 || count != len(entries) {
				t.Errorf("%s?%s has %d pages of one entry, and %d entries", c.OperationID, query, count, len(entries))
			}
			if diff := cmp.Diff(whole[c.OperationID+query], entries); diff != "" {
				t.Errorf("%s?%s (-whole +paged):\n%s", c.OperationID, query, diff)
			}
		}
	}
	for i, c := range all {
		other := markers[all[(i+1)%len(all)].OperationID]
		a.do(call{as: "root", path: c.url() + "?nextpage_opaque_marker=" + markers[c.OperationID]}).want(200)
		a.do(call{as: "root", path: c.url() + "?nextpage_opaque_marker=" + other}).problem(400)
		a.do(call{as: "root", path: c.url() + "?filter=(eq," + firstText(c) + ",a)&nextpage_opaque_marker=" + markers[c.OperationID]}).problem(400)
	}
}

// firstText is an attribute of text that every entry has.
func firstText(c collection) string {
	var names []string
	for _, l := range leaves(c.entry, "") {
		if slices.Contains(c.entry.Required, l.path) && l.kind == sol013.String && !l.isMap {
			names = append(names, l.path)
		}
	}
	return slices.Min(names)
}

// pages follows a list from page to page, and returns the marker of the second one and how many there were as well.
func (a *api) pages(c collection, query string) (entries []map[string]any, marker string, count int) {
	a.t.Helper()
	for next := a.url + c.url() + "?" + query; next != ""; {
		got := a.do(call{as: "root", path: strings.TrimPrefix(next, a.url)})
		entries = append(entries, got.entries()...)
		if count++; count > 200 {
			a.t.Fatalf("%s?%s has no end", c.OperationID, query)
		}
		target, isLink := strings.CutSuffix(got.header.Get("Link"), `>; rel="next"`)
		if next = strings.TrimPrefix(target, "<"); isLink && marker == "" {
			u, err := url.Parse(next)
			if err != nil || !u.IsAbs() {
				a.t.Fatalf("%s: Link %q", c.OperationID, got.header.Get("Link"))
			}
			marker = u.Query().Get("nextpage_opaque_marker")
		}
	}
	return entries, marker, count
}

// A list of pending changes shows what they store only when that is asked for, and then all of it.
func TestPendingChangesInFull(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	change := a.read("pending_changes/" + a.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).pending()).want(200).object()
	deletion := a.read("pending_changes/" + a.write("operator", "DELETE", "vnf_profiles/vnfd-b", nil).pending()).want(200).object()
	if change["change"] == nil || change["base"] == nil || deletion["deletions"] == nil {
		t.Fatalf("one change shows less: %v\n%v", change, deletion)
	}
	if diff := cmp.Diff([]object{change, deletion}, a.read("pending_changes?all_fields").want(200).list()); diff != "" {
		t.Errorf("all_fields (-each +listed):\n%s", diff)
	}
	got := a.read("pending_changes?exclude_default&fields=base").want(200).list()
	for _, o := range []object{change, deletion} {
		delete(o, "change")
		delete(o, "deletions")
	}
	if diff := cmp.Diff([]object{change, deletion}, got); diff != "" {
		t.Errorf("base only (-each +listed):\n%s", diff)
	}
}
