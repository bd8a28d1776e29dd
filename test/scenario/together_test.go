package scenario

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/test/stub"
)

// TestTogether has network functions that must each be in one CIS-node VM of their own grow at the same time, several requests for
// each of them at once. Nested VMs count for both network functions that would be in them.
func TestTogether(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "kernels.yaml", "one-vm.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	g := d.granted(vnfm, instantiate(vnfm, "nf", "first", "container", "r0", "r1", "r2"))
	vms := d.vmsOf()
	if len(g.Hosts()) != 3 || len(vms["first"]) != 1 {
		t.Fatalf("three replicas are in %v", vms["first"])
	}
	var askers sync.WaitGroup
	for i := range 3 * 4 {
		vnfm, vnf := d.vnfm(stub.SOL003Containers), []string{"first", "second", "third", "fourth"}[i%4]
		r := instantiate(vnfm, "nf", vnf, "container", fmt.Sprintf("more-%d", i))
		askers.Go(func() {
			if _, err := vnfm.Ask(t.Context(), r); err != nil {
				t.Errorf("%s: %v", vnf, err)
			}
		})
	}
	askers.Wait()
	taken := map[string]string{}
	for vnf, in := range d.vmsOf() {
		if len(in) != 1 {
			t.Errorf("%s is in %v", vnf, in)
		}
		for _, vm := range in {
			if taken[vm] != "" {
				t.Errorf("%s and %s are in %s", vnf, taken[vm], vm)
			}
			taken[vm] = vnf
		}
	}
	if taken["nested/outer"] != "" && (taken["nested/inner1"] != "" || taken["nested/inner2"] != "") {
		t.Errorf("one is inside of another's VM: %v", taken)
	}
	if n := len(d.reservations("")); n != 3+12 {
		t.Errorf("%d reservations", n)
	}

	for i, host := range []string{"twins", "twins-without-type1", "nested"} { // whatever is free is taken
		for _, node := range []string{"w1", "w2", "outer"} {
			if taken[host+"/"+node] == "" && (host == "nested") == (node == "outer") {
				d.runs(fmt.Sprintf("import-%d-%s", i, node), host, node, "runc")
			}
		}
	}
	p := d.refused(vnfm, instantiate(vnfm, "nf", "late", "container", "r0"))
	i := slices.IndexFunc(p.Violations, func(v stub.Violation) bool { return v.RuleID == "R-VM" })
	if i < 0 || strings.Contains(strings.ToLower(fmt.Sprint(p.Violations)), "import-") {
		t.Errorf("refused with %+v", p.Violations)
	} else {
		t.Log(p.Violations[i].Message)
	}

	vm := strings.Split(d.vmsOf()["first"][0], "/")
	d.runs("intruder", vm[0], vm[1], "runc")
	eventually(t, 20*time.Second, "both sides are recorded", func() bool {
		found := map[string]bool{}
		for _, v := range list[recorded](d, "AUDITOR", "/placement/v1/violations") {
			if v.Reason.RuleID == "R-VM" && v.State == "OPEN" {
				found[v.ResidencyID] = true
			}
		}
		return found["intruder"] && len(found) >= 1+6 // all replicas of the first
	})
	d.do("OPERATOR", http.MethodDelete, "/inventory/v1/residencies/intruder", nil, nil)
}

// vmsOf lists the CIS nodes that each VNF instance has reservations in.
func (d *deployment) vmsOf() map[string][]string {
	d.t.Helper()
	out := map[string][]string{}
	for _, r := range d.reservations("") {
		if vm := r.HostID + "/" + r.CISNodeID; !slices.Contains(out[r.VNFInstanceID], vm) {
			out[r.VNFInstanceID] = append(out[r.VNFInstanceID], vm)
		}
	}
	return out
}
