package httpapi_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/inventory"
)

// TestInventoryRefusals tries each documented refusal once.
func TestInventoryRefusals(t *testing.T) {
	t.Parallel()
	a := newServer(t, inventory.Options{})
	a.seedFleet()
	domain := func(change object) object {
		return merged(object{"id": "TD-X", "category": "TEST", "sensitivity": 0, "exclusive": false, "requiresPhysicalSecurity": false}, change)
	}
	host := func(change object) object {
		return merged(object{"id": "h9", "nfviPopId": "LON", "resourceZoneId": "LON-A"}, change)
	}
	residency := func(change object) object {
		return merged(object{"id": "r9", "hostId": "h1", "runtime": "runc", "vnfInstanceId": "i", "componentId": "c", "trustDomainId": "TD-A"}, change)
	}
	for _, c := range []struct {
		name     string
		path     string
		body     any
		status   int
		pointers []string
	}{
		{"another key than the path's", "trust_domains/TD-Y", domain(nil), 422, []string{"/id"}},
		{"half of another key", "trust_relations/TD-A/TD-B", object{"fromId": "TD-B", "toId": "TD-B", "handling": "NONE"}, 422, []string{"/fromId"}},
		{"a relation with oneself", "trust_relations/TD-A/TD-A", object{"fromId": "TD-A", "toId": "TD-A", "handling": "NONE"}, 422, []string{"/toId"}},
		{"a relation with nobody", "trust_relations/TD-A/TD-Q", object{"fromId": "TD-A", "toId": "TD-Q", "handling": "NONE"}, 422, []string{"/toId"}},
		{"no JSON", "trust_domains/TD-X", "{", 400, nil},
		{"an unknown attribute", "trust_domains/TD-X", domain(object{"color": "red"}), 422, []string{"/color"}},
		{"an age of nothing", "trust_domains/TD-X", domain(object{"maxAttestationAge": "0s"}), 422, []string{"/maxAttestationAge"}},
		{"a colon in the id of a domain", "trust_domains/TD:X", domain(object{"id": "TD:X"}), 422, []string{"/id"}},
		{"a parent that does not exist", "trust_domains/TD-X", domain(object{"parentId": "TD-Q"}), 422, []string{"/parentId"}},
		{"oneself as a parent", "trust_domains/TD-X", domain(object{"parentId": "TD-X"}), 422, []string{"/parentId"}},
		{"the site that is none", "nfvi_pops/-", object{"id": "-", "country": "GB"}, 422, []string{"/id"}},
		{"a zone of no site", "resource_zones/Z", object{"id": "Z", "nfviPopId": "PAR"}, 422, []string{"/nfviPopId"}},
		{"the site of a zone with hosts", "resource_zones/LON-A", object{"id": "LON-A", "nfviPopId": "DUB"}, 409, nil},
		{"a pool for nobody", "host_pools/p", object{"id": "p", "allowedTrustDomainIds": []string{"TD-Q"}}, 422, []string{"/allowedTrustDomainIds/0"}},
		{"an unknown dimension", "runtime_classes/x", object{"name": "x", "isolation": "VM", "overhead": object{"cpus": 1}}, 422, []string{"/overhead/cpus"}},
		{"no isolation", "runtime_classes/x", object{"name": "x", "isolation": "NONE"}, 422, []string{"/isolation"}},
		{"an unknown capacity", "hosts/h9", host(object{"capacity": object{"ext.": 1}}), 422, []string{"/capacity/ext."}},
		{"a host in no pool that exists", "hosts/h9", host(object{"hostPoolId": "p9"}), 422, []string{"/hostPoolId"}},
		{"a host with a runtime that does not exist", "hosts/h9", host(object{"runtimes": []string{"jails"}}), 422, []string{"/runtimes/0"}},
		{"another site of a host", "hosts/h1", host(object{"id": "h1", "nfviPopId": "DUB", "resourceZoneId": "DUB-A"}), 409, nil},
		{"a zone of another site", "hosts/h9", host(object{"resourceZoneId": "DUB-A"}), 422, []string{"/resourceZoneId"}},
		{"two nodes of one id", "hosts/h9", host(object{"cisNodes": []object{{"id": "n", "form": "VM"}, {"id": "n", "form": "VM"}}}), 422, []string{"/cisNodes/1/id"}},
		{"a node inside nothing", "hosts/h9", host(object{"cisNodes": []object{{"id": "n", "form": "VM", "parentId": "m"}}}), 422, []string{"/cisNodes/0/parentId"}},
		{
			"a node inside bare metal", "hosts/h9",
			host(object{"cisNodes": []object{{"id": "m", "form": "BARE_METAL"}, {"id": "n", "form": "VM", "parentId": "m"}}}), 422,
			[]string{"/cisNodes/1/parentId"},
		},
		{
			"bare metal inside a virtual machine", "hosts/h9",
			host(object{"cisNodes": []object{{"id": "m", "form": "VM"}, {"id": "n", "form": "BARE_METAL", "parentId": "m"}}}), 422,
			[]string{"/cisNodes/1/form"},
		},
		{
			"nodes inside each other", "hosts/h9",
			host(object{"cisNodes": []object{{"id": "m", "form": "VM", "parentId": "n"}, {"id": "n", "form": "VM", "parentId": "m"}}}), 422,
			[]string{"/cisNodes/0/parentId", "/cisNodes/1/parentId"},
		},
		{"an attestation of one's own", "hosts/h9", host(object{"attestation": object{"state": "TRUSTED", "attestedAt": "2026-11-23T09:00:00Z"}}), 422, []string{"/attestation"}},
		{"an age outside of a document", "hosts/h9", host(object{"attestation": object{"state": "TRUSTED", "age": "1m"}}), 422, []string{"/attestation/age"}},
		{"residue of one's own", "hosts/h9", host(object{"residue": []object{{"trustDomainId": "TD-A"}}}), 422, []string{"/residue"}},
		{"a dedication of one's own", "hosts/h9", host(object{"dedicatedTo": object{"identity": "TENANT", "id": "x"}}), 422, []string{"/dedicatedTo"}},
		{"a digest that is none", "images/" + appDigest, object{"digest": appDigest, "layers": []object{{"digest": "latest"}}}, 422, []string{"/layers/0/digest"}},
		{"a profile without components", "vnf_profiles/v", object{"vnfdId": "v", "nfType": "UPF", "trustDomainId": "TD-A", "components": []object{}}, 422, []string{"/components"}},
		{
			"components of one id, and interfaces that end nowhere or twice", "vnf_profiles/v",
			object{"vnfdId": "v", "nfType": "UPF", "trustDomainId": "TD-A", "components": []object{
				{"id": "a", "interfaces": []object{
					{"name": "N2", "kind": "CONTROL", "via": "q"},
					{"name": "N3", "kind": "API", "peerComponentId": "q"},
					{"name": "N4", "kind": "API", "peer": "UE", "peerTrustDomainId": "TD-B"},
					{"name": "N6", "kind": "API", "via": "a"},
				}},
				{"id": "a"},
			}},
			422,
			[]string{"/components/0/interfaces/0/via", "/components/0/interfaces/1/peerComponentId", "/components/0/interfaces/2", "/components/0/interfaces/3/via", "/components/1/id"},
		},
		{"a profile of no domain", "vnf_profiles/v", object{"vnfdId": "v", "nfType": "UPF", "trustDomainId": "TD-Q", "components": []object{{"id": "a"}}}, 422, []string{"/trustDomainId"}},
		{"a workload of nobody", "residencies/r9", object{"id": "r9", "hostId": "h1", "runtime": "runc"}, 422, []string{"/vnfInstanceId", "/componentId", "/trustDomainId"}},
		{"a workload nowhere", "residencies/r9", residency(object{"hostId": "h99"}), 422, []string{"/hostId"}},
		{"a workload on no node", "residencies/r9", residency(object{"cisNodeId": "n99"}), 422, []string{"/cisNodeId"}},
		{"a reservation without a grant", "residencies/r9", residency(object{"state": "RESERVED"}), 422, []string{"/state"}},
		{"a grant of one's own", "residencies/r9", residency(object{"grantId": "g", "expiresAt": "2027-01-01T00:00:00Z"}), 422, []string{"/grantId", "/expiresAt"}},
		{"fabric without images", "residencies/r9", residency(object{"kind": "FABRIC"}), 422, []string{"/images"}},
		{"fabric that the pool does not list", "residencies/r9", residency(object{"kind": "FABRIC", "images": []string{appDigest}}), 422, []string{"/images/0"}},
		{"a shared entry of somebody", "cache_entries/h1/" + baseDigest, object{"hostId": "h1", "digest": baseDigest, "mode": "SHARED", "trustDomainId": "TD-A"}, 422, []string{"/trustDomainId"}},
		{"a cache nowhere", "cache_entries/h99/" + baseDigest, object{"hostId": "h99", "digest": baseDigest, "mode": "SHARED"}, 422, []string{"/hostId"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := a.on(t).do(call{as: "operator", method: "PUT", path: "/inventory/v1/" + c.path, body: c.body}).problem(c.status)
			if diff := cmp.Diff(c.pointers, pointers(p)); diff != "" {
				t.Errorf("%v\npointers (-want +got):\n%s", p, diff)
			}
			if c.status == 422 && strings.Contains(fmt.Sprint(p["detail"]), "document") {
				t.Errorf("one resource is no document: %v", p["detail"])
			}
		})
	}
}

func merged(a, b object) object {
	out := object{}
	for _, o := range []object{a, b} {
		maps.Copy(out, o)
	}
	return out
}

// Amounts are as large as the contract lets them be, wherever they are added up.
func TestLargeAmounts(t *testing.T) {
	t.Parallel()
	const most = 1<<53 - 1
	amounts := object{"cpuMillis": most, "memoryMiB": most, "gpus": most, "ext.bandwidth": most}
	a := newFleet(t)
	a.do(call{
		as: "operator", method: "PATCH", path: "/inventory/v1/hosts/h1", body: object{"capacity": amounts}, header: map[string]string{"Content-Type": "application/merge-patch+json"},
	}).want(200)
	path := "/inventory/v1/residencies/large"
	body := object{
		"id": "large", "hostId": "h1", "vnfInstanceId": "i9", "componentId": "c", "trustDomainId": "TD-A", "runtime": "runc", "resources": amounts,
	}
	a.do(call{as: "operator", method: "PUT", path: path, body: body}).want(201)
	a.do(call{as: "operator", method: "PUT", path: path, body: body}).want(200)
	a.do(call{as: "operator", method: "DELETE", path: path}).want(204)
}
