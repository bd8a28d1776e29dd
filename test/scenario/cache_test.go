package scenario

import (
	"net/http"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// cacheAnswer is the answer to a question about a cache.
type cacheAnswer struct {
	DecisionID string
	Outcome    string
	Mode       string
	Reasons    []reason
}

func (a cacheAnswer) String() string {
	words := []string{a.Outcome}
	if a.Mode != "" {
		words = append(words, a.Mode)
	}
	for _, r := range a.Reasons {
		words = append(words, r.String())
	}
	return strings.Join(words, " ")
}

// mayCache asks whether an image may come onto a host.
func (d *deployment) mayCache(digest, host, domain, purpose string) cacheAnswer {
	d.t.Helper()
	var a cacheAnswer
	d.do("OPERATOR", http.MethodPost, "/placement/v1/cache_decisions", map[string]any{
		"digest": digest, "hostId": host, "trustDomainId": domain, "purpose": purpose,
	}, &a)
	return a
}

// The images of the reference deployment, an AMF's own and a proxy that everybody may download; and those that a test adds.
const (
	imageAMF   = "sha256:1dc72ec46cc967916f7d7d70148caf2ddae174544406ed54ac79de7129266f75"
	imageProxy = "sha256:1241936d4dd3aad68fe7bfbdfe854b935926bc678fc72377e15166078916227a"
	imagePFE   = "sha256:c90d17a6f4e25b38817c6da0f3b9e2415d70ac86e1f43b92d85c0e7a61f4d3b8"
	imageOAM   = "sha256:2b6e9f10d83c47a5be02d9c6178f4ea390d5b7c2641fe8a09b35d7f0c14e86a2"
	imageARPF  = "sha256:e5a380c1f6d92b47083ad1c95e7f264b80f9d3c6a15e4b72390d8c6fe2a7b415"
	imageKeys  = "sha256:7f3c1b9e58d2046aa1e7c490b36d8f25c07be4913da6528f01c9e7b45d38a260"
)

// TestCacheDecisions asks about images ahead of workloads. Who is beside whom does not matter, everything else does.
func TestCacheDecisions(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/images/"+imageKeys, map[string]any{
		"digest": imageKeys, "reference": "registry.example.net/udm/arpf:1.0.0", "containsSecrets": true,
	}, nil)
	for _, image := range []string{imagePFE, imageOAM, imageARPF} {
		d.do("OPERATOR", http.MethodPut, "/inventory/v1/images/"+image, map[string]any{"digest": image}, nil)
	}
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/vnf_profiles/upf-images", map[string]any{
		"vnfdId": "upf-images", "nfType": "UPF", "trustDomainId": "TD-UP", "components": []map[string]any{
			{"id": "pfe", "roles": []string{"USER_HANDLING"}, "runtime": "runc", "images": []string{imagePFE}},
			{"id": "oam", "roles": []string{"NETWORK_MANAGEMENT"}, "runtime": "runc", "images": []string{imageOAM}},
		},
	}, nil)
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/vnf_profiles/udm-images", map[string]any{
		"vnfdId": "udm-images", "nfType": "UDM", "trustDomainId": "TD-SEC", "components": []map[string]any{
			{"id": "arpf", "roles": []string{"KEY_HOLDING"}, "runtime": "kata-cc", "images": []string{imageARPF}},
		},
	}, nil)
	for name, c := range map[string]struct {
		digest, host, domain, purpose string
		want                          string
	}{
		"an encrypted store":              {imageAMF, "h03", "TD-CP", "PRE_PULL", "ALLOW ENCRYPTED"},
		"a pool of one trust domain":      {imageProxy, "h02", "TD-UP", "PRE_PULL", "ALLOW SHARED"},
		"sensitive, public base or not":   {imageProxy, "h03", "TD-CP", "PRE_PULL", "ALLOW ENCRYPTED"},
		"beside another network function": {imageAMF, "h10", "TD-CP", "PRE_PULL", "ALLOW ENCRYPTED"},
		"kept in memory only":             {imageAMF, "h04", "TD-CP", "PRE_PULL", "DENY R-CACHE-CORE"},
		"the same, to start":              {imageAMF, "h04", "TD-CP", "START", "ALLOW NO_STORE"},
		"another pool":                    {imageAMF, "h02", "TD-CP", "PRE_PULL", "DENY R-POOL"},
		"another country":                 {imageAMF, "h10", "TD-OAM", "PRE_PULL", "DENY R-POOL R-LOC"},
		"an old attestation":              {imageAMF, "h06", "TD-SEC", "PRE_PULL", "DENY R-ATT-AGE R-CACHE-SECRET"},
		"residue":                         {imageAMF, "h11", "TD-CP", "PRE_PULL", "DENY R-SCRUB"},
		"secrets":                         {imageKeys, "h03", "TD-CP", "PRE_PULL", "DENY CACHE-DEFAULT"},
		"run by who handles users":        {imagePFE, "h02", "TD-UP", "PRE_PULL", "ALLOW DOMAIN_PRIVATE"},
		"run by who manages":              {imageOAM, "h02", "TD-UP", "PRE_PULL", "DENY R-CACHE-BORDER"},
		"run in a confidential guest":     {imageARPF, "h05", "TD-SEC", "PRE_PULL", "DENY R-CACHE-SECRET"},
		"the same, to start in it":        {imageARPF, "h05", "TD-SEC", "START", "ALLOW GUEST_ONLY"},
		"unknown image":                   {"sha256:" + strings.Repeat("0d", 32), "h03", "TD-CP", "PRE_PULL", "DENY UNKNOWN"},
		"unknown host":                    {imageAMF, "nobody", "TD-CP", "PRE_PULL", "DENY UNKNOWN"},
		"unknown trust domain":            {imageAMF, "h03", "nobody", "PRE_PULL", "DENY UNKNOWN"},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			a := d.mayCache(c.digest, c.host, c.domain, c.purpose)
			if a.String() != c.want {
				t.Errorf("%s, want %s: %+v", a, c.want, a.Reasons)
			}
			for _, r := range a.Reasons {
				if r.RuleID == "UNKNOWN" && !strings.Contains(r.Message, "nobody") && !strings.Contains(r.Message, c.digest) {
					t.Errorf("the object is not named: %s", r.Message)
				}
			}
			var recorded decision
			d.do("OPERATOR", http.MethodGet, "/placement/v1/decisions/"+a.DecisionID, nil, &recorded)
			if want := map[bool]string{true: "GRANT", false: "REFUSE"}[a.Outcome == "ALLOW"]; recorded.Kind != "CACHE" || recorded.Outcome != want {
				t.Errorf("recorded as %s %s", recorded.Kind, recorded.Outcome)
			}
		})
	}
}

