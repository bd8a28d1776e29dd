package httpapi_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/openapi"
)

// TestTwoWorlds asks two servers the same, of which one has lawful interception that is in use: every answer to a client
// without clearance is the same, byte for byte but for times, random identifiers, and the numbers of transactions.
func TestTwoWorlds(t *testing.T) {
	t.Parallel()
	plain, with := newAPI(t), newAPI(t)
	for _, w := range []*api{plain, with} {
		doc := fleet()
		if w == with {
			addLI(doc)
		}
		if _, err := w.store.Import(t.Context(), doc, true, placement.EndRules{}, "root", nil); err != nil {
			t.Fatal(err)
		}
	}
	policies := map[*api]string{}
	for _, w := range []*api{plain, with} {
		id := w.policy("1.0.0", separation("1.0.0"))
		w.do(call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: object{"activationStatus": "ACTIVATED"}}).want(200)
		policies[w] = id
	}
	with.grant("root", instantiate("mdf-1", "vnfd-li", "open")).want(201)
	with.do(call{as: "root", method: "POST", path: "/placement/v1/decisions", body: object{"grantRequest": instantiate("mdf-2", "vnfd-li", "open")}}).want(201)
	decided, running := with.secrets()
	constrain(plain, with)
	if n := len(with.do(call{as: "root", path: "/inventory/v1/hosts"}).list()); n != 4 {
		t.Fatalf("who is cleared sees %d hosts", n)
	}

	asked, served := 0, 0
	ask := func(c call) (status int) {
		var answers [2]string
		for i, w := range []*api{plain, with} {
			asking := c
			asking.path = strings.ReplaceAll(c.path, "{theirPolicy}", policies[w])
			got := w.do(asking)
			answers[i], status = comparable(w, policies[w], got), got.status
		}
		asked++
		if status < 300 {
			served++
		}
		if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
			t.Errorf("%s %s as %s tells the worlds apart:\n%s", c.method, c.path, c.as, diff)
		}
		return status
	}
	for _, c := range liWrites(t) {
		if status := ask(c); status != http.StatusUnprocessableEntity && status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("%s %s %s: %d", c.method, c.path, c.body, status)
		}
	}
	for _, c := range append(liQuestions(t), liIdentified(decided, running)...) {
		ask(c)
	}
	for _, c := range liControls(t) {
		if status := ask(c); status >= 300 {
			t.Errorf("%s %s is answered %d: what is like it is not refused for what it refers to", c.method, c.path, status)
		}
	}
	for _, w := range []*api{plain, with} {
		w.server.RecordRefusalsNow(t.Context())
	}
	for _, as := range liClients {
		ask(call{as: as, path: "/placement/v1/access_refusals"})
	}
	if served < asked/4 {
		t.Errorf("only %d of %d requests were served: they show little", served, asked)
	}
	t.Logf("%d requests, %d of them served, by %d clients without clearance: the same answers in both worlds", asked, served, len(liClients))
}

// constrain states standing constraints about lawful interception in the world that has it, and as many epochs pass in the other one.
func constrain(plain, with *api) {
	about := func(w *api, attribute string, value any) string {
		body := object{"kind": "AFFINITY", "scope": "ZONE", "reason": "r", attribute: value}
		got := w.do(call{as: "root", method: "POST", path: "/placement/v1/constraints", body: body}).want(201)
		return strings.TrimPrefix(got.header.Get("Location"), w.url)
	}
	about(with, "vnfInstanceIds", []string{"somebody", "mdf-1"})
	about(with, "vnfdId", "vnfd-li")
	plain.do(call{as: "root", method: "DELETE", path: about(plain, "vnfdId", "of-nobody")}).want(204)
}

