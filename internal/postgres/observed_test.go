package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

func (w *world) observe(digest string, at time.Time, seen ...placement.ObservedResidency) placement.ObservationResult {
	w.t.Helper()
	state := placement.ObservedState{HostID: "h1", ObservedAt: at, Residencies: seen}
	result, err := w.PutObservedState(w.t.Context(), state, digest, placement.ObservationCondition{}, leavesResidue(), noDrift)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

func noDrift(placement.ObservedFacts) []placement.Violation { return nil }

func (w *world) wantResult(what string, want, got placement.ObservationResult) {
	w.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// at is a time by the database's clock.
func (w *world) at(offset time.Duration) (at time.Time) {
	w.t.Helper()
	if err := w.owner.QueryRow(w.t.Context(), `SELECT statement_timestamp()`).Scan(&at); err != nil {
		w.t.Fatal(err)
	}
	return at.Add(offset)
}

func TestObservedStateConfirmsAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	id := residencyOf(w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}}))
	w.wantResult("nothing seen yet", placement.ObservationResult{Changed: true}, w.observe("d0", w.at(0)))
	if got := w.state(id); got != "RESERVED" {
		t.Errorf("a reservation that is awaited: %s", got)
	}
	pod := placement.ObservedResidency{ResidencyID: id, VIMResourceID: "pod-7", Runtime: "kata"}
	stranger := placement.ObservedResidency{VIMResourceID: "who"}
	w.wantResult("seen", placement.ObservationResult{Changed: true, Confirmed: []string{id}, Unmatched: 1}, w.observe("d1", w.at(0), pod, stranger))
	if r, err := w.GetReservation(t.Context(), id); err != nil || r.State != placement.StateRunning || !cmp.Equal(r.VIMResourceIDs, []string{"pod-7"}) {
		t.Errorf("residency %+v, %v", r, err)
	}
	if n := w.count(`SELECT count(*) FROM observed_residency WHERE matched_residency_id = $1`, id); n != 1 || w.count(`SELECT count(*) FROM observed_residency`) != 2 {
		t.Error("the report is not stored as it was made")
	}
	w.wantResult("running and not seen", placement.ObservationResult{Changed: true, Missing: []string{id}}, w.observe("d2", w.at(0)))
	if got := w.state(id); got != "RUNNING" {
		t.Errorf("what runs does not end because it was not seen: %s", got)
	}
	before := w.at(0)
	w.terminate("amf-1", "occ-2", "h1", id)
	w.exec(`UPDATE observed_state SET observed_at = $1`, before.Add(-time.Hour))
	w.wantResult("looked before it was to terminate", placement.ObservationResult{}, w.observe("d2", before))
	w.wantResult("still seen", placement.ObservationResult{Changed: true}, w.observe("d3", w.at(0), pod))
	w.wantResult("gone", placement.ObservationResult{Changed: true, Ended: []string{id}}, w.observe("d4", w.at(0)))
	if h := w.hostRecord("h1"); w.state(id) != "none" || len(h.Residue) != 1 {
		t.Errorf("after the end: %s, residue %+v", w.state(id), h.Residue)
	}
	w.checkBooks()
	checkReplica(t, w)
}

func TestUnconfirmedEndsByANewerObservationOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	id := residencyOf(w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, edit: func(c *placement.Commit) { c.ReservationTTL = -time.Minute }}))
	w.wantResult("not expired yet", placement.ObservationResult{Changed: true}, w.observe("d0", w.at(-time.Hour)))
	if n, err := w.ExpireReservations(t.Context(), 10); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	w.wantResult("looked before the expiry", placement.ObservationResult{}, w.observe("d0", w.at(-2*time.Minute)))
	vague := placement.ObservedResidency{VNFInstanceID: "amf-1"}
	w.wantResult("a vague report may be it", placement.ObservationResult{Changed: true, Confirmed: []string{id}}, w.observe("d1", w.at(0), vague))
	w.exec(`UPDATE residency SET state = 'UNCONFIRMED'`)
	w.wantResult("absent after the expiry, by an unchanged report", placement.ObservationResult{Changed: true, Ended: []string{id}}, w.observe("d2", w.at(0)))
	w.checkBooks()
}

func TestUnchangedReportWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	id := residencyOf(w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}}))
	pod := placement.ObservedResidency{ResidencyID: id}
	w.observe("d1", w.at(0), pod)
	var before, after string
	const versionsSQL = `
		SELECT concat((SELECT xmin || '.' || ctid::text FROM host), ' ', (SELECT xmin || '.' || ctid::text FROM residency), ' ',
		              (SELECT xmin || '.' || ctid::text FROM observed_state), ' ', (SELECT count(*) FROM change_feed), ' ', (SELECT xmax FROM host))`
	read := func(into *string) {
		if err := w.owner.QueryRow(t.Context(), versionsSQL).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	read(&before)
	w.wantResult("unchanged", placement.ObservationResult{}, w.observe("d1", w.at(0), pod))
	if read(&after); before != after {
		t.Errorf("rows before %s, after %s", before, after)
	}
	w.wantResult("changed", placement.ObservationResult{Changed: true, Missing: []string{id}}, w.observe("d2", w.at(0)))
	w.wantResult("unchanged, and says what is missing", placement.ObservationResult{Missing: []string{id}}, w.observe("d2", w.at(0)))
	if read(&after); before == after {
		t.Error("the comparison sees no change")
	}
}

func TestObservationConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	put := func(digest string, at time.Time, cond placement.ObservationCondition) placement.Kind {
		_, err := w.PutObservedState(t.Context(), placement.ObservedState{
			HostID: "h1", ObservedAt: at, Cache: []placement.ObservedCacheEntry{{Digest: "sha256:1", Mode: placement.CacheEncrypted, TrustDomainID: "TD-A"}},
		}, digest, cond, placement.EndRules{}, noDrift)
		if err == nil {
			return 99
		}
		return placement.KindOf(err)
	}
	now := w.at(0)
	steps := []struct {
		digest string
		at     time.Time
		cond   placement.ObservationCondition
		want   placement.Kind
	}{
		{"d1", now, placement.ObservationCondition{Digest: "d0"}, placement.PreconditionFailed},
		{"d1", now, placement.ObservationCondition{First: true}, 99},
		{"d2", now, placement.ObservationCondition{First: true}, placement.PreconditionFailed},
		{"d2", now, placement.ObservationCondition{Digest: "d1"}, 99},
		{"d3", now, placement.ObservationCondition{Digest: "d1"}, placement.PreconditionFailed},
		{"d3", now.Add(-time.Second), placement.ObservationCondition{}, placement.Conflict},
		{"d2", now.Add(-time.Second), placement.ObservationCondition{}, placement.Conflict},
		{"d3", now.Add(time.Hour), placement.ObservationCondition{}, 99},
		{"d4", time.Time{}, placement.ObservationCondition{}, 99},
	}
	for n, s := range steps {
		if got := put(s.digest, s.at, s.cond); got != s.want {
			t.Errorf("step %d: kind %d, want %d", n, got, s.want)
		}
	}
	if n := w.count(`SELECT count(*) FROM observed_state WHERE digest = 'd4' AND observed_at <= now()`); n != 1 {
		t.Error("a clock that is ahead was believed")
	}
	if n := w.count(`SELECT count(*) FROM observed_cache WHERE mode = 'ENCRYPTED'`); n != 1 {
		t.Errorf("%d cache entries", n)
	}
	_, err := w.PutObservedState(t.Context(), placement.ObservedState{HostID: "h9"}, "d", placement.ObservationCondition{}, placement.EndRules{}, noDrift)
	if placement.KindOf(err) != placement.NotFound {
		t.Errorf("unknown host: %v", err)
	}
}

func TestMatchReported(t *testing.T) {
	t.Parallel()
	resident := func(id, vnf, component, rd string, vim ...string) *placement.Residency {
		return &placement.Residency{
			ID: id, ResourceDefinitionID: rd, VIMResourceIDs: vim, Workload: placement.Workload{NF: placement.NF{VNFInstanceID: vnf}, ComponentID: component},
		}
	}
	residents := []*placement.Residency{
		resident("a", "amf-1", "sig", "rd-1"), resident("b", "amf-1", "sig", "rd-2"), resident("c", "smf-1", "n4", "rd-1", "vim-3"),
	}
	type seen = placement.ObservedResidency
	tests := map[string]struct {
		reported []seen
		want     string
	}{
		"by id":                             {[]seen{{ResidencyID: "b"}}, "b"},
		"an id that is not here":            {[]seen{{ResidencyID: "z", VNFInstanceID: "smf-1"}}, "-"},
		"by the VIM's id":                   {[]seen{{VIMResourceID: "vim-3"}}, "c"},
		"by all three names":                {[]seen{{VNFInstanceID: "amf-1", ComponentID: "sig", ResourceDefinitionID: "rd-2"}}, "b"},
		"by the instance alone":             {[]seen{{VNFInstanceID: "smf-1"}}, "c"},
		"one of two: nobody knows":          {[]seen{{VNFInstanceID: "amf-1", ComponentID: "sig"}}, "-"},
		"the other of two":                  {[]seen{{ResidencyID: "a"}, {VNFInstanceID: "amf-1"}}, "ab"},
		"nothing said":                      {[]seen{{Runtime: "kata"}}, "-"},
		"another component":                 {[]seen{{VNFInstanceID: "smf-1", ComponentID: "sig"}}, "-"},
		"twice the same: the second is new": {[]seen{{ResidencyID: "c"}, {VIMResourceID: "vim-3"}}, "c-"},
	}
	for name, tt := range tests {
		got := ""
		for _, r := range match(residents, tt.reported) {
			if r == nil {
				got += "-"
			} else {
				got += r.ID
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
