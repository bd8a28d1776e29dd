package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// TestQuarantine follows one host through everything that may and may not change its quarantine. The feed says exactly what the
// record says: nothing else would keep what was granted before from starting.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	const none placement.Kind = 0
	told := 0
	step := func(what string, err error, kind placement.Kind, lifecycle placement.Lifecycle, reason string, feed ...string) {
		t.Helper()
		if err != nil || kind != none {
			wantKind(t, err, kind)
		}
		h := must(s.GetHost(ctx, "h01"))(t)
		if h.Lifecycle != lifecycle || h.LifecycleReason != reason {
			t.Errorf("%s: the host is %s %q, want %s %q", what, h.Lifecycle, h.LifecycleReason, lifecycle, reason)
		}
		var got []string
		for _, d := range must(s.HostDirectives(ctx, "h01", int64(told), 100))(t) {
			if told++; d.Seq != int64(told) || d.IssuedAt.IsZero() {
				t.Errorf("%s: directive %d at %s, want number %d", what, d.Seq, d.IssuedAt, told)
			}
			got = append(got, fmt.Sprintf("%s %s", d.Kind, d.Quarantine.Reason))
		}
		if diff := cmp.Diff(feed, got); diff != "" {
			t.Errorf("%s: told (-want +got):\n%s", what, diff)
		}
	}
	attest := func(state placement.AttestationState) error {
		_, err := s.RecordAttestation(ctx, "h01", verdict(state, time.Time{}), tester)
		return err
	}
	quarantine := func(reason string) error { _, err := s.Quarantine(ctx, "h01", reason, tester); return err }
	lift := func() error { _, err := s.Unquarantine(ctx, "h01", "imaged anew", tester); return err }
	put := func(lifecycle placement.Lifecycle, reason string) error {
		h := must(s.GetHost(ctx, "h01"))(t)
		h.Lifecycle, h.LifecycleReason = lifecycle, reason
		_, _, err := s.PutHost(ctx, h, nil, tester)
		return err
	}
	imported := func(lifecycle placement.Lifecycle) error {
		h := must(s.GetHost(ctx, "h01"))(t)
		h.Lifecycle, h.LifecycleReason = lifecycle, ""
		_, err := s.Import(ctx, &placement.Inventory{Hosts: []placement.Host{h}}, false, placement.EndRules{}, tester, nil)
		return err
	}
	const inService, out, retired = placement.LifecycleInService, placement.LifecycleQuarantined, placement.LifecycleRetired

	step("by a verdict", attest(placement.AttestationUntrusted), none, out, "attestation", "QUARANTINE the host lost its attestation")
	step("another verdict", attest(placement.AttestationUnknown), none, out, "attestation")
	step("an approver against a verdict", lift(), placement.Conflict, out, "attestation")
	step("trusted again", attest(placement.AttestationTrusted), none, inService, "", "UNQUARANTINE the host is IN_SERVICE")
	step("none to end", lift(), placement.Conflict, inService, "")
	step("by an approver", quarantine("stolen disk"), none, out, "stolen disk", "QUARANTINE stolen disk")
	step("again", quarantine("stolen disk"), placement.Conflict, out, "stolen disk")
	step("a verdict", attest(placement.AttestationTrusted), none, out, "stolen disk")
	for _, lifecycle := range []placement.Lifecycle{inService, placement.LifecycleCordoned, placement.LifecycleScrubbing, placement.LifecycleRegistered} {
		step("an operator says "+string(lifecycle), put(lifecycle, ""), placement.Conflict, out, "stolen disk")
		step("an import says "+string(lifecycle), imported(lifecycle), none, out, "stolen disk")
	}
	step("an operator gives a verdict's reason", put(out, "attestation"), placement.Conflict, out, "stolen disk")
	step("retired", put(retired, "scrapped"), none, retired, "scrapped")
	step("an approver quarantines what is retired", quarantine("x"), placement.Conflict, retired, "scrapped")
	step("back from there", imported(inService), none, out, "stolen disk")
	step("for another reason", quarantine("a rootkit"), none, out, "a rootkit", "QUARANTINE a rootkit")
	step("ended", lift(), none, placement.LifecycleCordoned, "imaged anew", "UNQUARANTINE imaged anew")
	step("in service", put(inService, ""), none, inService, "")
	step("an operator quarantines", put(out, "by hand"), none, out, "by hand", "QUARANTINE by hand")
	if n, m := acts(t, s, "QUARANTINE", "h01"), acts(t, s, "UNQUARANTINE", "h01"); n != 2 || m != 1 {
		t.Errorf("%d and %d audit records, want 2 and 1", n, m)
	}
	_, err := s.Quarantine(ctx, "none", "x", tester)
	wantKind(t, err, placement.NotFound)
	wantConsistent(t, s)
}

// TestNewHostInQuarantine: a host that is imported as quarantined, such as from an export, is told so as well.
func TestNewHostInQuarantine(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	h := smallHost("h77", "LON", "LON-A", "pool-core")
	h.Lifecycle, h.LifecycleReason = placement.LifecycleQuarantined, "stolen disk"
	must(s.Import(t.Context(), &placement.Inventory{Hosts: []placement.Host{h}}, false, placement.EndRules{}, tester, nil))(t)
	list := must(s.HostDirectives(t.Context(), "h77", 0, 10))(t)
	if len(list) != 1 || list[0].Seq != 1 || list[0].Kind != placement.DirectiveQuarantine || list[0].Quarantine.Reason != "stolen disk" {
		t.Errorf("told %+v", list)
	}
}
