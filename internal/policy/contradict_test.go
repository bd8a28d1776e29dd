package policy

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"ringfence/internal/placement"
)

var contradictionNoon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// conflictWorld is everything that the rules of the test can tell apart: hosts, workloads, keys.
type conflictWorld struct {
	cat       *placement.Catalogue
	hosts     []placement.Host
	workloads []placement.Workload
	keys      []Signer
	known     map[string]bool // of hopeless, by what it depends on within one set
}

// newConflictWorld makes hosts that suit every rule as far as any host can, each in another place, pool and equipment, and for each
// trust domain an artefact that all keys have signed.
func newConflictWorld(t *testing.T) *conflictWorld {
	t.Helper()
	w := &conflictWorld{cat: placement.NewCatalogue()}
	for _, d := range []placement.TrustDomain{
		{ID: "TD-A", Category: placement.CategoryUserPlane, Sensitivity: 1, MinIsolation: placement.IsolationVM},
		{ID: "TD-B", Category: placement.CategoryControlPlane, Sensitivity: 3, AllowedCountries: []string{"GB"}, RequiresPhysicalSecurity: true, SecurityCritical: true},
		{ID: "TD-B1", Category: placement.CategoryTest, ParentID: "TD-B", AllowedCountries: []string{"IE", "FR"}},
		{ID: "TD-O", Category: placement.CategoryOversight, Sensitivity: 4, Exclusive: true, MaxAttestationAge: time.Hour},
	} {
		w.cat.TrustDomains[d.ID] = d
	}
	for name, level := range map[string]placement.Isolation{"runc": 1, "kata": 3, "kata-cc": 4} {
		w.cat.RuntimeClasses[name] = placement.RuntimeClass{Name: name, Isolation: level}
	}
	var private []ed25519.PrivateKey
	for i := range 2 {
		key := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", i)))
		private = append(private, key)
		w.keys = append(w.keys, Signer{KeyID: fmt.Sprintf("k%d", i), PublicKey: key.Public().(ed25519.PublicKey)})
	}
	for id := range w.cat.TrustDomains {
		w.cat.Images["image-"+id] = placement.Image{Digest: "image-" + id, Kind: placement.ArtefactContainerImage, Signature: signedBy(t, private, "image-"+id, id)}
	}
	w.addWorkloads()
	w.addHosts()
	return w
}

func signedBy(t *testing.T, keys []ed25519.PrivateKey, digest, domain string) string {
	t.Helper()
	payload, err := json.Marshal(map[string]string{"digest": digest, "trustDomainId": domain})
	if err != nil {
		t.Fatal(err)
	}
	var signatures []any
	for i, k := range keys {
		over := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(PayloadType), PayloadType, len(payload), payload)
		signatures = append(signatures, map[string]string{"keyid": fmt.Sprintf("k%d", i), "sig": base64.StdEncoding.EncodeToString(ed25519.Sign(k, over))})
	}
	envelope, err := json.Marshal(map[string]any{"payloadType": PayloadType, "payload": payload, "signatures": signatures})
	if err != nil {
		t.Fatal(err)
	}
	return string(envelope)
}

var conflictRoles = []placement.Roles{placement.RoleBorder, placement.RoleKeyHolding, placement.RoleSignalling}

func (w *conflictWorld) addWorkloads() {
	for id := range w.cat.TrustDomains {
		for _, instance := range []string{"v1", "v2"} {
			for _, component := range []string{"a", "another"} {
				x, y, z := conflictRoles[0], conflictRoles[1], conflictRoles[2]
				for _, roles := range []placement.Roles{0, x, y, x | y, z, x | z, y | z, x | y | z} {
					c := placement.Workload{
						TrustDomainID: id, ComponentID: component, Runtime: "kata-cc", Images: []string{"image-" + id},
						NF: placement.NF{VNFInstanceID: instance, Type: "AMF"}, Roles: roles,
					}
					w.workloads = append(w.workloads, c)
				}
			}
		}
	}
}

