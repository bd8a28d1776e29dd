package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// zoneOf and siteOf are where a host of the grid is, by its name.
func zoneOf(host string) string { return host[:2] }
func siteOf(host string) string { return host[:1] }
func itself(host string) string { return host }

// spread counts the different places of hosts.
func spread(hosts []string, place func(string) string) int {
	places := map[string]bool{}
	for _, h := range hosts {
		places[place(h)] = true
	}
	return len(places)
}

// together and apart are constraints on resources of the same request, or by the prefix vim: on ones that exist.
func together(scope string, ids ...string) stub.PlacementConstraint {
	return constraint("AFFINITY", scope, ids)
}

func apart(scope string, ids ...string) stub.PlacementConstraint {
	return constraint("ANTI_AFFINITY", scope, ids)
}

func constraint(kind, scope string, ids []string) stub.PlacementConstraint {
	c := stub.PlacementConstraint{AffinityOrAntiAffinity: kind, Scope: scope}
	for _, id := range ids {
		idType := "GRANT"
		if strings.HasPrefix(id, "vim-") {
			idType = "RES_MGMT"
		}
		c.Resource = append(c.Resource, stub.ConstraintResourceRef{IDType: idType, ResourceID: id})
	}
	return c
}

// wish makes a constraint one that never refuses.
func wish(c stub.PlacementConstraint) stub.PlacementConstraint {
	c.FallbackBestEffort = true
	return c
}

// ids are n resource ids.
func ids(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("r%d", i)
	}
	return names
}

// TestAffinity asks for resources under each constraint, on a grid in which every other rule is content. Where the
// constraints cannot be kept, the refusal names them, and with fallbackBestEffort there is a grant that comes as near as it
// can.
func TestAffinity(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	for name, c := range map[string]struct {
		resources   int
		constraints []stub.PlacementConstraint
		hosts       int // how many different ones
		zones       int
		sites       int
	}{
		"apart by host":                    {8, []stub.PlacementConstraint{apart("NFVI_NODE", ids(8)...)}, 8, 4, 2},
		"apart by zone":                    {4, []stub.PlacementConstraint{apart("ZONE", ids(4)...)}, 4, 4, 2},
		"apart by site":                    {2, []stub.PlacementConstraint{apart("NFVI_POP", ids(2)...)}, 2, 2, 2},
		"together by host":                 {4, []stub.PlacementConstraint{together("NFVI_NODE", ids(4)...)}, 1, 1, 1},
		"one site, different zones":        {2, []stub.PlacementConstraint{together("NFVI_POP", ids(2)...), apart("ZONE", ids(2)...)}, 2, 2, 1},
		"one zone, different hosts":        {2, []stub.PlacementConstraint{together("ZONE", ids(2)...), apart("NFVI_NODE", ids(2)...)}, 2, 1, 1},
		"two pairs, each together":         {4, []stub.PlacementConstraint{together("NFVI_NODE", "r0", "r1"), together("NFVI_NODE", "r2", "r3"), apart("NFVI_POP", "r0", "r2")}, 2, 2, 2},
		"wish: more zones than there are":  {6, []stub.PlacementConstraint{wish(apart("ZONE", ids(6)...))}, 0, 4, 2},
		"wish: more hosts than there are":  {10, []stub.PlacementConstraint{wish(apart("NFVI_NODE", ids(10)...))}, 8, 4, 2},
		"wish: more than one host can fit": {6, []stub.PlacementConstraint{wish(together("NFVI_NODE", ids(6)...))}, 2, 0, 0},
		"wish: more than one site is fit":  {20, []stub.PlacementConstraint{wish(together("NFVI_POP", ids(20)...))}, 0, 0, 2},
		"a constraint on one says nothing": {2, []stub.PlacementConstraint{apart("NFVI_NODE", "r0")}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			vnfm := d.vnfm(stub.TackerV2)
			r := instantiate(vnfm, "nf", "affinity-"+name, "c", ids(c.resources)...)
			r.PlacementConstraints = c.constraints
			d.dryRun(r) // decided on a fleet that has seen the releases before: wishes come as near as the replica knows
			hosts := slices.Collect(maps.Values(d.granted(vnfm, r).Hosts()))
			for _, scope := range []struct {
				name  string
				place func(string) string
				want  int
			}{{"hosts", itself, c.hosts}, {"zones", zoneOf, c.zones}, {"sites", siteOf, c.sites}} {
				if got := spread(hosts, scope.place); scope.want != 0 && got != scope.want {
					t.Errorf("%d %s, want %d: %v", got, scope.name, scope.want, hosts)
				}
			}
			d.releaseAll(r.VNFInstanceID)
		})
	}
}

