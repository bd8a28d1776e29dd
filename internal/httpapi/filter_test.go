package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// unfiltered are attributes of the contract that filters do not know, by list: what is not kept in the form in which it is answered, or
// depends on who asks.
var unfiltered = map[string][]string{
	"listHosts":          {"attestation/age"},             // never in an answer
	"listPendingChanges": {"change", "base", "deletions"}, // documents of which each attribute has a list of its own
	"listViolations":     {"reason/message"},              // a sentence, made for each answer
	"listDecisions": {
		"explanation",                                                                 // what is in it depends on who asks
		"placements/enforcement", "placements/nodeSelector", "placements/tolerations", // made for each answer
	},
}

func isUnfiltered(list, path string) bool {
	return slices.ContainsFunc(unfiltered[list], func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// collection is a list of the contract.
type collection struct {
	operation
	entry *openapi3.Schema
}

// collections are the operations that answer an array of entries.
func collections(t *testing.T) (all []collection) {
	t.Helper()
	for _, o := range operations(t) {
		ok := o.Responses.Status(http.StatusOK)
		if o.method != http.MethodGet || ok == nil || outside[o.OperationID] != "" {
			continue
		}
		media := ok.Value.Content.Get("application/json")
		if media != nil && media.Schema.Value.Items != nil {
			all = append(all, collection{o, media.Schema.Value.Items.Value})
		}
	}
	return all
}

func (c collection) url() string {
	return strings.NewReplacer("{hostId}", "h1", "{policyId}", "x1").Replace(c.path)
}

// valid is a value of a kind.
func valid(k sol013.Kind) string {
	return map[sol013.Kind]string{
		sol013.Number: "1", sol013.DateTime: "2026-11-23T10:00:00Z", sol013.Boolean: "true", sol013.Duration: "24h", sol013.String: "a", sol013.Enum: "A",
	}[k]
}

// paths are how filters name an attribute.
func (l leaf) paths() map[string]sol013.Kind {
	if l.isMap {
		return map[string]sol013.Kind{l.path + "/@key": sol013.String, l.path + "/some~1key": l.kind}
	}
	return map[string]sol013.Kind{l.path: l.kind}
}

// Every attribute of every list can be filtered by with the operators of its kind and no other, but for those that are excepted.
func TestEveryAttributeCanBeFilteredBy(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, c := range collections(t) {
		t.Run(c.OperationID, func(t *testing.T) {
			t.Parallel()
			a := a.in(t)
			for _, l := range leaves(c.entry, "") {
				for path, kind := range l.paths() {
					if isUnfiltered(c.OperationID, l.path) {
						a.filter(c, "(eq,"+path+","+valid(kind)+")").problem(400)
						continue
					}
					var all []string
					for _, op := range kind.Operators() {
						all = append(all, "("+string(op)+","+path+","+valid(kind)+")")
					}
					a.filter(c, strings.Join(all, ";")).want(200)
					for _, op := range sol013.String.Operators() {
						if !slices.Contains(kind.Operators(), op) {
							a.filter(c, "("+string(op)+","+path+","+valid(kind)+")").problem(400)
						}
					}
					if kind != sol013.String && kind != sol013.Enum {
						a.filter(c, "("+string(kind.Operators()[0])+","+path+",nothing of the kind)").problem(400)
					}
					a.filter(c, "(eq,"+path+"/deeper,a)").problem(400)
				}
			}
		})
	}
}

// Secrets, and what the service keeps beside what it shows, cannot be asked for.
func TestHiddenAttributesCannotBeFilteredBy(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, c := range collections(t) {
		for _, path := range []string{
			"password", "userName", "authentication/paramsBasic/password", "oauthSecret", "oauth_secret", "txid", "gen", "revision", "nfvi_pop_id",
			"id) OR (true", "id'", `id"`, "labels", "capacity", "attestation", "_links", "@key", "id/@key",
		} {
			a.filter(c, "(eq,"+path+",a)").problem(400)
		}
	}
}

// filter asks for a list with a filter. What lists leave out cannot be filtered by.
func (a *api) filter(c collection, filter string) answer {
	a.t.Helper()
	return a.do(call{as: "root", path: c.url() + "?filter=" + url.QueryEscape(filter)})
}

// entries reads a list of which every entry has its numbers as they were written.
func (w answer) entries() (list []map[string]any) {
	w.t.Helper()
	d := json.NewDecoder(bytes.NewReader(w.want(200).body))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// seen collects the values that attributes have, so that filters which are drawn meet some.
func seen(value any, path string, into map[string][]string) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			seen(member, path+"/"+sol013.EscapeName(name), into)
			into[path+"/@key"] = append(into[path+"/@key"], name)
		}
	case []any:
		for _, member := range v {
			seen(member, path, into)
		}
	case string:
		into[path] = append(into[path], v)
	case nil:
	default:
		into[path] = append(into[path], numeral(v))
	}
}

