package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func TestHostLife(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	epoch := must(s.Epoch(ctx))(t)
	h := smallHost("h04", "DUB", "DUB-A", "")
	before := headOf(t, s)
	got, created, err := s.PutHost(ctx, h, new(int64(0)), tester)
	if err != nil || !created {
		t.Fatalf("created %v: %v", created, err)
	}
	h.Runtimes, h.Revision, h.Attestation.State = []string{"kata", "runc"}, 1, placement.AttestationUnknown
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("what was put is not what is stored (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"HOST h04"}, kindsSince(t, s, before)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if _, created, err = s.PutHost(ctx, got, nil, tester); err != nil || created || must(s.GetHost(ctx, "h04"))(t).Revision != 1 {
		t.Errorf("the same again: created %v: %v", created, err)
	}
	_, _, err = s.PutHost(ctx, h, new(int64(7)), tester)
	wantKind(t, err, placement.PreconditionFailed)

	delete(h.Capacity, "ext.fpga")
	h.Capacity["ext.nic"], h.Lifecycle, h.LifecycleReason = 4, placement.LifecycleCordoned, "firmware"
	got = must2(s.PutHost(ctx, h, new(int64(1)), tester))(t)
	h.Revision = 2
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("what was changed is not what is stored (-want +got):\n%s", diff)
	}
	if list := must(s.ListHosts(ctx, placement.Page{After: "h01", Limit: 2}))(t); len(list) != 2 || list[0].ID != "h02" || list[1].ID != "h03" {
		t.Errorf("a page of hosts after h01: %+v", list)
	}
	moved := h
	moved.NFVIPoPID, moved.ResourceZoneID = "LON", "LON-A"
	_, _, err = s.PutHost(ctx, moved, nil, tester)
	wantKind(t, err, placement.Conflict)

	wantKind(t, s.DeleteHost(ctx, "h04", new(int64(1)), tester), placement.PreconditionFailed)
	if err := s.DeleteHost(ctx, "h04", new(int64(2)), tester); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetHost(ctx, "h04")
	wantKind(t, err, placement.NotFound)
	wantKind(t, s.DeleteHost(ctx, "h04", nil, tester), placement.NotFound)
	if got := must(s.Epoch(ctx))(t); got != epoch {
		t.Errorf("the epoch went from %d to %d", epoch, got)
	}
	if acts(t, s, "PUT", "h04") != 2 || acts(t, s, "DELETE", "h04") != 1 {
		t.Error("audit records of two puts and one delete are missing")
	}
	wantConsistent(t, s)
}

// must2 is must for a function that also tells whether it created something.
func must2[T any](v T, _ bool, err error) func(testing.TB) T { return must(v, err) }

func TestHostDefaults(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	got := must2(s.PutHost(t.Context(), placement.Host{ID: "bare", NFVIPoPID: "LON"}, nil, tester))(t)
	want := placement.Host{
		ID: "bare", NFVIPoPID: "LON", HypervisorClass: placement.HypervisorNone, Lifecycle: placement.LifecycleRegistered,
		Attestation: placement.Attestation{State: placement.AttestationUnknown}, Revision: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a host of which nothing is said (-want +got):\n%s", diff)
	}
}

