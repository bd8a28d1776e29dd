package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is clients that ask without a pause, each for one thing after the other.
type load struct {
	*ledger

	asker    asker
	inFlight atomic.Int64
	stopping chan struct{}
	group    *errgroup.Group
	ctx      context.Context
}

// clients is how many there are.
const clients = 8

// startLoad starts the clients of a test.
func startLoad(t *trial, a asker, client func(l *load, number int, random *rand.Rand) error) *load {
	l := &load{ledger: newLedger(), asker: a, stopping: make(chan struct{})}
	l.group, l.ctx = errgroup.WithContext(t.ctx)
	for n := range clients {
		random := t.random(uint64(n))
		l.group.Go(func() error { return client(l, n, random) })
	}
	return l
}

// goesOn says whether the clients are to go on.
func (l *load) goesOn() bool {
	select {
	case <-l.stopping:
		return false
	default:
		return true
	}
}

// grow is a client that asks for what fits, and now and then terminates something.
func grow(l *load, number int, random *rand.Rand) error {
	var standing []*occurrence
	for i := 0; l.goesOn(); i++ {
		id := fmt.Sprintf("op-%d-%d", number, i)
		switch choice := random.IntN(10); {
		case choice < 2 && len(standing) > 0:
			ends := random.IntN(len(standing))
			if err := l.terminate(terminate(id, standing[ends]), standing[ends], number); err != nil {
				return err
			}
			standing = append(standing[:ends], standing[ends+1:]...)
		case choice == 2: // a component that nobody knows
			if _, err := l.settle(instantiate(id, "vnf-"+id, "a", "unknown", 1, false), number); err != nil {
				return err
			}
		default:
			resources := 1 + random.IntN(3)
			domain := domains[random.IntN(len(domains))]
			o := instantiate(id, "vnf-"+id, vnfdOf(domain), "work", resources, resources > 1)
			granted, err := l.settleTwice(o, number, random.IntN(8) == 0)
			if err != nil {
				return err
			}
			if granted {
				standing = append(standing, o)
			}
		}
	}
	return nil
}

func (l *load) terminate(o, of *occurrence, number int) error {
	l.ending(of)
	granted, err := l.settle(o, number)
	if granted {
		l.ended(of)
	}
	return err
}

// contend makes clients that ask for one placement after the other and keep few of them.
func contend(replicas []*replica) func(*load, int, *rand.Rand) error {
	return func(l *load, number int, random *rand.Rand) error {
		var standing []*occurrence
		for i := 0; l.goesOn(); i++ {
			if len(standing) > random.IntN(3) {
				if err := l.letGo(standing[0], replicas[random.IntN(len(replicas))]); err != nil {
					return err
				}
				standing = standing[1:]
			}
			id := fmt.Sprintf("op-%d-%d", number, i)
			o := instantiate(id, "vnf-"+id, vnfdOf(domains[random.IntN(len(domains))]), "work", 1, false)
			granted, err := l.settleTwice(o, number+i, random.IntN(8) == 0)
			if err != nil {
				return err
			}
			if granted {
				standing = append(standing, o)
			}
		}
		return nil
	}
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

// settleTwice asks, and with twin twice at the same time, as a client does that does not wait long enough.
func (l *load) settleTwice(o *occurrence, number int, twin bool) (granted bool, err error) {
	if !twin {
		return l.settle(o, number)
	}
	var other bool
	var g errgroup.Group
	g.Go(func() (err error) { other, err = l.settle(o, number+1); return err })
	granted, err = l.settle(o, number)
	err = errors.Join(err, g.Wait())
	return granted || other, err
}

// settle asks until there is an answer.
func (l *load) settle(o *occurrence, attempt int) (granted bool, err error) {
	wait := 10 * time.Millisecond
	for ; ; attempt++ {
		l.inFlight.Add(1)
		a, err := l.asker.ask(l.ctx, o, attempt)
		l.inFlight.Add(-1)
		if err == nil {
			l.answered(o, &a)
			return a.granted(), nil
		}
		l.broke(o, err)
		if l.ctx.Err() != nil {
			return false, fmt.Errorf("%s was not answered: %w", o.id, err)
		}
		if err := pause(l.ctx, wait); err != nil {
			return false, err
		}
		wait = min(2*wait, 200*time.Millisecond)
	}
}

// stop lets every client have its last answer.
func (l *load) stop() error {
	close(l.stopping)
	return l.group.Wait()
}

// awaitAnswers returns when a number of further answers came.
func (l *load) awaitAnswers(n int) error {
	want := l.answers() + n
	return eventually(l.ctx, fmt.Sprintf("%d answers", n), func() (bool, error) { return l.answers() >= want, nil })
}

// disturb does something at random instants, each time after the load has been answered again, and counts the requests
// that were on their way then.
func (l *load) disturb(t *trial, times int, what func(random *rand.Rand) error) (interrupted int) {
	t.Helper()
	random, between := t.random(1000), clients*length{2, 12}.value()
	for i := range times {
		if err := l.awaitAnswers(between); err != nil {
			t.Fatalf("before disturbance %d: %v", i+1, errors.Join(err, context.Cause(l.ctx)))
		}
		if err := pause(l.ctx, time.Duration(random.IntN(300))*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		interrupted += int(l.inFlight.Load())
		if err := what(random); err != nil {
			t.Fatalf("disturbance %d: %v", i+1, err)
		}
	}
	if err := l.awaitAnswers(between); err != nil {
		t.Fatal(err)
	}
	return interrupted
}

// replay asks again for everything that stands, and returns how often the answer was the same and where it was not.
func (l *load) replay(ctx context.Context, replicas []*replica) (same int, differences []string) {
	for i, e := range l.all() {
		for id := range e.grants {
			if e.touched {
				continue // what has ended does not stand, and is decided anew
			}
			a, err := post(ctx, replicas[i%len(replicas)].base(), e.occurrence)
			if err != nil || a.grantID != id {
				differences = append(differences, fmt.Sprintf("%s: was grant %s, now %+v, %v", e.id, id, a, err))
				continue
			}
			same++
		}
	}
	return same, differences
}

// report fails the test for each of a list of findings, or says that there is none.
func report(t testing.TB, what string, findings []string) {
	t.Helper()
	const show = 10
	for i, f := range findings {
		if i == show {
			t.Errorf("%s: and %d more", what, len(findings)-show)
			return
		}
		t.Errorf("%s: %s", what, f)
	}
}
