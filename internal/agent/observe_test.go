package agent

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	inventory "ringfence/api/inventory"
)

const (
	lying     = "sha256:aa"
	cacheAA   = `"cache":{"digest":"sha256:aa","mode":"NO_STORE","prePullAllowed":true,"pullPolicy":"Always","purgeOnRelease":true,"reference":"r.example.com/x:1","retainAfterStop":false,"visibleToTrustDomainIds":["A"]}`
	placeAA   = `"place":{"images":["sha256:aa"],"isolation":"OS_CONTAINER","runtime":"runc","trustDomainId":"A","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`
	releaseAA = `"release":{"reason":"the end","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`
	binds     = `"change":{"reason":"the report is empty"}`
)

// advice is a directive that does not bind.
func advice(seq int64, kind, body string) string {
	return strings.Replace(order(seq, kind, body), `"hostId"`, `"enforcement":"ADVISORY","hostId"`, 1)
}

// TestAdvisory records what does not bind, changes nothing, and carries it out once directives bind, after a restart too.
func TestAdvisory(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	a.config.StopReleased, f.status = time.Nanosecond, http.StatusCreated
	weak := Artefact{Digest: lying, Mode: inventory.CacheModeSHARED}
	runs := Workload{ID: "p", Labels: map[string]string{labelResidency: "r"}, Runtime: "runc", Images: []string{lying}}
	look := func(seen Observation) (acks string) {
		t.Helper()
		if _, err := a.step(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		seen.At = time.Now()
		f.acks, a.seen = nil, &seen
		a.round(t.Context())
		for _, ack := range f.acks {
			acks += fmt.Sprintf("%d %s;", ack.Seq, ack.Outcome)
		}
		return acks
	}
	f.send(advice(1, "ENFORCEMENT", binds))
	f.send(advice(2, "PLACE", placeAA))
	f.send(advice(3, "CACHE", cacheAA))
	f.send(advice(4, "CACHE", cacheAA))
	f.send(advice(5, "PURGE", `"purge":{"digests":["sha256:bb"]}`))
	f.send(advice(6, "SCRUB", `"scrub":{"deviceReset":false,"level":"CACHE_PURGE","reason":"r"}`))
	f.send(advice(7, "UNQUARANTINE", quarantined))
	if got, want := look(Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{weak}}), "1 APPLIED;2 APPLIED;3 SUPERSEDED;4 RECORDED;5 RECORDED;6 RECORDED;7 RECORDED;"; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	f.send(advice(8, "RELEASE", releaseAA))
	if got := look(Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{weak}}); got != "8 RECORDED;" || h.stopped > 0 {
		t.Errorf("a workload without a right is answered %q, %d stopped", got, h.stopped)
	}
	if got := look(Observation{Artefacts: []Artefact{weak}}); got != "8 APPLIED;" {
		t.Errorf("a workload that stopped by itself is answered %q", got)
	}
	if len(h.purged)+len(h.pulled) > 0 {
		t.Errorf("purged %v, pulled %v, although nothing binds", h.purged, h.pulled)
	}
	if _, routed := a.routed("sha256:c-" + lying); routed {
		t.Error("a layer has a route, although nothing binds")
	}
	again, err := LoadJournal(a.config.JournalFile, "h")
	if err != nil || !again.Advisory {
		t.Fatalf("the journal came back as %+v, %v", again, err)
	}
	a.journal = again
	f.send(order(9, "ENFORCEMENT", binds))
	if got, want := look(Observation{Artefacts: []Artefact{weak}}), "4 APPLIED;5 APPLIED;6 APPLIED;7 APPLIED;9 APPLIED;"; got != want {
		t.Errorf("once directives bind: answered %s, want %s", got, want)
	}
	if len(h.purged) == 0 || len(h.pulled) != 1 {
		t.Errorf("once directives bind: purged %v, pulled %v", h.purged, h.pulled)
	}
}

// TestAdvisoryIsSignedAndInOrder refuses to be told by somebody else, or by what was told before, that directives do not bind.
func TestAdvisoryIsSignedAndInOrder(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(f *feed){
		"a forged one": func(f *feed) {
			f.sendText("{" + advice(3, "ENFORCEMENT", binds) + `,"signature":"eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ..AAAA"}`)
		},
		"a replayed one": func(f *feed) { f.send(advice(1, "ENFORCEMENT", binds)) },
		"one that was made advisory on its way": func(f *feed) {
			f.send(order(3, "ENFORCEMENT", binds))
			f.texts[0] = []byte(strings.Replace(string(f.texts[0]), `"hostId"`, `"enforcement":"ADVISORY","hostId"`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			a := newTestAgent(t, f, &host{})
			f.send(advice(1, "ENFORCEMENT", binds))
			f.send(order(2, "ENFORCEMENT", binds))
			if _, err := a.step(t.Context(), 0); err != nil || a.advisory() {
				t.Fatalf("advisory %v, %v", a.advisory(), err)
			}
			send(f)
			if _, err := a.step(t.Context(), 0); !errors.Is(err, errRefused) || a.advisory() {
				t.Errorf("advisory %v, %v", a.advisory(), err)
			}
		})
	}
}

// TestAdvisoryKeepsNothingFromStarting lets a layer be unpacked although nobody can tell whether it may.
func TestAdvisoryKeepsNothingFromStarting(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{fail: errors.New("the registry does not answer")}
	a := newTestAgent(t, f, h)
	f.send(advice(1, "CACHE", cacheAA))
	if _, found, err := a.Route(t.Context(), "sha256:c-"+lying); found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
	f.sendText(`{"seq":2}`)
	if _, found, err := a.Route(t.Context(), "sha256:c-"+lying); found || err != nil {
		t.Errorf("with a feed that cannot be followed: %t, %v", found, err)
	}
}

// TestAdvisoryRemovesNothing keeps what has lost its right to lie here until directives bind again.
func TestAdvisoryRemovesNothing(t *testing.T) {
	t.Parallel()
	f, h := newFeed(t), &host{}
	a := newTestAgent(t, f, h)
	lies := Artefact{Digest: lying, Mode: inventory.CacheModeNOSTORE, TrustDomainID: "A"}
	runs := Workload{ID: "p", Labels: map[string]string{labelResidency: "r"}, Runtime: "runc", Images: []string{lying}}
	look := func(seen Observation) {
		t.Helper()
		if _, err := a.step(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		seen.At = time.Now()
		a.seen = &seen
		a.round(t.Context())
	}
	f.send(order(1, "CACHE", cacheAA))
	f.send(order(2, "PLACE", placeAA))
	look(Observation{Workloads: []Workload{runs}, Artefacts: []Artefact{lies}})
	f.send(advice(3, "RELEASE", releaseAA))
	look(Observation{Artefacts: []Artefact{lies}})
	if len(h.purged) > 0 {
		t.Errorf("purged %v, although nothing binds", h.purged)
	}
	f.send(order(4, "ENFORCEMENT", binds))
	look(Observation{Artefacts: []Artefact{lies}})
	if len(h.purged) != 1 {
		t.Errorf("once directives bind: purged %v", h.purged)
	}
}
