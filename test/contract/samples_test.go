package contract

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// samples are requests of others' VNFMs and of the conformance tests, with the components that the VNFD of each must have;
// and how ringfence answers where it has eight empty hosts and a profile of the VNFD.
var samples = map[string]struct {
	vnfdIDs    []string // with a profile; none: the VNFD is to be unknown
	components []string
	version    string // that the client sends
	status     int
	hosts      int // how many different ones are granted
}{
	"tacker/v2-grant-request-INSTANTIATE.json": {[]string{"b1bb0ce7-ebca-4fa7-95ed-4840d7000000"}, []string{"VDU1", "VDU2"}, "1.4.0", 201, 4},
	"tacker/v2-grant-request-CHANGE_VNFPKG.json": {
		[]string{"1440b128-be42-4eed-9c4b-7df4b59c35d2", "b1bb0ce7-ebca-4fa7-95ed-4840d7000000"}, []string{"VDU1", "VDU2"}, "1.4.0", 201, 0,
	},
	"derived/tacker-v1-style-request.json":                {[]string{"0f1b0e7e-0003-4a00-8000-000000000003"}, []string{"VDU_1", "VDU_2"}, "", 201, 2},
	"derived/tacker-v1-style-request.double-encoded.json": {[]string{"0f1b0e7e-0003-4a00-8000-000000000003"}, []string{"VDU_1", "VDU_2"}, "", 201, 2},
	"derived/cnf-r4-request.json":                         {[]string{"0f1b0e7e-0013-4a00-8000-000000000013"}, []string{"amf", "smf"}, "1.10.0", 201, 2},
	"accanto/GrantRequest-INSTANTIATE.json":               {[]string{"4201fa44-0e71-4e18-8641-d2247a4ef024"}, []string{"any"}, "", 201, 0},
	"robot-tst010-v2.4.1/grantRequest.json":               {[]string{"myVnF"}, []string{"any"}, "", 201, 0},
	"robot-tst010-v2.4.1/grantRejectedRequest.json":       {nil, nil, "", 403, 0},
	"robot-tst010-v2.4.1/lcm-api.grantRequest.json":       {[]string{"myVnF"}, []string{"any"}, "", 201, 0},
}

// TestSamples sends every sample: byte for byte as it was found, and to a path with the double slash that the conformance
// tests send.
func TestSamples(t *testing.T) { //nolint:tparallel // one ringfence; two samples are of one operation occurrence
	t.Parallel()
	folder := definitions(t)
	found, err := filepath.Glob(filepath.Join(folder, "*", "*equest*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name, err := filepath.Rel(folder, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, known := samples[filepath.ToSlash(name)]; !known {
			t.Errorf("nobody says how %s is answered", name)
		}
	}
	const fleets = "../scenario/testdata/fleets/"
	bare := start(t, fleets+"grid.yaml", fleets+"plain.policy.yaml")
	for name, s := range samples {
		t.Run(name, func(t *testing.T) {
			c := bare
			for _, id := range s.vnfdIDs {
				putProfile(t, c, id, s.components)
			}
			request := read(t, folder, name)
			c = watched(t, c, "samples of "+strings.Split(name, "/")[0])
			_, answer := send(t, c, s.status, http.MethodPost, "//grant/v1/grants", s.version, request)
			if s.status == http.StatusForbidden {
				if detail := member(answer, "detail"); !strings.Contains(detail, "string") {
					t.Errorf("the refusal does not name the VNFD: %s", detail)
				}
				return
			}
			expectHosts(t, c, request, answer, s.hosts)
		})
	}
}

func putProfile(t *testing.T, c stub.Client, vnfdID string, components []string) {
	t.Helper()
	var list []map[string]any
	for _, id := range components {
		list = append(list, map[string]any{"id": id, "runtime": "kata"})
	}
	profile := map[string]any{"vnfdId": vnfdID, "nfType": "SMF", "trustDomainId": "TD-A", "components": list}
	if _, err := c.Do(t.Context(), http.MethodPut, "/inventory/v1/vnf_profiles/"+vnfdID, profile, nil); err != nil {
		t.Fatal(err)
	}
}

func member(object any, name string) string {
	members, _ := object.(map[string]any)
	value, _ := members[name].(string)
	return value
}

// expectHosts checks a grant as a VNFM does, and counts its hosts.
func expectHosts(t *testing.T, c stub.Client, request []byte, answer any, want int) {
	t.Helper()
	var inner string
	if json.Unmarshal(request, &inner) == nil {
		request = []byte(inner)
	}
	var asked stub.GrantRequest
	if err := json.Unmarshal(request, &asked); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var granted stub.Grant
	if err := json.Unmarshal(text, &granted); err != nil {
		t.Fatal(err)
	}
	if err := (&stub.VNFM{Client: c}).Check(&asked, &granted); err != nil {
		t.Error(err)
	}
	hosts := map[string]bool{}
	for _, host := range granted.Hosts() {
		hosts[host] = true
	}
	if want != 0 && len(hosts) != want {
		t.Errorf("the resources are on %d hosts, want %d: %v", len(hosts), want, granted.Hosts())
	}
}
