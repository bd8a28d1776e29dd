package scenario

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringfence/test/stub"
)

type standing struct {
	ID, Kind, Scope string
	VNFInstanceIDs  []string
}

// stateConstraint states a standing constraint and returns its id.
func (d *deployment) stateConstraint(request map[string]any) string {
	d.t.Helper()
	request["reason"] = "change 7301"
	var made standing
	answer := d.do("OPERATOR", http.MethodPost, constraintsPath, request, &made)
	if answer.Status != http.StatusCreated || answer.Header.Get("Location") != d.URL+constraintsPath+"/"+made.ID {
		d.t.Fatalf("a constraint is answered %d, Location %q", answer.Status, answer.Header.Get("Location"))
	}
	return made.ID
}

const constraintsPath = "/placement/v1/constraints"

func (d *deployment) lift(id string) {
	d.t.Helper()
	d.do("OPERATOR", http.MethodDelete, constraintsPath+"/"+id, nil, nil)
}

// refusedBy tells whether a refusal names a standing constraint, and says what to do.
func refusedBy(p *stub.Problem, id string) bool {
	return slices.ContainsFunc(p.Violations, func(v stub.Violation) bool {
		return v.RuleID == "STANDING["+id+"]" && strings.Contains(v.Message, "lift the constraint")
	})
}

// TestStandingConstraintsOfAnNS: two VNF instances of an NS are apart, and each may have its own together. Lifted, they need not be.
func TestStandingConstraintsOfAnNS(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	id := d.stateConstraint(map[string]any{"vnfInstanceIds": []string{"v2", "v1"}, "nsInstanceId": "ns-1", "kind": "ANTI_AFFINITY", "scope": "NFVI_POP"})
	var kept standing
	d.do("AUDITOR", http.MethodGet, constraintsPath+"/"+id, nil, &kept)
	if !slices.Equal(kept.VNFInstanceIDs, []string{"v1", "v2"}) {
		t.Errorf("the constraint is about %v", kept.VNFInstanceIDs)
	}

	fixed := d.stateConstraint(map[string]any{"vnfInstanceIds": []string{"v1"}, "kind": "FIXED", "scope": "ZONE", "unitIds": []string{"N2"}})
	for r, h := range d.granted(vnfm, instantiate(vnfm, "nf", "v1", "c", "r0", "r1")).Hosts() {
		if zoneOf(h) != "n2" {
			t.Errorf("%s, which is fixed to zone N2, is on %s", r, h)
		}
	}
	ask := instantiate(vnfm, "nf", "v2", "c", "r0")
	if got := d.dryRun(ask).feasible(); len(got) != 4 || slices.ContainsFunc(got, func(h string) bool { return siteOf(h) == "n" }) {
		t.Errorf("a dry run finds %v feasible", got)
	}
	if h := d.granted(vnfm, ask).Hosts()["r0"]; siteOf(h) != "s" {
		t.Errorf("v2 stands on %s, in the NFVI-PoP of v1", h)
	}

	elsewhere := d.stateConstraint(map[string]any{"vnfInstanceIds": []string{"v2"}, "componentIds": []string{"c"}, "kind": "FIXED", "scope": "NFVI_POP", "unitIds": []string{"NORTH"}})
	more := vnfm.NewRequest("SCALE", "nf", "v2")
	more.AddResources = append(more.AddResources, vnfm.Resource("r1", "c"))
	if p := d.refused(vnfm, more); !refusedBy(p, id) || !refusedBy(p, elsewhere) {
		t.Errorf("what no host can meet is refused by %v: %s", rules(p), p.Detail)
	}
	d.lift(id)
	if h := d.granted(vnfm, more).Hosts()["r1"]; siteOf(h) != "n" {
		t.Errorf("r1 stands on %s", h)
	}
	d.lift(fixed)
	_ = d.fail(http.StatusNotFound, "OPERATOR", http.MethodDelete, constraintsPath+"/"+fixed, nil)
	d.replayAll()
}

// TestStandingConstraintOfAVNFD holds within each VNF instance of it, over operations, and whatever the request says.
func TestStandingConstraintOfAVNFD(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	id := d.stateConstraint(map[string]any{"vnfdId": "nf", "kind": "ANTI_AFFINITY", "scope": "ZONE"})
	for _, vnf := range []string{"v1", "v2"} {
		zones := map[string]bool{}
		for _, r := range []string{"r0", "r1", "r2", "r3"} {
			ask := vnfm.NewRequest("SCALE", "nf", vnf)
			ask.AddResources = append(ask.AddResources, vnfm.Resource(r, "c"))
			zones[zoneOf(d.granted(vnfm, ask).Hosts()[r])] = true
		}
		if len(zones) != 4 {
			t.Errorf("four resources of %s that must be in different zones are in %v", vnf, zones)
		}
	}
	fifth := instantiate(vnfm, "nf", "v1", "c", "r4", "r5")
	fifth.PlacementConstraints = []stub.PlacementConstraint{wish(constraint("AFFINITY", "ZONE", []string{"r4", "r5"}))}
	if p := d.refused(vnfm, fifth); !refusedBy(p, id) {
		t.Errorf("a fifth in four zones is refused by %v", rules(p))
	}
	d.lift(id)
	d.granted(vnfm, fifth)
	d.replayAll()
}

