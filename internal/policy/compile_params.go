package policy

import (
	"errors"
	"math/big"
	"strconv"
	"time"

	"ringfence/internal/placement"
)

// wordDomain as a value means the attribute of the candidate's own trust domain.
const wordDomain = "domain"

// Kinds lists the kinds of rule that this version judges.
func Kinds() []Kind {
	return []Kind{
		DomainPermit, RuntimeOffered, OneDomainPerKernel, SeparateDomains, SeparateNF, SeparateRole, SeparateExposure, RequireIsolation,
		ForbidCutThrough, ForbidPrivileged, DedicateHost, RequireCapability, Location, PhysicalSecurity, AttestationFreshness, Oversight,
		MaxBlastRadius, ScrubBeforeReuse, CacheMode, ProdTest, SeparateAdminDomain, SeparateSlice, SameSensitivity, BorderHandling,
		MaxAgeSinceReimage, SignedArtefact, ForbidAcceleration, DemoteIsolation, CoLocateInVM,
	}
}

// params compiles the parameters of a rule. The schema lets each kind have its own only, so that the kinds
// need no further distinction where a parameter means the same in all.
func (c *compiler) params(t *RuleText) Params {
	n, ptr := t.node.get("params"), pointer(t.Pointer, "params")
	p := Params{Check: n.get("check").str()}
	switch t.Kind {
	case SeparateNF, DedicateHost:
		p.Identity = identity(n)
	case Oversight:
		if p.Check == CheckSeparate {
			p.Identity = identity(n)
		}
	case SeparateRole:
		p.A, p.B = c.roles(n.get("a"), pointer(ptr, "a")), c.roles(n.get("b"), pointer(ptr, "b"))
		p.WithinAny = n.get("within").str() == "ANY"
	case SeparateExposure:
		p.SensitivityFrom = c.integer(n.get("sensitivityFrom"), pointer(ptr, "sensitivityFrom"))
	case RequireIsolation:
		p.Level = c.isolation(n.get("level"), pointer(ptr, "level"))
		p.OrDedicatedHost = placement.DedicationIdentity(n.get("orDedicatedHost").str())
	case ForbidCutThrough, ForbidPrivileged:
		c.allow(&p, t.Kind, n.get("allow"), pointer(ptr, "allow"))
	case RequireCapability:
		p.AllOf, p.AnyOf = c.capabilities(n.get("allOf"), pointer(ptr, "allOf")), c.capabilities(n.get("anyOf"), pointer(ptr, "anyOf"))
		p.Attested = n.get("attested").isTrue()
	case Location:
		c.location(&p, n, ptr)
	case PhysicalSecurity:
		p.OfDomain = n.get("when").strOr(wordDomain) == wordDomain
	case AttestationFreshness:
		p.OfDomain = n.get("maxAge").str() == wordDomain
		if !p.OfDomain {
			p.MaxAge = c.duration(n.get("maxAge"), pointer(ptr, "maxAge"))
		}
	case SameSensitivity:
		p.Delta = c.integer(n.get("delta"), pointer(ptr, "delta"))
	case MaxAgeSinceReimage:
		p.MaxAge = c.duration(n.get("maxAge"), pointer(ptr, "maxAge"))
	case DemoteIsolation:
		p.Level = c.isolation(n.get("level"), pointer(ptr, "level"))
		p.Runtime, p.BelowVersion = n.get("runtime").str(), n.get("belowVersion").str()
	case ForbidAcceleration:
		var err error
		p.Accelerations, err = placement.ParseAccelerations(n.get("kinds").strs())
		c.must(n.get("kinds"), pointer(ptr, "kinds"), err)
	case SignedArtefact:
		p.Trust = c.signers(n.get("trust"), pointer(ptr, "trust"))
	case MaxBlastRadius:
		c.blastRadius(&p, n, ptr)
	case ScrubBeforeReuse:
		p.PerNF = n.get("per").str() == string(IdentityNFInstance)
		p.Scrubs = c.scrubNeeds(n.get("levels"), pointer(ptr, "levels"))
	case CacheMode:
		var err error
		p.Mode, err = placement.ParseCacheMode(n.get("mode").str())
		c.must(n.get("mode"), pointer(ptr, "mode"), err)
	default: // the other kinds have no parameters
	}
	return p
}

func (c *compiler) scrubNeeds(n *node, ptr string) []ScrubNeed {
	var out []ScrubNeed
	for i, item := range n.list() {
		at := pointer(ptr, strconv.Itoa(i))
		level, err := placement.ParseScrubLevel(item.get("level").str())
		c.must(item.get("level"), pointer(at, "level"), err)
		out = append(out, ScrubNeed{
			Of: c.selector(item.get("of"), pointer(at, "of")), Before: c.selector(item.get("before"), pointer(at, "before")),
			Level: level, Attested: item.get("attested").isTrue(),
		})
	}
	return out
}

func identity(params *node) Identity {
	return Identity(params.get("identity").strOr(string(IdentityNFInstance)))
}

func (c *compiler) allow(p *Params, k Kind, n *node, ptr string) {
	var err error
	if k == ForbidCutThrough {
		p.AllowCutThrough, err = placement.ParseCutThroughs(n.strs())
	} else {
		p.AllowPrivileged, err = placement.ParsePrivileges(n.strs())
	}
	c.must(n, ptr, err)
}

func (c *compiler) location(p *Params, n *node, ptr string) {
	countries := n.get("countries")
	p.OfDomain = countries.str() == wordDomain
	if !p.OfDomain {
		p.Countries = countries.strs()
	}
	p.Sites, p.Deny, p.Source = n.get("sites").strs(), n.get("deny").strs(), n.get("source").str()
	p.MaxAge = c.duration(n.get("maxAge"), pointer(ptr, "maxAge"))
}

func (c *compiler) blastRadius(p *Params, n *node, ptr string) {
	if p.Check != CheckReplicaShare {
		p.Max = c.integer(n.get("max"), pointer(ptr, "max"))
		return
	}
	share := n.get("share")
	fraction, ok := new(big.Rat).SetString(share.text)
	if !ok || !fraction.Num().IsInt64() || !fraction.Denom().IsInt64() {
		c.must(share, pointer(ptr, "share"), errors.New("the share is no fraction"))
		return
	}
	p.ShareNum, p.ShareDen = fraction.Num().Int64(), fraction.Denom().Int64()
}

func (c *compiler) isolation(n *node, ptr string) placement.Isolation {
	level, err := placement.ParseIsolation(n.str())
	c.must(n, ptr, err)
	return level
}

func (c *compiler) roles(n *node, ptr string) placement.Roles {
	roles, err := placement.ParseRoles(n.strs())
	c.must(n, ptr, err)
	return roles
}

func (c *compiler) capabilities(n *node, ptr string) placement.Capabilities {
	capabilities, err := placement.ParseCapabilities(n.strs())
	c.must(n, ptr, err)
	return capabilities
}

// integer reads a whole number, which may be written as 3 or 3.0.
func (c *compiler) integer(n *node, ptr string) int {
	r, ok := new(big.Rat).SetString(n.text)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		c.must(n, ptr, errors.New("no whole number"))
		return 0
	}
	return int(r.Num().Int64())
}

// duration reads a duration; 0 when it is absent.
func (c *compiler) duration(n *node, ptr string) time.Duration {
	if n == nil {
		return 0
	}
	d, err := time.ParseDuration(n.str())
	c.must(n, ptr, err)
	return d
}
