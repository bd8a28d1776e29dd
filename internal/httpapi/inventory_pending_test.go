package httpapi_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/inventory"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
)

const pendingPath = "/inventory/v1/pending_changes"

// newTwoPersons starts a server on which what security rests on takes two persons, with the fleet and a policy in force.
func newTwoPersons(t testing.TB, ofStore postgres.Options) *api {
	t.Helper()
	return newServerOn(t, ofStore, inventory.Options{BreakGlassFor: time.Hour}, policies.Settings{}).withFleet()
}

// write writes to the inventory.
func (a *api) write(as, method, path string, body any) answer {
	a.t.Helper()
	c := call{as: as, method: method, path: "/inventory/v1/" + path, body: body, header: map[string]string{"Ringfence-Change-Reason": "CHG-1"}}
	if method == "PATCH" {
		c.header["Content-Type"] = "application/merge-patch+json"
	}
	return a.do(c)
}

// pending checks that a write waits, and returns the id of the change.
func (w answer) pending() string {
	w.t.Helper()
	o := w.want(202).object()
	id := fmt.Sprint(o["id"])
	if o["state"] != "PENDING" || !strings.HasSuffix(w.header.Get("Location"), pendingPath+"/"+id) || w.header.Get("ETag") == "" {
		w.t.Errorf("%s\n%v", w.body, w.header)
	}
	return id
}

func (a *api) approve(as, id string) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: pendingPath + "/" + id + "/approve"})
}

func (a *api) breakGlass(as, id, reason string) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: pendingPath + "/" + id + "/approve", header: map[string]string{"Ringfence-Break-Glass": reason}})
}

func (a *api) read(path string) answer {
	a.t.Helper()
	return a.do(call{as: "auditor", path: "/inventory/v1/" + path})
}

// TestTwoPersonsChangeInventory: every kind of write that changes what security rests on waits, changes nothing until another
// client approves it, and then all of it.
func TestTwoPersonsChangeInventory(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	profile := object{"vnfdId": "vnfd-n", "nfType": "AMF", "trustDomainId": "TD-A", "components": []object{{"id": "c", "roles": []string{"SIGNALLING"}}}}
	domain := object{"id": "TD-N", "category": "TEST", "sensitivity": 0, "exclusive": false, "requiresPhysicalSecurity": false}
	host := object{
		"id": "h9", "nfviPopId": "LON", "resourceZoneId": "LON-A", "hostPoolId": "P1", "country": "GB", "physicallySecure": true, "hypervisorClass": "TYPE1",
		"runtimes": []string{"kata"}, "capacity": object{"cpuMillis": 1},
	}
	for name, c := range map[string]struct {
		method, path string
		body         object
		differs      string // kind, id, action and attributes
		gone         bool   // 404 afterwards
	}{
		"create a trust domain":    {"PUT", "trust_domains/TD-N", domain, "TRUST_DOMAIN TD-N CREATE", false},
		"change a trust domain":    {"PATCH", "trust_domains/TD-A", object{"sensitivity": 3, "name": "A"}, "TRUST_DOMAIN TD-A CHANGE sensitivity 1>3", false},
		"declare a relation":       {"PUT", "trust_relations/TD-A/TD-B", object{"fromId": "TD-A", "toId": "TD-B", "handling": "NONE"}, "TRUST_RELATION TD-A:TD-B CREATE handling >NONE", false},
		"permit a trust domain":    {"PATCH", "host_pools/P2", object{"allowedTrustDomainIds": []string{"TD-B", "TD-A"}}, "HOST_POOL P2 CHANGE allowedTrustDomainIds TD-B>TD-A, TD-B", false},
		"create a runtime class":   {"PUT", "runtime_classes/gvisor", object{"name": "gvisor", "isolation": "SANDBOX"}, "RUNTIME_CLASS gvisor CREATE isolation >SANDBOX", false},
		"change a runtime class":   {"PATCH", "runtime_classes/runc", object{"isolation": "VM"}, "RUNTIME_CLASS runc CHANGE isolation OS_CONTAINER>VM", false},
		"create a VNF profile":     {"PUT", "vnf_profiles/vnfd-n", profile, "VNF_PROFILE vnfd-n CREATE", false},
		"delete a VNF profile":     {"DELETE", "vnf_profiles/vnfd-b", nil, "VNF_PROFILE vnfd-b DELETE", true},
		"no public base any more":  {"PATCH", "images/" + digest, object{"publicBase": false}, "IMAGE " + digest + " CHANGE publicBase true>false", false},
		"claim no hypervisor":      {"PATCH", "hosts/h1", object{"hypervisorClass": "NONE", "lifecycle": "CORDONED"}, "HOST h1 CHANGE hypervisorClass TYPE1>NONE", false},
		"create a host that does":  {"PUT", "hosts/h9", host, "HOST h9 CREATE hypervisorClass >TYPE1", false},
		"claim a nested hypvisor ": {"PATCH", "hosts/h1", object{"cisNodes": []object{{"id": "n", "form": "VM", "hypervisorClass": "TYPE1"}}}, "HOST h1 CHANGE cisNodes/n/hypervisorClass >TYPE1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTwoPersons(t, postgres.Options{})
			before := a.read(c.path)
			id := a.write("operator", c.method, c.path, c.body).pending()
			if again := a.write("operator", c.method, c.path, c.body).pending(); again != id {
				t.Errorf("asked for again it is %s, not %s", again, id)
			}
			if now := a.read(c.path); now.status != before.status || now.status == 200 && string(now.body) != string(before.body) {
				t.Fatalf("changed already: %s", now.body)
			}
			p := a.read("pending_changes/" + id).want(200).object()
			if got := differs(p); !strings.HasPrefix(got, c.differs) || p["proposedBy"] != "operator" || p["reason"] != "CHG-1" {
				t.Errorf("differs: %s; %v", got, p)
			}
			a.approve("operator", id).problem(403)
			done := a.approve("approver", id).want(200).object()
			if done["state"] != "APPLIED" || done["decidedBy"] != "approver" || done["breakGlass"] != nil {
				t.Errorf("approved: %v", done)
			}
			after := a.read(c.path)
			if c.gone {
				after.problem(404)
				return
			}
			got := after.want(200).object()
			for name := range maps.Keys(c.body) {
				if want := fmt.Sprint(c.body[name]); name != "components" && name != "cisNodes" && name != "capacity" && name != "allowedTrustDomainIds" && fmt.Sprint(orDefault(got[name])) != want {
					t.Errorf("%s is %v, want %s", name, got[name], want)
				}
			}
			a.approve("approver", id).problem(409)
		})
	}
}

