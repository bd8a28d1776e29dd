package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ringfence/internal/placement"
	"ringfence/openapi"
)

// draws makes values of the inventory that are valid by themselves. What they refer to need not exist.
type draws struct{ t *rapid.T }

func (d draws) id(label string) string {
	return rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "TD-UP", "007", "true", "null", "1.5", "- x", "é ü", "a#b", "x: y", "0x1f", "=", "~"}),
		rapid.StringMatching(`[a-z][a-z0-9._-]{0,20}`)).Draw(d.t, label)
}

func (d draws) maybeID(label string) string {
	if rapid.Bool().Draw(d.t, label+" is there") {
		return d.id(label)
	}
	return ""
}

func (d draws) ids(label string) []string {
	return orNil(rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9-]{0,6}`), 0, 4, rapid.ID).Draw(d.t, label))
}

func (d draws) digest(label string) string {
	return "sha256:" + rapid.StringMatching(`[0-9a-f]{8}`).Draw(d.t, label)
}

func (d draws) digests(label string) []string {
	list := d.ids(label)
	for i := range list {
		list[i] = "sha256:" + strconv.Itoa(i) + "00"
	}
	return list
}

func (d draws) flag(label string) bool { return rapid.Bool().Draw(d.t, label) }

func (d draws) text(label string) string {
	return rapid.OneOf(rapid.StringN(0, 20, 60), rapid.SampledFrom([]string{"", "two\nlines", " padded ", "\"quoted\"", "\t", "#", "12e3", "2026-11-23"})).
		Filter(func(s string) bool { return !slices.Contains([]byte(s), 0) }).Draw(d.t, label)
}

func (d draws) time(label string) time.Time {
	if d.flag(label + " is absent") {
		return time.Time{}
	}
	return d.someTime(label)
}

func (d draws) someTime(label string) time.Time {
	return time.UnixMicro(rapid.Int64Range(1e15, 2e15).Draw(d.t, label)).UTC()
}

func (d draws) resources(label string) placement.Resources {
	names := append(placement.Dimensions(), "ext.licences", "ext.a/b")
	m := rapid.MapOfN(rapid.SampledFrom(names), rapid.Int64Range(1, 1<<53-1), 0, 4).Draw(d.t, label)
	if len(m) == 0 {
		return nil
	}
	return m
}

func (d draws) labels(label string) map[string]string {
	return labels(rapid.MapOfN(rapid.StringMatching(`[a-z/~]{1,6}`), rapid.StringMatching(`[a-z0-9: ]{0,8}`), 0, 3).Draw(d.t, label))
}

func pick[T any](d draws, label string, from ...T) T { return rapid.SampledFrom(from).Draw(d.t, label) }

func set[S ~uint8 | ~uint16 | ~uint32](d draws, label string, bits int) S {
	return S(rapid.Uint32Range(0, 1<<bits-1).Draw(d.t, label))
}

func (d draws) isolation(label string) placement.Isolation {
	return placement.Isolation(rapid.IntRange(int(placement.IsolationOSContainer), int(placement.IsolationConfidentialVM)).Draw(d.t, label))
}

func (d draws) maybeIsolation(label string) placement.Isolation {
	return placement.Isolation(rapid.IntRange(0, int(placement.IsolationConfidentialVM)).Draw(d.t, label))
}

func (d draws) country(label string) string { return rapid.StringMatching(`[A-Z]{2}`).Draw(d.t, label) }

func (d draws) trustDomain() placement.TrustDomain {
	t := placement.TrustDomain{
		ID: d.id("id"), Name: d.text("name"), OwnerPLMN: pick(d, "plmn", "", "234-15"), AdminDomain: d.text("admin"), Category: pick(d, "category", placement.Categories()...),
		Sensitivity: rapid.IntRange(0, placement.MaxSensitivity).Draw(d.t, "sensitivity"), SecurityCritical: d.flag("critical"), Exclusive: d.flag("exclusive"),
		RequiresPhysicalSecurity: d.flag("physical"), MaxAttestationAge: time.Duration(rapid.Int64Range(0, 1<<50).Draw(d.t, "age")),
		MinIsolation: d.maybeIsolation("min"), SNSSAIs: pick(d, "snssais", nil, []string{"1", "1-0000A1"}), ParentID: d.maybeID("parent"),
	}
	if d.flag("countries are named") {
		t.AllowedCountries = rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z]{2}`), 0, 3, rapid.ID).Draw(d.t, "countries")
	}
	return t
}

