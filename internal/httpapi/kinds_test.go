package httpapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/openapi"
)

// scene is a host, a candidate and those around it.
type scene struct {
	cat       *placement.Catalogue
	host      placement.Host
	residents []*placement.Residency
	workload  placement.Workload
	replicas  policy.Replicas
	beside    string // another rule, R-BESIDE
}

var kindsNoon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newScene() *scene {
	s := &scene{cat: placement.NewCatalogue()}
	for _, d := range []placement.TrustDomain{
		{ID: "TD-UP", Category: placement.CategoryUserPlane, Sensitivity: 2, AdminDomain: "access"},
		{ID: "TD-CP", Category: placement.CategoryControlPlane, Sensitivity: 3, AdminDomain: "core"},
		{ID: "TD-OAM", Category: placement.CategoryOversight, Sensitivity: 4},
		{ID: "TD-TEST", Category: placement.CategoryTest},
	} {
		s.cat.TrustDomains[d.ID] = d
	}
	for name, level := range map[string]placement.Isolation{"runc": placement.IsolationOSContainer, "kata": placement.IsolationVM} {
		s.cat.RuntimeClasses[name] = placement.RuntimeClass{Name: name, Isolation: level}
	}
	s.cat.HostPools["core"] = placement.HostPool{ID: "core", AllowedTrustDomainIDs: []string{"TD-UP", "TD-CP"}}
	s.host = placement.Host{
		ID: "h7", HostPoolID: "core", NFVIPoPID: "LON", Country: "GB", PhysicallySecure: true, HypervisorClass: placement.HypervisorType1,
		Runtimes: []string{"kata", "runc"}, Lifecycle: placement.LifecycleInService,
		Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc | placement.CapEncStorage,
		Attestation:  placement.Attestation{State: placement.AttestationTrusted, AttestedAt: kindsNoon.Add(-time.Minute)},
		Scrubs:       []placement.ScrubRecord{{Level: placement.ScrubReimage, At: kindsNoon.Add(-time.Hour)}},
	}
	s.workload = placement.Workload{NF: placement.NF{VNFInstanceID: "upf-1", Type: "UPF"}, ComponentID: "pfe", TrustDomainID: "TD-UP", Runtime: "runc"}
	return s
}

// neighbour is a container on the host.
func (s *scene) neighbour(id, domain, nf string) *placement.Workload {
	r := &placement.Residency{
		ID: id, HostID: s.host.ID, Kind: placement.ResidencyWorkload, State: placement.StateRunning,
		Workload: placement.Workload{NF: placement.NF{VNFInstanceID: nf, Type: "AMF"}, ComponentID: "sig", TrustDomainID: domain, Runtime: "runc"},
	}
	s.residents = append(s.residents, r)
	return &r.Workload
}

// document is a policy of one rule R.
func document(rule, more string) []byte {
	return []byte("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - {id: R, rationale: r, " + rule + more + "}\n")
}

// judge judges the scene by one rule: the sentences of what it refuses and of what it would refuse.
func (s *scene) judge(t *testing.T, rule, more string) (refused, warned string) {
	t.Helper()
	content := append(document(rule, more), s.beside...)
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: content}})
	if err != nil {
		t.Fatalf("%s\n%v", content, err)
	}
	c := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: kindsNoon}, s.workload, placement.IsolationNone, s.replicas)
	v := c.Judge(placement.HostFacts{Host: &s.host, Residents: s.residents}, nil)
	return sentences(v.Reasons), sentences(v.Warnings)
}

func sentences(list []placement.Reason) string {
	var out []string
	for i := range list {
		if strings.HasPrefix(list[i].RuleID, "R") {
			out = append(out, sentence(&list[i], true))
		}
	}
	return strings.Join(out, "; ")
}

// releaseSeed makes the key that signs artefacts here.
const releaseSeed = "a key of 32 bytes for this test.."

func releaseKey() string {
	key := ed25519.NewKeyFromSeed([]byte(releaseSeed[:ed25519.SeedSize]))
	return base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}

// signedFor is an envelope around the statement that an artefact is of a trust domain.
func signedFor(digest, domain string) string {
	payload := fmt.Appendf(nil, `{"digest": %q, "trustDomainId": %q}`, digest, domain)
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(policy.PayloadType), policy.PayloadType, len(payload), payload)
	key := ed25519.NewKeyFromSeed([]byte(releaseSeed[:ed25519.SeedSize]))
	return fmt.Sprintf(`{"payloadType": %q, "payload": %q, "signatures": [{"keyid": "release", "sig": %q}]}`, policy.PayloadType,
		base64.StdEncoding.EncodeToString(payload), base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed)))
}

// kindCase is a kind with a rule, a scene in which it holds and a change that breaks it.
type kindCase struct {
	kind   policy.Kind
	rule   string // after the kind
	holds  func(s *scene)
	breaks func(s *scene)
}

