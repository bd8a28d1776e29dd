package scenario

import (
	"net/http"
	"slices"
	"testing"

	"ringfence/test/stub"
)

// TestObserveThenEnforce is how an operator starts with a VNFM: observed, what is refused is let pass and reported; enforced, it is refused.
func TestObserveThenEnforce(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	first := instantiate(vnfm, "nf", "v1", "c", "r0")
	d.granted(vnfm, first)
	unknown := func(instance string) *stub.GrantRequest {
		return instantiate(vnfm, "vnfd-of-nobody", instance, "c", "r1")
	}

	var decision struct{ ClientID string }
	d.do("AUDITOR", http.MethodGet, "/placement/v1/decisions/"+d.refused(vnfm, unknown("v3")).DecisionID, nil, &decision)
	mode := "/placement/v1/enforcement_modes/CLIENT:" + decision.ClientID
	_ = d.fail(http.StatusForbidden, "OPERATOR", http.MethodPut, mode, map[string]string{"mode": "OBSERVE", "reason": "r"})
	d.do("APPROVER", http.MethodPut, mode, map[string]string{"mode": "OBSERVE", "reason": "change 7120"}, nil)

	observed := unknown("v4")
	var empty struct {
		Zones            []any
		AdditionalParams struct {
			Ringfence struct{ Enforcement, Message string }
		}
	}
	if got := d.do("VNFM", http.MethodPost, "/grant/v1/grants", observed, &empty); got.Status != http.StatusCreated || empty.Zones != nil || empty.AdditionalParams.Ringfence.Enforcement != "OBSERVE" {
		t.Errorf("what was let pass is answered %d %+v", got.Status, empty)
	}
	if hosts := d.granted(vnfm, instantiate(vnfm, "nf", "v5", "c", "r2")).Hosts(); len(hosts) != 1 {
		t.Errorf("what can be granted is placed on %v", hosts)
	}
	type report struct {
		Refusals []struct {
			RuleID string
			Count  int
		}
		OnEnforce struct{ Refusals int }
	}
	var r report
	d.do("AUDITOR", http.MethodGet, mode+"/report", nil, &r)
	if len(r.Refusals) != 1 || r.Refusals[0].RuleID != "UNKNOWN" || r.Refusals[0].Count != 1 || r.OnEnforce.Refusals != 1 {
		t.Errorf("report %+v", r)
	}

	d.do("OPERATOR", http.MethodPut, mode, map[string]string{"mode": "ENFORCE", "reason": "the report is read"}, nil)
	for _, request := range []*stub.GrantRequest{observed, unknown("v6")} {
		if p := d.refused(vnfm, request); !slices.Contains(rules(p), "UNKNOWN") {
			t.Errorf("refused by %v", rules(p))
		}
	}
	d.granted(vnfm, first)
}

// TestObserveVIMConnection: an agent that follows hears of the switch within seconds, in its own sequence, and grants say who is held to them.
func TestObserveVIMConnection(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	host := d.granted(vnfm, instantiate(vnfm, "nf", "v1", "c", "r0")).Hosts()["r0"]
	var inventory struct{ VIMConnectionID string }
	d.do("OPERATOR", http.MethodGet, "/inventory/v1/hosts/"+host, nil, &inventory)
	if inventory.VIMConnectionID == "" {
		d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/"+host, map[string]string{"vimConnectionId": "vim-x"}, nil)
		inventory.VIMConnectionID = "vim-x"
	}
	type told struct {
		Seq               int
		Kind, Enforcement string
	}
	newest := func() (last told) {
		for _, last = range list[told](d, "OPERATOR", "/directives/v1/hosts/"+host+"/directives?after=0") {
		}
		return last
	}
	mode := "/placement/v1/enforcement_modes/VIM_CONNECTION:" + inventory.VIMConnectionID
	d.do("APPROVER", http.MethodPut, mode, map[string]string{"mode": "OBSERVE", "reason": "r"}, nil)
	if last := newest(); last.Kind != "ENFORCEMENT" || last.Enforcement != "ADVISORY" {
		t.Errorf("the host was told %+v", last)
	}
	d.do("OPERATOR", http.MethodPut, mode, map[string]string{"mode": "ENFORCE", "reason": "r"}, nil)
	if last := newest(); last.Kind != "ENFORCEMENT" || last.Enforcement != "" {
		t.Errorf("the host was told %+v", last)
	}
}
