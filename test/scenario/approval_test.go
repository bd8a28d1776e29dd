package scenario

import (
	"net/http"
	"testing"

	"ringfence/test/stub"
)

// TestSecondPerson closes a pool to a trust domain: until another client approves that, what is granted stays as it was; from the
// answer to the approval on, every grant has used it.
func TestSecondPerson(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	var waiting struct {
		ID          string
		State       string
		Differences []struct{ Kind, ID, Action string }
	}
	patch := map[string]any{"allowedTrustDomainIds": []string{"TD-UP"}}
	answer, err := d.patiently("OPERATOR", http.MethodPatch, "/inventory/v1/host_pools/pool-dr", patch, &waiting)
	if err != nil || answer.Status != http.StatusAccepted || waiting.State != "PENDING" || len(waiting.Differences) != 1 {
		t.Fatalf("%d %s: %v", answer.Status, answer.Body, err)
	}
	question := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
	before := d.dryRun(question)
	if rule := before.against("h10"); rule != "" {
		t.Errorf("the change waits, and yet %s stands against h10", rule)
	}
	path := "/inventory/v1/pending_changes/" + waiting.ID
	_ = d.fail(http.StatusForbidden, "OPERATOR", http.MethodPost, path+"/approve", nil)
	var analysis struct {
		Impact struct {
			TrustDomains []struct {
				TrustDomainID string
				Eligible      struct{ Before, After int }
			}
		}
	}
	d.do("APPROVER", http.MethodGet, "/placement/v1/pending_changes/"+waiting.ID+"/analysis", nil, &analysis)
	for _, domain := range analysis.Impact.TrustDomains {
		if lost := domain.Eligible.Before - domain.Eligible.After; (lost == 1) != (domain.TrustDomainID == "TD-CP") {
			t.Errorf("%s has %d hosts now and %d then", domain.TrustDomainID, domain.Eligible.Before, domain.Eligible.After)
		}
	}
	d.do("APPROVER", http.MethodPost, path+"/approve", nil, nil)
	after := d.dryRun(question)
	if rule := after.against("h10"); rule != "R-POOL" || after.PolicyEpoch <= before.PolicyEpoch {
		t.Errorf("the change is applied, and against h10 stands %q in epoch %d, was %d", rule, after.PolicyEpoch, before.PolicyEpoch)
	}
	_ = d.fail(http.StatusConflict, "APPROVER", http.MethodPost, path+"/approve", nil)
}
