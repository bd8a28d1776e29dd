package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// inVMs is a setting whose host offers no runtime itself: vm1 with inner within it, vm2, and metal beside them.
func inVMs() *setting {
	s := newSetting()
	offers := s.host.Runtimes
	s.host.Runtimes = nil
	s.host.CISNodes = []placement.CISNode{
		{ID: "inner", Form: placement.CISNodeVM, ParentID: "vm1", Runtimes: offers},
		{ID: "metal", Form: placement.CISNodeBareMetal, Runtimes: offers},
		{ID: "metal-in-vm1", Form: placement.CISNodeBareMetal, ParentID: "vm1", Runtimes: offers},
		{ID: "vm1", Form: placement.CISNodeVM, Runtimes: offers},
		{ID: "vm2", Form: placement.CISNodeVM, Runtimes: offers},
	}
	return s
}

// stands adds a container of a network function in a CIS node.
func (s *setting) stands(id, nf, node string) *placement.Residency {
	s.neighbour(id, "B", nf, "runc", nil)
	r := s.residents[len(s.residents)-1]
	r.CISNodeID = node
	return r
}

// TestCoLocateInVM says where the candidate, of NF instance own, may go: the sites without a reason of the rule.
func TestCoLocateInVM(t *testing.T) {
	t.Parallel()
	const all, others = "kind: co-locate-in-vm", "kind: co-locate-in-vm, subject: {trustDomains: [B]}"
	vms := []string{"inner", "vm1", "vm2"}
	for _, c := range []struct {
		name string
		rule string
		with func(s *setting)
		want []string
	}{
		{"any VM that nobody uses", all, nil, vms},
		{"a rule about others, whose VMs nobody has", others, nil, []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}},
		{"where its own is", all, func(s *setting) { s.stands("r", "own", "vm2") }, []string{"vm2"}},
		{"its own is in the inner VM, which is not the outer one", all, func(s *setting) { s.stands("r", "own", "inner") }, []string{"inner"}},
		{"its own is in the outer VM, which is not the inner one", all, func(s *setting) { s.stands("r", "own", "vm1") }, []string{"vm1"}},
		{"its own is on the host", all, func(s *setting) { s.stands("r", "own", "") }, nil},
		{"its own is in two VMs already", all, func(s *setting) { s.stands("r", "own", "vm1"); s.stands("q", "own", "vm2") }, nil},
		{"its own is in a node that is gone", all, func(s *setting) { s.stands("r", "own", "gone") }, nil},
		{"its own goes, but is not gone", all, func(s *setting) { s.stands("r", "own", "vm2").State = placement.StateTerminating }, []string{"vm2"}},
		{"its own that the rule does not match", "kind: co-locate-in-vm, subject: {components: [c]}", func(s *setting) { s.stands("r", "own", "vm2") }, vms},
		{"another NF of the VNF instance", all, func(s *setting) { s.stands("r", "own", "vm2").Workload.NF.InstanceKey = "x" }, []string{"inner", "vm1"}},
		{"fabric", all, func(s *setting) { s.stands("r", "own", "vm2").Kind = placement.ResidencyFabric }, vms},
		{"its own on another host", all, func(s *setting) {
			s.replicas.Siblings = []*placement.Residency{{ID: "r", HostID: "far", CISNodeID: "vm1", Workload: s.workload}}
		}, nil},
		{"what is not its business on another host", "kind: co-locate-in-vm, subject: {components: [c]}", func(s *setting) {
			far := placement.Residency{ID: "r", HostID: "far", CISNodeID: "vm1", Workload: s.workload}
			far.Workload.ComponentID = "another"
			s.replicas.Siblings = []*placement.Residency{&far}
		}, vms},
		{"a foreigner in a VM", all, func(s *setting) { s.stands("r", "other", "vm2") }, []string{"inner", "vm1"}},
		{"a foreigner in the inner VM is in the outer one too", all, func(s *setting) { s.stands("r", "other", "inner") }, []string{"vm2"}},
		{"a foreigner on metal within a VM is in that VM", "kind: co-locate-in-vm, subject: {trustDomains: [A]}", func(s *setting) { s.stands("r", "other", "metal-in-vm1") }, []string{"inner", "vm2"}},
		{"a foreigner in the outer VM, unmatched, is not in the inner one", "kind: co-locate-in-vm, subject: {trustDomains: [A]}", func(s *setting) { s.stands("r", "other", "vm1") }, []string{"inner", "vm2"}},
		{"a foreigner in the outer VM, matched, has the inner one too", all, func(s *setting) { s.stands("r", "other", "vm1") }, []string{"vm2"}},
		{"a foreigner on metal or the host", all, func(s *setting) { s.stands("r", "other", "metal"); s.stands("q", "other", "") }, vms},
		{"a foreigner in a node that is gone may be anywhere", all, func(s *setting) { s.stands("r", "other", "gone") }, nil},
		{"unmatched, it stays out of the VM of others", others, func(s *setting) { s.stands("r", "other", "vm1") }, []string{"metal", "vm2"}},
		{"unmatched, it may be around the VM of others", others, func(s *setting) { s.stands("r", "other", "inner") }, []string{"metal", "metal-in-vm1", "vm1", "vm2"}},
		{"unmatched, in the VM of its own network function", others, func(s *setting) { s.stands("r", "own", "vm1") }, []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}},
		{"unmatched, others in a node that is gone may be in any VM", others, func(s *setting) { s.stands("r", "other", "gone") }, []string{"metal"}},
		{"a VM of which nobody knows the host", all, func(s *setting) { s.host.CISNodes[4].HostObservedAt = noon.Add(-time.Hour) }, []string{"inner", "vm1"}},
		{"whatever its hypervisor", all, func(s *setting) { s.host.HypervisorClass = placement.HypervisorNone }, vms},
		{"audit", all + ", mode: audit", func(s *setting) { s.stands("r", "other", "vm1") }, []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}},
		{"SHOULD", all + ", strength: SHOULD", func(s *setting) { s.stands("r", "other", "vm1") }, []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}},
		{"another host selector", all + ", host: {pools: [single]}", nil, []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := inVMs()
			if c.with != nil {
				c.with(s)
			}
			if diff := cmp.Diff(c.want, s.sitesFor(t, nil, c.rule)); diff != "" {
				t.Errorf("sites (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCoLocateInVMOfSome: a policy that is about one VNF instance reserves its VM, and asks nothing of others.
func TestCoLocateInVMOfSome(t *testing.T) {
	t.Parallel()
	const rule = "kind: co-locate-in-vm"
	everywhere := []string{"inner", "metal", "metal-in-vm1", "vm1", "vm2"}
	for _, c := range []struct {
		name     string
		about    string
		resident string
		want     []string
	}{
		{"about the candidate, beside another", "own", "other", []string{"inner", "vm1"}},
		{"about the resident", "other", "other", []string{"inner", "metal", "metal-in-vm1", "vm1"}},
		{"about neither", "third", "other", everywhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := inVMs()
			s.stands("r", c.resident, "vm2")
			if diff := cmp.Diff(c.want, s.sitesFor(t, []string{c.about}, rule)); diff != "" {
				t.Errorf("sites (-want +got):\n%s", diff)
			}
		})
	}
	s := inVMs() // the candidate's policy is no business of the other one around it
	s.stands("r", "other", "vm1")
	if diff := cmp.Diff([]string{"inner", "vm2"}, s.sitesFor(t, []string{"own"}, rule)); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
}

// sitesFor lists the sites on which a policy of one rule has nothing against the candidate.
func (s *setting) sitesFor(t *testing.T, associations []string, rule string) []string {
	t.Helper()
	doc := "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: VNF\nrules:\n  - {id: R, rationale: r, " + rule + "}\n"
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(doc), Associations: associations}})
	if err != nil {
		t.Fatal(err)
	}
	c := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: noon, HostMappingMaxAge: 10 * time.Minute}, s.workload, s.floor, s.replicas)
	var out []string
	facts := placement.HostFacts{Host: &s.host, Residents: s.residents}
	for _, id := range policy.Sites(&s.host) {
		v := c.JudgeSite(facts, id, nil)
		if v.Feasible {
			out = append(out, id)
		}
		if v.Feasible && !c.AnySiteInVM(facts, nil) {
			t.Errorf("%s would do, but no site is said to", id)
		}
		for _, r := range v.Reasons {
			if r.AgainstID != "" {
				t.Errorf("the reason of %s is against %s", id, r.AgainstID)
			}
		}
	}
	return out
}
