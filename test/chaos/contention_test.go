package chaos

import (
	"errors"
	"testing"
)

// TestContendedPlacementsKeepApart has eight clients ask two ringfences for four mutually separated trust domains on
// three hosts with little room, and let go again of what they got. Most of what is asked cannot be granted at the moment.
func TestContendedPlacementsKeepApart(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	servers{hosts: 3, room: 4}.load(c, replicas[0])
	l := startLoad(c, vnfm{replicas}, contend(replicas))
	if err := errors.Join(l.awaitAnswers(length{300, 10_000}.value()), l.stop()); err != nil {
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
	a.checkReplayCanFail(c)
	t.Logf("%v", s)
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
	c.Log(a.checkReplay(c))
	c.Logf("of %d grants with %d residencies: lost %d, doubled %d, granted to nobody %d; %d occurrences had committed unanswered; %s",
		len(grants), len(residencies), len(found.lost), len(found.doubled), len(found.unasked), found.committed, separation)
}
