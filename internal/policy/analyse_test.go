package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func TestAnalyse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules, exceptions, others string
		want                      []string
	}{
		"nothing to say": {rules: `
  - {id: A, kind: separate-domains, rationale: r}
  - {id: B, kind: separate-nf, rationale: r}
  - {id: C, kind: location, params: {countries: domain}, rationale: r}`},
		"a name that nobody declared": {
			rules: `
  - {id: A, kind: domain-permit, subject: {trustDomains: [TD-A, TD-X]}, rationale: r}
  - {id: B, kind: runtime-offered, host: {pools: [core, edge]}, rationale: r}`,
			want: []string{
				`A NAME_UNKNOWN /rules/0/subject/trustDomains/1 the inventory has no trust domain "TD-X"`,
				`B NAME_UNKNOWN /rules/1/host/pools/1 the inventory has no host pool "edge"`,
			},
		},
		"a rule about nobody": {
			rules: `
  - {id: A, kind: domain-permit, subject: {trustDomains: [TD-A], sensitivityFrom: 3}, rationale: r}
  - {id: B, kind: separate-domains, subject: {trustDomains: [TD-A]}, rationale: r}
  - {id: C, kind: runtime-offered, host: {zones: []}, rationale: r}
  - {id: D, kind: separate-exposure, subject: {trustDomains: [TD-A]}, object: {trustDomains: [TD-A]}, params: {sensitivityFrom: 0}, rationale: r}`,
			want: []string{
				"A RULE_VACUOUS /rules/0 rule A refuses nothing: its subject picks no workload of the declared trust domains",
				"B RULE_VACUOUS /rules/1 rule B refuses nothing: no two workloads that it picks are of the sort that it keeps apart",
				"C RULE_VACUOUS /rules/2 rule C refuses nothing: its host selector picks no host",
				"D RULE_VACUOUS /rules/3 rule D refuses nothing: no two workloads that it picks are of the sort that it keeps apart",
			},
		},
		"the same twice": {
			rules: `
  - {id: A, kind: require-isolation, params: {level: VM}, rationale: r}
  - {id: B, kind: require-isolation, subject: {roles: [BORDER]}, params: {level: SANDBOX}, rationale: r}`,
			want: []string{"B+A RULE_SHADOWED /rules/1 rule B is shadowed: whatever it refuses, A refuses too"},
		},
		"held together in one VM by one rule, or by two in two": {
			rules: `
  - {id: A, kind: co-locate-in-vm, subject: {roles: [SIGNALLING, BORDER]}, rationale: r}
  - {id: B, kind: co-locate-in-vm, subject: {roles: [BORDER]}, rationale: r}
  - {id: C, kind: co-locate-in-vm, subject: {categories: [CONTROL_PLANE]}, rationale: r}
  - {id: D, kind: co-locate-in-vm, subject: {categories: [USER_PLANE]}, rationale: r}
  - {id: E, kind: co-locate-in-vm, subject: {categories: [USER_PLANE, CONTROL_PLANE]}, host: {pools: [core]}, rationale: r}
  - {id: F, kind: co-locate-in-vm, subject: {trustDomains: []}, rationale: r}`,
			want: []string{
				"B+A RULE_SHADOWED /rules/1 rule B is shadowed: whatever it refuses, A refuses too",
				"F RULE_VACUOUS /rules/5 rule F refuses nothing: its subject picks no workload of the declared trust domains",
			},
		},
		"a stricter one comes later": {
			rules: `
  - {id: A, kind: cache-mode, subject: {trustDomains: [TD-A]}, params: {mode: ENCRYPTED}, rationale: r}
  - {id: B, kind: cache-mode, params: {mode: NO_STORE}, rationale: r}`,
			want: []string{"A+B RULE_REDUNDANT /rules/0 rule A is redundant: whatever it refuses, B refuses too"},
		},
		"only others together": {
			rules: `
  - {id: A, kind: forbid-privileged, subject: {categories: [CONTROL_PLANE, OVERSIGHT]}, rationale: r}
  - {id: B, kind: forbid-privileged, subject: {trustDomains: [TD-A]}, rationale: r}
  - {id: C, kind: forbid-privileged, subject: {roles: [BORDER]}, rationale: r}`,
			want: []string{"C+A+B RULE_SHADOWED /rules/2 rule C is shadowed: whatever it refuses, A, B together refuse too"},
		},
		"pairs in the other direction": {
			rules: `
  - {id: A, kind: separate-nf, subject: {trustDomains: [TD-A]}, object: {trustDomains: ["*"]}, rationale: r}
  - {id: B, kind: separate-nf, subject: {trustDomains: [TD-B]}, object: {trustDomains: [TD-A]}, rationale: r}`,
			want: []string{"B+A RULE_SHADOWED /rules/1 rule B is shadowed: whatever it refuses, A refuses too"},
		},
		"a waiver, an exception, another host or only an audit make a difference": {
			rules: `
  - {id: A, kind: separate-nf, waiver: {minSeparation: VM}, rationale: r}
  - {id: B, kind: separate-nf, subject: {roles: [LI]}, rationale: r}
  - {id: C, kind: separate-domains, rationale: r}
  - {id: D, kind: separate-domains, subject: {roles: [LI]}, rationale: r}
  - {id: E, kind: runtime-offered, host: {pools: [core]}, rationale: r}
  - {id: F, kind: runtime-offered, subject: {roles: [LI]}, rationale: r}
  - {id: G, kind: domain-permit, mode: audit, rationale: r}
  - {id: H, kind: domain-permit, subject: {roles: [LI]}, rationale: r}`,
			exceptions: `
  - {ruleId: C, hosts: [h1], expiresAt: "2027-01-01T00:00:00Z", approvedBy: p, ticket: t}`,
		},
		"nowhere to go": {
			rules: `
  - {id: A, kind: location, params: {countries: domain}, rationale: r}
  - {id: B, kind: location, params: {deny: [GB]}, rationale: r}
  - {id: C, kind: location, subject: {trustDomains: [TD-A]}, params: {countries: [IE]}, rationale: r}`,
			want: []string{"B+A CONTRADICTION /rules/1 rule B contradicts A (line 5, column 5): together they leave no place where a workload of TD-B could run, " +
				"such as any component in TD-B; make one of the rules looser, or take such workloads out of the subject of one"},
		},
		"against another policy": {
			rules:  "\n  - {id: A, kind: location, subject: {trustDomains: [TD-A], roles: [BORDER]}, params: {countries: [IE]}, rationale: r}",
			others: "\n  - {id: X, kind: location, params: {countries: [GB, FR]}, rationale: r}",
			want: []string{"A+X POLICY_CONFLICT /rules/0 rule A contradicts X of policy other (line 5, column 5): together they leave no place where a workload of TD-A " +
				"could run, such as any component in TD-A with the roles BORDER; make one of the rules looser, or take such workloads out of the subject of one"},
		},
		"three together, two do not": {
			rules: `
  - {id: A, kind: location, params: {countries: [GB, IE]}, rationale: r}
  - {id: B, kind: location, params: {deny: [GB]}, host: {capabilities: [TEE]}, rationale: r}
  - {id: C, kind: require-host-capability, subject: {components: [keys]}, params: {allOf: [TEE_TDX]}, rationale: r}
  - {id: D, kind: location, subject: {roles: [KEY_HOLDING]}, params: {deny: [IE]}, rationale: r}`,
			want: []string{"D+A+B+C CONTRADICTION /rules/3 rule D contradicts A (line 5, column 5) and B (line 6, column 5) and C (line 7, column 5): " +
				"together they leave no place where a workload of TD-A, TD-B, TD-B1, TD-O could run, such as component keys in TD-A with the roles KEY_HOLDING; " +
				"make one of the rules looser, or take such workloads out of the subject of one"},
		},
		"rules for some hosts that are all hosts together": {
			rules: `
  - {id: A, kind: location, params: {sites: [LON]}, rationale: r}
  - {id: B, kind: location, host: {labels: {tier: edge}}, params: {sites: [DUB]}, rationale: r}
  - {id: C, kind: location, host: {notLabels: {tier: edge}}, subject: {trustDomains: [TD-O]}, params: {sites: [DUB]}, rationale: r}`,
			want: []string{
				`A NAME_UNKNOWN /rules/0/params/sites/0 the inventory has no NFVI-PoP "LON"`,
				`B NAME_UNKNOWN /rules/1/params/sites/0 the inventory has no NFVI-PoP "DUB"`,
				"C+A+B CONTRADICTION /rules/2 rule C contradicts A (line 5, column 5) and B (line 6, column 5): together they leave no place where a workload " +
					"of TD-O could run, such as any component in TD-O; make one of the rules looser, or take such workloads out of the subject of one",
				`C NAME_UNKNOWN /rules/2/params/sites/0 the inventory has no NFVI-PoP "DUB"`,
			},
		},
		"nobody may sign": {
			rules: `
  - {id: A, kind: signed-tagged-artefact, subject: {categories: [CONTROL_PLANE]}, params: {trust: [{keyId: k, publicKey: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", trustDomains: [TD-A, TD-B]}]}, rationale: r}`,
			want: []string{"A NO_HOST_EVER /rules/0 rule A trusts nobody to sign for TD-B1: nothing of it that the rule is about can ever run; name a key for it in trust"},
		},
		"no runtime": {
			rules: "\n  - {id: A, kind: require-isolation, params: {level: CONFIDENTIAL_VM}, rationale: r}",
			want:  []string{"A NO_HOST_NOW /rules/0 rule A asks for isolation CONFIDENTIAL_VM, which no runtime class of the inventory gives: nothing that it concerns can run now"},
		},
		"exceptions for nobody": {
			rules: "\n  - {id: A, kind: separate-nf, rationale: r}",
			exceptions: `
  - {ruleId: A, hosts: [h1], expiresAt: "2025-01-01T00:00:00Z", approvedBy: p, ticket: t}
  - {ruleId: A, hosts: [h9], expiresAt: "2027-01-01T00:00:00Z", approvedBy: p, ticket: t}`,
			want: []string{
				" EXCEPTION_EXPIRED /exceptions/0/expiresAt the exception from rule A ended at 2025-01-01T00:00:00Z: it exempts nobody",
				" EXCEPTION_VACUOUS /exceptions/1/hosts the exception from rule A exempts nobody: the inventory has none of its hosts",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, p := analysed(t, "this", c.rules, c.exceptions)
			s := Surroundings{
				Catalogue: analysisCatalogue(), HasHost: func(id string) bool { return id == "h1" },
				Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
			}
			if c.others != "" {
				_, other := analysed(t, "other", c.others, "")
				s.Others = &Set{Policies: []*Policy{other}}
			}
			var got []string
			for _, f := range Analyse(doc, p, s) {
				if (f.Severity == SeverityError) != (f.Code == CodeContradiction) || f.Line == 0 {
					t.Errorf("severity %s, line %d of %s", f.Severity, f.Line, f.Code)
				}
				got = append(got, fmt.Sprintf("%s %s %s %s", strings.Join(f.RuleIDs, "+"), f.Code, f.Pointer, f.Message))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func analysed(t testing.TB, id, rules, exceptions string) (*Document, *Policy) {
	t.Helper()
	text := "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:" + rules + "\n"
	if exceptions != "" {
		text += "exceptions:" + exceptions + "\n"
	}
	doc, findings := Parse([]byte(text))
	p, more := Compile(doc, placement.PolicyRef{ID: id, Version: "1"}, nil)
	if p == nil {
		t.Fatal(Format(append(findings, more...), "policy.yaml", []byte(text)))
	}
	return doc, p
}

// What many rules that overlap in part come to together is not followed to the end, which would take all memory.
func TestAnalyseOfManyRulesEnds(t *testing.T) {
	t.Parallel()
	rules, cat := manyRules(600)
	doc, p := analysed(t, "this", rules, "")
	if findings := Analyse(doc, p, Surroundings{Catalogue: cat}); len(findings) == 0 || HasErrors(findings) {
		t.Errorf("findings %v", findings)
	}
}
