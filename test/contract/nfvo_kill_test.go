package contract

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/test/stub"
)

// TestNFVOKilledBeforeTheAnswer: ringfence is killed while its NFVO thinks. What is reserved stays until the VNFM asks again, which gets it
// one grant, or is refused as often as it asks.
func TestNFVOKilledBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		then   decideFunc
		status int
		want   relayBooks
	}{
		"and agrees then": {nil, http.StatusCreated, withDirectives(granted(), "PLACE a 1", "PLACE b 1")},
		"and refuses then": {refuses, http.StatusForbidden, relayBooks{
			Upstream: []string{"REFUSED given back", "REFUSED given back"}, Directives: []string{"PLACE a 2", "PLACE b 2", "RELEASE a 2", "RELEASE b 2"},
		}}, // each time that it asks
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := holding(nil)
			w := newNFVOWorld(t, nfvoWorldOptions{timeout: 6 * time.Second, decide: h.decide})
			r := w.request()
			unanswered := w.begin(r)
			h.await(t, h.asked)
			w.kill(unanswered)
			w.holds("killed", relayBooks{Upstream: []string{"ASKING kept"}, Residencies: []string{"a RESERVED", "b RESERVED"}, Directives: []string{"PLACE a 1", "PLACE b 1"}})
			w.nfvo.Decide = c.then
			w.start()
			for range 2 {
				w.answered(r, c.status)
			}
			w.holds("asked twice", c.want)
		})
	}
}

// TestNFVOKilledBeforeTheRecord: ringfence is killed when it has the answer and has not recorded it, which the test makes it wait for.
func TestNFVOKilledBeforeTheRecord(t *testing.T) {
	t.Parallel()
	h := holding(stub.Agreed)
	w := newNFVOWorld(t, nfvoWorldOptions{timeout: 6 * time.Second, decide: h.decide})
	r := w.request()
	unanswered := w.begin(r)
	h.await(t, h.asked)
	unlock := w.lock(`SELECT FROM upstream_grant FOR UPDATE`)
	close(h.release)
	w.awaitBlocked()
	w.kill(unanswered)
	unlock()
	w.holds("killed", relayBooks{Upstream: []string{"ASKING kept"}, Residencies: []string{"a RESERVED", "b RESERVED"}, Directives: []string{"PLACE a 1", "PLACE b 1"}})
	w.nfvo.Decide = nil
	w.start()
	first := w.answered(r, http.StatusCreated)
	if again := w.answered(r, http.StatusCreated); string(again.Body) != string(first.Body) {
		t.Errorf("two grants:\n%s\n%s", first.Body, again.Body)
	}
	w.holds("asked again", withDirectives(granted(), "PLACE a 1", "PLACE b 1"))
	if asked := w.nfvo.Asked(); len(asked) != 2 {
		t.Errorf("the NFVO was asked %d times, want once by each process", len(asked))
	}
}

// TestNFVOKilledAndForgotten: the VNFM never asks again, so that what was reserved is given back in time.
func TestNFVOKilledAndForgotten(t *testing.T) {
	t.Parallel()
	h := holding(nil)
	w := newNFVOWorld(t, nfvoWorldOptions{timeout: time.Second, decide: h.decide})
	unanswered := w.begin(w.request())
	h.await(t, h.asked)
	w.kill(unanswered)
	w.nfvo.Decide = nil
	w.start()
	w.eventually("given back", `SELECT count(*) = 1 FROM upstream_grant WHERE given_back`)
	w.holds("given back", relayBooks{Upstream: []string{"FAILED given back"}, Directives: []string{"PLACE a 1", "PLACE b 1", "RELEASE a 1", "RELEASE b 1"}})
	if asked := w.nfvo.Asked(); len(asked) != 1 {
		t.Errorf("the NFVO was asked %d times", len(asked))
	}
}

// TestNFVOKilledBeforeGivingBack: the refusal is recorded, and ringfence killed before it gave anything back.
func TestNFVOKilledBeforeGivingBack(t *testing.T) {
	t.Parallel()
	h := holding(nil)
	h.then = refuses
	w := newNFVOWorld(t, nfvoWorldOptions{timeout: 6 * time.Second, decide: h.decide})
	r := w.request()
	unanswered := w.begin(r)
	h.await(t, h.asked)
	unlock := w.lock(`SELECT FROM host FOR UPDATE`)
	close(h.release)
	w.eventually("the refusal is recorded", `SELECT count(*) = 1 FROM upstream_grant WHERE state = 'REFUSED'`)
	w.kill(unanswered)
	unlock()
	w.holds("killed", relayBooks{Upstream: []string{"REFUSED kept"}, Residencies: []string{"a RESERVED", "b RESERVED"}, Directives: []string{"PLACE a 1", "PLACE b 1"}})
	w.start()
	w.answered(r, http.StatusForbidden)
	w.holds("asked again", relayBooks{Upstream: []string{"REFUSED given back"}, Directives: []string{"PLACE a 1", "PLACE b 1", "RELEASE a 1", "RELEASE b 1"}})
}

func withDirectives(b relayBooks, lines ...string) relayBooks {
	b.Directives = lines
	return b
}

func refuses(*http.Request, map[string]any) (int, any) {
	return http.StatusForbidden, map[string]any{"status": 403, "detail": "no licence left"}
}

// held is an NFVO that says when it is asked, and answers when it may.
type held struct {
	asked   chan struct{} // one for each request
	release chan struct{} // closed: it may answer
	then    decideFunc
}

func holding(agreed func(map[string]any) map[string]any) *held {
	return &held{asked: make(chan struct{}, 16), release: make(chan struct{}), then: func(_ *http.Request, request map[string]any) (int, any) {
		if agreed == nil {
			return http.StatusInternalServerError, nil
		}
		return http.StatusCreated, agreed(request)
	}}
}

func (h *held) decide(r *http.Request, request map[string]any) (int, any) {
	h.asked <- struct{}{}
	select {
	case <-h.release:
	case <-r.Context().Done(): // who asked is gone
	}
	return h.then(r, request)
}

func (*held) await(t *testing.T, what <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-what:
	case <-ctx.Done():
		t.Fatal("the NFVO is not asked")
	}
}

// begin sends a request whose answer nobody gets.
func (w *nfvoWorld) begin(r *stub.GrantRequest) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := w.ask(r)
		done <- err
	}()
	return done
}

// kill ends ringfence at once, before it answers.
func (w *nfvoWorld) kill(unanswered <-chan error) {
	w.t.Helper()
	if err := w.process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	if err := <-unanswered; err == nil {
		w.t.Error("the VNFM was answered before ringfence was killed")
	}
}

// lock holds rows until the function that it returns is called, which has to be soon: changes elsewhere on the server are not seen before.
func (w *nfvoWorld) lock(query string) func() {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.ownerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err = conn.Exec(w.t.Context(), "BEGIN"); err == nil {
		_, err = conn.Exec(w.t.Context(), query)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := conn.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	}
}

// awaitBlocked waits until somebody waits for what the test has locked.
func (w *nfvoWorld) awaitBlocked() {
	w.t.Helper()
	w.eventually("waits", `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`)
}

// eventually asks the database until it says yes.
func (w *nfvoWorld) eventually(what, query string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.ownerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		var holds bool
		if err := conn.QueryRow(ctx, query).Scan(&holds); err != nil {
			w.t.Fatalf("%s: %v\n%s", what, err, w.process.Log())
		}
		if holds {
			return
		}
		<-poll.C
	}
}