func (w *conflictWorld) addHosts() {
	for i := range 3 * 2 * 2 * 2 * 2 * 3 * 2 * 2 * 3 {
		next := func(n int) int { k := i % n; i /= n; return k }
		h := placement.Host{
			ID: "h", Country: []string{"GB", "IE", "FR"}[next(3)], NFVIPoPID: []string{"P", "Q"}[next(2)], HostPoolID: []string{"p1", "p2"}[next(2)],
			ResourceZoneID: []string{"z1", "z2"}[next(2)], Location: placement.LocationClaim{Source: []string{"gps", "other"}[next(2)], AssertedAt: contradictionNoon},
			Labels: []map[string]string{nil, {"k": "v"}, {"k": "w"}}[next(3)], Capabilities: placement.CapCacheEnc | placement.CapTPM2,
			PhysicallySecure: true, HypervisorClass: placement.HypervisorType1, Lifecycle: placement.LifecycleInService,
			RuntimeVersions: map[string]string{"kata-cc": "9.0"}, Attestation: placement.Attestation{State: placement.AttestationTrusted, AttestedAt: contradictionNoon},
			CISNodes: []placement.CISNode{{ID: "vm", Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorType1, Runtimes: []string{"kata-cc"}}},
			Scrubs:   []placement.ScrubRecord{{Level: placement.ScrubReimage, At: contradictionNoon, DeviceReset: true}},
		}
		h.Capabilities |= []placement.Capabilities{0, placement.CapTEE}[next(2)] | []placement.Capabilities{0, placement.CapEncStorage}[next(2)] |
			[]placement.Capabilities{0, placement.CapEphemeralEnc, placement.CapRAMSnapshot}[next(3)]
		h.AttestedCapabilities = h.Capabilities
		w.hosts = append(w.hosts, h)
	}
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(w.hosts), func(i, j int) { w.hosts[i], w.hosts[j] = w.hosts[j], w.hosts[i] })
}

// hopeless tells whether none of the hosts takes a workload, by the function that decides.
func (w *conflictWorld) hopeless(set *Set, c placement.Workload) bool {
	cat := *w.cat
	cat.HostPools = map[string]placement.HostPool{}
	for _, pool := range []string{"p1", "p2"} {
		cat.HostPools[pool] = placement.HostPool{ID: pool, AllowedTrustDomainIDs: []string{c.TrustDomainID}}
	}
	candidate := Prepare(&World{Catalogue: &cat, Set: set, Now: contradictionNoon}, c, 0, Replicas{Requested: 1})
	key := fmt.Sprintf("%q %d %d", c.TrustDomainID, c.Roles, len(set.For(c.NF.VNFInstanceID)))
	for _, r := range candidate.Rules() {
		key += " " + r.ID
	}
	known, ok := w.known[key]
	if !ok {
		known = !slices.ContainsFunc(w.hosts, func(h placement.Host) bool { return candidate.Judge(placement.HostFacts{Host: &h}, nil).Feasible })
		w.known[key] = known
	}
	return known
}

// What a set of policies is mostly about, so that its rules contradict each other often.
const (
	aboutAnything = iota
	aboutCountries
	aboutEquipment
	themes
)

// themed draws a rule of a theme: one that leaves two countries; or one that demands equipment, and one that takes hosts with some.
func (w *conflictWorld) themed(r *rand.Rand, theme int) *Rule {
	out := &Rule{Kind: Location, Scope: placement.ScopeHost, Subject: w.conflictSubject(r)}
	p := &out.Params
	switch k := r.IntN(7); {
	case theme == aboutCountries:
		p.Countries = [][]string{{"GB", "IE"}, {"GB", "FR"}, {"IE", "FR"}}[r.IntN(3)]
	case k == 0:
		out.Kind = BorderHandling
	case k == 1:
		out.Kind, p.Mode = CacheMode, placement.CacheNoStore
	case k == 2:
		out.Kind, p.AnyOf = RequireCapability, placement.CapEncStorage|placement.CapTEE
	case k == 3:
		out.Kind = SignedArtefact
		p.Trust, out.Host.Labels = w.signers(r), map[string]string{"k": "v"}
	case k == 4:
		out.Kind = SignedArtefact
		p.Trust, out.Host.NotLabels = w.signers(r), map[string]string{"k": "v"}
	default:
		out.Kind, p.Trust, out.Host.HasCapabilities = SignedArtefact, w.signers(r), true
		out.Host.Capabilities = []placement.Capabilities{placement.CapEncStorage, placement.CapEphemeralEnc, placement.CapRAMSnapshot, placement.CapTEE}[r.IntN(4)]
	}
	out.Object = out.Subject
	return out
}

