package scenario

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// state is the state of a reservation; empty: there is none.
func (d *deployment) state(id string) string {
	d.t.Helper()
	for _, r := range d.reservations("") {
		if r.ID == id {
			return r.State
		}
	}
	return ""
}

// expectState expects a reservation to be in a state; empty: to have ended.
func (d *deployment) expectState(id, want string) {
	d.t.Helper()
	if got := d.state(id); got != want {
		d.t.Fatalf("the reservation is %q, want %q", got, want)
	}
}

// expectAgainst expects what stands against a container of trust domain B on host x1; empty: nothing does.
func (d *deployment) expectAgainst(want string) {
	d.t.Helper()
	vnfm := d.vnfm(stub.SOL003Containers)
	made := d.dryRun(instantiate(vnfm, "b", "b-1", "container", "r0"), "x1")
	if got := made.against("x1"); got != want {
		d.t.Fatalf("against x1 stands %q, want %q", got, want)
	}
}

// terminate asks for the end of a VNF instance, resource by resource, under the ids of their reservations.
func terminate(v *stub.VNFM, r *stub.GrantRequest, g *stub.Grant) *stub.GrantRequest {
	end := v.NewRequest("TERMINATE", r.VNFDID, r.VNFInstanceID)
	for i, def := range r.AddResources {
		def.Resource = &stub.ResourceHandle{VIMConnectionID: g.AddResources[i].VIMConnectionID, ResourceID: g.AddResources[i].ReservationID}
		end.RemoveResources = append(end.RemoveResources, def)
	}
	return end
}

// onX1 instantiates a component of trust domain A on host x1, the others being out of use, and returns the id of its
// reservation.
func (d *deployment) onX1(v *stub.VNFM, component string) (*stub.GrantRequest, *stub.Grant, string) {
	d.t.Helper()
	for _, host := range []string{"after-a", "after-high", "after-test"} {
		d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/"+host, map[string]any{"lifecycle": "CORDONED"}, nil)
	}
	r := instantiate(v, "a", "a-1", component, "r0")
	g := d.granted(v, r)
	return r, g, g.AddResources[0].ReservationID
}

// TestLifeByDirectives follows a container from its grant to its residue, by the acknowledgements of its host alone.
func TestLifeByDirectives(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	nfvi, vnfm := d.nfvi("x1"), d.vnfm(stub.SOL003Containers)
	r, g, id := d.onX1(vnfm, "container")

	beside := "R-SEPDOM(" + id + ") R-SEPNF(" + id + ")"
	d.expectState(id, "RESERVED")
	d.expectAgainst(beside)
	d.settle(nfvi)
	d.expectState(id, "RUNNING")
	d.expectAgainst(beside)

	state := nfvi.Agent("x1").State()
	if w := state.Workloads[id]; w.VNFInstanceID != "a-1" || w.ComponentID != "container" || w.Runtime != "runc" || w.Namespace != g.AddResources[0].ContainerNamespace {
		t.Errorf("on x1 runs %+v", w)
	}
	if diff := cmp.Diff(map[string]stub.CacheEntry{imageA: {Mode: "ENCRYPTED", TrustDomainID: "TD-A"}}, state.Cache); diff != "" {
		t.Errorf("in the cache of x1 (-want +got):\n%s", diff)
	}

	d.granted(vnfm, terminate(vnfm, r, g))
	d.expectState(id, "TERMINATING")
	d.expectAgainst(beside)
	d.settle(nfvi)
	d.expectState(id, "")
	d.expectAgainst("R-SCRUB")
	if state := nfvi.Agent("x1").State(); len(state.Workloads) != 0 || len(state.Cache) != 0 {
		t.Errorf("after the last workload of its trust domain x1 still has %+v", state)
	}

	d.scrub("x1", "CACHE_PURGE", false)
	d.expectAgainst("R-SCRUB")
	d.scrub("x1", "EPHEMERAL_WIPE", false)
	d.expectAgainst("")

	var kinds []string
	for _, order := range nfvi.Agent("x1").Directives() {
		kinds = append(kinds, order.Kind)
	}
	if diff := cmp.Diff([]string{"CACHE", "PLACE", "RELEASE", "PURGE"}, kinds); diff != "" {
		t.Errorf("the directives (-want +got):\n%s", diff)
	}
}

// imageA is the image of the container of trust domain A.
const imageA = "sha256:a4c81f20d95e3b67c1f84a02be7d5936e81c0fa27b4d963e50f1c8a7d2b69e43"

