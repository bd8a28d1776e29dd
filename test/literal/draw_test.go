package literal_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"ringfence/internal/placement"
	"ringfence/test/literal"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// dice draws worlds: the same seed draws the same world.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 20261123))} }

// in is true once in n draws.
func (d dice) in(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// some draws each element with a chance of one in n.
func some[T any](d dice, n int, from ...T) (out []T) {
	for _, x := range from {
		if d.in(n) {
			out = append(out, x)
		}
	}
	return out
}

var (
	domainIDs   = []string{"TD-A", "TD-B", "TD-C", "TD-X", "TD-T", "TD-O"}
	poolIDs     = []string{"p0", "p1", "p2"}
	zoneIDs     = []string{"Z1", "Z2", ""}
	hostIDs     = []string{"h0", "h1", "h2", "h3"}
	instanceIDs = []string{"nf0", "nf1", "nf2", "nf3"}
	components  = []string{"a", "b", "c"}
	digests     = []string{"sha256:plain", "sha256:base", "sha256:secret", "sha256:unknown"}
	runtimeIDs  = []string{"runc", "crun", "gvisor", "kata", "kata-cc"}
	roleNames   = []string{"USER_HANDLING", "SIGNALLING", "NETWORK_MANAGEMENT", "BORDER", "KEY_HOLDING"}
	countries   = []string{"GB", "IE", "FR"}
	capNames    = []string{"TPM2", "TEE", "TEE_TDX", "HSM", "ENC_STORAGE", "CACHE_ENC", "EPHEMERAL_ENC", "RAM_SNAPSHOT"}
	nfTypes     = []string{"", "AMF", "UPF"}
	setIDs      = []string{"", "set1", "set2"}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (d dice) catalogue() *placement.Catalogue {
	c := placement.NewCatalogue()
	category := []placement.Category{
		placement.CategoryUserPlane, placement.CategoryControlPlane, placement.CategoryThirdParty, placement.CategorySecurityAnchor,
		placement.CategoryTest, placement.CategoryOversight,
	}
	for i, id := range domainIDs {
		td := placement.TrustDomain{
			ID: id, Category: category[i], Sensitivity: d.IntN(5), Exclusive: id == "TD-X" || d.in(12), RequiresPhysicalSecurity: d.in(4),
			SecurityCritical: d.in(6), AdminDomain: pick(d, "", "red", "blue"), MaxAttestationAge: time.Duration(d.IntN(3)) * time.Hour,
		}
		if d.in(3) {
			td.AllowedCountries = append([]string{}, some(d, 2, countries...)...)
		}
		if d.in(4) {
			td.MinIsolation = placement.Isolation(d.IntN(5))
		}
		if i > 0 && d.in(4) {
			td.ParentID = domainIDs[d.IntN(i)]
		}
		c.TrustDomains[id] = td
	}
	for _, id := range poolIDs {
		pool := placement.HostPool{ID: id, AllowedTrustDomainIDs: some(d, 2, domainIDs...)}
		if d.in(4) {
			pool.AllowedTrustDomainIDs = []string{pick(d, domainIDs...)}
		}
		c.HostPools[id] = pool
	}
	for i, level := range []placement.Isolation{1, 1, 2, 3, 4} {
		c.RuntimeClasses[runtimeIDs[i]] = placement.RuntimeClass{
			Name: runtimeIDs[i], Isolation: level, Overhead: placement.Resources{placement.DimMemoryMiB: int64(d.IntN(3) * 50)},
		}
	}
	c.NFVIPoPs["P"] = placement.NFVIPoP{ID: "P", Country: pick(d, "GB", "IE", "")}
	c.NFVIPoPs["Q"] = placement.NFVIPoP{ID: "Q", Country: pick(d, "GB", "FR")}
	c.Images[digests[0]] = placement.Image{Digest: digests[0]}
	c.Images[digests[1]] = placement.Image{Digest: digests[1], PublicBase: true, ContainsSecrets: d.in(5)}
	c.Images[digests[2]] = placement.Image{Digest: digests[2], ContainsSecrets: true}
	for digest, image := range c.Images {
		for _, layer := range some(d, 2, "l0", "l1", "l2") {
			image.Layers = append(image.Layers, placement.Layer{Digest: digest + layer, DiffID: layer})
		}
		image.Signature = d.signature(digest)
		image.Kind = pick(d, placement.ArtefactContainerImage, placement.ArtefactCheckpoint, placement.ArtefactVMTemplate)
		c.Images[digest] = image
	}
	return c
}

var keyIDs = []string{"k0", "k1", "k2"}

// signer is the key of a name.
func signer(id string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte((id + strings.Repeat(".", ed25519.SeedSize))[:ed25519.SeedSize]))
}

// signature signs an artefact, most times well.
func (d dice) signature(digest string) string {
	if d.in(6) {
		return pick(d, "", "no envelope")
	}
	if d.in(10) {
		digest = pick(d, digests...)
	}
	payload := fmt.Sprintf(`{"digest":%q,"trustDomainId":%q}`, digest, pick(d, domainIDs...))
	const kind = "application/vnd.ringfence.artefact+json"
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	var signatures []map[string]any
	for _, id := range some(d, 2, keyIDs...) {
		signatures = append(signatures, map[string]any{"keyid": id, "sig": ed25519.Sign(signer(id), []byte(message))})
	}
	return string(must(json.Marshal(map[string]any{"payloadType": kind, "payload": []byte(payload), "signatures": signatures})))
}

// world draws everything but the policies.
func (d dice) world(policies []literal.Policy) *literal.World {
	w := &literal.World{Catalogue: d.catalogue(), Policies: policies, Now: noon, MappingMaxAge: 10 * time.Minute}
	for _, id := range hostIDs[:1+d.IntN(len(hostIDs))] {
		h := d.host(id)
		w.Hosts = append(w.Hosts, h)
		for k := range pick(d, 0, 0, 1, 1, 2, 3) {
			r := &placement.Residency{
				ID: fmt.Sprintf("%s-r%d", id, k), NFVIPoPID: h.NFVIPoPID, HostID: id, Workload: d.workload(true),
				Kind: placement.ResidencyWorkload, State: pick(d, placement.StateReserved, placement.StateUnconfirmed, placement.StateRunning, placement.StateTerminating),
			}
			if d.in(8) {
				r.Kind = placement.ResidencyFabric
			}
			if len(h.CISNodes) > 0 && d.in(2) {
				r.CISNodeID = pick(d, h.CISNodes...).ID
			}
			w.Residents = append(w.Residents, r)
		}
	}
	return w
}

func (d dice) capabilities() placement.Capabilities {
	return must(placement.ParseCapabilities(some(d, 2, capNames...)))
}

func (d dice) ago() time.Time {
	return noon.Add(-pick(d, time.Minute, 30*time.Minute, time.Hour, 90*time.Minute, 3*time.Hour))
}

func (d dice) host(id string) *placement.Host {
	h := &placement.Host{
		ID: id, HostPoolID: pick(d, "p0", "p0", "p1", "p1", "p2", "p2", ""), NFVIPoPID: pick(d, "P", "P", "Q"), ResourceZoneID: pick(d, zoneIDs...),
		RackID: pick(d, "", "k1", "k2"), Country: pick(d, "", "", "GB", "IE", "FR"), PhysicallySecure: !d.in(4), ExposedEdge: d.in(6), ThirdPartyHosted: d.in(6),
		HypervisorClass: d.hypervisor(), Runtimes: some(d, 2, runtimeIDs...), Capabilities: d.capabilities(),
		Capacity: placement.Resources{placement.DimCPUMillis: 4000, placement.DimMemoryMiB: 900, "ext.fpga": int64(d.IntN(2))},
		Labels:   map[string]string{"tier": pick(d, "gold", "iron")}, Lifecycle: placement.LifecycleInService,
		Attestation: placement.Attestation{State: placement.AttestationTrusted, AttestedAt: d.ago()},
		Location:    placement.LocationClaim{Source: pick(d, "", "TPM", "OPERATOR")},
	}
	for _, id := range some(d, 2, runtimeIDs...) {
		if h.RuntimeVersions == nil {
			h.RuntimeVersions = map[string]string{}
		}
		h.RuntimeVersions[id] = pick(d, "3.1.9", "3.2.0", "3.2.0-rc1", "3.10.0", "3.11.0", "some")
	}
	h.Accelerations = must(placement.ParseAccelerations(some(d, 4, "NODE_TO_NODE_IMAGES", "PAGE_SHARING")))
	h.AttestedCapabilities = h.Capabilities & d.capabilities()
	if d.in(2) {
		h.Location.AssertedAt = d.ago()
	}
	if d.in(4) {
		h.Attestation.State = pick(d, placement.AttestationUntrusted, placement.AttestationUnknown)
	}
	if d.in(4) {
		h.Attestation.ValidUntil = noon.Add(time.Duration(d.IntN(3)-1) * time.Minute)
	}
	if d.in(5) {
		h.Lifecycle = pick(d, placement.LifecycleCordoned, placement.LifecycleQuarantined, placement.LifecycleRegistered)
		h.LifecycleReason = pick(d, "attestation", "operator")
	}
	if d.in(5) {
		h.DedicatedTo = d.dedication()
	}
	d.dirty(h)
	d.nodes(h)
	return h
}

func (d dice) hypervisor() placement.HypervisorClass {
	return pick(d, placement.HypervisorType1, placement.HypervisorType1, placement.HypervisorType1, placement.HypervisorType2, placement.HypervisorNone)
}

func (d dice) dedication() *placement.Dedication {
	switch d.IntN(3) {
	case 0:
		return &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: pick(d, instanceIDs...)}
	case 1:
		return &placement.Dedication{Identity: placement.DedicatedToTrustDomain, ID: pick(d, domainIDs...)}
	}
	return &placement.Dedication{Identity: placement.DedicatedToTenant, ID: pick(d, "red", "blue")}
}

