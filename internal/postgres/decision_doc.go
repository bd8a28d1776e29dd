package postgres

import (
	"time"

	"ringfence/internal/placement"
)

// The documents below are the stored form of a decision's inputs and plan. Their JSON names are part of the
// schema: a stored decision must still be readable, and replay to the same answer, after an upgrade.

type inputsDoc struct {
	Request         requestDoc        `json:"request"`
	Demands         []demandDoc       `json:"demands,omitempty"`
	Releases        []string          `json:"releases,omitempty"`
	Superseded      []string          `json:"superseded,omitempty"`
	MappingMaxAgeNS int64             `json:"mappingMaxAgeNs,omitempty"`
	Now             time.Time         `json:"now,omitzero"`
	Seed            uint64            `json:"seed,omitempty"`
	ChangeSeq       string            `json:"changeSeq"`
	PolicyEpoch     int64             `json:"policyEpoch"`
	Policies        []policyRefDoc    `json:"policies,omitempty"`
	CompilerVersion int               `json:"compilerVersion,omitempty"`
	PrePull         bool              `json:"prePull,omitempty"`
	Candidates      []activePolicyDoc `json:"candidates,omitempty"`
	RestrictHosts   []string          `json:"restrictHosts,omitempty"`
	WithoutLI       bool              `json:"withoutLi,omitempty"`

	ResourceGroups map[string]map[string]string `json:"resourceGroups,omitempty"`

	ExplainLevel string `json:"explainLevel,omitempty"`
	ExplainLimit int    `json:"explainLimit,omitempty"`
	Attempt      int    `json:"attempt,omitempty"`
}

func inputsToDoc(in *placement.Inputs) inputsDoc {
	return inputsDoc{
		Request: requestToDoc(&in.Request), Demands: convert(in.Demands, demandToDoc), Releases: in.Releases, Now: in.Now, Seed: in.Seed,
		ChangeSeq: in.Position.String(), PolicyEpoch: in.PolicyEpoch, CompilerVersion: in.CompilerVersion, RestrictHosts: in.RestrictHosts,
		Policies:     convert(in.Policies, func(p placement.PolicyRef) policyRefDoc { return policyRefDoc(p) }),
		ExplainLevel: string(in.ExplainLevel), ExplainLimit: in.ExplainLimit, Attempt: in.Attempt,
		Superseded: in.Superseded, MappingMaxAgeNS: int64(in.MappingMaxAge), PrePull: in.PrePull,
		Candidates: convert(in.Candidates, activePolicyToDoc), WithoutLI: in.WithoutLI, ResourceGroups: in.ResourceGroups,
	}
}

func inputsFromDoc(d *inputsDoc) (placement.Inputs, error) {
	position, err := placement.ParseFeedPosition(d.ChangeSeq)
	if err != nil {
		return placement.Inputs{}, err
	}
	demands, err := tryConvert(d.Demands, demandFromDoc)
	if err != nil {
		return placement.Inputs{}, err
	}
	request, err := requestFromDoc(&d.Request)
	return placement.Inputs{
		Request: request, Demands: demands, Releases: d.Releases, Now: d.Now, Seed: d.Seed, Position: position, PolicyEpoch: d.PolicyEpoch,
		Policies:        convert(d.Policies, func(p policyRefDoc) placement.PolicyRef { return placement.PolicyRef(p) }),
		CompilerVersion: d.CompilerVersion, RestrictHosts: d.RestrictHosts,
		ExplainLevel: placement.ExplainLevel(d.ExplainLevel), ExplainLimit: d.ExplainLimit, Attempt: d.Attempt,
		Superseded: d.Superseded, MappingMaxAge: time.Duration(d.MappingMaxAgeNS), PrePull: d.PrePull,
		Candidates: convert(d.Candidates, activePolicyFromDoc), WithoutLI: d.WithoutLI, ResourceGroups: d.ResourceGroups,
	}, err
}

type policyRefDoc struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

type demandDoc struct {
	ResourceDefinitionIDs []string    `json:"resourceDefinitionIds"`
	Workload              workloadDoc `json:"workload"`
	Isolation             string      `json:"isolation,omitempty"`
	Unknown               []reasonDoc `json:"unknown,omitempty"`
	Temporary             bool        `json:"temporary,omitempty"`
	HostID                string      `json:"hostId,omitempty"`
}

func demandToDoc(d placement.Demand) demandDoc {
	return demandDoc{
		ResourceDefinitionIDs: d.ResourceDefinitionIDs, Workload: workloadToDoc(&d.Workload), Isolation: isolationName(d.Isolation),
		Unknown: convert(d.Unknown, reasonToDoc), Temporary: d.Temporary, HostID: d.HostID,
	}
}

func demandFromDoc(d demandDoc) (placement.Demand, error) {
	isolation, err := isolationFromName(d.Isolation)
	if err != nil {
		return placement.Demand{}, err
	}
	workload, err := workloadFromDoc(&d.Workload)
	return placement.Demand{
		ResourceDefinitionIDs: d.ResourceDefinitionIDs, Workload: workload, Isolation: isolation,
		Unknown: convert(d.Unknown, reasonFromDoc), Temporary: d.Temporary, HostID: d.HostID,
	}, err
}