// TestStandingConstraintsRace: VNF instances that must be apart ask at the same time, from nothing. No two ever come together.
func TestStandingConstraintsRace(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	for round := range 5 {
		var instances []string
		for i := range 6 {
			instances = append(instances, fmt.Sprintf("v-%d-%d", round, i))
		}
		id := d.stateConstraint(map[string]any{"vnfInstanceIds": instances, "kind": "ANTI_AFFINITY", "scope": "ZONE"})
		zones := make([]string, len(instances))
		var askers sync.WaitGroup
		for i, instance := range instances {
			vnfm := d.vnfm(stub.SOL003Containers)
			r := instantiate(vnfm, "nf", instance, "c", "r0")
			askers.Go(func() {
				g, err := vnfm.Ask(t.Context(), r)
				var p *stub.Problem
				switch {
				case err == nil:
					zones[i] = zoneOf(g.Hosts()["r0"])
				case !errors.As(err, &p) || p.Refused() && !refusedBy(p, id):
					t.Errorf("%s: %v", instance, err)
				}
			})
		}
		askers.Wait()
		in := map[string]bool{}
		for i, zone := range zones {
			if zone != "" && in[zone] {
				t.Errorf("round %d: %s is in zone %s, where another one is", round, instances[i], zone)
			}
			in[zone] = true
		}
		for _, instance := range instances {
			d.releaseAll(instance)
		}
		d.lift(id)
	}
}

// TestWhoMayStateConstraints: an NFVO speaks of VNF instances that are its own, sees what it stated, and lifts nothing else.
func TestWhoMayStateConstraints(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm, nfvo := d.vnfm(stub.SOL003Containers), d.vnfm(stub.SOL003Containers)
	nfvo.Client = d.as("NFVO")
	d.granted(vnfm, instantiate(vnfm, "nf", "of-vnfm", "c", "r0"))
	d.granted(nfvo, instantiate(nfvo, "nf", "of-nfvo", "c", "r0"))
	ask := func(about ...any) map[string]any {
		m := map[string]any{"kind": "AFFINITY", "scope": "ZONE", "reason": "r"}
		for i := 0; i < len(about); i += 2 {
			m[about[i].(string)] = about[i+1]
		}
		return m
	}
	for name, refused := range map[string]map[string]any{
		"of a VNFM": ask("vnfInstanceIds", []string{"of-nfvo", "of-vnfm"}),
		"nobody's":  ask("vnfInstanceIds", []string{"of-nobody"}),
		"a VNFD":    ask("vnfdId", "nf"),
	} {
		if p := d.fail(http.StatusForbidden, "NFVO", http.MethodPost, constraintsPath, refused); p.Detail == "" {
			t.Errorf("%s: no reason is given", name)
		}
	}
	for name, senseless := range map[string]map[string]any{
		"about nothing":           ask(),
		"about both":              ask("vnfdId", "nf", "vnfInstanceIds", []string{"v"}),
		"an NS of nothing":        ask("vnfdId", "nf", "nsInstanceId", "ns"),
		"together somewhere":      ask("vnfdId", "nf", "unitIds", []string{"N1"}),
		"fixed nowhere":           ask("vnfdId", "nf", "kind", "FIXED"),
		"fixed to a node":         ask("vnfdId", "nf", "kind", "FIXED", "scope", "NFVI_NODE", "unitIds", []string{"n1a"}),
		"fixed to no known place": ask("vnfdId", "nf", "kind", "FIXED", "unitIds", []string{"N1", "N9"}),
	} {
		if p := d.fail(http.StatusUnprocessableEntity, "OPERATOR", http.MethodPost, constraintsPath, senseless); p.Detail == "" {
			t.Errorf("%s: no reason is given", name)
		}
	}
	operators := d.stateConstraint(map[string]any{"vnfdId": "nf", "kind": "AFFINITY", "scope": "NFVI_POP"})
	var own standing
	d.do("NFVO", http.MethodPost, constraintsPath, ask("vnfInstanceIds", []string{"of-nfvo"}), &own)
	var seen []standing
	d.do("NFVO", http.MethodGet, constraintsPath, nil, &seen)
	if len(seen) != 1 || seen[0].ID != own.ID {
		t.Errorf("the NFVO sees %v", seen)
	}
	_ = d.fail(http.StatusNotFound, "NFVO", http.MethodGet, constraintsPath+"/"+operators, nil)
	_ = d.fail(http.StatusNotFound, "NFVO", http.MethodDelete, constraintsPath+"/"+operators, nil)
	d.do("NFVO", http.MethodDelete, constraintsPath+"/"+own.ID, nil, nil)
	d.lift(operators)
}
