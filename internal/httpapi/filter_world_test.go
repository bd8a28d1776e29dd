package httpapi_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// filterWorld draws records whose attributes have few different values, so that filters meet several of them, and none.
type filterWorld struct{ *rand.Rand }

func (w filterWorld) yes() bool { return w.IntN(2) == 0 }

func (w filterWorld) text() string {
	return oneOf(w, "", "", "a", "b", "ab", "it's (1,2);", "50%_off", `back\slash`, "é ü", "Z")
}

func (w filterWorld) texts() []string {
	var list []string
	for _, v := range []string{"a", "b", "c,d", "e'f"} {
		if w.IntN(3) == 0 {
			list = append(list, v)
		}
	}
	return list
}

func (w filterWorld) time() time.Time {
	if w.IntN(3) == 0 {
		return time.Time{}
	}
	return w.someTime()
}

func (w filterWorld) someTime() time.Time {
	return time.Date(2026, 11, 23, 10, 0, 0, w.IntN(4)*1000, time.UTC).Add(time.Duration(w.IntN(3)) * time.Hour)
}

func (w filterWorld) labels() map[string]string {
	m := map[string]string{}
	for _, key := range []string{"role", "example.com/rack", "@odd~,"} {
		if w.yes() {
			m[key] = oneOf(w, "a", "b", "x y")
		}
	}
	return m
}

func (w filterWorld) amounts() placement.Resources {
	m := placement.Resources{}
	for _, dimension := range []string{"cpuMillis", "memoryMiB", "gpus", "ext.licences"} {
		if w.yes() {
			m[dimension] = oneOf[int64](w, 1, 1000, 4000, 1<<53-1)
		}
	}
	return m
}

func oneOf[T any](w filterWorld, from ...T) T { return from[w.IntN(len(from))] }

// some draws a set of flags.
func some[S ~uint8 | ~uint16 | ~uint32](w filterWorld, of ...S) (set S) {
	for _, s := range of {
		if w.yes() {
			set |= s
		}
	}
	return set
}

func (w filterWorld) hosts() (list []placement.Host) {
	for i := range 12 {
		h := placement.Host{
			ID: fmt.Sprint("h", i+1), HostPoolID: oneOf(w, "P1", "P2"), NFVIPoPID: "LON", ResourceZoneID: "LON-A", RackID: w.text(), Country: oneOf(w, "", "GB", "FR"),
			PhysicallySecure: w.yes(), ExposedEdge: w.yes(), ThirdPartyHosted: w.yes(), HypervisorClass: oneOf(w, placement.HypervisorNone, placement.HypervisorType1),
			Runtimes: oneOf(w, nil, []string{"kata"}, []string{"kata", "runc"}), RuntimeVersions: w.labels(), Capacity: w.amounts(), Labels: w.labels(),
			Capabilities: some(w, placement.CapEncStorage, placement.CapCacheEnc), VIMConnectionID: oneOf(w, "", "vim-1", "vim-2"), VIMZoneID: w.text(),
			Lifecycle: oneOf(w, placement.LifecycleRegistered, placement.LifecycleRetired), LifecycleReason: w.text(),
		}
		if w.yes() {
			h.Attestation = placement.Attestation{State: oneOf(w, placement.AttestationTrusted, placement.AttestationUntrusted), Verifier: w.text(), AttestedAt: w.someTime(), ValidUntil: w.time()}
			h.AttestedCapabilities = h.Capabilities
		}
		if w.yes() {
			h.Location = placement.LocationClaim{Source: w.text(), AssertedAt: w.someTime()}
		}
		for n := range w.IntN(3) {
			h.CISNodes = append(h.CISNodes, placement.CISNode{
				ID: fmt.Sprintf("%s-n%d", h.ID, n), Form: placement.CISNodeVM, ClusterID: w.text(), NodeName: oneOf(w, "", fmt.Sprint("it's ", i, n), fmt.Sprint("node-", i, n)),
				HypervisorClass: oneOf(w, placement.HypervisorNone, placement.HypervisorType1), Runtimes: oneOf(w, nil, []string{"kata", "runc"}), HostObservedAt: w.time(),
			})
		}
		for range w.IntN(3) {
			h.Residue = append(h.Residue, placement.Residue{TrustDomainID: oneOf(w, "TD-A", "TD-B"), NFInstance: w.text(), Since: w.someTime(), BelowVM: true})
		}
		h.Residue = slices.CompactFunc(h.Residue, func(a, b placement.Residue) bool {
			return a.TrustDomainID == b.TrustDomainID && a.NFInstance == b.NFInstance
		})
		if w.IntN(3) == 0 {
			h.DedicatedTo = &placement.Dedication{Identity: oneOf(w, placement.DedicatedToTenant, placement.DedicatedToNFInstance), ID: oneOf(w, "t1", "t2")}
		}
		list = append(list, h)
	}
	return list
}

