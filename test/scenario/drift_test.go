package scenario

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// TestDrift does things by hand on a host: they are violations with the report that shows them, and end with the one that does not.
func TestDrift(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	nfvi := d.nfvi("x1")
	_, _, id := d.onX1(d.vnfm(stub.SOL003Containers), "container")
	d.settle(nfvi)
	host := nfvi.Agent("x1")
	asGranted := host.State()
	for _, step := range []struct {
		name   string
		change func(*stub.HostState)
		want   []string
	}{
		{"as granted", func(*stub.HostState) {}, nil},
		{"a container by hand", func(s *stub.HostState) {
			s.Workloads["by-hand"] = stub.Workload{VIMResourceID: "c0ffee", Runtime: "runc"}
		}, []string{"DRIFT-UNGRANTED c0ffee"}},
		{"another runtime", func(s *stub.HostState) {
			w := s.Workloads[id]
			w.Runtime = "kata"
			s.Workloads[id] = w
		}, []string{"DRIFT-RUNTIME "}},
		{"gone", func(s *stub.HostState) { delete(s.Workloads, id) }, []string{"DRIFT-MISSING "}},
		{"an image by hand", func(s *stub.HostState) { s.Cache[imageB] = stub.CacheEntry{Mode: "SHARED"} }, []string{"DRIFT-CACHE " + imageB}},
		{"an image as plaintext", func(s *stub.HostState) { s.Cache[imageA] = stub.CacheEntry{Mode: "SHARED"} }, []string{"DRIFT-CACHE " + imageA}},
		{"as granted again", func(*stub.HostState) {}, nil},
	} {
		host.ByHand(func(s *stub.HostState) {
			s.Workloads, s.Cache = maps.Clone(asGranted.Workloads), maps.Clone(asGranted.Cache)
			step.change(s)
		})
		if err := nfvi.Report(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range list[struct {
			HostID, ResidencyID, Object string
			Reason                      struct{ RuleID string }
		}](d, "AUDITOR", "/placement/v1/violations?filter=(eq,source,OBSERVATION);(eq,state,OPEN)") {
			got = append(got, v.Reason.RuleID+" "+v.Object)
		}
		slices.Sort(got)
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	var entry struct{ Mode string }
	d.do("OPERATOR", http.MethodGet, "/inventory/v1/cache_entries/x1/"+imageA, nil, &entry)
	if entry.Mode != "ENCRYPTED" {
		t.Errorf("the inventory says %s of what the host reports", entry.Mode)
	}
}
