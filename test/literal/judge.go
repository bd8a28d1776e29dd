package literal

import (
	"slices"
	"sort"

	"ringfence/internal/placement"
)

// A trial is one candidate on one kernel of one host.
type trial struct {
	*World
	ask     *Ask
	host    *placement.Host
	node    *placement.CISNode // nil: the host's own kernel
	at      place
	runtime string
	offered bool
	others  []*placement.Residency // every other WORKLOAD on the host
	modes   map[string]mode
}

// Judge judges a demand on a host. Feasible are the sites without reasons; without any, the first site is the one whose reasons
// the host carries.
func (w *World) Judge(ask *Ask, h *placement.Host) (feasible []Site, rejected *Site) {
	var sites []Site
	if len(h.Runtimes) > 0 || len(h.CISNodes) == 0 {
		sites = append(sites, w.judgeSite(ask, h, nil))
	}
	for i := range h.CISNodes {
		sites = append(sites, w.judgeSite(ask, h, &h.CISNodes[i]))
	}
	sort.SliceStable(sites, func(i, j int) bool { return sites[i].NodeID < sites[j].NodeID })
	for i := range sites {
		switch {
		case len(sites[i].Reasons) == 0:
			feasible = append(feasible, sites[i])
		case rejected == nil || len(sites[i].Reasons) < len(rejected.Reasons):
			rejected = &sites[i]
		}
	}
	if len(feasible) > 0 {
		rejected = nil
	}
	return feasible, rejected
}

func (w *World) judgeSite(ask *Ask, h *placement.Host, node *placement.CISNode) Site {
	t := &trial{World: w, ask: ask, host: h, node: node}
	if node != nil {
		t.at = where(h, node.ID)
	} else {
		t.at = where(h, "")
	}
	for _, r := range w.residentsOf(h) {
		if r.Kind != placement.ResidencyFabric {
			t.others = append(t.others, r)
		}
	}
	sort.Slice(t.others, func(i, j int) bool { return t.others[i].ID < t.others[j].ID })
	t.chooseRuntime()
	t.modes = t.chooseModes()

	s := Site{Runtime: t.runtime, Modes: map[string]string{}}
	if node != nil {
		s.NodeID = node.ID
	}
	for digest, m := range t.modes {
		s.Modes[digest] = m.provided
	}
	fixed := func(id string) { s.Reasons = append(s.Reasons, Reason{RuleID: id}) }
	if t.unknownHost() {
		fixed("UNKNOWN")
	}
	lifecycle := h.Lifecycle != placement.LifecycleInService
	if lifecycle {
		fixed("LIFECYCLE")
	}
	failed, attestation := t.failed()
	s.Reasons = append(s.Reasons, failed...)
	if lifecycle && attestation && h.Lifecycle == placement.LifecycleQuarantined && h.LifecycleReason == "attestation" {
		s.Reasons = slices.DeleteFunc(s.Reasons, func(r Reason) bool { return r.RuleID == "LIFECYCLE" })
	}
	if t.eff() < t.floor() {
		fixed("ISOLATION")
	}
	if d := h.DedicatedTo; d != nil && t.identity(string(d.Identity), &ask.Workload) != d.ID {
		fixed("DEDICATED")
	}
	if t.tooSmall() {
		fixed("CAPACITY")
	}
	for _, m := range t.modes {
		if m.provided == "" && m.demandedBy == nil {
			fixed("CACHE-DEFAULT")
			break
		}
	}
	return s
}

// failed are the reasons of the rules in force, in their order, and whether one on attestation is among them.
func (t *trial) failed() (reasons []Reason, attestation bool) {
	for i := range t.Policies {
		p := &t.Policies[i]
		for j := range p.Document.Rules {
			r := &p.Document.Rules[j]
			if r.Mode == "audit" || r.Strength == "SHOULD" || !t.picksHost(r.Host, t.host) {
				continue
			}
			against := t.fails(p, r)
			for _, id := range against {
				reasons = append(reasons, Reason{PolicyID: p.ID, RuleID: r.ID, AgainstID: id})
			}
			attestation = attestation || r.Kind == "attestation-freshness" && len(against) > 0
		}
	}
	return reasons, attestation
}

// unknownHost tells whether the VM was seen on this host too long ago to believe that it still is there.
func (t *trial) unknownHost() bool {
	n := t.node
	return n != nil && n.Form == placement.CISNodeVM && !n.HostObservedAt.IsZero() && t.MappingMaxAge > 0 && t.Now.Sub(n.HostObservedAt) > t.MappingMaxAge
}

