package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/inventory"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
)

// foreignObjects are objects by the collections of the contract's paths: of another client, and hidden from who is not cleared.
type foreignObjects struct{ others, hidden map[string]string }

// nobodys are the collections whose objects are no client's, and never hidden.
var nobodys = []string{"nfvi_pops", "resource_zones", "runtime_classes", "policies", "enforcement_modes", "vnfms"}

// of are the objects of a collection that are foreign to a caller.
func (f foreignObjects) of(caller, collection string) (ids []string) {
	for _, id := range []string{f.others[collection], f.hidden[collection]} {
		tenant := slices.Contains([]string{"vnfm-a", "nfvo", "agent-h1"}, caller)
		if id != "" && (tenant || id == f.hidden[collection]) {
			ids = append(ids, id)
		}
	}
	return ids
}

// newForeign starts a server with objects of two clients, and with lawful interception.
func newForeign(t *testing.T) (*api, foreignObjects) {
	t.Helper()
	a := newServerOn(t, postgres.Options{}, inventory.Options{AllowFacts: true, BreakGlassFor: time.Hour}, policies.Settings{})
	doc := fleet()
	addLI(doc)
	if _, err := a.store.Import(t.Context(), doc, true, placement.EndRules{}, "root", nil); err != nil {
		t.Fatal(err)
	}
	id := a.policy("1.0.0", separation("1.0.0"))
	a.do(call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: object{"activationStatus": "ACTIVATED"}}).want(200)
	digest := "sha256:" + strings.Repeat("b", 64)
	f := foreignObjects{others: map[string]string{}, hidden: map[string]string{
		"hosts": "li-1", "trust_domains": "TD-LI", "host_pools": "P-LI", "vnf_profiles": "vnfd-li", "images": digest, "cache_entries": "li-1/" + digest,
		"trust_relations": "TD-A/TD-LI", "onboarded_vnf_packages": "vnfd-li", "vnf_packages": "li-package", "violations": "li-violation",
	}}
	for client, into := range map[string]map[string]string{"vnfm-b": f.others, "root": f.hidden} {
		vnfd := map[string]string{"vnfm-b": "vnfd-b", "root": "vnfd-li"}[client]
		g := a.grant(client, instantiate("of-"+client, vnfd, "open")).want(201).object()
		into["grants"] = g["id"].(string)
		into["reservation_sets"] = into["grants"]
		into["decisions"] = g["additionalParams"].(object)["ringfence"].(object)["decisionId"].(string)
		for _, r := range a.do(call{as: "root", path: "/placement/v1/reservations?filter=(eq,grantId," + into["grants"] + ")"}).want(200).list() {
			into["reservations"] = r["id"].(string)
		}
	}
	f.others["hosts"] = "h2" // for which only other agents stand
	f.hidden["residencies"] = f.hidden["reservations"]
	f.hidden["pending_changes"] = a.write("root", "PATCH", "trust_domains/TD-LI", object{"sensitivity": 3}).pending()
	made := a.do(call{as: "root", method: "POST", path: "/placement/v1/constraints", body: object{"kind": "AFFINITY", "scope": "ZONE", "reason": "r", "vnfdId": "vnfd-li"}}).want(201)
	f.hidden["constraints"] = made.object()["id"].(string)
	f.hidden["subscriptions"] = "of-root" // a subscription is its client's alone
	f.rows(t, a)
	return a, f
}

