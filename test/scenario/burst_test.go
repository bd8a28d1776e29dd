package scenario

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// TestBurst asks for several resources at once: all are granted or none, and they see each other.
func TestBurst(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)

	t.Run("replicas share hosts and zones by halves", func(t *testing.T) {
		d := d.in(t)
		g := d.granted(vnfm, instantiate(vnfm, "amf", "amf-2", "sig", "r0", "r1"))
		if hosts := slices.Sorted(maps.Values(g.Hosts())); !slices.Equal(hosts, []string{"h03", "h10"}) {
			t.Errorf("two replicas are on %v: one host for both would be more than half", hosts)
		}
		d.releaseAll("amf-2")
		g = d.granted(vnfm, instantiate(vnfm, "amf", "amf-2", "sig", "r0", "r1", "r2"))
		if hosts := slices.Sorted(maps.Values(g.Hosts())); len(slices.Compact(hosts)) != 2 {
			t.Errorf("three replicas are on %v", hosts)
		}
		d.releaseAll("amf-2")
	})

	t.Run("one host for two replicas", func(t *testing.T) {
		d := d.in(t)
		r := instantiate(vnfm, "udm", "udm-1", "arpf", "r0", "r1")
		made := d.dryRun(r)
		if diff := cmp.Diff([]string{"h05"}, made.feasible()); diff != "" || made.Outcome != "REFUSE" {
			t.Errorf("each alone has a place, both together have none: %s\n%s", made.Outcome, diff)
		}
		p := d.refused(vnfm, r)
		if p.Conflict == nil || !slices.ContainsFunc(p.Conflict.Members, func(m string) bool { return strings.HasPrefix(m, "R-BLAST-SHARE-") }) {
			t.Errorf("the conflict is %+v", p.Conflict)
		}
		if held := d.reservations("udm-1"); len(held) != 0 {
			t.Errorf("the refusal holds %v", held)
		}
		d.granted(vnfm, instantiate(vnfm, "udm", "udm-1", "arpf", "r0"))
		d.releaseAll("udm-1")
	})

	t.Run("two network functions of one VNF", func(t *testing.T) {
		d := d.in(t)
		d.do("OPERATOR", http.MethodPut, "/inventory/v1/vnf_profiles/pair", map[string]any{
			"vnfdId": "pair", "nfType": "UPF", "trustDomainId": "TD-UP", "components": []map[string]any{
				{"id": "a", "nf": map[string]any{"instanceKey": "a"}, "roles": []string{"USER_HANDLING"}, "runtime": "runc"},
				{"id": "b", "nf": map[string]any{"instanceKey": "b"}, "roles": []string{"USER_HANDLING"}, "runtime": "runc"},
				{"id": "c", "nf": map[string]any{"instanceKey": "c"}, "roles": []string{"USER_HANDLING"}, "runtime": "kata"},
				{"id": "d", "nf": map[string]any{"instanceKey": "d"}, "roles": []string{"USER_HANDLING"}, "runtime": "kata"},
			},
		}, nil)
		containers := instantiate(vnfm, "pair", "pair-1", "a", "r0")
		containers.AddResources = append(containers.AddResources, vnfm.Resource("r1", "b"))
		made := d.dryRun(containers)
		for i, e := range made.Explanation.Demands {
			if len(e.Feasible) != 1 || e.Feasible[0].HostID != "h02" {
				t.Errorf("demand %d alone fits %v", i, e.Feasible)
			}
		}
		if c := made.Explanation.Conflict; made.Outcome != "REFUSE" || c == nil || !slices.Contains(c.Members, "R-SEPNF") {
			t.Errorf("both on h02: %s, %+v", made.Outcome, c)
		}
		if p := d.refused(vnfm, containers); p.Conflict == nil || !slices.Contains(p.Conflict.Members, "R-SEPNF") {
			t.Errorf("the conflict is %+v", p.Conflict)
		}
		microVMs := instantiate(vnfm, "pair", "pair-1", "c", "r0")
		microVMs.AddResources = append(microVMs.AddResources, vnfm.Resource("r1", "d"))
		d.granted(vnfm, microVMs)
		d.releaseAll("pair-1")
	})

	t.Run("one unknown component", func(t *testing.T) {
		d := d.in(t)
		r := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
		r.AddResources = append(r.AddResources, vnfm.Resource("r1", "signalling"))
		_ = d.refused(vnfm, r)
		if held := d.reservations("amf-2"); len(held) != 0 {
			t.Errorf("the refusal holds %v", held)
		}
	})
}

// TestHostsFillUp asks for network functions one after the other until the blast radius lets no more onto a host.
func TestHostsFillUp(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	count := map[string]int{}
	for i := range 4 {
		g := d.granted(vnfm, instantiate(vnfm, "amf", "amf-"+string(rune('a'+i)), "sig", "r0"))
		count[g.Hosts()["r0"]]++
	}
	if diff := cmp.Diff(map[string]int{"h03": 1, "h10": 3}, count); diff != "" {
		t.Errorf("three network functions per host (-want +got):\n%s", diff)
	}
	p := d.refused(vnfm, instantiate(vnfm, "amf", "amf-e", "sig", "r0"))
	if !slices.Contains(rules(p), "R-BLAST-NF") {
		t.Errorf("refused for %v", rules(p))
	}
}