func (w *conflictWorld) signers(r *rand.Rand) []Signer {
	s := w.keys[r.IntN(2)]
	s.TrustDomains = [][]string{{"*"}, {"TD-A"}, {"TD-B", "TD-O"}}[r.IntN(3)]
	return []Signer{s}
}

// conflictRule draws a rule, most often of a kind that demands something of a host.
func (w *conflictWorld) conflictRule(r *rand.Rand, theme int) *Rule {
	if theme != aboutAnything && r.IntN(4) > 0 {
		return w.themed(r, theme)
	}
	some := func(list ...string) []string { return list[:1+r.IntN(len(list))] }
	kinds := []Kind{Location, Location, Location, Location, Location, RequireCapability, RequireCapability, BorderHandling, CacheMode, SeparateRole, SignedArtefact, Kinds()[r.IntN(len(Kinds()))]}
	out := &Rule{Kind: kinds[r.IntN(len(kinds))], Scope: placement.ScopeHost, Audit: r.IntN(12) == 0, Should: r.IntN(12) == 0}
	p := &out.Params
	switch out.Kind {
	case Location:
		switch r.IntN(6) {
		case 0:
			p.OfDomain = true
		case 1, 5:
			p.Countries = [][]string{{"GB"}, {"IE"}, {"GB", "IE"}, {"GB", "FR"}, {"IE", "FR"}}[r.IntN(5)]
		case 2:
			p.Deny = some("GB", "IE")
		case 3:
			p.Sites = []string{"P"}
		case 4:
			p.Source, p.MaxAge = "gps", time.Hour
		}
	case RequireCapability:
		p.Attested = r.IntN(2) == 0
		if p.AnyOf = placement.CapEncStorage | placement.CapTEE; r.IntN(2) == 0 {
			p.AllOf, p.AnyOf = []placement.Capabilities{placement.CapTEE, placement.CapEncStorage, placement.CapEphemeralEnc}[r.IntN(3)], 0
		}
	case CacheMode:
		p.Mode = placement.CacheMode(1 + r.IntN(5))
	case SeparateRole:
		p.A, p.B, p.WithinAny = placement.RoleBorder, placement.RoleKeyHolding, r.IntN(2) == 0
	case SignedArtefact:
		p.Trust = w.signers(r)
	case RequireIsolation:
		p.Level = placement.Isolation(1 + r.IntN(4))
	case AttestationFreshness:
		p.Check, p.MaxAge = []string{CheckState, CheckAge}[r.IntN(2)], time.Minute
	case Oversight:
		p.Check = []string{CheckSelf, CheckPool, CheckSeparate}[r.IntN(3)]
	case MaxBlastRadius:
		p.Check, p.Max, p.ShareNum, p.ShareDen = []string{CheckNFInstances, CheckDomains, CheckReplicaShare}[r.IntN(3)], 1, 1, 100
	case MaxAgeSinceReimage:
		p.MaxAge = time.Minute
	case ForbidAcceleration:
		p.Accelerations = ^placement.Accelerations(0)
	case DemoteIsolation:
		p.Runtime, p.BelowVersion = "kata-cc", "8.0"
	case ScrubBeforeReuse:
		p.PerNF, p.Scrubs = true, []ScrubNeed{{Level: placement.ScrubReimage, Attested: true}}
	default: // nothing that could be drawn makes those of no resident stricter
	}
	out.Subject, out.Host = w.conflictSubject(r), w.conflictHosts(r, out.Kind != SignedArtefact && out.Kind != SeparateRole)
	out.Object = out.Subject
	return out
}