// rows are what takes people or time to come about.
func (f foreignObjects) rows(t *testing.T, a *api) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), a.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	for _, sql := range []string{
		`INSERT INTO vnf_package (id, vnfd_id, state, created_by, onboarded_at) VALUES ('li-package', 'vnfd-li', 'ONBOARDED', 'root', now())`,
		`INSERT INTO violation (id, nfvi_pop_id, host_id, residency_id, vnf_instance_id, trust_domain_id, policy_id, rule_id, checked, against_id, params, evict, policy_epoch,
		                        since, enforcement, eviction, source, object)
		 VALUES ('li-violation', 'LON', 'li-1', 'r', 'i', 'TD-LI', 'p', 'R', 'separate-nf', '', '{}', false, 1, now(), 'ENFORCED', 'NONE', 'RULES', '')`,
		`INSERT INTO policy_subscription (id, client_id, callback_uri) VALUES ('of-root', 'root', 'https://a.example.com/x')`,
	} {
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

var pathCollection = regexp.MustCompile(`/([a-z_]+)/\{[A-Za-z]+\}(/\{[A-Za-z]+\})?`)

// pathOf is the path with an object in it, as the collection that it is in names it.
func (o operation) pathOf(id string) string {
	return strings.NewReplacer("{version}", "1.0.0").Replace(pathCollection.ReplaceAllString(o.path, "/$1/"+id))
}

// body is the example that the contract has.
func (o operation) body() any {
	if o.RequestBody == nil {
		return nil
	}
	media := o.RequestBody.Value.Content.Get(o.mediaType())
	if media.Example != nil {
		return media.Example
	}
	names := make([]string, 0, len(media.Examples))
	for name := range media.Examples {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return object{}
	}
	return exampleOf(media.Examples[names[0]])
}

func exampleOf(ref *openapi3.ExampleRef) any { return ref.Value.Value }

// missing is an id of the same form that nothing has.
func missing(id string) string {
	last := "e"
	if strings.HasSuffix(id, last) {
		last = "f"
	}
	return id[:len(id)-1] + last
}

// shown is an answer with its headers, without the id that was asked for and what no two answers have in common.
func shown(got answer, id string) string {
	var b strings.Builder
	fmt.Fprintln(&b, got.status)
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		if name != "Date" && name != "X-Request-Id" {
			fmt.Fprintf(&b, "%s: %s\n", name, got.header.Get(name))
		}
	}
	body := string(got.body)
	for part := range strings.SplitSeq(id, "/") {
		body = regexp.MustCompile(`\b`+regexp.QuoteMeta(part)+`\b`).ReplaceAllString(body, "{id}")
	}
	return liUUID.ReplaceAllString(liTime.ReplaceAllString(b.String()+body, "time"), "uuid")
}

// TestForeignObjects asks for, changes and deletes what is another's, or hidden, by every operation with an object in its path and as every
// role: every answer is the very same as for an object that is not there. testdata/foreign.txt has the status of each.
func TestForeignObjects(t *testing.T) {
	t.Parallel()
	a, f := newForeign(t)
	callers := []string{"vnfm-a", "nfvo", "author", "approver", "operator", "auditor", "agent-h1", "verifier", "scrubber"}
	var table strings.Builder
	fmt.Fprintf(&table, "%-78s %s\n", "", strings.Join(callers, " "))
	cells := 0
	for _, o := range operations(t) {
		at := pathCollection.FindStringSubmatch(o.path)
		switch {
		case at == nil || slices.Contains(nobodys, at[1]):
			continue
		case o.method == http.MethodPut && strings.HasPrefix(o.path, "/inventory/"):
			continue // creates: an id that is taken cannot be taken again, which SECURITY.md says
		case f.others[at[1]] == "" && f.hidden[at[1]] == "":
			t.Errorf("%s: whose are the objects of %s? Say so in newForeign, or in nobodys", o.OperationID, at[1])
		}
		fmt.Fprintf(&table, "%-6s %-71s", o.method, o.path)
		for _, as := range callers {
			cell := "-"
			for _, id := range f.of(as, at[1]) {
				cell = a.foreignCell(o, as, id)
				cells++
			}
			fmt.Fprintf(&table, " %-*s", len(as), cell)
		}
		table.WriteString("\n")
	}
	got := regexp.MustCompile(` +\n`).ReplaceAllString(table.String(), "\n")
	golden := filepath.Join("testdata", "foreign.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("answers differ from testdata/foreign.txt; read the difference before you run with -update (-want +got):\n%s", diff)
	}
	t.Logf("%d requests about foreign objects, answered as those about missing ones\n%s", cells, got)
}

// foreignCell is the status of the answer about a foreign object, which is that about a missing one.
func (a *api) foreignCell(o operation, as, id string) string {
	a.t.Helper()
	ask := func(id string) answer {
		c := call{as: as, method: o.method, path: o.pathOf(id), body: o.body()}
		if o.RequestBody != nil {
			c.header = map[string]string{"Content-Type": o.mediaType()}
		}
		return a.do(c)
	}
	foreign := ask(id)
	if diff := cmp.Diff(shown(ask(missing(id)), missing(id)), shown(foreign, id)); diff != "" {
		a.t.Errorf("%s %s as %s tells a foreign object from a missing one (-missing +foreign):\n%s", o.method, o.pathOf(id), as, diff)
	}
	return fmt.Sprint(foreign.status)
}
