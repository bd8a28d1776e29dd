package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// liNames are what is hidden in the place of what is visible, by which a reference can be tried.
var liNames = []struct{ visible, hidden string }{{"TD-A", "TD-LI"}, {"TD-B", "TD-LI"}, {"P1", "P-LI"}, {"h1", "li-1"}}

// liCollections are the lists of an inventory document, by the collection of the records.
var liCollections = map[string]string{
	"trust_domains": "trustDomains", "trust_relations": "trustRelations", "nfvi_pops": "nfviPops", "resource_zones": "resourceZones", "host_pools": "hostPools",
	"runtime_classes": "runtimeClasses", "hosts": "hosts", "images": "images", "vnf_profiles": "vnfProfiles", "residencies": "residencies", "cache_entries": "cacheEntries",
}

// liWrites are writes of whole, correct records that differ from ones that are taken only in that a reference leads to what is
// hidden: as a record, in a document, and as a patch of a record that is there.
func liWrites(t *testing.T) []call {
	t.Helper()
	var out []call
	for _, c := range resourceCases() {
		body := string(mustJSON(t, c.body))
		for _, name := range liNames {
			hiding := strings.NewReplacer(`"`+name.visible+`"`, `"`+name.hidden+`"`)
			if hiding.Replace(body) == body {
				continue
			}
			uri := strings.ReplaceAll(c.uri()+"/", "/"+name.visible+"/", "/"+name.hidden+"/")
			document := `{"apiVersion": "ringfence/v1", "kind": "Inventory", "` + liCollections[c.path] + `": [` + hiding.Replace(body) + `]}`
			out = append(out,
				call{as: "operator", method: http.MethodPut, path: strings.TrimSuffix(uri, "/"), body: hiding.Replace(body)},
				call{as: "operator", method: http.MethodPost, path: "/inventory/v1/imports", body: document})
		}
	}
	domain := object{"id": "TD-X", "category": "LI", "sensitivity": 4, "exclusive": true, "requiresPhysicalSecurity": false}
	out = append(out, call{as: "operator", method: http.MethodPut, path: "/inventory/v1/trust_domains/TD-X", body: domain})
	for path, patch := range map[string]object{
		"trust_domains/TD-B": {"parentId": "TD-LI"}, "host_pools/P2": {"allowedTrustDomainIds": []string{"TD-B", "TD-LI"}}, "hosts/h2": {"hostPoolId": "P-LI"},
		"vnf_profiles/vnfd-b": {"trustDomainId": "TD-LI"},
	} {
		out = append(out, call{as: "operator", method: http.MethodPatch, path: "/inventory/v1/" + path, body: patch, header: mergePatch})
	}
	return out
}

var mergePatch = map[string]string{"Content-Type": "application/merge-patch+json"}

// liControls are the writes that liWrites differ from.
func liControls(t *testing.T) []call {
	t.Helper()
	var out []call
	for _, c := range resourceCases() {
		var body object
		if err := json.Unmarshal(mustJSON(t, c.body), &body); err != nil {
			t.Fatal(err)
		}
		document := object{"apiVersion": "ringfence/v1", "kind": "Inventory", liCollections[c.path]: []object{body}}
		out = append(out, call{as: "operator", method: http.MethodPut, path: c.uri(), body: body},
			call{as: "operator", method: http.MethodPost, path: "/inventory/v1/imports", body: document})
	}
	return out
}

// secrets are the ids of what was decided for lawful interception, and of what was granted.
func (a *api) secrets() (decisions, residencies []string) {
	a.t.Helper()
	for _, d := range a.do(call{as: "root", path: "/placement/v1/decisions"}).want(200).list() {
		decisions = append(decisions, d["id"].(string))
	}
	for _, r := range a.do(call{as: "root", path: "/inventory/v1/residencies"}).want(200).list() {
		residencies = append(residencies, r["id"].(string))
	}
	if len(decisions) != 2 || len(residencies) != 1 {
		a.t.Fatalf("decisions %v, residencies %v", decisions, residencies)
	}
	return decisions, residencies
}

// liIdentified asks by ids that somebody let slip.
func liIdentified(decisions, residencies []string) (out []call) {
	for _, as := range liClients {
		for _, id := range decisions {
			out = append(out, call{as: as, path: "/placement/v1/decisions/" + id}, call{as: as, method: http.MethodPost, path: "/placement/v1/decisions/" + id + "/replay"})
		}
		for _, id := range residencies {
			for _, path := range []string{"/inventory/v1/residencies/", "/placement/v1/reservations/"} {
				out = append(out, call{as: as, path: path + id}, call{as: as, method: http.MethodDelete, path: path + id})
			}
			out = append(out, call{as: as, method: http.MethodPatch, path: "/inventory/v1/residencies/" + id, body: object{"state": "TERMINATING"}, header: mergePatch})
		}
	}
	return out
}
