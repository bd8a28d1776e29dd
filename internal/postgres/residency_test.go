package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

func TestResidencyLife(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	r := smallResidency("amf-3.sig-0", "h02", "kata")
	r.CISNodeID, r.PodID, r.VIMResourceIDs = "h02-vm", "pod-7", []string{"uid-1"}
	r.Workload.NF.InstanceKey, r.Workload.NF.SetID, r.Workload.VNFDID, r.Workload.Exposed = "k", "set", "vnfd-amf", true
	r.Workload.CutThrough, r.Workload.Privileged = placement.CutThroughGPU, placement.PrivilegeHostPID
	r.Workload.AdministersHostPools, r.Workload.ProtectedPeer = []string{"pool-up"}, true
	got, created, err := s.PutResidency(ctx, r, new(int64(0)), placement.EndRules{}, tester)
	if err != nil || !created || time.Since(got.StateSince).Abs() > time.Minute {
		t.Fatalf("created %v since %v: %v", created, got.StateSince, err)
	}
	since := got.StateSince
	r.NFVIPoPID, r.Kind, r.State, r.StateSince, r.Revision = "LON", placement.ResidencyWorkload, placement.StateRunning, since, 1
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("what was put is not what is stored (-want +got):\n%s", diff)
	}
	_, _, err = s.PutResidency(ctx, r, new(int64(9)), placement.EndRules{}, tester)
	wantKind(t, err, placement.PreconditionFailed)
	if got = must2(s.PutResidency(ctx, r, nil, placement.EndRules{}, tester))(t); got.Revision != 1 {
		t.Errorf("the same again has revision %d", got.Revision)
	}
	r.Workload.Resources, r.VIMResourceIDs = placement.Resources{placement.DimGPUs: 1}, nil
	if got = must2(s.PutResidency(ctx, r, new(int64(1)), placement.EndRules{}, tester))(t); got.Revision != 2 || !got.StateSince.Equal(since) || len(got.VIMResourceIDs) != 1 {
		t.Errorf("changed: %+v, want revision 2, the same state since %v and the name that the VIM gave it", got, since)
	}
	r.State = placement.StateTerminating
	if got = must2(s.PutResidency(ctx, r, nil, placement.EndRules{}, tester))(t); !got.StateSince.After(since) {
		t.Errorf("a new state since %v", got.StateSince)
	}
	if list := must(s.ListResidencies(ctx, placement.Page{After: "amf-1.sig-1", Limit: 2}))(t); len(list) != 2 || list[0].ID != "amf-2.sig-0" || list[1].ID != r.ID {
		t.Errorf("a page of residencies: %+v", list)
	}
	wantKind(t, s.DeleteResidency(ctx, r.ID, new(int64(1)), placement.EndRules{}, tester), placement.PreconditionFailed)
	if err := s.DeleteResidency(ctx, r.ID, new(int64(3)), placement.EndRules{}, tester); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.DeleteResidency(ctx, r.ID, nil, placement.EndRules{}, tester), placement.NotFound)
	_, err = s.GetResidency(ctx, r.ID)
	wantKind(t, err, placement.NotFound)
	if acts(t, s, "PUT", r.ID) != 3 || acts(t, s, "DELETE", r.ID) != 1 {
		t.Error("audit records of three puts and one delete are missing")
	}
	wantConsistent(t, s)
}

// TestResidencyMoves puts a residency onto another host, in its own NFVI-PoP and in another one.
func TestResidencyMoves(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	for i, host := range []string{"h02", "h03", "h01"} {
		r := must(s.GetResidency(t.Context(), "amf-1.sig-0"))(t)
		r.HostID = host
		got := must2(s.PutResidency(t.Context(), r, nil, placement.EndRules{}, tester))(t)
		if got.HostID != host || got.Revision != int64(2+i) || (got.NFVIPoPID == "DUB") != (host == "h03") {
			t.Errorf("moved to %s: %+v", host, got)
		}
		wantConsistent(t, s)
	}
}

