package policy

import (
	"reflect"
	"slices"

	"ringfence/internal/placement"
)

// refusesAtLeast tells whether whatever the rule b refuses to a candidate that both concern, on a host where both count, the rule a
// refuses too. Both are of one kind; whom and where they concern is compared apart.
func refusesAtLeast(a, b *Rule) bool {
	p, q := &a.Params, &b.Params
	switch a.Kind {
	case SeparateDomains, ProdTest, SeparateAdminDomain, SeparateSlice:
		return asFarApart(a, b)
	case DemoteIsolation:
		return p.Runtime == q.Runtime && p.Level <= q.Level && !below(p.BelowVersion, q.BelowVersion)
	case ForbidAcceleration:
		return q.Accelerations&^p.Accelerations == 0
	case SignedArtefact:
		return trustsAtMost(p.Trust, q.Trust)
	case CoLocateInVM:
		return true // who else is matched is compared apart, as whom they concern
	case SameSensitivity:
		return p.Delta <= q.Delta
	case MaxAgeSinceReimage:
		return p.MaxAge <= q.MaxAge
	case SeparateNF:
		return p.Identity == q.Identity && asFarApart(a, b)
	case SeparateRole:
		return asFarApart(a, b) && (p.WithinAny || !q.WithinAny) &&
			(p.A&q.A == q.A && p.B&q.B == q.B || p.A&q.B == q.B && p.B&q.A == q.A)
	case SeparateExposure:
		return asFarApart(a, b) && p.SensitivityFrom <= q.SensitivityFrom
	case Oversight:
		return p.Check == q.Check && p.Identity == q.Identity && asFarApart(a, b)
	case RequireIsolation:
		return p.Level >= q.Level && (p.OrDedicatedHost == "" || p.OrDedicatedHost == q.OrDedicatedHost)
	case ForbidCutThrough, ForbidPrivileged:
		return p.AllowCutThrough&^q.AllowCutThrough == 0 && p.AllowPrivileged&^q.AllowPrivileged == 0
	case DedicateHost:
		return p.Identity == q.Identity
	case RequireCapability:
		return asCapable(p, q)
	case Location:
		return asLocated(p, q)
	case PhysicalSecurity:
		return !p.OfDomain || q.OfDomain
	case AttestationFreshness:
		return p.Check == q.Check && (p.MaxAge == q.MaxAge || q.MaxAge == 0 || p.MaxAge > 0 && p.MaxAge < q.MaxAge)
	case MaxBlastRadius:
		return p.Check == q.Check && a.Scope == b.Scope && p.Max <= q.Max && p.ShareNum*q.ShareDen <= q.ShareNum*p.ShareDen
	case ScrubBeforeReuse:
		return (p.PerNF || !q.PerNF) && (len(q.Scrubs) == 0 || reflect.DeepEqual(p.Scrubs, q.Scrubs))
	case CacheMode:
		return p.Mode >= q.Mode
	default: // without parameters, or with ones of which none is known to be stricter than another
		return a.Scope == b.Scope && reflect.DeepEqual(a.Params, b.Params) && reflect.DeepEqual(a.Waiver, b.Waiver)
	}
}

// asFarApart compares what two pairwise rules make of a pair that they both concern.
func asFarApart(a, b *Rule) bool {
	return (a.Scope == b.Scope || a.Scope == placement.ScopeHost && b.Scope == placement.ScopeKernel) && waivesAtMost(a.Waiver, b.Waiver) &&
		(len(a.ExceptPairs) == 0 || reflect.DeepEqual(a.ExceptPairs, b.ExceptPairs))
}

func waivesAtMost(a, b *Waiver) bool {
	return a == nil || b != nil && a.MinSeparation >= b.MinSeparation && (a.NeverForExclusive || !b.NeverForExclusive)
}

func asCapable(p, q *Params) bool {
	if q.Attested && !p.Attested || !p.AllOf.Has(q.AllOf) {
		return false
	}
	// One of q's is there when all of p's are and they have one, or when one of p's is and those are some of q's.
	return q.AnyOf == 0 || p.AllOf.Missing(q.AnyOf) != q.AnyOf || p.AnyOf != 0 && q.AnyOf.Has(p.AnyOf)
}

func asLocated(p, q *Params) bool {
	countries := listInside(p.Countries, q.Countries) && (!q.OfDomain || p.OfDomain)
	denied := !slices.ContainsFunc(q.Deny, func(c string) bool {
		return !slices.Contains(p.Deny, c) && (p.Countries == nil || slices.Contains(p.Countries, c))
	})
	return countries && denied && listInside(p.Sites, q.Sites) && (q.Source == "" || p.Source == q.Source) &&
		(q.MaxAge == 0 || p.MaxAge > 0 && p.MaxAge <= q.MaxAge)
}
