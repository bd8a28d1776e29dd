package grant

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// TestReleases names resources of VNF instance v in every way, on a fleet where somebody else's have the same ids.
func TestReleases(t *testing.T) {
	t.Parallel()
	resident := func(id, vnf, host, rd string, state placement.ResidencyState, handles ...string) *placement.Residency {
		return &placement.Residency{
			ID: id, HostID: host, ResourceDefinitionID: rd, VIMResourceIDs: handles, State: state, Workload: placement.Workload{NF: placement.NF{VNFInstanceID: vnf}},
		}
	}
	residents := []*placement.Residency{
		resident("r1", "v", "h1", "1", placement.StateRunning, "vm-a"),
		resident("r2", "v", "h1", "2", placement.StateTerminating, "vm-b"),
		resident("r3", "v", "h2", "2", placement.StateRunning, "vm-c"),
		resident("r4", "v", "h2", "vm-a", placement.StateReserved, "vm-1"),
		resident("x1", "hostile", "h2", "1", placement.StateRunning, "vm-a", "vm-b", "r1", "2"),
		resident("x0", "hostile", "h1", "1", placement.StateRunning, "vm-a", "vm-c"),
	}
	def := func(id string, handle *placement.ResourceHandle) placement.ResourceDefinition {
		return placement.ResourceDefinition{ID: id, Type: placement.ResourceCompute, Resource: handle}
	}
	at := func(vim, id string) *placement.ResourceHandle {
		return &placement.ResourceHandle{VIMConnectionID: vim, ResourceID: id}
	}
	for name, c := range map[string]struct {
		operation placement.Operation
		remove    []placement.ResourceDefinition
		want      []string
	}{
		"by the VIM's id":                          {remove: []placement.ResourceDefinition{def("rm", at("", "vm-a"))}, want: []string{"r1"}},
		"under its VIM connection":                 {remove: []placement.ResourceDefinition{def("rm", at("vim-1", "vm-a"))}, want: []string{"r1"}},
		"under another VIM connection":             {remove: []placement.ResourceDefinition{def("rm", at("vim-2", "vm-c")), def("rn", at("vim-1", "vm-c"))}, want: []string{"r3"}},
		"by the id of the reservation":             {remove: []placement.ResourceDefinition{def("rm", at("", "r3"))}, want: []string{"r3"}},
		"by the id it was granted under, handle":   {remove: []placement.ResourceDefinition{def("rm", at("", "1"))}, want: []string{"r1"}},
		"by the id it was granted under":           {remove: []placement.ResourceDefinition{def("1", nil)}, want: []string{"r1"}},
		"what stands before what goes anyway":      {remove: []placement.ResourceDefinition{def("2", nil)}, want: []string{"r3"}},
		"two of one id":                            {remove: []placement.ResourceDefinition{def("2", nil), def("rm", at("", "2"))}, want: []string{"r3", "r2"}},
		"a handle of nothing, whatever its id":     {remove: []placement.ResourceDefinition{def("1", at("", "vm-unknown"))}},
		"the id of another VNF instance's":         {remove: []placement.ResourceDefinition{def("rm", at("", "x1"))}},
		"one resource once":                        {remove: []placement.ResourceDefinition{def("rm", at("", "vm-b")), def("rn", at("", "r2"))}, want: []string{"r2"}},
		"a link port":                              {remove: []placement.ResourceDefinition{{ID: "1", Type: placement.ResourceLinkPort}}},
		"the end of everything":                    {operation: placement.OpTerminate, want: []string{"r1", "r2", "r3", "r4"}},
		"the end, which lists less":                {operation: placement.OpTerminate, remove: []placement.ResourceDefinition{def("1", nil)}, want: []string{"r1", "r2", "r3", "r4"}},
		"the end, by names that nobody told":       {operation: placement.OpTerminate, remove: []placement.ResourceDefinition{def("rm", at("", "vm-unknown"))}, want: []string{"r1", "r2", "r3", "r4"}},
		"nothing listed":                           {operation: placement.OpHeal},
		"under a VIM connection, else by its name": {remove: []placement.ResourceDefinition{def("rm", at("vim-2", "vm-a"))}, want: []string{"r4"}},
	} {
		req := &placement.GrantRequest{VNFInstanceID: "v", Operation: c.operation, RemoveResources: c.remove}
		for _, reversed := range []bool{false, true} {
			if diff := cmp.Diff(c.want, releases(fleetOf(t, residents, reversed), req)); diff != "" {
				t.Errorf("%s, reversed %t (-want +got):\n%s", name, reversed, diff)
			}
		}
	}
}

// fleetOf applies residents, and ones that come and go, in one order or the other: before or after their hosts.
func fleetOf(t *testing.T, residents []*placement.Residency, reversed bool) *fleet.View {
	t.Helper()
	var changes []placement.Change
	for id, vim := range map[string]string{"h1": "vim-1", "h2": "vim-2"} {
		changes = append(changes, placement.Change{Kind: placement.ChangeHost, ID: id, Host: &placement.Host{ID: id, VIMConnectionID: vim}})
	}
	for _, r := range residents {
		changes = append(changes, placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r})
	}
	if reversed {
		for i, j := 0, len(changes)-1; i < j; i, j = i+1, j-1 {
			changes[i], changes[j] = changes[j], changes[i]
		}
	}
	passing := *residents[len(residents)-1]
	passing.ID = "passing"
	changes = append(changes, placement.Change{Kind: placement.ChangeResidency, ID: passing.ID, Residency: &passing}, placement.Change{Kind: placement.ChangeResidency, ID: passing.ID})
	f := fleet.New()
	if err := f.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	return f.Publish()
}