func (w *conflictWorld) conflictSubject(r *rand.Rand) (s Selector) {
	switch r.IntN(9) {
	case 0:
		s.TrustDomains = [][]string{{"TD-A"}, {"TD-B"}, {"TD-B", "TD-O"}, {}}[r.IntN(4)]
	case 1:
		s.Components = []string{"a"}
	case 2:
		one, other := conflictRoles[r.IntN(3)], conflictRoles[r.IntN(3)]
		s.HasRoles, s.Roles = true, one|other
	case 3:
		s.AnyOf = []Selector{{Components: []string{"a"}}, {HasRoles: true, Roles: conflictRoles[r.IntN(3)]}}
	case 4:
		s.HasSensitivity, s.SensitivityFrom = true, r.IntN(5)
	}
	return s
}

// conflictHosts draws a host selector: often that of all hosts, where that is wanted.
func (w *conflictWorld) conflictHosts(r *rand.Rand, all bool) (s HostSelector) {
	if r.IntN(3) != 0 && all || r.IntN(6) == 0 {
		return s
	}
	for range 1 + r.IntN(5)/4 {
		switch r.IntN(6) {
		case 0:
			s.Pools = []string{"p1"}
		case 1:
			s.Pools, s.Zones = nil, []string{"z1"}
		case 2:
			s.Countries = []string{"GB", "IE"}[:1+r.IntN(2)]
		case 3:
			s.HasCapabilities, s.Capabilities = true, []placement.Capabilities{placement.CapTEE, placement.CapEncStorage, placement.CapTEE | placement.CapEncStorage, 0}[r.IntN(4)]
		case 4:
			s.Labels = map[string]string{"k": []string{"v", "w", ""}[r.IntN(3)]}
		case 5:
			s.NotLabels = map[string]string{"k": []string{"v", "w", ""}[r.IntN(3)]}
		}
	}
	return s
}

// conflictSet draws two policies, of which the second may be associated with one VNF instance.
func (w *conflictWorld) conflictSet(r *rand.Rand) *Set {
	set, theme := &Set{signatures: newSignatures()}, r.IntN(themes)
	for _, id := range []string{"one", "two"} {
		p := &Policy{Ref: placement.PolicyRef{ID: id}}
		if id == "two" && r.IntN(2) == 0 {
			p.Associations = []string{"v1"}
		}
		for i := range 2 + r.IntN(4) {
			rule := w.conflictRule(r, theme)
			rule.PolicyID, rule.ID, rule.Position = id, fmt.Sprintf("%s-%d", id, i), i
			p.Rules = append(p.Rules, rule)
		}
		set.Policies = append(set.Policies, p)
	}
	set.demotions = demotions(set.Policies)
	return set
}

// contradictionsOf are those that the analysis finds, from the side of each policy.
func (w *conflictWorld) contradictionsOf(t *testing.T, set *Set) (out []*contradiction) {
	t.Helper()
	for i, p := range set.Policies {
		a := &analysis{Surroundings: Surroundings{Catalogue: w.cat}, policy: p, all: []*Policy{p, set.Policies[1-i]}}
		a.space = newSpace(w.cat, a.all...)
		s := a.conflicts()
		if s.left.left < 0 {
			t.Fatal("the effort was not enough")
		}
		out = append(out, s.found...)
	}
	return out
}

// about tells whether all of the rules demand something of hosts for the workload.
func (w *conflictWorld) about(rules []*Rule, set *Set, c *placement.Workload) bool {
	return !slices.ContainsFunc(rules, func(r *Rule) bool {
		k := slices.IndexFunc(set.Policies, func(p *Policy) bool { return p.Ref.ID == r.PolicyID })
		bears := !slices.ContainsFunc(r.bearers(), func(roles placement.Roles) bool { return c.Roles&roles == 0 })
		return !set.Policies[k].appliesTo(c.NF.VNFInstanceID) || !r.Subject.matches(w.cat, c, c.Roles) || !bears
	})
}

