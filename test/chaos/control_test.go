package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/grant"
	"ringfence/internal/placement"
	"ringfence/internal/postgres"
	replicating "ringfence/internal/replica"
	"ringfence/test/server"
)

// TestHarnessSeesLosses kills PostgreSQL, and the service on it at the same instant, under the load of the tests of
// kills. With commits that wait for the log nothing may be lost. The same with synchronous_commit = off must lose
// some, or those tests could not see a loss. ringfence refuses to serve on such a server, so the service runs in this
// process, on a store that is allowed to.
func TestHarnessSeesLosses(t *testing.T) {
	c := newTrial(t)
	kills := length{2, 10}.value()
	db := newDatabase(c)
	r := newReplica(c, "ringfence", db)
	roomy.load(c, r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []string{"on", "off"} {
		found, l := killService(c, db.copy(c), commit, kills)
		s := l.summary()
		t.Logf("synchronous_commit = %s, %d kills: lost %d of %d grants, doubled %d; %v", commit, kills, len(found.lost), s.granted, len(found.doubled), s)
		if commit == "on" {
			report(t, "answer", l.strange)
			report(t, "lost", found.lost)
			report(t, "doubled", found.doubled)
			report(t, "granted to nobody", found.unasked)
		} else if len(found.lost) == 0 {
			t.Error("a server that answers before it has written lost nothing: the harness cannot see a loss")
		}
	}
}

// killService runs the load on a service in this process and kills both.
func killService(c *trial, db *database, commit string, kills int) (comparison, *load) {
	c.Helper()
	s := &service{url: withSynchronousCommit(db.appURL, commit)}
	defer s.stop()
	start := func() error { return errors.Join(db.stopWALWriter(c.ctx), s.start(c.ctx)) }
	if err := start(); err != nil {
		c.Fatal(err)
	}
	l := startLoad(c, s, grow)
	l.disturb(c, kills, func(*rand.Rand) error {
		if err := db.kill(c.ctx); err != nil {
			return err
		}
		s.stop()
		return start()
	})
	if err := errors.Join(l.stop(), db.continueWALWriter(c.ctx)); err != nil {
		c.Fatal(err)
	}
	grants, residencies, err := newAuditor(c, db).granted(c.ctx)
	if err != nil {
		c.Fatal(err)
	}
	return l.compare(grants, residencies), l
}

// withSynchronousCommit has the connections of an address commit in a way of their own.
func withSynchronousCommit(address, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic("the database's address is a URL: " + err.Error())
	}
	q := u.Query()
	q.Set("options", "-csynchronous_commit="+value)
	u.RawQuery = q.Encode()
	return u.String()
}

// service is the granting of a ringfence, in this process.
type service struct {
	url string

	mu     sync.RWMutex
	grants *grant.Service // nil: stopped
	end    func()
}

func (s *service) start(ctx context.Context) error {
	store, err := postgres.Open(ctx, s.url, postgres.Options{AllowUnsafe: true, MaxConns: 20})
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	view := replicating.New(store, log)
	if err := view.Load(ctx); err != nil {
		store.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { _ = view.Run(ctx); close(ended) }() // it returns nil when its context ends
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := grant.Settings{ReservationTTL: time.Hour, AttestationMargin: 2 * time.Second, HostMappingMaxAge: 10 * time.Minute}
	s.grants = grant.New(store, view, settings, silent{}, log)
	s.end = func() { cancel(); <-ended; store.Close() }
	return nil
}

// stop ends the service, once the requests that run have failed.
func (s *service) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grants != nil {
		s.end()
	}
	s.grants = nil
}

// ask is what a VNFM's request comes to.
func (s *service) ask(ctx context.Context, o *occurrence, _ int) (answer, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grants == nil {
		return answer{}, fmt.Errorf("%w: stopped", errAgain)
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	res, err := s.grants.Grant(ctx, grant.Ask{ClientID: "vnfm", BodySHA256: o.digest(), Request: o.request()})
	switch {
	case placement.KindOf(err) == placement.Unavailable || ctx.Err() != nil:
		return answer{}, fmt.Errorf("%w: no answer", errAgain)
	case err != nil:
		return answer{status: http.StatusInternalServerError, text: err.Error()}, nil
	case !res.Granted:
		return answer{status: http.StatusForbidden}, nil
	}
	a := answer{status: http.StatusCreated, grantID: res.Grant.ID, hosts: map[string]string{}}
	for _, p := range res.Grant.Placements {
		a.hosts[p.ResourceDefinitionID] = p.HostID
	}
	return a, nil
}

// silent observes nothing.
type silent struct{}

func (silent) Solved(context.Context, time.Duration)                  {}
func (silent) Committed(context.Context, time.Duration, bool)         {}
func (silent) Decided(context.Context, string, string, time.Duration) {}

// TestServeRefusesUnsafeServer: what loses commits is found out before the first answer.
func TestServeRefusesUnsafeServer(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	db.appURL = withSynchronousCommit(db.appURL, "off")
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p, err := server.Start(c.ctx, server.Options{Program: path, DataDir: t.TempDir(), DatabaseURL: db.appURL})
	if err == nil {
		t.Fatal(errors.Join(errors.New("ringfence serves on a server with synchronous_commit = off"), p.Kill()))
	}
	if !strings.Contains(err.Error(), "synchronous_commit = off") {
		t.Errorf("it does not say why: %v", err)
	}
}