// dirty leaves residue on a host and cleans some of it.
func (d dice) dirty(h *placement.Host) {
	for range pick(d, 0, 0, 0, 1, 2) {
		h.Residue = append(h.Residue, placement.Residue{
			TrustDomainID: pick(d, "TD-A", "TD-B", "TD-C", "TD-X", "TD-T", "TD-GONE"), NFInstance: pick(d, "nf0", "nf1", ""),
			Since: d.ago(), BelowVM: !d.in(3), Device: d.in(4),
		})
	}
	for range pick(d, 0, 0, 1, 2) {
		h.Scrubs = append(h.Scrubs, placement.ScrubRecord{
			Level: pick(d, placement.ScrubCachePurge, placement.ScrubEphemeralWipe, placement.ScrubReboot, placement.ScrubReimage), DeviceReset: d.in(2), At: d.ago(),
		})
	}
}

// nodes gives a host CIS nodes: on its metal, in VMs, in VMs of VMs.
func (d dice) nodes(h *placement.Host) {
	if !d.in(3) {
		return
	}
	for i := range 1 + d.IntN(3) {
		n := placement.CISNode{
			ID: fmt.Sprintf("n%d", i), Form: pick(d, placement.CISNodeVM, placement.CISNodeVM, placement.CISNodeBareMetal),
			HypervisorClass: pick(d, placement.HypervisorClass(""), placement.HypervisorType1, placement.HypervisorType2), Runtimes: some(d, 2, runtimeIDs...),
		}
		if i > 0 && d.in(2) {
			n.ParentID = fmt.Sprintf("n%d", d.IntN(i))
		}
		if d.in(4) {
			n.HostObservedAt = noon.Add(-time.Duration(d.IntN(20)) * time.Minute)
		}
		h.CISNodes = append(h.CISNodes, n)
	}
}

