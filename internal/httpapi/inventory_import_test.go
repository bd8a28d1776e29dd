package httpapi_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

const yamlMedia = "application/yaml"

func (a *api) importDocument(as, mediaType, content string) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: "/inventory/v1/imports", body: content, header: map[string]string{"Content-Type": mediaType}})
}

func (a *api) export(accept string) answer {
	a.t.Helper()
	return a.do(call{as: "auditor", path: "/inventory/v1/export", header: map[string]string{"Accept": accept}}).want(200)
}

// world is a document with every list, everything that it refers to, and what only an import may set in dev.
func world(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/world.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExportIsAFixedPoint proves that what was exported can be imported into another server, and is exported by it as
// the same bytes, in both formats.
func TestExportIsAFixedPoint(t *testing.T) {
	t.Parallel()
	first := newAPI(t)
	result := first.importDocument("operator", yamlMedia, world(t)).want(200).object()
	counts := object{"created": 1.0, "updated": 0.0, "unchanged": 0.0}
	if diff := cmp.Diff(any(counts), result["counts"].(object)["vnfProfiles"]); diff != "" || result["policyEpoch"] == nil || result["changeSeq"] == "" {
		t.Errorf("result %v\n%s", result, diff)
	}
	for _, mediaType := range []string{"application/json", yamlMedia} {
		exported := first.export(mediaType)
		if got := exported.header.Get("Content-Type"); got != mediaType {
			t.Errorf("Content-Type %s, want %s", got, mediaType)
		}
		second := newAPI(t)
		second.importDocument("operator", mediaType, string(exported.body)).want(200)
		if diff := cmp.Diff(string(exported.body), string(second.export(mediaType).body)); diff != "" {
			t.Errorf("exported by the second server (-first +second):\n%s", diff)
		}
		// Where it came from it changes nothing.
		again := first.importDocument("operator", mediaType, string(exported.body)).want(200).object()
		for list, n := range again["counts"].(object) {
			if c := n.(object); c["created"] != 0.0 || c["updated"] != 0.0 {
				t.Errorf("%s: imported again: %v", list, c)
			}
		}
		if again["policyEpoch"] != result["policyEpoch"] {
			t.Errorf("imported again: epoch %v, was %v", again["policyEpoch"], result["policyEpoch"])
		}
	}
	first.do(call{as: "auditor", path: "/inventory/v1/export", header: map[string]string{"Accept": "text/html"}}).problem(406)
}

// TestExportOutsideDev proves that an export can be imported where it came from although it states facts that an import
// may not set there.
func TestExportOutsideDev(t *testing.T) {
	t.Parallel()
	a := newServer(t, inventory.Options{})
	doc := fleet()
	if _, err := a.store.Import(t.Context(), doc, true, placement.EndRules{}, "seed", nil); err != nil {
		t.Fatal(err)
	}
	a.policyInForce()
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).want(201)
	exported := a.export("application/json")
	if !bytes.Contains(exported.body, []byte(`"attestation"`)) || !bytes.Contains(exported.body, []byte(`"grantId"`)) {
		t.Fatalf("the export states no facts: %s", exported.body)
	}
	a.importDocument("operator", "application/json", string(exported.body)).want(200)
	if diff := cmp.Diff(string(exported.body), string(a.export("application/json").body)); diff != "" {
		t.Errorf("imported where it came from (-before +after):\n%s", diff)
	}
	forged := strings.Replace(string(exported.body), `"state":"TRUSTED"`, `"state":"UNTRUSTED"`, 1)
	p := a.importDocument("operator", "application/json", forged).problem(422)
	if diff := cmp.Diff([]string{"NOT_ALLOWED /hosts/0/attestation"}, findings(p)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	elsewhere := newServer(t, inventory.Options{})
	p = elsewhere.importDocument("operator", "application/json", string(exported.body)).problem(422)
	want := []string{
		"NOT_ALLOWED /hosts/0/attestation", "NOT_ALLOWED /hosts/1/attestation",
		"NOT_ALLOWED /residencies/0/expiresAt", "NOT_ALLOWED /residencies/0/grantId", "NOT_ALLOWED /residencies/0/state",
	}
	if diff := cmp.Diff(want, findings(p)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func (a *api) policyInForce() {
	a.t.Helper()
	id := a.policy("1.0.0", separation("1.0.0"))
	a.do(call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: object{"activationStatus": "ACTIVATED"}}).want(200)
}

// findings lists codes and pointers of a problem, in its order.
func findings(p object) []string {
	var out []string
	list, _ := p["findings"].([]any)
	for _, f := range list {
		out = append(out, fmt.Sprintf("%v %v", f.(object)["code"], f.(object)["pointer"]))
	}
	return out
}

// TestImportIsAllOrNothing proves that every fault is told at once, those of the schema, of single entries and of
// references, in the order of the document, and that nothing is applied.
func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	a := newServer(t, inventory.Options{})
	a.seedFleet()
	before := a.export("application/json").body
	document := `apiVersion: ringfence/v1
kind: Inventory
nfviPops:
  - {id: PAR, country: FR}
hosts:
  - id: h20
    hostPool: P1
    nfviPopId: LON
    resourceZoneId: LON-A
  - id: h21
    nfviPopId: LON
    resourceZoneId: LON-C
    capacity: {cpus: 4}
    attestation: {state: TRUSTED, age: 1m}
  - id: h20
    nfviPopId: PAR
    resourceZoneId: LON-A
residencies:
  - {id: r1, hostId: h20, runtime: runc, vnfInstanceId: i, componentId: c, trustDomainId: TD-A, exposed: maybe}
  - {id: r2, hostId: h99, runtime: jails, vnfInstanceId: i, componentId: c}
`
	p := a.importDocument("operator", yamlMedia, document).problem(422)
	var got []string
	for _, f := range p["findings"].([]any) {
		o := f.(object)
		got = append(got, fmt.Sprintf("%v:%v %v %v", o["line"], o["column"], o["code"], o["pointer"]))
	}
	want := []string{
		"7:5 UNKNOWN_ATTRIBUTE /hosts/0/hostPool",
		"12:21 UNKNOWN_REFERENCE /hosts/1/resourceZoneId",
		"13:22 UNKNOWN_DIMENSION /hosts/1/capacity/cpus",
		"14:18 NOT_ALLOWED /hosts/1/attestation",
		"15:5 DUPLICATE /hosts/2",
		"17:21 WRONG_POP /hosts/2/resourceZoneId",
		"19:106 WRONG_TYPE /residencies/0/exposed",
		"20:5 MISSING /residencies/1/trustDomainId",
		"20:22 UNKNOWN_REFERENCE /residencies/1/hostId",
		"20:36 UNKNOWN_REFERENCE /residencies/1/runtime",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s\n%v", diff, p["detail"])
	}
	if detail := fmt.Sprint(p["detail"]); detail != "the document has 10 faults; nothing was imported" {
		t.Errorf("detail %q", detail)
	}
	if diff := cmp.Diff(string(before), string(a.export("application/json").body)); diff != "" {
		t.Errorf("something was applied:\n%s", diff)
	}
}

// TestImportRefusals tries what is no document, and what only one of the parties may say.
func TestImportRefusals(t *testing.T) {
	t.Parallel()
	a := newServer(t, inventory.Options{})
	a.seedFleet()
	fabric := "kind: Inventory\nhostPools: [{id: P1, allowedTrustDomainIds: [TD-A], fabricDigests: ['" + baseDigest + "']}]\n" +
		"residencies: [{id: f1, hostId: h1, runtime: runc, kind: FABRIC, images: ['%s'], privileged: [PRIVILEGED]}]\n"
	for name, c := range map[string]struct {
		media, content string
		status         int
		findings       []string
	}{
		"no JSON":                       {"application/json", "kind: Inventory", 400, nil},
		"no YAML":                       {yamlMedia, "kind: [", 400, nil},
		"no text":                       {yamlMedia, "kind: \xff", 400, nil},
		"another media type":            {"text/plain", "kind: Inventory", 415, nil},
		"a policy":                      {yamlMedia, "kind: TrustDomainPolicy", 422, []string{"INVALID /kind"}},
		"residue":                       {yamlMedia, "kind: Inventory\nhosts: [{id: h1, nfviPopId: LON, resourceZoneId: LON-A, residue: [{trustDomainId: TD-A}]}]", 422, []string{"NOT_ALLOWED /hosts/0/residue"}},
		"a dedication":                  {yamlMedia, "kind: Inventory\nhosts: [{id: h1, nfviPopId: LON, resourceZoneId: LON-A, dedicatedTo: {identity: TENANT, id: x}}]", 422, []string{"NOT_ALLOWED /hosts/0/dedicatedTo"}},
		"a reservation":                 {yamlMedia, "kind: Inventory\nresidencies: [{id: r, hostId: h1, runtime: runc, vnfInstanceId: i, componentId: c, trustDomainId: TD-A, state: RESERVED}]", 422, []string{"NOT_ALLOWED /residencies/0/state"}},
		"fabric that no pool lists":     {yamlMedia, fmt.Sprintf(fabric, appDigest), 422, []string{"NOT_ALLOWED /residencies/0/images/0"}},
		"fabric of the document's pool": {yamlMedia, fmt.Sprintf(fabric, baseDigest), 200, nil},
		"nothing but the kind":          {yamlMedia, "kind: Inventory", 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.on(t).importDocument("operator", c.media, c.content).want(c.status)
			if diff := cmp.Diff(c.findings, findings(got.object())); diff != "" {
				t.Errorf("%s\nfindings (-want +got):\n%s", got.body, diff)
			}
		})
	}
}

