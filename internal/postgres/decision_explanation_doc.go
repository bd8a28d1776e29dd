package postgres

import "ringfence/internal/placement"

// explanationDoc is the stored form of why a decision came out as it did.
type explanationDoc struct {
	Reasons  []reasonDoc            `json:"reasons,omitempty"`
	Demands  []demandExplanationDoc `json:"demands,omitempty"`
	Conflict *conflictDoc           `json:"conflict,omitempty"`
	Warnings []reasonDoc            `json:"warnings,omitempty"`
}

func explanationToDoc(e *placement.Explanation) explanationDoc {
	d := explanationDoc{
		Reasons: convert(e.Reasons, reasonToDoc), Demands: convert(e.Demands, demandExplanationToDoc), Warnings: convert(e.Warnings, reasonToDoc),
	}
	if e.Conflict != nil {
		c := conflictDoc(*e.Conflict)
		d.Conflict = &c
	}
	return d
}

func explanationFromDoc(d *explanationDoc) (placement.Explanation, error) {
	demands, err := tryConvert(d.Demands, demandExplanationFromDoc)
	e := placement.Explanation{Reasons: convert(d.Reasons, reasonFromDoc), Demands: demands, Warnings: convert(d.Warnings, reasonFromDoc)}
	if d.Conflict != nil {
		c := placement.ConflictSet(*d.Conflict)
		e.Conflict = &c
	}
	return e, err
}

type conflictDoc struct {
	Members []string `json:"members"`
	Message string   `json:"message"`
}

type reasonDoc struct {
	PolicyID  string            `json:"policyId,omitempty"`
	RuleID    string            `json:"ruleId"`
	Check     string            `json:"check,omitempty"`
	AgainstID string            `json:"againstId,omitempty"`
	Params    map[string]string `json:"params,omitempty"`
}

func reasonToDoc(r placement.Reason) reasonDoc { return reasonDoc(r) }

func reasonFromDoc(d reasonDoc) placement.Reason { return placement.Reason(d) }

type demandExplanationDoc struct {
	ResourceDefinitionIDs []string        `json:"resourceDefinitionIds"`
	Reasons               []reasonDoc     `json:"reasons,omitempty"`
	HostsTotal            int             `json:"hostsTotal"`
	HostsFeasible         int             `json:"hostsFeasible"`
	Funnel                []funnelStepDoc `json:"funnel,omitempty"`
	Counts                []ruleCountDoc  `json:"counts,omitempty"`
	NeededIsolation       string          `json:"neededIsolation,omitempty"`
	Feasible              []feasibleDoc   `json:"feasible,omitempty"`
	Rejected              []rejectionDoc  `json:"rejected,omitempty"`
	NearestMiss           *rejectionDoc   `json:"nearestMiss,omitempty"`
}

func demandExplanationToDoc(e placement.DemandExplanation) demandExplanationDoc {
	d := demandExplanationDoc{
		ResourceDefinitionIDs: e.ResourceDefinitionIDs, Reasons: convert(e.Reasons, reasonToDoc), HostsTotal: e.HostsTotal, HostsFeasible: e.HostsFeasible,
		Funnel: convert(e.Funnel, func(s placement.FunnelStep) funnelStepDoc { return funnelStepDoc(s) }),
		Counts: convert(e.Counts, ruleCountToDoc), NeededIsolation: isolationName(e.NeededIsolation),
		Feasible: convert(e.Feasible, feasibleToDoc), Rejected: convert(e.Rejected, rejectionToDoc),
	}
	if e.NearestMiss != nil {
		r := rejectionToDoc(*e.NearestMiss)
		d.NearestMiss = &r
	}
	return d
}

func demandExplanationFromDoc(d demandExplanationDoc) (placement.DemandExplanation, error) {
	isolation, err := isolationFromName(d.NeededIsolation)
	if err != nil {
		return placement.DemandExplanation{}, err
	}
	feasible, err := tryConvert(d.Feasible, feasibleFromDoc)
	e := placement.DemandExplanation{
		ResourceDefinitionIDs: d.ResourceDefinitionIDs, Reasons: convert(d.Reasons, reasonFromDoc), HostsTotal: d.HostsTotal, HostsFeasible: d.HostsFeasible,
		Funnel: convert(d.Funnel, func(s funnelStepDoc) placement.FunnelStep { return placement.FunnelStep(s) }),
		Counts: convert(d.Counts, ruleCountFromDoc), NeededIsolation: isolation, Feasible: feasible, Rejected: convert(d.Rejected, rejectionFromDoc),
	}
	if d.NearestMiss != nil {
		r := rejectionFromDoc(*d.NearestMiss)
		e.NearestMiss = &r
	}
	return e, err
}

type funnelStepDoc struct {
	RuleID string `json:"ruleId"`
	In     int    `json:"in"`
	Out    int    `json:"out"`
}

type ruleCountDoc struct {
	PolicyID  string    `json:"policyId,omitempty"`
	RuleID    string    `json:"ruleId"`
	HostCount int       `json:"hostCount"`
	Example   reasonDoc `json:"example"`
}

func ruleCountToDoc(c placement.RuleCount) ruleCountDoc {
	return ruleCountDoc{PolicyID: c.PolicyID, RuleID: c.RuleID, HostCount: c.HostCount, Example: reasonToDoc(c.Example)}
}

func ruleCountFromDoc(d ruleCountDoc) placement.RuleCount {
	return placement.RuleCount{PolicyID: d.PolicyID, RuleID: d.RuleID, HostCount: d.HostCount, Example: reasonFromDoc(d.Example)}
}

type rejectionDoc struct {
	HostID  string      `json:"hostId"`
	Reasons []reasonDoc `json:"reasons"`
}

func rejectionToDoc(r placement.Rejection) rejectionDoc {
	return rejectionDoc{HostID: r.HostID, Reasons: convert(r.Reasons, reasonToDoc)}
}

func rejectionFromDoc(d rejectionDoc) placement.Rejection {
	return placement.Rejection{HostID: d.HostID, Reasons: convert(d.Reasons, reasonFromDoc)}
}

type feasibleDoc struct {
	HostID    string           `json:"hostId"`
	CISNodeID string           `json:"cisNodeId,omitempty"`
	Runtime   string           `json:"runtime,omitempty"`
	Isolation string           `json:"isolation,omitempty"`
	Cache     []cacheChoiceDoc `json:"cache,omitempty"`
}

func feasibleToDoc(f placement.Feasible) feasibleDoc {
	return feasibleDoc{
		HostID: f.HostID, CISNodeID: f.CISNodeID, Runtime: f.Runtime, Isolation: isolationName(f.Isolation), Cache: convert(f.Cache, cacheChoiceToDoc),
	}
}

func feasibleFromDoc(d feasibleDoc) (placement.Feasible, error) {
	isolation, err := isolationFromName(d.Isolation)
	if err != nil {
		return placement.Feasible{}, err
	}
	cache, err := tryConvert(d.Cache, cacheChoiceFromDoc)
	return placement.Feasible{HostID: d.HostID, CISNodeID: d.CISNodeID, Runtime: d.Runtime, Isolation: isolation, Cache: cache}, err
}
