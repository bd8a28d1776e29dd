package policy

import "ringfence/internal/placement"

// The tree of kernel boundaries of a host: the host's own kernel, the VMs that are CIS nodes (possibly VMs in
// VMs), and one boundary for each sandboxed or VM-isolated pod. A CIS node on bare metal is no boundary.

// lost tells whether the host does not have the node: what is recorded there may run anywhere on the host.
func lost(h *placement.Host, nodeID string) bool { return nodeID != "" && h.Node(nodeID) == nil }

// vmAncestor returns the innermost CIS-node VM at or above the node; nil means the host, as for a node that is lost.
func vmAncestor(h *placement.Host, nodeID string) *placement.CISNode {
	for range len(h.CISNodes) + 1 {
		n := h.Node(nodeID)
		if n == nil {
			return nil
		}
		if n.Form == placement.CISNodeVM {
			return n
		}
		nodeID = n.ParentID
	}
	return nil
}

// hypervisorAt returns the hypervisor class under a VM that runs directly inside the node (or the host). Under a node
// that is lost nothing is known to separate.
func hypervisorAt(h *placement.Host, nodeID string) placement.HypervisorClass {
	if lost(h, nodeID) {
		return placement.HypervisorNone
	}
	n := h.Node(nodeID)
	if n == nil {
		return h.HypervisorClass
	}
	if n.HypervisorClass == "" && n.Form == placement.CISNodeBareMetal {
		return hypervisorAt(h, n.ParentID)
	}
	return n.HypervisorClass
}

// boundaryLevel is what a boundary of the given level counts on that hypervisor: without TYPE1 a VM counts as
// an OS container.
func boundaryLevel(level placement.Isolation, hv placement.HypervisorClass) placement.Isolation {
	if level >= placement.IsolationVM && hv != placement.HypervisorType1 {
		return placement.IsolationOSContainer
	}
	return level
}

// pathStrength is the strongest boundary on the way from a pod of the runtime level in the node down to, and
// not including, the boundary of the CIS-node VM until; nil means the host.
func pathStrength(h *placement.Host, level placement.Isolation, nodeID string, until *placement.CISNode) placement.Isolation {
	s := boundaryLevel(level, hypervisorAt(h, nodeID))
	for range len(h.CISNodes) + 1 {
		vm := vmAncestor(h, nodeID)
		if vm == nil || until != nil && vm.ID == until.ID {
			return s
		}
		s = max(s, boundaryLevel(placement.IsolationVM, hypervisorAt(h, vm.ParentID)))
		nodeID = vm.ParentID
	}
	return s
}

// strength is the level that holds a workload in the node inside, seen from the boundary until: 0 if it is
// privileged, 1 if it has any cut-through. The level is that of its runtime.
func strength(h *placement.Host, w *placement.Workload, level placement.Isolation, nodeID string, until *placement.CISNode) placement.Isolation {
	switch {
	case w.Privileged != 0:
		return placement.IsolationNone
	case w.CutThrough != 0:
		return placement.IsolationOSContainer
	}
	return pathStrength(h, level, nodeID, until)
}

// Strength is the isolation of a workload towards the host: eff of the rules.
func (l Levels) Strength(h *placement.Host, w *placement.Workload, nodeID string) placement.Isolation {
	return strength(h, w, l.Of(h, w), nodeID, nil)
}

// Separation is what separates two workloads of different pods on one host: with the lowest boundary that both
// are in, the weaker of the two strengths towards it.
func (l Levels) Separation(h *placement.Host, p *placement.Workload, pNode string, q *placement.Workload, qNode string) placement.Isolation {
	b := commonBoundary(h, pNode, qNode)
	return min(strength(h, p, l.Of(h, p), pNode, b), strength(h, q, l.Of(h, q), qNode, b))
}

// commonBoundary is the innermost CIS-node VM that contains both nodes; nil means the host. One that is lost may be within
// the other.
func commonBoundary(h *placement.Host, a, b string) *placement.CISNode {
	switch {
	case lost(h, a):
		return vmAncestor(h, b)
	case lost(h, b):
		return vmAncestor(h, a)
	}
	for va, i := vmAncestor(h, a), 0; va != nil && i <= len(h.CISNodes); va, i = vmAncestor(h, va.ParentID), i+1 {
		for vb, j := vmAncestor(h, b), 0; vb != nil && j <= len(h.CISNodes); vb, j = vmAncestor(h, vb.ParentID), j+1 {
			if va.ID == vb.ID {
				return va
			}
		}
	}
	return nil
}

// Kernel names the kernel that a workload in the node shares with others: the id of a CIS-node VM, or "" for
// the host's own. A pod with a kernel of its own (sandbox or VM) shares none. The level is that of its runtime.
func Kernel(h *placement.Host, level placement.Isolation, nodeID string) (id string, shared bool) {
	if boundaryLevel(level, hypervisorAt(h, nodeID)) >= placement.IsolationSandbox {
		return "", false
	}
	if vm := vmAncestor(h, nodeID); vm != nil {
		return vm.ID, true
	}
	return "", true
}

// sharesKernel tells whether a resident shares the kernel with that id. One whose node is lost shares every kernel of
// the host, unless it has one of its own.
func (l Levels) sharesKernel(h *placement.Host, kernel string, r *placement.Residency) bool {
	id, shared := Kernel(h, l.Of(h, &r.Workload), r.CISNodeID)
	return shared && (id == kernel || lost(h, r.CISNodeID))
}