// addLI adds a trust domain of lawful interception with hosts, images and a profile of its own.
func addLI(doc *placement.Inventory) {
	digest := "sha256:" + strings.Repeat("b", 64)
	doc.TrustDomains = append(doc.TrustDomains, placement.TrustDomain{ID: "TD-LI", Category: placement.CategoryLI, Sensitivity: 4, Exclusive: true})
	doc.TrustRelations = append(doc.TrustRelations, placement.TrustRelation{FromID: "TD-A", ToID: "TD-LI", Handling: placement.HandlingProtected})
	doc.HostPools = append(doc.HostPools, placement.HostPool{ID: "P-LI", AllowedTrustDomainIDs: []string{"TD-LI"}})
	for _, id := range []string{"h0-li", "li-1"} { // before and behind the others in every list
		h := doc.Hosts[0]
		h.ID, h.HostPoolID, h.VIMZoneID = id, "P-LI", "nova:"+id
		doc.Hosts = append(doc.Hosts, h)
	}
	doc.Images = append(doc.Images, placement.Image{Digest: digest, Kind: placement.ArtefactContainerImage, Sensitivity: 4})
	p := doc.VNFProfiles[0]
	p.VNFDID, p.NFType, p.TrustDomainID = "vnfd-li", "MDF", "TD-LI"
	p.Components = slices.Clone(p.Components)
	p.Components[0].Images = []string{digest}
	doc.VNFProfiles = append(doc.VNFProfiles, p)
	doc.CacheEntries = append(doc.CacheEntries, placement.CacheEntry{HostID: "li-1", Digest: digest, Mode: placement.CacheEncrypted, TrustDomainID: "TD-LI"})
}

var liClients = []string{"operator", "auditor", "author", "approver", "vnfm-a"}

// liObjects are what a path of the contract is asked about: something visible, and what is hidden.
var liObjects = map[string][]string{
	"hosts": {"h1", "li-1", "h0-li"}, "trust_domains": {"TD-A", "TD-LI"}, "host_pools": {"P1", "P-LI"}, "vnf_profiles": {"vnfd-a", "vnfd-li"},
	"images": {"sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("b", 64)}, "policies": {"{theirPolicy}"}, "versions": {"1.0.0"},
	"trust_relations": {"TD-A"}, "cache_entries": {"h1", "li-1"},
}

// liQuestions are every GET of the contract by every client, about what is visible and what is hidden, and questions and writes
// that could tell.
func liQuestions(t *testing.T) []call {
	t.Helper()
	var out []call
	full := func(vnfd, component string, more object) object {
		body := object{"grantRequest": instantiate("vnf-q", vnfd, component), "explain": "FULL"}
		maps.Copy(body, more)
		return body
	}
	out = append(out,
		call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: instantiate("vnf-1", "vnfd-a", "open")},
		call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: instantiate("vnf-2", "vnfd-a", "big")},
		call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: instantiate("vnf-3", "vnfd-li", "open")})
	for _, as := range []string{"operator", "auditor", "vnfm-a"} {
		for _, body := range []object{
			full("vnfd-a", "open", nil), full("vnfd-a", "big", nil), full("vnfd-b", "plain", nil), full("vnfd-li", "open", nil),
			full("vnfd-a", "open", object{"hostIds": []string{"li-1"}}),
		} {
			out = append(out, call{as: as, method: "POST", path: "/placement/v1/decisions", body: body})
		}
	}
	digest := "sha256:" + strings.Repeat("b", 64)
	for _, body := range []object{
		{"digest": digest, "hostId": "li-1", "trustDomainId": "TD-LI", "purpose": "PRE_PULL"},
		{"digest": "sha256:" + strings.Repeat("a", 64), "hostId": "li-1", "trustDomainId": "TD-A", "purpose": "PRE_PULL"},
		{"digest": "sha256:" + strings.Repeat("a", 64), "hostId": "h1", "trustDomainId": "TD-LI", "purpose": "PRE_PULL"},
	} {
		out = append(out, call{as: "operator", method: "POST", path: "/placement/v1/cache_decisions", body: body})
	}
	out = append(out,
		call{as: "operator", method: "DELETE", path: "/inventory/v1/hosts/li-1"},
		call{as: "operator", method: "POST", path: "/directives/v1/hosts/li-1/scrub_orders", body: object{"level": "CACHE_PURGE", "reason": "test"}},
		call{as: "approver", method: "POST", path: "/inventory/v1/hosts/li-1/quarantine", body: object{"reason": "test"}},
		call{as: "approver", method: "POST", path: "/inventory/v1/hosts/li-1/unquarantine", body: object{"reason": "test"}},
		call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/li-1/attestations", body: object{"state": "UNTRUSTED"}},
		call{as: "scrubber", method: "POST", path: "/inventory/v1/hosts/li-1/scrub_records", body: object{"level": "CACHE_PURGE", "evidence": "test"}},
		call{as: "operator", method: "DELETE", path: "/inventory/v1/trust_domains/TD-LI"},
		call{as: "operator", method: "PATCH", path: "/inventory/v1/hosts/li-1", body: object{"lifecycle": "CORDONED"}, header: mergePatch},
		call{as: "operator", method: "PATCH", path: "/inventory/v1/host_pools/P-LI", body: object{"fabricDigests": []string{digest}}, header: mergePatch})
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
			if doc.Paths.Value(path).Get == nil {
				continue
			}
			for _, filled := range fillPath(path, liObjects) {
				if filled == "/directives/v1/directives" {
					filled += "?vimConnectionId=vim-1"
				}
				for _, as := range liClients {
					out = append(out, call{as: as, method: http.MethodGet, path: filled})
				}
			}
		}
	}
	return out
}

