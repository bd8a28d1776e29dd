package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"ringfence/internal/placement"
)

// theirs is what is held against the decision of a Grant of SOL003.
type theirs struct {
	VNFInstanceID   string `json:"vnfInstanceId"`
	VNFLcmOpOccID   string `json:"vnfLcmOpOccId"`
	AddResources    []info `json:"addResources"`
	TempResources   []info `json:"tempResources"`
	RemoveResources []info `json:"removeResources"`
	UpdateResources []info `json:"updateResources"`
	Zones           []zone `json:"zones"`
	VIMAssets       struct {
		Flavours []struct {
			VIMConnectionID string `json:"vimConnectionId"`
			DescriptorID    string `json:"vnfdVirtualComputeDescId"`
			Name            string `json:"vimFlavourId"`
		} `json:"computeResourceFlavours"`
		Images []struct {
			VIMConnectionID string `json:"vimConnectionId"`
			DescriptorID    string `json:"vnfdSoftwareImageId"`
			Name            string `json:"vimSoftwareImageId"`
		} `json:"softwareImages"`
		Storage []struct {
			VIMConnectionID string `json:"vimConnectionId"`
			DescriptorID    string `json:"virtualStorageDescId"`
			Name            string `json:"storageClassName"`
		} `json:"storageAssets"`
	} `json:"vimAssets"`
}

// zone is a ZoneInfo.
type zone struct {
	ID              string `json:"id"`
	ZoneID          string `json:"zoneId"`
	VIMConnectionID string `json:"vimConnectionId"`
}

// info is a GrantInfo.
type info struct {
	ResourceDefinitionID string `json:"resourceDefinitionId"`
	VIMConnectionID      string `json:"vimConnectionId"`
	ZoneID               string `json:"zoneId"`
	ContainerNamespace   string `json:"containerNamespace"`
}

// fits tells whether a Grant of the NFVO is one for exactly what was asked, and places nothing elsewhere than was decided.
func fits(grant []byte, g *placement.Grant) error {
	var t theirs
	if err := json.Unmarshal(grant, &t); err != nil {
		return errors.New("its answer is no grant")
	}
	if t.VNFInstanceID != g.Request.VNFInstanceID || t.VNFLcmOpOccID != g.Request.VNFLcmOpOccID {
		return errors.New("it answered about another operation")
	}
	for _, list := range []struct {
		name  string
		asked []placement.ResourceDefinition
		infos []info
	}{
		{"addResources", g.Request.AddResources, t.AddResources},
		{"tempResources", g.Request.TempResources, t.TempResources},
		{"removeResources", g.Request.RemoveResources, t.RemoveResources},
		{"updateResources", g.Request.UpdateResources, t.UpdateResources},
	} {
		if !sameResources(list.asked, list.infos) {
			return fmt.Errorf("%s of its answer are not exactly those of the request", list.name)
		}
		for i := range list.infos {
			if err := t.place(&list.infos[i], g); err != nil {
				return err
			}
		}
	}
	return t.assets(g)
}

// sameResources tells whether an answer is about each resource that was asked about, once, and about no other.
func sameResources(asked []placement.ResourceDefinition, infos []info) bool {
	var want, got []string
	for i := range asked {
		if !asked[i].Expanded {
			want = append(want, asked[i].ID)
		}
	}
	for i := range infos {
		got = append(got, infos[i].ResourceDefinitionID)
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(want, got)
}

// place tells whether a resource stays where it was placed. A zone that the decision does not name is another one.
func (t *theirs) place(in *info, g *placement.Grant) error {
	at := slices.IndexFunc(g.Placements, func(p placement.GrantedPlacement) bool { return p.ResourceDefinitionID == in.ResourceDefinitionID })
	if at < 0 {
		return nil // a network, a volume: nothing was decided about it
	}
	p := &g.Placements[at]
	elsewhere := errors.New("it places a resource elsewhere than was decided")
	if in.VIMConnectionID != "" && in.VIMConnectionID != p.VIMConnectionID || in.ContainerNamespace != "" && in.ContainerNamespace != p.Namespace {
		return elsewhere
	}
	if in.ZoneID == "" {
		return nil
	}
	z := slices.IndexFunc(t.Zones, func(z zone) bool { return z.ID == in.ZoneID })
	if z < 0 || t.Zones[z].ZoneID == "" || t.Zones[z].ZoneID != p.VIMZoneID && t.Zones[z].ZoneID != p.ResourceZoneID ||
		t.Zones[z].VIMConnectionID != "" && t.Zones[z].VIMConnectionID != p.VIMConnectionID {
		return elsewhere
	}
	return nil
}

// assets tells whether what the VIMs call things is what it was judged by: another image is another artefact.
func (t *theirs) assets(g *placement.Grant) error {
	other := func(ours []placement.VIMAsset, vim, descriptor, name string) bool {
		return slices.ContainsFunc(ours, func(a placement.VIMAsset) bool {
			return a.DescriptorID == descriptor && (a.VIMConnectionID == vim || a.VIMConnectionID == "" || vim == "") && a.Name != name
		})
	}
	for _, e := range t.VIMAssets.Images {
		if other(g.VIMAssets.SoftwareImages, e.VIMConnectionID, e.DescriptorID, e.Name) {
			return errors.New("it names another software image than was decided about")
		}
	}
	for _, e := range t.VIMAssets.Flavours {
		if other(g.VIMAssets.ComputeResourceFlavours, e.VIMConnectionID, e.DescriptorID, e.Name) {
			return errors.New("it names another flavour than was decided about")
		}
	}
	for _, e := range t.VIMAssets.Storage {
		if other(g.VIMAssets.StorageAssets, e.VIMConnectionID, e.DescriptorID, e.Name) {
			return errors.New("it names another storage class than was decided about")
		}
	}
	return nil
}
