package vnfd

import (
	"ringfence/internal/placement"
)

// Missing is something that the operator has to add to a draft.
type Missing struct {
	Pointer string // into the completion
	Why     string
}

// Missing names what no descriptor can say of a VNF.
func (d *Draft) Missing() []Missing {
	out := []Missing{
		{"/nfType", "which network function it is, in 3GPP's words"},
		{"/trustDomainId", "which trust domain of the operator's it belongs to"},
	}
	for i := range d.Components {
		if c := &d.Components[i]; len(c.PartOf) == 0 {
			out = append(out, Missing{"/components/" + c.ID + "/roles", "which roles it has; an empty list if none"})
		}
	}
	return out
}

// Profile is the VNF profile as far as the descriptor says it.
func (d *Draft) Profile() placement.VNFProfile {
	p := placement.VNFProfile{VNFDID: d.VNFDID, AffinityRules: d.AffinityRules}
	for i := range d.Components {
		c := &d.Components[i]
		p.Components = append(p.Components, placement.Component{
			ID: c.ID, Labels: c.Labels, Resources: c.Resources, CutThrough: c.CutThrough,
		})
	}
	return p
}

// Component returns the component with the id, or nil.
func (d *Draft) Component(id string) *Component {
	for i := range d.Components {
		if d.Components[i].ID == id {
			return &d.Components[i]
		}
	}
	return nil
}