func (w filterWorld) profiles(images []string) (list []placement.VNFProfile) {
	for i := range 6 {
		p := placement.VNFProfile{VNFDID: fmt.Sprint("vnfd-", i), NFType: oneOf(w, "AMF", "UPF"), TrustDomainID: oneOf(w, "TD-A", "TD-B")}
		for n := range 1 + w.IntN(3) {
			c := placement.Component{
				ID: fmt.Sprint("c", n), NF: placement.NF{Type: w.text(), InstanceKey: w.text(), SetID: w.text()}, TrustDomainID: oneOf(w, "", "TD-B"),
				Roles: some(w, placement.Roles(1), placement.Roles(2)), Exposed: w.yes(), Runtime: oneOf(w, "", "kata"), Isolation: oneOf(w, placement.IsolationNone, placement.IsolationVM),
				CutThrough: some(w, placement.CutThroughs(1), placement.CutThroughs(2)), Privileged: some(w, placement.Privileges(1), placement.Privileges(2)),
				AdministersHostPools: oneOf(w, nil, []string{"P1"}, []string{"P1", "P2"}), Labels: w.labels(), Resources: w.amounts(), Images: images[:w.IntN(len(images))],
			}
			for range w.IntN(3) {
				c.Interfaces = append(c.Interfaces, placement.Interface{
					Name: oneOf(w, "N2", "SBI"), Kind: oneOf(w, placement.InterfaceAPI, placement.InterfaceUserPlane), PeerTrustDomainID: oneOf(w, "", "TD-A"),
					Peer: oneOf(w, "", placement.PeerUE), PeerComponentID: oneOf(w, "", "c0"), Via: oneOf(w, "", "c0"), TerminatesTLS: w.yes(),
				})
			}
			p.Components = append(p.Components, c)
		}
		if w.yes() {
			w.sizes(&p)
		}
		if len(p.Components) > 1 {
			p.AffinityRules = []placement.AffinityRule{{ID: "rule", AntiAffinity: w.yes(), Scope: oneOf(w, placement.ScopeZone, placement.ScopeNFVINode), ComponentIDs: []string{"c0", "c1"}}}
		}
		list = append(list, p)
	}
	return list
}

func (w filterWorld) sizes(p *placement.VNFProfile) {
	counts := []placement.ComponentCount{{ComponentID: "c0", Count: w.IntN(3)}}
	assets := []placement.VIMAsset{{VIMConnectionID: oneOf(w, "", "vim-1"), DescriptorID: "d", Name: oneOf(w, "a", "b")}}
	p.DeploymentFlavours = []placement.DeploymentFlavour{{
		ID: oneOf(w, "small", "large"), InitialDelta: counts, DefaultInstantiationLevelID: oneOf(w, "", "one"),
		ScalingAspects:      []placement.ScalingAspect{{ID: "aspect", MaxScaleLevel: 1 + w.IntN(2), Steps: []placement.ScalingStep{{Components: counts}}}},
		InstantiationLevels: []placement.InstantiationLevel{{ID: "one", Components: counts, ScaleLevels: []placement.AspectLevel{{AspectID: "aspect", ScaleLevel: w.IntN(2)}}}},
	}}
	p.DeployableModules = []placement.DeployableModule{{ID: oneOf(w, "m1", "m2"), ComponentIDs: []string{"c0"}}}
	p.VIMAssets = placement.VIMAssets{ComputeResourceFlavours: assets, SoftwareImages: assets, StorageAssets: assets}
}

func (w filterWorld) residencies(images []string) (list []placement.Residency) {
	for i := range 14 {
		list = append(list, placement.Residency{
			ID: fmt.Sprintf("r%02d", i), HostID: fmt.Sprint("h", 1+w.IntN(4)), PodID: w.text(),
			Workload: placement.Workload{
				NF: placement.NF{VNFInstanceID: oneOf(w, "i1", "i2"), Type: w.text(), InstanceKey: w.text(), SetID: w.text()}, ComponentID: oneOf(w, "c0", "c1"),
				TrustDomainID: oneOf(w, "TD-A", "TD-B"), Roles: some(w, placement.Roles(1), placement.Roles(4)), Exposed: w.yes(), Runtime: oneOf(w, "kata", "runc"),
				CutThrough: some(w, placement.CutThroughs(1)), Privileged: some(w, placement.Privileges(1), placement.Privileges(4)),
				Images: images[:w.IntN(len(images))], Resources: w.amounts(),
			},
			Kind: oneOf(w, placement.ResidencyWorkload, placement.ResidencyFabric), State: oneOf(w, placement.StateRunning, placement.StateTerminating), VIMResourceIDs: w.texts(),
		})
	}
	return list
}

