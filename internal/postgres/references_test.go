package postgres

import (
	"slices"
	"testing"

	"ringfence/internal/placement"
)

// TestReferencesOfDocuments spoils a good document in one place each. The good one has no findings.
func TestReferencesOfDocuments(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	for _, c := range []struct {
		name  string
		spoil func(*placement.Inventory)
		want  []string
	}{
		{"nothing", func(*placement.Inventory) {}, nil},
		{"parent", func(d *placement.Inventory) { d.TrustDomains[1].ParentID = "TD-NONE" }, []string{"UNKNOWN_REFERENCE /trustDomains/1/parentId"}},
		{"own parent", func(d *placement.Inventory) { d.TrustDomains[0].ParentID = "TD-SLICE" }, []string{"CYCLE /trustDomains/0/parentId", "CYCLE /trustDomains/1/parentId"}},
		{"colon", func(d *placement.Inventory) {
			d.TrustDomains = append(d.TrustDomains, placement.TrustDomain{ID: "a:b"})
		}, []string{"INVALID /trustDomains/3/id"}},
		{"relation", func(d *placement.Inventory) { d.TrustRelations[0].ToID = "TD-NONE" }, []string{"UNKNOWN_REFERENCE /trustRelations/0/toId"}},
		{"relation to itself", func(d *placement.Inventory) { d.TrustRelations[0].ToID = "TD-CP" }, []string{"INVALID /trustRelations/0/toId"}},
		{"zone", func(d *placement.Inventory) { d.ResourceZones[0].NFVIPoPID = "" }, []string{"UNKNOWN_REFERENCE /resourceZones/0/nfviPopId", "WRONG_POP /hosts/2/resourceZoneId"}},
		{"pool", func(d *placement.Inventory) { d.HostPools[1].AllowedTrustDomainIDs[0] = "TD-NONE" }, []string{"UNKNOWN_REFERENCE /hostPools/1/allowedTrustDomainIds/0"}},
		{"host's pool", func(d *placement.Inventory) { d.Hosts[1].HostPoolID = "pool-none" }, []string{"UNKNOWN_REFERENCE /hosts/1/hostPoolId"}},
		{"host's zone", func(d *placement.Inventory) { d.Hosts[1].ResourceZoneID = "DUB-A" }, []string{"WRONG_POP /hosts/1/resourceZoneId"}},
		{"host's runtime", func(d *placement.Inventory) { d.Hosts[1].Runtimes[1] = "none" }, []string{"UNKNOWN_REFERENCE /hosts/1/runtimes/1"}},
		{"node's runtime", func(d *placement.Inventory) { d.Hosts[0].CISNodes[0].Runtimes[0] = "none" }, []string{"UNKNOWN_REFERENCE /hosts/0/cisNodes/0/runtimes/0"}},
		{"node's parent", func(d *placement.Inventory) { d.Hosts[0].CISNodes[0].ParentID = "none" }, []string{"UNKNOWN_REFERENCE /hosts/0/cisNodes/0/parentId"}},
		{"node twice", func(d *placement.Inventory) {
			d.Hosts[0].CISNodes = append(d.Hosts[0].CISNodes, d.Hosts[0].CISNodes[0])
		}, []string{"DUPLICATE /hosts/0/cisNodes/1/id"}},
		{"residue", func(d *placement.Inventory) { d.Hosts[0].Residue = []placement.Residue{{TrustDomainID: "TD-NONE"}} }, []string{"UNKNOWN_REFERENCE /hosts/0/residue/0/trustDomainId"}},
		{"dimension", func(d *placement.Inventory) { d.Hosts[0].Capacity["cpus"] = 1 }, []string{"UNKNOWN_DIMENSION /hosts/0/capacity"}},
		{"negative amount", func(d *placement.Inventory) { d.Hosts[0].Capacity["ext.fpga"] = -1 }, []string{"NEGATIVE /hosts/0/capacity"}},
		{"overhead", func(d *placement.Inventory) { d.RuntimeClasses[0].Overhead["x"] = 1 }, []string{"UNKNOWN_DIMENSION /runtimeClasses/0/overhead"}},
		{"profile's domain", func(d *placement.Inventory) { d.VNFProfiles[0].TrustDomainID = "TD-NONE" }, []string{"UNKNOWN_REFERENCE /vnfProfiles/0/trustDomainId"}},
		{"component", func(d *placement.Inventory) {
			c := &d.VNFProfiles[0].Components[0]
			c.TrustDomainID, c.Runtime, c.AdministersHostPools = "TD-NONE", "none", []string{"pool-none"}
			c.Interfaces[0] = placement.Interface{PeerTrustDomainID: "TD-NONE", Via: "x", PeerComponentID: "y"}
		}, []string{
			"UNKNOWN_REFERENCE /vnfProfiles/0/components/0/trustDomainId", "UNKNOWN_REFERENCE /vnfProfiles/0/components/0/runtime",
			"UNKNOWN_REFERENCE /vnfProfiles/0/components/0/administersHostPoolIds/0",
			"UNKNOWN_REFERENCE /vnfProfiles/0/components/0/interfaces/0/peerTrustDomainId",
			"UNKNOWN_REFERENCE /vnfProfiles/0/components/0/interfaces/0/via", "UNKNOWN_REFERENCE /vnfProfiles/0/components/0/interfaces/0/peerComponentId",
		}},
		{"residency's host", func(d *placement.Inventory) { d.Residencies[2].HostID = "none" }, []string{"UNKNOWN_REFERENCE /residencies/2/hostId"}},
		{"residency's node", func(d *placement.Inventory) { d.Residencies[2].CISNodeID = "h01-vm" }, []string{"UNKNOWN_REFERENCE /residencies/2/cisNodeId"}},
		{"residency's workload", func(d *placement.Inventory) {
			w := &d.Residencies[1].Workload
			w.TrustDomainID, w.Runtime, w.AdministersHostPools = "TD-NONE", "none", []string{"pool-none"}
		}, []string{
			"UNKNOWN_REFERENCE /residencies/1/trustDomainId", "UNKNOWN_REFERENCE /residencies/1/runtime", "UNKNOWN_REFERENCE /residencies/1/administersHostPoolIds/0",
		}},
		{"anonymous workload", func(d *placement.Inventory) { d.Residencies[1].Workload.ComponentID = "" }, []string{"MISSING /residencies/1"}},
		{"FABRIC without a domain", func(d *placement.Inventory) {
			d.Residencies[1].Kind, d.Residencies[1].Workload.ComponentID, d.Residencies[1].Workload.TrustDomainID = placement.ResidencyFabric, "", ""
		}, nil},
		{"cache", func(d *placement.Inventory) {
			d.CacheEntries[0].HostID, d.CacheEntries[0].TrustDomainID, d.CacheEntries[0].Digest = "none", "TD-NONE", "a/b"
		}, []string{
			"UNKNOWN_REFERENCE /cacheEntries/0/hostId", "UNKNOWN_REFERENCE /cacheEntries/0/trustDomainId", "INVALID /cacheEntries/0/digest",
		}},
		{"twice", func(d *placement.Inventory) { d.Images = append(d.Images, d.Images[0]) }, []string{"DUPLICATE /images/1"}},
		{"no key", func(d *placement.Inventory) { d.NFVIPoPs = append(d.NFVIPoPs, placement.NFVIPoP{}) }, []string{"MISSING /nfviPops/2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc := smallInventory()
			c.spoil(&doc)
			err := checkReferences(t.Context(), s.pool, &doc)
			if c.want != nil {
				wantFindings(t, err, c.want...)
			} else if err != nil {
				t.Error(findingsOf(err))
			}
		})
	}
}