// TestFiltersAgreeWithTheOracle draws filters for every list and compares what SQL finds with what the oracle says.
func TestFiltersAgreeWithTheOracle(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	for _, c := range collections(t) {
		t.Run(c.OperationID, func(t *testing.T) {
			t.Parallel()
			a := a.in(t)
			entries := a.filter(c, "").entries()
			if len(entries) < 2 {
				t.Fatalf("the world has %d entries", len(entries))
			}
			values := map[string][]string{}
			for _, e := range entries {
				seen(e, "", values)
			}
			var known []leaf
			for _, l := range leaves(c.entry, "") {
				if !isUnfiltered(c.OperationID, l.path) {
					known = append(known, l)
				}
			}
			slices.SortFunc(known, func(a, b leaf) int { return strings.Compare(a.path, b.path) })
			found := 0
			rapid.Check(t, func(t *rapid.T) {
				filter := drawFilter(t, known, values)
				conditions, err := sol013.ParseFilter(filter)
				if err != nil {
					t.Fatalf("%s: %v", filter, err)
				}
				var want []map[string]any
				for _, e := range entries {
					if holds(e, c.entry, conditions) {
						want = append(want, e)
					}
				}
				found += len(want)
				got := a.filter(c, filter).entries()
				if diff := cmp.Diff(append([]map[string]any{}, want...), got); diff != "" {
					t.Fatalf("%s %s: the oracle finds %d, SQL %d (-oracle +SQL):\n%s", c.OperationID, filter, len(want), len(got), diff)
				}
			})
			if found == 0 {
				t.Errorf("no filter of %s found anything", c.OperationID)
			}
		})
	}
}

// drawFilter draws one to three expressions, mostly about values that there are, and often about attributes that lie together.
func drawFilter(t *rapid.T, known []leaf, values map[string][]string) string {
	var parts []string
	var before leaf
	for i := range rapid.IntRange(1, 3).Draw(t, "expressions") {
		l := rapid.SampledFrom(known).Draw(t, "attribute")
		if near := slices.DeleteFunc(slices.Clone(known), func(o leaf) bool { return parent(o.path) != parent(before.path) }); i > 0 && len(near) > 0 && rapid.Bool().Draw(t, "near") {
			l = rapid.SampledFrom(near).Draw(t, "attribute")
		}
		before = l
		path, kind := l.path, l.kind
		if l.isMap {
			keys := append(values["/"+l.path+"/@key"], "a/b~,@c")
			path += "/" + sol013.EscapeName(rapid.SampledFrom(keys).Draw(t, "key"))
			if rapid.Bool().Draw(t, "of key") {
				path, kind = l.path+"/@key", sol013.String
			}
		}
		op := rapid.SampledFrom(kind.Operators()).Draw(t, "operator")
		n := 1
		if slices.Contains([]placement.Operator{"in", "nin", "cont", "ncont"}, op) {
			n = rapid.IntRange(1, 3).Draw(t, "values")
		}
		expression := []string{string(op), path}
		for range n {
			expression = append(expression, quoted(drawValue(t, kind, values["/"+path])))
		}
		parts = append(parts, "("+strings.Join(expression, ",")+")")
	}
	return strings.Join(parts, ";")
}

