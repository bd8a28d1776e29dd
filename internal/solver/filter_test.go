package solver_test

import (
	"testing"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// How old an attestation may be is asked of TRUSTED hosts alone, by the filter and by the plan as by the judge.
func TestAgeIsAskedOfTheTrustedAlone(t *testing.T) {
	t.Parallel()
	const (
		age   = "  - {id: R-AGE, kind: attestation-freshness, params: {check: AGE, maxAge: 1h}, rationale: r}\n"
		state = "  - {id: R-STATE, kind: attestation-freshness, params: {check: STATE}, rationale: r}\n"
	)
	for _, c := range []struct {
		name        string
		rules       string
		attestation placement.Attestation
		granted     bool
		limit       time.Duration
		trusted     bool
	}{
		{"both rules, fresh", age + state, placement.Attestation{State: placement.AttestationTrusted, AttestedAt: noon}, true, time.Hour, true},
		{"both rules, old", age + state, placement.Attestation{State: placement.AttestationTrusted, AttestedAt: noon.Add(-2 * time.Hour)}, false, 0, false},
		{"both rules, not trusted", age + state, placement.Attestation{State: placement.AttestationUntrusted, AttestedAt: noon}, false, 0, false},
		{"the age alone, fresh", age, placement.Attestation{State: placement.AttestationTrusted, AttestedAt: noon}, true, time.Hour, false},
		{"the age alone, old", age, placement.Attestation{State: placement.AttestationTrusted, AttestedAt: noon.Add(-2 * time.Hour)}, false, 0, false},
		{"the age alone, not trusted", age, placement.Attestation{State: placement.AttestationUntrusted}, true, 0, false},
		{"the state alone, no longer valid", state, placement.Attestation{State: placement.AttestationTrusted, ValidUntil: noon}, true, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := sceneHost("h1", "Z1")
			h.Attestation = c.attestation
			v := (&scene{rules: c.rules, hosts: []*placement.Host{h}}).view(t)
			plan, why := solver.Solve(v, sceneInputs(sceneDemand("m", "app", "", "TD-A", "kata")))
			if (plan != nil) != c.granted {
				t.Fatalf("granted %t, want %t: %+v", plan != nil, c.granted, why)
			}
			if plan == nil {
				return
			}
			if pl := &plan.Placements[0]; pl.AttestationLimit != c.limit || pl.AttestationState != c.trusted {
				t.Errorf("the plan asks for an attestation of at most %s, TRUSTED %t; want %s, %t", pl.AttestationLimit, pl.AttestationState, c.limit, c.trusted)
			}
		})
	}
}

// An emergency lets hosts that it names pass whose attestation is too old, by the filter and the plan as by the judge, until it ends,
// and changes nothing for those whose attestation is not.
func TestEmergencyOverridesAge(t *testing.T) {
	t.Parallel()
	const rules = "  - {id: R-AGE, kind: attestation-freshness, params: {check: AGE, maxAge: 1h}, rationale: r}\n" +
		"  - {id: R-STATE, kind: attestation-freshness, params: {check: STATE}, rationale: r}\n" +
		"exceptions:\n" +
		"  - {ruleId: R-AGE, hosts: [h1], vnfInstances: [x], expiresAt: '2026-11-23T13:00:00Z', approvedBy: a, ticket: t, breakGlass: the verifier is down}\n" +
		"  - {ruleId: R-AGE, hosts: [h1], expiresAt: '2026-11-23T12:30:00Z', approvedBy: a, ticket: t, breakGlass: the verifier is down}\n"
	end := time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		host    string
		state   placement.AttestationState
		age     time.Duration
		granted bool
		until   time.Time
	}{
		{"old", "h1", placement.AttestationTrusted, 2 * time.Hour, true, end},
		{"fresh", "h1", placement.AttestationTrusted, time.Minute, true, time.Time{}},
		{"old, another host", "h2", placement.AttestationTrusted, 2 * time.Hour, false, time.Time{}},
		{"not trusted", "h1", placement.AttestationUntrusted, time.Minute, false, time.Time{}},
	} {
		h := sceneHost(c.host, "Z1")
		h.Attestation = placement.Attestation{State: c.state, AttestedAt: noon.Add(-c.age)}
		view := (&scene{rules: rules, hosts: []*placement.Host{h}}).view(t)
		in := sceneInputs(sceneDemand("m", "app", "", "TD-A", "kata"))
		plan, why := solver.Solve(view, in)
		if (plan != nil) != c.granted {
			t.Errorf("%s: granted %t, want %t: %+v", c.name, plan != nil, c.granted, why)
		}
		if plan == nil {
			continue
		}
		pl := &plan.Placements[0]
		if !pl.OverriddenUntil.Equal(c.until) || (pl.AttestationLimit == 0) == c.until.IsZero() || !pl.AttestationState {
			t.Errorf("%s: the plan says %+v", c.name, pl)
		}
		facts := placement.CommitFacts{Now: end, Hosts: []placement.HostFacts{{Host: h}}}
		if late := solver.Verify(view, in, plan)(facts); (len(late) > 0) != (c.name == "old") {
			t.Errorf("%s: committed when the emergency has ended: %v", c.name, late)
		}
	}
}
