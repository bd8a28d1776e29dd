package chaos

import (
	"testing"
	"time"

	"ringfence/internal/placement"
)

// TestLedgerFindsWhatIsWrong: each falsification of the tables is found, and called by its name.
func TestLedgerFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	type tables struct {
		grants      []grantRow
		residencies []residencyRow
	}
	l := newLedger()
	kept := instantiate("kept", "vnf-1", "a", "work", 2, false)
	ended := instantiate("ended", "vnf-2", "a", "work", 1, false)
	refused := instantiate("refused", "vnf-3", "a", "work", 1, false)
	l.answered(kept, &answer{status: 201, grantID: "g1", hosts: map[string]string{"work-0": "h1", "work-1": "h2"}})
	l.answered(ended, &answer{status: 201, grantID: "g2", hosts: map[string]string{"work-0": "h1"}})
	l.answered(refused, &answer{status: 403})
	l.ending(ended)
	l.ended(ended)
	for name, tt := range map[string]struct {
		falsify func(*tables)
		want    comparison
	}{
		"nothing":          {func(*tables) {}, comparison{}},
		"no grant":         {func(s *tables) { s.grants[0].occurrence = "other" }, comparison{lost: make([]string, 1), unasked: make([]string, 2)}},
		"another grant":    {func(s *tables) { s.grants[0].id = "g9" }, comparison{lost: make([]string, 1), unasked: make([]string, 1)}},
		"no residency":     {func(s *tables) { s.residencies = s.residencies[1:] }, comparison{lost: make([]string, 1)}},
		"ended":            {func(s *tables) { s.residencies[0].state = placement.StateTerminating }, comparison{lost: make([]string, 1)}},
		"not ended":        {func(s *tables) { s.residencies[2].state = placement.StateReserved }, comparison{lost: make([]string, 1)}},
		"two grants":       {func(s *tables) { s.grants = append(s.grants, s.grants[0]) }, comparison{doubled: make([]string, 1), unasked: make([]string, 1)}},
		"two residencies":  {func(s *tables) { s.residencies = append(s.residencies, s.residencies[0]) }, comparison{doubled: make([]string, 1)}},
		"another host":     {func(s *tables) { s.residencies[0].host = "h9" }, comparison{unasked: make([]string, 1)}},
		"granted, refused": {func(s *tables) { s.grants = append(s.grants, grantRow{id: "g3", occurrence: "refused"}) }, comparison{unasked: make([]string, 1)}},
		"of nobody":        {func(s *tables) { s.residencies[0].grantID = "g9" }, comparison{lost: make([]string, 1), unasked: make([]string, 1)}},
	} {
		s := tables{
			[]grantRow{{id: "g1", occurrence: "kept", at: time.Now()}, {id: "g2", occurrence: "ended", at: time.Now()}},
			[]residencyRow{
				{"r1", "g1", "work-0", "h1", placement.StateReserved},
				{"r2", "g1", "work-1", "h2", placement.StateReserved},
				{"r3", "g2", "work-0", "h1", placement.StateTerminating},
			},
		}
		tt.falsify(&s)
		got := l.compare(s.grants, s.residencies)
		if len(got.lost) != len(tt.want.lost) || len(got.doubled) != len(tt.want.doubled) || len(got.unasked) != len(tt.want.unasked) {
			t.Errorf("%s: lost %q, doubled %q, granted to nobody %q", name, got.lost, got.doubled, got.unasked)
		}
	}
}

// TestFeedTellsOfPastViolations: a host that was shared between two transactions is found, though it no longer is.
func TestFeedTellsOfPastViolations(t *testing.T) {
	t.Parallel()
	a := event{transaction: 1, id: "a", host: "h1", domain: "TD-A", weak: true}
	b := event{transaction: 2, id: "b", host: "h1", domain: "TD-B"}
	leaves := func(transaction uint64, id string) event { return event{transaction: transaction, id: id, gone: true} }
	far := event{transaction: 2, id: "c", host: "h2", domain: "TD-C"}
	for name, tt := range map[string]struct {
		events []event
		want   int
	}{
		"one after the other":           {[]event{a, leaves(2, "a"), b}, 0},
		"within a transaction":          {[]event{a, b, leaves(2, "a")}, 0},
		"for a moment":                  {[]event{a, b, leaves(3, "a")}, 1},
		"beside another host's changes": {[]event{a, b, far, leaves(3, "a")}, 1},
		"until the end":                 {[]event{a, b, leaves(3, "c"), far}, 1},
		"isolated":                      {[]event{{transaction: 1, id: "a", host: "h1", domain: "TD-A"}, b}, 0},
	} {
		if got := everShared(tt.events, nameOf("domain")); len(got) != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
