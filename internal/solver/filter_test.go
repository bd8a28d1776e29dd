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
