package chaos

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"ringfence/internal/placement"
)

// entry is what one occurrence was answered.
type entry struct {
	*occurrence

	grants    map[string]map[string]string // the grants that it was answered, each with its hosts: one, or something is doubled
	refusals  int
	ended     bool      // its resources were terminated or released, and that was acknowledged
	touched   bool      // something was asked that ends them
	broken    int       // attempts that nobody answered
	firstLoss time.Time // when the first of them was given up
}

// ledger is what clients were answered. It is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	strange []string       // answers that no fault may cause
	why     map[string]int // what the attempts met that were not answered
	count   int            // of answers
}

func newLedger() *ledger { return &ledger{entries: map[string]*entry{}, why: map[string]int{}} }

func (l *ledger) entry(o *occurrence) *entry {
	e := l.entries[o.id]
	if e == nil {
		e = &entry{occurrence: o, grants: map[string]map[string]string{}}
		l.entries[o.id] = e
	}
	return e
}

// broke notes an attempt that was not answered.
func (l *ledger) broke(o *occurrence, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why[err.Error()]++
	e := l.entry(o)
	if e.broken == 0 {
		e.firstLoss = time.Now()
	}
	e.broken++
}

// answered notes an answer.
func (l *ledger) answered(o *occurrence, a *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	e := l.entry(o)
	switch {
	case a.granted():
		e.grants[a.grantID] = a.hosts
	case a.refused():
		e.refusals++
	default:
		l.strange = append(l.strange, fmt.Sprintf("%s: %d %s", o.id, a.status, a.text))
	}
}

// ending notes that the resources of an occurrence are about to be ended, ended that they were.
func (l *ledger) ending(o *occurrence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(o).touched = true
}

func (l *ledger) ended(o *occurrence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(o).ended = true
}

// answers is how many answers came so far.
func (l *ledger) answers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// all are the entries in the order of their ids.
func (l *ledger) all() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*entry
	for _, id := range slices.Sorted(maps.Keys(l.entries)) {
		out = append(out, l.entries[id])
	}
	return out
}

// summary counts what the ledger holds.
type summary struct {
	occurrences, granted, refused, placements int
	both                                      int // occurrences that were granted and refused
	broken                                    int // attempts without an answer
	retried                                   int // occurrences with such an attempt
	why                                       []string
}

func (s summary) String() string {
	return fmt.Sprintf("%d occurrences: %d granted with %d placements, %d refused, %d both; %d attempts unanswered, of %d occurrences %v",
		s.occurrences, s.granted, s.placements, s.refused, s.both, s.broken, s.retried, s.why)
}

func (l *ledger) summary() (s summary) {
	for _, why := range slices.Sorted(maps.Keys(l.why)) {
		s.why = append(s.why, fmt.Sprintf("%s: %d;", why, l.why[why]))
	}
	for _, e := range l.all() {
		s.occurrences++
		s.broken += e.broken
		if e.broken > 0 {
			s.retried++
		}
		if len(e.grants) > 0 && e.refusals > 0 {
			s.both++
		}
		switch {
		case len(e.grants) > 0:
			s.granted++
			for _, hosts := range e.grants {
				s.placements += len(hosts)
			}
		case e.refusals > 0:
			s.refused++
		}
	}
	return s
}

// grantRow and residencyRow are what the tables say.
type grantRow struct {
	id, occurrence string
	at             time.Time
	residencies    []string
}

type residencyRow struct {
	id, grantID, resource, host string
	state                       placement.ResidencyState
}

// comparison is what a ledger and the tables say of each other.
type comparison struct {
	lost      []string // acknowledged, and not there or not complete
	doubled   []string // there more than once, or acknowledged as two
	unasked   []string // there, and never acknowledged
	committed int      // occurrences whose first attempt was not answered and yet had committed
}

// compare holds the tables against the ledger.
func (l *ledger) compare(grants []grantRow, residencies []residencyRow) (c comparison) {
	byOccurrence, byGrant := map[string][]grantRow{}, map[string][]residencyRow{}
	for _, g := range grants {
		byOccurrence[g.occurrence] = append(byOccurrence[g.occurrence], g)
	}
	for _, r := range residencies {
		byGrant[r.grantID] = append(byGrant[r.grantID], r)
	}
	for _, e := range l.all() {
		stored := byOccurrence[e.id]
		delete(byOccurrence, e.id)
		if len(stored) > 1 || len(e.grants) > 1 {
			c.doubled = append(c.doubled, fmt.Sprintf("%s: acknowledged %v, stored %v", e.id, slices.Collect(maps.Keys(e.grants)), stored))
			continue
		}
		for id, hosts := range e.grants {
			if len(stored) == 0 || stored[0].id != id {
				c.lost = append(c.lost, fmt.Sprintf("%s: grant %s is not stored", e.id, id))
				continue
			}
			c.judge(e, hosts, byGrant[id])
			if e.broken > 0 && stored[0].at.Before(e.firstLoss) {
				c.committed++
			}
		}
		if len(e.grants) == 0 && len(stored) == 1 {
			c.unasked = append(c.unasked, fmt.Sprintf("%s: grant %s was acknowledged to nobody, %d refusals were", e.id, stored[0].id, e.refusals))
		}
		for _, g := range stored {
			delete(byGrant, g.id)
		}
	}
	for occurrence := range byOccurrence {
		c.unasked = append(c.unasked, fmt.Sprintf("%s: nobody asked for it", occurrence))
	}
	for grant, left := range byGrant {
		c.unasked = append(c.unasked, fmt.Sprintf("residencies %v of grant %s, which is not stored", left, grant))
	}
	return c
}

// judge compares the residencies of one grant with what was acknowledged.
func (c *comparison) judge(e *entry, hosts map[string]string, stored []residencyRow) {
	seen := map[string]int{}
	for _, r := range stored {
		seen[r.resource]++
		switch terminating := r.state == placement.StateTerminating; {
		case hosts[r.resource] != r.host:
			c.unasked = append(c.unasked, fmt.Sprintf("%s: %s is on %s, acknowledged on %s", e.id, r.resource, r.host, hosts[r.resource]))
		case terminating && !e.touched:
			c.lost = append(c.lost, fmt.Sprintf("%s: %s is %s", e.id, r.resource, r.state))
		case !terminating && e.ended:
			c.lost = append(c.lost, fmt.Sprintf("%s: the end of %s, which is %s", e.id, r.resource, r.state))
		}
		if seen[r.resource] > 1 {
			c.doubled = append(c.doubled, fmt.Sprintf("%s: %s has %d residencies", e.id, r.resource, seen[r.resource]))
		}
	}
	if len(seen) != len(hosts) && !e.touched {
		c.lost = append(c.lost, fmt.Sprintf("%s: %d residencies of %d", e.id, len(seen), len(hosts)))
	}
}