func (d dice) workload(resident bool) placement.Workload {
	wl := placement.Workload{
		NF:          placement.NF{VNFInstanceID: pick(d, instanceIDs...), Type: pick(d, nfTypes...), SetID: pick(d, setIDs...)},
		ComponentID: pick(d, components...), TrustDomainID: pick(d, domainIDs...), Roles: must(placement.ParseRoles(some(d, 4, roleNames...))),
		Exposed: d.in(4), ProtectedPeer: d.in(6), AdministersHostPools: some(d, 6, poolIDs...), Images: some(d, 4, digests...),
		Labels: map[string]string{"env": pick(d, "prod", "lab")}, Runtime: pick(d, runtimeIDs...),
		Resources: placement.Resources{placement.DimCPUMillis: int64(d.IntN(2000)), placement.DimMemoryMiB: int64(d.IntN(400))},
	}
	wl.SNSSAIs, wl.UndeclaredPeers = some(d, 3, "1-000001", "1-000002"), d.in(6)
	if d.in(3) {
		wl.NF.InstanceKey = pick(d, "x", "y")
	}
	if !resident && d.in(2) {
		wl.Runtime = ""
	}
	if d.in(10) {
		wl.Resources["ext.fpga"] = 1
	}
	if d.in(6) {
		wl.CutThrough = must(placement.ParseCutThroughs(some(d, 2, "SRIOV", "GPU")))
	}
	if d.in(6) {
		wl.Privileged = must(placement.ParsePrivileges(some(d, 2, "HOST_NETWORK", "PRIVILEGED")))
	}
	return wl
}

func (d dice) ask() *literal.Ask {
	a := &literal.Ask{Workload: d.workload(false), Count: 1 + d.IntN(3)}
	if d.in(2) {
		a.Floor = placement.Isolation(d.IntN(5))
	}
	return a
}
