package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// TestOrderScrub has a host cleaned: of images at any time, of more only when it is out of service and nobody is decided for it.
func TestOrderScrub(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	id := residencyOf(w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}}))
	w.exec(`INSERT INTO cache_order (nfvi_pop_id, host_id, digest, trust_domain_id, mode) SELECT nfvi_pop_id, id, 'sha256:1', 'TD-A', 'ENCRYPTED' FROM host`)
	order := func(level placement.ScrubLevel, devices bool) (int64, error) {
		return w.OrderScrub(t.Context(), "h1", tester, func(h *placement.Host) placement.ScrubDirective {
			return placement.ScrubDirective{Level: level, DeviceReset: devices, Reason: "r", FabricDigests: []string{"of " + h.HostPoolID}}
		})
	}
	refused := func(what, why string, level placement.ScrubLevel, devices bool) {
		t.Helper()
		if seq, err := order(level, devices); placement.KindOf(err) != placement.Conflict || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: directive %d, %v", what, seq, err)
		}
	}
	if _, err := order(placement.ScrubCachePurge, false); err != nil {
		t.Errorf("a host in service, of images: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM cache_order`); n == 0 {
		t.Error("what the workload there may have is forgotten")
	}
	refused("a host in service", "is in service", placement.ScrubReboot, false)
	refused("devices of a host in service", "is in service", placement.ScrubCachePurge, true)
	w.exec(`UPDATE host SET lifecycle = 'CORDONED'`)
	refused("a host with a workload", "1 workloads are decided", placement.ScrubEphemeralWipe, false)
	w.terminate("amf-1", "occ-2", "h1", id)
	refused("a host with a workload that is to go", "1 workloads are decided", placement.ScrubEphemeralWipe, false)
	w.observe("d", w.at(0))
	seq, err := order(placement.ScrubReimage, true)
	if err != nil {
		t.Fatal(err)
	}
	last := must(w.HostDirectives(t.Context(), "h1", seq-1, 10))(t)
	want := &placement.ScrubDirective{Level: placement.ScrubReimage, DeviceReset: true, Reason: "r", FabricDigests: []string{"of " + w.hostRecord("h1").HostPoolID}}
	if len(last) != 1 || last[0].Seq != seq || !cmp.Equal(last[0].Scrub, want) {
		t.Errorf("the feed ends with %+v", last)
	}
	if n := w.count(`SELECT count(*) FROM cache_order`); n != 0 {
		t.Errorf("%d orders of the cache outlive the cleaning", n)
	}
	if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'ORDER_SCRUB' AND actor_id = $1`, tester); n != 2 {
		t.Errorf("%d audit records", n)
	}
	_, err = w.OrderScrub(t.Context(), "h9", tester, func(*placement.Host) placement.ScrubDirective { return placement.ScrubDirective{} })
	if placement.KindOf(err) != placement.NotFound {
		t.Errorf("unknown host: %v", err)
	}
	w.checkBooks()
	checkReplica(t, w)
}

// TestWithdrawnCapability has a host say that it cannot do what the inventory says of it, and say so again after somebody entered it anew.
func TestWithdrawnCapability(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	lacks := func(digest string, capabilities placement.Capabilities) {
		t.Helper()
		state := placement.ObservedState{
			HostID: "h1", ObservedAt: w.at(0), Reporter: "agent-h1", Unavailable: []placement.UnavailableCapability{{Capability: capabilities, Reason: "no fscrypt"}},
			Cache: []placement.ObservedCacheEntry{{Digest: "d", Mode: placement.CacheShared, References: []string{"a:1", "b:1"}, Layers: []placement.Layer{{Digest: "l1", DiffID: "x1"}, {Digest: "l2"}}}},
		}
		if _, err := w.PutObservedState(t.Context(), state, digest, placement.ObservationCondition{}, leavesResidue(), noDrift); err != nil {
			t.Fatal(err)
		}
	}
	enter := func(capabilities placement.Capabilities) {
		t.Helper()
		h := w.hostRecord("h1")
		h.Capabilities = capabilities
		if _, _, err := w.PutHost(t.Context(), h, nil, tester); err != nil {
			t.Fatal(err)
		}
	}
	enter(placement.CapCacheEnc | placement.CapTPM2)
	before := w.hostRecord("h1")
	for _, step := range []struct {
		digest string
		lacks  placement.Capabilities
		want   placement.Capabilities
		enter  placement.Capabilities
		audits int
	}{
		{"d1", placement.CapCacheEnc, placement.CapTPM2, 0, 1},
		{"d1", placement.CapCacheEnc, placement.CapTPM2, 0, 1},
		{"d1", placement.CapCacheEnc, placement.CapTPM2, placement.CapCacheEnc | placement.CapTPM2, 2}, // the report is the one before
		{"d2", placement.CapHSM, placement.CapCacheEnc, placement.CapCacheEnc, 2},                      // which it never had
	} {
		if step.enter != 0 {
			enter(step.enter)
		}
		lacks(step.digest, step.lacks)
		if h := w.hostRecord("h1"); h.Capabilities != step.want || h.Capabilities != before.Capabilities && h.Revision == before.Revision {
			t.Errorf("report %s: the host has %v", step.digest, h.Capabilities.Names())
		}
		if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'WITHDRAW_CAPABILITY' AND actor_id = 'agent-h1' AND detail ->> 'reason' = 'no fscrypt'`); n != step.audits {
			t.Errorf("report %s: %d audit records, want %d", step.digest, n, step.audits)
		}
	}
	if n := w.count(`SELECT count(*) FROM observed_cache WHERE image_references = '{a:1,b:1}' AND layer_digests = '{l1,l2}' AND layer_diff_ids = '{x1,""}'`); n != 1 {
		t.Error("names and layers are not stored")
	}
	checkReplica(t, w)
}