func (d draws) cisNode(i int) placement.CISNode {
	return placement.CISNode{
		ID: "n" + strconv.Itoa(i), ParentID: d.maybeID("parent"), Form: pick(d, "form", placement.CISNodeVM, placement.CISNodeBareMetal),
		ClusterID: d.maybeID("cluster"), NodeName: d.maybeID("node"), HypervisorClass: d.hypervisor(), Runtimes: orNil(slices.Sorted(slices.Values(d.ids("runtimes")))),
		HostObservedAt: d.time("observed"),
	}
}

func (d draws) hypervisor() placement.HypervisorClass {
	return pick(d, "hypervisor", placement.HypervisorNone, placement.HypervisorType1, placement.HypervisorType2)
}

func (d draws) host() placement.Host {
	h := placement.Host{
		ID: d.id("id"), HostPoolID: d.maybeID("pool"), NFVIPoPID: d.id("pop"), ResourceZoneID: d.id("zone"), RackID: d.maybeID("rack"),
		PhysicallySecure: d.flag("secure"), ExposedEdge: d.flag("edge"), ThirdPartyHosted: d.flag("third"), HypervisorClass: d.hypervisor(),
		Runtimes: orNil(slices.Sorted(slices.Values(d.ids("runtimes")))), RuntimeVersions: d.labels("versions"),
		Accelerations: 4 * set[placement.Accelerations](d, "accelerations", 2), Capabilities: set[placement.Capabilities](d, "capabilities", 19),
		Capacity: d.resources("capacity"), Labels: d.labels("labels"), VIMConnectionID: d.maybeID("vim"), VIMZoneID: d.text("vim zone"),
		Lifecycle:       pick(d, "lifecycle", placement.LifecycleRegistered, placement.LifecycleInService, placement.LifecycleQuarantined),
		LifecycleReason: d.text("reason"),
	}
	if d.flag("a country of its own") {
		h.Country = d.country("country")
	}
	if d.flag("attested") {
		h.Attestation = placement.Attestation{
			State:    pick(d, "state", placement.AttestationTrusted, placement.AttestationUntrusted, placement.AttestationUnknown),
			Verifier: d.text("verifier"), EvidenceDigest: pick(d, "evidence", "", "sha256:ab"), AttestedAt: d.someTime("attested"), ValidUntil: d.time("valid"),
		}
		h.AttestedCapabilities = set[placement.Capabilities](d, "attested capabilities", 19)
	}
	if d.flag("located") {
		h.Location = placement.LocationClaim{Source: d.text("source"), AssertedAt: d.someTime("asserted")}
	}
	for i := range rapid.IntRange(0, 3).Draw(d.t, "nodes") {
		h.CISNodes = append(h.CISNodes, d.cisNode(i))
	}
	for range rapid.IntRange(0, 2).Draw(d.t, "residues") {
		h.Residue = append(h.Residue, placement.Residue{TrustDomainID: d.id("residue"), NFInstance: d.maybeID("nf"), Since: d.time("since"), BelowVM: true})
	}
	if d.flag("dedicated") {
		h.DedicatedTo = &placement.Dedication{Identity: pick(d, "identity", placement.DedicatedToTenant, placement.DedicatedToNFInstance), ID: d.id("dedicated")}
	}
	return h
}

func (d draws) image() placement.Image {
	i := placement.Image{
		Digest: d.digest("digest"), Reference: d.text("reference"), Kind: pick(d, "kind", placement.ArtefactContainerImage, placement.ArtefactModel),
		Sensitivity: rapid.IntRange(0, 4).Draw(d.t, "sensitivity"), ContainsSecrets: d.flag("secrets"), PublicBase: d.flag("base"), Signature: d.text("signature"),
	}
	for range rapid.IntRange(0, 3).Draw(d.t, "layers") {
		i.Layers = append(i.Layers, placement.Layer{Digest: d.digest("layer"), DiffID: d.digest("diff"), SizeBytes: rapid.Int64Range(0, 1<<50).Draw(d.t, "size")})
	}
	return i
}

func (d draws) nf() placement.NF {
	return placement.NF{Type: d.text("nf type"), InstanceKey: d.text("key"), SetID: d.text("set")}
}