// purposeful tells whether some rule alone leaves the workload no host because that is what it is for: it refuses who holds both
// sides, or whom nobody may sign for.
func (w *conflictWorld) purposeful(set *Set, c *placement.Workload) bool {
	d := w.cat.TrustDomains[c.TrustDomainID]
	for _, p := range set.Policies {
		for _, r := range p.Rules {
			asked := r.demandOf(&d)
			if r.Enforced() && r.Host.all() && asked.nothing && w.about([]*Rule{r}, set, c) {
				return true
			}
		}
	}
	return false
}

// only is the set without all other rules.
func only(set *Set, rules []*Rule) *Set {
	out := &Set{demotions: set.demotions, signatures: set.signatures}
	for _, p := range set.Policies {
		q := *p
		q.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r *Rule) bool { return !slices.Contains(rules, r) })
		out.Policies = append(out.Policies, &q)
	}
	return out
}

// TestContradictionsAreFoundExactly compares the contradictions that the analysis finds with judging every workload on every host:
// a workload has no host exactly when it is one that a contradiction is about, and no rule of a contradiction can be spared.
func TestContradictionsAreFoundExactly(t *testing.T) {
	t.Parallel()
	w := newConflictWorld(t)
	cases := 60
	if os.Getenv("RINGFENCE_TEST_LONG") != "" {
		cases = 2_000
	}
	r := rand.New(rand.NewPCG(7, 8))
	together := map[int]int{}
	for n := range cases {
		set := w.conflictSet(r)
		w.known = map[string]bool{}
		found := w.contradictionsOf(t, set)
		for i := range w.workloads {
			c := &w.workloads[i]
			claimed := w.purposeful(set, c) || slices.ContainsFunc(found, func(x *contradiction) bool {
				return slices.Contains(x.domains, c.TrustDomainID) && w.about(x.rules, set, c)
			})
			if hopeless := w.hopeless(set, *c); hopeless != claimed {
				t.Fatalf("case %d: no host takes it: %t, the analysis says %t\nworkload %+v\n%s", n, hopeless, claimed, *c, shown(set, found))
			}
		}
		for _, x := range found {
			together[len(x.rules)]++
			w.checkMinimal(t, set, x)
		}
	}
	if together[2] < 10 || together[3] < 10 {
		t.Errorf("contradictions by how many rules they are of: %v: too few to test anything", together)
	}
	t.Logf("%d sets of policies; contradictions by how many rules they are of: %v", cases, together)
}

// checkMinimal makes sure that a workload that the contradiction is about finds a host when any of its rules is taken away.
func (w *conflictWorld) checkMinimal(t *testing.T, set *Set, x *contradiction) {
	t.Helper()
	k := slices.IndexFunc(w.workloads, func(c placement.Workload) bool {
		return c.TrustDomainID == x.witness.TrustDomainID && c.Roles == x.witness.Roles && w.about(x.rules, set, &c) &&
			(x.witness.ComponentID == "" && c.ComponentID == "another" || c.ComponentID == x.witness.ComponentID)
	})
	if k < 0 {
		t.Fatalf("the witness %v is no workload that the rules are about\n%s", x.witness, shown(set, []*contradiction{x}))
	}
	for i := range x.rules {
		less := slices.Delete(slices.Clone(x.rules), i, i+1)
		if w.hopeless(only(set, less), w.workloads[k]) {
			t.Fatalf("without rule %s it is a contradiction, too\n%s", x.rules[i].ID, shown(set, []*contradiction{x}))
		}
	}
}

func shown(set *Set, found []*contradiction) (out string) {
	for _, p := range set.Policies {
		for _, r := range p.Rules {
			out += fmt.Sprintf("%s of %v: %s audit %t should %t\n  subject %+v\n  host %+v\n  params %+v\n", r.ID, p.Associations, r.Kind, r.Audit, r.Should, r.Subject, r.Host, r.Params)
		}
	}
	for _, x := range found {
		out += "contradiction of"
		for _, r := range x.rules {
			out += " " + r.ID
		}
		out += fmt.Sprintf(" for %v\n", x.domains)
	}
	return out
}
