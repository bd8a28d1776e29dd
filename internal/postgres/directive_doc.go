package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"ringfence/internal/placement"
)

// The documents below are the stored bodies of directives, one per kind.

type workloadRefDoc struct {
	ResidencyID          string `json:"residencyId"`
	VNFInstanceID        string `json:"vnfInstanceId,omitempty"`
	ComponentID          string `json:"componentId,omitempty"`
	ResourceDefinitionID string `json:"resourceDefinitionId,omitempty"`
}

type placeDoc struct {
	Workload     workloadRefDoc      `json:"workload"`
	Runtime      string              `json:"runtime,omitempty"`
	Isolation    string              `json:"isolation,omitempty"`
	CISNodeID    string              `json:"cisNodeId,omitempty"`
	Namespace    string              `json:"namespace,omitempty"`
	NodeSelector map[string]string   `json:"nodeSelector,omitempty"`
	Tolerations  []tolerationDoc     `json:"tolerations,omitempty"`
	Resources    placement.Resources `json:"resources,omitempty"`
	ExpiresAt    time.Time           `json:"expiresAt,omitzero"`

	TrustDomainID string   `json:"trustDomainId,omitempty"`
	Images        []string `json:"images,omitempty"`
	CutThrough    []string `json:"cutThrough,omitempty"`
	Privileged    []string `json:"privileged,omitempty"`
}

type tolerationDoc struct {
	Key      string `json:"key,omitempty"`
	Operator string `json:"operator,omitempty"`
	Value    string `json:"value,omitempty"`
	Effect   string `json:"effect,omitempty"`
}

type releaseDoc struct {
	Workload workloadRefDoc `json:"workload"`
	Reason   string         `json:"reason,omitempty"`
}

type cacheDoc struct {
	Digest                  string   `json:"digest"`
	Reference               string   `json:"reference,omitempty"`
	Mode                    string   `json:"mode"`
	PullPolicy              string   `json:"pullPolicy,omitempty"`
	PrePullAllowed          bool     `json:"prePullAllowed,omitempty"`
	RetainAfterStop         bool     `json:"retainAfterStop,omitempty"`
	MaxUnusedAgeNS          int64    `json:"maxUnusedAgeNs,omitempty"`
	PurgeOnRelease          bool     `json:"purgeOnRelease,omitempty"`
	KeyBinding              string   `json:"keyBinding,omitempty"`
	VisibleToTrustDomainIDs []string `json:"visibleToTrustDomainIds,omitempty"`
}

type purgeDoc struct {
	Digests       []string `json:"digests,omitempty"`
	TrustDomainID string   `json:"trustDomainId,omitempty"`
	All           bool     `json:"all,omitempty"`
}