func (d draws) component(i int) placement.Component {
	c := placement.Component{
		ID: "c" + strconv.Itoa(i), NF: d.nf(), TrustDomainID: d.maybeID("domain"), Roles: set[placement.Roles](d, "roles", 9), Exposed: d.flag("exposed"),
		Images: d.digests("images"), Runtime: d.maybeID("runtime"), Isolation: d.maybeIsolation("isolation"),
		CutThrough: set[placement.CutThroughs](d, "cut", 5), Privileged: set[placement.Privileges](d, "privileged", 6),
		AdministersHostPools: d.ids("pools"), Labels: d.labels("labels"), Resources: d.resources("resources"),
	}
	for range rapid.IntRange(0, 2).Draw(d.t, "interfaces") {
		c.Interfaces = append(c.Interfaces, placement.Interface{
			Name: pick(d, "name", "N2", "SBI"), Kind: pick(d, "kind", placement.InterfaceAPI, placement.InterfaceUserPlane), PeerTrustDomainID: d.maybeID("peer domain"),
			Peer: pick(d, "peer", "", placement.PeerUE), PeerComponentID: d.maybeID("peer component"), Via: d.maybeID("via"), TerminatesTLS: d.flag("tls"),
		})
	}
	return c
}

func (d draws) vnfProfile() placement.VNFProfile {
	p := placement.VNFProfile{VNFDID: d.id("id"), NFType: pick(d, "type", "AMF", "UPF"), TrustDomainID: d.id("domain")}
	for i := range rapid.IntRange(1, 3).Draw(d.t, "components") {
		p.Components = append(p.Components, d.component(i))
	}
	if d.flag("rule") {
		p.AffinityRules = []placement.AffinityRule{{
			ID: d.id("rule"), AntiAffinity: d.flag("apart"), Scope: pick(d, "scope", placement.ScopeNFVINode, placement.ScopeZone), ComponentIDs: []string{p.Components[0].ID},
		}}
	}
	if d.flag("sizes") {
		p.DeploymentFlavours = []placement.DeploymentFlavour{d.flavour(p.Components[0].ID)}
		p.DeployableModules = []placement.DeployableModule{{ID: d.id("module"), ComponentIDs: []string{p.Components[0].ID}}}
		asset := []placement.VIMAsset{{VIMConnectionID: d.maybeID("vim"), DescriptorID: d.id("descriptor"), Name: d.id("name")}}
		p.VIMAssets = placement.VIMAssets{ComputeResourceFlavours: asset, SoftwareImages: asset, StorageAssets: asset}
	}
	return p
}

// flavour is a deployment flavour with one of everything, of one component.
func (d draws) flavour(componentID string) placement.DeploymentFlavour {
	counts := []placement.ComponentCount{{ComponentID: componentID, Count: rapid.IntRange(0, 9).Draw(d.t, "count")}}
	levels := []placement.AspectLevel{{AspectID: "aspect", ScaleLevel: rapid.IntRange(0, 2).Draw(d.t, "level")}}
	return placement.DeploymentFlavour{
		ID: d.id("flavour"), InitialDelta: counts, DefaultInstantiationLevelID: pick(d, "default", "", "small"),
		ScalingAspects:      []placement.ScalingAspect{{ID: "aspect", MaxScaleLevel: 2, Steps: []placement.ScalingStep{{Components: counts}}}},
		InstantiationLevels: []placement.InstantiationLevel{{ID: "small", Components: counts, ScaleLevels: levels}},
	}
}

func (d draws) residency() placement.Residency {
	nf := d.nf()
	nf.VNFInstanceID = d.id("instance")
	return placement.Residency{
		ID: d.id("id"), HostID: d.id("host"), CISNodeID: d.maybeID("node"), PodID: d.maybeID("pod"),
		Workload: placement.Workload{
			NF: nf, ComponentID: d.id("component"), TrustDomainID: d.id("domain"), Roles: set[placement.Roles](d, "roles", 9), Exposed: d.flag("exposed"),
			CutThrough: set[placement.CutThroughs](d, "cut", 5), Privileged: set[placement.Privileges](d, "privileged", 6), Images: d.digests("images"),
			Runtime: d.id("runtime"), Resources: d.resources("resources"),
		},
		Kind:    pick(d, "kind", placement.ResidencyWorkload, placement.ResidencyFabric),
		State:   pick(d, "state", placement.StateRunning, placement.StateReserved, placement.StateTerminating),
		GrantID: d.maybeID("grant"), VIMResourceIDs: d.ids("vim"), ExpiresAt: d.time("expires"),
	}
}

func (d draws) cacheEntry() placement.CacheEntry {
	return placement.CacheEntry{
		HostID: d.id("host"), Digest: d.digest("digest"), Mode: placement.CacheMode(rapid.IntRange(1, 5).Draw(d.t, "mode")),
		TrustDomainID: d.maybeID("domain"), ObservedAt: d.time("observed"),
	}
}

