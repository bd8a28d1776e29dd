package literal

import (
	"slices"

	"ringfence/internal/placement"
)

// A place is where a pod runs: a chain of virtual machines from the host inwards, and then perhaps one of its own.
type place struct {
	host      *placement.Host
	vms       []string                    // ids of the CIS-node VMs around it, outermost first
	on        []placement.HypervisorClass // what each of them runs on
	innermost placement.HypervisorClass   // what a VM of the pod's own runs on
}

// where follows the parents of a CIS node up to the host.
func where(h *placement.Host, nodeID string) place {
	var chain []*placement.CISNode // innermost first
	for id := nodeID; id != ""; {
		n := h.Node(id)
		if n == nil {
			break
		}
		chain = append(chain, n)
		id = n.ParentID
	}
	p := place{host: h, innermost: h.HypervisorClass}
	for _, n := range slices.Backward(chain) {
		if n.Form == placement.CISNodeVM {
			p.vms, p.on = append(p.vms, n.ID), append(p.on, p.innermost)
			p.innermost = n.HypervisorClass
		} else if n.HypervisorClass != "" {
			p.innermost = n.HypervisorClass
		}
	}
	return p
}

// counted is what a boundary counts: a VM without a TYPE1 hypervisor is an OS container.
func counted(level placement.Isolation, on placement.HypervisorClass) placement.Isolation {
	if level >= placement.IsolationVM && on != placement.HypervisorType1 {
		return placement.IsolationOSContainer
	}
	return level
}

// strength is that of the strongest boundary from the workload down to, and not including, the outermost n VMs around it.
func (w *World) strength(wl *placement.Workload, runtime string, p place, shared int) placement.Isolation {
	if wl.Privileged != 0 {
		return placement.IsolationNone
	}
	if wl.CutThrough != 0 {
		return placement.IsolationOSContainer
	}
	best := counted(w.level(p.host, wl, runtime), p.innermost)
	for i := shared; i < len(p.vms); i++ {
		if b := counted(placement.IsolationVM, p.on[i]); b > best {
			best = b
		}
	}
	return best
}

// separation is what separates two workloads in different pods of one host.
func (w *World) separation(a *placement.Workload, aRuntime string, ap place, b *placement.Workload, bRuntime string, bp place) placement.Isolation {
	shared := 0
	for shared < len(ap.vms) && shared < len(bp.vms) && ap.vms[shared] == bp.vms[shared] {
		shared++
	}
	x, y := w.strength(a, aRuntime, ap, shared), w.strength(b, bRuntime, bp, shared)
	if x < y {
		return x
	}
	return y
}

// sameKernel tells whether two pods run on one kernel: both have none of their own, and stand in the same VM or on the host.
func (w *World) sameKernel(a *placement.Workload, aRuntime string, ap place, b *placement.Workload, bRuntime string, bp place) bool {
	own := func(wl *placement.Workload, runtime string, p place) bool {
		return counted(w.level(p.host, wl, runtime), p.innermost) >= placement.IsolationSandbox
	}
	if own(a, aRuntime, ap) || own(b, bRuntime, bp) || len(ap.vms) != len(bp.vms) {
		return false
	}
	return len(ap.vms) == 0 || ap.vms[len(ap.vms)-1] == bp.vms[len(bp.vms)-1]
}