func parent(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

func drawValue(t *rapid.T, kind sol013.Kind, seen []string) string {
	others := map[sol013.Kind][]string{
		sol013.String: {"", "a", "%", "_", "h1", `\`, "it's (1,2);", "é", "Z"}, sol013.Enum: {"", "TRUSTED", "NONE"}, sol013.Number: {"0", "1", "-1", "1.5", "1e3", "9007199254740993"},
		sol013.Boolean: {"true", "false"}, sol013.Duration: {"0", "24h", "1h30m", "-1s"},
		sol013.DateTime: {"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.0000005Z", "2026-11-23T11:00:00.000001+01:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"},
	}[kind]
	if len(seen) == 0 || rapid.IntRange(0, 3).Draw(t, "another") == 0 {
		return rapid.SampledFrom(others).Draw(t, "value")
	}
	value := rapid.SampledFrom(seen).Draw(t, "value")
	if kind == sol013.String && len(value) > 2 && rapid.Bool().Draw(t, "part") {
		runes := []rune(value)
		return string(runes[len(runes)/3 : 1+2*len(runes)/3])
	}
	return value
}

// The example of the standard, on hosts and their CIS nodes: expressions on one array hold together on one element.
func TestSameElement(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	doc := fleet()
	doc.Hosts[0].CISNodes = []placement.CISNode{{ID: "n1", Form: placement.CISNodeVM, ClusterID: "red", NodeName: "one"}, {ID: "n2", Form: placement.CISNodeVM, ClusterID: "green", NodeName: "two"}}
	doc.Hosts[1].CISNodes = []placement.CISNode{{ID: "n3", Form: placement.CISNodeVM, ClusterID: "green", NodeName: "three"}, {ID: "n4", Form: placement.CISNodeVM, ClusterID: "blue", NodeName: "four"}}
	doc.Hosts[0].Runtimes, doc.Hosts[1].Runtimes = []string{"kata", "runc"}, []string{"runc"}
	if _, err := a.store.Import(t.Context(), doc, true, placement.EndRules{}, "operator", nil); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		"(eq,cisNodes/clusterId,green)":                              "h1 h2",
		"(eq,cisNodes/clusterId,green);(eq,cisNodes/nodeName,three)": "h2",
		"(eq,cisNodes/clusterId,green);(eq,cisNodes/nodeName,one)":   "",
		"(neq,cisNodes/clusterId,green)":                             "h1 h2",
		"(eq,runtimes,kata);(eq,runtimes,runc)":                      "h1", // values are no elements with attributes: each expression has its own
		"(eq,capacity/@key,cpuMillis);(gte,capacity/cpuMillis,4000)": "h1 h2",
		"(eq,capacity/cpuMillis,4e3);(eq,id,h2)":                     "h2",
	} {
		var got []string
		for _, h := range a.do(call{as: "operator", path: "/inventory/v1/hosts?filter=" + url.QueryEscape(filter)}).want(200).list() {
			got = append(got, fmt.Sprint(h["id"]))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", filter, got, want)
		}
	}
}

// A URI that no filter needs is answered 414; the longest filter is read.
func TestURITooLong(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, c := range collections(t) {
		a.do(call{as: "root", path: c.url() + "?filter=" + strings.Repeat("%28", 16<<10/3)}).problem(http.StatusRequestURITooLong)
	}
	const head = "(eq,id,'"
	a.do(call{as: "root", path: "/inventory/v1/hosts?filter=" + url.QueryEscape(head) + strings.Repeat("%29", 4096-len(head)-2) + url.QueryEscape("')")}).want(200)
}
