package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/placement"
)

// reasons is one of every reason that a decision can have, with the parameters it has then.
func reasons() []placement.Reason {
	params := func(pairs ...string) map[string]string {
		m := map[string]string{"host": "HOST-X", "cisNode": "NODE-X"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	rule := func(check string, pairs ...string) placement.Reason {
		return placement.Reason{PolicyID: "p", RuleID: "R", Check: check, Params: params(pairs...)}
	}
	fixed := func(id string, pairs ...string) placement.Reason {
		return placement.Reason{RuleID: id, Check: id, Params: params(pairs...)}
	}
	var pairwise []placement.Reason
	for _, kind := range []string{"separate-domains", "separate-nf", "separate-role", "separate-exposure", "oversight SEPARATE", "prod-test", "separate-admin-domain", "separate-slice"} {
		r := rule(kind, "against", "RESIDENT-X", "domain", "DOMAIN-X", "nf", "NF-X")
		r.AgainstID = "RESIDENT-X"
		pairwise = append(pairwise, r)
	}
	own := rule("separate-nf", "against", "RESIDENT-X", "domain", "DOMAIN-X", "nf", "NF-X", "message", "{host} runs {nf} of {domain}")
	own.AgainstID = "RESIDENT-X"
	return append(pairwise, own,
		rule("domain-permit", "pool", "POOL-X", "domain", "TD-OWN", "why", "the host has no pool"),
		rule("domain-permit", "pool", "POOL-X", "domain", "TD-OWN", "permitted", "DOMAIN-X, DOMAIN-Y"),
		rule("runtime-offered", "runtime", "kata", "offered", "runc"),
		rule("one-domain-per-kernel", "domain", "TD-OWN", "foreign", "DOMAIN-X"),
		rule("same-sensitivity-per-kernel", "least", "1", "most", "4", "delta", "2"),
		rule("signed-tagged-artefact", "why", "noArtefact", "component", "oam"),
		rule("signed-tagged-artefact", "why", "unsigned", "artefact", "sha256:ab", "domain", "TD-OWN"),
		rule("signed-tagged-artefact", "why", "untrusted", "artefact", "sha256:ab", "domain", "TD-OWN"),
		rule("signed-tagged-artefact", "why", "other", "artefact", "sha256:ab", "domain", "TD-OWN"),
		rule("signed-tagged-artefact", "why", "tag", "artefact", "sha256:ab", "domain", "TD-OWN"),
		rule("forbid-acceleration", "uses", "CHECKPOINT", "artefact", "sha256:ab"),
		rule("forbid-acceleration", "does", "PAGE_SHARING"),
		rule("demote-isolation", "runtime", "kata", "version", "3.1.0", "below", "3.2.0", "isolation", "VM", "level", "OS_CONTAINER"),
		rule("demote-isolation", "runtime", "kata", "version", "", "below", "3.2.0", "isolation", "VM", "level", "OS_CONTAINER"),
		rule("require-isolation", "isolation", "OS_CONTAINER", "needed", "VM", "runtime", "kata", "demotedBy", "R-OLD"),
		rule("co-locate-in-vm", "why", "noVM"),
		rule("co-locate-in-vm", "why", "apart", "nf", "NF-OWN", "vm", "VM-X", "elsewhere", "HOST-X (CIS node VM-X)"),
		rule("co-locate-in-vm", "why", "shared", "foreign", "NF-X", "vm", "VM-X"),
		rule("co-locate-in-vm", "why", "taken", "foreign", "NF-X", "vm", "VM-X"),
		rule("prod-test", "pool", "POOL-X", "foreign", "DOMAIN-X"),
		rule("border-handling", "why", "peers", "component", "n6"),
		rule("border-handling", "missing", "ENC_STORAGE"),
		rule("border-handling", "isolation", "OS_CONTAINER", "needed", "VM", "runtime", "runc"),
		rule("max-age-since-reimage", "reimagedAt", "never", "maxAge", "1h0m0s"),
		rule("max-age-since-reimage", "reimagedAt", "2026-01-01T00:00:00Z", "maxAge", "1h0m0s"),
		rule("separate-role", "why", "the container holds both sides itself"),
		rule("require-isolation", "isolation", "OS_CONTAINER", "needed", "VM", "runtime", "runc"),
		rule("forbid-cut-through", "uses", "SRIOV"),
		rule("forbid-privileged", "uses", "HOST_PATH"),
		rule("dedicate-host", "identity", "NF_INSTANCE"),
		rule("require-host-capability", "missing", "TPM2"),
		rule("location", "country", "FR", "allowed", "GB"),
		rule("location", "country", "FR", "denied", "FR"),
		rule("location", "country", "", "denied", "FR"),
		rule("location", "site", "PAR", "allowed", "LON"),
		rule("location", "source", "a", "wanted", "b"),
		rule("location", "assertedAt", "never", "maxAge", "1h0m0s"),
		rule("physical-security", "why", "the site is not physically secure", "domain", "TD-OWN"),
		rule("attestation-freshness STATE", "state", "UNTRUSTED"),
		rule("attestation-freshness AGE", "attestedAt", "never", "validUntil", "2026-01-01T00:00:00Z"),
		rule("attestation-freshness AGE", "attestedAt", "never", "maxAge", "1h0m0s"),
		rule("oversight SELF", "pool", "POOL-X", "component", "oam"),
		rule("oversight POOL", "pool", "POOL-X", "domain", "DOMAIN-X", "permitted", "DOMAIN-X, DOMAIN-Y"),
		rule("max-blast-radius NF_INSTANCES", "count", "3", "max", "2"),
		rule("max-blast-radius DOMAINS", "count", "3", "max", "2"),
		rule("max-blast-radius REPLICA_SHARE", "replicas", "3", "max", "2", "scope", "ZONE"),
		rule("scrub-before-reuse", "residueOf", "DOMAIN-X", "since", "2026-01-01T00:00:00Z", "needed", "REBOOT"),
		rule("scrub-before-reuse", "residueOf", "DOMAIN-X", "since", "2026-01-01T00:00:00Z", "needed", "REIMAGE", "then", "attested"),
		rule("cache-mode", "mode", "ENCRYPTED", "artefact", "sha256:ab"),
		rule("cache-mode", "mode", "GUEST_ONLY", "artefact", "sha256:ab", "why", "never pulled before its workload starts"),
		fixed(placement.RuleNoPolicy), fixed(placement.RuleUnknown, "object", "VNFD vnfd-9"), fixed(placement.RuleTimeout),
		fixed(placement.RuleLifecycle, "lifecycle", "CORDONED"), fixed(placement.RuleDedicated, "identity", "TRUST_DOMAIN", "dedicatedTo", "DOMAIN-X"),
		fixed(placement.RuleCapacity, "lacking", "cpuMillis"), fixed(placement.RuleConstraint(0), "wanted", "another NFVI_NODE"), fixed(placement.RuleDescriptor("apart"), "wanted", "another NFVI_NODE"),
		fixed(placement.RuleStanding("s"), "wanted", "another NFVI_NODE"),
		fixed(placement.RuleVIM(1), "wanted", "the same VIM connection"), fixed(placement.RuleCacheDefault, "mode", "ENCRYPTED", "artefact", "*"),
		fixed(placement.RuleCacheDefault, "why", "the cache modes changed since the plan was made"),
		fixed(placement.RuleDriftUngranted, "workload", "c-1", "runtime", "runc"),
		fixed(placement.RuleDriftBreakGlass, "workload", "c-1", "by", "ann", "why", "no service since 10:40"),
		fixed(placement.RuleDriftHost, "workload", "r-1", "runtime", "runc", "decided", "h2"),
		fixed(placement.RuleDriftNode, "runsOn", "", "decided", "w1"),
		fixed(placement.RuleDriftRuntime, "runtime", "runc", "decided", "kata"),
		fixed(placement.RuleDriftImage, "artefact", "sha256:ab"),
		fixed(placement.RuleDirectiveFailed, "seq", "7", "kind", "CACHE", "detail", "no space left"),
		fixed(placement.RuleDirectiveFailed, "seq", "7", "kind", "PURGE"),
		placement.Reason{RuleID: "R-CACHE", PolicyID: "p-1", Check: placement.CheckCacheEntry, Params: map[string]string{"host": "h1", "artefact": "sha256:ab", "mode": "SHARED", "needed": "NO_STORE"}},
		fixed(placement.RuleDirectiveOverdue, "seq", "7", "kind", "RELEASE", "issuedAt", "2026-11-23T10:00:00Z"),
		fixed(placement.RuleDriftMissing),
		fixed(placement.RuleDriftCache, "artefact", "sha256:ab", "mode", "SHARED"),
		fixed(placement.RuleDriftCache, "artefact", "sha256:ab", "mode", "SHARED", "ordered", "ENCRYPTED"),
		fixed(placement.RuleIsolation, "isolation", "OS_CONTAINER", "needed", "VM", "runtime", "runc"),
		fixed(placement.RuleDedicated, "why", "the dedication of the host is no longer the one that was planned"),
	)
}

// What ends with -X names a host or what others run there.
func TestSentencesTellOthersNothing(t *testing.T) {
	t.Parallel()
	for _, r := range reasons() {
		before := maps.Clone(r.Params)
		w := reasonToWire(&r, false)
		data, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "-X") {
			t.Errorf("%s: %s", r.Check, data)
		}
		if !maps.Equal(before, r.Params) {
			t.Errorf("%s: the reason itself was changed", r.Check)
		}
	}
}

// Every reason has a sentence of its own, complete, whoever reads it.
func TestSentencesAreComplete(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{true, false} {
		var told []string
		for _, r := range reasons() {
			s := sentence(&r, full)
			if !strings.HasPrefix(s, r.RuleID+": ") || strings.ContainsAny(s, "{}") || strings.Contains(s, "  ") || strings.HasSuffix(s, " ") ||
				strings.Contains(s, "does not satisfy the rule") || strings.HasSuffix(s, ".") {
				t.Errorf("%s, full %v: %q", r.Check, full, s)
			}
			if full && strings.Contains(s, "the host") && r.Check != "physical-security" && r.RuleID != placement.RuleNoPolicy {
				t.Errorf("%s does not name the host: %q", r.Check, s)
			}
			told = append(told, s)
		}
		slices.Sort(told)
		if distinct := len(slices.Compact(told)); distinct < len(reasons())-8 { // pairwise kinds and defaults say the same
			t.Errorf("full %v: only %d different sentences", full, distinct)
		}
	}
}

func TestSentencesForReaders(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]placement.Reason{
		"R: host h1 runs a (TD-A, network function nf1), of another network function, and nothing separates the two well enough": {
			RuleID: "R", Check: "separate-nf", AgainstID: "a", Params: map[string]string{"host": "h1", "domain": "TD-A", "nf": "nf1", "against": "a"},
		},
		"R: h1 already runs a": {
			RuleID: "R", Check: "separate-nf", AgainstID: "a", Params: map[string]string{"host": "h1", "against": "a", "message": "{host} already runs {against}"},
		},
		"R: host h1 (CIS node n1) lacks TPM2": {
			RuleID: "R", Check: "require-host-capability", Params: map[string]string{"host": "h1", "cisNode": "n1", "missing": "TPM2"},
		},
		"UNKNOWN: unknown VNFD a?b": {RuleID: "UNKNOWN", Check: "UNKNOWN", Params: map[string]string{"object": "VNFD a\nb"}},
	} {
		if got := sentence(&r, true); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