// TestImportInDev proves that an import in the dev profile sets facts, and still not any.
func TestImportInDev(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	host := func(attestation string) string {
		return "kind: Inventory\nhosts: [{id: h1, nfviPopId: LON, resourceZoneId: LON-A, hostPoolId: P1, attestation: " + attestation + "}]"
	}
	for attestation, want := range map[string][]string{
		"{state: TRUSTED}": {"MISSING /hosts/0/attestation/attestedAt"},
		"{state: UNTRUSTED, attestedAt: '2199-01-01T00:00:00Z'}":                     {"INVALID /hosts/0/attestation/attestedAt"},
		"{state: TRUSTED, age: 1m, validUntil: '2020-01-01T00:00:00Z'}":              {"INVALID /hosts/0/attestation/validUntil"},
		"{state: TRUSTED, age: 1m, attestedAt: '2026-01-01T00:00:00Z', verifier: v}": {"INVALID /hosts/0/attestation/age"},
	} {
		if diff := cmp.Diff(want, findings(a.importDocument("operator", yamlMedia, host(attestation)).problem(422))); diff != "" {
			t.Errorf("%s: findings (-want +got):\n%s", attestation, diff)
		}
	}
	a.importDocument("operator", yamlMedia, host("{state: UNTRUSTED, verifier: v}")).want(200)
	if got := a.host("h1")["attestation"].(object); got["state"] != "UNTRUSTED" || got["attestedAt"] == nil {
		t.Errorf("attestation %v", got)
	}
	a.importDocument("operator", yamlMedia, `kind: Inventory
residencies: [{id: r1, hostId: h1, runtime: runc, vnfInstanceId: i, componentId: c, trustDomainId: TD-A, state: UNCONFIRMED}]`).want(200)
	p := a.importDocument("operator", yamlMedia, `kind: Inventory
residencies: [{id: r1, hostId: h1, runtime: runc, vnfInstanceId: i, componentId: c, trustDomainId: TD-A, grantId: g1}]`).problem(422)
	if diff := cmp.Diff([]string{"NOT_ALLOWED /residencies/0/grantId"}, findings(p)); diff != "" {
		t.Error(diff)
	}
}