// imageB is the image of the container of trust domain B.
const imageB = "sha256:b7092ecf5a1d84360e9fb2c7d58a13f46b0e8d92c7a5f1340d6e9b28c3f7a510"

// TestLifeByReports does the same with a host that acknowledges nothing and reports what it sees.
func TestLifeByReports(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	nfvi, vnfm := d.nfvi("x1"), d.vnfm(stub.SOL003Containers)
	nfvi.Agent("x1").Silent = true
	r, g, id := d.onX1(vnfm, "container")
	beside := "R-SEPDOM(" + id + ") R-SEPNF(" + id + ")"

	if o := d.report(nfvi, "x1"); len(o.ConfirmedResidencyIDs)+len(o.EndedResidencyIDs) != 0 {
		t.Errorf("an empty host confirms %v and ends %v", o.ConfirmedResidencyIDs, o.EndedResidencyIDs)
	}
	d.expectState(id, "RESERVED")
	d.settle(nfvi)
	d.expectState(id, "RESERVED")
	if o := d.report(nfvi, "x1"); !slices.Equal(o.ConfirmedResidencyIDs, []string{id}) || !o.Changed {
		t.Errorf("the report confirms %+v", o)
	}
	d.expectState(id, "RUNNING")
	if o := d.report(nfvi, "x1"); o.Changed || len(o.ConfirmedResidencyIDs) != 0 {
		t.Errorf("the same report again changes %+v", o)
	}

	nfvi.Agent("x1").Stop(id)
	if o := d.report(nfvi, "x1"); !slices.Equal(o.MissingResidencyIDs, []string{id}) || len(o.EndedResidencyIDs) != 0 {
		t.Errorf("a workload that crashed is reported as %+v", o)
	}
	d.expectState(id, "RUNNING")
	d.expectAgainst(beside)

	d.granted(vnfm, terminate(vnfm, r, g))
	d.expectState(id, "TERMINATING")
	d.expectAgainst(beside)
	_ = d.fail(http.StatusConflict, "AGENT", http.MethodPut, "/directives/v1/hosts/x1/observed_state", map[string]any{
		"observedAt": time.Now().Add(-time.Hour).UTC(), "residencies": []any{}, "cacheEntries": []any{},
	})
	d.expectState(id, "TERMINATING")
	if o := d.report(nfvi, "x1"); !slices.Equal(o.EndedResidencyIDs, []string{id}) {
		t.Errorf("a workload that is gone is reported as %+v", o)
	}
	d.expectState(id, "")
	d.expectAgainst("R-SCRUB")
}

// TestWhatIsLeft ends workloads of three kinds and expects what each leaves: a container something, a device something that
// no wipe removes, and a VM nothing.
func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	for component, steps := range map[string][]struct {
		level  string
		device bool
		want   string // after it
	}{
		"container": {{"CACHE_PURGE", true, "R-SCRUB"}, {"EPHEMERAL_WIPE", false, ""}},
		"device":    {{"REIMAGE", false, "R-SCRUB"}, {"CACHE_PURGE", true, ""}},
		"microvm":   nil,
	} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
			nfvi, vnfm := d.nfvi("x1"), d.vnfm(stub.SOL003Containers)
			r, g, id := d.onX1(vnfm, component)
			d.settle(nfvi)
			d.granted(vnfm, terminate(vnfm, r, g))
			d.settle(nfvi)
			d.expectState(id, "")
			if len(steps) == 0 {
				d.expectAgainst("")
				return
			}
			d.expectAgainst("R-SCRUB")
			for _, s := range steps {
				d.scrub("x1", s.level, s.device)
				d.expectAgainst(s.want)
			}
			own := d.dryRun(instantiate(vnfm, "a", "a-2", component, "r0"), "x1")
			if why := own.against("x1"); why != "" {
				t.Errorf("against the same trust domain stands %s", why)
			}
		})
	}
}

