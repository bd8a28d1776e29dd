package literal

import (
	"slices"
	"time"

	"ringfence/internal/placement"
)

// World is all that a judgement reads.
type World struct {
	Catalogue     *placement.Catalogue
	Hosts         []*placement.Host
	Residents     []*placement.Residency
	Policies      []Policy // ascending by id
	Now           time.Time
	MappingMaxAge time.Duration // how old the mapping of a CIS-node VM to its host may be; 0: any age
}

// Ask is one demand: count equal replicas, of which one is judged.
type Ask struct {
	Workload placement.Workload
	Floor    placement.Isolation
	Count    int
}

// Policy is one policy in force.
type Policy struct {
	ID           string
	Associations []string
	Document     Document
}

// Document is a policy document; as JSON it is what the product parses.
type Document struct {
	APIVersion    string      `json:"apiVersion"`
	Kind          string      `json:"kind"`
	PolicyVersion string      `json:"policyVersion"`
	TargetType    string      `json:"targetType"`
	Rules         []Rule      `json:"rules"`
	Exceptions    []Exception `json:"exceptions,omitempty"`
}

// Rule is one rule.
type Rule struct {
	ID          string         `json:"id"`
	Kind        string         `json:"kind"`
	Mode        string         `json:"mode,omitempty"`
	Strength    string         `json:"strength,omitempty"`
	Subject     *Selector      `json:"subject,omitempty"`
	Object      *Selector      `json:"object,omitempty"`
	Host        *HostSelector  `json:"host,omitempty"`
	ExceptPairs []Selector     `json:"exceptPairs,omitzero"`
	Scope       string         `json:"scope,omitempty"`
	Params      map[string]any `json:"params,omitempty"`
	Waiver      *Waiver        `json:"waiver,omitempty"`
	Rationale   string         `json:"rationale"`
}

// Selector picks workloads. A nil list is absent, an empty one picks none.
type Selector struct {
	TrustDomains    []string          `json:"trustDomains,omitzero"`
	Categories      []string          `json:"categories,omitzero"`
	NFTypes         []string          `json:"nfTypes,omitzero"`
	Roles           []string          `json:"roles,omitzero"`
	Components      []string          `json:"components,omitzero"`
	Labels          map[string]string `json:"labels,omitzero"`
	SensitivityFrom *int              `json:"sensitivityFrom,omitempty"`
	AnyOf           []Selector        `json:"anyOf,omitzero"`
}

// HostSelector picks hosts.
type HostSelector struct {
	Pools        []string          `json:"pools,omitzero"`
	Zones        []string          `json:"zones,omitzero"`
	Countries    []string          `json:"countries,omitzero"`
	Capabilities []string          `json:"capabilities,omitzero"`
	Labels       map[string]string `json:"labels,omitzero"`
	NotLabels    map[string]string `json:"notLabels,omitempty"`
}

// ScrubNeed is one entry of the levels of scrub-before-reuse.
type ScrubNeed struct {
	Of       *Selector `json:"of,omitempty"`
	Before   *Selector `json:"before,omitempty"`
	Level    string    `json:"level"`
	Attested bool      `json:"attested,omitempty"`
}

// Waiver lets a pair share the scope.
type Waiver struct {
	MinSeparation     string `json:"minSeparation"`
	RequireHypervisor string `json:"requireHypervisor,omitempty"`
	NeverForExclusive bool   `json:"neverForExclusive,omitempty"`
}

// Exception takes the reasons of one rule away.
type Exception struct {
	RuleID       string    `json:"ruleId"`
	Hosts        []string  `json:"hosts,omitempty"`
	VNFInstances []string  `json:"vnfInstances,omitempty"`
	ExpiresAt    time.Time `json:"expiresAt"`
	ApprovedBy   string    `json:"approvedBy"`
	Ticket       string    `json:"ticket"`
	BreakGlass   string    `json:"breakGlass,omitempty"` // the age of an attestation, and nothing else
}

// Reason is why a site of a host is refused.
type Reason struct {
	PolicyID  string
	RuleID    string
	AgainstID string
}

// Site is the judgement of one kernel of a host.
type Site struct {
	NodeID  string
	Runtime string
	Modes   map[string]string // of each artefact
	Reasons []Reason
}

// residentsOf are the residents of a host.
func (w *World) residentsOf(h *placement.Host) []*placement.Residency {
	var out []*placement.Residency
	for _, r := range w.Residents {
		if r.HostID == h.ID {
			out = append(out, r)
		}
	}
	return out
}

func (w *World) domain(id string) placement.TrustDomain { return w.Catalogue.TrustDomains[id] }

// country is where a host stands.
func (w *World) country(h *placement.Host) string {
	if h.Country != "" {
		return h.Country
	}
	return w.Catalogue.NFVIPoPs[h.NFVIPoPID].Country
}

func has(list []string, s string) bool { return slices.Contains(list, s) }

// words, text, number and truth read parameters of a rule as its document says them.
func (r *Rule) words(name string) []string {
	list, _ := r.Params[name].([]string)
	return list
}

func (r *Rule) text(name, otherwise string) string {
	if s, ok := r.Params[name].(string); ok {
		return s
	}
	return otherwise
}

func (r *Rule) number(name string) int {
	n, _ := r.Params[name].(int)
	return n
}

func (r *Rule) truth(name string) bool {
	b, _ := r.Params[name].(bool)
	return b
}
