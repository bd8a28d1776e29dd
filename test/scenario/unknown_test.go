package scenario

import (
	"net/http"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// TestUnknown asks about objects that nobody knows: each time a refusal that names the object, never a failure.
func TestUnknown(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/vnf_profiles/odd", map[string]any{
		"vnfdId": "odd", "nfType": "AMF", "trustDomainId": "TD-CP", "components": []map[string]any{
			{"id": "image", "runtime": "kata", "images": []string{"sha256:" + strings.Repeat("0d", 32)}},
			{"id": "sig", "runtime": "kata"},
			{"id": "up", "runtime": "kata", "trustDomainId": "TD-UP"},
		},
	}, nil)
	pod := instantiate(vnfm, "odd", "odd-1", "sig", "r0")
	pod.AddResources[0].VDUID, pod.AddResources[0].ResourceTemplateID = "", []string{"sig", "nobody"}
	asking := func(params map[string]any) *stub.GrantRequest {
		r := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
		r.AdditionalParams = map[string]any{"ringfence": map[string]any{"components": map[string]any{"sig": params}}}
		return r
	}
	for name, c := range map[string]struct {
		request *stub.GrantRequest
		named   string
	}{
		"VNFD":                         {instantiate(vnfm, "nobody", "vnf", "sig", "r0"), "nobody"},
		"VNFD, nothing to place":       {vnfm.NewRequest("OPERATE", "nobody", "vnf"), "nobody"},
		"component":                    {instantiate(vnfm, "amf", "amf-2", "nobody", "r0"), "nobody"},
		"one of a pod's components":    {pod, "nobody"},
		"artefact":                     {instantiate(vnfm, "odd", "odd-1", "image", "r0"), "sha256:" + strings.Repeat("0d", 32)},
		"runtime class of the request": {asking(map[string]any{"runtime": "nobody"}), "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			p := d.refused(vnfm, c.request)
			if !strings.Contains(p.Detail, c.named) {
				t.Errorf("the refusal does not name %s: %v", c.named, p)
			}
			if ids := rules(p); len(ids) == 0 || ids[0] != "UNKNOWN" {
				t.Errorf("refused for %v", ids)
			}
			made := d.dryRun(c.request)
			reasons := made.Explanation.Reasons
			for _, e := range made.Explanation.Demands {
				reasons = append(reasons, e.Reasons...)
				if len(e.Rejected)+len(e.Feasible) != 0 {
					t.Error("hosts were looked at: UNKNOWN stands alone")
				}
			}
			if made.Outcome != "REFUSE" || len(reasons) != 1 || reasons[0].RuleID != "UNKNOWN" {
				t.Errorf("the dry run says %s for %v", made.Outcome, reasons)
			}
		})
	}
	t.Run("trust domains of a pod", func(t *testing.T) {
		d := d.in(t)
		mixed := instantiate(vnfm, "odd", "odd-1", "sig", "r0")
		mixed.AddResources[0].VDUID, mixed.AddResources[0].ResourceTemplateID = "", []string{"sig", "up"}
		if p := d.refused(vnfm, mixed); !strings.Contains(p.Detail, "TD-CP") || !strings.Contains(p.Detail, "TD-UP") {
			t.Errorf("the refusal does not name both trust domains: %v", p)
		}
	})
	t.Run("trust domain of a profile", func(t *testing.T) {
		d := d.in(t)
		p := d.fail(http.StatusUnprocessableEntity, "OPERATOR", http.MethodPut, "/inventory/v1/vnf_profiles/stray", map[string]any{
			"vnfdId": "stray", "nfType": "AMF", "trustDomainId": "nobody", "components": []map[string]any{{"id": "c"}},
		})
		if !strings.Contains(p.Detail, "nobody") {
			t.Errorf("the answer does not name the trust domain: %v", p)
		}
	})
	t.Run("host of a dry run", func(t *testing.T) {
		d := d.in(t)
		p := d.fail(http.StatusUnprocessableEntity, "OPERATOR", http.MethodPost, "/placement/v1/decisions", map[string]any{
			"grantRequest": instantiate(vnfm, "amf", "amf-2", "sig", "r0"), "hostIds": []string{"h03", "nobody"},
		})
		if !strings.Contains(p.Detail, "nobody") {
			t.Errorf("the answer does not name the host: %v", p)
		}
	})
	t.Run("policy of a dry run", func(t *testing.T) {
		d := d.in(t)
		_ = d.fail(http.StatusNotFound, "OPERATOR", http.MethodPost, "/placement/v1/decisions", map[string]any{
			"grantRequest":    instantiate(vnfm, "amf", "amf-2", "sig", "r0"),
			"candidatePolicy": map[string]any{"policyId": "nobody", "version": "1.0.0"},
		})
	})
	t.Run("hosts of agents", func(t *testing.T) {
		d := d.in(t)
		_ = d.fail(http.StatusNotFound, "AGENT", http.MethodGet, "/directives/v1/hosts/nobody/directives", nil)
		_ = d.fail(http.StatusNotFound, "AGENT", http.MethodPost, "/directives/v1/acks", map[string]any{"hostId": "nobody", "seq": 1, "outcome": "APPLIED"})
		_ = d.fail(http.StatusNotFound, "AGENT", http.MethodPut, "/directives/v1/hosts/nobody/observed_state", map[string]any{
			"observedAt": "2026-11-23T10:00:00Z", "residencies": []any{}, "cacheEntries": []any{},
		})
		_ = d.fail(http.StatusUnprocessableEntity, "AGENT", http.MethodPost, "/directives/v1/acks", map[string]any{"hostId": "h02", "seq": 99, "outcome": "APPLIED"})
	})
}

// TestNoPolicy asks where no policy is in force: nothing is granted.
func TestNoPolicy(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.importInventory(readFleet(t, "grid.yaml"))
	vnfm := d.vnfm(stub.TackerV2)
	if p := d.refused(vnfm, instantiate(vnfm, "nf", "vnf", "c", "r0")); len(p.Violations) != 1 || p.Violations[0].RuleID != "NO-POLICY" {
		t.Errorf("refused for %+v", p.Violations)
	}
	made := d.dryRun(instantiate(vnfm, "nf", "vnf", "c", "r0"))
	if reasons := made.Explanation.Reasons; made.Outcome != "REFUSE" || len(reasons) != 1 || reasons[0].RuleID != "NO-POLICY" {
		t.Errorf("the dry run says %s for %v", made.Outcome, reasons)
	}
}
