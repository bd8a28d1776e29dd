package scenario

import (
	"net/http"
	"testing"
	"time"

	"ringfence/test/stub"
)

// sawNothing reports x1 as empty, seen at some time.
func (d *deployment) sawNothing(at time.Time) stub.Observation {
	d.t.Helper()
	var o stub.Observation
	d.do("AGENT", http.MethodPut, "/directives/v1/hosts/x1/observed_state", map[string]any{
		"observedAt": at.UTC(), "residencies": []any{}, "cacheEntries": []any{},
	}, &o)
	return o
}

// unconfirmed waits until the reservation has expired, and returns when that was to happen.
func (d *deployment) unconfirmed(id string) time.Time {
	d.t.Helper()
	var expiry time.Time
	eventually(d.t, 20*time.Second, "the reservation is UNCONFIRMED", func() bool {
		for _, r := range d.reservations("") {
			if r.ID == id && r.State == "UNCONFIRMED" {
				at, err := time.Parse(time.RFC3339Nano, r.ExpiresAt)
				if err != nil {
					d.t.Fatal(err)
				}
				expiry = at
				return true
			}
		}
		return false
	})
	return expiry
}

// TestExpiry lets reservations expire that nobody confirmed: the workload may run, so it separates and counts as before,
// until somebody knows better.
func TestExpiry(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *deployment, nfvi *stub.NFVI, id string){
		"seen to be absent": func(d *deployment, _ *stub.NFVI, id string) {
			expiry := d.unconfirmed(id)
			d.expectAgainst("R-SEPDOM(" + id + ") R-SEPNF(" + id + ")")
			if o := d.sawNothing(expiry.Add(-time.Millisecond)); len(o.EndedResidencyIDs) != 0 {
				d.t.Errorf("what was seen before the expiry ends %v", o.EndedResidencyIDs)
			}
			d.expectState(id, "UNCONFIRMED")
			if o := d.sawNothing(time.Now()); len(o.EndedResidencyIDs) != 1 {
				d.t.Errorf("what was seen after the expiry ends %v", o.EndedResidencyIDs)
			}
			d.expectState(id, "")
			d.expectAgainst("R-SCRUB") // it may have run in between
		},
		"seen to run after all": func(d *deployment, nfvi *stub.NFVI, id string) {
			d.unconfirmed(id)
			d.settle(nfvi)
			d.expectState(id, "RUNNING")
			d.expectAgainst("R-SEPDOM(" + id + ") R-SEPNF(" + id + ")")
		},
		"released by an operator": func(d *deployment, nfvi *stub.NFVI, id string) {
			d.unconfirmed(id)
			d.release(id)
			d.expectState(id, "")
			d.expectAgainst("R-SCRUB")
			d.settle(nfvi)
			if left := nfvi.Agent("x1").State().Workloads; len(left) != 0 {
				d.t.Errorf("the host was not told: it runs %v", left)
			}
			_ = d.fail(http.StatusNotFound, "OPERATOR", http.MethodPost, "/placement/v1/reservations/"+id+"/release", map[string]any{"reason": "again"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startFleet(t, "mixed.yaml", "mixed.policy.yaml", "--reservation-ttl", "1s")
			_, _, id := d.onX1(d.vnfm(stub.SOL003Containers), "container")
			d.expectState(id, "RESERVED")
			end(d, d.nfvi("x1"), id)
		})
	}
}

// TestRelease lets an operator release what is reserved and what terminates, but not what runs.
func TestRelease(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	nfvi, vnfm := d.nfvi("x1"), d.vnfm(stub.SOL003Containers)
	r, g, id := d.onX1(vnfm, "container")
	release := "/placement/v1/reservations/" + id + "/release"
	_ = d.fail(http.StatusForbidden, "VNFM", http.MethodPost, release, map[string]any{"reason": "I want to"})
	_ = d.fail(http.StatusUnprocessableEntity, "OPERATOR", http.MethodPost, release, map[string]any{})
	d.settle(nfvi)
	_ = d.fail(http.StatusConflict, "OPERATOR", http.MethodPost, release, map[string]any{"reason": "it runs"})
	d.granted(vnfm, terminate(vnfm, r, g))
	d.release(id)
	d.expectState(id, "")
	d.expectAgainst("R-SCRUB")

	d.scrub("x1", "REIMAGE", true)
	_, _, id = d.onX1(vnfm, "container")
	d.release(id)
	d.expectAgainst("") // it never ran
}