// document draws a small document with every list.
func (d draws) document() *placement.Inventory {
	doc := &placement.Inventory{}
	several := func(add func()) {
		for range rapid.IntRange(0, 2).Draw(d.t, "entries") {
			add()
		}
	}
	several(func() { doc.TrustDomains = append(doc.TrustDomains, d.trustDomain()) })
	several(func() {
		doc.TrustRelations = append(doc.TrustRelations, placement.TrustRelation{FromID: d.id("from"), ToID: d.id("to"), Handling: pick(d, "handling", placement.HandlingBorder, placement.HandlingNone)})
	})
	several(func() {
		doc.NFVIPoPs = append(doc.NFVIPoPs, placement.NFVIPoP{ID: d.id("id"), Country: d.country("country")})
	})
	several(func() {
		doc.ResourceZones = append(doc.ResourceZones, placement.ResourceZone{ID: d.id("id"), NFVIPoPID: d.id("pop"), ZoneGroupIDs: d.ids("groups")})
	})
	several(func() {
		doc.HostPools = append(doc.HostPools, placement.HostPool{ID: d.id("id"), AllowedTrustDomainIDs: d.ids("domains"), FabricDigests: d.digests("fabric")})
	})
	several(func() {
		doc.RuntimeClasses = append(doc.RuntimeClasses, placement.RuntimeClass{Name: d.id("name"), Isolation: d.isolation("isolation"), Overhead: d.resources("overhead")})
	})
	several(func() { doc.Hosts = append(doc.Hosts, d.host()) })
	several(func() { doc.Images = append(doc.Images, d.image()) })
	several(func() { doc.VNFProfiles = append(doc.VNFProfiles, d.vnfProfile()) })
	several(func() { doc.Residencies = append(doc.Residencies, d.residency()) })
	several(func() { doc.CacheEntries = append(doc.CacheEntries, d.cacheEntry()) })
	return doc
}

func inventorySchema(t testing.TB, name string) *openapi3.Schema {
	t.Helper()
	doc, err := openapi.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas[name].Value
}

// TestConversions proves that what the domain holds comes back from the wire, and that the wire has it as the contract
// says.
func TestConversions(t *testing.T) {
	t.Parallel()
	format := testFormat(t)
	schema := inventorySchema(t, "Inventory")
	rapid.Check(t, func(t *rapid.T) {
		doc := draws{t}.document()
		var back placement.Inventory
		for i := range format.lists {
			list := &format.lists[i]
			err := list.write(doc, func(entry any) error {
				text, err := json.Marshal(entry)
				if err != nil {
					return err
				}
				var v any
				if err := json.Unmarshal(text, &v); err != nil {
					return err
				}
				if err := schema.Properties[list.name].Value.Items.Value.VisitJSON(v); err != nil {
					t.Errorf("%s: %s\ndoes not fit the contract: %v", list.name, text, err)
				}
				in := reading{ageOK: true}
				list.add(&back, text, &in)
				if len(in.faults) > 0 {
					t.Errorf("%s: %s\ncannot be read: %v", list.name, text, in.faults)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(doc, &back); diff != "" {
			t.Errorf("what came back differs (-domain +back):\n%s", diff)
		}
	})
}

func testFormat(t testing.TB) *inventoryFormat {
	t.Helper()
	doc, err := openapi.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	format, err := newInventoryFormat(doc, newInventoryNouns(&Server{}))
	if err != nil {
		t.Fatal(err)
	}
	return format
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s", 600 * time.Minute: "10h",
		20 * time.Minute: "20m", 10 * time.Second: "10s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := durationToWire(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, 1<<62).Draw(t, "duration"))
		if back, err := time.ParseDuration(durationToWire(d)); err != nil || back != d {
			t.Errorf("%v is written %q and read as %v, %v", d, durationToWire(d), back, err)
		}
	})
}

// TestListsOfTheContract proves that every list of the document has its conversion, in the order of the contract.
func TestListsOfTheContract(t *testing.T) {
	t.Parallel()
	format := testFormat(t)
	names := map[string]bool{"apiVersion": true, "kind": true}
	for _, list := range format.lists {
		names[list.name] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(inventorySchema(t, "Inventory").Properties)), slices.Sorted(maps.Keys(names))); diff != "" {
		t.Errorf("lists (-contract +format):\n%s", diff)
	}
}