// TestHostKeepsWhatOthersWrote puts a host again that was attested, scrubbed, dedicated and left dirty.
func TestHostKeepsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	ctx := t.Context()
	must(s.RecordAttestation(ctx, "h02", placement.AttestationRecord{
		Attestation: placement.Attestation{State: placement.AttestationTrusted, Verifier: "v"}, Capabilities: placement.CapTPM2,
	}, tester))(t)
	must(s.RecordScrub(ctx, "h02", placement.ScrubRecord{Level: placement.ScrubReboot, Evidence: "e"}, tester))(t)
	_, err := connect(t, ownerURL).Exec(ctx, `
		INSERT INTO residue VALUES ('LON', 'h02', 'r', 'TD-UP', 'upf-1', now(), true, false);
		UPDATE host SET dedicated_identity = 'NF_INSTANCE', dedicated_id = 'upf-1' WHERE id = 'h02'`)
	if err != nil {
		t.Fatal(err)
	}
	want := must(s.GetHost(ctx, "h02"))(t)
	if len(want.Residue) != 1 || len(want.Scrubs) != 1 || want.DedicatedTo == nil || want.Attestation.AttestedAt.IsZero() || want.AttestedCapabilities == 0 {
		t.Fatalf("the host is not as it was prepared: %+v", want)
	}
	put := smallHost("h02", "LON", "LON-A", "pool-up")
	put.RackID = "r2"
	put.Attestation = placement.Attestation{State: placement.AttestationUntrusted, AttestedAt: time.Now()}
	put.Residue, put.DedicatedTo = []placement.Residue{{TrustDomainID: "TD-CP"}}, &placement.Dedication{Identity: placement.DedicatedToTenant, ID: "x"}
	got := must2(s.PutHost(ctx, put, nil, tester))(t)
	want.RackID, want.Revision = "r2", want.Revision+1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an inventory writer changed more than the inventory (-want +got):\n%s", diff)
	}
	put.Capabilities = placement.CapEncStorage
	if got = must2(s.PutHost(ctx, put, nil, tester))(t); got.AttestedCapabilities != 0 {
		t.Errorf("a capability that the host no longer has is still attested: %v", got.AttestedCapabilities.Names())
	}
	// What may be left on a server stays known when its record goes and comes back.
	if err := s.DeleteHost(ctx, "h02", nil, tester); err != nil {
		t.Fatal(err)
	}
	if got = must2(s.PutHost(ctx, put, nil, tester))(t); len(got.Residue) != 1 || got.DedicatedTo != nil || got.Attestation.State != placement.AttestationUnknown {
		t.Errorf("registered anew: %+v, want its residue and nothing else", got)
	}
}

// TestHypervisorDecides changes what a VM on a host is worth: that is a matter of the epoch.
func TestHypervisorDecides(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	for _, c := range []struct {
		name   string
		change func(*placement.Host)
		bumps  int64
	}{
		{"rack", func(h *placement.Host) { h.RackID = "r9" }, 0},
		{"hypervisor", func(h *placement.Host) { h.HypervisorClass = placement.HypervisorType2 }, 1},
		{"hypervisor of a node", func(h *placement.Host) { h.CISNodes[0].HypervisorClass = placement.HypervisorType1 }, 1},
		{"form of a node", func(h *placement.Host) { h.CISNodes[0].Form = placement.CISNodeBareMetal }, 1},
		{"a node more", func(h *placement.Host) {
			h.CISNodes = append(h.CISNodes, placement.CISNode{ID: "h01-z", Form: placement.CISNodeVM})
		}, 0},
	} {
		h, epoch := must(s.GetHost(t.Context(), "h01"))(t), must(s.Epoch(t.Context()))(t)
		c.change(&h)
		must2(s.PutHost(t.Context(), h, nil, tester))(t)
		if got := must(s.Epoch(t.Context()))(t); got != epoch+c.bumps {
			t.Errorf("%s: the epoch went from %d to %d", c.name, epoch, got)
		}
		doc := placement.Inventory{Hosts: []placement.Host{smallHost("h01", "LON", "LON-A", "pool-core")}}
		result := must(s.Import(t.Context(), &doc, false, placement.EndRules{}, tester, nil))(t)
		if result.PolicyEpoch != epoch+2*c.bumps {
			t.Errorf("%s: an import that takes it back went from epoch %d to %d", c.name, epoch+c.bumps, result.PolicyEpoch)
		}
	}
	wantConsistent(t, s)
}

