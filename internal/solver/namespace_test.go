package solver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// TestNamespacesAndResourceGroups: both follow from whose a workload is, so a constraint on them holds on every host or on none. Of the
// resources of VNF instance v, x is of the trust domain TD-A; "old" is a residency of v in TD-A, "others" one of another VNF instance.
func TestNamespacesAndResourceGroups(t *testing.T) {
	t.Parallel()
	const a, b, v = 0, 1, 4 // of domains
	groups := placement.ResourceGroups{"vim-1": {domains[a].ID: "tenant-a", "*": "rest"}, "vim-2": {domains[a].ID: "tenant-a", domains[b].ID: "tenant-a"}}
	for name, tc := range map[string]struct {
		domain   int
		anti     bool
		group    bool // a VIM constraint that wants one resource group; else a placement constraint with scope CONTAINER_NAMESPACE
		vim      string
		existing string // instead of y
		refused  string // by this; empty: granted
	}{
		"one namespace for one trust domain":             {domain: a},
		"apart in one namespace":                         {domain: a, anti: true, refused: placement.RuleConstraint(0)},
		"one namespace for two trust domains":            {domain: b, refused: placement.RuleConstraint(0)},
		"apart in two namespaces":                        {domain: b, anti: true},
		"with what is there":                             {domain: a, existing: "old"},
		"with another VNF instance":                      {domain: a, existing: "others", refused: placement.RuleConstraint(0)},
		"apart from another VNF instance":                {domain: a, existing: "others", anti: true},
		"one resource group":                             {domain: a, group: true},
		"two resource groups":                            {domain: b, group: true, refused: placement.RuleVIM(0)},
		"one resource group of two trust domains":        {domain: b, group: true, vim: "vim-2"},
		"the resource group of what is there":            {domain: a, group: true, existing: "old"},
		"a resource group that is not said, like others": {domain: v, group: true, vim: "vim-3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scene{hosts: []*placement.Host{sceneHost("1", "a"), sceneHost("2", "a")}}
			for _, h := range s.hosts {
				if tc.vim != "" {
					h.VIMConnectionID = tc.vim
				}
			}
			for id, instance := range map[string]string{"old": "v", "others": "w"} {
				s.residents = append(s.residents, &placement.Residency{
					ID: id, NFVIPoPID: "P", HostID: "2", Kind: placement.ResidencyWorkload, State: placement.StateRunning,
					Workload: placement.Workload{NF: placement.NF{VNFInstanceID: instance}, ComponentID: "d", TrustDomainID: domains[a].ID, Runtime: "kata"},
				})
			}
			refs := []placement.ConstraintResourceRef{{ResourceID: "x"}, {ResourceID: "y"}}
			if tc.existing != "" {
				refs[1] = placement.ConstraintResourceRef{Existing: true, ResourceID: tc.existing}
			}
			in := sceneInputs(sceneDemand("x", "c", "", domains[a].ID, "kata"), sceneDemand("y", "d", "", domains[tc.domain].ID, "kata"))
			if tc.group {
				in.ResourceGroups = groups
				in.Request.VIMConstraints = []placement.VIMConstraint{{SameResourceGroup: true, Resources: refs}}
			} else {
				in.Request.PlacementConstraints = []placement.PlacementConstraint{{AntiAffinity: tc.anti, Scope: placement.ScopeContainerNamespace, Resources: refs}}
			}
			plan, why := solver.Solve(s.view(t), in)
			if (plan != nil) != (tc.refused == "") {
				t.Fatalf("granted: %t: %+v", plan != nil, why)
			}
			if said, err := json.Marshal(why); err != nil || tc.refused != "" && !strings.Contains(string(said), tc.refused) {
				t.Errorf("refused with %s, %v", said, err)
			}
		})
	}
}
