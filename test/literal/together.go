package literal

import (
	"slices"

	"ringfence/internal/placement"
)

// together: all of one NF that the rule is about, inside one CIS-node VM used by that NF only. The VM of a workload is the innermost
// one that it is in; a VM within it belongs to it, for whoever must not be there, and is another one for whoever must.
func (t *trial) together(p *Policy, r *Rule) bool {
	c := &t.ask.Workload
	if t.heldBy(p, r, c) {
		if t.node == nil || t.node.Form != placement.CISNodeVM {
			return false
		}
		own := t.node.ID
		for _, o := range t.Residents {
			if o.Kind == placement.ResidencyFabric {
				continue
			}
			there := t.vmsAround(o)
			kin := o.Workload.NF.Instance() == c.NF.Instance()
			if kin && t.heldBy(p, r, &o.Workload) && (o.HostID != t.host.ID || len(there) == 0 || there[len(there)-1] != own) {
				return false
			}
			if !kin && o.HostID == t.host.ID && has(there, own) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(t.others, func(o *placement.Residency) bool {
		there := t.vmsAround(o)
		return o.Workload.NF.Instance() != c.NF.Instance() && t.heldBy(p, r, &o.Workload) && len(there) > 0 && has(t.at.vms, there[len(there)-1])
	})
}

// heldBy tells whether a workload, candidate or resident, is one that the rule is about.
func (t *trial) heldBy(p *Policy, r *Rule, wl *placement.Workload) bool {
	return p.applies(wl.NF.VNFInstanceID) && t.picks(r.Subject, wl, wl.Roles.Names())
}

// vmsAround are the CIS-node VMs that a resident is in, outermost first.
func (t *trial) vmsAround(r *placement.Residency) []string {
	return where(t.hostOf(r), r.CISNodeID).vms
}
