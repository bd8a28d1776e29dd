package solver_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// policyText has every kind of rule that this package's fast filter knows, and some that only the judge does.
const policyText = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
targetType: COMMON
rules:
  - {id: R-POOL, kind: domain-permit, rationale: r}
  - {id: R-RUNTIME, kind: runtime-offered, rationale: r}
  - {id: R-LOC, kind: location, params: {countries: domain}, rationale: r}
  - {id: R-DENY, kind: location, subject: {roles: [NETWORK_MANAGEMENT]}, params: {deny: [IE]}, rationale: r}
  - {id: R-PHYS, kind: physical-security, params: {when: domain}, rationale: r}
  - {id: R-STATE, kind: attestation-freshness, params: {check: STATE}, rationale: r}
  - {id: R-AGE, kind: attestation-freshness, params: {check: AGE, maxAge: domain}, rationale: r}
  - {id: R-SCRUB, kind: scrub-before-reuse, rationale: r}
  - {id: R-KERNEL, kind: one-domain-per-kernel, rationale: r}
  - {id: R-CAP, kind: require-host-capability, subject: {roles: [KEY_HOLDING]}, params: {allOf: [ENC_STORAGE]}, rationale: r}
  - {id: R-ISO, kind: require-isolation, subject: {roles: [BORDER]}, params: {level: VM, orDedicatedHost: NF_INSTANCE}, rationale: r}
  - {id: R-CUT, kind: forbid-cut-through, subject: {roles: [KEY_HOLDING]}, rationale: r}
  - {id: R-DED, kind: dedicate-host, subject: {components: [alone]}, params: {identity: NF_INSTANCE}, rationale: r}
  - {id: R-DED-TD, kind: dedicate-host, subject: {components: [a]}, host: {pools: [p1]}, params: {identity: TRUST_DOMAIN}, rationale: r}
  - {id: R-DED-AUDIT, kind: dedicate-host, mode: audit, rationale: r}
  - {id: R-DOM, kind: separate-domains, scope: HOST, waiver: {minSeparation: VM, requireHypervisor: TYPE1, neverForExclusive: true}, rationale: r}
  - {id: R-NF, kind: separate-nf, scope: HOST, params: {identity: NF_INSTANCE}, waiver: {minSeparation: VM, neverForExclusive: true}, rationale: r}
  - {id: R-ROLE, kind: separate-role, scope: HOST, params: {a: [USER_HANDLING], b: [NETWORK_MANAGEMENT], within: NF_INSTANCE}, rationale: r}
  - {id: R-OLD, kind: demote-isolation, host: {pools: [p1]}, params: {runtime: kata, belowVersion: 3.2.0, level: OS_CONTAINER}, rationale: r}
  - {id: R-OLD-V, kind: demote-isolation, subject: {trustDomains: [TD-A, TD-V]}, params: {runtime: kata-cc, belowVersion: 3.2.0, level: SANDBOX}, rationale: r}
  - {id: R-TEST, kind: prod-test, subject: {trustDomains: [TD-T]}, object: {trustDomains: ["*"]}, rationale: r}
  - {id: R-ADMIN, kind: separate-admin-domain, rationale: r}
  - {id: R-EXP, kind: separate-exposure, scope: HOST, params: {sensitivityFrom: 3}, rationale: r}
  - {id: R-BLAST, kind: max-blast-radius, scope: HOST, params: {check: NF_INSTANCES, max: 3}, rationale: r}
  - {id: R-SHARE, kind: max-blast-radius, scope: ZONE, params: {check: REPLICA_SHARE, share: 0.5}, rationale: r}
  - {id: R-VM, kind: co-locate-in-vm, subject: {components: [b], trustDomains: [TD-A, TD-B]}, rationale: r}
  - {id: R-CACHE, kind: cache-mode, subject: {sensitivityFrom: 3}, params: {mode: ENCRYPTED}, rationale: r}
