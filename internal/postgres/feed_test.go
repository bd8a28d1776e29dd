package postgres

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
)

// changeOf is a change that says nothing but who wrote it.
func changeOf(id string) placement.Change {
	return placement.Change{Kind: placement.ChangeNFVIPoP, ID: id, NFVIPoP: &placement.NFVIPoP{ID: id}}
}

// TestFeedLosesNothing lets writers of very different speed append while readers follow. The control reads as one would
// without knowing better, in pages after the last id, and loses changes: the test can fail.
func TestFeedLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	const writers, each = 8, 60
	ctx, stop := context.WithCancel(t.Context())
	var written errgroup.Group
	for w := range writers {
		written.Go(func() error {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				pause := time.Duration(random.IntN(6)) * time.Millisecond
				err := s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
					if err := appendChanges(t.Context(), tx, changeOf(fmt.Sprint(w, ".", i)), changeOf(fmt.Sprint(w, ".", i, "b"))); err != nil {
						return err
					}
					return sleep(t.Context(), pause)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	var read sync.WaitGroup
	var followed, naive map[string]bool
	read.Go(func() { followed = followFeed(ctx, t, s) })
	read.Go(func() { naive = followByID(ctx, t, s) })
	if err := written.Wait(); err != nil {
		t.Error(err)
	}
	headOf(t, s)
	stop()
	read.Wait()
	if len(followed) != 2*writers*each {
		t.Errorf("a reader of the feed saw %d of %d changes", len(followed), 2*writers*each)
	}
	if len(naive) == 2*writers*each {
		t.Error("paging by id lost nothing: the writers do not overlap, so that this test cannot fail")
	}
	t.Logf("paging by id saw %d of %d changes", len(naive), 2*writers*each)
}

// followFeed reads until the context ends, and then what is left.
func followFeed(ctx context.Context, t *testing.T, s *Store) map[string]bool {
	seen := map[string]bool{}
	var at placement.FeedPosition
	for last := false; ; {
		changes, err := s.ReadFeed(t.Context(), at, 10)
		if err != nil {
			t.Error(err)
			return seen
		}
		for _, c := range changes {
			if seen[c.ID] || c.Position.Compare(at) <= 0 {
				t.Errorf("%s came twice or out of order, at %s after %s", c.ID, c.Position, at)
			}
			seen[c.ID], at = true, c.Position
		}
		if last && len(changes) == 0 {
			return seen
		}
		last = ctx.Err() != nil
	}
}

// followByID is the control: committed rows after the last id.
func followByID(ctx context.Context, t *testing.T, s *Store) map[string]bool {
	seen := map[string]bool{}
	var at int64
	for last := false; ; {
		rows, err := s.pool.Query(t.Context(), `SELECT id, object_id FROM change_feed WHERE id > $1 ORDER BY id LIMIT 10`, at)
		if err != nil {
			t.Error(err)
			return seen
		}
		var id string
		n := 0
		if _, err := pgx.ForEachRow(rows, []any{&at, &id}, func() error { n++; seen[id] = true; return nil }); err != nil {
			t.Error(err)
			return seen
		}
		if last && n == 0 {
			return seen
		}
		last = ctx.Err() != nil
	}
}

// overtake lets a transaction that has its id already be overtaken by a younger one on a host that both change, and
// returns the host that the feed's order leaves, beside the one in the table.
func overtake(t *testing.T, s *Store, lock func(context.Context, pgx.Tx, placement.HostKey) error) (feed, table string, attempts int) {
	t.Helper()
	ctx := t.Context()
	key := placement.HostKey{NFVIPoPID: "LON", HostID: "h01"}
	relabel := func(tx pgx.Tx, rack string) error {
		if err := lock(ctx, tx, key); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE host SET rack_id = $1 WHERE id = 'h01'`, rack); err != nil {
			return err
		}
		return changeHost(ctx, tx, key)
	}
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if attempts++; attempts == 1 {
			if _, err := tx.Exec(ctx, `SELECT pg_current_xact_id()`); err != nil {
				return err
			}
			if err := s.inTx(ctx, readWrite, func(younger pgx.Tx) error { return relabel(younger, "younger") }); err != nil {
				return err
			}
		}
		return relabel(tx, "older, but later")
	})
	if err != nil {
		t.Fatal(err)
	}
	r := replica{objects: map[string]placement.Change{}}
	r.follow(t, s)
	return r.objects["HOST h01"].Host.RackID, must(s.GetHost(ctx, "h01"))(t).RackID, attempts
}

// TestFeedOrder holds the order of the feed to the order in which a host changed. The control locks without looking
// who was there before, and leaves a replica with what the host is no longer.
func TestFeedOrder(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	if feed, table, attempts := overtake(t, s, lockHost); feed != "older, but later" || feed != table || attempts != 2 {
		t.Errorf("the feed says %q, the table %q, after %d attempts", feed, table, attempts)
	}
	careless, _ := newFleet(t)
	feed, table, _ := overtake(t, careless, func(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
		_, err := tx.Exec(ctx, `SELECT id FROM host WHERE nfvi_pop_id = $1 AND id = $2 FOR NO KEY UPDATE`, key.NFVIPoPID, key.HostID)
		return err
	})
	if feed == table {
		t.Errorf("without the check feed and table agree on %q: this test cannot fail", feed)
	}
}

// TestFeedOrderUnderLoad changes the same hosts from all sides.
func TestFeedOrderUnderLoad(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	var g errgroup.Group
	for w := range 6 {
		g.Go(func() error {
			for i := range 12 {
				var err error
				switch w {
				case 0, 1:
					_, err = s.RecordAttestation(ctx, "h01", verdict(placement.AttestationTrusted, time.Time{}), tester)
				case 2:
					_, err = s.RecordScrub(ctx, "h01", placement.ScrubRecord{Level: placement.ScrubReboot}, tester)
				case 3:
					h := smallHost("h01", "LON", "LON-A", "pool-core")
					h.RackID = fmt.Sprint("r", i)
					_, _, err = s.PutHost(ctx, h, nil, tester)
				case 4:
					_, _, err = s.PutResidency(ctx, smallResidency("smf-1.sig-0", []string{"h01", "h03"}[i%2], "kata"), nil, placement.EndRules{}, tester)
				case 5:
					if err = s.DeleteResidency(ctx, "smf-1.sig-0", nil, placement.EndRules{}, tester); placement.KindOf(err) == placement.NotFound {
						err = nil
					}
				}
				if err != nil {
					return fmt.Errorf("writer %d: %w", w, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	wantConsistent(t, s)
}

// TestFeedHead tells what readers see from what waits.
func TestFeedHead(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	if head := headOf(t, s); head != (placement.FeedPosition{}) {
		t.Errorf("head %s of an empty feed", head)
	}
	must2(s.PutNFVIPoP(ctx, placement.NFVIPoP{ID: "LON"}, nil, tester))(t)
	head := headOf(t, s)
	slow := begin(t, s)
	if _, err := slow.Exec(ctx, `SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	must2(s.PutNFVIPoP(ctx, placement.NFVIPoP{ID: "DUB"}, nil, tester))(t)
	at, pending, err := s.FeedHead(ctx)
	if err != nil || !pending || at != head {
		t.Errorf("head %s, pending %v: %v; want %s and a change that waits", at, pending, err, head)
	}
	if changes := must(s.ReadFeed(ctx, head, 10))(t); len(changes) != 0 {
		t.Errorf("changes that may still get predecessors: %+v", changes)
	}
	if err := slow.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if at = headOf(t, s); at.Compare(head) <= 0 {
		t.Errorf("head %s afterwards, was %s", at, head)
	}
}

// TestReplayFeed rebuilds the state of a position.
func TestReplayFeed(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	var then replica
	if _, _, err := s.Snapshot(ctx, then.apply); err != nil {
		t.Fatal(err)
	}
	at := headOf(t, s)
	h := smallHost("h01", "LON", "LON-A", "pool-core")
	h.RackID = "elsewhere"
	must2(s.PutHost(ctx, h, nil, tester))(t)
	headOf(t, s)
	var replayed replica
	if err := s.ReplayFeed(ctx, placement.FeedPosition{}, at, replayed.apply); err != nil {
		t.Fatal(err)
	}
	delete(then.objects, "POLICIES active") // no policy was ever activated: the feed does not speak of it
	if diff := cmp.Diff(then.objects, replayed.objects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("replayed to %s (-then +replayed):\n%s", at, diff)
	}
	n := 0
	if err := s.ReplayFeed(ctx, at, placement.FeedPosition{TxID: math.MaxInt64, Row: math.MaxInt64}, func(placement.Change) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d changes after %s: %v", n, at, err)
	}
	stop := placement.Errorf(placement.Forbidden, "enough")
	if err := s.ReplayFeed(ctx, placement.FeedPosition{}, at, func(placement.Change) error { return stop }); placement.KindOf(err) != placement.Forbidden {
		t.Errorf("error %v, want the reader's own", err)
	}
}

// TestChangesOfAllKinds sends one change of every kind, and the end of one, through the feed.
func TestChangesOfAllKinds(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	var changes []placement.Change
	if _, _, err := s.Snapshot(t.Context(), func(c placement.Change) error { changes = append(changes, c); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range changes {
		if changes[i].Kind == placement.ChangePolicies {
			changes[i].Policies = []placement.ActivePolicy{{
				Ref: placement.PolicyRef{ID: "p", Version: "1", SHA256: "ab"}, Content: []byte("a\x00\xff"), Associations: []string{"vnf-1"},
			}}
		}
	}
	changes = append(changes, residencyGone("LON", "amf-1.sig-0"), cacheEntryGone(placement.HostKey{NFVIPoPID: "LON", HostID: "a/b"}, "sha256:x"))
	before := headOf(t, s)
	err := s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error { return appendChanges(t.Context(), tx, changes...) })
	if err != nil {
		t.Fatal(err)
	}
	headOf(t, s)
	got := must(s.ReadFeed(t.Context(), before, 100))(t)
	kinds := map[placement.ChangeKind]bool{}
	for i := range got {
		got[i].Position = placement.FeedPosition{}
		kinds[got[i].Kind] = true
	}
	if diff := cmp.Diff(changes, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what was sent is not what arrived (-sent +arrived):\n%s", diff)
	}
	if len(kinds) != 13 {
		t.Errorf("%d kinds of change were tried, want all 13", len(kinds))
	}
	if host, digest := splitCacheEntryID("a/b/sha256:x"); host != "a/b" || digest != "sha256:x" {
		t.Errorf("a cache entry's id was read as %q and %q", host, digest)
	}
}

// TestManyChanges takes the way of COPY, which must say the same as the statement.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var sent []placement.Change
	for i := range copiedFrom + 1 {
		c := changeOf(fmt.Sprint("p", i))
		if i%3 == 0 {
			c.NFVIPoP = nil
		}
		sent = append(sent, c)
	}
	if err := s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error { return appendChanges(t.Context(), tx, sent...) }); err != nil {
		t.Fatal(err)
	}
	headOf(t, s)
	got := must(s.ReadFeed(t.Context(), placement.FeedPosition{}, 2*copiedFrom))(t)
	for i := range got {
		got[i].Position = placement.FeedPosition{}
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("what was sent is not what arrived (-sent +arrived):\n%s", diff)
	}
}

// TestUnknownChange refuses what a newer version wrote instead of passing over it.
func TestUnknownChange(t *testing.T) {
	t.Parallel()
	c := placement.Change{Kind: "SATELLITE", ID: "s"}
	if err := readAfterImage(&c, []byte(`{}`)); err == nil {
		t.Error("a change of an unknown kind was read")
	}
	c = placement.Change{Kind: placement.ChangeHost, ID: "h"}
	if err := readAfterImage(&c, []byte(`{"capabilities": ["TELEPATHY"]}`)); err == nil {
		t.Error("a host with an unknown capability was read")
	}
}