// TestAffinityRefused asks for what the grid cannot give.
func TestAffinityRefused(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	for name, c := range map[string]struct {
		resources   int
		constraints []stub.PlacementConstraint
		members     []string // of the conflict, at least
	}{
		"nine hosts of eight":         {9, []stub.PlacementConstraint{apart("NFVI_NODE", ids(9)...)}, []string{"CONSTRAINT[0]"}},
		"five zones of four":          {5, []stub.PlacementConstraint{apart("ZONE", ids(5)...)}, []string{"CONSTRAINT[0]"}},
		"three sites of two":          {3, []stub.PlacementConstraint{apart("NFVI_POP", ids(3)...)}, []string{"CONSTRAINT[0]"}},
		"more than a host fits":       {5, []stub.PlacementConstraint{together("NFVI_NODE", ids(5)...)}, []string{"CAPACITY", "CONSTRAINT[0]"}},
		"more than a site fits":       {17, []stub.PlacementConstraint{together("NFVI_POP", ids(17)...)}, []string{"CAPACITY", "CONSTRAINT[0]"}},
		"together and apart":          {2, []stub.PlacementConstraint{together("ZONE", ids(2)...), apart("ZONE", ids(2)...)}, []string{"CONSTRAINT[0]", "CONSTRAINT[1]"}},
		"a host, but different zones": {2, []stub.PlacementConstraint{apart("ZONE", ids(2)...), together("NFVI_NODE", ids(2)...)}, []string{"CONSTRAINT[0]", "CONSTRAINT[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			vnfm := d.vnfm(stub.TackerV2)
			r := instantiate(vnfm, "nf", "refused-"+name, "c", ids(c.resources)...)
			r.PlacementConstraints = c.constraints
			p := d.refused(vnfm, r)
			if p.Conflict == nil {
				t.Fatalf("no conflict is named: %v", p)
			}
			for _, m := range c.members {
				if !slices.Contains(p.Conflict.Members, m) {
					t.Errorf("the conflict %v lacks %s: %v", p.Conflict.Members, m, p)
				}
			}
			if held := d.reservations(r.VNFInstanceID); len(held) != 0 {
				t.Errorf("the refusal holds %v", held)
			}
		})
	}
}

// TestAffinityWithExisting asks for resources beside and away from ones that run, which the VNFM names as the VIM does.
func TestAffinityWithExisting(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	nfvi := d.nfvi("n1a", "n1b", "n2a", "n2b", "s1a", "s1b", "s2a", "s2b")
	vnfm := d.vnfm(stub.TackerV2)
	first := d.granted(vnfm, instantiate(vnfm, "nf", "vnf", "c", "r0"))
	home := first.Hosts()["r0"]
	d.settle(nfvi)
	d.report(nfvi, home)
	vim := "vim-" + first.AddResources[0].ReservationID
	for name, c := range map[string]struct {
		constraint stub.PlacementConstraint
		fits       func(host string) bool
	}{
		"beside it":          {together("NFVI_NODE", "vim-r", "r1"), func(h string) bool { return h == home }},
		"on another host":    {apart("NFVI_NODE", "vim-r", "r1"), func(h string) bool { return h != home }},
		"in its zone":        {together("ZONE", "vim-r", "r1"), func(h string) bool { return zoneOf(h) == zoneOf(home) }},
		"in another zone":    {apart("ZONE", "vim-r", "r1"), func(h string) bool { return zoneOf(h) != zoneOf(home) }},
		"at its site":        {together("NFVI_POP", "vim-r", "r1"), func(h string) bool { return siteOf(h) == siteOf(home) }},
		"at another site":    {apart("NFVI_POP", "vim-r", "r1"), func(h string) bool { return siteOf(h) != siteOf(home) }},
		"elsewhere, if ever": {wish(apart("NFVI_NODE", "vim-r", "r1")), func(h string) bool { return h != home }},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			r := vnfm.NewRequest("SCALE", "nf", "vnf")
			r.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "c")}
			c.constraint.Resource[0].ResourceID = vim
			r.PlacementConstraints = []stub.PlacementConstraint{c.constraint}
			g := d.granted(vnfm, r)
			if host := g.Hosts()["r1"]; !c.fits(host) {
				t.Errorf("granted on %s, the first one is on %s", host, home)
			}
			d.release(g.AddResources[0].ReservationID)
		})
	}
	t.Run("one that nobody knows", func(t *testing.T) {
		d := d.in(t)
		r := vnfm.NewRequest("SCALE", "nf", "vnf")
		r.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "c")}
		r.PlacementConstraints = []stub.PlacementConstraint{apart("NFVI_NODE", "vim-nobody", "r1")}
		if p := d.refused(vnfm, r); !strings.Contains(p.Detail, "vim-nobody") {
			t.Errorf("the refusal does not name it: %v", p)
		}
		r = vnfm.NewRequest("SCALE", "nf", "vnf")
		r.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "c")}
		r.PlacementConstraints = []stub.PlacementConstraint{wish(apart("NFVI_NODE", "vim-nobody", "r1"))}
		d.release(d.granted(vnfm, r).AddResources[0].ReservationID)
	})
}

// TestVIMConstraint wants resources behind one VIM.
func TestVIMConstraint(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.TackerV2)
	oneVIM := func(r *stub.GrantRequest, ids ...string) {
		r.VIMConstraints = []stub.VIMConstraint{{Resource: together("", ids...).Resource}}
	}
	r := instantiate(vnfm, "nf", "vnf", "c", ids(16)...)
	oneVIM(r, ids(16)...)
	if hosts := slices.Collect(maps.Values(d.granted(vnfm, r).Hosts())); spread(hosts, siteOf) != 1 || spread(hosts, itself) != 4 {
		t.Errorf("sixteen resources behind one VIM are on %v", hosts)
	}
	d.releaseAll("vnf")
	r = instantiate(vnfm, "nf", "vnf", "c", ids(17)...)
	oneVIM(r, ids(17)...)
	if p := d.refused(vnfm, r); p.Conflict == nil || !slices.Contains(p.Conflict.Members, "VIM[0]") {
		t.Errorf("seventeen are refused for %+v", p.Conflict)
	}
	r = instantiate(vnfm, "nf", "vnf", "c", ids(2)...)
	oneVIM(r, ids(2)...)
	r.PlacementConstraints = []stub.PlacementConstraint{apart("NFVI_POP", ids(2)...)}
	if p := d.refused(vnfm, r); p.Conflict == nil || !slices.Equal(slices.Sorted(slices.Values(p.Conflict.Members)), []string{"CONSTRAINT[0]", "VIM[0]"}) {
		t.Errorf("one VIM and two sites are refused for %+v", p.Conflict)
	}
}