func kindCases() []kindCase {
	beside := func(domain, nf string, change func(w *placement.Workload)) func(s *scene) {
		return func(s *scene) {
			w := s.neighbour("n1", domain, nf)
			if change != nil {
				change(w)
			}
		}
	}
	oversight := func(s *scene) { s.workload.TrustDomainID, s.workload.AdministersHostPools = "TD-OAM", []string{"edge"} }
	kata := func(version string) func(s *scene) { // a demotion shows in what others ask
		return func(s *scene) {
			s.workload.Runtime, s.host.RuntimeVersions = "kata", map[string]string{"kata": version}
			s.beside = "  - {id: R-BESIDE, rationale: r, kind: require-isolation, params: {level: VM}}\n"
		}
	}
	inVM := func(nf string) func(s *scene) { // the only place to run is a CIS-node VM, which serves a network function already
		return func(s *scene) {
			s.host.CISNodes, s.host.Runtimes = []placement.CISNode{{ID: "worker-1", Form: placement.CISNodeVM, Runtimes: s.host.Runtimes}}, nil
			s.neighbour("n1", "TD-CP", nf)
			s.residents[0].CISNodeID = "worker-1"
		}
	}
	return []kindCase{
		{policy.DomainPermit, "", nil, func(s *scene) { s.workload.TrustDomainID = "TD-OAM" }},
		{policy.RuntimeOffered, "", nil, func(s *scene) { s.host.Runtimes = []string{"kata"} }},
		{policy.OneDomainPerKernel, "", beside("TD-UP", "upf-2", nil), beside("TD-CP", "amf-1", nil)},
		{policy.SeparateDomains, "", beside("TD-UP", "upf-2", nil), beside("TD-CP", "amf-1", nil)},
		{policy.SeparateNF, "", beside("TD-UP", "upf-1", nil), beside("TD-UP", "upf-2", nil)},
		{policy.SeparateRole, ", params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT]}", func(s *scene) { s.workload.Roles = placement.RoleUserHandling }, func(s *scene) {
			s.workload.Roles = placement.RoleUserHandling
			s.neighbour("n1", "TD-UP", "upf-1").Roles = placement.RoleNetworkManagement
		}},
		{policy.SeparateExposure, ", params: {sensitivityFrom: 3}", beside("TD-CP", "amf-1", nil), func(s *scene) {
			s.workload.Exposed = true
			s.neighbour("n1", "TD-CP", "amf-1")
		}},
		{policy.SeparateAdminDomain, "", beside("TD-UP", "upf-2", nil), beside("TD-CP", "amf-1", nil)},
		{policy.SeparateSlice, "", nil, func(s *scene) {
			s.workload.SNSSAIs = []string{"1"}
			s.neighbour("n1", "TD-UP", "upf-2").SNSSAIs = []string{"2"}
		}},
		{policy.ProdTest, "", nil, beside("TD-TEST", "probe-1", nil)},
		{policy.RequireIsolation, ", params: {level: VM}", func(s *scene) { s.workload.Runtime = "kata" }, func(*scene) {}},
		{policy.ForbidCutThrough, "", nil, func(s *scene) { s.workload.CutThrough = placement.CutThroughSRIOV }},
		{policy.ForbidPrivileged, "", nil, func(s *scene) { s.workload.Privileged = placement.PrivilegeHostPath }},
		{policy.DedicateHost, "", beside("TD-UP", "upf-1", nil), beside("TD-UP", "upf-2", nil)},
		{policy.RequireCapability, ", params: {allOf: [CACHE_ENC]}", nil, func(s *scene) { s.host.Capabilities = placement.CapEphemeralEnc | placement.CapEncStorage }},
		{policy.Location, ", params: {countries: [GB]}", nil, func(s *scene) { s.host.Country = "FR" }},
		{policy.PhysicalSecurity, ", params: {when: always}", nil, func(s *scene) { s.host.PhysicallySecure = false }},
		{policy.AttestationFreshness, ", params: {check: STATE}", nil, func(s *scene) { s.host.Attestation.State = placement.AttestationUntrusted }},
		{policy.BorderHandling, "", func(s *scene) { s.workload.Roles, s.workload.Runtime = placement.RoleBorder, "kata" }, func(s *scene) {
			s.workload.Roles, s.workload.UndeclaredPeers = placement.RoleBorder, true
		}},
		{policy.Oversight, ", params: {check: SELF}", oversight, func(s *scene) {
			oversight(s)
			s.workload.AdministersHostPools = []string{"core"}
		}},
		{policy.SameSensitivity, ", params: {delta: 0}", beside("TD-UP", "upf-2", nil), beside("TD-CP", "amf-1", nil)},
		{policy.MaxBlastRadius, ", params: {check: NF_INSTANCES, max: 1}", nil, beside("TD-UP", "upf-2", nil)},
		{policy.ScrubBeforeReuse, "", nil, func(s *scene) {
			s.host.Residue = []placement.Residue{{TrustDomainID: "TD-TEST", Since: kindsNoon, BelowVM: true}}
		}},
		{policy.SignedArtefact, ", params: {trust: [{keyId: release, publicKey: \"" + releaseKey() + "\", trustDomains: [TD-UP]}]}", func(s *scene) {
			s.workload.Images = []string{"sha256:signed"}
			s.cat.Images["sha256:signed"] = placement.Image{Digest: "sha256:signed", Signature: signedFor("sha256:signed", "TD-UP")}
		}, func(s *scene) { s.workload.Images = []string{"sha256:unsigned"} }},
		{policy.CacheMode, ", params: {mode: ENCRYPTED}", nil, func(s *scene) { s.host.Capabilities = placement.CapEncStorage }},
		{policy.DemoteIsolation, ", params: {runtime: kata, belowVersion: 3.2.0, level: OS_CONTAINER}", kata("3.2.0"), kata("3.1.9")},
		{policy.ForbidAcceleration, ", params: {kinds: [CHECKPOINT, PAGE_SHARING]}", func(s *scene) { s.host.Accelerations = placement.AccelerationNodeToNodeImages }, func(s *scene) {
			s.workload.Images = []string{"sha256:warm"}
			s.cat.Images["sha256:warm"] = placement.Image{Digest: "sha256:warm", Kind: placement.ArtefactCheckpoint}
		}},
		{policy.CoLocateInVM, ", subject: {trustDomains: [TD-UP]}", inVM("upf-1"), inVM("upf-2")},
		{policy.MaxAgeSinceReimage, ", params: {maxAge: 2h}", nil, func(s *scene) { s.host.Scrubs = nil }},
	}
}

