package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

// checkReplica applies the whole feed, as a replica does, and compares the outcome with the tables.
func checkReplica(t *testing.T, w *world) {
	t.Helper()
	residencies := map[string]placement.Residency{}
	hosts := map[string]placement.Host{}
	for _, c := range w.feed() {
		switch c.Kind {
		case placement.ChangeResidency:
			delete(residencies, c.ID)
			if c.Residency != nil {
				residencies[c.ID] = *c.Residency
			}
		case placement.ChangeHost:
			hosts[c.ID] = *c.Host
		default:
		}
	}
	var got []placement.Residency
	for _, r := range residencies {
		got = append(got, r)
	}
	slices.SortFunc(got, func(a, b placement.Residency) int { return strings.Compare(a.ID, b.ID) })
	want, err := collect(t.Context(), w.pool, residencyFromRow, `SELECT `+residencyColumns+` FROM residency ORDER BY id COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a replica has other residencies than the database (-database +replica):\n%s", diff)
	}
	for id, h := range hosts {
		now, err := readHosts(t.Context(), w.pool, h.NFVIPoPID, []string{id})
		if err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		if diff := cmp.Diff(now[0], h, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("a replica has another record of host %s (-database +replica):\n%s", id, diff)
		}
	}
}
