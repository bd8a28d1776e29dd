package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"ringfence/internal/postgres/embedded"
)

// roomy is a fleet that never gets full while a test runs.
var roomy = servers{hosts: 48, room: 100_000}

// TestKilledRingfence kills one of two ringfences under load again and again, now and then both.
func TestKilledRingfence(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	roomy.load(c, replicas[0])
	kills := length{3, 25}.value()
	l := startLoad(c, vnfm{replicas}, grow)
	interrupted := l.disturb(c, kills, func(random *rand.Rand) error {
		victims := []*replica{replicas[random.IntN(2)]}
		if random.IntN(5) == 0 {
			victims = replicas
		}
		for _, r := range victims {
			if err := r.kill(); err != nil {
				return err
			}
		}
		for _, r := range victims {
			if err := r.start(c.ctx); err != nil {
				return err
			}
		}
		return nil
	})
	l.settleAccounts(c, db, replicas)
	t.Logf("%d kills of ringfence, %d requests on their way; %v", kills, interrupted, l.summary())
}

// TestKilledDatabase kills all processes of PostgreSQL under load again and again. No ringfence is started again.
func TestKilledDatabase(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	roomy.load(c, replicas[0])
	kills := length{2, 10}.value()
	l := startLoad(c, vnfm{replicas}, grow)
	var slowest time.Duration
	interrupted := l.disturb(c, kills, func(*rand.Rand) error {
		if err := db.kill(c.ctx); err != nil {
			return err
		}
		back := time.Now()
		if err := l.awaitAnswers(1); err != nil {
			return fmt.Errorf("after the database was back: %w", err)
		}
		slowest = max(slowest, time.Since(back))
		return nil
	})
	l.settleAccounts(c, db, replicas)
	t.Logf("%d kills of PostgreSQL, %d requests on their way; first answer at most %v after it accepted connections; %v",
		kills, interrupted, slowest.Round(time.Millisecond), l.summary())
}

// TestKilledUnderContention kills ringfences and PostgreSQL in turn while clients contend for few hosts and let go of them.
func TestKilledUnderContention(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	servers{hosts: 6, room: 8}.load(c, replicas[0])
	kills := length{2, 20}.value()
	l := startLoad(c, vnfm{replicas}, contend(replicas))
	turn := 0
	interrupted := l.disturb(c, kills, func(random *rand.Rand) error {
		if turn++; turn%2 == 0 {
			return db.kill(c.ctx)
		}
		r := replicas[random.IntN(2)]
		return errors.Join(r.kill(), r.start(c.ctx))
	})
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	l.check(c, newAuditor(c, db), "domain")
	t.Logf("%d kills, %d requests on their way; %v", kills, interrupted, l.summary())
}

// settleAccounts ends the load, audits, and asks everything once more.
func (l *load) settleAccounts(c *trial, db *database, replicas []*replica) {
	c.Helper()
	if err := l.stop(); err != nil {
		c.Fatal(err)
	}
	a := newAuditor(c, db)
	l.check(c, a, "domain")
	before, err := a.counts(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	same, differences := l.replay(c.ctx, replicas)
	report(c, "replay", differences)
	after, err := a.counts(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	if before != after || same == 0 {
		c.Errorf("replays of %d requests wrote: %v rows before, %v after", same, before, after)
	}
	c.Logf("%d replays gave the same grant and wrote nothing", same)
}

// TestKilledDefault kills a ringfence that keeps its own PostgreSQL, which goes with it, and starts it on the same data.
func TestKilledDefault(t *testing.T) {
	c := newTrial(t)
	r := newReplica(c, "ringfence", nil)
	roomy.load(c, r)
	kills := length{1, 5}.value()
	l := startLoad(c, vnfm{[]*replica{r}}, grow)
	interrupted := l.disturb(c, kills, func(*rand.Rand) error {
		return errors.Join(r.kill(), r.start(c.ctx))
	})
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	same, differences := l.replay(c.ctx, []*replica{r})
	report(t, "replay", differences)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	l.check(c, newAuditor(c, openPrivate(c, r.options.DataDir)), "domain")
	t.Logf("%d kills of ringfence with its PostgreSQL, %d requests on their way, %d replays gave the same grant; %v", kills, interrupted, same, l.summary())
}

// openPrivate starts the private database that a ringfence has left.
func openPrivate(c *trial, dataDir string) *database {
	c.Helper()
	s, err := embedded.Start(c.ctx, embedded.Options{DataDir: dataDir, BinDir: os.Getenv("RINGFENCE_PG_BINDIR"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(c.ctx)); err != nil {
			c.Error(err)
		}
	})
	return &database{server: s, ownerURL: s.OwnerURL(), appURL: s.AppURL()}
}