type planDoc struct {
	Placements []placementDoc `json:"placements,omitempty"`
	Releases   []string       `json:"releases,omitempty"`
}

func planToDoc(p *placement.Plan) planDoc {
	return planDoc{Placements: convert(p.Placements, placementToDoc), Releases: p.Releases}
}

func planFromDoc(d *planDoc) (*placement.Plan, error) {
	placements, err := tryConvert(d.Placements, placementFromDoc)
	return &placement.Plan{Placements: placements, Releases: d.Releases}, err
}

type placementDoc struct {
	ResidencyID          string           `json:"residencyId"`
	ResourceDefinitionID string           `json:"resourceDefinitionId"`
	Demand               int              `json:"demand"`
	NFVIPoPID            string           `json:"nfviPopId"`
	ResourceZoneID       string           `json:"resourceZoneId,omitempty"`
	HostID               string           `json:"hostId"`
	CISNodeID            string           `json:"cisNodeId,omitempty"`
	Runtime              string           `json:"runtime,omitempty"`
	Isolation            string           `json:"isolation,omitempty"`
	Cache                []cacheChoiceDoc `json:"cache,omitempty"`
	DedicateIdentity     string           `json:"dedicateIdentity,omitempty"`
	DedicateID           string           `json:"dedicateId,omitempty"`
	AttestationLimitNS   int64            `json:"attestationLimitNs,omitempty"`
	AttestationState     bool             `json:"attestationState,omitempty"`
	OverriddenUntil      time.Time        `json:"overriddenUntil,omitzero"`
	Claims               []claimDoc       `json:"claims,omitempty"`
}

func placementToDoc(p placement.Placement) placementDoc {
	d := placementDoc{
		ResidencyID: p.ResidencyID, ResourceDefinitionID: p.ResourceDefinitionID, Demand: p.Demand, NFVIPoPID: p.NFVIPoPID,
		ResourceZoneID: p.ResourceZoneID, HostID: p.HostID, CISNodeID: p.CISNodeID, Runtime: p.Runtime, Isolation: isolationName(p.Isolation),
		Cache: convert(p.Cache, cacheChoiceToDoc), AttestationLimitNS: int64(p.AttestationLimit), AttestationState: p.AttestationState,
		OverriddenUntil: p.OverriddenUntil,
		Claims:          convert(p.Claims, func(c placement.Claim) claimDoc { return claimDoc(c) }),
	}
	if p.Dedicate != nil {
		d.DedicateIdentity, d.DedicateID = string(p.Dedicate.Identity), p.Dedicate.ID
	}
	return d
}

func placementFromDoc(d placementDoc) (placement.Placement, error) {
	isolation, err := isolationFromName(d.Isolation)
	if err != nil {
		return placement.Placement{}, err
	}
	cache, err := tryConvert(d.Cache, cacheChoiceFromDoc)
	p := placement.Placement{
		ResidencyID: d.ResidencyID, ResourceDefinitionID: d.ResourceDefinitionID, Demand: d.Demand, NFVIPoPID: d.NFVIPoPID,
		ResourceZoneID: d.ResourceZoneID, HostID: d.HostID, CISNodeID: d.CISNodeID, Runtime: d.Runtime, Isolation: isolation, Cache: cache,
		AttestationLimit: time.Duration(d.AttestationLimitNS), AttestationState: d.AttestationState,
		OverriddenUntil: d.OverriddenUntil,
		Claims:          convert(d.Claims, func(c claimDoc) placement.Claim { return placement.Claim(c) }),
	}
	if d.DedicateIdentity != "" {
		p.Dedicate = &placement.Dedication{Identity: placement.DedicationIdentity(d.DedicateIdentity), ID: d.DedicateID}
	}
	return p, err
}

type claimDoc struct {
	Scope  string `json:"scope"`
	Group  string `json:"group"`
	Member string `json:"member"`
}

type cacheChoiceDoc struct {
	Digest   string `json:"digest"`
	Mode     string `json:"mode,omitempty"`
	Required string `json:"required,omitempty"`
	RuleID   string `json:"ruleId,omitempty"`
	PolicyID string `json:"policyId,omitempty"`
}

func cacheChoiceToDoc(c placement.CacheChoice) cacheChoiceDoc {
	return cacheChoiceDoc{Digest: c.Digest, Mode: c.Mode.String(), Required: c.Required.String(), RuleID: c.RuleID, PolicyID: c.PolicyID}
}

func cacheChoiceFromDoc(d cacheChoiceDoc) (placement.CacheChoice, error) {
	mode, err := cacheModeFromName(d.Mode)
	if err != nil {
		return placement.CacheChoice{}, err
	}
	required, err := cacheModeFromName(d.Required)
	return placement.CacheChoice{Digest: d.Digest, Mode: mode, Required: required, RuleID: d.RuleID, PolicyID: d.PolicyID}, err
}
