package httpapi_test

import (
	"slices"
	"testing"
	"time"
)

// An operator has a host cleaned, and a host that finds out that it lacks a capability loses it.
func TestScrubOrderAndWithdrawnCapability(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	order := func(host string, body object) answer {
		return a.do(call{as: "operator", method: "POST", path: "/directives/v1/hosts/" + host + "/scrub_orders", body: body})
	}
	order("h1", object{"level": "REBOOT", "reason": "x"}).problem(409)
	order("nowhere", object{"level": "CACHE_PURGE", "reason": "x"}).problem(404)
	order("h1", object{"level": "CACHE_PURGE"}).problem(422)
	seq := order("h1", object{"level": "CACHE_PURGE", "reason": "full"}).want(201).object()["directiveSeq"]
	list := a.directives("h1", "").list()
	last := list[len(list)-1]
	if last["kind"] != "SCRUB" || last["seq"] != seq || at(t, last, "scrub", "level") != "CACHE_PURGE" {
		t.Errorf("directive %v: %v", seq, last)
	}
	report := object{
		"observedAt": time.Now(), "residencies": []any{}, "cacheEntries": []any{},
		"unavailableCapabilities": []any{object{"capability": "CACHE_ENC", "reason": "the file system does not encrypt folders"}},
	}
	capabilities := func() []any {
		host := a.do(call{as: "operator", path: "/inventory/v1/hosts/h1"}).want(200).object()
		return at(t, host, "capabilities").([]any)
	}
	if !slices.Contains(capabilities(), any("CACHE_ENC")) {
		t.Fatal("the host never had it")
	}
	a.do(call{as: "agent", method: "PUT", path: "/directives/v1/hosts/h1/observed_state", body: report}).want(200)
	if got := capabilities(); slices.Contains(got, any("CACHE_ENC")) || len(got) == 0 {
		t.Errorf("the host has %v", got)
	}
}
