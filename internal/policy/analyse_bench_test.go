package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// manyRules is a document of rules of all sorts about thirty trust domains.
func manyRules(n int) (string, *placement.Catalogue) {
	asks := []string{
		"kind: separate-nf, waiver: {minSeparation: VM}", "kind: require-isolation, params: {level: VM}", "kind: location, params: {countries: [GB, IE]}",
		"kind: cache-mode, params: {mode: ENCRYPTED}", "kind: separate-domains", "kind: require-host-capability, params: {allOf: [TPM2]}",
		"kind: location, params: {deny: [FR]}", "kind: separate-role, params: {a: [LI], b: [BORDER], within: ANY}", "kind: separate-exposure, params: {sensitivityFrom: 3}",
	}
	cat := analysisCatalogue()
	for i := range 30 {
		id := fmt.Sprintf("TD-%d", i)
		cat.TrustDomains[id] = placement.TrustDomain{ID: id, Category: placement.CategoryControlPlane, Sensitivity: i % 5, AllowedCountries: []string{"GB", "IE"}}
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n  - {id: R-%d, %s, subject: {components: [c%d], trustDomains: [TD-%d, TD-%d]}, rationale: r}", i, asks[i%len(asks)], i%97, i%30, i%7)
	}
	return b.String(), cat
}

// BenchmarkAnalyse analyses a policy of 2,000 rules, which shall take no more than 2 s with its compilation.
func BenchmarkAnalyse(b *testing.B) {
	rules, cat := manyRules(2000)
	doc, p := analysed(b, "this", rules, "")
	for b.Loop() {
		Analyse(doc, p, Surroundings{Catalogue: cat, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)})
	}
}

// BenchmarkDiff compares two policies of 2,000 rules.
func BenchmarkDiff(b *testing.B) {
	rules, cat := manyRules(2000)
	_, before := analysed(b, "this", rules, "")
	_, after := analysed(b, "this", strings.ReplaceAll(rules, "minSeparation: VM", "minSeparation: CONFIDENTIAL_VM"), "")
	for b.Loop() {
		if len(Diff(cat, before, after)) == 0 {
			b.Fatal("no difference")
		}
	}
}