func (w filterWorld) inventory() *placement.Inventory {
	doc := &placement.Inventory{
		NFVIPoPs: []placement.NFVIPoP{{ID: "LON", Country: "GB"}, {ID: "PAR", Country: "FR"}},
		ResourceZones: []placement.ResourceZone{
			{ID: "LON-A", NFVIPoPID: "LON", ZoneGroupIDs: w.texts()}, {ID: "LON-B", NFVIPoPID: "LON", ZoneGroupIDs: w.texts()}, {ID: "PAR-A", NFVIPoPID: "PAR"},
		},
		RuntimeClasses: []placement.RuntimeClass{
			{Name: "kata", Isolation: placement.IsolationVM, Overhead: w.amounts()}, {Name: "runc", Isolation: placement.IsolationOSContainer, Overhead: w.amounts()},
		},
		Hosts: w.hosts(),
	}
	var digests []string
	for i := range 5 {
		digests = append(digests, fmt.Sprintf("sha256:%064d", i))
		image := placement.Image{
			Digest: digests[i], Reference: w.text(), Kind: oneOf(w, placement.ArtefactContainerImage, placement.ArtefactModel), Sensitivity: w.IntN(3), ContainsSecrets: w.yes(),
			PublicBase: w.yes(), Signature: w.text(),
		}
		for range w.IntN(3) {
			layer := fmt.Sprintf("sha256:%064d", 90+w.IntN(3))
			image.Layers = append(image.Layers, placement.Layer{Digest: layer, DiffID: layer, SizeBytes: int64(w.IntN(3))})
		}
		doc.Images = append(doc.Images, image)
		doc.CacheEntries = append(doc.CacheEntries, placement.CacheEntry{
			HostID: fmt.Sprint("h", 1+i%2), Digest: digests[i], Mode: placement.CacheEncrypted, TrustDomainID: oneOf(w, "", "TD-A"), ObservedAt: w.someTime(),
		})
	}
	doc.HostPools = []placement.HostPool{{ID: "P1", AllowedTrustDomainIDs: []string{"TD-A", "TD-B"}, FabricDigests: digests[:1]}, {ID: "P2", AllowedTrustDomainIDs: []string{"TD-B"}}}
	for _, id := range []string{"TD-A", "TD-B", "TD-C"} {
		d := placement.TrustDomain{
			ID: id, Name: w.text(), AdminDomain: w.text(), Category: oneOf(w, placement.CategoryControlPlane, placement.CategoryTest), Sensitivity: w.IntN(3),
			SecurityCritical: w.yes(), RequiresPhysicalSecurity: w.yes(), MaxAttestationAge: oneOf(w, 0, time.Hour, 90*time.Second),
			MinIsolation: oneOf(w, placement.IsolationNone, placement.IsolationVM), AllowedCountries: oneOf(w, nil, []string{}, []string{"GB"}), SNSSAIs: oneOf(w, nil, []string{"1", "1-0000A1"}),
		}
		doc.TrustDomains = append(doc.TrustDomains, d)
		if id != "TD-C" {
			doc.TrustRelations = append(doc.TrustRelations, placement.TrustRelation{FromID: id, ToID: "TD-C", Handling: oneOf(w, placement.HandlingBorder, placement.HandlingNone)})
		}
	}
	doc.VNFProfiles, doc.Residencies = w.profiles(digests), w.residencies(digests)
	return doc
}

// newFilterWorld is a server with something in every list.
func newFilterWorld(t *testing.T) *api {
	t.Helper()
	a := newAPI(t)
	w := filterWorld{rand.New(rand.NewPCG(20261123, 13))}
	if _, err := a.store.Import(t.Context(), w.inventory(), true, placement.EndRules{}, "operator", nil); err != nil {
		t.Fatalf("%v: %+v", err, faultsOf(err))
	}
	a.decisions()
	db, err := pgx.Connect(t.Context(), a.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	w.records(t, db)
	return a
}

// decisions has a grant decided, and refused, and asked for on trial.
func (a *api) decisions() {
	a.t.Helper()
	more := fleet()
	for i := range 4 {
		host := more.Hosts[i%2]
		host.ID = fmt.Sprint("g", i)
		more.Hosts = append(more.Hosts, host)
	}
	more.Hosts = more.Hosts[2:]
	more.TrustDomains, more.HostPools, more.Images = nil, nil, nil
	if _, err := a.store.Import(a.t.Context(), more, true, placement.EndRules{}, "operator", nil); err != nil {
		a.t.Fatal(err)
	}
	id := a.policy("1.0.0", separation("1.0.0"))
	a.policy("2.0.0", separation("2.0.0"))
	a.do(call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: object{"activationStatus": "ACTIVATED"}}).want(200)
	for i, component := range []string{"open", "plain", "big", "open"} {
		instance := fmt.Sprint("granted-", i)
		a.grant(oneOf(filterWorld{rand.New(rand.NewPCG(1, uint64(i)))}, "vnfm-a", "vnfm-b"), instantiate(instance, oneOf(filterWorld{rand.New(rand.NewPCG(2, uint64(i)))}, "vnfd-a", "vnfd-b"), component))
		a.do(call{as: "vnfm-a", method: "POST", path: "/placement/v1/decisions", body: object{"grantRequest": instantiate("dry-"+instance, "vnfd-b", component)}}).want(201)
	}
}

func faultsOf(err error) (all []placement.Finding) {
	if e, ok := errors.AsType[*placement.Error](err); ok {
		all = e.Findings
	}
	return all
}
