package agent

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	inventory "ringfence/api/inventory"
)

// TestStatus has an agent that reads its feed and looks at its host, then one that does neither.
func TestStatus(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t, newFeed(t), &host{})
	now := time.Now()
	a.now = func() time.Time { return now }
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		return w.Code, w.Body.String()
	}
	a.status.start(now)
	if code, text := get("/healthz"); code != 200 {
		t.Errorf("at the start: %d %s", code, text)
	}
	now = now.Add(4 * time.Minute)
	code, text := get("/healthz")
	if code != 503 || !strings.Contains(text, "directives were not read for 4m0s") || !strings.Contains(text, "container runtime was not seen for 4m0s") {
		t.Errorf("after a silence: %d %s", code, text)
	}
	a.status.read(now)
	a.status.looked(now)
	if code, text := get("/healthz"); code != 200 {
		t.Errorf("when both answer again: %d %s", code, text)
	}
	a.seen = &Observation{Workloads: make([]Workload, 2), Artefacts: []Artefact{{Mode: inventory.CacheModeNOSTORE}}}
	a.status.dealt("APPLIED")
	_, text = get("/metrics")
	for _, line := range []string{
		"ringfence_agent_workloads 2\n", "ringfence_agent_artefacts{mode=\"NO_STORE\"} 1\n", "ringfence_agent_outcomes_total{outcome=\"APPLIED\"} 1\n", "ringfence_agent_directives_open 0\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

// TestCapabilitiesThatAreMissing has a host without encryption of folders say so, and which capability goes with it.
func TestCapabilitiesThatAreMissing(t *testing.T) {
	t.Parallel()
	a := newTestAgent(t, newFeed(t), &host{})
	missing := a.missing()
	if len(missing) != 1 || missing[0].Capability != inventory.CapabilityCACHEENC || !strings.Contains(missing[0].Reason, "does not encrypt folders") {
		t.Errorf("%+v", missing)
	}
}