type scrubDoc struct {
	Level         string   `json:"level"`
	DeviceReset   bool     `json:"deviceReset,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	FabricDigests []string `json:"fabricDigests,omitempty"`
}

type quarantineDoc struct {
	Reason string `json:"reason,omitempty"`
}

type enforcementDoc struct {
	Reason string `json:"reason,omitempty"`
}

// directiveBody renders the body of a directive and names the residency that it is about, if any.
func directiveBody(d *placement.Directive) (body []byte, residencyID string, err error) {
	var doc any
	switch {
	case d.Kind == placement.DirectivePlace && d.Place != nil:
		doc, residencyID = placeToDoc(d.Place), d.Place.Workload.ResidencyID
	case d.Kind == placement.DirectiveRelease && d.Release != nil:
		doc, residencyID = releaseDoc{Workload: workloadRefDoc(d.Release.Workload), Reason: d.Release.Reason}, d.Release.Workload.ResidencyID
	case d.Kind == placement.DirectiveCache && d.Cache != nil:
		doc = cacheToDoc(d.Cache)
	case d.Kind == placement.DirectivePurge && d.Purge != nil:
		doc = purgeDoc(*d.Purge)
	case d.Kind == placement.DirectiveScrub && d.Scrub != nil:
		doc = scrubDoc{Level: d.Scrub.Level.String(), DeviceReset: d.Scrub.DeviceReset, Reason: d.Scrub.Reason, FabricDigests: d.Scrub.FabricDigests}
	case (d.Kind == placement.DirectiveQuarantine || d.Kind == placement.DirectiveUnquarantine) && d.Quarantine != nil:
		doc = quarantineDoc(*d.Quarantine)
	case d.Kind == placement.DirectiveMode && d.Change != nil:
		doc = enforcementDoc(*d.Change)
	default:
		return nil, "", fmt.Errorf("directive of kind %q to host %q has no body of its kind", d.Kind, d.HostID)
	}
	body, err = json.Marshal(doc)
	return body, residencyID, err
}

func placeToDoc(p *placement.PlaceDirective) placeDoc {
	return placeDoc{
		Workload: workloadRefDoc(p.Workload), Runtime: p.Runtime, Isolation: isolationName(p.Isolation), CISNodeID: p.CISNodeID,
		Namespace: p.Namespace, NodeSelector: p.NodeSelector, Resources: p.Resources, ExpiresAt: p.ExpiresAt,
		Tolerations:   convert(p.Tolerations, func(t placement.Toleration) tolerationDoc { return tolerationDoc(t) }),
		TrustDomainID: p.TrustDomainID, Images: p.Images, CutThrough: p.CutThrough.Names(), Privileged: p.Privileged.Names(),
	}
}

func cacheToDoc(c *placement.CacheDirective) cacheDoc {
	return cacheDoc{
		Digest: c.Digest, Reference: c.Reference, Mode: c.Mode.String(), PullPolicy: c.PullPolicy, PrePullAllowed: c.PrePullAllowed, RetainAfterStop: c.RetainAfterStop,
		MaxUnusedAgeNS: int64(c.MaxUnusedAge), PurgeOnRelease: c.PurgeOnRelease, KeyBinding: c.KeyBinding,
		VisibleToTrustDomainIDs: c.VisibleToTrustDomainIDs,
	}
}

// setDirectiveBody reads what directiveBody rendered into the member of the directive's kind.
func setDirectiveBody(d *placement.Directive, body []byte) error {
	switch d.Kind {
	case placement.DirectivePlace:
		return readDoc(body, &d.Place, placeFromDoc)
	case placement.DirectiveRelease:
		return readDoc(body, &d.Release, func(r releaseDoc) (placement.ReleaseDirective, error) {
			return placement.ReleaseDirective{Workload: placement.WorkloadRef(r.Workload), Reason: r.Reason}, nil
		})
	case placement.DirectiveCache:
		return readDoc(body, &d.Cache, cacheFromDoc)
	case placement.DirectivePurge:
		return readDoc(body, &d.Purge, func(p purgeDoc) (placement.PurgeDirective, error) { return placement.PurgeDirective(p), nil })
	case placement.DirectiveScrub:
		return readDoc(body, &d.Scrub, scrubFromDoc)
	case placement.DirectiveQuarantine, placement.DirectiveUnquarantine:
		return readDoc(body, &d.Quarantine, func(q quarantineDoc) (placement.QuarantineDirective, error) {
			return placement.QuarantineDirective(q), nil
		})
	case placement.DirectiveMode:
		return readDoc(body, &d.Change, func(e enforcementDoc) (placement.EnforcementDirective, error) {
			return placement.EnforcementDirective(e), nil
		})
	}
	return fmt.Errorf("directive %d of host %q has the unknown kind %q", d.Seq, d.HostID, d.Kind)
}

func readDoc[D, T any](body []byte, into **T, from func(D) (T, error)) error {
	var doc D
	if err := json.Unmarshal(body, &doc); err != nil {
		return err
	}
	t, err := from(doc)
	*into = &t
	return err
}

func placeFromDoc(d placeDoc) (placement.PlaceDirective, error) {
	isolation, err := isolationFromName(d.Isolation)
	if err != nil {
		return placement.PlaceDirective{}, err
	}
	cuts, err := placement.ParseCutThroughs(d.CutThrough)
	if err != nil {
		return placement.PlaceDirective{}, err
	}
	privileges, err := placement.ParsePrivileges(d.Privileged)
	return placement.PlaceDirective{
		Workload: placement.WorkloadRef(d.Workload), Runtime: d.Runtime, Isolation: isolation, CISNodeID: d.CISNodeID, Namespace: d.Namespace,
		NodeSelector: d.NodeSelector, Resources: d.Resources, ExpiresAt: d.ExpiresAt,
		Tolerations:   convert(d.Tolerations, func(t tolerationDoc) placement.Toleration { return placement.Toleration(t) }),
		TrustDomainID: d.TrustDomainID, Images: d.Images, CutThrough: cuts, Privileged: privileges,
	}, err
}

func cacheFromDoc(d cacheDoc) (placement.CacheDirective, error) {
	mode, err := cacheModeFromName(d.Mode)
	return placement.CacheDirective{
		Digest: d.Digest, Reference: d.Reference, Mode: mode, PullPolicy: d.PullPolicy, PrePullAllowed: d.PrePullAllowed, RetainAfterStop: d.RetainAfterStop,
		MaxUnusedAge: time.Duration(d.MaxUnusedAgeNS), PurgeOnRelease: d.PurgeOnRelease, KeyBinding: d.KeyBinding,
		VisibleToTrustDomainIDs: d.VisibleToTrustDomainIDs,
	}, err
}

func scrubFromDoc(d scrubDoc) (placement.ScrubDirective, error) {
	level, err := placement.ParseScrubLevel(d.Level)
	return placement.ScrubDirective{Level: level, DeviceReset: d.DeviceReset, Reason: d.Reason, FabricDigests: d.FabricDigests}, err
}
