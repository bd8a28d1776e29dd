package policies_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ringfence/internal/httpapi"
	"ringfence/internal/policies"
	"ringfence/internal/policy"
)

const withTest = `apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
rules:
  - {id: R-POOL, kind: domain-permit, rationale: r}
  - {id: R-NF, kind: separate-nf, waiver: {minSeparation: VM}, rationale: r}
tests:
  - name: apart
    given:
      trustDomains: [{id: TD-A, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false}]
      hostPools: [{id: p, allowedTrustDomainIds: [TD-A]}]
      nfviPops: [{id: L, country: GB}]
      resourceZones: [{id: L-A, nfviPopId: L}]
      runtimeClasses: [{name: runc, isolation: OS_CONTAINER}, {name: kata, isolation: VM}]
      hosts:
        - {id: h1, hostPoolId: p, nfviPopId: L, resourceZoneId: L-A, physicallySecure: true, lifecycle: IN_SERVICE, runtimes: [runc], capabilities: [CACHE_ENC]}
        - {id: h2, hostPoolId: p, nfviPopId: L, resourceZoneId: L-A, physicallySecure: true, hypervisorClass: TYPE1, lifecycle: IN_SERVICE, runtimes: [runc, kata], capabilities: [CACHE_ENC]}
      residencies: [{id: r1, hostId: h1, vnfInstanceId: i1, componentId: c, trustDomainId: TD-A, runtime: runc}]
      demand: {vnfInstanceId: i2, componentId: c, trustDomainId: TD-A, runtime: runc}
    expect:
      hosts: [h2]
      cache: {h2: ENCRYPTED}
      reasons: {h1: [R-NF(r1)]}
`

// TestRunTests changes a test that passes, one thing at a time: it fails with the place and with what came out.
func TestRunTests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ from, to, want string }{
		"as it is":              {},
		"open runtime":          {"TD-A, runtime: runc}\n    expect", "TD-A}\n    expect", ""},
		"an isolation as floor": {"TD-A, runtime: runc}\n    expect", "TD-A, isolation: VM}\n    expect", "/tests/0/expect/reasons/h1:23 TEST_FAILED expected of h1 R-NF(r1), got R-NF(r1), ISOLATION"},
		"another host":          {"hosts: [h2]", "hosts: [h1, h2]", "/tests/0/expect/hosts:21 TEST_FAILED expected hosts h1, h2, got h2; against h1: R-NF(r1)"},
		"another mode":          {"h2: ENCRYPTED", "h2: NO_STORE", "/tests/0/expect/cache/h2:22 TEST_FAILED expected cache mode NO_STORE on h2, got ENCRYPTED"},
		"another reason":        {"[R-NF(r1)]", "[R-NF]", "/tests/0/expect/reasons/h1:23 TEST_FAILED expected of h1 R-NF, got R-NF(r1)"},
		"no rule any more":      {"kind: separate-nf, ", "kind: separate-nf, mode: audit, ", "/tests/0/expect/hosts:21 TEST_FAILED expected hosts h2, got h1, h2"},
		"no such attribute":     {"sensitivity: 1", "sensitive: 1, sensitivity: 1", "/tests/0/given/trustDomains/0/sensitive:10 TEST_INVALID a trust domain has no attribute"},
		"of the demand":         {"{vnfInstanceId: i2,", "{vnf: i2, vnfInstanceId: i2,", "/tests/0/given/demand/vnf:19 TEST_INVALID a residency has no attribute"},
		"missing":               {"{id: p, allowed", "{allowed", "/tests/0/given/hostPools/0:11 TEST_INVALID a host pool has no id"},
		"no such domain":        {"trustDomainId: TD-A, runtime: runc}\n    expect", "trustDomainId: TD-B, runtime: runc}\n    expect", `/tests/0/given/demand:19 TEST_INVALID the test has no trust domain "TD-B"`},
		"no such host":          {"{h1: [R-NF(r1)]}", "{h9: [R-NF(r1)]}", `/tests/0/expect/reasons:23 TEST_INVALID the test has no host "h9"`},
		"no such level":         {"TD-A, runtime: runc}\n    expect", "TD-A, isolation: SOME}\n    expect", "/tests/0/given/demand/isolation:19 TEST_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := withTest
			if tt.from != "" {
				if content = strings.Replace(withTest, tt.from, tt.to, 1); content == withTest {
					t.Fatalf("the document has no %q", tt.from)
				}
			}
			if _, findings := policy.Parse([]byte(content)); policy.HasErrors(findings) {
				t.Fatalf("findings %v", findings)
			}
			ran, findings := policies.RunTests([]byte(content), httpapi.ReadInventory)
			if ran != 1 || (len(findings) > 0) != (tt.want != "") {
				t.Fatalf("%d tests, findings %v", ran, findings)
			}
			if tt.want == "" {
				return
			}
			f := findings[0]
			place, message, _ := strings.Cut(tt.want, ":")
			line, rest, _ := strings.Cut(message, " ")
			code, text, _ := strings.Cut(rest, " ")
			if f.Pointer != place || f.Code != code || strconv.Itoa(f.Line) != line || !strings.HasPrefix(f.Message, `test "apart": `+text) {
				t.Errorf("got %s:%d %s %s", f.Pointer, f.Line, f.Code, f.Message)
			}
		})
	}
}

// TestShippedPolicies: what we ship passes its own tests, and a policy that loses a rule does not.
func TestShippedPolicies(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deployments/policies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ran, findings := policies.RunTests(content, httpapi.ReadInventory)
		if ran < 5 || len(findings) > 0 {
			t.Errorf("%s: %d tests\n%s", file, ran, policy.Format(findings, file, content))
		}
		if filepath.Base(file) != "vm-equivalent.yaml" {
			continue
		}
		for _, kind := range []string{"separate-nf", "scrub-before-reuse", "max-blast-radius", "separate-role", "oversight"} {
			without := strings.ReplaceAll(string(content), "kind: "+kind+"\n", "kind: "+kind+"\n    mode: audit\n")
			if _, findings := policies.RunTests([]byte(without), httpapi.ReadInventory); len(findings) == 0 {
				t.Errorf("%s passes its tests with %s in audit mode", file, kind)
			}
		}
	}
}