// chooseRuntime takes the runtime asked; where it is open, the least isolation that meets the floor and every require-isolation
// rule, ties by name, and the next higher only where that is not offered.
func (t *trial) chooseRuntime() {
	offers := t.host.Runtimes
	if t.node != nil {
		offers = t.node.Runtimes
	}
	if asked := t.ask.Workload.Runtime; asked != "" {
		t.runtime, t.offered = asked, has(offers, asked)
		return
	}
	var classes []placement.RuntimeClass
	for _, c := range t.Catalogue.RuntimeClasses {
		classes = append(classes, c)
	}
	sort.Slice(classes, func(i, j int) bool {
		a, b := classes[i], classes[j]
		return a.Isolation < b.Isolation || a.Isolation == b.Isolation && a.Name < b.Name
	})
	meets := func(c placement.RuntimeClass) bool {
		plain := t.ask.Workload // what the runtime gives, whatever the workload itself gives away
		plain.CutThrough, plain.Privileged = 0, 0
		level := t.strength(&plain, c.Name, t.at, 0)
		if c.Isolation < t.floor() || level < t.floor() { // by its class, and here
			return false
		}
		for i := range t.Policies {
			p := &t.Policies[i]
			for j := range p.Document.Rules {
				r := &p.Document.Rules[j]
				if r.Kind == "require-isolation" && r.Mode != "audit" && r.Strength != "SHOULD" && t.concerns(p, r) && t.picksHost(r.Host, t.host) &&
					!t.excepted(p, r, t.host, t.ask.Workload.NF.VNFInstanceID) && level < isolation(r.text("level", "")) {
					return false
				}
			}
		}
		return true
	}
	for _, c := range classes {
		if !meets(c) {
			continue
		}
		if t.runtime == "" {
			t.runtime = c.Name
		}
		if has(offers, c.Name) {
			t.runtime, t.offered = c.Name, true
			return
		}
	}
	if t.runtime == "" && len(classes) > 0 {
		t.runtime = classes[len(classes)-1].Name
		t.offered = has(offers, t.runtime)
	}
}

// floor is the least isolation that the demand and its trust domain want.
func (t *trial) floor() placement.Isolation {
	f := t.ask.Floor
	if m := t.domain(t.ask.Workload.TrustDomainID).MinIsolation; m > f {
		f = m
	}
	return f
}

// concerns tells whether a rule about the candidate alone is about this one.
func (t *trial) concerns(p *Policy, r *Rule) bool {
	return p.applies(t.ask.Workload.NF.VNFInstanceID) && t.picks(r.Subject, &t.ask.Workload, t.ask.Workload.Roles.Names())
}

func (t *trial) eff() placement.Isolation { return t.strength(&t.ask.Workload, t.runtime, t.at, 0) }

// identity is what makes two workloads the same owner of a dedicated host.
func (t *trial) identity(by string, wl *placement.Workload) string {
	switch by {
	case "TRUST_DOMAIN":
		return wl.TrustDomainID
	case "TENANT":
		return t.domain(wl.TrustDomainID).AdminDomain
	}
	return wl.NF.Instance()
}

// alone tells whether everybody on the host has the candidate's identity.
func (t *trial) alone(by string) bool {
	for _, r := range t.others {
		if t.identity(by, &r.Workload) != t.identity(by, &t.ask.Workload) {
			return false
		}
	}
	return true
}

func (t *trial) tooSmall() bool {
	use := func(wl *placement.Workload, runtime, dimension string) int64 {
		return wl.Resources[dimension] + t.Catalogue.RuntimeClasses[runtime].Overhead[dimension]
	}
	for _, d := range append(placement.Dimensions(), "ext.fpga") {
		used := int64(0)
		for _, r := range t.residentsOf(t.host) {
			used += use(&r.Workload, r.Workload.Runtime, d)
		}
		if need := use(&t.ask.Workload, t.runtime, d); need > 0 && used+need > t.host.Capacity[d] {
			return true
		}
	}
	return false
}

func isolation(name string) placement.Isolation {
	for i, n := range []string{"NONE", "OS_CONTAINER", "SANDBOX", "VM", "CONFIDENTIAL_VM", "PHYSICAL"} {
		if n == name {
			return placement.Isolation(i)
		}
	}
	panic("no isolation level: " + name)
}