// orDefault is a boolean or number that the answer leaves out.
func orDefault(v any) any {
	if v == nil {
		return false
	}
	return v
}

// differs writes the first difference of a change on one line.
func differs(p object) string {
	list, _ := p["differences"].([]any)
	if len(list) == 0 {
		return ""
	}
	d := list[0].(object)
	out := fmt.Sprint(d["kind"], " ", d["id"], " ", d["action"])
	attributes, _ := d["attributes"].([]any)
	for _, a := range attributes {
		text := func(name string) string {
			if v := a.(object)[name]; v != nil {
				return fmt.Sprint(v)
			}
			return ""
		}
		if out += " " + text("name") + " " + text("before") + ">" + text("after"); d["action"] != "CHANGE" {
			break
		}
	}
	return out
}

// TestOnePersonChangesTheRest: daily work does not wait, nor does anything before a policy was ever in force.
func TestOnePersonChangesTheRest(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	a.write("operator", "PATCH", "hosts/h1", object{"lifecycle": "CORDONED", "labels": object{"a": "b"}, "capacity": object{"cpuMillis": 8000}}).want(200)
	a.write("operator", "PATCH", "trust_domains/TD-A", object{"name": "another"}).want(200)
	a.write("operator", "PUT", "nfvi_pops/DUB", object{"id": "DUB", "country": "IE"}).want(201)
	a.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 1}).want(200) // as it is
	empty := newServerOn(t, postgres.Options{}, inventory.Options{}, policies.Settings{})
	empty.importFleet()
	empty.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 2}).want(200)
	single := newServerOn(t, postgres.Options{OnePerson: true}, inventory.Options{}, policies.Settings{}).withFleet()
	single.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 2}).want(200)
}

// TestLabelsThatRulesRead: what a rule makes of a host by its label, nobody changes alone, whether the version that has the rule is in
// force or not yet.
func TestLabelsThatRulesRead(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	a.write("operator", "PATCH", "hosts/h1", object{"labels": object{"engine": "true", "row": "7"}}).want(200)
	a.policy("1", located("1", "R-SITE", "{countries: [GB]}, host: {notLabels: {engine: 'false'}}"))
	a.write("operator", "PATCH", "hosts/h1", object{"labels": object{"row": "8"}}).want(200)
	id := a.write("operator", "PATCH", "hosts/h1", object{"labels": object{"engine": "false"}}).pending()
	if got := differs(a.read("pending_changes/" + id).want(200).object()); got != "HOST h1 CHANGE labels/engine true>false" {
		t.Errorf("differs: %s", got)
	}
	imported := a.do(call{
		as: "operator", method: "POST", path: "/inventory/v1/imports", header: map[string]string{"Content-Type": "application/json"},
		body: object{"kind": "Inventory", "hosts": []any{object{"id": "h9", "nfviPopId": "LON", "resourceZoneId": "LON-A", "labels": object{"engine": "false"}}}},
	})
	if imported.status != 202 {
		t.Errorf("import of a host with the label: %d %s", imported.status, imported.body)
	}
	a.approve("approver", id).want(200)
	if labels := a.read("hosts/h1").want(200).object()["labels"].(object); labels["engine"] != "false" || labels["row"] != "8" {
		t.Errorf("approved: %v", labels)
	}
}

