package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/policies"
)

// A preview says what a version would do to hosts and to what runs, and what became of its rules.
func TestPolicyAnalysis(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	list := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies"}).want(200).list()
	id := fmt.Sprint(list[0]["id"])
	text := separation("2.0.0") + "  - {id: R-ISO, kind: require-isolation, subject: {trustDomains: [TD-A, TD-NONE]}, params: {level: CONFIDENTIAL_VM}, rationale: r}\n"
	a.transfer(id, "2.0.0", strings.Replace(text, "minSeparation: VM", "minSeparation: CONFIDENTIAL_VM", 1), yamlPolicy).want(201)
	path := "/placement/v1/policies/" + id + "/versions/"
	got := a.do(call{as: "author", path: path + "2.0.0/analysis"}).want(200).object()
	if got["comparedTo"] != "1.0.0" || got["policyId"] != id || got["version"] != "2.0.0" {
		t.Errorf("analysis %v", got)
	}
	var findings []string
	for _, f := range got["findings"].([]any) {
		f := f.(object)
		findings = append(findings, fmt.Sprint(f["severity"], " ", f["code"], " ", f["ruleIds"]))
	}
	want := []string{
		"WARNING NO_HOST_NOW [R-ISO]", "WARNING NAME_UNKNOWN [R-ISO]", // at their places
		"WARNING NO_HOST_EVER [R-ISO]", "WARNING NO_HOST_EVER [R-ISO]", "WARNING NO_HOST_EVER [R-ISO]", // the components of TD-A
		"WARNING NO_HOST_NOW [CAPACITY]", "WARNING NO_HOST_NOW <nil>", // what is too big for any host, and TD-A
	}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Error(diff)
	}
	var changes []string
	for _, c := range got["changes"].([]any) {
		c := c.(object)
		changes = append(changes, fmt.Sprint(c["ruleId"], " ", c["direction"], " ", c["aspects"], " ", c["added"]))
	}
	if diff := cmp.Diff([]string{"R-SEPNF STRICTER [waiver] <nil>", "R-ISO STRICTER <nil> true"}, changes); diff != "" {
		t.Error(diff)
	}
	domains := fmt.Sprint(got["impact"].(object)["trustDomains"])
	if !strings.Contains(domains, "map[eligible:map[after:0 before:1] trustDomainId:TD-A]") {
		t.Errorf("trust domains %s", domains)
	}
	a.do(call{as: "author", path: path + "3.0.0/analysis"}).problem(404)
	a.do(call{as: "author", path: path + "2.0.0/analysis?compareTo=3.0.0"}).problem(404)
	a.do(call{as: "vnfm-a", path: path + "2.0.0/analysis"}).problem(403)
}

func TestPolicySchemaIsServed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	got := a.do(call{as: "vnfm-a", path: "/placement/v1/policy_schema"}).want(200)
	var want object
	if err := json.Unmarshal(policies.Schema(), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.object()); diff != "" || got.header.Get("Content-Type") != "application/schema+json" {
		t.Errorf("%s\n%s", got.header.Get("Content-Type"), diff)
	}
}
