package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// setting is a host, a candidate and their surroundings, in a state in which every rule holds; cases change it.
type setting struct {
	cat       *placement.Catalogue
	host      placement.Host
	residents []*placement.Residency
	workload  placement.Workload
	floor     placement.Isolation
	replicas  policy.Replicas
}

func newSetting() *setting {
	s := &setting{cat: placement.NewCatalogue()}
	for _, d := range []placement.TrustDomain{
		{ID: "A", Category: placement.CategoryUserPlane, Sensitivity: 2, MaxAttestationAge: time.Hour, AllowedCountries: []string{"GB"}, AdminDomain: "tenant-a"},
		{ID: "B", Category: placement.CategoryControlPlane, Sensitivity: 3, RequiresPhysicalSecurity: true},
		{ID: "A-child", Category: placement.CategoryUserPlane, ParentID: "A"},
		{ID: "X", Category: placement.CategorySecurityAnchor, Sensitivity: 4, Exclusive: true, SecurityCritical: true},
		{ID: "O", Category: placement.CategoryOversight, Sensitivity: 4},
		{ID: "T", Category: placement.CategoryTest},
	} {
		s.cat.TrustDomains[d.ID] = d
	}
	for name, level := range map[string]placement.Isolation{
		"runc": placement.IsolationOSContainer, "gvisor": placement.IsolationSandbox, "kata": placement.IsolationVM, "kata-cc": placement.IsolationConfidentialVM,
	} {
		s.cat.RuntimeClasses[name] = placement.RuntimeClass{Name: name, Isolation: level}
	}
	s.cat.HostPools["pool"] = placement.HostPool{ID: "pool", AllowedTrustDomainIDs: []string{"A", "B"}}
	s.cat.HostPools["single"] = placement.HostPool{ID: "single", AllowedTrustDomainIDs: []string{"A"}}
	s.host = placement.Host{
		ID: "h", HostPoolID: "pool", NFVIPoPID: "P", Country: "GB", PhysicallySecure: true, HypervisorClass: placement.HypervisorType1,
		Runtimes: []string{"gvisor", "kata", "runc"}, Lifecycle: placement.LifecycleInService,
		Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc, AttestedCapabilities: placement.CapCacheEnc,
		Attestation: placement.Attestation{State: placement.AttestationTrusted, AttestedAt: noon.Add(-time.Minute)},
	}
	s.workload = placement.Workload{NF: placement.NF{VNFInstanceID: "own", Type: "UPF"}, ComponentID: "c", TrustDomainID: "A", Runtime: "kata"}
	return s
}

// wants sets the least isolation of the candidate's trust domain.
func (s *setting) wants(least placement.Isolation) {
	d := s.cat.TrustDomains[s.workload.TrustDomainID]
	d.MinIsolation = least
	s.cat.TrustDomains[d.ID] = d
}

func (s *setting) neighbour(id, domain, nf, runtime string, change func(w *placement.Workload)) {
	r := &placement.Residency{
		ID: id, HostID: "h", Kind: placement.ResidencyWorkload, State: placement.StateRunning,
		Workload: placement.Workload{NF: placement.NF{VNFInstanceID: nf, Type: "AMF"}, ComponentID: "n", TrustDomainID: domain, Runtime: runtime},
	}
	if change != nil {
		change(&r.Workload)
	}
	s.residents = append(s.residents, r)
}

// judge compiles one rule and returns the reasons it gives, as "RULE(against)".
func (s *setting) judge(t *testing.T, rule string) []string {
	t.Helper()
	var out []string
	v := s.verdict(t, rule)
	for _, r := range v.Reasons {
		out = append(out, r.Key())
	}
	return out
}

// verdict compiles one rule and judges by it alone.
func (s *setting) verdict(t *testing.T, rule string) policy.Verdict {
	t.Helper()
	doc := "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: COMMON\nrules:\n  - {id: R, rationale: r, " + rule + "}\n"
	if rule, exceptions, ok := strings.Cut(rule, "|exceptions|"); ok {
		doc = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: COMMON\nrules:\n  - {id: R, rationale: r, " + rule + "}\nexceptions:\n  - {" + exceptions + "}\n"
	}
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(doc)}})
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	c := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: noon, HostMappingMaxAge: 10 * time.Minute}, s.workload, s.floor, s.replicas)
	v := c.Judge(placement.HostFacts{Host: &s.host, Residents: s.residents}, nil)
	if v.Feasible != (len(v.Reasons) == 0) {
		t.Fatalf("feasible %t with reasons %v", v.Feasible, v.Reasons)
	}
	return v
}