// TestCacheStart asks for a workload that has a grant: the answer is what the grant says.
func TestCacheStart(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	r := vnfm.NewRequest("INSTANTIATE", "e58b2a90-41c7-4f0d-8d36-9a6c17b3f2d8", "amf-2")
	r.AddResources = []stub.ResourceDefinition{{ID: "pod", Type: "OSCONTAINER", ResourceTemplateID: []string{"amf-signalling", "amf-proxy"}}}
	g := d.granted(vnfm, r)
	host := g.Hosts()["pod"]
	if cache := g.AdditionalParams.Ringfence.Placements[0].Cache; len(cache) != 2 {
		t.Errorf("the grant says of caches %v", cache)
	}
	for _, image := range []string{imageAMF, imageProxy} {
		if a := d.mayCache(image, host, "TD-CP", "START"); a.String() != "ALLOW ENCRYPTED" {
			t.Errorf("to start what is granted: %s", a)
		}
	}
}

// TestPrePullOrder has a host told to fetch an image before anything runs there: the directive comes with the decision, what follows
// it is no drift, and a policy that does not let it lie there lets nobody order it.
func TestPrePullOrder(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "layers.yaml", "layers.policy.yaml")
	const app, key = "sha256:a4c81f20d95e3b67c1f84a02b7ed5936e81c0fa2b4d963e50f1c98a7d2b569e4", "sha256:b4c81f20d95e3b67c1f84a02b7ed5936e81c0fa2b4d963e50f1c98a7d2b569e4"
	question := func(digest, purpose string) map[string]any {
		return map[string]any{"digest": digest, "hostId": "x1", "trustDomainId": "TD-A", "purpose": purpose, "order": true}
	}
	const path = "/placement/v1/cache_decisions"
	var ordered struct {
		cacheAnswer

		DirectiveSeq int64
	}
	nfvi := d.nfvi("x1")
	drift := func() (rules []string) {
		if err := nfvi.Report(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, v := range list[recorded](d, "AUDITOR", "/placement/v1/violations?filter=(eq,source,OBSERVATION);(eq,state,OPEN)") {
			rules = append(rules, v.Reason.RuleID)
		}
		return rules
	}
	nfvi.Agent("x1").ByHand(func(s *stub.HostState) { s.Cache[app] = stub.CacheEntry{Mode: "SHARED"} })
	if got := drift(); len(got) != 1 || got[0] != "DRIFT-CACHE" {
		t.Errorf("fetched by hand: %v", got)
	}
	if d.do("OPERATOR", http.MethodPost, path, question(app, "PRE_PULL"), &ordered); ordered.String() != "ALLOW ENCRYPTED" || ordered.DirectiveSeq == 0 {
		t.Fatalf("ordered: %s, directive %d", ordered, ordered.DirectiveSeq)
	}
	d.settle(nfvi)
	orders := nfvi.Agent("x1").Directives()
	if len(orders) != 2 || orders[0].Kind != "PURGE" || orders[1].Seq != ordered.DirectiveSeq || orders[1].Cache.Mode != "ENCRYPTED" || orders[1].DecisionID != ordered.DecisionID {
		t.Errorf("x1 is told %s", encode(t, orders))
	}
	if got := drift(); len(got) != 0 {
		t.Errorf("fetched as ordered: %v", got)
	}
	if d.do("OPERATOR", http.MethodPost, path, question(key, "PRE_PULL"), &ordered); ordered.Outcome != "DENY" {
		t.Errorf("keys: %s", ordered)
	}
	_ = d.fail(http.StatusForbidden, "AUDITOR", http.MethodPost, path, question(app, "PRE_PULL"))
	_ = d.fail(http.StatusUnprocessableEntity, "OPERATOR", http.MethodPost, path, question(app, "START"))
	if n := len(nfvi.Agent("x1").Directives()); n != 2 {
		t.Errorf("%d directives", n)
	}
}
