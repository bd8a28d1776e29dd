package httpapi

import (
	"cmp"
	"net/http"
	"slices"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func hostNoun(s *Server, records *inventory.Collection[placement.Host]) noun[wire.Host, placement.Host] {
	return noun[wire.Host, placement.Host]{
		server: s, records: records, path: "hosts", listName: "hosts", schema: "Host", keys: []string{"id"}, kept: []string{"attestation", "dedicatedTo", "residue"},
		toWire: hostToWire, fromWire: hostFromWire,
	}
}

func hostToWire(h *placement.Host) wire.Host {
	w := wire.Host{
		ID: h.ID, HostPoolID: h.HostPoolID, NFVIPoPID: h.NFVIPoPID, ResourceZoneID: h.ResourceZoneID, RackID: h.RackID, Country: h.Country,
		PhysicallySecure: h.PhysicallySecure, ExposedEdge: h.ExposedEdge, ThirdPartyHosted: h.ThirdPartyHosted,
		HypervisorClass: wire.HypervisorClass(h.HypervisorClass), Runtimes: h.Runtimes,
		RuntimeVersions: h.RuntimeVersions, Accelerations: named[wire.Acceleration](h.Accelerations.Names()), Capabilities: named[wire.Capability](h.Capabilities.Names()),
		Capacity: wire.Dimensions(h.Capacity), Labels: h.Labels, VIMConnectionID: h.VIMConnectionID, VIMZoneID: h.VIMZoneID,
		Lifecycle: wire.Lifecycle(h.Lifecycle), LifecycleReason: h.LifecycleReason, Location: wire.LocationClaim{Source: h.Location.Source, AssertedAt: h.Location.AssertedAt},
		Attestation: attestationToWire(h),
	}
	for i := range h.CISNodes {
		w.CISNodes = append(w.CISNodes, cisNodeToWire(&h.CISNodes[i]))
	}
	for i := range h.Residue {
		r := &h.Residue[i]
		w.Residue = append(w.Residue, wire.Residue{TrustDomainID: r.TrustDomainID, VNFInstanceID: r.NFInstance, Since: r.Since})
	}
	if h.DedicatedTo != nil {
		w.DedicatedTo = wire.Dedication{Identity: wire.DedicationIdentity(h.DedicatedTo.Identity), ID: h.DedicatedTo.ID}
	}
	return w
}

// attestationToWire leaves out the attestation of a host that nobody ever attested.
func attestationToWire(h *placement.Host) wire.Attestation {
	a := &h.Attestation
	if a.AttestedAt.IsZero() && (a.State == "" || a.State == placement.AttestationUnknown) {
		return wire.Attestation{}
	}
	return wire.Attestation{
		State: wire.AttestationState(a.State), AttestedAt: a.AttestedAt, ValidUntil: a.ValidUntil, Verifier: a.Verifier,
		EvidenceDigest: a.EvidenceDigest, Capabilities: named[wire.Capability](h.AttestedCapabilities.Names()),
	}
}

func cisNodeToWire(n *placement.CISNode) wire.CISNode {
	return wire.CISNode{
		ID: n.ID, ParentID: n.ParentID, Form: wire.CISNodeForm(n.Form), ClusterID: n.ClusterID, NodeName: n.NodeName,
		HypervisorClass: wire.HypervisorClass(n.HypervisorClass), Runtimes: n.Runtimes, HostObservedAt: n.HostObservedAt,
	}
}

func hostFromWire(w *wire.Host, in *reading) placement.Host {
	h := placement.Host{
		ID: w.ID, HostPoolID: w.HostPoolID, NFVIPoPID: w.NFVIPoPID, ResourceZoneID: w.ResourceZoneID, RackID: w.RackID, Country: w.Country,
		PhysicallySecure: w.PhysicallySecure, ExposedEdge: w.ExposedEdge, ThirdPartyHosted: w.ThirdPartyHosted,
		HypervisorClass: cmp.Or(placement.HypervisorClass(w.HypervisorClass), placement.HypervisorNone), Runtimes: orNil(slices.Sorted(slices.Values(w.Runtimes))),
		RuntimeVersions: labels(wire.Labels(w.RuntimeVersions)), Accelerations: parsedSet(in, w.Accelerations, "/accelerations", placement.ParseAccelerations),
		Capabilities: in.capabilities(w.Capabilities, "/capabilities"), Capacity: amounts(w.Capacity), Labels: labels(w.Labels),
		VIMConnectionID: w.VIMConnectionID, VIMZoneID: w.VIMZoneID, Lifecycle: cmp.Or(placement.Lifecycle(w.Lifecycle), placement.LifecycleRegistered),
		LifecycleReason: w.LifecycleReason, Location: placement.LocationClaim{Source: w.Location.Source, AssertedAt: exactTime(w.Location.AssertedAt)},
		Attestation: in.attestation(&w.Attestation), AttestedCapabilities: in.capabilities(w.Attestation.Capabilities, "/attestation/capabilities"),
	}
	for i := range w.CISNodes {
		h.CISNodes = append(h.CISNodes, cisNodeFromWire(&w.CISNodes[i]))
	}
	if w.Residue != nil {
		h.Residue = []placement.Residue{} // none is not the same as nothing said
	}
	for i := range w.Residue {
		r := &w.Residue[i]
		h.Residue = append(h.Residue, placement.Residue{TrustDomainID: r.TrustDomainID, NFInstance: r.VNFInstanceID, Since: exactTime(r.Since), BelowVM: true})
	}
	if w.DedicatedTo != (wire.Dedication{}) {
		h.DedicatedTo = &placement.Dedication{Identity: placement.DedicationIdentity(w.DedicatedTo.Identity), ID: w.DedicatedTo.ID}
	}
	return h
}

func cisNodeFromWire(w *wire.CISNode) placement.CISNode {
	n := placement.CISNode{
		ID: w.ID, ParentID: w.ParentID, Form: placement.CISNodeForm(w.Form), ClusterID: w.ClusterID, NodeName: w.NodeName,
		HypervisorClass: placement.HypervisorClass(w.HypervisorClass), Runtimes: orNil(slices.Sorted(slices.Values(w.Runtimes))),
		HostObservedAt: exactTime(w.HostObservedAt),
	}
	if n.HypervisorClass == "" && n.Form == placement.CISNodeVM { // on bare metal it is the host's
		n.HypervisorClass = placement.HypervisorNone
	}
	return n
}

// attestation reads the attestation of a host. Its age, which examples and tests have, counts from the import.
func (in *reading) attestation(w *wire.Attestation) placement.Attestation {
	a := placement.Attestation{
		State: placement.AttestationState(w.State), Verifier: w.Verifier, EvidenceDigest: w.EvidenceDigest,
		AttestedAt: exactTime(w.AttestedAt), ValidUntil: exactTime(w.ValidUntil),
	}
	if w.Age == "" {
		return a
	}
	if !in.ageOK {
		in.fault(inventory.CodeNotAllowed, "/attestation/age", "an age counts from an import; here the attestation is what is stored, or left out")
		return a
	}
	a.AttestedAt = in.since(w.Age, w.AttestedAt, "/attestation")
	return a
}

// ListHosts answers a page of hosts.
func (a inventoryAPI) ListHosts(w http.ResponseWriter, r *http.Request, p wire.ListHostsParams) {
	a.reply(w, r)(a.nouns.hosts.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetHost answers one host.
func (a inventoryAPI) GetHost(w http.ResponseWriter, r *http.Request, hostID string, _ wire.GetHostParams) {
	a.reply(w, r)(a.nouns.hosts.get(r, inventory.ID(hostID)))
}

// PutHost creates or replaces a host.
func (a inventoryAPI) PutHost(w http.ResponseWriter, r *http.Request, hostID string, p wire.PutHostParams) {
	a.reply(w, r)(a.nouns.hosts.put(r, inventory.ID(hostID), p.IfMatch, p.IfNoneMatch))
}

// PatchHost changes attributes of a host.
func (a inventoryAPI) PatchHost(w http.ResponseWriter, r *http.Request, hostID string, p wire.PatchHostParams) {
	a.reply(w, r)(a.nouns.hosts.patch(r, inventory.ID(hostID), p.IfMatch))
}

// DeleteHost deletes a host.
func (a inventoryAPI) DeleteHost(w http.ResponseWriter, r *http.Request, hostID string, p wire.DeleteHostParams) {
	a.reply(w, r)(a.nouns.hosts.remove(r, inventory.ID(hostID), p.IfMatch))
}