// TestReferencesToTheDatabase refers only to what is stored.
func TestReferencesToTheDatabase(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	full := smallInventory()
	doc := placement.Inventory{Hosts: full.Hosts, Residencies: full.Residencies, CacheEntries: full.CacheEntries, TrustRelations: full.TrustRelations}
	if err := checkReferences(t.Context(), s.pool, &doc); err != nil {
		t.Fatal(findingsOf(err))
	}
	if doc.Residencies[2].NFVIPoPID != "DUB" || doc.CacheEntries[0].NFVIPoPID != "LON" {
		t.Errorf("the NFVI-PoPs of hosts were not filled in: %+v", doc)
	}
	doc = placement.Inventory{Residencies: slices.Clone(full.Residencies)}
	doc.Residencies[0].CISNodeID = "h01-vm"
	if err := checkReferences(t.Context(), s.pool, &doc); err != nil {
		t.Errorf("a CIS node of a stored host: %v", findingsOf(err))
	}
}

// TestCheckDocument says what an import would refuse, and changes nothing.
func TestCheckDocument(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	doc := smallInventory()
	if err := s.CheckDocument(t.Context(), &doc); err != nil {
		t.Error(findingsOf(err))
	}
	doc.Hosts[0].HostPoolID = "none"
	wantFindings(t, s.CheckDocument(t.Context(), &doc), "UNKNOWN_REFERENCE /hosts/0/hostPoolId")
	_, err := s.GetHost(t.Context(), "h01")
	wantKind(t, err, placement.NotFound)
}

// TestManyFaults reports the first of them and counts all.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	doc := placement.Inventory{}
	for range maxFindings + 10 {
		doc.NFVIPoPs = append(doc.NFVIPoPs, placement.NFVIPoP{})
	}
	err := checkReferences(t.Context(), s.pool, &doc)
	if n := len(findingsOf(err)); n != maxFindings {
		t.Errorf("%d findings, want %d", n, maxFindings)
	}
	wantKind(t, err, placement.Invalid)
}