`

// calmText refuses little, so that members of a request and residents often meet on a host.
const calmText = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
targetType: COMMON
rules:
  - {id: R-POOL, kind: domain-permit, rationale: r}
  - {id: R-DENY, kind: location, subject: {roles: [NETWORK_MANAGEMENT]}, params: {deny: [IE]}, rationale: r}
  - {id: R-DED, kind: dedicate-host, subject: {components: [alone]}, params: {identity: NF_INSTANCE}, rationale: r}
  - {id: R-DED-TD, kind: dedicate-host, subject: {components: [a]}, host: {pools: [p1]}, params: {identity: TRUST_DOMAIN}, rationale: r}
  - {id: R-DOM, kind: separate-domains, subject: {trustDomains: [TD-X]}, object: {trustDomains: ["*"]}, rationale: r}
  - {id: R-DED-AUDIT, kind: dedicate-host, mode: audit, rationale: r}
  - {id: R-VM, kind: co-locate-in-vm, subject: {components: [b]}, rationale: r}
`

// associatedText is a policy about VNF instance nf1: nothing else on its hosts, nor it on theirs.
const associatedText = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
targetType: VNF
rules:
  - {id: R-APART, kind: separate-nf, scope: HOST, params: {identity: NF_INSTANCE}, rationale: r}
