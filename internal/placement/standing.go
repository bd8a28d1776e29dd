package placement

import (
	"slices"
	"strings"
	"time"
)

// StandingKind says what a standing constraint wants of what it is about.
type StandingKind string

// The kinds of standing constraints.
const (
	StandingAffinity     StandingKind = "AFFINITY"      // all in one unit of the scope
	StandingAntiAffinity StandingKind = "ANTI_AFFINITY" // no two in one unit
	StandingFixed        StandingKind = "FIXED"         // each in one of the units that are named
)

// StandingConstraint is what every request must meet as long as the constraint stands, whatever the request itself says. It is about
// one VNF instance, about each VNF instance of a VNFD, or about several VNF instances together, such as those of an NS.
//
// What several VNF instances must keep apart is each from the others; what they must have together is all of it.
type StandingConstraint struct {
	ID             string
	VNFDID         string   // or VNFInstanceIDs
	VNFInstanceIDs []string // ascending
	NSInstanceID   string   // the NS that they are of, as the NFVO calls it; nothing but a name
	ComponentIDs   []string // VDUs and OS containers, ascending; empty: all
	Kind           StandingKind
	Scope          Scope
	UnitIDs        []string // FIXED: the zones, zone groups or NFVI-PoPs, ascending
	Reason         string
	ActorID        string // who stated it
	CreatedAt      time.Time
	Revision       int64
}

// Concerns tells whether the constraint is about resources of a VNFD in a VNF instance.
func (c *StandingConstraint) Concerns(vnfInstanceID, vnfdID string) bool {
	if c.VNFDID != "" {
		return c.VNFDID == vnfdID
	}
	return slices.Contains(c.VNFInstanceIDs, vnfInstanceID)
}

// Covers tells whether the constraint is about one of these components.
func (c *StandingConstraint) Covers(componentIDs ...string) bool {
	return len(c.ComponentIDs) == 0 || slices.ContainsFunc(componentIDs, func(id string) bool { return slices.Contains(c.ComponentIDs, id) })
}

// Check tells what of the constraint makes no sense. Kind of error: Invalid.
func (c *StandingConstraint) Check() error {
	within := []Scope{ScopeZone, ScopeZoneGroup, ScopeNFVIPoP}
	switch {
	case (c.VNFDID == "") == (len(c.VNFInstanceIDs) == 0):
		return Errorf(Invalid, "a standing constraint is about a VNFD or about VNF instances: send either vnfdId or vnfInstanceIds")
	case c.NSInstanceID != "" && len(c.VNFInstanceIDs) == 0:
		return Errorf(Invalid, "nsInstanceId names the NS of VNF instances: list them in vnfInstanceIds")
	case (c.Kind == StandingFixed) != (len(c.UnitIDs) > 0):
		return Errorf(Invalid, "unitIds says where something is FIXED: send it with that kind, and with no other")
	case c.Kind == StandingFixed && !slices.Contains(within, c.Scope):
		return Errorf(Invalid, "what is FIXED is so to places of the scope ZONE, ZONE_GROUP or NFVI_POP")
	}
	return nil
}

// standingPrefix begins the ids of standing constraints in reasons.
const standingPrefix = "STANDING["

// RuleStanding returns the id of a standing constraint in reasons.
func RuleStanding(id string) string { return standingPrefix + id + "]" }

// IsStanding tells whether a rule id is that of a standing constraint.
func IsStanding(ruleID string) bool { return strings.HasPrefix(ruleID, standingPrefix) }

// StandingScope is what a commit locks and reads for a standing constraint: whoever holds the lock decides alone about what the
// constraint compares.
type StandingScope struct {
	Lock           string
	VNFInstanceIDs []string // whose workloads are compared
}
