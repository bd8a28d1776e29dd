package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
)

// aloneInDomain refuses a host with a resident of another trust domain.
func aloneInDomain(domain string) placement.Verify {
	return func(f placement.CommitFacts) (reasons []placement.Reason) {
		for _, h := range f.Hosts {
			for _, r := range h.Residents {
				if r.Workload.TrustDomainID != domain {
					reasons = append(reasons, placement.Reason{RuleID: "R-SEPDOM", AgainstID: r.ID})
				}
			}
		}
		return reasons
	}
}

// race lets two stores commit placements that may not share a host, once per host, and returns how often one of the
// two won, and how many hosts hold both.
func race(t *testing.T, w *world, other *Store, hosts []string, verify func(domain string) placement.Verify) (oneWon, violated int) {
	t.Helper()
	for _, host := range hosts {
		var won atomic.Int32
		var g errgroup.Group
		start := make(chan struct{})
		for domain, store := range map[string]*Store{"TD-A": w.Store, "TD-X": other} {
			c := w.commitOf(request{vnf: "vnf-" + domain, occ: host + domain, domain: domain, hosts: []string{host}})
			g.Go(func() error {
				<-start
				res, err := store.Commit(t.Context(), c, verify(domain))
				if res.Status == placement.CommitDone {
					won.Add(1)
				}
				return err
			})
		}
		close(start)
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if won.Load() == 1 {
			oneWon++
		}
	}
	findings, err := w.AuditSeparation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return oneWon, len(findings)
}

func (w *world) secondStore() *Store {
	w.t.Helper()
	s, err := Open(w.t.Context(), w.pool.Config().ConnString(), Options{AllowUnsafe: true, MaxConns: 16})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	return s
}

func hostNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("h%03d", i)
	}
	return names
}

func TestOfTwoContendingCommitsExactlyOneWins(t *testing.T) {
	t.Parallel()
	const rounds = 200
	w := newWorld(t, hostNames(rounds)...)
	one, violated := race(t, w, w.secondStore(), hostNames(rounds), aloneInDomain)
	if one != rounds || violated != 0 {
		t.Errorf("exactly one of two won in %d of %d rounds; %d hosts violated", one, rounds, violated)
	}
	w.checkBooks()
}

// The negative control of the race: without verification both win, and the audit sees it.
func TestRaceWithoutVerificationViolates(t *testing.T) {
	t.Parallel()
	const rounds = 20
	w := newWorld(t, hostNames(rounds)...)
	_, violated := race(t, w, w.secondStore(), hostNames(rounds), func(string) placement.Verify { return sayYes })
	if violated != rounds {
		t.Errorf("the audit finds %d of %d violated hosts", violated, rounds)
	}
}

