package agent

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	wire "ringfence/api/directives"
)

// status is how an agent fares.
type status struct {
	mu       sync.Mutex
	began    time.Time
	feedAt   time.Time // the feed was read
	lookedAt time.Time // the host was seen
	toldAt   time.Time // a report was taken
	outcomes map[wire.AckOutcome]int64
}

func (s *status) mark(at *time.Time, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*at = now
}

func (s *status) read(now time.Time)     { s.mark(&s.feedAt, now) }
func (s *status) looked(now time.Time)   { s.mark(&s.lookedAt, now) }
func (s *status) reported(now time.Time) { s.mark(&s.toldAt, now) }
func (s *status) start(now time.Time)    { s.mark(&s.began, now) }

func (s *status) dealt(outcome wire.AckOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcomes == nil {
		s.outcomes = map[wire.AckOutcome]int64{}
	}
	s.outcomes[outcome]++
}

// since is how long ago something was that began with the agent.
func (s *status) since(at, now time.Time) time.Duration {
	if at.Before(s.began) {
		at = s.began
	}
	return now.Sub(at)
}

// patience is how many times the usual pause something may be late.
const patience = 3

// Healthy says what does not work; nil: the feed is read and the host is looked at.
func (a *Agent) Healthy() error {
	a.status.mu.Lock()
	defer a.status.mu.Unlock()
	now := a.now()
	var errs []error
	if late := a.status.since(a.status.feedAt, now); late > patience*feedWait {
		errs = append(errs, fmt.Errorf("the directives were not read for %s: see whether ringfence can be reached", late.Round(time.Second)))
	}
	if late := a.status.since(a.status.lookedAt, now); late > patience*a.config.ReportInterval {
		errs = append(errs, fmt.Errorf("the container runtime was not seen for %s: see whether it runs", late.Round(time.Second)))
	}
	return errors.Join(errs...)
}

// Handler answers /healthz, and /metrics in Prometheus' text format. It says nothing about workloads but how many there are.
func (a *Agent) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := a.Healthy(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		a.writeMetrics(w)
	})
	return mux
}

func (a *Agent) writeMetrics(w io.Writer) {
	a.mu.Lock()
	seq, open, failed, places := a.journal.Seq, 0, 0, len(a.journal.Places)
	for _, item := range a.journal.Open {
		if !item.Closed {
			open++
		}
		if item.Outcome == wire.AckOutcomeFAILED {
			failed++
		}
	}
	workloads, artefacts := 0, map[string]int{}
	if a.seen != nil {
		workloads = len(a.seen.Workloads)
		for i := range a.seen.Artefacts {
			artefacts[string(a.seen.Artefacts[i].Mode)]++
		}
	}
	a.mu.Unlock()
	family := func(name, kind, help string) { fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	gauge := func(name, help string, value any) {
		family(name, "gauge", help)
		fmt.Fprintf(w, "%s %v\n", name, value)
	}
	gauge("ringfence_agent_directive_seq", "Number of the last directive that was taken in.", seq)
	gauge("ringfence_agent_directives_open", "Directives that are not dealt with.", open)
	gauge("ringfence_agent_directives_failing", "Of these and of those to be answered, the ones that cannot be carried out.", failed)
	gauge("ringfence_agent_places", "Workloads that may run.", places)
	gauge("ringfence_agent_workloads", "Workloads that run.", workloads)
	family("ringfence_agent_artefacts", "gauge", "Artefacts that lie here, by mode.")
	for _, mode := range slices.Sorted(maps.Keys(artefacts)) {
		fmt.Fprintf(w, "ringfence_agent_artefacts{mode=%q} %d\n", mode, artefacts[mode])
	}
	a.status.mu.Lock()
	defer a.status.mu.Unlock()
	gauge("ringfence_agent_feed_read_timestamp_seconds", "When the directives were read last.", seconds(a.status.feedAt))
	gauge("ringfence_agent_looked_timestamp_seconds", "When the host was looked at last.", seconds(a.status.lookedAt))
	gauge("ringfence_agent_reported_timestamp_seconds", "When ringfence took a report last.", seconds(a.status.toldAt))
	family("ringfence_agent_outcomes_total", "counter", "What became of directives since the agent began.")
	for _, outcome := range slices.Sorted(maps.Keys(a.status.outcomes)) {
		fmt.Fprintf(w, "ringfence_agent_outcomes_total{outcome=%q} %d\n", outcome, a.status.outcomes[outcome])
	}
}

func seconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}
