package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringfence/internal/inventory"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
)

// check has the server hold what runs against the rules, as it does by itself all the time.
func (a *api) check() {
	a.t.Helper()
	if err := a.replica.CatchUp(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	if err := a.compliance.Check(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *api) violations(filter string) []object {
	a.t.Helper()
	return a.do(call{as: "auditor", path: "/placement/v1/violations" + filter}).want(200).list()
}

// TestActivationRecordsViolations: a stricter version violates what was granted before; it stays where it is, and the violation
// ends with the way back.
func TestActivationRecordsViolations(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-b", "plain")).want(201)
	a.check()
	if v := a.violations(""); len(v) != 0 {
		t.Fatalf("before: %v", v)
	}
	p := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies"}).want(200).list()[0]
	id := fmt.Sprint(p["id"])
	stricter := separation("2.0.0") + "  - {id: R-ISO, kind: require-isolation, params: {level: VM}, onViolation: EVICT, rationale: virtual machines only}\n"
	a.transfer(id, "2.0.0", stricter, yamlPolicy).want(201)
	a.check()
	if v := a.violations(""); len(v) != 0 {
		t.Errorf("a version that is not in force is violated: %v", v)
	}
	a.modify(id, object{"selectedVersion": "2.0.0"}).want(200)
	a.check()
	open := a.violations("?filter=(eq,state,OPEN);(eq,vnfInstanceId,i1)")
	if len(open) != 1 {
		t.Fatalf("violations %v", open)
	}
	v := open[0]
	reason := v["reason"].(object)
	if v["state"] != "OPEN" || v["trustDomainId"] != "TD-B" || v["onViolation"] != "EVICT" || v["until"] != nil || reason["ruleId"] != "R-ISO" ||
		!strings.Contains(fmt.Sprint(reason["message"]), "isolated at OS_CONTAINER, but VM is needed") {
		t.Errorf("violation %v", v)
	}
	a.check() // again: the same one
	if again := a.violations(""); len(again) != 1 || again[0]["id"] != v["id"] {
		t.Errorf("checked again: %v", again)
	}
	if r := a.do(call{as: "auditor", path: "/placement/v1/residencies?filter=(eq,vnfInstanceId,i1)"}).want(200).list(); len(r) != 1 {
		t.Errorf("residencies %v", r)
	}
	for _, none := range []string{"(eq,state,ENDED)", "(eq,hostId,other)", "(eq,ruleId,R-POOL)"} {
		if v := a.violations("?filter=" + none); len(v) != 0 {
			t.Errorf("%s: %v", none, v)
		}
	}
	a.do(call{as: "auditor", path: "/placement/v1/violations?filter=(eq,since,x)"}).problem(400)
	a.do(call{as: "vnfm-a", path: "/placement/v1/violations"}).problem(403)
	a.modify(id, object{"selectedVersion": "1.0.0"}).want(200)
	a.check()
	one := a.do(call{as: "auditor", path: "/placement/v1/violations/" + fmt.Sprint(v["id"])}).want(200).object()
	if one["state"] != "ENDED" || one["until"] == nil {
		t.Errorf("after the way back: %v", one)
	}
	a.do(call{as: "auditor", path: "/placement/v1/violations/none"}).problem(404)
}

// TestChangeOfOneHostIsChecked: a host that changes is held against the rules without a look at the others.
func TestChangeOfOneHostIsChecked(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	a.check()
	host := fmt.Sprint(a.do(call{as: "auditor", path: "/placement/v1/residencies"}).want(200).list()[0]["hostId"])
	a.do(call{
		as: "operator", method: "PATCH", path: "/inventory/v1/hosts/" + host, body: object{"hostPoolId": "P2"},
		header: map[string]string{"Content-Type": "application/merge-patch+json"},
	}).want(200)
	a.check()
	if v := a.violations("?filter=(eq,ruleId,R-POOL);(eq,hostId," + host + ")"); len(v) != 1 {
		t.Errorf("violations %v of what was granted with %s", v, granted.body)
	}
}

// TestUnconfirmedBreakGlassIsViolation: what one person alone put in force, and nobody confirmed in time, is listed.
func TestUnconfirmedBreakGlassIsViolation(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := a.policy("1.0.0", separation("1.0.0"))
	at := time.Now().UTC().Truncate(time.Second).Add(-2 * time.Hour)
	_, err := a.store.UpdatePolicy(t.Context(), id, nil, "ann", func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.Activated, p.BreakGlass = true, &placement.BreakGlass{By: "ann", Reason: "INC-1", At: at, Until: at.Add(time.Hour)}
		return p, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.check()
	v := a.violations("")
	if len(v) != 1 || !strings.Contains(fmt.Sprint(v), "ann put version 1.0.0 in force alone, and nobody else confirmed it by") {
		t.Errorf("violations %v", v)
	}
}

// TestUnconfirmedChangeIsViolation: so is what one person alone changed of security-relevant inventory.
func TestUnconfirmedChangeIsViolation(t *testing.T) {
	t.Parallel()
	a := newServerOn(t, postgres.Options{}, inventory.Options{BreakGlassFor: time.Microsecond}, policies.Settings{}).withFleet()
	id := a.write("root", "PATCH", "trust_domains/TD-A", object{"sensitivity": 2}).pending()
	a.breakGlass("root", id, "INC-1: keys leak").want(200)
	a.check()
	v := a.violations("")
	if len(v) != 1 || !strings.Contains(fmt.Sprint(v), "root applied the change "+id+" of the inventory alone, and nobody else confirmed it by") {
		t.Errorf("violations %v", v)
	}
}
