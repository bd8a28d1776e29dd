package scenario

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ringfence/test/stub"
)

// decision is what ringfence decided, as far as scenarios read it.
type decision struct {
	ID          string
	Kind        string
	Outcome     string
	PolicyEpoch int64
	Policies    []struct{ ID, Version, SHA256 string }
	ChangeSeq   string
	Placements  []stub.Placement
	Explanation *explanation
}

type explanation struct {
	Reasons  []reason
	Demands  []demand
	Conflict *stub.Conflict
	Warnings []reason
}

type demand struct {
	ResourceDefinitionIDs []string
	Reasons               []reason
	HostsTotal            int
	HostsFeasible         int
	Funnel                []struct {
		RuleID  string
		In, Out int
	}
	Feasible    []feasibleHost
	Rejected    []rejectedHost
	NearestMiss *rejectedHost
}

type feasibleHost struct {
	HostID    string
	CISNodeID string
	Runtime   string
	Isolation string
	Cache     map[string]string
}

type rejectedHost struct {
	HostID  string
	Reasons []reason
}

type reason struct {
	PolicyID  string
	RuleID    string
	Check     string
	AgainstID string
	Params    map[string]string
	Message   string
}

func (r reason) String() string {
	if r.AgainstID == "" {
		return r.RuleID
	}
	return r.RuleID + "(" + r.AgainstID + ")"
}

func (h rejectedHost) String() string {
	var reasons []string
	for _, r := range h.Reasons {
		reasons = append(reasons, r.String())
	}
	return strings.Join(reasons, " ")
}

// dryRun asks what a request, a *stub.GrantRequest or its JSON text, would be answered now, with everything explained. With
// hosts, only those are looked at.
func (d *deployment) dryRun(request any, hostIDs ...string) *decision {
	d.t.Helper()
	return d.dryRunOf(map[string]any{"grantRequest": request, "explain": "FULL"}, hostIDs...)
}

func (d *deployment) dryRunOf(question map[string]any, hostIDs ...string) *decision {
	d.t.Helper()
	if len(hostIDs) > 0 {
		question["hostIds"] = hostIDs
	}
	var made decision
	answer := d.do("OPERATOR", http.MethodPost, "/placement/v1/decisions", question, &made)
	if answer.Status != http.StatusCreated || !strings.HasSuffix(answer.Header.Get("Location"), "/placement/v1/decisions/"+made.ID) {
		d.t.Fatalf("the decision is answered %d with Location %q", answer.Status, answer.Header.Get("Location"))
	}
	if made.Kind != "DRY_RUN" || made.Explanation == nil {
		d.t.Fatalf("the decision is of kind %s, with explanation %v", made.Kind, made.Explanation)
	}
	return &made
}

// String writes the decision on a request with one demand, whose components name no artefacts, as the corpus does: the
// outcome, and each host with the cache mode that it offers or all the reasons against it.
func (m *decision) String() string {
	lines := []string{}
	for _, e := range m.Explanation.Demands {
		for _, h := range e.Feasible {
			lines = append(lines, fmt.Sprintf("%s feasible %s", h.HostID, h.Cache["*"]))
		}
		for _, h := range e.Rejected {
			lines = append(lines, fmt.Sprintf("%s rejected %s", h.HostID, h))
		}
	}
	slices.Sort(lines)
	return m.Outcome + "\n" + strings.Join(lines, "\n") + "\n"
}

// feasible are the hosts that would do for the first demand.
func (m *decision) feasible() []string {
	hosts := []string{}
	for _, h := range m.Explanation.Demands[0].Feasible {
		hosts = append(hosts, h.HostID)
	}
	return hosts
}

// against is what stands against a host for the first demand, as the corpus writes it; empty: nothing does.
func (m *decision) against(hostID string) string {
	for _, h := range m.Explanation.Demands[0].Rejected {
		if h.HostID == hostID {
			return h.String()
		}
	}
	return ""
}
