package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

const (
	baseDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	appDigest  = "sha256:9f2c1d4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f"
)

// resourceCase is one noun of the inventory: a resource that refers only to the fleet of these tests, and a patch.
type resourceCase struct {
	path    string // of the collection
	key     []string
	body    object
	patch   object
	patched object // what the patch changes
	epoch   bool   // whether the contract says that a change moves the epoch
}

func (c resourceCase) uri() string {
	uri := "/inventory/v1/" + c.path
	for _, k := range c.key {
		uri += "/" + url.PathEscape(k)
	}
	return uri
}

func resourceCases() []resourceCase {
	return []resourceCase{
		{
			path: "trust_domains", key: []string{"TD-NEW"}, epoch: true,
			body: object{
				"id": "TD-NEW", "name": "New", "category": "EXPOSURE", "sensitivity": 2, "exclusive": false, "requiresPhysicalSecurity": true,
				"allowedCountries": []string{"GB"}, "maxAttestationAge": "24h", "minIsolation": "VM", "snssais": []string{"1-0000A1"}, "parentId": "TD-A",
			},
			patch: object{"allowedCountries": []string{}, "name": nil}, patched: object{"allowedCountries": []any{}, "name": nil},
		},
		{
			path: "trust_relations", key: []string{"TD-A", "TD-B"}, epoch: true, body: object{"fromId": "TD-A", "toId": "TD-B", "handling": "PROTECTED"},
			patch: object{"handling": "BORDER"}, patched: object{"handling": "BORDER"},
		},
		{path: "nfvi_pops", key: []string{"DUB"}, body: object{"id": "DUB", "country": "IE"}, patch: object{"country": "GB"}, patched: object{"country": "GB"}},
		{
			path: "resource_zones", key: []string{"LON-Z"}, body: object{"id": "LON-Z", "nfviPopId": "LON", "zoneGroupIds": []string{"south"}},
			patch: object{"zoneGroupIds": nil}, patched: object{"zoneGroupIds": nil},
		},
		{
			path: "host_pools", key: []string{"p/1"}, epoch: true, body: object{"id": "p/1", "allowedTrustDomainIds": []string{"TD-A"}, "fabricDigests": []string{baseDigest}},
			patch: object{"allowedTrustDomainIds": []string{"TD-B"}}, patched: object{"allowedTrustDomainIds": []any{"TD-B"}},
		},
		{
			path: "runtime_classes", key: []string{"gvisor"}, epoch: true, body: object{"name": "gvisor", "isolation": "SANDBOX", "overhead": object{"cpuMillis": 10}},
			patch: object{"overhead": object{"memoryMiB": 20}}, patched: object{"overhead": object{"cpuMillis": 10.0, "memoryMiB": 20.0}},
		},
		{
			path: "hosts", key: []string{"h9"},
			body: object{
				"id": "h9", "hostPoolId": "P1", "nfviPopId": "LON", "resourceZoneId": "LON-A", "rackId": "r2", "country": "GB", "physicallySecure": true,
				"location": object{"source": "dcim", "assertedAt": "2026-11-01T00:00:00Z"}, "hypervisorClass": "TYPE1", "runtimes": []string{"kata", "runc"},
				"capabilities": []string{"TPM2", "ENC_STORAGE"}, "capacity": object{"cpuMillis": 64000, "ext.licences": 3}, "labels": object{"generation": "gen3"},
				"vimConnectionId": "k8s", "vimZoneId": "nova:9", "lifecycle": "IN_SERVICE",
				"cisNodes": []object{
					{"id": "w1", "form": "VM", "clusterId": "c1", "nodeName": "n1", "hypervisorClass": "NONE", "runtimes": []string{"runc"}, "hostObservedAt": "2026-11-23T09:58:30Z"},
				},
			},
			patch:   object{"lifecycle": "CORDONED", "lifecycleReason": "firmware", "capacity": object{"ext.licences": nil}},
			patched: object{"lifecycle": "CORDONED", "lifecycleReason": "firmware", "capacity": object{"cpuMillis": 64000.0}},
		},
		{
			path: "images", key: []string{appDigest},
			body: object{
				"digest": appDigest, "reference": "registry.example.com/upf/oam:4.2.1", "kind": "VM_IMAGE", "sensitivity": 2,
				"layers": []object{{"digest": baseDigest, "diffId": baseDigest, "sizeBytes": 29150000}},
			},
			patch: object{"containsSecrets": true, "layers": nil}, patched: object{"containsSecrets": true, "layers": nil},
		},
		{
			path: "vnf_profiles", key: []string{"vnfd-new"}, epoch: true,
			body: object{
				"vnfdId": "vnfd-new", "nfType": "UPF", "trustDomainId": "TD-A",
				"components": []object{
					{
						"id": "pfe", "roles": []string{"USER_HANDLING"}, "runtime": "runc", "cutThrough": []string{"SRIOV"}, "resources": object{"cpuMillis": 8000},
						"interfaces": []object{{"name": "N3", "kind": "USER_PLANE", "peer": "UE"}, {"name": "N4", "kind": "CONTROL", "peerTrustDomainId": "TD-B", "via": "oam"}},
					},
					{"id": "oam", "roles": []string{"NETWORK_MANAGEMENT"}, "isolation": "VM", "images": []string{appDigest}, "administersHostPoolIds": []string{"P1"}, "privileged": []string{"HOST_PID"}},
				},
			},
			patch: object{"trustDomainId": "TD-B"}, patched: object{"trustDomainId": "TD-B"},
		},
		{
			path: "residencies", key: []string{"upf-1.pfe-0"},
			body: object{
				"id": "upf-1.pfe-0", "hostId": "h1", "vnfInstanceId": "upf-1", "componentId": "pfe", "trustDomainId": "TD-A", "roles": []string{"USER_HANDLING"},
				"exposed": true, "runtime": "runc", "cutThrough": []string{"SRIOV"}, "resources": object{"cpuMillis": 800}, "kind": "WORKLOAD", "state": "RUNNING",
				"nf": object{"nfType": "UPF", "instanceKey": "u1", "nfSetId": "s1"}, "podId": "pod-1",
			},
			patch: object{"vimResourceIds": []string{"5c1e"}, "state": "TERMINATING"}, patched: object{"vimResourceIds": []any{"5c1e"}, "state": "TERMINATING"},
		},
		{
			path: "cache_entries", key: []string{"h1", appDigest},
			body:  object{"hostId": "h1", "digest": appDigest, "mode": "DOMAIN_PRIVATE", "trustDomainId": "TD-A", "observedAt": "2026-11-23T09:58:30Z"},
			patch: object{"mode": "ENCRYPTED"}, patched: object{"mode": "ENCRYPTED"},
		},
	}
}