func TestKinds(t *testing.T) {
	t.Parallel()
	const vm = "waiver: {minSeparation: VM, requireHypervisor: TYPE1, neverForExclusive: true}"
	cases := []struct {
		name string
		rule string
		with func(s *setting)
		want []string
	}{
		{"domain permitted", "kind: domain-permit", nil, nil},
		{"domain not permitted", "kind: domain-permit", func(s *setting) { s.workload.TrustDomainID = "T" }, []string{"R"}},
		{"a child is not its parent", "kind: domain-permit", func(s *setting) { s.workload.TrustDomainID = "A-child" }, []string{"R"}},
		{"host without a pool", "kind: domain-permit", func(s *setting) { s.host.HostPoolID = "" }, []string{"R"}},
		{"runtime offered", "kind: runtime-offered", nil, nil},
		{"runtime not offered", "kind: runtime-offered", func(s *setting) { s.workload.Runtime = "kata-cc" }, []string{"R"}},
		{"isolation floor met by a higher one", "kind: runtime-offered", func(s *setting) {
			s.workload.Runtime, s.floor = "", placement.IsolationSandbox
			s.host.Runtimes = []string{"kata"}
		}, nil},
		{"isolation floor not met", "kind: runtime-offered", func(s *setting) { s.workload.Runtime, s.floor = "", placement.IsolationConfidentialVM }, []string{"R"}},
		{"isolation asked: not met by the runtime asked", "kind: domain-permit", func(s *setting) { s.workload.Runtime, s.floor = "runc", placement.IsolationVM }, []string{"ISOLATION"}},
		{"isolation asked: met by the runtime asked", "kind: domain-permit", func(s *setting) { s.floor = placement.IsolationVM }, nil},
		{"isolation asked: a VM without TYPE1 is no VM", "kind: domain-permit", func(s *setting) {
			s.workload.Runtime, s.floor = "", placement.IsolationVM
			s.host.HypervisorClass = placement.HypervisorType2
		}, []string{"ISOLATION"}},
		{"isolation asked: a cut-through undoes the VM", "kind: runtime-offered", func(s *setting) {
			s.floor, s.workload.CutThrough = placement.IsolationVM, placement.CutThroughSRIOV
		}, []string{"ISOLATION"}},
		{"isolation asked: a container in a CIS-node VM has it", "kind: runtime-offered", func(s *setting) {
			s.workload.Runtime, s.floor = "runc", placement.IsolationVM
			s.host.CISNodes = []placement.CISNode{{ID: "vm", Form: placement.CISNodeVM, Runtimes: []string{"runc"}}}
		}, nil},
		{"isolation of the domain: not met by the runtime asked", "kind: domain-permit", func(s *setting) { s.workload.Runtime = "runc"; s.wants(placement.IsolationVM) }, []string{"ISOLATION"}},
		{"isolation of the domain: open, so raised", "kind: runtime-offered", func(s *setting) { s.workload.Runtime = ""; s.wants(placement.IsolationVM) }, nil},
		{"isolation of the domain: a sandbox is offered, and no VM", "kind: runtime-offered", func(s *setting) {
			s.workload.Runtime, s.host.Runtimes = "", []string{"gvisor"}
			s.wants(placement.IsolationVM)
		}, []string{"R"}},
		{"isolation before the dedication and the capacity", "kind: domain-permit", func(s *setting) {
			s.workload.Runtime = "runc"
			s.wants(placement.IsolationVM)
			s.host.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "other"}
			s.workload.Resources = placement.Resources{placement.DimGPUs: 1}
		}, []string{"ISOLATION", "DEDICATED", "CAPACITY"}},
		{"one domain on a kernel: another on it", "kind: one-domain-per-kernel", func(s *setting) { s.workload.Runtime = "runc"; s.neighbour("n", "B", "other", "runc", nil) }, []string{"R"}},
		{"one domain on a kernel: the other has its own", "kind: one-domain-per-kernel", func(s *setting) { s.workload.Runtime = "runc"; s.neighbour("n", "B", "other", "gvisor", nil) }, nil},
		{"one domain on a kernel: FABRIC is no partner", "kind: one-domain-per-kernel", func(s *setting) {
			s.workload.Runtime = "runc"
			s.neighbour("n", "B", "other", "runc", nil)
			s.residents[0].Kind = placement.ResidencyFabric
		}, nil},
		{"domains apart: alone", "kind: separate-domains", nil, nil},
		{"domains apart: same domain", "kind: separate-domains", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, nil},
		{"domains apart: reported once per resident, by id", "kind: separate-domains", func(s *setting) {
			s.neighbour("n2", "B", "other", "kata", nil)
			s.neighbour("n1", "B", "other", "kata", nil)
		}, []string{"R(n1)", "R(n2)"}},
		{"domains apart: waived by VMs on both sides", "kind: separate-domains, " + vm, func(s *setting) { s.neighbour("n", "B", "other", "kata", nil) }, nil},
		{"domains apart: a VM on one side waives nothing", "kind: separate-domains, " + vm, func(s *setting) { s.neighbour("n", "B", "other", "runc", nil) }, []string{"R(n)"}},
		{"domains apart: gVisor is no VM", "kind: separate-domains, " + vm, func(s *setting) { s.neighbour("n", "B", "other", "gvisor", nil) }, []string{"R(n)"}},
		{"domains apart: a VM without TYPE1 is no VM", "kind: separate-domains, " + vm, func(s *setting) {
			s.host.HypervisorClass = placement.HypervisorType2
			s.neighbour("n", "B", "other", "kata", nil)
		}, []string{"R(n)"}},
		{"domains apart: a cut-through undoes the VM", "kind: separate-domains, " + vm, func(s *setting) {
			s.neighbour("n", "B", "other", "kata", func(w *placement.Workload) { w.CutThrough = placement.CutThroughSRIOV })
		}, []string{"R(n)"}},
		{"domains apart: void for an exclusive domain", "kind: separate-domains, " + vm, func(s *setting) { s.neighbour("n", "X", "other", "kata-cc", nil) }, []string{"R(n)"}},
		{"domains apart: a terminating one still counts", "kind: separate-domains", func(s *setting) {
			s.neighbour("n", "B", "other", "kata", nil)
			s.residents[0].State = placement.StateTerminating
		}, []string{"R(n)"}},
		{"domains apart: on one kernel only", "kind: separate-domains, scope: KERNEL", func(s *setting) { s.neighbour("n", "B", "other", "kata", nil) }, nil},
		{"NFs apart: another instance", "kind: separate-nf", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, []string{"R(n)"}},
		{"NFs apart: the same instance", "kind: separate-nf", func(s *setting) { s.neighbour("n", "A", "own", "runc", nil) }, nil},
		{"NFs apart: by instance key", "kind: separate-nf", func(s *setting) {
			s.neighbour("n", "A", "own", "runc", func(w *placement.Workload) { w.NF.InstanceKey = "second" })
		}, []string{"R(n)"}},
		{"NFs apart: an id that looks like an instance key", "kind: separate-nf", func(s *setting) {
			s.workload.NF.VNFInstanceID = "vnf-1/arpf"
			s.neighbour("n", "A", "vnf-1", "runc", func(w *placement.Workload) { w.NF.InstanceKey = "arpf" })
		}, []string{"R(n)"}},
		{"dedicated to an NF that looks like this VNF instance", "kind: domain-permit", func(s *setting) {
			s.workload.NF.VNFInstanceID = "vnf-1/arpf"
			s.host.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: placement.NF{VNFInstanceID: "vnf-1", InstanceKey: "arpf"}.Instance()}
		}, []string{"DEDICATED"}},
		{"NFs apart: by type", "kind: separate-nf, params: {identity: NF_TYPE}", func(s *setting) {
			s.neighbour("n", "A", "other", "runc", func(w *placement.Workload) { w.NF.Type = "UPF" })
		}, nil},
		{"NFs apart: an excepted pair", "kind: separate-nf, exceptPairs: [{categories: [USER_PLANE]}]", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, nil},
		{"NFs apart: half of an excepted pair", "kind: separate-nf, exceptPairs: [{categories: [USER_PLANE]}]", func(s *setting) { s.neighbour("n", "B", "other", "runc", nil) }, []string{"R(n)"}},
		{"roles apart", "kind: separate-role, params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT]}", func(s *setting) {
			s.workload.Roles = placement.RoleNetworkManagement
			s.neighbour("n", "A", "own", "runc", func(w *placement.Workload) { w.Roles = placement.RoleUserHandling })
		}, []string{"R(n)"}},
		{"roles apart: of another NF", "kind: separate-role, params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT]}", func(s *setting) {
			s.workload.Roles = placement.RoleNetworkManagement
			s.neighbour("n", "A", "other", "runc", func(w *placement.Workload) { w.Roles = placement.RoleUserHandling })
		}, nil},
		{"roles apart: of any NF", "kind: separate-role, params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT], within: ANY}", func(s *setting) {
			s.workload.Roles = placement.RoleNetworkManagement
			s.neighbour("n", "A", "other", "runc", func(w *placement.Workload) { w.Roles = placement.RoleUserHandling })
		}, []string{"R(n)"}},
		{"roles apart: both in one container", "kind: separate-role, params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT]}, " + vm, func(s *setting) {
			s.workload.Roles = placement.RoleNetworkManagement | placement.RoleUserHandling
		}, []string{"R"}},
		{"exposed beside sensitive", "kind: separate-exposure, params: {sensitivityFrom: 3}", func(s *setting) {
			s.workload.Exposed = true
			s.neighbour("n", "B", "other", "kata", nil)
		}, []string{"R(n)"}},
		{"sensitive beside exposed", "kind: separate-exposure, params: {sensitivityFrom: 3}", func(s *setting) {
			s.workload.TrustDomainID = "B"
			s.neighbour("n", "A", "other", "kata", func(w *placement.Workload) { w.Exposed = true })
		}, []string{"R(n)"}},
		{"exposed beside its own domain", "kind: separate-exposure, params: {sensitivityFrom: 0}", func(s *setting) {
			s.workload.Exposed = true
			s.neighbour("n", "A", "other", "kata", nil)
		}, nil},
		{"isolation enough", "kind: require-isolation, params: {level: VM}", nil, nil},
		{"isolation too weak", "kind: require-isolation, params: {level: VM}", func(s *setting) { s.workload.Runtime = "runc" }, []string{"R"}},
		{"isolation: a privileged VM isolates nothing", "kind: require-isolation, params: {level: OS_CONTAINER}", func(s *setting) { s.workload.Privileged = placement.PrivilegeHostPID }, []string{"R"}},
		{"isolation: a dedicated host will do", "kind: require-isolation, params: {level: VM, orDedicatedHost: NF_INSTANCE}", func(s *setting) { s.workload.Runtime = "runc"; s.neighbour("n", "A", "own", "runc", nil) }, nil},
		{"isolation: the host is not dedicated", "kind: require-isolation, params: {level: VM, orDedicatedHost: NF_INSTANCE}", func(s *setting) { s.workload.Runtime = "runc"; s.neighbour("n", "A", "other", "kata", nil) }, []string{"R"}},
		{"isolation: open, so raised", "kind: require-isolation, params: {level: VM}", func(s *setting) { s.workload.Runtime = "" }, nil},
		{"no cut-through", "kind: forbid-cut-through", func(s *setting) { s.workload.CutThrough = placement.CutThroughGPU }, []string{"R"}},
		{"cut-through allowed by name", "kind: forbid-cut-through, params: {allow: [GPU]}", func(s *setting) { s.workload.CutThrough = placement.CutThroughGPU }, nil},
		{"cut-through on a dedicated host", "kind: forbid-cut-through", func(s *setting) {
			s.workload.CutThrough = placement.CutThroughGPU
			s.host.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "own"}
		}, nil},
		{"no privileges", "kind: forbid-privileged", func(s *setting) { s.workload.Privileged = placement.PrivilegeHostPath }, []string{"R"}},
		{"dedicated host: alone", "kind: dedicate-host", nil, nil},
		{"dedicated host: shared", "kind: dedicate-host", func(s *setting) { s.neighbour("n", "A", "other", "kata", nil) }, []string{"R"}},
		{"dedicated host: by tenant", "kind: dedicate-host, params: {identity: TENANT}", func(s *setting) { s.neighbour("n", "A", "other", "kata", nil) }, nil},
		{"somebody else's host", "kind: domain-permit", func(s *setting) {
			s.host.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "other"}
		}, []string{"DEDICATED"}},
		{"capability there", "kind: require-host-capability, params: {allOf: [CACHE_ENC]}", nil, nil},
		{"capability missing", "kind: require-host-capability, params: {allOf: [HSM]}", nil, []string{"R"}},
		{"capability only declared", "kind: require-host-capability, params: {allOf: [EPHEMERAL_ENC], attested: true}", nil, []string{"R"}},
		{"a kind of TEE is a TEE", "kind: require-host-capability, params: {anyOf: [TEE, HSM]}", func(s *setting) { s.host.Capabilities |= placement.CapTEETDX }, nil},
		{"country of the domain", "kind: location, params: {countries: domain}", func(s *setting) { s.host.Country = "IE" }, []string{"R"}},
		{"country of the PoP", "kind: location, params: {countries: [IE]}", func(s *setting) {
			s.host.Country = ""
			s.cat.NFVIPoPs["P"] = placement.NFVIPoP{ID: "P", Country: "IE"}
		}, nil},
		{"country denied, and nobody knows where it is", "kind: location, params: {deny: [CN]}", func(s *setting) { s.host.Country = "" }, []string{"R"}},
		{"country listed, and nobody knows where it is", "kind: location, params: {countries: [GB]}", func(s *setting) { s.host.Country = "" }, []string{"R"}},
		{"no country asked, and nobody knows where it is", "kind: location, params: {sites: [P]}", func(s *setting) { s.host.Country = "" }, nil},
		{"country denied", "kind: location, params: {deny: [GB]}", nil, []string{"R"}},
		{"secure site wanted", "kind: physical-security, params: {when: domain}", func(s *setting) { s.workload.TrustDomainID = "B"; s.host.PhysicallySecure = false }, []string{"R"}},
		{"secure site not wanted", "kind: physical-security, params: {when: domain}", func(s *setting) { s.host.PhysicallySecure = false }, nil},
		{"critical at an exposed edge", "kind: physical-security, params: {when: domain}", func(s *setting) { s.workload.TrustDomainID = "X"; s.host.ExposedEdge = true }, []string{"R"}},
		{"untrusted", "kind: attestation-freshness, params: {check: STATE}", func(s *setting) { s.host.Attestation.State = placement.AttestationUntrusted }, []string{"R"}},
		{"age is not asked of the untrusted", "kind: attestation-freshness, params: {check: AGE, maxAge: 1s}", func(s *setting) { s.host.Attestation.State = placement.AttestationUntrusted }, nil},
		{"too old for the domain", "kind: attestation-freshness, params: {check: AGE, maxAge: 24h}", func(s *setting) { s.host.Attestation.AttestedAt = noon.Add(-61 * time.Minute) }, []string{"R"}},
		{"just young enough", "kind: attestation-freshness, params: {check: AGE, maxAge: domain}", func(s *setting) { s.host.Attestation.AttestedAt = noon.Add(-time.Hour) }, nil},
		{
			"too old in an emergency", "kind: attestation-freshness, params: {check: AGE, maxAge: 24h}|exceptions|ruleId: R, hosts: [h], expiresAt: \"2026-12-01T00:00:00Z\", approvedBy: a, ticket: t, breakGlass: the verifier is down",
			func(s *setting) {
				s.host.Attestation.AttestedAt, s.host.Attestation.ValidUntil = noon.Add(-61*time.Minute), noon.Add(-time.Minute)
			}, nil,
		},
		{
			"too old after an emergency", "kind: attestation-freshness, params: {check: AGE, maxAge: 24h}|exceptions|ruleId: R, hosts: [h], expiresAt: \"2026-11-01T00:00:00Z\", approvedBy: a, ticket: t, breakGlass: the verifier was down",
			func(s *setting) { s.host.Attestation.AttestedAt = noon.Add(-61 * time.Minute) },
			[]string{"R"},
		},
		{
			"too old, and the emergency is on another host", "kind: attestation-freshness, params: {check: AGE, maxAge: 24h}|exceptions|ruleId: R, hosts: [elsewhere], expiresAt: \"2026-12-01T00:00:00Z\", approvedBy: a, ticket: t, breakGlass: the verifier is down",
			func(s *setting) { s.host.Attestation.AttestedAt = noon.Add(-61 * time.Minute) },
			[]string{"R"},
		},
		{"no longer valid", "kind: attestation-freshness, params: {check: AGE, maxAge: 24h}", func(s *setting) { s.host.Attestation.ValidUntil = noon }, []string{"R"}},
		{"quarantined by attestation, which the rule says", "kind: attestation-freshness, params: {check: STATE}", func(s *setting) {
			s.host.Attestation.State = placement.AttestationUntrusted
			s.host.Lifecycle, s.host.LifecycleReason = placement.LifecycleQuarantined, policy.QuarantinedByAttestation
		}, []string{"R"}},
		{"quarantined by attestation, and no rule says so", "kind: domain-permit", func(s *setting) {
			s.host.Lifecycle, s.host.LifecycleReason = placement.LifecycleQuarantined, policy.QuarantinedByAttestation
		}, []string{"LIFECYCLE"}},
		{"administers the pool", "kind: oversight, params: {check: SELF}", func(s *setting) { s.workload.AdministersHostPools = []string{"pool"} }, []string{"R"}},
		{"oversight functions apart", "kind: oversight, params: {check: SEPARATE}", func(s *setting) { s.workload.TrustDomainID = "O"; s.neighbour("n", "O", "other", "kata", nil) }, []string{"R(n)"}},
		{"oversight functions apart unless VMs", "kind: oversight, params: {check: SEPARATE}, " + vm, func(s *setting) { s.workload.TrustDomainID = "O"; s.neighbour("n", "O", "other", "kata", nil) }, nil},
		{"too many NFs", "kind: max-blast-radius, params: {check: NF_INSTANCES, max: 2}", func(s *setting) {
			s.neighbour("n1", "A", "one", "kata", nil)
			s.neighbour("n2", "A", "two", "kata", nil)
		}, []string{"R"}},
		{"its own NF counts once", "kind: max-blast-radius, params: {check: NF_INSTANCES, max: 2}", func(s *setting) {
			s.neighbour("n1", "A", "one", "kata", nil)
			s.neighbour("n2", "A", "own", "kata", nil)
		}, nil},
		{"half of the replicas, rounded up", "kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}", func(s *setting) {
			s.replicas = policy.Replicas{Existing: 2, Requested: 1, In: func(placement.Scope, *placement.Host) int { return 1 }}
		}, nil},
		{"more than half of the replicas", "kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}", func(s *setting) {
			s.replicas = policy.Replicas{Existing: 2, Requested: 1, In: func(placement.Scope, *placement.Host) int { return 2 }}
		}, []string{"R"}},
		{"an exact tenth", "kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.1}", func(s *setting) {
			s.replicas = policy.Replicas{Existing: 29, Requested: 1, In: func(placement.Scope, *placement.Host) int { return 3 }}
		}, []string{"R"}},
		{"tests apart from production", "kind: prod-test", func(s *setting) { s.neighbour("n", "T", "other", "kata-cc", nil) }, []string{"R(n)"}},
		{"production apart from tests", "kind: prod-test", func(s *setting) {
			s.workload.TrustDomainID, s.host.HostPoolID = "T", ""
			s.neighbour("n", "A", "other", "kata", nil)
		}, []string{"R(n)"}},
		{"tests beside tests", "kind: prod-test", func(s *setting) {
			s.workload.TrustDomainID, s.host.HostPoolID = "T", ""
			s.neighbour("n", "T", "other", "runc", nil)
		}, nil},
		{"tests on a pool of production", "kind: prod-test", func(s *setting) { s.workload.TrustDomainID = "T" }, []string{"R"}},
		{"production on a pool of tests", "kind: prod-test", func(s *setting) {
			s.cat.HostPools["pool"] = placement.HostPool{AllowedTrustDomainIDs: []string{"A", "T"}}
		}, []string{"R"}},
		{"administrations apart", "kind: separate-admin-domain", func(s *setting) { s.neighbour("n", "B", "other", "kata", nil) }, []string{"R(n)"}},
		{"one administration", "kind: separate-admin-domain", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, nil},
		{"administrations apart: waived by VMs", "kind: separate-admin-domain, " + vm, func(s *setting) { s.neighbour("n", "B", "other", "kata", nil) }, nil},
		{"slices apart", "kind: separate-slice", serving("1", "2"), []string{"R(n)"}},
		{"slices apart: one slice and none", "kind: separate-slice", serving("1", ""), []string{"R(n)"}},
		{"slices apart: none on both sides", "kind: separate-slice", serving("", ""), nil},
		{"slices apart: one in common", "kind: separate-slice", serving("1 2", "2 3"), nil},
		{"slices apart: waived by VMs", "kind: separate-slice, " + vm, serving("1", "2"), nil},
		{"sensitivity on a kernel", "kind: same-sensitivity-per-kernel, params: {delta: 1}", kernelWith("B"), nil},
		{"sensitivity on a kernel: too far apart", "kind: same-sensitivity-per-kernel, params: {delta: 0}", kernelWith("B"), []string{"R"}},
		{"sensitivity on a kernel: two others too far apart", "kind: same-sensitivity-per-kernel, params: {delta: 2}", kernelWith("X", "T"), []string{"R"}},
		{"sensitivity on a kernel: a kernel of its own", "kind: same-sensitivity-per-kernel, params: {delta: 0}", func(s *setting) { s.neighbour("n", "X", "other", "runc", nil) }, nil},
		{"a border with a VM and encrypted storage", "kind: border-handling", border(nil), nil},
		{"a border without encrypted storage", "kind: border-handling", border(func(s *setting) { s.host.Capabilities &^= placement.CapEncStorage }), []string{"R"}},
		{"a border with an undeclared peer", "kind: border-handling", border(func(s *setting) { s.workload.UndeclaredPeers = true }), []string{"R"}},
		{"a border in a container beside others", "kind: border-handling", border(func(s *setting) {
			s.workload.Runtime = "runc"
			s.neighbour("n", "A", "other", "kata", nil)
		}), []string{"R"}},
		{"a border in a container on a host of its own", "kind: border-handling", border(func(s *setting) { s.workload.Runtime = "runc" }), nil},
		{"no border", "kind: border-handling", func(s *setting) { s.workload.UndeclaredPeers = true }, nil},
		{"never reimaged", "kind: max-age-since-reimage, params: {maxAge: 1h}", nil, []string{"R"}},
		{"reimaged lately", "kind: max-age-since-reimage, params: {maxAge: 1h}", cleaned(placement.ScrubReimage, time.Hour), nil},
		{"reimaged long ago", "kind: max-age-since-reimage, params: {maxAge: 1h}", cleaned(placement.ScrubReimage, time.Hour+time.Second), []string{"R"}},
		{"a reboot is no reimage", "kind: max-age-since-reimage, params: {maxAge: 1h}", cleaned(placement.ScrubReboot, time.Minute), []string{"R"}},
		{"accelerations: none", "kind: forbid-acceleration, params: {kinds: [CHECKPOINT, VM_TEMPLATE, NODE_TO_NODE_IMAGES, PAGE_SHARING]}", startedFrom(placement.ArtefactSnapshot), nil},
		{"accelerations: a checkpoint", "kind: forbid-acceleration, params: {kinds: [CHECKPOINT]}", startedFrom(placement.ArtefactCheckpoint), []string{"R"}},
		{"accelerations: a VM template", "kind: forbid-acceleration, params: {kinds: [VM_TEMPLATE]}", startedFrom(placement.ArtefactVMTemplate), []string{"R"}},
		{"accelerations: one that is not named", "kind: forbid-acceleration, params: {kinds: [VM_TEMPLATE]}", startedFrom(placement.ArtefactCheckpoint), nil},
		{"accelerations: of the host", "kind: forbid-acceleration, params: {kinds: [PAGE_SHARING]}", func(s *setting) { s.host.Accelerations = placement.AccelerationPageSharing }, []string{"R"}},
		{"accelerations: another of the host", "kind: forbid-acceleration, params: {kinds: [PAGE_SHARING]}", func(s *setting) { s.host.Accelerations = placement.AccelerationNodeToNodeImages }, nil},
		{"residue of another domain", "kind: scrub-before-reuse", residue("T", nil), []string{"R"}},
		{"residue of its own domain", "kind: scrub-before-reuse", residue("A", nil), nil},
		{"residue of another NF", "kind: scrub-before-reuse, params: {per: NF_INSTANCE}", residue("A", nil), []string{"R"}},
		{"wiped", "kind: scrub-before-reuse", residue("B", &placement.ScrubRecord{Level: placement.ScrubReboot, At: noon}), nil},
		{"sensitive residue needs a reboot", "kind: scrub-before-reuse", residue("B", &placement.ScrubRecord{Level: placement.ScrubEphemeralWipe, At: noon}), []string{"R"}},
		{"more than the default is asked", "kind: scrub-before-reuse, params: {levels: [{of: {trustDomains: [B]}, level: REIMAGE}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubReboot, At: noon}), []string{"R"}},
		{"more is asked, and done", "kind: scrub-before-reuse, params: {levels: [{of: {trustDomains: [B]}, level: REIMAGE}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubReimage, At: noon}), nil},
		{"more is asked of other residue", "kind: scrub-before-reuse, params: {levels: [{of: {trustDomains: [A]}, level: REIMAGE}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubReboot, At: noon}), nil},
		{"more is asked before other workloads", "kind: scrub-before-reuse, params: {levels: [{before: {roles: [LI]}, level: REIMAGE}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubReboot, At: noon}), nil},
		{"less than the default is asked", "kind: scrub-before-reuse, params: {levels: [{level: CACHE_PURGE}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubEphemeralWipe, At: noon}), []string{"R"}},
		{"an attestation after the scrub is asked", "kind: scrub-before-reuse, params: {levels: [{level: REBOOT, attested: true}]}", residue("B", &placement.ScrubRecord{Level: placement.ScrubReboot, At: noon}), []string{"R"}},
		{"wiped before the residue", "kind: scrub-before-reuse", residue("B", &placement.ScrubRecord{Level: placement.ScrubReimage, At: noon.Add(-2 * time.Hour)}), []string{"R"}},
		{"cache: shared is not enough", "kind: cache-mode, params: {mode: DOMAIN_PRIVATE}", func(s *setting) { s.host.Capabilities = 0 }, []string{"R"}},
		{"cache: a single domain's pool", "kind: cache-mode, params: {mode: DOMAIN_PRIVATE}", func(s *setting) { s.host.Capabilities, s.host.HostPoolID = 0, "single" }, nil},
		{"cache: nothing asked, encrypted by default", "kind: domain-permit", func(s *setting) { s.host.Capabilities = 0 }, []string{"CACHE-DEFAULT"}},
		{"not in service", "kind: domain-permit", func(s *setting) { s.host.Lifecycle = placement.LifecycleCordoned }, []string{"LIFECYCLE"}},
		{"no room", "kind: domain-permit", func(s *setting) { s.workload.Resources = placement.Resources{placement.DimGPUs: 1} }, []string{"CAPACITY"}},
		{"audit mode refuses nothing", "kind: separate-domains, mode: audit", func(s *setting) { s.neighbour("n", "B", "other", "runc", nil) }, nil},
		{"SHOULD refuses nothing", "kind: max-blast-radius, strength: SHOULD, params: {check: NF_INSTANCES, max: 1}", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, nil},
		{"an exception for the resident's NF", "kind: separate-nf|exceptions|ruleId: R, vnfInstances: [other], expiresAt: \"2026-12-01T00:00:00Z\", approvedBy: a, ticket: t", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, nil},
		{"an exception that expired", "kind: separate-nf|exceptions|ruleId: R, vnfInstances: [other], expiresAt: \"2026-11-01T00:00:00Z\", approvedBy: a, ticket: t", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, []string{"R(n)"}},
		{"an exception for another host", "kind: separate-nf|exceptions|ruleId: R, hosts: [elsewhere], expiresAt: \"2026-12-01T00:00:00Z\", approvedBy: a, ticket: t", func(s *setting) { s.neighbour("n", "A", "other", "runc", nil) }, []string{"R(n)"}},
		{"another subject", "kind: require-host-capability, subject: {trustDomains: [B]}, params: {allOf: [HSM]}", nil, nil},
		{"a parent's rule binds the child", "kind: require-host-capability, subject: {trustDomains: [A]}, params: {allOf: [HSM]}", func(s *setting) { s.workload.TrustDomainID = "A-child" }, []string{"R"}},
		{"an empty list matches nothing", "kind: require-host-capability, subject: {trustDomains: []}, params: {allOf: [HSM]}", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting()
			if c.with != nil {
				c.with(s)
			}
			if diff := cmp.Diff(c.want, s.judge(t, c.rule)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.rule, diff)
			}
		})
	}
}

// A host is dedicated by rules in force only.
func TestDedication(t *testing.T) {
	t.Parallel()
	own := &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "own"}
	for _, kind := range []string{"kind: dedicate-host", "kind: require-isolation, params: {level: VM, orDedicatedHost: NF_INSTANCE}"} {
		for force, want := range map[string]*placement.Dedication{"": own, ", mode: audit": nil, ", strength: SHOULD": nil} {
			s := newSetting()
			s.workload.Runtime = "runc"
			v := s.verdict(t, kind+force)
			if diff := cmp.Diff(want, v.Dedicate); diff != "" || !v.Feasible {
				t.Errorf("%s%s: feasible %t, dedicates (-want +got):\n%s", kind, force, v.Feasible, diff)
			}
		}
	}
}