var pathParameter = regexp.MustCompile(`([a-z_]+)/\{[A-Za-z]+\}`)

// fillPath puts all identifiers into a path of the contract that objects has for its collections; unknown ones elsewhere.
func fillPath(path string, objects map[string][]string) []string {
	at := pathParameter.FindStringSubmatchIndex(path)
	if at == nil {
		return []string{strings.NewReplacer("{toId}", "TD-LI", "{digest}", "sha256:"+strings.Repeat("b", 64)).Replace(path)}
	}
	collection := path[at[2]:at[3]]
	ids := objects[collection]
	if ids == nil {
		ids = []string{"no-such"}
	}
	var out []string
	for _, id := range ids {
		for _, rest := range fillPath(path[at[1]:], objects) {
			out = append(out, path[:at[0]]+collection+"/"+id+rest)
		}
	}
	return out
}

var (
	liUUID   = regexp.MustCompile(`\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{31,33})\b`)
	liTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	liNumber = regexp.MustCompile(`"changeSeq":"\d+\.\d+"`)
	liRandom = regexp.MustCompile(`"(kid|x|signature|protected|sha256)":"[^"]*"`)
)

// comparable is an answer with its headers, without what is different between any two servers.
func comparable(w *api, policyID string, got answer) string {
	body := string(got.body)
	seen := map[string]string{policyID: "the policy"}
	body = strings.ReplaceAll(strings.ReplaceAll(body, w.url, "http://server"), strings.TrimPrefix(w.url, "http://"), "server")
	body = liUUID.ReplaceAllStringFunc(body, func(id string) string {
		if seen[id] == "" {
			seen[id] = "uuid-" + strconv.Itoa(len(seen))
		}
		return seen[id]
	})
	for pattern, with := range map[*regexp.Regexp]string{liTime: "time", liNumber: `"changeSeq":"n"`, liRandom: `"$1":"random"`} {
		body = pattern.ReplaceAllString(body, with)
	}
	var headers []string
	for name := range got.header {
		if value := got.header.Get(name); name != "Date" && name != "Etag" && name != "Location" && name != "Content-Length" && name != "X-Request-Id" && name != "Link" {
			headers = append(headers, name+": "+value)
		} else {
			headers = append(headers, name)
		}
	}
	slices.Sort(headers)
	return strconv.Itoa(got.status) + "\n" + strings.Join(headers, "\n") + "\n\n" + body
}