// TestInventoryResources walks the life of a resource of every noun.
func TestInventoryResources(t *testing.T) {
	t.Parallel()
	for _, c := range resourceCases() {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			newFleet(t).walk(c)
		})
	}
}

// on lends the server to a subtest.
func (a *api) on(t *testing.T) *api {
	t.Helper()
	lent := *a
	lent.t = t
	return &lent
}

func (a *api) walk(c resourceCase) {
	a.t.Helper()
	op := func(method string, body any, header map[string]string) answer {
		if method == "PATCH" {
			if header == nil {
				header = map[string]string{}
			}
			header["Content-Type"] = "application/merge-patch+json"
		}
		return a.do(call{as: "operator", method: method, path: c.uri(), body: body, header: header})
	}
	op("GET", nil, nil).problem(404)
	op("PATCH", c.patch, nil).problem(404)
	op("PUT", c.body, map[string]string{"If-Match": `"1"`}).problem(412)
	before := a.epoch()
	created := op("PUT", c.body, map[string]string{"If-None-Match": "*"}).want(201)
	if got, want := created.header.Get("Location"), a.url+c.uri(); got != want {
		a.t.Errorf("Location %s, want %s", got, want)
	}
	if c.epoch && a.epoch() == before {
		a.t.Error("creating does not move the epoch")
	}
	stored := created.object()
	if diff := cmp.Diff(roundTrip(a.t, c.body), within(stored, c.body)); diff != "" {
		a.t.Errorf("created (-sent +stored):\n%s", diff)
	}
	op("PUT", c.body, map[string]string{"If-None-Match": "*"}).problem(412)
	read := op("GET", nil, nil).want(200)
	if diff := cmp.Diff(stored, read.object()); diff != "" || read.header.Get("ETag") != created.header.Get("ETag") {
		a.t.Errorf("read (-created +read):\n%s", diff)
	}
	op("GET", nil, map[string]string{"If-None-Match": read.header.Get("ETag")}).want(304)
	same := op("PUT", stored, nil).want(200)
	if same.header.Get("ETag") != read.header.Get("ETag") {
		a.t.Errorf("a PUT of what is stored changes the ETag from %s to %s", read.header.Get("ETag"), same.header.Get("ETag"))
	}
	patched := op("PATCH", c.patch, map[string]string{"If-Match": read.header.Get("ETag")}).want(200)
	for name, want := range c.patched {
		if diff := cmp.Diff(want, patched.object()[name]); diff != "" {
			a.t.Errorf("patched %s (-want +got):\n%s", name, diff)
		}
	}
	op("PATCH", c.patch, map[string]string{"If-Match": read.header.Get("ETag")}).problem(412)
	op("PUT", c.body, map[string]string{"If-Match": read.header.Get("ETag")}).problem(412)
	op("PATCH", object{"surprise": 1}, nil).problem(422)
	if got := a.entry(c); got == nil {
		a.t.Errorf("the list does not hold %v", c.key)
	} else if diff := cmp.Diff(patched.object(), got); diff != "" {
		a.t.Errorf("in the list (-read +listed):\n%s", diff)
	}
	op("DELETE", nil, map[string]string{"If-Match": read.header.Get("ETag")}).problem(412)
	op("DELETE", nil, nil).want(204)
	op("DELETE", nil, nil).problem(404)
}