// A policy that is about some VNF instances keeps them and the others apart from either side; its other rules are about them alone.
func TestAssociatedPolicies(t *testing.T) {
	t.Parallel()
	const apart, oversight = "kind: separate-nf", "kind: oversight, params: {check: SEPARATE}"
	cases := []struct {
		name            string
		rule            string
		candidate       string
		residents       []string
		domain          string
		want            []string
		exclusiveClaims int
	}{
		{name: "the VNF joins others", rule: apart, candidate: "victim", residents: []string{"n1", "n2"}, want: []string{"S(n1)", "S(n2)"}},
		{name: "another joins the VNF", rule: apart, candidate: "other", residents: []string{"n1", "victim"}, want: []string{"S(victim)"}},
		{name: "neither side is the VNF", rule: apart, candidate: "other", residents: []string{"n1"}},
		{name: "oversight functions, the VNF joins", rule: oversight, candidate: "victim", residents: []string{"n1"}, domain: "O", want: []string{"S(n1)"}},
		{name: "oversight functions, another joins the VNF", rule: oversight, candidate: "other", residents: []string{"victim", "n1"}, domain: "O", want: []string{"S(victim)"}},
		{name: "one side matches each selector", rule: "kind: separate-nf, subject: {nfTypes: [UPF]}, object: {nfTypes: [AMF]}", candidate: "other", residents: []string{"victim"}, want: []string{"S(victim)"}},
		{name: "a rule about the VNF alone", rule: "kind: require-host-capability, params: {allOf: [HSM]}", candidate: "victim", want: []string{"S"}},
		{name: "which is not about others", rule: "kind: require-host-capability, params: {allOf: [HSM]}", candidate: "other", residents: []string{"victim"}},
		{name: "roles that the VNF may not unite", rule: "kind: separate-role, params: {a: [BORDER], b: [LI]}", candidate: "victim", want: []string{"S"}},
		{name: "which others may", rule: "kind: separate-role, params: {a: [BORDER], b: [LI]}", candidate: "other"},
		{name: "the VNF claims its host", rule: "kind: separate-domains", candidate: "victim", exclusiveClaims: 1},
		{name: "others do not", rule: "kind: separate-domains", candidate: "other"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting()
			s.workload.NF.VNFInstanceID, s.workload.Roles = c.candidate, placement.RoleBorder|placement.RoleLI
			if c.domain != "" {
				s.workload.TrustDomainID = c.domain
			}
			for _, id := range c.residents {
				s.neighbour(id, s.workload.TrustDomainID, id, "kata", nil)
			}
			const doc = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: %s\nrules:\n  - {id: %s, rationale: r, %s}\n"
			set, err := policy.CompileSet([]placement.ActivePolicy{
				{Ref: placement.PolicyRef{ID: "common", Version: "1"}, Content: fmt.Appendf(nil, doc, "COMMON", "C", "kind: runtime-offered")},
				{Ref: placement.PolicyRef{ID: "strict", Version: "1"}, Content: fmt.Appendf(nil, doc, "VNF", "S", c.rule), Associations: []string{"victim"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			candidate := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: noon}, s.workload, s.floor, s.replicas)
			v := candidate.Judge(placement.HostFacts{Host: &s.host, Residents: s.residents}, nil)
			var got []string
			for _, r := range v.Reasons {
				got = append(got, r.Key())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if len(v.Claims) != c.exclusiveClaims {
				t.Errorf("claims %+v, want %d", v.Claims, c.exclusiveClaims)
			}
		})
	}
}

// serving gives the candidate and a neighbour of the same trust domain S-NSSAIs.
func serving(own, other string) func(*setting) {
	return func(s *setting) {
		s.workload.SNSSAIs = strings.Fields(own)
		s.neighbour("n", "A", "other", "kata", func(w *placement.Workload) { w.SNSSAIs = strings.Fields(other) })
	}
}

// kernelWith puts the candidate, of sensitivity 2, on a kernel with workloads of other trust domains.
func kernelWith(domains ...string) func(*setting) {
	return func(s *setting) {
		s.workload.Runtime = "runc"
		for _, d := range domains {
			s.neighbour("n-"+d, d, "other", "runc", nil)
		}
	}
}

// border makes the candidate one of a border, with all that such a one needs.
func border(change func(*setting)) func(*setting) {
	return func(s *setting) {
		s.workload.Roles = placement.RoleBorder
		s.host.Capabilities |= placement.CapEncStorage
		if change != nil {
			change(s)
		}
	}
}

// startedFrom gives the candidate an artefact of a kind.
func startedFrom(kind placement.ArtefactKind) func(*setting) {
	return func(s *setting) {
		s.workload.Images = []string{"sha256:a"}
		s.cat.Images["sha256:a"] = placement.Image{Digest: "sha256:a", Kind: kind}
	}
}

func cleaned(level placement.ScrubLevel, ago time.Duration) func(*setting) {
	return func(s *setting) { s.host.Scrubs = []placement.ScrubRecord{{Level: level, At: noon.Add(-ago)}} }
}

func residue(domain string, scrub *placement.ScrubRecord) func(*setting) {
	return func(s *setting) {
		s.host.Residue = []placement.Residue{{TrustDomainID: domain, NFInstance: "former", BelowVM: true, Since: noon.Add(-time.Hour)}}
		if scrub != nil {
			s.host.Scrubs = []placement.ScrubRecord{*scrub}
		}
	}
}

// The tree of kernel boundaries: runc and kata pods on the host and in CIS-node VMs, nested twice.
func TestSeparation(t *testing.T) {
	t.Parallel()
	s := newSetting()
	s.host.CISNodes = []placement.CISNode{
		{ID: "bare", Form: placement.CISNodeBareMetal},
		{ID: "deep", ParentID: "vm1", Form: placement.CISNodeVM},
		{ID: "vm1", Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorType1},
		{ID: "vm2", Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorNone},
	}
	cases := []struct {
		p, pNode, q, qNode string
		want               placement.Isolation
	}{
		{"runc", "", "runc", "", placement.IsolationOSContainer},
		{"runc", "", "kata", "", placement.IsolationOSContainer}, // who escapes from the weaker side reaches the host
		{"kata", "", "kata", "", placement.IsolationVM},
		{"kata", "", "kata-cc", "", placement.IsolationVM},
		{"runc", "vm1", "runc", "vm1", placement.IsolationOSContainer},
		{"runc", "vm1", "runc", "vm2", placement.IsolationVM},
		{"runc", "vm1", "runc", "", placement.IsolationOSContainer},
		{"runc", "vm1", "kata", "", placement.IsolationVM},
		{"kata", "vm1", "kata", "vm1", placement.IsolationVM},
		{"kata", "vm2", "kata", "vm2", placement.IsolationOSContainer}, // no TYPE1 under the pods of vm2
		{"runc", "deep", "runc", "vm1", placement.IsolationOSContainer},
		{"runc", "deep", "kata", "vm1", placement.IsolationVM},
		{"runc", "deep", "runc", "vm2", placement.IsolationVM},
		{"runc", "bare", "runc", "", placement.IsolationOSContainer},
		{"kata", "bare", "kata", "", placement.IsolationVM},
		{"gvisor", "", "gvisor", "", placement.IsolationSandbox},
		{"unheard-of", "", "kata", "", placement.IsolationNone},
		{"runc", "lost", "runc", "vm1", placement.IsolationOSContainer}, // a node that the host lacks may be within any other
		{"kata", "lost", "kata", "", placement.IsolationOSContainer},    // no TYPE1 is known under its pods
		{"gvisor", "lost", "runc", "vm1", placement.IsolationOSContainer},
		{"kata-cc", "lost", "kata", "vm1", placement.IsolationOSContainer},
	}
	levels := policy.Levels{Catalogue: s.cat}
	for _, c := range cases {
		p, q := placement.Workload{Runtime: c.p}, placement.Workload{Runtime: c.q}
		name := fmt.Sprintf("%s in %q, %s in %q", c.p, c.pNode, c.q, c.qNode)
		if got := levels.Separation(&s.host, &p, c.pNode, &q, c.qNode); got != c.want {
			t.Errorf("%s: separated at %s, want %s", name, got, c.want)
		}
		if got := levels.Separation(&s.host, &q, c.qNode, &p, c.pNode); got != c.want {
			t.Errorf("%s: not symmetric: %s the other way round", name, got)
		}
	}
}

// A host is feasible if one of its sites is; otherwise it carries the reasons of the one with the fewest.
func TestSitesAreJudgedApart(t *testing.T) {
	t.Parallel()
	s := newSetting()
	s.workload.Runtime = "runc"
	s.neighbour("n", "B", "other", "runc", nil)
	s.host.CISNodes = []placement.CISNode{{ID: "vm1", Form: placement.CISNodeVM, Runtimes: []string{"runc"}}}
	const rule = "kind: one-domain-per-kernel"
	if got := s.judge(t, rule); got != nil {
		t.Errorf("the CIS-node VM has a kernel of its own, but: %v", got)
	}
	s.residents[0].CISNodeID = "vm1"
	if got := s.judge(t, rule); got != nil {
		t.Errorf("the host's own kernel is free, but: %v", got)
	}
	for runtime, want := range map[string][]string{"runc": {"R"}, "kata": {"R"}, "gvisor": nil} {
		s.residents[0].CISNodeID, s.residents[0].Workload.Runtime = "lost", runtime
		if diff := cmp.Diff(want, s.judge(t, rule)); diff != "" {
			t.Errorf("%s in a node that the host lacks shares every kernel, unless it has its own: %s", runtime, diff)
		}
	}
	s.residents[0].CISNodeID, s.residents[0].Workload.Runtime = "vm1", "runc"
	s.host.Runtimes = nil
	if diff := cmp.Diff([]string{"R"}, s.judge(t, rule)); diff != "" {
		t.Error(diff)
	}
	s.host.CISNodes[0].HostObservedAt = noon.Add(-time.Hour)
	if diff := cmp.Diff([]string{"UNKNOWN", "R"}, s.judge(t, rule)); diff != "" {
		t.Errorf("a node whose host was seen too long ago: %s", diff)
	}
}

// Cache modes: what is required, what the host can provide, and who demanded it.
func TestCacheModes(t *testing.T) {
	t.Parallel()
	const rules = "kind: cache-mode, subject: {anyOf: [{roles: [KEY_HOLDING]}]}, params: {mode: GUEST_ONLY}"
	s := newSetting()
	s.cat.Images["sha256:plain"] = placement.Image{Digest: "sha256:plain"}
	s.cat.Images["sha256:base"] = placement.Image{Digest: "sha256:base", PublicBase: true}
	s.cat.Images["sha256:secret"] = placement.Image{Digest: "sha256:secret", ContainsSecrets: true}
	s.workload.Images = []string{"sha256:secret", "sha256:plain", "sha256:base"}
	set, err := policy.CompileSet([]placement.ActivePolicy{{
		Ref: placement.PolicyRef{ID: "p"}, Content: []byte("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: COMMON\nrules:\n  - {id: R, rationale: r, " + rules + "}\n"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	judge := func() []placement.CacheChoice {
		c := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: noon}, s.workload, 0, policy.Replicas{})
		return c.Judge(placement.HostFacts{Host: &s.host}, nil).Cache
	}
	want := []placement.CacheChoice{
		{Digest: "sha256:base", Mode: placement.CacheShared, Required: placement.CacheShared, RuleID: placement.RuleCacheDefault},
		{Digest: "sha256:plain", Mode: placement.CacheEncrypted, Required: placement.CacheEncrypted, RuleID: placement.RuleCacheDefault},
		{Digest: "sha256:secret", Mode: placement.CacheNoStore, Required: placement.CacheGuestOnly, RuleID: placement.RuleCacheDefault},
	}
	if diff := cmp.Diff(want, judge()); diff != "" {
		t.Error(diff)
	}
	s.host.PhysicallySecure = false
	if got := judge()[0].Mode; got != placement.CacheEncrypted {
		t.Errorf("a public base on an insecure site may lie %s, want ENCRYPTED at least", got)
	}
}
