package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func verdict(state placement.AttestationState, at time.Time) placement.AttestationRecord {
	return placement.AttestationRecord{
		Attestation:  placement.Attestation{State: state, Verifier: "keylime", EvidenceDigest: "sha256:e", AttestedAt: at, ValidUntil: at.Add(time.Hour)},
		Capabilities: placement.CapTPM2 | placement.CapHSM,
	}
}

// TestAttestations records verdicts in and out of order: the newest counts.
func TestAttestations(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	now := must(s.Clock(ctx))(t)
	for i, c := range []struct {
		state     placement.AttestationState
		age       time.Duration
		counts    bool
		lifecycle placement.Lifecycle
		reason    string
	}{
		{placement.AttestationTrusted, 3 * time.Hour, true, placement.LifecycleInService, ""},
		{placement.AttestationUntrusted, time.Hour, true, placement.LifecycleQuarantined, "attestation"},
		{placement.AttestationTrusted, 2 * time.Hour, false, placement.LifecycleQuarantined, "attestation"},
		{placement.AttestationUnknown, time.Hour, true, placement.LifecycleQuarantined, "attestation"},
		{placement.AttestationTrusted, time.Hour, true, placement.LifecycleInService, ""},
	} {
		before := must(s.GetHost(ctx, "h01"))(t)
		r := must(s.RecordAttestation(ctx, "h01", verdict(c.state, now.Add(-c.age)), tester))(t)
		if r.ID == "" || time.Since(r.RecordedAt).Abs() > time.Minute {
			t.Errorf("record %+v", r)
		}
		h := must(s.GetHost(ctx, "h01"))(t)
		if c.counts != (cmp.Equal(h.Attestation, r.Attestation) && h.Revision == before.Revision+1) {
			t.Errorf("verdict %d: attestation %+v of revision %d, was %d", i, h.Attestation, h.Revision, before.Revision)
		}
		if h.Lifecycle != c.lifecycle || h.LifecycleReason != c.reason || c.counts && h.AttestedCapabilities != r.Capabilities {
			t.Errorf("verdict %d: %s %q with %v", i, h.Lifecycle, h.LifecycleReason, h.AttestedCapabilities.Names())
		}
	}
	var states []placement.AttestationState
	for after := ""; ; {
		page := must(s.ListAttestations(ctx, "h01", placement.Page{After: after, Limit: 2}))(t)
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			states, after = append(states, r.State), r.ID
			if r.ActorID != tester || r.Verifier != "keylime" || !r.ValidUntil.Equal(r.AttestedAt.Add(time.Hour)) {
				t.Errorf("listed %+v", r)
			}
		}
	}
	want := []placement.AttestationState{"TRUSTED", "UNKNOWN", "UNTRUSTED", "TRUSTED", "TRUSTED"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("history, newest first (-want +got):\n%s", diff)
	}
	if acts(t, s, "ATTEST", "h01") != 5 {
		t.Error("an attestation is missing in the audit trail")
	}
	wantConsistent(t, s)
}

// TestOnlyAVerifierLiftsItsQuarantine has inventory say of a host that lost its attestation what it always said.
func TestOnlyAVerifierLiftsItsQuarantine(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	say := func(lifecycle placement.Lifecycle, facts bool) (lifecycleNow, reason string) {
		t.Helper()
		h := smallHost("h01", "LON", "LON-A", "pool-core")
		h.Lifecycle = lifecycle
		must(s.Import(ctx, &placement.Inventory{Hosts: []placement.Host{h}}, facts, placement.EndRules{}, tester, nil))(t)
		now := must(s.GetHost(ctx, "h01"))(t)
		return string(now.Lifecycle), now.LifecycleReason
	}
	for _, state := range []placement.AttestationState{placement.AttestationUntrusted, placement.AttestationUnknown} {
		must(s.RecordAttestation(ctx, "h01", verdict(state, time.Time{}), tester))(t)
		for _, between := range []placement.Lifecycle{placement.LifecycleInService, placement.LifecycleCordoned, placement.LifecycleRegistered} {
			for _, facts := range []bool{false, true} {
				for _, said := range []placement.Lifecycle{between, placement.LifecycleInService} {
					if got, reason := say(said, facts); got != "QUARANTINED" || reason != "attestation" {
						t.Errorf("%s: an import with facts %v that says %s made the host %s %q", state, facts, said, got, reason)
					}
				}
			}
		}
		h := must(s.GetHost(ctx, "h01"))(t)
		h.RackID += "x"
		h = must2(s.PutHost(ctx, h, nil, tester))(t)
		h.Lifecycle = placement.LifecycleInService
		_, _, err := s.PutHost(ctx, h, nil, tester)
		wantKind(t, err, placement.Conflict)
		if want := "its attestation is " + string(state); !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say that %s", err, want)
		}
	}
	must(s.RecordAttestation(ctx, "h01", verdict(placement.AttestationTrusted, time.Time{}), tester))(t)
	say(placement.LifecycleCordoned, false)
	if got, _ := say(placement.LifecycleInService, false); got != "IN_SERVICE" {
		t.Errorf("the trusted host is %s", got)
	}
	wantConsistent(t, s)
}

func TestEvidenceIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	future := must(s.Clock(t.Context()))(t).Add(time.Minute)
	_, err := s.RecordAttestation(t.Context(), "h01", verdict(placement.AttestationTrusted, future), tester)
	wantKind(t, err, placement.Invalid)
	_, err = s.RecordAttestation(t.Context(), "none", verdict(placement.AttestationTrusted, time.Time{}), tester)
	wantKind(t, err, placement.NotFound)
	_, err = s.RecordScrub(t.Context(), "h01", placement.ScrubRecord{Level: placement.ScrubReboot, At: future}, tester)
	wantKind(t, err, placement.Invalid)
	_, err = s.RecordScrub(t.Context(), "none", placement.ScrubRecord{Level: placement.ScrubReboot}, tester)
	wantKind(t, err, placement.NotFound)
	_, err = s.RecordScrub(t.Context(), "h01", placement.ScrubRecord{}, tester)
	wantKind(t, err, placement.Invalid)
	for _, list := range []func() error{
		func() error { _, err := s.ListAttestations(t.Context(), "none", placement.Page{Limit: 1}); return err },
		func() error { _, err := s.ListScrubs(t.Context(), "none", placement.Page{Limit: 1}); return err },
	} {
		wantKind(t, list(), placement.NotFound)
	}
	if h := must(s.GetHost(t.Context(), "h01"))(t); h.Revision != 1 {
		t.Errorf("refused evidence changed the host: %+v", h)
	}
}

// TestScrubs records cleanings: a host shows the newest of each kind.
func TestScrubs(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	now := must(s.Clock(ctx))(t)
	for _, r := range []placement.ScrubRecord{
		{Level: placement.ScrubReboot, At: now.Add(-3 * time.Hour), Actor: "metal", Evidence: "e1"},
		{Level: placement.ScrubReboot, At: now.Add(-time.Hour), Evidence: "e2"},
		{Level: placement.ScrubReboot, At: now.Add(-2 * time.Hour), Evidence: "e3"},
		{Level: placement.ScrubReboot, DeviceReset: true, At: now.Add(-4 * time.Hour), Evidence: "e4"},
		{Level: placement.ScrubCachePurge, Evidence: "e5"},
	} {
		if got := must(s.RecordScrub(ctx, "h01", r, tester))(t); got.ID == "" || got.RecordedAt.IsZero() || got.At.IsZero() {
			t.Errorf("record %+v", got)
		}
	}
	evidence := func(list []placement.ScrubRecord) (out []string) {
		for _, r := range list {
			out = append(out, r.Evidence)
		}
		return out
	}
	if diff := cmp.Diff([]string{"e4", "e2", "e5"}, evidence(must(s.GetHost(ctx, "h01"))(t).Scrubs)); diff != "" {
		t.Errorf("what the host shows (-want +got):\n%s", diff)
	}
	first := must(s.ListScrubs(ctx, "h01", placement.Page{Limit: 2}))(t)
	rest := must(s.ListScrubs(ctx, "h01", placement.Page{After: first[1].ID, Limit: 9}))(t)
	if diff := cmp.Diff([]string{"e5", "e2", "e3", "e1", "e4"}, evidence(append(first, rest...))); diff != "" {
		t.Errorf("history, newest first (-want +got):\n%s", diff)
	}
	if acts(t, s, "SCRUB", "h01") != 5 {
		t.Error("a scrub is missing in the audit trail")
	}
	wantConsistent(t, s)
}

// TestResidueIsCleared keeps residue until no rule can hold it against the host any more.
func TestResidueIsCleared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		device  bool
		scrub   placement.ScrubRecord
		verdict placement.AttestationState
		age     time.Duration // of the verdict; the residue is 3 h old
		left    int
	}{
		{"imaged and attested", false, placement.ScrubRecord{Level: placement.ScrubReimage}, placement.AttestationTrusted, time.Hour, 0},
		{"not trusted", false, placement.ScrubRecord{Level: placement.ScrubReimage}, placement.AttestationUntrusted, time.Hour, 1},
		{"attested before", false, placement.ScrubRecord{Level: placement.ScrubReimage}, placement.AttestationTrusted, 150 * time.Minute, 1},
		{"only rebooted", false, placement.ScrubRecord{Level: placement.ScrubReboot}, placement.AttestationTrusted, time.Hour, 1},
		{"device not reset", true, placement.ScrubRecord{Level: placement.ScrubReimage}, placement.AttestationTrusted, time.Hour, 1},
		{"device reset", true, placement.ScrubRecord{Level: placement.ScrubReimage, DeviceReset: true}, placement.AttestationTrusted, time.Hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, ownerURL := newFleet(t)
			ctx := t.Context()
			now := must(s.Clock(ctx))(t)
			_, err := connect(t, ownerURL).Exec(ctx, `INSERT INTO residue VALUES ('LON', 'h02', 'r', 'TD-UP', '', $1, true, $2)`, now.Add(-3*time.Hour), c.device)
			if err != nil {
				t.Fatal(err)
			}
			c.scrub.At = now.Add(-2 * time.Hour)
			must(s.RecordScrub(ctx, "h02", c.scrub, tester))(t)
			must(s.RecordAttestation(ctx, "h02", verdict(c.verdict, now.Add(-c.age)), tester))(t)
			if h := must(s.GetHost(ctx, "h02"))(t); len(h.Residue) != c.left {
				t.Errorf("residue %+v, want %d", h.Residue, c.left)
			}
			wantConsistent(t, s)
		})
	}
}