// The negative control of the protocol: the same statements with the read before the lock violate, so what the tests
// above show is due to the order of lock and read.
func TestRaceWithTheReadBeforeTheLockViolates(t *testing.T) {
	t.Parallel()
	const rounds = 100
	w := newWorld(t, hostNames(rounds)...)
	violated := 0
	for _, host := range hostNames(rounds) {
		both := make(chan struct{})
		var read sync.WaitGroup
		read.Add(2)
		go func() { read.Wait(); close(both) }()
		var g errgroup.Group
		var won atomic.Int32
		for _, domain := range []string{"TD-A", "TD-X"} {
			c := w.commitOf(request{vnf: domain, occ: host + domain, domain: domain, hosts: []string{host}})
			g.Go(func() error {
				return w.inTx(t.Context(), grantTx, func(tx pgx.Tx) error {
					if won, err := commitReadingFirst(t.Context(), tx, &c, aloneInDomain(domain), func() { read.Done(); <-both }); err != nil || !won {
						return err
					}
					won.Add(1)
					return nil
				})
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if won.Load() == 2 {
			violated++
		}
	}
	if violated == 0 {
		t.Error("reading before locking violated no host: the test of the right order proves nothing")
	}
}

// commitReadingFirst is the protocol with its order sabotaged.
func commitReadingFirst(ctx context.Context, tx pgx.Tx, c *placement.Commit, verify placement.Verify, pause func()) (bool, error) {
	t := newCommitTx(c, nil)
	var b pgx.Batch
	t.queueFacts(&b)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return false, err
	}
	pause()
	facts, _ := t.facts()
	if len(verify(facts)) > 0 {
		return false, nil
	}
	if _, err := lockHosts(ctx, tx, t.keys); err != nil {
		return false, err
	}
	for _, r := range mustPlace(t) {
		if _, err := tx.Exec(ctx, insertResidencySQL, r.values()...); err != nil {
			return false, err
		}
	}
	return true, nil
}

func mustPlace(t *commitTx) []residencyRow {
	var rows []residencyRow
	for i := range t.Decision.Plan.Placements {
		rows = append(rows, residencyToRow(t.residency(&t.Decision.Plan.Placements[i])))
	}
	return rows
}

func TestContendingCommitsNumberDirectivesWithoutGaps(t *testing.T) {
	t.Parallel()
	const committers, each = 16, 12
	hosts := hostNames(4)
	w := newWorld(t, hosts...)
	w.exec(`UPDATE host SET cpu_millis_total = 1000000, memory_mib_total = 1000000`)
	w.exec(`UPDATE host_ext_capacity SET total = 1000000`)
	var commits [committers][each]placement.Commit
	for i := range commits {
		for n := range commits[i] {
			commits[i][n] = w.commitOf(request{vnf: fmt.Sprintf("vnf-%d", i), occ: fmt.Sprintf("%d-%d", i, n), hosts: []string{hosts[(i+n)%4], hosts[(i+n+1)%4]}})
		}
	}
	var g errgroup.Group
	for i := range commits {
		g.Go(func() error {
			for _, c := range commits[i] {
				res, err := w.Commit(t.Context(), c, sayYes)
				if err != nil || res.Status != placement.CommitDone {
					return fmt.Errorf("status %d, reasons %v: %w", res.Status, res.Reasons, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, host := range hosts {
		dirs, err := w.HostDirectives(t.Context(), host, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for n, d := range dirs {
			if d.Seq != int64(n+1) {
				t.Fatalf("directive %d of host %s has the number %d", n+1, host, d.Seq)
			}
		}
		total += len(dirs)
	}
	if want := committers * each * 2; total != want {
		t.Errorf("%d directives, want %d", total, want)
	}
	w.checkBooks()
	checkFeedOrder(t, w, total)
}

// checkFeedOrder reads the aggregated feed in small pages: nothing is missing, nothing comes twice, and per host the
// numbers ascend.
func checkFeedOrder(t *testing.T, w *world, want int) {
	t.Helper()
	last := map[string]int64{}
	got, marker := 0, ""
	for got < want {
		running := w.transactionsRun()
		dirs, next, err := w.Directives(t.Context(), "vim-1", marker, false, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(dirs) == 0 && !running {
			break
		}
		for _, d := range dirs {
			if d.Seq != last[d.HostID]+1 {
				t.Fatalf("directive %d of host %s comes after %d", d.Seq, d.HostID, last[d.HostID])
			}
			last[d.HostID] = d.Seq
			got++
		}
		marker = next
	}
	if dirs, _, err := w.Directives(t.Context(), "vim-1", marker, false, 7); err != nil || len(dirs) != 0 {
		t.Errorf("%d directives beyond the last, %v", len(dirs), err)
	}
	if got != want {
		t.Errorf("the aggregated feed has %d directives, want %d", got, want)
	}
}

// transactionsRun tells whether a transaction older than the newest directive still runs: that of another test, because
// the ids of transactions belong to the whole server.
func (w *world) transactionsRun() bool {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM directive WHERE txid >= pg_snapshot_xmin(pg_current_snapshot())`) > 0
}

// The directives of a host that a slow transaction issued are not lost to a reader that has read on.
func TestAggregatedFeedWaitsForSlowTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	slow, err := w.pool.BeginTx(t.Context(), grantTx)
	if err != nil {
		t.Fatal(err)
	}
	c := w.commitOf(request{vnf: "slow", occ: "slow", hosts: []string{"h1"}})
	if res, err := commitOnce(t.Context(), slow, newCommitTx(&c, nil), sayYes); err != nil || res.Status != placement.CommitDone {
		t.Fatalf("%+v, %v", res, err)
	}
	w.grant(request{vnf: "fast", occ: "fast", hosts: []string{"h2"}})
	dirs, marker, err := w.Directives(t.Context(), "", "", false, 10)
	if err != nil || len(dirs) != 0 || marker != "" {
		t.Errorf("read past a running transaction: %+v, marker %q, %v", dirs, marker, err)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkFeedOrder(t, w, 2)
	if _, _, err := w.Directives(t.Context(), "", "no marker", false, 10); placement.KindOf(err) != placement.Invalid {
		t.Errorf("a marker that was never given: %v", err)
	}
}
