package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestPausedRingfenceUnderLoad stops one of two ringfences for seconds, wherever it is just then, with the locks that
// it holds, while clients contend for few hosts.
func TestPausedRingfenceUnderLoad(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	servers{hosts: 6, room: 8}.load(c, replicas[0])
	pauses := length{2, 15}.value()
	l := startLoad(c, vnfm{replicas}, contend(replicas))
	var stopped time.Duration
	interrupted := l.disturb(c, pauses, func(random *rand.Rand) error {
		r := replicas[random.IntN(2)]
		pausing := time.Second + time.Duration(random.Int64N(int64(length{1, 6}.value())*int64(time.Second)))
		stopped += pausing
		return errors.Join(r.signal(syscall.SIGSTOP), pause(c.ctx, pausing), r.signal(syscall.SIGCONT))
	})
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	l.check(c, newAuditor(c, db), "domain")
	t.Logf("%d pauses of %v together, %d requests on their way; %v", pauses, stopped.Round(time.Second), interrupted, l.summary())
}

// TestPausedRingfenceInTheMiddle stops one of two ringfences some way into a decision that contends with one of the
// other, and lets it go on when the other has answered or waits for it.
func TestPausedRingfenceInTheMiddle(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	servers{hosts: 1, room: 8}.load(c, replicas[0])
	a := newAuditor(c, db)
	random := c.random(0)
	rounds := length{10, 200}.value()
	pausedWon := 0
	for round := range rounds {
		racers := []*occurrence{
			instantiate(fmt.Sprintf("paused-%d", round), fmt.Sprintf("paused-%d", round), "a", "work", 1, false),
			instantiate(fmt.Sprintf("other-%d", round), fmt.Sprintf("other-%d", round), "b", "work", 1, false),
		}
		var answers [2]answer
		var g errgroup.Group
		otherDone := make(chan struct{})
		g.Go(func() (err error) { answers[0], err = settleAt(c.ctx, replicas[0], racers[0]); return err })
		if err := errors.Join(pause(c.ctx, time.Duration(random.IntN(8000))*time.Microsecond), replicas[0].signal(syscall.SIGSTOP)); err != nil {
			t.Fatal(err)
		}
		g.Go(func() (err error) {
			defer close(otherDone)
			answers[1], err = settleAt(c.ctx, replicas[1], racers[1])
			return err
		})
		select {
		case <-otherDone:
		case <-time.After(300 * time.Millisecond): // it waits for locks of the paused one
		}
		if err := errors.Join(replicas[0].signal(syscall.SIGCONT), g.Wait()); err != nil {
			t.Fatal(err)
		}
		winner, loser := 0, 1
		if answers[1].granted() {
			winner, loser = 1, 0
		}
		if !answers[winner].granted() || !answers[loser].refused() {
			t.Fatalf("round %d: want one 201 and one 403, got %+v", round, answers)
		}
		if winner == 0 {
			pausedWon++
		}
		now, err := a.shared(c.ctx, "domain")
		if err != nil {
			t.Fatal(err)
		}
		report(t, fmt.Sprintf("round %d", round), now)
		if _, err := replicas[random.IntN(2)].release(c.ctx, racers[winner].vnf); err != nil {
			t.Fatal(err)
		}
	}
	separation := a.checkSeparation(c, "domain")
	a.checkBooks(c)
	c.Log(a.checkReplay(c))
	t.Logf("%d rounds, exactly one won in each, %d times the paused one; %s", rounds, pausedWon, separation)
}

// settleAt asks one replica until it answers.
func settleAt(ctx context.Context, r *replica, o *occurrence) (answer, error) {
	for {
		a, err := post(ctx, r.base(), o)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return answer{}, err
		}
	}
}

