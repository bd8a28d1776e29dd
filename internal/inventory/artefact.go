package inventory

import (
	"context"
	"regexp"
	"strconv"

	"ringfence/internal/placement"
)

type artefactStore interface {
	ListImages(ctx context.Context, page placement.Page) ([]placement.Image, error)
	GetImage(ctx context.Context, digest string) (placement.Image, error)
	PutImage(ctx context.Context, i placement.Image, ifRevision *int64, actor string) (placement.Image, bool, error)
	DeleteImage(ctx context.Context, digest string, ifRevision *int64, actor string) error

	ListVNFProfiles(ctx context.Context, page placement.Page) ([]placement.VNFProfile, error)
	GetVNFProfile(ctx context.Context, vnfdID string) (placement.VNFProfile, error)
	PutVNFProfile(ctx context.Context, p placement.VNFProfile, ifRevision *int64, actor string) (placement.VNFProfile, bool, error)
	DeleteVNFProfile(ctx context.Context, vnfdID string, ifRevision *int64, actor string) error
}

func (s *Service) recordArtefacts() {
	s.Images = Collection[placement.Image]{
		list: s.store.ListImages, get: one(s.store.GetImage), put: s.store.PutImage, remove: oneOf(s.store.DeleteImage),
		key:      func(i *placement.Image) Key { return ID(i.Digest) },
		revision: func(i *placement.Image) int64 { return i.Revision },
		check:    checkImage,
	}
	s.VNFProfiles = Collection[placement.VNFProfile]{
		list: s.store.ListVNFProfiles, get: one(s.store.GetVNFProfile), put: s.store.PutVNFProfile, remove: oneOf(s.store.DeleteVNFProfile),
		key:      func(p *placement.VNFProfile) Key { return ID(p.VNFDID) },
		revision: func(p *placement.VNFProfile) int64 { return p.Revision },
		check:    checkVNFProfile,
	}
}

// digestForm is how OCI writes a digest: algorithm and encoded value.
var digestForm = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$`)

func checkDigest(digest, pointer string, f *faults) {
	if !digestForm.MatchString(digest) {
		f.add(CodeInvalid, pointer, "a digest is written as algorithm:value, such as sha256:9f2c...")
	}
}

func checkDigests(digests []string, pointer string, f *faults) {
	for i, d := range digests {
		if !digestForm.MatchString(d) {
			checkDigest(d, pointer+"/"+strconv.Itoa(i), f)
		}
	}
}

func checkImage(i *placement.Image, f *faults) {
	checkDigest(i.Digest, "/digest", f)
	checkSensitivity(i.Sensitivity, "/sensitivity", f)
	for j := range i.Layers {
		l := &i.Layers[j]
		at := "/layers/" + strconv.Itoa(j)
		checkDigest(l.Digest, at+"/digest", f)
		if l.DiffID != "" {
			checkDigest(l.DiffID, at+"/diffId", f)
		}
		if l.SizeBytes < 0 {
			f.add(CodeInvalid, at+"/sizeBytes", "a size is not negative")
		}
	}
}

func checkVNFProfile(p *placement.VNFProfile, f *faults) {
	if len(p.Components) == 0 {
		f.add(CodeMissing, "/components", "a VNF has at least one component")
	}
	seen := make(map[string]bool, len(p.Components))
	for i := range p.Components {
		c := &p.Components[i]
		at := "/components/" + strconv.Itoa(i)
		if seen[c.ID] {
			f.add(CodeDuplicate, at+"/id", "two components of the VNF have the id %q", c.ID)
		}
		seen[c.ID] = true
		if c.Isolation == placement.IsolationPhysical {
			f.add(CodeInvalid, at+"/isolation", "PHYSICAL is a result, no request; the least isolation is CONFIDENTIAL_VM at most")
		}
		checkDigests(c.Images, at+"/images", f)
		checkAmounts(c.Resources, at+"/resources", f)
		for j := range c.Interfaces {
			checkInterface(p, c, &c.Interfaces[j], at+"/interfaces/"+strconv.Itoa(j), f)
		}
	}
	checkFlavours(p, f)
	checkAffinityRules(p, f)
}

func checkAffinityRules(p *placement.VNFProfile, f *faults) {
	seen := map[string]bool{}
	for i := range p.AffinityRules {
		r := &p.AffinityRules[i]
		at := "/affinityRules/" + strconv.Itoa(i)
		if seen[r.ID] {
			f.add(CodeDuplicate, at+"/id", "two affinity rules of the VNF have the id %q", r.ID)
		}
		seen[r.ID] = true
		for j, id := range r.ComponentIDs {
			if p.Component(id) == nil {
				f.add(CodeUnknownReference, at+"/componentIds/"+strconv.Itoa(j), "the VNF has no component %q", id)
			}
		}
	}
}

func checkInterface(p *placement.VNFProfile, c *placement.Component, itf *placement.Interface, at string, f *faults) {
	peers := 0
	for _, peer := range []string{itf.PeerTrustDomainID, string(itf.Peer), itf.PeerComponentID} {
		if peer != "" {
			peers++
		}
	}
	if peers > 1 {
		f.add(CodeInvalid, at, "an interface has one other end: at most one of peerTrustDomainId, peer and peerComponentId")
	}
	if itf.PeerComponentID != "" && p.Component(itf.PeerComponentID) == nil {
		f.add(CodeUnknownReference, at+"/peerComponentId", "the VNF has no component %q", itf.PeerComponentID)
	}
	switch {
	case itf.Via == "":
	case itf.Via == c.ID:
		f.add(CodeInvalid, at+"/via", "via names the component that terminates the interface instead of this one; leave it out")
	case p.Component(itf.Via) == nil:
		f.add(CodeUnknownReference, at+"/via", "the VNF has no component %q", itf.Via)
	}
}
