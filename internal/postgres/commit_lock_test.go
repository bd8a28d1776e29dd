package postgres

import (
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// blocked waits until a transaction of the store waits for a lock.
func (w *world) blocked() {
	w.t.Helper()
	const blockedSQL = `
		SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE NOT l.granted AND a.datname = current_database()`
	eventually(w.t, func() bool { return w.count(blockedSQL) > 0 })
}

// holding changes a host in a transaction of somebody who knows nothing of turns, has a commit wait for it, lets finish do
// more in that transaction, commits it, and returns what the commit came to.
func (w *world) holding(c placement.Commit, verify placement.Verify, finish func(pgx.Tx)) (placement.CommitResult, error) {
	w.t.Helper()
	tx, err := connect(w.t, w.ownerURL).Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := tx.Exec(w.t.Context(), `UPDATE host SET gen = gen + 1 WHERE id = 'h1'`); err != nil {
		w.t.Fatal(err)
	}
	type outcome struct {
		res placement.CommitResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := w.Commit(w.t.Context(), c, verify)
		done <- outcome{res, err}
	}()
	w.blocked()
	if finish != nil {
		finish(tx)
		if err := tx.Commit(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	o := <-done
	return o.res, o.err
}

// The statements after the lock see what it waited for, although they were sent with it.
func TestCommitSeesWhatItsLockWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	var facts placement.CommitFacts
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	res, err := w.holding(c, func(f placement.CommitFacts) []placement.Reason { facts = f; return []placement.Reason{{RuleID: "R"}} }, func(tx pgx.Tx) {
		for _, sql := range []string{
			`UPDATE host SET lifecycle = 'CORDONED' WHERE id = 'h1'`,
			`INSERT INTO residency (nfvi_pop_id, id, host_id, kind, state, vnf_instance_id, component_id, trust_domain_id)
			 VALUES ('lon', 'late', 'h1', 'WORKLOAD', 'RUNNING', 'x', 'x', 'TD-X')`,
			`INSERT INTO residue (nfvi_pop_id, host_id, id, trust_domain_id, since, below_vm, device) VALUES ('lon', 'h1', 'r', 'TD-X', now(), true, false)`,
		} {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err != nil || res.Status != placement.CommitStale {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	h := facts.Hosts[0]
	if h.Host.Lifecycle != placement.LifecycleCordoned || len(h.Residents) != 1 || h.Residents[0].ID != "late" || len(h.Host.Residue) != 1 {
		t.Errorf("the facts are older than the lock: %+v", h)
	}
}

func TestCommitDoesNotWaitLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	res, err := w.holding(w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}}), sayYes, nil)
	if placement.KindOf(err) != placement.Unavailable || res.Status != placement.CommitUnknown {
		t.Errorf("a commit that waits for a lock: %+v, %v", res, err)
	}
}

// A host that a later transaction has changed makes a commit start again, with a later id than that.
func TestCommitStartsAgainWhenOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	var verified atomic.Int32
	var later uint64
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	res, err := w.holding(c, func(placement.CommitFacts) []placement.Reason { verified.Add(1); return nil }, func(tx pgx.Tx) {
		if err := w.owner.QueryRow(t.Context(), `SELECT pg_current_xact_id()`).Scan(&later); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `UPDATE host SET changed_txid = $1 WHERE id = 'h1'`, later); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil || res.Status != placement.CommitDone || verified.Load() != 1 {
		t.Fatalf("commit: %+v, %v, verified %d times", res, err, verified.Load())
	}
	if changes := w.feed(); len(changes) != 1 || changes[0].Position.TxID <= later {
		t.Errorf("the feed has %+v, want one change after transaction %d", changes, later)
	}
	w.checkBooks()
}
