package grant

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// beforeUUID takes the part of a resource definition's id before the first -<uuid>, as VNFMs of the Tacker
// family build it.
var beforeUUID = regexp.MustCompile(`^(.+?)-[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// Demands turns the resources that a request places into demands: profile times request, equal resources
// together. What nobody knows becomes a reason of the demand. A request that asks for less than the profile
// is invalid.
func Demands(cat *placement.Catalogue, req *placement.GrantRequest, mem placement.VNFInstanceParams) ([]placement.Demand, error) {
	return newBuilder(cat, req, mem).all()
}

func newBuilder(cat *placement.Catalogue, req *placement.GrantRequest, mem placement.VNFInstanceParams) *builder {
	b := &builder{cat: cat, req: req, asks: req.Components, snssai: req.SNSSAI, byKey: map[string]int{}}
	if req.Operation != placement.OpInstantiate { // which begins anew
		b.asks = joined(cat, mem.Components, req.Components)
		if b.snssai == "" {
			b.snssai = mem.SNSSAI
		}
	}
	return b
}

// all are the demands of the request.
func (b *builder) all() ([]placement.Demand, error) {
	for _, list := range newOnes(b.req) {
		for i := range list.resources {
			if rd := &list.resources[i]; rd.Placed() {
				if err := b.add(rd, list.temporary); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(b.demands) == 0 && !onlyRemoves(b.req) {
		b.checkVNFD()
	}
	b.checkWishes()
	return b.demands, nil
}

// foreign is what a request for another client's VNF instance comes to: nobody knows it.
func foreign(req *placement.GrantRequest) placement.Demand {
	d := placement.Demand{Unknown: []placement.Reason{unknown("VNF instance " + req.VNFInstanceID)}}
	for _, list := range [][]placement.ResourceDefinition{req.AddResources, req.TempResources, req.UpdateResources, req.RemoveResources} {
		for i := range list {
			d.ResourceDefinitionIDs = append(d.ResourceDefinitionIDs, list[i].ID)
		}
	}
	return d
}

type builder struct {
	cat     *placement.Catalogue
	req     *placement.GrantRequest
	asks    map[string]placement.ComponentAsk
	snssai  string
	demands []placement.Demand
	byKey   map[string]int
}

// refuse names what nobody knows and no resource of the request is about.
func (b *builder) refuse(objects ...string) {
	if len(objects) == 0 {
		return
	}
	d := placement.Demand{}
	for _, o := range objects {
		d.Unknown = append(d.Unknown, unknown(o))
	}
	b.demands = append(b.demands, d)
}

// checkVNFD refuses a VNFD that nobody knows even when there is nothing to place.
func (b *builder) checkVNFD() {
	if _, ok := b.cat.VNFProfiles[b.req.VNFDID]; !ok {
		b.refuse("VNFD " + b.req.VNFDID)
	}
}

func (b *builder) add(rd *placement.ResourceDefinition, temporary bool) error {
	d, err := b.demandOf(rd)
	if err != nil {
		return err
	}
	d.Temporary, d.HostID = temporary, rd.ReplacedOn
	key := fmt.Sprintf("%+v", d) + b.memberships(rd.ID)
	if i, ok := b.byKey[key]; ok {
		b.demands[i].ResourceDefinitionIDs = append(b.demands[i].ResourceDefinitionIDs, rd.ID)
		return nil
	}
	b.byKey[key] = len(b.demands)
	d.ResourceDefinitionIDs = []string{rd.ID}
	b.demands = append(b.demands, d)
	return nil
}

// demandOf describes what a resource is to be.
func (b *builder) demandOf(rd *placement.ResourceDefinition) (d placement.Demand, err error) {
	vnfdID := descriptorOf(b.req, rd)
	profile, known := b.cat.VNFProfiles[vnfdID]
	if !known {
		d.Unknown = append(d.Unknown, unknown("VNFD "+vnfdID))
		return d, nil
	}
	return d, b.fill(&d, &profile, rd)
}

// memberships tells resources of different constraints apart: they are no equal resources.
func (b *builder) memberships(id string) string {
	var in []string
	has := func(refs []placement.ConstraintResourceRef) bool {
		return slices.ContainsFunc(refs, func(r placement.ConstraintResourceRef) bool { return !r.Existing && r.ResourceID == id })
	}
	for n := range b.req.PlacementConstraints {
		if has(b.req.PlacementConstraints[n].Resources) {
			in = append(in, b.req.PlacementConstraints[n].RuleID(n))
		}
	}
	for n := range b.req.VIMConstraints {
		if has(b.req.VIMConstraints[n].Resources) {
			in = append(in, placement.RuleVIM(n))
		}
	}
	return strings.Join(in, " ")
}

// componentIDs names the components of a resource: its VDU, else its templates (a pod: all its containers),
// else the part of its id before a UUID.
func componentIDs(rd *placement.ResourceDefinition) []string {
	switch {
	case rd.VDUID != "":
		return []string{rd.VDUID}
	case len(rd.ResourceTemplateIDs) > 0:
		return rd.ResourceTemplateIDs
	}
	if m := beforeUUID.FindStringSubmatch(rd.ID); m != nil {
		return []string{m[1]}
	}
	return []string{rd.ID}
}

// fill describes the workload of a resource: one component, or the union of a pod's components.
func (b *builder) fill(d *placement.Demand, profile *placement.VNFProfile, rd *placement.ResourceDefinition) error {
	for n, id := range componentIDs(rd) {
		c := profile.Component(id)
		if c == nil {
			d.Unknown = append(d.Unknown, unknown("component "+id+" of VNFD "+profile.VNFDID))
			continue
		}
		if err := b.merge(d, profile, c, n == 0); err != nil {
			return err
		}
	}
	w := &d.Workload
	if b.cat.Isolation(w.Runtime) < d.Isolation {
		w.Runtime = "" // what one component is content with is not enough for another one: any runtime that meets the floor
	}
	slices.Sort(w.Images)
	w.Images = slices.Compact(w.Images)
	b.checkNames(d)
	return nil
}

func (b *builder) merge(d *placement.Demand, profile *placement.VNFProfile, c *placement.Component, first bool) error {
	w := &d.Workload
	domain := profile.DomainOf(c)
	derived := profile.Derive(b.cat, c.ID)
	runtime, floor, err := b.ask(c)
	if err != nil {
		return err
	}
	if _, ok := b.cat.RuntimeClasses[runtime]; !ok && runtime != "" {
		d.Unknown = append(d.Unknown, unknown("runtime class "+runtime))
	}
	if first {
		w.NF = c.NF
		w.NF.VNFInstanceID = b.req.VNFInstanceID
		if w.NF.Type == "" {
			w.NF.Type = profile.NFType
		}
		w.VNFDID, w.ComponentID, w.TrustDomainID, w.Runtime = profile.VNFDID, c.ID, domain, runtime
		if b.snssai != "" {
			w.SNSSAIs = []string{b.snssai}
		}
	} else if w.TrustDomainID != domain {
		d.Unknown = append(d.Unknown, unknown("one trust domain for a pod of components of "+w.TrustDomainID+" and "+domain))
	} else if runtime != "" {
		w.Runtime = stronger(b.cat, w.Runtime, runtime)
	}
	d.Isolation = max(d.Isolation, floor)
	w.Roles |= derived.Roles
	w.Exposed = w.Exposed || derived.Exposed
	w.ProtectedPeer = w.ProtectedPeer || derived.ProtectedPeer
	w.UndeclaredPeers = w.UndeclaredPeers || derived.UndeclaredPeers
	w.CutThrough |= c.CutThrough
	w.Privileged |= c.Privileged
	w.AdministersHostPools = append(w.AdministersHostPools, c.AdministersHostPools...)
	w.Images = append(w.Images, c.Images...)
	if len(c.Resources) > 0 {
		w.Resources = w.Resources.Plus(c.Resources)
	}
	w.Labels = union(w.Labels, c.Labels)
	return nil
}

func union(a, b map[string]string) map[string]string {
	if len(b) == 0 {
		return a
	}
	m := make(map[string]string, len(a)+len(b))
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

// checkNames refuses what the demand mentions and the catalogue does not have.
func (b *builder) checkNames(d *placement.Demand) {
	w := &d.Workload
	if w.ComponentID == "" {
		return
	}
	if _, ok := b.cat.TrustDomains[w.TrustDomainID]; !ok {
		d.Unknown = append(d.Unknown, unknown("trust domain "+w.TrustDomainID))
	}
	for _, digest := range w.Images {
		if _, ok := b.cat.Images[digest]; !ok {
			d.Unknown = append(d.Unknown, unknown("artefact "+digest))
		}
	}
}

func unknown(object string) placement.Reason {
	return placement.Reason{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": object}}
}