// TestMovedResidencyLeavesResidue moves one of two residencies, then the other one, to a host of the same NFVI-PoP and of
// another one. The last to leave takes the dedication along.
func TestMovedResidencyLeavesResidue(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"h02", "h03"} {
		for _, how := range []string{"put", "import"} {
			t.Run(how+" "+host, func(t *testing.T) {
				t.Parallel()
				s, ownerURL := newFleet(t)
				if _, err := connect(t, ownerURL).Exec(t.Context(), `UPDATE host SET dedicated_identity = 'TENANT', dedicated_id = 'x' WHERE id = 'h01'`); err != nil {
					t.Fatal(err)
				}
				for i, id := range []string{"amf-1.sig-0", "amf-1.sig-1"} {
					r := must(s.GetResidency(t.Context(), id))(t)
					r.HostID = host
					if how == "put" {
						must2(s.PutResidency(t.Context(), r, nil, leavesResidue(), tester))(t)
					} else {
						// The document changes the host too: what is told of it must have the residue.
						h := must(s.GetHost(t.Context(), "h01"))(t)
						h.RackID += "x"
						doc := placement.Inventory{Hosts: []placement.Host{h}, Residencies: []placement.Residency{r}}
						must(s.Import(t.Context(), &doc, true, leavesResidue(), tester, nil))(t)
					}
					left := must(s.GetHost(t.Context(), "h01"))(t)
					want := []placement.Residue{{TrustDomainID: "TD-CP", NFInstance: "amf-1", BelowVM: true}}
					if diff := cmp.Diff(want, left.Residue, cmpopts.IgnoreFields(placement.Residue{}, "ID", "Since")); diff != "" {
						t.Errorf("residue after the move of %s (-want +got):\n%s", id, diff)
					}
					if (left.DedicatedTo == nil) != (i == 1) {
						t.Errorf("after the move of %s the host is dedicated to %v", id, left.DedicatedTo)
					}
					purges := must(s.HostDirectives(t.Context(), "h01", 0, 9))(t)
					if len(purges) != i || i == 1 && purges[0].Purge == nil {
						t.Errorf("after the move of %s: directives %+v", id, purges)
					}
					wantConsistent(t, s)
				}
			})
		}
	}
}

// TestResidencyMayBreakCapacity records what runs, whether it fits or not.
func TestResidencyMayBreakCapacity(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	r := smallResidency("upf-9.pfe-0", "h02", "runc")
	r.Workload.Resources = placement.Resources{placement.DimCPUMillis: 1 << 40, "ext.fpga": 100, "ext.unknown": 1}
	must2(s.PutResidency(t.Context(), r, nil, placement.EndRules{}, tester))(t)
	if h := must(s.GetHost(t.Context(), "h02"))(t); h.Capacity["ext.unknown"] != 0 || h.Capacity["ext.fpga"] != 2 {
		t.Errorf("what is used became capacity: %v", h.Capacity)
	}
	wantConsistent(t, s)
}

// TestDecidedResidencies are not the inventory's to change.
func TestDecidedResidencies(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	ctx := t.Context()
	_, err := connect(t, ownerURL).Exec(ctx, `UPDATE residency SET grant_id = 'g-1', reserved_at = now() WHERE id = 'amf-1.sig-0'`)
	if err != nil {
		t.Fatal(err)
	}
	want := must(s.GetResidency(ctx, "amf-1.sig-0"))(t)
	_, _, err = s.PutResidency(ctx, smallResidency("amf-1.sig-0", "h01", "runc"), nil, placement.EndRules{}, tester)
	wantKind(t, err, placement.Conflict)
	wantKind(t, s.DeleteResidency(ctx, "amf-1.sig-0", nil, placement.EndRules{}, tester), placement.Conflict)
	doc := placement.Inventory{Residencies: []placement.Residency{smallResidency("amf-1.sig-0", "h01", "runc"), smallResidency("amf-1.sig-1", "h01", "runc")}}
	result := must(s.Import(ctx, &doc, true, placement.EndRules{}, tester, nil))(t)
	if result.Counts["residencies"] != (placement.ImportCount{Unchanged: 2}) {
		t.Errorf("counts %+v, want the decided one to be left alone", result.Counts)
	}
	doc.Residencies[0].HostID = "h02"
	_, err = s.Import(ctx, &doc, true, placement.EndRules{}, tester, nil)
	wantKind(t, err, placement.Conflict)
	if diff := cmp.Diff(want, must(s.GetResidency(ctx, "amf-1.sig-0"))(t)); diff != "" {
		t.Errorf("a decided residency changed (-want +got):\n%s", diff)
	}
}

