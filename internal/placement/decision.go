package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FeedPosition names a prefix of the change feed: all rows up to and including (transaction id, row id).
type FeedPosition struct {
	TxID uint64
	Row  int64
}

// Compare orders positions.
func (p FeedPosition) Compare(o FeedPosition) int {
	if c := cmp.Compare(p.TxID, o.TxID); c != 0 {
		return c
	}
	return cmp.Compare(p.Row, o.Row)
}

// String renders the position as it appears in decisions (changeSeq).
func (p FeedPosition) String() string { return fmt.Sprintf("%d.%d", p.TxID, p.Row) }

// ParseFeedPosition reads what String writes.
func ParseFeedPosition(s string) (FeedPosition, error) {
	tx, row, ok := strings.Cut(s, ".")
	t, err1 := strconv.ParseUint(tx, 10, 64)
	r, err2 := strconv.ParseInt(row, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return FeedPosition{}, Errorf(Invalid, "change sequence %q is not of the form transaction.row", s)
	}
	return FeedPosition{TxID: t, Row: r}, nil
}

// HostKey identifies a host together with its NFVI-PoP, which comes first in every key of the database.
type HostKey struct {
	NFVIPoPID string
	HostID    string
}

// Compare orders keys by NFVI-PoP, then host: the order in which hosts are locked.
func (k HostKey) Compare(o HostKey) int {
	return cmp.Or(cmp.Compare(k.NFVIPoPID, o.NFVIPoPID), cmp.Compare(k.HostID, o.HostID))
}

// SortHostKeys sorts keys in lock order and removes duplicates, in place.
func SortHostKeys(keys []HostKey) []HostKey {
	slices.SortFunc(keys, HostKey.Compare)
	return slices.Compact(keys)
}

// DecisionKind says what was asked.
type DecisionKind string

// The kinds of decision.
const (
	DecisionGrant  DecisionKind = "GRANT"
	DecisionDryRun DecisionKind = "DRY_RUN"
	DecisionCache  DecisionKind = "CACHE"
)

// Outcome is the result of a decision. Its zero value is no grant.
type Outcome string

// The outcomes.
const (
	OutcomeGrant  Outcome = "GRANT"
	OutcomeRefuse Outcome = "REFUSE"
)

// PolicyRef names a version of a policy exactly.
type PolicyRef struct {
	ID      string
	Version string
	SHA256  string // of the stored bytes, hexadecimal
}

// Inputs is everything beside the feed that a decision depends on; with the feed it replays to the same answer.
type Inputs struct {
	Request         GrantRequest
	Demands         []Demand
	Releases        []string      // residencies that the request removes
	Superseded      []string      // residencies of an earlier request for the same occurrence, counted as gone
	MappingMaxAge   time.Duration // how old the mapping of a CIS-node VM to its host may be; 0: no limit
	Now             time.Time
	Seed            uint64
	Position        FeedPosition
	PolicyEpoch     int64
	Policies        []PolicyRef // ascending by id; only those that applied
	CompilerVersion int
	PrePull         bool           // a question about a cache: before a workload is granted
	Candidates      []ActivePolicy // dry run: judged instead of the policies in force; empty: those in force
	RestrictHosts   []string       // dry run: only these hosts; empty: all
	ResourceGroups  ResourceGroups // where a VIM constraint wants one resource group
	WithoutLI       bool           // for a client that is not cleared for lawful interception: its hosts do not exist
	ExplainLevel    ExplainLevel
	ExplainLimit    int
	Attempt         int // of the commit; the seed and the view differ per attempt
}

// Decision is a recorded decision with its inputs.
type Decision struct {
	ID          string
	NFVIPoPID   string // of the grant's first host; DecisionPoP for refusals and dry runs
	Kind        DecisionKind
	Outcome     Outcome
	Enforcement Mode // OBSERVE for a refusal that was answered with an empty grant; empty is ENFORCE
	At          time.Time
	ClientID    string
	Inputs      Inputs
	Plan        *Plan // nil unless Outcome is GRANT
	Explanation Explanation
	Relayed     bool // a grant that comes of it is answered only once the NFVO upstream has agreed; of a decision that is being made
}

// DecisionPoP is the pseudo NFVI-PoP that refusals and dry runs belong to.
const DecisionPoP = "-"

// Grant is a granted request as the VNFM reads it.
type Grant struct {
	ID         string // UUID v4, lower case
	DecisionID string
	ClientID   string
	Request    GrantRequest
	Placements []GrantedPlacement
	VIMAssets  VIMAssets
	Epoch      int64
	GrantedAt  time.Time
	ValidUntil time.Time
	Upstream   []byte    // the Grant of the NFVO upstream, as it was sent; nil: it was not asked
	Refusal    *Decision // set for the empty grant of an observed client: what refused the request; nil: it was granted
}

// GrantedPlacement is a placement with what the answer says about its host.
type GrantedPlacement struct {
	Placement
	NodeName        string // of the CIS node
	ClusterID       string
	VIMConnectionID string
	VIMZoneID       string
	ZoneGroupIDs    []string // of its resource zone
	HostPoolID      string
	TrustDomainID   string
	Namespace       string
	Resources       Resources
	Enforcement     DirectiveEnforcement // empty is ADVISORY
}