// TestDeactivationIsNoWayAround: who takes the policy out of force does not change alone what it will find when it is back.
func TestDeactivationIsNoWayAround(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	id := fmt.Sprint(a.do(call{as: "author", path: "/nfvpolicy/v1/policies"}).want(200).list()[0]["id"])
	a.modify(id, object{"activationStatus": "DEACTIVATED"}).want(200)
	a.write("root", "PATCH", "trust_domains/TD-A", object{"sensitivity": 2}).pending()
}

// TestApprovalIsAnothers: the proposer cannot, whatever its roles; broken glass can, is seen, and another confirms it.
func TestApprovalIsAnothers(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	id := a.write("root", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).pending()
	if detail := fmt.Sprint(a.approve("root", id).problem(403)["detail"]); !strings.Contains(detail, "asked for by root") || !strings.Contains(detail, "another client") {
		t.Errorf("detail %s", detail)
	}
	a.breakGlass("root", id, "short").problem(400)
	a.breakGlass("root", id, "INC-1: keys leak").want(200)
	glass := func() object {
		g, _ := a.read("pending_changes/" + id).want(200).object()["breakGlass"].(map[string]any)
		return g
	}
	if g := glass(); g["reason"] != "INC-1: keys leak" || g["confirmedBy"] != nil || fmt.Sprint(g["until"]) <= time.Now().UTC().Format(time.RFC3339) {
		t.Errorf("broken glass: %v", g)
	}
	if got := a.read("trust_domains/TD-A").want(200).object(); got["sensitivity"] != float64(3) {
		t.Errorf("not applied: %v", got)
	}
	a.approve("root", id).problem(403)
	a.approve("approver", id).want(200)
	if g := glass(); g["confirmedBy"] != "approver" {
		t.Errorf("not confirmed: %v", g)
	}
	a.approve("approver", id).problem(409)
}

// TestStaleChange: what moved since the change was asked for is not overwritten.
func TestStaleChange(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	first := a.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).pending()
	second := a.write("root", "PATCH", "trust_domains/TD-A", object{"exclusive": true}).pending()
	a.approve("approver", second).want(200)
	if detail := fmt.Sprint(a.approve("approver", first).problem(409)["detail"]); !strings.Contains(detail, "TRUST_DOMAIN TD-A") {
		t.Errorf("detail %s", detail)
	}
	if p := a.read("pending_changes/" + first).want(200).object(); p["state"] != "STALE" {
		t.Errorf("stale, and yet %v", p)
	}
	if got := a.read("trust_domains/TD-A").want(200).object(); fmt.Sprint(got["sensitivity"], got["exclusive"]) != "1 true" {
		t.Errorf("trust domain %v", got)
	}
	// What verifiers write about a host is no reason; what its operators write is.
	host := a.write("operator", "PATCH", "hosts/h1", object{"hypervisorClass": "TYPE2"}).pending()
	a.do(call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h1/attestations", body: object{
		"state": "TRUSTED", "verifier": "v", "attestedAt": time.Now().UTC().Format(time.RFC3339), "evidenceDigest": "sha256:" + strings.Repeat("b", 64),
	}}).want(201)
	a.approve("approver", host).want(200)
	host = a.write("operator", "PATCH", "hosts/h1", object{"hypervisorClass": "TYPE1"}).pending()
	a.write("operator", "PATCH", "hosts/h1", object{"lifecycle": "CORDONED"}).want(200)
	a.approve("approver", host).problem(409)
	if got := a.read("hosts/h1").want(200).object(); got["lifecycle"] != "CORDONED" || got["hypervisorClass"] != "TYPE2" {
		t.Errorf("host %v", got)
	}
}