// TestScrubLevels cleans hosts level by level, until what was left does not count against who comes.
func TestScrubLevels(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	against := func(vnfd, host string) string {
		return d.dryRun(instantiate(vnfm, vnfd, vnfd+"-1", "microvm", "r0"), host).against(host)
	}
	levels := []string{"CACHE_PURGE", "EPHEMERAL_WIPE", "REBOOT", "REIMAGE"}
	for _, c := range []struct{ host, vnfd, enough string }{
		{"after-a", "b", "EPHEMERAL_WIPE"}, {"after-high", "b", "REBOOT"}, {"after-test", "high", "REIMAGE"},
	} {
		for _, level := range levels {
			if why := against(c.vnfd, c.host); why != "R-SCRUB" {
				t.Errorf("before %s, against %s on %s stands %q", level, c.vnfd, c.host, why)
			}
			d.scrub(c.host, level, false)
			if level == c.enough {
				break
			}
		}
		if c.enough == "REIMAGE" {
			if why := against(c.vnfd, c.host); why != "R-SCRUB" {
				t.Errorf("before the attestation, against %s on %s stands %q", c.vnfd, c.host, why)
			}
			d.attest(c.host, "TRUSTED")
		}
		if why := against(c.vnfd, c.host); why != "" {
			t.Errorf("after %s, against %s on %s stands %q", c.enough, c.vnfd, c.host, why)
		}
	}
	if why := against("a", "after-a"); why != "" {
		t.Errorf("against those who left it stands %q", why)
	}
}

// TestHeal replaces one of two replicas: the new one is placed while the old one still counts, which ends once it is gone.
func TestHeal(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	nfvi := d.nfvi("n1a", "n1b", "n2a", "n2b", "s1a", "s1b", "s2a", "s2b")
	vnfm := d.vnfm(stub.TackerV2)
	r := instantiate(vnfm, "nf", "vnf", "c", "r0", "r1")
	r.PlacementConstraints = []stub.PlacementConstraint{apart("NFVI_NODE", "r0", "r1")}
	g := d.granted(vnfm, r)
	d.settle(nfvi)
	if err := nfvi.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	heal := vnfm.NewRequest("HEAL", "nf", "vnf")
	heal.IsAutomaticInvocation = true
	old := terminate(vnfm, r, g).RemoveResources[0]
	old.Resource.ResourceID = "vim-" + old.Resource.ResourceID // as the host has reported it
	heal.RemoveResources = []stub.ResourceDefinition{old}
	heal.AddResources = []stub.ResourceDefinition{vnfm.Resource("r2", "c")}
	heal.PlacementConstraints = []stub.PlacementConstraint{apart("NFVI_NODE", "r2", "vim-"+g.AddResources[1].ReservationID)}
	healed := d.granted(vnfm, heal)
	if healed.Hosts()["r2"] == g.Hosts()["r1"] {
		t.Errorf("the new one is beside the other on %s", g.Hosts()["r1"])
	}
	d.expectState(g.AddResources[0].ReservationID, "TERMINATING")
	d.expectState(g.AddResources[1].ReservationID, "RUNNING")
	d.settle(nfvi)
	d.expectState(g.AddResources[0].ReservationID, "")
	d.expectState(healed.AddResources[0].ReservationID, "RUNNING")
	if held := d.reservations("vnf"); len(held) != 2 {
		t.Errorf("the VNF holds %v", held)
	}
}

// TestScale adds replicas to a VNF that runs: what runs counts towards its share of a zone.
func TestScale(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	first := d.granted(vnfm, instantiate(vnfm, "amf", "amf-2", "sig", "r0")).Hosts()["r0"]
	out := vnfm.NewRequest("SCALE", "amf", "amf-2")
	out.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "sig")}
	if second := d.granted(vnfm, out).Hosts()["r1"]; second == first {
		t.Errorf("both replicas are on %s", first)
	}
	in := vnfm.NewRequest("SCALE", "amf", "amf-2")
	in.RemoveResources = []stub.ResourceDefinition{{ID: "r1", Type: "OSCONTAINER", VDUID: "sig"}}
	d.granted(vnfm, in)
	states := map[string]string{}
	for _, r := range d.reservations("amf-2") {
		states[r.ResourceDefinitionID] = r.State
	}
	if diff := cmp.Diff(map[string]string{"r0": "RESERVED", "r1": "TERMINATING"}, states); diff != "" {
		t.Errorf("after scaling in (-want +got):\n%s", diff)
	}
	nobody := vnfm.NewRequest("TERMINATE", "amf", "amf-3")
	nobody.RemoveResources = []stub.ResourceDefinition{{ID: "r0", Type: "OSCONTAINER", VDUID: "sig", Resource: &stub.ResourceHandle{ResourceID: "r0"}}}
	d.granted(vnfm, nobody)
	if held := d.reservations("amf-2"); len(held) != 2 || held[0].State == held[1].State {
		t.Errorf("a handle of another VNF freed something: %v", held)
	}
	d.granted(vnfm, vnfm.NewRequest("TERMINATE", "amf", "amf-2"))
	for _, r := range d.reservations("amf-2") {
		if r.State != "TERMINATING" {
			t.Errorf("a termination that lists nothing leaves %+v", r)
		}
	}
}
