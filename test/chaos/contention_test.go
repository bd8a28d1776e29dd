package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestContendedPlacementsKeepApart has eight clients ask two ringfences for four mutually separated trust domains on
// three hosts with little room, and let go again of what they got. Most of what is asked cannot be granted at the moment.
func TestContendedPlacementsKeepApart(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	fleet{hosts: 3, room: 4}.load(c, replicas[0])
	l := &load{ledger: newLedger(), asker: vnfm{replicas}}
	var g *errgroup.Group
	g, l.ctx = errgroup.WithContext(c.ctx)
	placements := length{300, 10_000}.value()
	var asked atomic.Int64
	for n := range clients {
		random := c.random(uint64(n))
		g.Go(func() error {
			return l.contend(n, random, replicas, func() bool { return asked.Add(1) <= int64(placements) })
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := l.summary()
	if s.granted == 0 || s.refused == 0 {
		t.Errorf("nothing was contended: %v", s)
	}
	a := newAuditor(c, db)
	l.check(c, a, "domain")
	for _, r := range replicas {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	a.checkAuditCanFail(c, "domain")
	t.Logf("%v", s)
}

// contend asks for one placement after the other and keeps at most three.
func (l *load) contend(number int, random *rand.Rand, replicas []*replica, more func() bool) error {
	var standing []*occurrence
	for i := 0; more(); i++ {
		if len(standing) > random.IntN(4) {
			o := standing[0]
			standing = standing[1:]
			if err := l.letGo(o, replicas[random.IntN(len(replicas))]); err != nil {
				return err
			}
		}
		id := fmt.Sprintf("op-%d-%d", number, i)
		o := instantiate(id, "vnf-"+id, vnfdOf(domains[random.IntN(len(domains))]), "work", 1, false)
		granted, err := l.settle(o, number+i)
		if err != nil {
			return err
		}
		if granted {
			standing = append(standing, o)
		}
	}
	return nil
}

// letGo releases what an occurrence was granted.
func (l *load) letGo(o *occurrence, r *replica) error {
	l.ending(o)
	if _, err := r.release(l.ctx, o.vnf); err != nil {
		return errors.Join(err, fmt.Errorf("release of %s", o.id))
	}
	l.ended(o)
	return nil
}

// check holds the tables against the ledger and audits them.
func (l *load) check(c *trial, a *auditor, apart string) {
	c.Helper()
	report(c, "answer", l.strange)
	grants, residencies, err := a.granted(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	found := l.compare(grants, residencies)
	report(c, "lost", found.lost)
	report(c, "doubled", found.doubled)
	report(c, "granted to nobody", found.unasked)
	separation := a.checkSeparation(c, apart)
	a.checkBooks(c)
	c.Logf("of %d grants with %d residencies: lost %d, doubled %d, granted to nobody %d; %d occurrences had committed unanswered; %s",
		len(grants), len(residencies), len(found.lost), len(found.doubled), len(found.unasked), found.committed, separation)
}
