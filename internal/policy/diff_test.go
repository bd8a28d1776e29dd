package policy

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	const expires = `expiresAt: "2027-01-01T00:00:00Z", approvedBy: p, ticket: t}`
	for name, c := range map[string]struct {
		before, after, exceptionsBefore, exceptionsAfter string
		want                                             []string
	}{
		"nothing": {before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, rationale: r"},
		"text":    {before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, rationale: s", want: []string{"R SAME [text]"}},
		"a waiver is given": {
			before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, waiver: {minSeparation: VM}, rationale: r", want: []string{"R LOOSER [waiver]"},
		},
		"a waiver asks for more": {
			before: "kind: separate-nf, waiver: {minSeparation: VM}, rationale: r", after: "kind: separate-nf, waiver: {minSeparation: CONFIDENTIAL_VM}, rationale: r",
			want: []string{"R STRICTER [waiver]"},
		},
		"fewer subjects": {
			before: "kind: require-isolation, params: {level: VM}, rationale: r", after: "kind: require-isolation, subject: {trustDomains: [TD-A]}, params: {level: VM}, rationale: r",
			want: []string{"R LOOSER [subject]"},
		},
		"more is held together": {
			before: "kind: co-locate-in-vm, subject: {trustDomains: [TD-A]}, rationale: r", after: "kind: co-locate-in-vm, rationale: r",
			want: []string{"R STRICTER [subject]"},
		},
		"other things are held together": {
			before: "kind: co-locate-in-vm, subject: {trustDomains: [TD-A]}, rationale: r", after: "kind: co-locate-in-vm, subject: {trustDomains: [TD-B]}, rationale: r",
			want: []string{"R OTHER [subject]"},
		},
		"the same subjects otherwise named": {
			before: "kind: require-isolation, subject: {trustDomains: [TD-B, TD-B1]}, params: {level: VM}, rationale: r",
			after:  "kind: require-isolation, subject: {categories: [CONTROL_PLANE]}, params: {level: VM}, rationale: r", want: []string{"R SAME [subject]"},
		},
		"other subjects and more asked": {
			before: "kind: require-isolation, subject: {trustDomains: [TD-A]}, params: {level: SANDBOX}, rationale: r",
			after:  "kind: require-isolation, subject: {trustDomains: [TD-B]}, params: {level: VM}, rationale: r", want: []string{"R OTHER [subject params]"},
		},
		"only an audit from now on": {
			before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, mode: audit, rationale: r", want: []string{"R LOOSER [mode]"},
		},
		"in force from now on": {
			before: "kind: separate-nf, strength: SHOULD, rationale: r", after: "kind: separate-nf, rationale: r", want: []string{"R STRICTER [strength]"},
		},
		"on fewer hosts, asking for less": {
			before: "kind: location, params: {countries: [GB]}, rationale: r", after: "kind: location, host: {pools: [core]}, params: {countries: [GB, IE]}, rationale: r",
			want: []string{"R LOOSER [host params]"},
		},
		"another kind": {before: "kind: separate-nf, rationale: r", after: "kind: separate-domains, rationale: r", want: []string{"R OTHER [kind params]"}},
		"a cache that may be shared": {
			before: "kind: cache-mode, params: {mode: ENCRYPTED}, rationale: r", after: "kind: cache-mode, params: {mode: SHARED}, rationale: r",
			want: []string{"R OTHER [params]"},
		},
		"an exception": {
			before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, rationale: r", exceptionsAfter: "\n  - {ruleId: R, hosts: [h1], " + expires,
			want: []string{"R LOOSER [exceptions]"},
		},
		"a narrower exception": {
			before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, rationale: r", exceptionsBefore: "\n  - {ruleId: R, hosts: [h1, h2], " + expires,
			exceptionsAfter: "\n  - {ruleId: R, hosts: [h1], " + expires, want: []string{"R STRICTER [exceptions]"},
		},
		"a new rule": {
			before: "kind: separate-nf, rationale: r", after: "kind: separate-nf, rationale: r}\n  - {id: S, kind: domain-permit, rationale: r",
			want: []string{"S STRICTER [] added"},
		},
		"a rule is gone": {
			before: "kind: separate-nf, rationale: r}\n  - {id: S, kind: domain-permit, rationale: r", after: "kind: separate-nf, rationale: r",
			want: []string{"S LOOSER [] removed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, before := analysed(t, "p", "\n  - {id: R, "+c.before+"}", c.exceptionsBefore)
			_, after := analysed(t, "p", "\n  - {id: R, "+c.after+"}", c.exceptionsAfter)
			var got []string
			for _, ch := range Diff(analysisCatalogue(), before, after) {
				line := fmt.Sprintf("%s %s %v", ch.RuleID, ch.Direction, ch.Aspects)
				if ch.Added {
					line += " added"
				}
				if ch.Removed {
					line += " removed"
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