func roundTrip(t testing.TB, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	answer{t: t, body: text}.into(&out)
	return out
}

// within keeps of what is stored the attributes that were sent, with lists of names in any order.
func within(stored, sent object) object {
	kept := object{}
	for name := range sent {
		kept[name] = stored[name]
		if list, ok := stored[name].([]any); ok && name == "capabilities" {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(b), fmt.Sprint(a)) })
		}
	}
	return kept
}

// entry finds a resource in its list, by filters on its key.
func (a *api) entry(c resourceCase) object {
	a.t.Helper()
	names := map[string][]string{
		"trust_relations": {"fromId", "toId"}, "runtime_classes": {"name"}, "images": {"digest"}, "vnf_profiles": {"vnfdId"}, "cache_entries": {"hostId", "digest"},
	}[c.path]
	if names == nil {
		names = []string{"id"}
	}
	var filters []string
	for i, name := range names {
		filters = append(filters, fmt.Sprintf("(eq,%s,%s)", name, c.key[i]))
	}
	list := a.do(call{as: "auditor", path: "/inventory/v1/" + c.path + "?filter=" + url.QueryEscape(strings.Join(filters, ";"))}).want(200).list()
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

func (a *api) epoch() int64 {
	a.t.Helper()
	epoch, err := a.store.Epoch(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	return epoch
}

// seedFleet gives the server the fleet of these tests and a second site.
func (a *api) seedFleet() {
	a.t.Helper()
	if _, err := a.store.Import(a.t.Context(), fleet(), true, placement.EndRules{}, "seed", nil); err != nil {
		a.t.Fatal(err)
	}
	a.do(call{as: "operator", method: "PUT", path: "/inventory/v1/nfvi_pops/DUB", body: object{"id": "DUB", "country": "IE"}}).want(201)
	a.do(call{as: "operator", method: "PUT", path: "/inventory/v1/resource_zones/DUB-A", body: object{"id": "DUB-A", "nfviPopId": "DUB"}}).want(201)
}

// TestInUse proves that nothing is deleted that others refer to.
func TestInUse(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.do(call{as: "operator", method: "PUT", path: "/inventory/v1/residencies/r1", body: object{
		"id": "r1", "hostId": "h1", "runtime": "runc", "vnfInstanceId": "i", "componentId": "c", "trustDomainId": "TD-A",
	}}).want(201)
	for _, path := range []string{"trust_domains/TD-A", "nfvi_pops/LON", "resource_zones/LON-A", "host_pools/P1", "runtime_classes/runc", "hosts/h1"} {
		p := a.do(call{as: "operator", method: "DELETE", path: "/inventory/v1/" + path}).problem(409)
		if !strings.Contains(fmt.Sprint(p["detail"]), "in use by") {
			t.Errorf("%s: %v", path, p["detail"])
		}
	}
}

// TestRolesOfTheInventory proves who may write what.
func TestRolesOfTheInventory(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, c := range []struct {
		as, method, path string
		body             any
		status           int
	}{
		{"auditor", "GET", "hosts", nil, 200},
		{"author", "GET", "hosts/h1", nil, 200},
		{"vnfm-a", "GET", "hosts", nil, 403},
		{"verifier", "GET", "hosts", nil, 403},
		{"auditor", "PUT", "nfvi_pops/LON", object{"id": "LON", "country": "GB"}, 403},
		{"auditor", "POST", "imports", object{"kind": "Inventory"}, 403},
		{"operator", "POST", "hosts/h1/attestations", object{"state": "UNTRUSTED"}, 403},
		{"scrubber", "POST", "hosts/h1/attestations", object{"state": "UNTRUSTED"}, 403},
		{"verifier", "POST", "hosts/h1/attestations", object{"state": "UNTRUSTED"}, 201},
		{"operator", "POST", "hosts/h1/scrub_records", object{"level": "REBOOT", "evidence": "e"}, 403},
		{"verifier", "POST", "hosts/h1/scrub_records", object{"level": "REBOOT", "evidence": "e"}, 403},
		{"scrubber", "POST", "hosts/h1/scrub_records", object{"level": "REBOOT", "evidence": "e"}, 201},
		{"", "GET", "hosts", nil, 401},
	} {
		a.do(call{as: c.as, method: c.method, path: "/inventory/v1/" + c.path, body: c.body}).want(c.status)
	}
}