// TestPausedRingfenceDecidesOnWhatIs stops a ringfence, changes behind its back what decides, sends it a request that
// its view still lets pass, and wakes it. It has to refuse.
func TestPausedRingfenceDecidesOnWhatIs(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	servers{hosts: 1, room: 8}.load(c, replicas[0])
	paused, other := replicas[0], replicas[1]
	granted, wrong := 0, 0
	rounds := length{4, 60}.value()
	for round := range rounds {
		fact := facts[round%len(facts)]
		if err := paused.signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := fact.change(c.ctx, other, round); err != nil {
			t.Fatalf("%s: %v", fact.name, err)
		}
		o := instantiate(fmt.Sprintf("stale-%d", round), fmt.Sprintf("stale-%d", round), "a", "work", 1, false)
		a, err := askPaused(c.ctx, paused, o)
		if err != nil {
			t.Fatal(err)
		}
		if !a.refused() {
			wrong++
			t.Errorf("round %d, %s: %+v", round, fact.name, a)
		}
		if err := fact.undo(c.ctx, other, round); err != nil {
			t.Fatalf("%s: %v", fact.name, err)
		}
		again, err := settleAt(c.ctx, paused, o) // the refusal is not replayed, because the world has changed
		if err != nil || !again.granted() {
			t.Fatalf("round %d, after %s was undone: %+v, %v", round, fact.name, again, err)
		}
		granted++
		if _, err := paused.release(c.ctx, o.vnf); err != nil {
			t.Fatal(err)
		}
	}
	a := newAuditor(c, db)
	separation := a.checkSeparation(c, "domain")
	a.checkBooks(c)
	t.Log(a.checkReplay(c))
	t.Logf("%d rounds: %d wrong grants; granted %d times once the change was undone; %s", rounds, wrong, granted, separation)
}

// askPaused sends a request to a stopped process and wakes it when everything is sent.
func askPaused(ctx context.Context, r *replica, o *occurrence) (a answer, err error) {
	sent := make(chan struct{})
	once := sync.OnceFunc(func() { close(sent) }) // a connection that was closed meanwhile has the request written again
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { once() }})
	var g errgroup.Group
	g.Go(func() (err error) { a, err = post(ctx, r.base(), o); return err })
	select {
	case <-sent:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	err = errors.Join(r.signal(syscall.SIGCONT), g.Wait())
	return a, err
}

// fact is something that decides, and how to change it and back.
type fact struct {
	name         string
	change, undo func(ctx context.Context, r *replica, round int) error
}

var facts = []fact{
	{
		"the host was given to another trust domain",
		func(ctx context.Context, r *replica, round int) error {
			name := fmt.Sprintf("first-%d", round)
			a, err := settleAt(ctx, r, instantiate(name, name, "b", "work", 1, false))
			if err == nil && !a.granted() {
				err = fmt.Errorf("not granted: %+v", a)
			}
			return err
		},
		func(ctx context.Context, r *replica, round int) error {
			_, err := r.release(ctx, fmt.Sprintf("first-%d", round))
			return err
		},
	},
	{"the host was cordoned", patch("hosts/h01", `{"lifecycle":"CORDONED"}`), patch("hosts/h01", `{"lifecycle":"IN_SERVICE"}`)},
	{"the host lost its attestation", attest(`{"state":"UNTRUSTED"}`), attest(`{"state":"TRUSTED","age":"0s","evidenceDigest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`)},
	{
		"the pool was closed to the trust domain",
		patch("host_pools/pool", `{"allowedTrustDomainIds":["TD-B","TD-C","TD-D"]}`),
		patch("host_pools/pool", `{"allowedTrustDomainIds":["TD-A","TD-B","TD-C","TD-D"]}`),
	},
}

func patch(resource, with string) func(context.Context, *replica, int) error {
	return func(ctx context.Context, r *replica, _ int) error {
		return inventory(ctx, r, http.MethodPatch, resource, with, http.StatusOK)
	}
}

func attest(verdict string) func(context.Context, *replica, int) error {
	return func(ctx context.Context, r *replica, _ int) error {
		return inventory(ctx, r, http.MethodPost, "hosts/h01/attestations", verdict, http.StatusCreated)
	}
}

func inventory(ctx context.Context, r *replica, method, resource, body string, want int) error {
	_, err := operator(ctx, method, func() string { return r.base() + "/inventory/v1/" + resource }, json.RawMessage(body), want)
	return err
}