`

// world is a random small fleet, as the changes that make it.
type world struct {
	changes    []placement.Change
	hosts      []string
	associated bool // the policy about nf1 is active
}

// build applies the changes in the given order of hosts and residencies.
func (w *world) build(t interface{ Fatal(...any) }, order []int) *fleet.View {
	f := fleet.New()
	for _, i := range order {
		if err := f.Apply(w.changes[i]); err != nil {
			t.Fatal(err)
		}
	}
	return f.Publish()
}

func (w *world) order() []int {
	out := make([]int, len(w.changes))
	for i := range out {
		out[i] = i
	}
	return out
}

var domains = []placement.TrustDomain{
	{ID: "TD-A", Category: placement.CategoryUserPlane, Sensitivity: 1, MaxAttestationAge: 24 * time.Hour},
	{ID: "TD-B", Category: placement.CategoryControlPlane, Sensitivity: 3, RequiresPhysicalSecurity: true, MaxAttestationAge: 24 * time.Hour},
	{ID: "TD-X", Category: placement.CategorySecurityAnchor, Sensitivity: 4, Exclusive: true, MaxAttestationAge: time.Hour},
	{ID: "TD-T", Category: placement.CategoryTest, MaxAttestationAge: 24 * time.Hour, AllowedCountries: []string{"GB"}},
	{ID: "TD-V", Category: placement.CategoryIMS, AdminDomain: "guest", Sensitivity: 2, MinIsolation: placement.IsolationVM, MaxAttestationAge: 24 * time.Hour},
}

var runtimes = []placement.RuntimeClass{
	{Name: "runc", Isolation: placement.IsolationOSContainer},
	{Name: "gvisor", Isolation: placement.IsolationSandbox},
	{Name: "kata", Isolation: placement.IsolationVM, Overhead: placement.Resources{placement.DimMemoryMiB: 100}},
	{Name: "kata-cc", Isolation: placement.IsolationConfidentialVM},
}

func subset[T any](rt *rapid.T, all []T, label string) []T {
	var out []T
	for i := range all {
		if rapid.IntRange(0, 3).Draw(rt, fmt.Sprintf("%s%d", label, i)) > 0 {
			out = append(out, all[i])
		}
	}
	return out
}

func runtimeNames() []string {
	var out []string
	for _, r := range runtimes {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out
}

func domainIDs() []string {
	var out []string
	for _, d := range domains {
		out = append(out, d.ID)
	}
	return out
}

func drawWorld(rt *rapid.T) *world {
	w := &world{}
	add := func(c placement.Change) { w.changes = append(w.changes, c) }
	for i := range domains {
		add(placement.Change{Kind: placement.ChangeTrustDomain, ID: domains[i].ID, TrustDomain: &domains[i]})
	}
	for i := range runtimes {
		add(placement.Change{Kind: placement.ChangeRuntimeClass, ID: runtimes[i].Name, RuntimeClass: &runtimes[i]})
	}
	calm := rapid.Bool().Draw(rt, "calm")
	pools := []string{"p0", "p1"}
	for _, p := range pools {
		allowed := domainIDs()
		if !calm {
			allowed = subset(rt, allowed, p)
		}
		add(placement.Change{Kind: placement.ChangeHostPool, ID: p, HostPool: &placement.HostPool{ID: p, AllowedTrustDomainIDs: allowed}})
	}
	text := policyText
	if calm {
		text = calmText
	}
	active := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(text)}}
	if w.associated = rapid.Bool().Draw(rt, "associated"); w.associated {
		active = append(active, placement.ActivePolicy{Ref: placement.PolicyRef{ID: "q", Version: "1"}, Content: []byte(associatedText), Associations: []string{"nf1"}})
	}
	add(placement.Change{Kind: placement.ChangePolicies, ID: "active", Policies: active})
	n := rapid.IntRange(1, 8).Draw(rt, "hosts")
	for i := range n {
		h := drawHost(rt, fmt.Sprintf("h%d", i), pools)
		if calm {
			h.Lifecycle, h.Runtimes, h.DedicatedTo = placement.LifecycleInService, runtimeNames(), nil
			h.Capabilities |= placement.CapCacheEnc
		}
		w.hosts = append(w.hosts, h.ID)
		add(placement.Change{Kind: placement.ChangeHost, ID: h.ID, NFVIPoPID: h.NFVIPoPID, Host: h})
		for k := range rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(rt, "residents") {
			r := &placement.Residency{
				ID: fmt.Sprintf("%s-r%d", h.ID, k), NFVIPoPID: "P", HostID: h.ID, Workload: drawWorkload(rt, true), VIMResourceIDs: []string{fmt.Sprintf("vm-%d-%d", i, k)},
				Kind:  rapid.SampledFrom([]placement.ResidencyKind{placement.ResidencyWorkload, placement.ResidencyWorkload, placement.ResidencyFabric}).Draw(rt, "kind"),
				State: rapid.SampledFrom([]placement.ResidencyState{placement.StateReserved, placement.StateUnconfirmed, placement.StateRunning, placement.StateTerminating}).Draw(rt, "state"),
			}
			if len(h.CISNodes) > 0 && rapid.Bool().Draw(rt, "inNode") {
				r.CISNodeID = rapid.SampledFrom(h.CISNodes).Draw(rt, "node").ID
			} else if rapid.IntRange(0, 9).Draw(rt, "lost") == 0 {
				r.CISNodeID = "a node that the host lacks"
			}
			add(placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r})
		}
	}
	return w
}

func drawHost(rt *rapid.T, id string, pools []string) *placement.Host {
	h := &placement.Host{
		ID: id, NFVIPoPID: "P", HostPoolID: rapid.SampledFrom(append(slices.Repeat(pools, 4), "")).Draw(rt, "pool"), ResourceZoneID: rapid.SampledFrom([]string{"Z1", "Z1", "Z2", "Z2", ""}).Draw(rt, "zone"),
		Country: rapid.SampledFrom([]string{"GB", "GB", "IE", "IE", ""}).Draw(rt, "country"), PhysicallySecure: rapid.IntRange(0, 4).Draw(rt, "secure") > 0,
		HypervisorClass: rapid.SampledFrom([]placement.HypervisorClass{placement.HypervisorType1, placement.HypervisorType1, placement.HypervisorType2}).Draw(rt, "hv"),
		RuntimeVersions: map[string]string{
			"kata": rapid.SampledFrom([]string{"3.1.9", "3.2.0", "3.2.0"}).Draw(rt, "kata"), "kata-cc": rapid.SampledFrom([]string{"3.1.9", "3.2.0", "3.2.0"}).Draw(rt, "kata-cc"),
		},
		Runtimes: subset(rt, runtimeNames(), "runtime"), Capacity: placement.Resources{placement.DimCPUMillis: 4000, placement.DimMemoryMiB: 1000},
		Lifecycle:   rapid.SampledFrom([]placement.Lifecycle{placement.LifecycleInService, placement.LifecycleInService, placement.LifecycleInService, placement.LifecycleInService, placement.LifecycleInService, placement.LifecycleCordoned, placement.LifecycleQuarantined}).Draw(rt, "lifecycle"),
		Attestation: placement.Attestation{State: rapid.SampledFrom([]placement.AttestationState{placement.AttestationTrusted, placement.AttestationTrusted, placement.AttestationTrusted, placement.AttestationTrusted, placement.AttestationUntrusted}).Draw(rt, "att"), AttestedAt: noon.Add(-time.Duration(rapid.SampledFrom([]int{1, 30, 50, 90, 1600}).Draw(rt, "age")) * time.Minute)},
	}
	for _, c := range subset(rt, []placement.Capabilities{placement.CapEncStorage, placement.CapCacheEnc, placement.CapEphemeralEnc, placement.CapHSM}, "cap") {
		h.Capabilities |= c
	}
	if h.Lifecycle == placement.LifecycleQuarantined {
		h.LifecycleReason = rapid.SampledFrom([]string{"attestation", "operator"}).Draw(rt, "why")
	}
	if rapid.IntRange(0, 4).Draw(rt, "until") == 0 {
		h.Attestation.ValidUntil = noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "validity")) * time.Minute)
	}
	if rapid.IntRange(0, 5).Draw(rt, "residue") == 0 {
		h.Residue = []placement.Residue{{TrustDomainID: rapid.SampledFrom(domainIDs()).Draw(rt, "of"), BelowVM: true, Since: noon.Add(-time.Hour)}}
	}
	if rapid.IntRange(0, 5).Draw(rt, "dedicated") == 0 {
		h.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: rapid.SampledFrom([]string{"nf0", "nf1"}).Draw(rt, "to")}
	}
	if rapid.IntRange(0, 3).Draw(rt, "nodes") == 0 {
		h.CISNodes = []placement.CISNode{
			{ID: "n0", Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorType1, Runtimes: subset(rt, runtimeNames(), "n0")},
			{ID: "n1", Form: placement.CISNodeVM, ParentID: rapid.SampledFrom([]string{"", "n0"}).Draw(rt, "parent"), Runtimes: subset(rt, runtimeNames(), "n1")},
			{ID: "n2", Form: placement.CISNodeBareMetal, Runtimes: subset(rt, runtimeNames(), "n2")},
		}
	}
	return h
}

func drawWorkload(rt *rapid.T, resident bool) placement.Workload {
	w := placement.Workload{
		NF:            placement.NF{VNFInstanceID: rapid.SampledFrom([]string{"nf0", "nf1", "nf2", "nf3"}).Draw(rt, "nf")},
		ComponentID:   rapid.SampledFrom([]string{"a", "b", "alone"}).Draw(rt, "component"),
		TrustDomainID: rapid.SampledFrom(domainIDs()).Draw(rt, "domain"), Exposed: rapid.Bool().Draw(rt, "exposed"),
		Resources: placement.Resources{placement.DimCPUMillis: int64(rapid.IntRange(0, 2000).Draw(rt, "cpu")), placement.DimMemoryMiB: int64(rapid.IntRange(0, 400).Draw(rt, "mem"))},
	}
	for _, r := range subset(rt, []placement.Roles{placement.RoleUserHandling, placement.RoleNetworkManagement, placement.RoleBorder, placement.RoleKeyHolding}, "role") {
		if rapid.Bool().Draw(rt, "really") {
			w.Roles |= r
		}
	}
	names := runtimeNames()
	if !resident {
		names = append(names, "")
	}
	w.Runtime = rapid.SampledFrom(names).Draw(rt, "asked")
	switch rapid.IntRange(0, 9).Draw(rt, "weakness") {
	case 0:
		w.CutThrough = placement.CutThroughSRIOV
	case 1:
		w.Privileged = placement.PrivilegeHostNetwork
	}
	return w
}

func drawInputs(rt *rapid.T, members int) *placement.Inputs {
	in := &placement.Inputs{
		Now: noon, Seed: rapid.Uint64().Draw(rt, "seed"), ExplainLevel: placement.ExplainFull, MappingMaxAge: 10 * time.Minute,
		Request: placement.GrantRequest{VNFInstanceID: "nf0"},
	}
	d := placement.Demand{Workload: drawWorkload(rt, false), Isolation: placement.Isolation(rapid.IntRange(0, 3).Draw(rt, "floor"))}
	d.Workload.NF.VNFInstanceID = "nf0"
	for i := range members {
		d.ResourceDefinitionIDs = append(d.ResourceDefinitionIDs, fmt.Sprintf("m%d", i))
	}
	in.Demands = []placement.Demand{d}
	if members > 1 && rapid.Bool().Draw(rt, "of two components") {
		n := rapid.IntRange(1, members-1).Draw(rt, "of the first")
		other := d
		other.Workload = drawWorkload(rt, false)
		other.Workload.NF = placement.NF{VNFInstanceID: "nf0", InstanceKey: rapid.SampledFrom([]string{"", "second"}).Draw(rt, "key")}
		in.Demands[0].ResourceDefinitionIDs, other.ResourceDefinitionIDs = d.ResourceDefinitionIDs[:n], d.ResourceDefinitionIDs[n:]
		in.Demands = append(in.Demands, other)
	}
	return in
}
