package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// alone asks for changes of a policy as the client with all roles, which has also transferred its versions.
func (a *api) alone(id string, changes object, reason string) answer {
	a.t.Helper()
	header := map[string]string{"Content-Type": "application/merge-patch+json"}
	if reason != "" {
		header["Ringfence-Break-Glass"] = reason
	}
	return a.do(call{as: "root", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: changes, header: header})
}

// TestTwoPersonsPutPoliciesInForce: who wrote a version does not activate it, select it while the policy is in force, or change
// whom it is about. Taking it out of force needs nobody else.
func TestTwoPersonsPutPoliciesInForce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := fmt.Sprint(a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: object{"designer": "d", "name": "n"}}).want(201).object()["id"])
	for v, who := range map[string]string{"1": "root", "3": "author"} {
		a.do(call{
			as: who, method: "PUT", path: "/nfvpolicy/v1/policies/" + id + "/versions/" + v, body: strings.Replace(separation(v), "targetType: COMMON", "targetType: VNF", 1),
			header: map[string]string{"Content-Type": yamlPolicy},
		}).want(201)
	}
	a.alone(id, object{"selectedVersion": "3"}, "").want(200)
	a.alone(id, object{"selectedVersion": "1"}, "").want(200) // nothing is in force: nothing to approve
	p := a.alone(id, object{"activationStatus": "ACTIVATED"}, "").problem(403)
	if detail := fmt.Sprint(p["detail"]); !strings.Contains(detail, "was transferred by root") || !strings.Contains(detail, "another client") {
		t.Errorf("detail %s", detail)
	}
	a.alone(id, object{"activationStatus": "ACTIVATED"}, " \t         ").problem(400)
	a.alone(id, object{"activationStatus": "ACTIVATED", "selectedVersion": "3"}, "").want(200) // of another author
	a.alone(id, object{"selectedVersion": "1"}, "").problem(403)
	a.modify(id, object{"selectedVersion": "1"}).want(200)
	a.alone(id, object{"addAssociations": []string{"i1"}}, "").problem(403)
	a.alone(id, object{"activationStatus": "DEACTIVATED"}, "").want(200)
	got := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object()
	if got["selectedVersion"] != "1" || got["activationStatus"] != "DEACTIVATED" || got["breakGlass"] != nil {
		t.Errorf("policy %v", got)
	}
}

// TestBreakGlass: with a reason the author alone puts a version in force; it is told so until somebody else confirms it, puts
// another version in force, or takes the policy out of force.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := fmt.Sprint(a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: object{"designer": "d", "name": "n"}}).want(201).object()["id"])
	for _, v := range []string{"1", "2"} {
		a.do(call{
			as: "root", method: "PUT", path: "/nfvpolicy/v1/policies/" + id + "/versions/" + v, body: separation(v), header: map[string]string{"Content-Type": yamlPolicy},
		}).want(201)
	}
	glass := func() object {
		g, _ := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object()["breakGlass"].(map[string]any)
		return g
	}
	const reason = "INC-1: every grant is refused"
	a.alone(id, object{"activationStatus": "ACTIVATED"}, "too short").problem(400)
	a.modify(id, object{"activationStatus": "ACTIVATED"}).want(200)
	if g := glass(); g != nil {
		t.Errorf("two persons, and yet %v", g)
	}
	a.alone(id, object{"selectedVersion": "2"}, reason).want(200)
	if g := glass(); g["by"] != "root" || g["reason"] != reason || fmt.Sprint(g["until"]) <= fmt.Sprint(g["at"]) {
		t.Errorf("broken glass %v", g)
	}
	a.alone(id, object{"selectedVersion": "2"}, "").want(200) // who broke it confirms nothing
	if glass() == nil {
		t.Error("the person who broke the glass has confirmed it")
	}
	a.modify(id, object{"selectedVersion": "2"}).want(200)
	if g := glass(); g != nil {
		t.Errorf("confirmed, and yet %v", g)
	}
	a.alone(id, object{"selectedVersion": "1"}, reason).want(200)
	a.modify(id, object{"selectedVersion": "2"}).want(200)
	if g := glass(); g != nil {
		t.Errorf("another version by two persons, and yet %v", g)
	}
	a.alone(id, object{"selectedVersion": "1"}, reason).want(200)
	a.alone(id, object{"activationStatus": "DEACTIVATED"}, "").want(200)
	if g := glass(); g != nil {
		t.Errorf("out of force, and yet %v", g)
	}
}

// TestEmergencyIsTimeBoxed: a version that overrides the age of attestations is put in force for no longer than an emergency may last.
func TestEmergencyIsTimeBoxed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := fmt.Sprint(a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: object{"designer": "d", "name": "n"}}).want(201).object()["id"])
	overriding := func(version string, end time.Time) string {
		return separation(version) + "  - {id: R-AGE, kind: attestation-freshness, params: {check: AGE, maxAge: 1h}, rationale: r}\n" +
			"exceptions:\n  - {ruleId: R-AGE, hosts: [h06], expiresAt: '" + end.UTC().Format(time.RFC3339) + "', approvedBy: ann, ticket: INC-7, breakGlass: the verifier is down}\n"
	}
	a.transfer(id, "1", overriding("1", time.Now().Add(30*time.Minute)), yamlPolicy).want(201)
	a.transfer(id, "2", overriding("2", time.Now().Add(2*time.Hour)), yamlPolicy).want(201)
	a.modify(id, object{"activationStatus": "ACTIVATED", "selectedVersion": "1"}).want(200)
	p := a.modify(id, object{"selectedVersion": "2"}).problem(409)
	if detail := fmt.Sprint(p["detail"]); !strings.Contains(detail, "overrides rule R-AGE until") || !strings.Contains(detail, "no longer than 1h0m0s") {
		t.Errorf("detail %s", detail)
	}
	if got := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object(); got["selectedVersion"] != "1" {
		t.Errorf("policy %v", got)
	}
}
