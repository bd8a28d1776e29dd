package postgres

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

// replica is the state that a reader of the feed builds.
type replica struct {
	objects  map[string]placement.Change // by kind and id
	position placement.FeedPosition
}

func (r *replica) apply(c placement.Change) error {
	if r.objects == nil {
		r.objects = map[string]placement.Change{}
	}
	key := string(c.Kind) + " " + c.ID
	if c.Position != (placement.FeedPosition{}) {
		r.position = c.Position
	}
	c.Position = placement.FeedPosition{}
	if gone := (placement.Change{Kind: c.Kind, NFVIPoPID: c.NFVIPoPID, ID: c.ID}); cmp.Equal(c, gone) && c.Kind != placement.ChangePolicies {
		delete(r.objects, key)
		return nil
	}
	r.objects[key] = c
	return nil
}

// follow reads the feed to its end.
func (r *replica) follow(t testing.TB, s *Store) {
	t.Helper()
	headOf(t, s)
	for {
		changes := must(s.ReadFeed(t.Context(), r.position, 7))(t)
		if len(changes) == 0 {
			return
		}
		for _, c := range changes {
			if c.Position.Compare(r.position) <= 0 {
				t.Fatalf("change %s came after %s", c.Position, r.position)
			}
			_ = r.apply(c)
		}
	}
}

// wantTables compares the state with what the tables hold.
func (r *replica) wantTables(t testing.TB, s *Store) {
	t.Helper()
	var tables replica
	if _, _, err := s.Snapshot(t.Context(), tables.apply); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tables.objects, r.objects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the feed does not add up to the tables (-tables +feed):\n%s", diff)
	}
}

// wantConsistent follows the feed from its beginning and compares the outcome with the tables, and the use of hosts
// with their residencies. Where no policy was ever activated, the feed says nothing of policies and of the first epoch.
func wantConsistent(t testing.TB, s *Store) {
	t.Helper()
	r := replica{objects: map[string]placement.Change{
		"POLICIES active":    {Kind: placement.ChangePolicies, ID: policiesID},
		"POLICY_EPOCH epoch": {Kind: placement.ChangePolicyEpoch, ID: epochID, Epoch: 1},
	}}
	r.follow(t, s)
	r.wantTables(t, s)
	if differences := must(s.CheckUsage(t.Context()))(t); len(differences) > 0 {
		t.Errorf("use that residencies do not explain: %v", differences)
	}
}

// kindsSince returns the kinds and ids of the changes after a position.
func kindsSince(t testing.TB, s *Store, after placement.FeedPosition) []string {
	t.Helper()
	headOf(t, s)
	var kinds []string
	for _, c := range must(s.ReadFeed(t.Context(), after, 1000))(t) {
		kinds = append(kinds, string(c.Kind)+" "+c.ID)
	}
	slices.Sort(kinds)
	return kinds
}

// headOf is the position of the newest change, when readers see all of them. Transactions of other tests, in other
// databases of the same server, hold readers up as well.
func headOf(t testing.TB, s *Store) (head placement.FeedPosition) {
	t.Helper()
	eventually(t, func() bool {
		at, pending, err := s.FeedHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		head = at
		return !pending
	})
	return head
}

// acts counts the records of an action in the audit trail.
func acts(t testing.TB, s *Store, action, objectID string) (n int) {
	t.Helper()
	err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_record WHERE action = $1 AND object_id = $2 AND actor_id = $3`, action, objectID, tester).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
