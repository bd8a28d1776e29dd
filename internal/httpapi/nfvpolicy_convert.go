package httpapi

import (
	"net/url"

	"ringfence/api/common"
	wire "ringfence/api/nfvpolicy"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
)

func policyURL(base, id string) string { return base + "/nfvpolicy/v1/policies/" + url.PathEscape(id) }

func versionURL(base, id, version string) string {
	return policyURL(base, id) + "/versions/" + url.PathEscape(version)
}

func policyToWire(p *placement.PolicyRecord, base string) wire.Policy {
	w := wire.Policy{
		ID: p.ID, Designer: p.Designer, Name: p.Name, PFID: p.PFID, Versions: p.Versions, SelectedVersion: p.SelectedVersion,
		ActivationStatus: activationStatus(p), TransferStatus: transferStatus(p), Associations: p.Associations,
		Links: wire.PolicyLinks{Self: common.Link{Href: policyURL(base, p.ID)}},
	}
	if p.SelectedVersion != "" {
		w.Links.Selected.Href = versionURL(base, p.ID, p.SelectedVersion)
	}
	for _, v := range p.Versions {
		w.Links.Versions = append(w.Links.Versions, common.Link{Href: versionURL(base, p.ID, v)})
	}
	if g := p.BreakGlass; g != nil {
		w.BreakGlass = wire.BreakGlass{By: g.By, Reason: g.Reason, At: g.At, Until: g.Until}
	}
	return w
}

func activationStatus(p *placement.PolicyRecord) wire.ActivationStatus {
	if p.Activated {
		return wire.ActivationStatusACTIVATED
	}
	return wire.ActivationStatusDEACTIVATED
}

func transferStatus(p *placement.PolicyRecord) wire.TransferStatus {
	if len(p.Versions) > 0 {
		return wire.TransferStatusTRANSFERRED
	}
	return wire.TransferStatusCREATED
}

func modificationFromWire(w *wire.PolicyModifications) policies.Modification {
	m := policies.Modification{
		SelectedVersion: w.SelectedVersion, AddAssociations: w.AddAssociations, RemoveAssociations: w.RemoveAssociations,
		RemoveAllAssociations: w.RemoveAllAssociations,
	}
	if w.ActivationStatus != "" {
		activate := w.ActivationStatus == wire.ActivationStatusACTIVATED
		m.Activate = &activate
	}
	return m
}
