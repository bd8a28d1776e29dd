package httpapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	wire "ringfence/api/grant"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
)

// CheckUpstreamGrant tells whether a grant of the NFVO upstream has a form that can be merged into ours.
func CheckUpstreamGrant(body []byte) error {
	var w wire.Grant
	return json.Unmarshal(body, &w)
}

// upstreamRefusal renders what the NFVO upstream refused, with the decision of ours that stood behind the request.
func upstreamRefusal(res *grant.Result) *problem {
	p := newProblem(http.StatusForbidden, res.Upstream.Detail)
	p.Title, p.DecisionID = "Grant refused by the NFVO upstream", res.Grant.DecisionID
	return p
}

// addUpstream adds what the NFVO upstream says: connections, assets, networks, and about resources that are not placed here. What is
// ours stays. Its additionalParams are not handed on: SOL003 leaves them to the VNF and to whoever grants, a VNFM takes them as the word of
// the one that it asked, and they would pass unjudged by policy.
func (a grantAnswer) addUpstream(w *wire.Grant, g *placement.Grant, placed map[string]*placement.GrantedPlacement) {
	var theirs wire.Grant
	if len(g.Upstream) == 0 || json.Unmarshal(g.Upstream, &theirs) != nil {
		return // it was checked before it was recorded
	}
	a.addUpstreamConnections(w, &theirs)
	w.CIRConnectionInfo = withOurs(w.CIRConnectionInfo, theirs.CIRConnectionInfo)
	w.MCIOPRepositoryInfo = withOurs(w.MCIOPRepositoryInfo, theirs.MCIOPRepositoryInfo)
	w.ExtVirtualLinks, w.ExtManagedVirtualLinks, w.PaaSAssets = theirs.ExtVirtualLinks, a.managedLinks(theirs.ExtManagedVirtualLinks), theirs.PaaSAssets
	addUpstreamAssets(&w.VIMAssets, &theirs.VIMAssets)
	used := map[string]bool{}
	for _, lists := range [][2][]wire.GrantInfo{
		{w.AddResources, theirs.AddResources}, {w.TempResources, theirs.TempResources}, {w.UpdateResources, theirs.UpdateResources},
	} {
		for i := range lists[0] {
			ours := &lists[0][i]
			at := slices.IndexFunc(lists[1], func(in wire.GrantInfo) bool { return in.ResourceDefinitionID == ours.ResourceDefinitionID })
			if at < 0 {
				continue
			}
			if placed[ours.ResourceDefinitionID] != nil {
				addToPlaced(ours, &lists[1][at])
				continue
			}
			*ours = lists[1][at]
			if ours.ZoneID != "" {
				ours.ZoneID = upstreamZone(ours.ZoneID)
				used[ours.ZoneID] = true
			}
		}
	}
	for _, z := range theirs.Zones {
		if z.ID = upstreamZone(z.ID); used[z.ID] {
			w.Zones = append(w.Zones, z)
		}
	}
}

// managedLinks name the descriptor as the dialect does, whatever name it came under. Those before 1.4.0 have either name, so they get both.
func (a grantAnswer) managedLinks(links []wire.ExtManagedVirtualLinkData) []wire.ExtManagedVirtualLinkData {
	for i := range links {
		l := &links[i]
		l.VNFVirtualLinkDescID = cmp.Or(l.VNFVirtualLinkDescID, l.VirtualLinkDescID)
		l.VirtualLinkDescID = ""
		if !a.newer {
			l.VirtualLinkDescID = l.VNFVirtualLinkDescID
		}
	}
	return links
}

// upstreamZone keeps the zones of the NFVO upstream apart from ours.
func upstreamZone(id string) string { return "nfvo-" + id }

// addToPlaced adds what the decision says nothing of.
func addToPlaced(ours, theirs *wire.GrantInfo) {
	if ours.ResourceGroupID == "" {
		ours.ResourceGroupID = theirs.ResourceGroupID
	}
	if ours.ResourceProviderID == "" {
		ours.ResourceProviderID = theirs.ResourceProviderID
	}
	for key, value := range theirs.MCIOConstraints {
		if _, set := ours.MCIOConstraints[key]; !set && ours.MCIOConstraints != nil {
			ours.MCIOConstraints[key] = value
		}
	}
}

// addUpstreamConnections adds connections in the form of the dialect, whatever form they came in.
func (a grantAnswer) addUpstreamConnections(w, theirs *wire.Grant) {
	all := maps.Clone(theirs.VIMConnectionInfo)
	for _, c := range theirs.VIMConnections {
		if all == nil {
			all = map[string]wire.VIMConnectionInfo{}
		}
		id := c.ID
		c.ID = ""
		all[id] = c
	}
	if a.newer {
		w.VIMConnectionInfo = withOurs(w.VIMConnectionInfo, all)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if slices.ContainsFunc(w.VIMConnections, func(c wire.VIMConnectionInfo) bool { return c.ID == id }) {
			continue
		}
		c := all[id]
		c.ID = id
		w.VIMConnections = append(w.VIMConnections, c)
	}
}

// withOurs is what either says; where both do, ours.
func withOurs[V any](ours, theirs map[string]V) map[string]V {
	if len(theirs) == 0 {
		return ours
	}
	all := maps.Clone(theirs)
	maps.Copy(all, ours)
	return all
}

// addUpstreamAssets adds names for what ours have none for. Other names for the same were refused.
func addUpstreamAssets(ours, theirs *wire.VIMAssets) {
	for _, e := range theirs.ComputeResourceFlavours {
		if !slices.Contains(ours.ComputeResourceFlavours, e) {
			ours.ComputeResourceFlavours = append(ours.ComputeResourceFlavours, e)
		}
	}
	for _, e := range theirs.SoftwareImages {
		if !slices.Contains(ours.SoftwareImages, e) {
			ours.SoftwareImages = append(ours.SoftwareImages, e)
		}
	}
	for _, e := range theirs.StorageAssets {
		if !slices.Contains(ours.StorageAssets, e) {
			ours.StorageAssets = append(ours.StorageAssets, e)
		}
	}
	for _, e := range theirs.SnapshotResources {
		if !slices.Contains(ours.SnapshotResources, e) {
			ours.SnapshotResources = append(ours.SnapshotResources, e)
		}
	}
}