// TestEndOfResidency leaves behind what the rules say, and orders what they say.
func TestEndOfResidency(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	rules := placement.EndRules{
		Residue: func(r *placement.Residency, h *placement.Host, _ []*placement.Residency, _ []placement.CacheEntry) []placement.Residue {
			return []placement.Residue{{TrustDomainID: r.Workload.TrustDomainID, NFInstance: r.Workload.NF.Instance() + "@" + h.ID, BelowVM: true}}
		},
		Purge: func(_ *placement.Residency, remaining []*placement.Residency) []placement.Directive {
			if len(remaining) > 0 {
				return nil
			}
			return []placement.Directive{{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{All: true}}}
		},
	}
	before := headOf(t, s)
	if err := s.DeleteResidency(ctx, "amf-1.sig-0", nil, rules, tester); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"HOST h01", "RESIDENCY amf-1.sig-0"}, kindsSince(t, s, before)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	h := must(s.GetHost(ctx, "h01"))(t)
	if len(h.Residue) != 1 || h.Residue[0].NFInstance != "amf-1@h01" || h.Residue[0].ID == "" || time.Since(h.Residue[0].Since).Abs() > time.Minute {
		t.Fatalf("residue %+v", h.Residue)
	}
	if orders := must(s.HostDirectives(ctx, "h01", 0, 10))(t); len(orders) != 0 {
		t.Errorf("directives while somebody remains: %+v", orders)
	}
	first := h.Residue[0]
	if err := s.DeleteResidency(ctx, "amf-1.sig-1", nil, rules, tester); err != nil {
		t.Fatal(err)
	}
	h = must(s.GetHost(ctx, "h01"))(t)
	if len(h.Residue) != 1 || h.Residue[0].ID != first.ID || !h.Residue[0].Since.After(first.Since) {
		t.Errorf("residue %+v of the same source is not one, as old as the latest", h.Residue)
	}
	if orders := must(s.HostDirectives(ctx, "h01", 0, 10))(t); len(orders) != 1 || orders[0].Kind != placement.DirectivePurge {
		t.Errorf("directives %+v, want a purge", orders)
	}
	wantConsistent(t, s)
}

// TestLoadedResidencies reads residencies as a replica does at its start, and compares them with the ordinary way.
func TestLoadedResidencies(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	_, err := connect(t, ownerURL).Exec(t.Context(), `
		UPDATE residency SET grant_id = 'g', reserved_at = now(), expires_at = now() + interval '1 h', pod_id = 'p', vim_resource_ids = '{a,b}',
			nf_instance_key = 'k', nf_set_id = 's', cut_through = '{GPU,SRIOV}', privileged = '{HOST_PID}', administers_host_pool_ids = '{pool-up}',
			exposed = true, conflicting_components = true, resource_definition_id = 'rd', cis_node_id = 'h01-vm', vnfd_id = 'vnfd-amf'
		WHERE id = 'amf-1.sig-0'`)
	if err != nil {
		t.Fatal(err)
	}
	want := must(s.ListResidencies(t.Context(), placement.Page{Limit: 10}))(t)
	got := map[string]placement.Residency{}
	if err := eachResidency(t.Context(), s.pool, func(r *placement.Residency) error { got[r.ID] = *r; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, r := range want {
		if diff := cmp.Diff(r, got[r.ID]); diff != "" {
			t.Errorf("residency %s (-read +loaded):\n%s", r.ID, diff)
		}
	}
	if len(want) != 3 || len(got) != 3 {
		t.Errorf("%d read, %d loaded, want 3", len(want), len(got))
	}
}
