package scenario

import (
	"net/http"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// runs records a workload that runs on a CIS node of a host.
func (d *deployment) runs(id, host, node, runtime string) {
	d.t.Helper()
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/residencies/"+id, map[string]any{
		"id": id, "hostId": host, "cisNodeId": node, "vnfInstanceId": strings.ToUpper(id), "componentId": "c", "trustDomainId": "TD-A", "runtime": runtime,
	}, nil)
}

// TestKernels asks for another network function on hosts with nested kernels, with one or more that run in them. What counts
// is the strongest boundary that each side has below the lowest one that both are in.
func TestKernels(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "kernels.yaml", "kernels.policy.yaml")
	type resident struct{ id, node, runtime string }
	for name, c := range map[string]struct {
		host      string
		residents []resident
		component string
		node      string // where it fits; or
		against   string // what stands against the host
	}{
		"another VM": {"twins", []resident{{"p", "w1", "runc"}}, "container", "w2", ""},
		"no VM left": {"twins", []resident{{"p", "w1", "runc"}, {"q", "w2", "runc"}}, "container", "", "R-SEPNF(p)"},
		"the VM with fewer reasons": {
			"twins", []resident{{"p", "w1", "runc"}, {"q", "w1", "runc"}, {"r", "w2", "runc"}}, "container", "", "R-SEPNF(r)",
		},
		"VMs that do not count":          {"twins-without-type1", []resident{{"p", "w1", "runc"}}, "container", "", "R-SEPNF(p)"},
		"a VM in the same VM":            {"nested", []resident{{"p", "inner1", "runc"}}, "container", "inner2", ""},
		"the VM around a VM":             {"nested", []resident{{"p", "outer", "runc"}}, "container", "", "R-SEPNF(p)"},
		"bare metal, two containers":     {"metal", []resident{{"p", "node", "runc"}}, "container", "", "R-SEPNF(p)"},
		"bare metal, one a microVM":      {"metal", []resident{{"p", "node", "kata"}}, "container", "", "R-SEPNF(p)"},
		"bare metal, two microVMs":       {"metal", []resident{{"p", "node", "kata"}}, "microvm", "node", ""},
		"nobody knows where the VM is":   {"moved", nil, "container", "", "UNKNOWN"},
		"a runtime that no kernel of it": {"twins", nil, "microvm", "", "R-RUNTIME"},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			for _, r := range c.residents {
				d.runs(r.id, c.host, r.node, r.runtime)
				defer d.do("OPERATOR", http.MethodDelete, "/inventory/v1/residencies/"+r.id, nil, nil)
			}
			vnfm := d.vnfm(stub.SOL003Containers)
			made := d.dryRun(instantiate(vnfm, "nf", "vnf", c.component, "r0"), c.host)
			if got := made.against(c.host); got != c.against {
				t.Fatalf("against %s stands %q, want %q", c.host, got, c.against)
			}
			if c.against == "" {
				if got := made.Explanation.Demands[0].Feasible[0].CISNodeID; got != c.node {
					t.Errorf("it fits in %q, want %q", got, c.node)
				}
			}
		})
	}
}

// TestKernelsGranted fills the VMs of a host by grants: each network function gets a VM of its own, and the directives
// name it.
func TestKernelsGranted(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "kernels.yaml", "kernels.policy.yaml")
	for _, host := range []string{"twins-without-type1", "nested", "metal", "moved"} {
		d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/"+host, map[string]any{"lifecycle": "CORDONED"}, nil)
	}
	vnfm, nfvi := d.vnfm(stub.SOL003Containers), d.nfvi("twins")
	for _, c := range []struct{ vnf, node string }{{"one", "w1"}, {"two", "w2"}} {
		g := d.granted(vnfm, instantiate(vnfm, "nf", c.vnf, "container", "r0"))
		p := g.AdditionalParams.Ringfence.Placements[0]
		if p.CISNode != c.node || p.NodeSelector["kubernetes.io/hostname"] != "twins-"+c.node {
			t.Errorf("%s is granted %s by %v", c.vnf, p.CISNode, p.NodeSelector)
		}
		d.settle(nfvi)
		if w := nfvi.Agent("twins").State().Workloads[g.AddResources[0].ReservationID]; w.CISNode != c.node {
			t.Errorf("%s was started on %q", c.vnf, w.CISNode)
		}
	}
	_ = d.refused(vnfm, instantiate(vnfm, "nf", "three", "container", "r0"))
	more := vnfm.NewRequest("SCALE", "nf", "one")
	more.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "container")}
	if g := d.granted(vnfm, more); g.AdditionalParams.Ringfence.Placements[0].CISNode != "w1" {
		t.Errorf("more of one is granted %v", g.AdditionalParams.Ringfence.Placements)
	}
}