// TestEveryKindInEveryWay shows of every kind of rule that it can hold, be violated, be waived or refuse a waiver, and be tried out
// in audit mode; and what a person reads each time. `go test -v -run TestEveryKindInEveryWay ./internal/httpapi` prints the table.
func TestEveryKindInEveryWay(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	row := func(kind policy.Kind, way, text string) { fmt.Fprintf(&table, "%-27s %-13s %s\n", kind, way, text) }
	shown := map[policy.Kind]bool{}
	for _, c := range kindCases() {
		shown[c.kind] = true
		rule := "kind: " + string(c.kind) + c.rule
		played := func(change func(s *scene)) *scene {
			s := newScene()
			if change != nil {
				change(s)
			}
			return s
		}
		if refused, warned := played(c.holds).judge(t, rule, ""); refused != "" || warned != "" {
			t.Errorf("%s does not hold: %s %s", c.kind, refused, warned)
		}
		row(c.kind, "holds", "")
		refused, warned := played(c.breaks).judge(t, rule, "")
		if refused == "" || warned != "" || strings.Contains(refused, "does not satisfy the rule") {
			t.Errorf("%s is not violated in words of its own: %q, warned %q", c.kind, refused, warned)
		}
		row(c.kind, "violated", refused)
		way, text := waived(t, rule, played(c.breaks))
		row(c.kind, way, text)
		again, tried := played(c.breaks).judge(t, rule, ", mode: audit")
		if again != "" || tried == "" || c.kind != policy.DemoteIsolation && tried != refused {
			t.Errorf("%s in audit mode refuses %q and would refuse %q", c.kind, again, tried)
		}
		row(c.kind, "audit", "would refuse: "+tried)
	}
	contract, err := openapi.NFVPolicy()
	if err != nil {
		t.Fatal(err)
	}
	described := contract.Components.Schemas["PolicyDocument"].Value.Properties["rules"].Value.Description
	for _, k := range policy.Kinds() {
		if !strings.Contains(described, "`"+string(k)+"`") {
			t.Errorf("the contract says nothing of %s", k)
		}
		if !shown[k] {
			t.Errorf("%s is not shown", k)
		}
	}
	t.Log("\n" + table.String())
}

// waived gives the rule a waiver and everybody a virtual machine. A kind that is never waived refuses the policy that tries.
func waived(t *testing.T, rule string, s *scene) (way, text string) {
	t.Helper()
	const waiver = ", waiver: {minSeparation: VM, requireHypervisor: TYPE1}"
	p, findings := policy.Load(document(rule, waiver), placement.PolicyRef{ID: "p", Version: "1"}, nil)
	if p == nil {
		i := slices.IndexFunc(findings, func(f placement.Finding) bool { return f.Code == policy.CodeWaiverNotAllowed })
		if i < 0 {
			t.Errorf("%s with a waiver is refused for another reason: %v", rule, findings)
			return "not waivable", ""
		}
		return "not waivable", findings[i].Message
	}
	s.workload.Runtime = "kata"
	for _, r := range s.residents {
		r.Workload.Runtime = "kata"
	}
	if refused, _ := s.judge(t, rule, waiver); refused != "" {
		t.Errorf("%s is not waived: %s", rule, refused)
	}
	return "waived", "by virtual machines on both sides"
}