// TestRejectedAndExpired: nothing is applied, and nothing can be any more.
func TestRejectedAndExpired(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	reject := func(as, id string) answer {
		return a.do(call{as: as, method: "POST", path: pendingPath + "/" + id + "/reject", body: object{"reason": "no"}})
	}
	id := a.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).pending()
	reject("auditor", id).problem(403)
	if p := reject("operator", id).want(200).object(); p["state"] != "REJECTED" || p["decisionReason"] != "no" { // taken back
		t.Errorf("rejected: %v", p)
	}
	reject("approver", id).problem(409)
	a.approve("approver", id).problem(409)
	a.do(call{as: "approver", method: "POST", path: pendingPath + "/nobody/approve"}).problem(404)
	again := a.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).pending()
	if again == id {
		t.Error("what was rejected waits again")
	}
	states := func(state string) (ids []string) {
		for _, p := range a.read("pending_changes?filter=" + url.QueryEscape("(eq,state,"+state+")")).want(200).list() {
			ids = append(ids, fmt.Sprint(p["id"]))
		}
		return ids
	}
	if diff := cmp.Diff([][]string{{again}, {id}}, [][]string{states("PENDING"), states("REJECTED")}); diff != "" {
		t.Error(diff)
	}

	late := newTwoPersons(t, postgres.Options{ApprovalFor: time.Microsecond})
	late.write("operator", "PATCH", "trust_domains/TD-A", object{"sensitivity": 3}).want(202)
	list := late.read("pending_changes").want(200).list()
	if len(list) != 1 || list[0]["state"] != "EXPIRED" || list[0]["change"] != nil {
		t.Fatalf("list %v", list)
	}
	late.approve("approver", fmt.Sprint(list[0]["id"])).problem(409)
}

// TestImportWaitsAsAWhole: one relevant entry makes all that the document changes wait; without one the document is applied.
func TestImportWaitsAsAWhole(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	document := `
kind: Inventory
trustDomains:
  - {id: TD-A, category: CONTROL_PLANE, sensitivity: %d, exclusive: false, requiresPhysicalSecurity: false}
  - {id: TD-B, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false}
nfviPops:
  - {id: LON, country: GB}
  - {id: MAN, country: GB}
`
	load := func(sensitivity int) answer {
		return a.do(call{
			as: "operator", method: "POST", path: "/inventory/v1/imports", body: fmt.Sprintf(document, sensitivity), header: map[string]string{"Content-Type": "application/yaml"},
		})
	}
	id := load(3).pending()
	a.read("nfvi_pops/MAN").problem(404)
	p := a.read("pending_changes/" + id).want(200).object()
	change := p["change"].(object)
	if domains, pops := change["trustDomains"].([]any), change["nfviPops"].([]any); len(domains) != 1 || len(pops) != 1 {
		t.Errorf("what stays as it is waits as well: %v", change)
	}
	if diff := cmp.Diff([]any{object{"kind": "TRUST_DOMAIN", "id": "TD-A", "revision": float64(1)}, object{"kind": "NFVI_POP", "id": "MAN"}}, p["base"]); diff != "" {
		t.Error(diff)
	}
	a.approve("approver", id).want(200)
	a.read("nfvi_pops/MAN").want(200)
	if got := a.read("trust_domains/TD-A").want(200).object(); got["sensitivity"] != float64(3) {
		t.Errorf("trust domain %v", got)
	}
	load(3).want(200)
}

// TestPendingChangeAnalysis: what the second person sees of what will follow.
func TestPendingChangeAnalysis(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	id := a.write("operator", "PATCH", "host_pools/P1", object{"allowedTrustDomainIds": []string{"TD-B"}}).pending()
	// It holds what was granted just now, also where another replica did.
	got := a.do(call{as: "approver", path: "/placement/v1/pending_changes/" + id + "/analysis"}).want(200).object()
	impact := got["impact"].(object)
	domains := map[string]any{}
	for _, d := range impact["trustDomains"].([]any) {
		domains[fmt.Sprint(d.(object)["trustDomainId"])] = d.(object)["eligible"]
	}
	none, two := object{"before": 1.0, "after": 0.0}, object{"before": 2.0, "after": 2.0}
	if diff := cmp.Diff(map[string]any{"TD-A": none, "TD-B": two}, domains); diff != "" {
		t.Error(diff)
	}
	residencies := impact["residencies"].(object)
	if residencies["checked"] != 1.0 || residencies["new"] != 1.0 || len(residencies["listed"].([]any)) != 1 {
		t.Errorf("residencies %v", residencies)
	}
	a.do(call{as: "vnfm-a", path: "/placement/v1/pending_changes/" + id + "/analysis"}).problem(403)
	a.approve("approver", id).want(200)
	a.do(call{as: "approver", path: "/placement/v1/pending_changes/" + id + "/analysis"}).problem(409)
}