// TestNodesStayWithTheirResidents changes the CIS nodes of a host, one of which has a resident, by a put and by an import.
func TestNodesStayWithTheirResidents(t *testing.T) {
	t.Parallel()
	vm := func(id, parent string) placement.CISNode {
		return placement.CISNode{ID: id, ParentID: parent, Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorNone, Runtimes: []string{"runc"}}
	}
	named := func(id, name string) placement.CISNode {
		n := vm(id, "")
		n.ClusterID, n.NodeName = "k8s", name
		return n
	}
	occupied, both := []string{`"inner"`, `"amf-1.sig-1"`}, []string{`"inner"`, `"h01"`}
	free := []placement.CISNode{named("free", "worker-1"), vm("inner", "outer"), vm("outer", "")} // of h01; the resident is in inner
	for name, c := range map[string]struct {
		h01, h03  []placement.CISNode // nil: as they are
		want      []string            // of the sentence; nil: allowed
		ambiguous bool                // in one document
	}{
		"removed":                         {h01: []placement.CISNode{vm("outer", ""), vm("free", "")}, want: occupied},
		"renamed":                         {h01: []placement.CISNode{vm("outer", ""), vm("inner2", "outer"), vm("free", "")}, want: occupied},
		"moved out of its VM":             {h01: []placement.CISNode{vm("outer", ""), vm("inner", ""), vm("free", "")}, want: occupied},
		"its VM moved":                    {h01: []placement.CISNode{vm("free", ""), vm("inner", "outer"), vm("outer", "free")}, want: occupied},
		"on another host too":             {h03: []placement.CISNode{vm("inner", "")}, want: both},
		"on another host too, by its id":  {h03: []placement.CISNode{named("inner", "worker-2")}, want: both},
		"by its names":                    {h03: []placement.CISNode{named("other", "worker-1")}, want: []string{`"h01"`}, ambiguous: true},
		"an empty node removed":           {h01: free[1:]},
		"an empty node moved":             {h01: []placement.CISNode{vm("outer", ""), vm("inner", "outer"), vm("free", "inner")}},
		"an empty node's id used again":   {h03: []placement.CISNode{vm("free", "")}},
		"an empty node moved to the next": {h01: free[1:], h03: []placement.CISNode{named("free", "worker-1")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStoreAndOwner(t)
			doc := smallInventory()
			doc.Hosts[0].CISNodes, doc.Residencies[1].CISNodeID = slices.Clone(free), "inner"
			must(s.Import(t.Context(), &doc, false, placement.EndRules{}, tester, nil))(t)
			hosts := []placement.Host{must(s.GetHost(t.Context(), "h01"))(t), must(s.GetHost(t.Context(), "h03"))(t)}
			if c.h01 != nil {
				hosts[0].CISNodes = c.h01
			}
			if c.h03 != nil {
				hosts[1].CISNodes = c.h03
			}
			_, imported := s.Import(t.Context(), &placement.Inventory{Hosts: slices.Clone(hosts)}, false, placement.EndRules{}, tester, nil)
			var put error
			for i := range hosts {
				if put == nil {
					_, _, put = s.PutHost(t.Context(), hosts[i], nil, tester)
				}
			}
			for how, err := range map[string]error{"put": put, "import": imported} {
				if c.want == nil {
					if err != nil {
						t.Errorf("%s: %v", how, err)
					}
					continue
				}
				kind, said := placement.Conflict, fmt.Sprint(err, findingsOf(err))
				if how == "import" && c.ambiguous {
					kind = placement.Invalid
				}
				wantKind(t, err, kind)
				for _, part := range c.want {
					if !strings.Contains(said, part) {
						t.Errorf("%s: %s does not name %s", how, said, part)
					}
				}
			}
			wantConsistent(t, s)
		})
	}
}

func TestDeleteHostInUse(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	err := s.DeleteHost(ctx, "h01", nil, tester)
	wantKind(t, err, placement.Conflict)
	if !strings.Contains(err.Error(), "residency amf-1.sig-0, residency amf-1.sig-1") {
		t.Errorf("%q does not name the residents", err)
	}
	for _, id := range []string{"amf-1.sig-0", "amf-1.sig-1"} {
		if err := s.DeleteResidency(ctx, id, nil, placement.EndRules{}, tester); err != nil {
			t.Fatal(err)
		}
	}
	before := headOf(t, s)
	if err := s.DeleteHost(ctx, "h01", nil, tester); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"CACHE_ENTRY h01/sha256:amf", "HOST h01"}, kindsSince(t, s, before)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	wantConsistent(t, s)
}
