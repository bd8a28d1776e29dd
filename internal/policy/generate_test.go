package policy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"ringfence/internal/placement"
)

// The generator draws valid policies from rules.go's types: each as a JSON value, as an author writes it, and as
// the rules that must come out of it. Defaults are left out of the document at random.

type drawnRule struct {
	written map[string]any
	want    *Rule
}

// optional writes a field unless it has its default and the die says so.
func (d *drawnRule) optional(t *rapid.T, name string, value, def any) {
	if value != def || rapid.Bool().Draw(t, "write "+name) {
		d.written[name] = value
	}
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

func drawName(t *rapid.T) string {
	return rapid.StringMatching(`[A-Za-z0-9*][A-Za-z0-9 :/_.é🔒-]{0,8}`).Draw(t, "name")
}

// drawNames draws a list: nil when it is absent, empty when it is an empty list.
func drawNames(t *rapid.T, written map[string]any, key string, draw func(*rapid.T) string) []string {
	if rapid.Bool().Draw(t, "without "+key) {
		return nil
	}
	list := rapid.SliceOfN(rapid.Custom(draw), 0, 3).Draw(t, key)
	written[key] = list
	return list
}

func drawSet(t *rapid.T, written map[string]any, key string, known []string, atLeast int) []string {
	list := rapid.SliceOfNDistinct(rapid.SampledFrom(known), atLeast, 3, rapid.ID).Draw(t, key)
	written[key] = list
	return list
}

func drawLabels(t *rapid.T, written map[string]any) map[string]string {
	if rapid.Bool().Draw(t, "without labels") {
		return nil
	}
	labels := rapid.MapOfN(rapid.Custom(drawName), rapid.Custom(drawName), 0, 2).Draw(t, "labels")
	written["labels"] = labels
	return labels
}

func drawSelector(t *rapid.T, depth int) (map[string]any, Selector) {
	w := map[string]any{}
	s := Selector{
		TrustDomains: drawNames(t, w, "trustDomains", drawName), NFTypes: drawNames(t, w, "nfTypes", drawName),
		Components: drawNames(t, w, "components", drawName), Labels: drawLabels(t, w),
	}
	if rapid.Bool().Draw(t, "roles") {
		s.HasRoles = true
		s.Roles, _ = placement.ParseRoles(drawSet(t, w, "roles", (^placement.Roles(0)).Names(), 0))
	}
	if rapid.Bool().Draw(t, "categories") {
		s.Categories = []placement.Category{}
		for _, c := range drawSet(t, w, "categories", names(placement.Categories()), 0) {
			s.Categories = append(s.Categories, placement.Category(c))
		}
	}
	if rapid.Bool().Draw(t, "sensitivity") {
		s.HasSensitivity, s.SensitivityFrom = true, rapid.IntRange(0, placement.MaxSensitivity).Draw(t, "from")
		w["sensitivityFrom"] = s.SensitivityFrom
	}
	if depth > 0 && rapid.Bool().Draw(t, "anyOf") {
		w["anyOf"], s.AnyOf = drawSelectors(t, depth-1)
	}
	return w, s
}

func drawSelectors(t *rapid.T, depth int) ([]any, []Selector) {
	written, want := []any{}, []Selector{}
	for range rapid.IntRange(0, 2).Draw(t, "selectors") {
		w, s := drawSelector(t, depth)
		written, want = append(written, w), append(want, s)
	}
	return written, want
}

func drawHostSelector(t *rapid.T) (map[string]any, HostSelector) {
	w := map[string]any{}
	s := HostSelector{
		Pools: drawNames(t, w, "pools", drawName), Zones: drawNames(t, w, "zones", drawName),
		Countries: drawNames(t, w, "countries", drawCountry), Labels: drawLabels(t, w),
	}
	if rapid.Bool().Draw(t, "notLabels") {
		s.NotLabels = rapid.MapOfN(rapid.Custom(drawName), rapid.Custom(drawName), 1, 2).Draw(t, "notLabels")
		w["notLabels"] = s.NotLabels
	}
	if rapid.Bool().Draw(t, "capabilities") {
		s.HasCapabilities = true
		s.Capabilities, _ = placement.ParseCapabilities(drawSet(t, w, "capabilities", (^placement.Capabilities(0)).Names(), 0))
	}
	return w, s
}

func drawCountry(t *rapid.T) string { return pick(t, "country", "GB", "IE", "DE", "FR") }

func drawDuration(t *rapid.T, w map[string]any, key string) time.Duration {
	d := time.Duration(rapid.Int64Range(1, int64(1000*time.Hour)).Draw(t, key))
	w[key] = d.String()
	return d
}

func drawRule(t *rapid.T, i int) drawnRule {
	kind := rapid.SampledFrom(Kinds()).Draw(t, "kind")
	id := fmt.Sprintf("R-%d", i)
	d := drawnRule{
		written: map[string]any{"id": id, "kind": string(kind), "rationale": "because"},
		want:    &Rule{PolicyID: "p", ID: id, Position: i, Kind: kind, Rationale: "because", Scope: placement.ScopeHost},
	}
	if rapid.Bool().Draw(t, "subject") {
		d.written["subject"], d.want.Subject = drawSelector(t, 2)
	}
	d.want.Object = d.want.Subject
	if rapid.Bool().Draw(t, "host") {
		d.written["host"], d.want.Host = drawHostSelector(t)
	}
	mode, strength, violation := pick(t, "mode", "enforce", "audit"), pick(t, "strength", "MUST", "SHOULD"), pick(t, "violation", "REPORT", "EVICT")
	d.optional(t, "mode", mode, "enforce")
	d.optional(t, "strength", strength, "MUST")
	d.optional(t, "onViolation", violation, "REPORT")
	d.want.Audit, d.want.Should, d.want.Evict = mode == "audit", strength == "SHOULD", violation == "EVICT"
	params := map[string]any{}
	d.want.Params = drawParams(t, kind, params)
	if len(params) > 0 || rapid.Bool().Draw(t, "empty params") {
		d.written["params"] = params
	}
	d.drawPair(t)
	d.drawScope(t)
	return d
}

// pairs tells whether a rule looks at pairs.
func pairs(r *Rule) bool {
	return waivable(r.Kind, r.Params.Check) || r.Kind == SeparateExposure || r.Kind == ProdTest
}

func (d *drawnRule) drawPair(t *rapid.T) {
	if pairs(d.want) {
		if rapid.Bool().Draw(t, "object") {
			d.written["object"], d.want.Object = drawSelector(t, 1)
		}
		if rapid.Bool().Draw(t, "exceptPairs") {
			d.written["exceptPairs"], d.want.ExceptPairs = drawSelectors(t, 1)
		}
	}
	if waivable(d.want.Kind, d.want.Params.Check) && rapid.Bool().Draw(t, "waiver") {
		level := pick(t, "level", placement.IsolationVM, placement.IsolationConfidentialVM)
		w := map[string]any{"minSeparation": level.String()}
		d.want.Waiver = &Waiver{MinSeparation: level}
		if rapid.Bool().Draw(t, "hypervisor") {
			w["requireHypervisor"], d.want.Waiver.RequireHypervisor = "TYPE1", placement.HypervisorType1
		}
		if rapid.Bool().Draw(t, "never") {
			w["neverForExclusive"], d.want.Waiver.NeverForExclusive = true, true
		}
		d.written["waiver"] = w
	}
}

func (d *drawnRule) drawScope(t *rapid.T) {
	scopes := []placement.Scope{placement.ScopeHost}
	switch {
	case d.want.Kind == OneDomainPerKernel, d.want.Kind == SameSensitivity:
		scopes = []placement.Scope{placement.ScopeKernel}
		d.want.Scope = placement.ScopeKernel
	case d.want.Kind == CoLocateInVM:
		scopes = []placement.Scope{placement.ScopeCISNode}
		d.want.Scope = placement.ScopeCISNode
	case pairs(d.want) && d.want.Kind != ProdTest:
		scopes = append(scopes, placement.ScopeKernel)
	case d.want.Params.Check == CheckReplicaShare:
		scopes = append(scopes, placement.ScopeRack, placement.ScopeZone, placement.ScopeNFVIPoP)
	}
	if rapid.Bool().Draw(t, "scope") {
		d.want.Scope = rapid.SampledFrom(scopes).Draw(t, "which scope")
		d.written["scope"] = string(d.want.Scope)
	}
}

func drawParams(t *rapid.T, k Kind, w map[string]any) (p Params) {
	check := func(from ...string) {
		p.Check = pick(t, "check", from...)
		w["check"] = p.Check
	}
	identity := func(from ...Identity) {
		p.Identity = pick(t, "identity", from...)
		if p.Identity != IdentityNFInstance || rapid.Bool().Draw(t, "write identity") {
			w["identity"] = string(p.Identity)
		}
	}
	switch k {
	case SeparateNF:
		identity(IdentityNFInstance, IdentityNFType, IdentityNFSet)
	case DedicateHost:
		identity(IdentityNFInstance, IdentityTrustDomain, IdentityTenant)
	case SeparateRole:
		roles := rapid.Permutation((^placement.Roles(0)).Names()).Draw(t, "roles")
		p.A, _ = placement.ParseRoles(roles[:2])
		p.B, _ = placement.ParseRoles(roles[2:3])
		p.WithinAny = rapid.Bool().Draw(t, "any")
		w["a"], w["b"], w["within"] = roles[:2], roles[2:3], map[bool]string{true: "ANY", false: "NF_INSTANCE"}[p.WithinAny]
	case SeparateExposure:
		p.SensitivityFrom = rapid.IntRange(0, placement.MaxSensitivity).Draw(t, "from")
		w["sensitivityFrom"] = p.SensitivityFrom
	case RequireIsolation:
		p.Level = rapid.SampledFrom([]placement.Isolation{1, 2, 3, 4}).Draw(t, "level")
		w["level"] = p.Level.String()
		if p.OrDedicatedHost = pick(t, "or", "", placement.DedicatedToNFInstance, placement.DedicatedToTrustDomain); p.OrDedicatedHost != "" {
			w["orDedicatedHost"] = string(p.OrDedicatedHost)
		}
	case SameSensitivity:
		p.Delta = rapid.IntRange(0, placement.MaxSensitivity).Draw(t, "delta")
		w["delta"] = p.Delta
	case DemoteIsolation:
		p.Runtime, p.Level = drawName(t), rapid.SampledFrom([]placement.Isolation{0, 1, 2, 3}).Draw(t, "level")
		p.BelowVersion = rapid.StringMatching(`v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-rc\.[0-9])?`).Draw(t, "version")
		w["runtime"], w["level"], w["belowVersion"] = p.Runtime, p.Level.String(), p.BelowVersion
	case ForbidAcceleration:
		p.Accelerations, _ = placement.ParseAccelerations(drawSet(t, w, "kinds", (^placement.Accelerations(0)).Names(), 1))
	case SignedArtefact:
		trust := []any{}
		for range rapid.IntRange(1, 2).Draw(t, "signers") {
			s := Signer{KeyID: drawName(t), PublicKey: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")}
			by := map[string]any{"keyId": s.KeyID, "publicKey": base64.StdEncoding.EncodeToString(s.PublicKey)}
			s.TrustDomains = drawSet(t, by, "trustDomains", []string{"TD-A", "TD-B", "*"}, 1)
			p.Trust, trust = append(p.Trust, s), append(trust, by)
		}
		w["trust"] = trust
	case MaxAgeSinceReimage:
		p.MaxAge = drawDuration(t, w, "maxAge")
	case ForbidCutThrough:
		p.AllowCutThrough, _ = placement.ParseCutThroughs(drawSet(t, w, "allow", (^placement.CutThroughs(0)).Names(), 0))
	case ForbidPrivileged:
		p.AllowPrivileged, _ = placement.ParsePrivileges(drawSet(t, w, "allow", (^placement.Privileges(0)).Names(), 0))
	case RequireCapability:
		p.AllOf, _ = placement.ParseCapabilities(drawSet(t, w, "allOf", (^placement.Capabilities(0)).Names(), 1))
		p.AnyOf, _ = placement.ParseCapabilities(drawSet(t, w, "anyOf", (^placement.Capabilities(0)).Names(), 1))
		p.Attested = rapid.Bool().Draw(t, "attested")
		w["attested"] = p.Attested
	case Location:
		if p.OfDomain = rapid.Bool().Draw(t, "domain"); p.OfDomain {
			w["countries"] = "domain"
		} else {
			p.Countries = drawSet(t, w, "countries", []string{"GB", "IE", "DE"}, 1)
		}
		p.Sites, p.Deny = drawSet(t, w, "sites", []string{"LON", "DUB", "x"}, 1), drawSet(t, w, "deny", []string{"GB", "IE"}, 1)
		p.Source, p.MaxAge = drawName(t), drawDuration(t, w, "maxAge")
		w["source"] = p.Source
	case PhysicalSecurity:
		if p.OfDomain = rapid.Bool().Draw(t, "domain"); !p.OfDomain {
			w["when"] = "always"
		}
	case AttestationFreshness:
		if check(CheckState, CheckAge); p.Check == CheckAge {
			if p.OfDomain = rapid.Bool().Draw(t, "domain"); p.OfDomain {
				w["maxAge"] = "domain"
			} else {
				p.MaxAge = drawDuration(t, w, "maxAge")
			}
		}
	case Oversight:
		if check(CheckSelf, CheckPool, CheckSeparate); p.Check == CheckSeparate {
			identity(IdentityNFInstance, IdentityNFType, IdentityNFSet)
		}
	case MaxBlastRadius:
		if check(CheckNFInstances, CheckDomains, CheckReplicaShare); p.Check == CheckReplicaShare {
			p.ShareDen = pick[int64](t, "den", 1, 2, 5, 8, 125)
			p.ShareNum = map[int64]int64{1: 1, 2: 1, 5: 3, 8: 7, 125: 124}[p.ShareDen]
			w["share"] = json.Number(map[int64]string{1: "1.0", 2: "0.50", 5: "0.6", 8: "0.875", 125: "0.992"}[p.ShareDen])
		} else {
			p.Max = rapid.IntRange(1, 1000).Draw(t, "max")
			w["max"] = p.Max
		}
	case ScrubBeforeReuse:
		if p.PerNF = rapid.Bool().Draw(t, "per"); p.PerNF {
			w["per"] = "NF_INSTANCE"
		}
		if rapid.Bool().Draw(t, "levels") {
			before, want := drawSelector(t, 1)
			n := ScrubNeed{Before: want, Level: rapid.SampledFrom([]placement.ScrubLevel{1, 2, 3, 4}).Draw(t, "level"), Attested: rapid.Bool().Draw(t, "attested")}
			of := map[string]any{}
			n.Of.TrustDomains = drawNames(t, of, "trustDomains", drawName)
			p.Scrubs = []ScrubNeed{n}
			w["levels"] = []any{map[string]any{"of": of, "before": before, "level": n.Level.String(), "attested": n.Attested}}
		}
	case CacheMode:
		p.Mode = rapid.SampledFrom([]placement.CacheMode{1, 2, 3, 4, 5}).Draw(t, "mode")
		w["mode"] = p.Mode.String()
	default:
	}
	return p
}

// drawPolicy draws a document and the policy that it must compile to under the id "p".
func drawPolicy(t *rapid.T) (map[string]any, *Policy) {
	rules, exceptions := []any{}, []any{}
	want := &Policy{Ref: placement.PolicyRef{ID: "p"}}
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		d := drawRule(t, i)
		if waivable(d.want.Kind, d.want.Params.Check) && rapid.Bool().Draw(t, "exception") {
			at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "expires"), 0)
			exceptions = append(exceptions, map[string]any{
				"ruleId": d.want.ID, "hosts": []string{"h1"}, "expiresAt": at.In(time.FixedZone("", 3600)).Format(time.RFC3339),
				"approvedBy": "a", "ticket": "t",
			})
			d.want.Exceptions = []Exception{{Hosts: []string{"h1"}, ExpiresAt: at.UTC(), ApprovedBy: "a", Ticket: "t"}}
		}
		rules, want.Rules = append(rules, d.written), append(want.Rules, d.want)
	}
	return map[string]any{
		"apiVersion": "ringfence/v1", "kind": "TrustDomainPolicy", "policyVersion": "1.0.0", "rules": rules, "exceptions": exceptions,
	}, want
}
