package synthetic

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	wire "ringfence/api/inventory"
	"ringfence/internal/placement"
)

// WriteInventory writes the fleet as an inventory document in JSON, as it goes: its size in memory does not matter. The ages of
// attestations count from the import.
func (f *Fleet) WriteInventory(w io.Writer) error {
	d := &document{w: bufio.NewWriterSize(w, 1<<16)}
	d.text(`{"apiVersion":"ringfence/v1","kind":"Inventory"`)
	list(d, "trustDomains", trustDomains(), domainToWire)
	pops, zones := f.sites()
	list(d, "nfviPops", pops, func(p placement.NFVIPoP) wire.NFVIPoP { return wire.NFVIPoP{ID: p.ID, Country: p.Country} })
	list(d, "resourceZones", zones, func(z placement.ResourceZone) wire.ResourceZone {
		return wire.ResourceZone{ID: z.ID, NFVIPoPID: z.NFVIPoPID}
	})
	list(d, "hostPools", hostPools(), func(p placement.HostPool) wire.HostPool {
		return wire.HostPool{ID: p.ID, AllowedTrustDomainIDs: p.AllowedTrustDomainIDs}
	})
	list(d, "runtimeClasses", runtimeClasses(), func(c placement.RuntimeClass) wire.RuntimeClass {
		return wire.RuntimeClass{Name: c.Name, Isolation: wire.IsolationLevel(c.Isolation.String()), Overhead: wire.Dimensions(c.Overhead)}
	})
	list(d, "vnfProfiles", vnfProfiles(), profileToWire)
	d.open("hosts")
	for n := range f.Hosts {
		d.item(f.hostToWire(f.Host(n)))
	}
	d.close()
	d.open("residencies")
	for n := range f.Hosts {
		for _, r := range f.ResidentsOf(n) {
			d.item(residencyToWire(r))
		}
	}
	d.close()
	d.text("}\n")
	if d.err == nil {
		d.err = d.w.Flush()
	}
	return d.err
}

// document writes JSON piece by piece and remembers the first error.
type document struct {
	w     *bufio.Writer
	first bool // the next item is the first of its list
	err   error
}

func (d *document) text(s string) {
	if d.err == nil {
		_, d.err = d.w.WriteString(s)
	}
}

func (d *document) open(name string) {
	d.text(fmt.Sprintf(",\n%q:[", name))
	d.first = true
}

func (d *document) close() { d.text("]") }

func (d *document) item(v any) {
	if !d.first {
		d.text(",\n")
	}
	d.first = false
	text, err := json.Marshal(v)
	if err != nil && d.err == nil {
		d.err = err
	}
	d.text(string(text))
}

func list[D, W any](d *document, name string, items []D, toWire func(D) W) {
	d.open(name)
	for _, item := range items {
		d.item(toWire(item))
	}
	d.close()
}

func domainToWire(t placement.TrustDomain) wire.TrustDomain {
	return wire.TrustDomain{
		ID: t.ID, Category: wire.Category(t.Category), Sensitivity: t.Sensitivity, Exclusive: t.Exclusive,
		RequiresPhysicalSecurity: t.RequiresPhysicalSecurity, AllowedCountries: &t.AllowedCountries, MaxAttestationAge: t.MaxAttestationAge.String(),
	}
}

func profileToWire(p placement.VNFProfile) wire.VNFProfile {
	out := wire.VNFProfile{VNFDID: p.VNFDID, NFType: p.NFType, TrustDomainID: p.TrustDomainID}
	for i := range p.Components {
		c := &p.Components[i]
		component := wire.Component{
			ID: c.ID, Roles: names[wire.Role](c.Roles.Names()), Exposed: c.Exposed, Runtime: c.Runtime,
			CutThrough: names[wire.CutThrough](c.CutThrough.Names()), Resources: wire.Dimensions(c.Resources),
		}
		if c.Isolation != placement.IsolationNone {
			component.Isolation = wire.IsolationLevel(c.Isolation.String())
		}
		out.Components = append(out.Components, component)
	}
	return out
}

func (f *Fleet) hostToWire(h *placement.Host) wire.Host {
	return wire.Host{
		ID: h.ID, HostPoolID: h.HostPoolID, NFVIPoPID: h.NFVIPoPID, ResourceZoneID: h.ResourceZoneID, RackID: h.RackID,
		PhysicallySecure: h.PhysicallySecure, HypervisorClass: wire.HypervisorClass(h.HypervisorClass), Runtimes: h.Runtimes,
		Capabilities: names[wire.Capability](h.Capabilities.Names()), Capacity: wire.Dimensions(h.Capacity), VIMConnectionID: h.VIMConnectionID,
		VIMZoneID: h.VIMZoneID, Lifecycle: wire.Lifecycle(h.Lifecycle), LifecycleReason: h.LifecycleReason,
		Attestation: wire.Attestation{
			State: wire.AttestationState(h.Attestation.State), Verifier: h.Attestation.Verifier, Age: f.Now.Sub(h.Attestation.AttestedAt).String(),
		},
	}
}

func residencyToWire(r *placement.Residency) wire.Residency {
	w := &r.Workload
	return wire.Residency{
		ID: r.ID, HostID: r.HostID, VNFInstanceID: w.NF.VNFInstanceID, NF: wire.NetworkFunction{NFType: w.NF.Type}, ComponentID: w.ComponentID,
		TrustDomainID: w.TrustDomainID, Roles: names[wire.Role](w.Roles.Names()), Exposed: w.Exposed, Runtime: w.Runtime,
		CutThrough: names[wire.CutThrough](w.CutThrough.Names()), Resources: wire.Dimensions(w.Resources), VIMResourceIDs: r.VIMResourceIDs,
	}
}

// names gives wire names their type.
func names[S ~string](list []string) []S {
	out := make([]S, len(list))
	for i, name := range list {
		out[i] = S(name)
	}
	return out
}
