package policy

import (
	"slices"

	"ringfence/internal/placement"
)

// co-locate-in-vm, as the package comment defines it.

// coLocateInVM judges one site. The reasons are not pairwise: the first thing that stands against the site is told.
func (c *Candidate) coLocateInVM(r *appliedRule, s *site) map[string]string {
	vm := vmAncestor(s.Host, s.node)
	if r.subject {
		if !InVM(s.Host, s.node) {
			return failed("why", vmNone)
		}
		if where := c.apart(r, s, vm); where != "" {
			return failed("why", vmApart, "nf", c.Workload.NF.Instance(), "vm", vm.ID, "elsewhere", where)
		}
		if o := c.another(s, func(o *placement.Residency) bool { return within(s.Host, o.CISNodeID, vm) }); o != nil {
			return failed("why", vmShared, "foreign", o.Workload.NF.Instance(), "vm", vm.ID)
		}
	}
	if vm == nil && !lost(s.Host, s.node) {
		return nil
	}
	taken := func(o *placement.Residency) bool {
		return r.holdsTogether(c.world.Catalogue, &o.Workload) && c.entersVMOf(s, o)
	}
	if o := c.another(s, taken); o != nil {
		return failed("why", vmTaken, "foreign", o.Workload.NF.Instance(), "vm", o.CISNodeID)
	}
	return nil
}

// What a site of co-locate-in-vm lacks, as `why` of the reason.
const (
	vmNone   = "noVM"   // it is no CIS-node VM
	vmApart  = "apart"  // others of the network function are elsewhere
	vmShared = "shared" // the VM serves another network function
	vmTaken  = "taken"  // the VM is another network function's own
)

// holdsTogether tells whether a workload is one that the rule matches.
func (r *appliedRule) holdsTogether(cat *placement.Catalogue, w *placement.Workload) bool {
	return (len(r.about) == 0 || slices.Contains(r.about, w.NF.VNFInstanceID)) && r.Subject.matches(cat, w, w.Roles)
}

// apart names the CIS node of another workload of the candidate's NF instance that the rule matches and that is not in the VM.
func (c *Candidate) apart(r *appliedRule, s *site, vm *placement.CISNode) (where string) {
	kin := func(o *placement.Residency) bool {
		return o.Workload.NF.Instance() == c.Workload.NF.Instance() && r.holdsTogether(c.world.Catalogue, &o.Workload)
	}
	s.others(func(o *placement.Residency) bool {
		if own := vmAncestor(s.Host, o.CISNodeID); kin(o) && (own == nil || own.ID != vm.ID) {
			where = placeOf(o)
		}
		return where == ""
	})
	for _, o := range c.Replicas.Siblings {
		if where == "" && o.HostID != s.Host.ID && kin(o) {
			where = placeOf(o)
		}
	}
	return where
}

func placeOf(r *placement.Residency) string {
	if r.CISNodeID == "" {
		return r.HostID
	}
	return r.HostID + " (CIS node " + r.CISNodeID + ")"
}

// another finds a workload of another NF instance on the host of which something holds.
func (c *Candidate) another(s *site, holds func(o *placement.Residency) bool) (found *placement.Residency) {
	own := c.Workload.NF.Instance()
	s.others(func(o *placement.Residency) bool {
		if o.Workload.NF.Instance() != own && holds(o) {
			found = o
		}
		return found == nil
	})
	return found
}

// entersVMOf tells whether the site is, or may be, inside of a resident's CIS-node VM.
func (c *Candidate) entersVMOf(s *site, o *placement.Residency) bool {
	if lost(s.Host, o.CISNodeID) {
		return true
	}
	vm := vmAncestor(s.Host, o.CISNodeID)
	return vm != nil && within(s.Host, s.node, vm)
}

// within tells whether what runs in a CIS node is inside of a CIS-node VM: in it, or in one within it. What is in a node that
// the host does not have may be.
func within(h *placement.Host, nodeID string, vm *placement.CISNode) bool {
	if lost(h, nodeID) {
		return true
	}
	at := vmAncestor(h, nodeID)
	for range len(h.CISNodes) {
		if at == nil || at.ID == vm.ID {
			break
		}
		at = vmAncestor(h, at.ParentID)
	}
	return at != nil && at.ID == vm.ID
}

// InVM tells whether a CIS node of the host is a VM, as co-locate-in-vm asks.
func InVM(h *placement.Host, nodeID string) bool {
	n := h.Node(nodeID)
	return n != nil && n.Form == placement.CISNodeVM
}

// HoldsTogether tells whether a rule of the set, whatever its mode, holds the workloads of network functions together.
func (s *Set) HoldsTogether() bool {
	return slices.ContainsFunc(s.Policies, func(p *Policy) bool {
		return slices.ContainsFunc(p.Rules, func(r *Rule) bool { return r.Kind == CoLocateInVM })
	})
}

// MustHoldTogether tells whether a rule in force holds a workload together with others of its NF instance.
func (s *Set) MustHoldTogether(cat *placement.Catalogue, w *placement.Workload) bool {
	return slices.ContainsFunc(s.For(w.NF.VNFInstanceID), func(p *Policy) bool {
		return slices.ContainsFunc(p.Rules, func(r *Rule) bool {
			return r.Kind == CoLocateInVM && r.Enforced() && r.Subject.matches(cat, w, w.Roles)
		})
	})
}

// Together lists the rules that hold the candidate together with others of its NF instance, wherever they are: in force, and on
// every host.
func (c *Candidate) Together() []*Rule {
	if !c.HeldTogether() {
		return nil
	}
	return slices.DeleteFunc(c.Everywhere(), func(r *Rule) bool { return r.Kind != CoLocateInVM })
}

// HeldTogether tells whether a rule concerns the candidate for which it must be known where the others of its NF instance are.
func (c *Candidate) HeldTogether() bool {
	return slices.ContainsFunc(c.rules, func(r appliedRule) bool { return r.Kind == CoLocateInVM && r.subject })
}

// ReservesVMs tells whether a rule in force may keep the candidate out of CIS nodes, or hold it in one.
func (c *Candidate) ReservesVMs() bool {
	return slices.ContainsFunc(c.rules, func(r appliedRule) bool { return r.Kind == CoLocateInVM && r.Enforced() })
}

// AnySiteInVM tells whether the rules in force that reserve CIS-node VMs, but for those that skip names, leave the candidate any
// site of a host. It judges nothing else.
func (c *Candidate) AnySiteInVM(f placement.HostFacts, skip map[string]bool) bool {
	for _, nodeID := range Sites(f.Host) {
		s, ok := &site{HostFacts: f, node: nodeID}, true
		for i := range c.rules {
			r := &c.rules[i]
			if ok && r.Kind == CoLocateInVM && r.Enforced() && !skip[r.ID] && r.Host.matches(c.world.Catalogue, f.Host) {
				ok = c.coLocateInVM(r, s) == nil
			}
		}
		if ok {
			return true
		}
	}
	return false
}
