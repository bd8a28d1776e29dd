package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// TestDriftIsRecorded reports what nobody decided, again and again: it is one violation as long as it is there, beside what the check
// of the rules records, which does not end it.
func TestDriftIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	ctx := t.Context()
	elsewhere := residencyOf(w.grant(request{vnf: "amf-2", occ: "occ-2", hosts: []string{"h2"}}))
	granted := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	granted.Directives = append(granted.Directives, cacheOf("h1", "sha256:a", placement.CacheEncrypted))
	must(w.Commit(ctx, granted, sayYes))(t)
	var facts placement.ObservedFacts
	strangers := func(f placement.ObservedFacts) (found []placement.Violation) {
		facts = f
		for i, r := range f.State.Residencies {
			if f.Matched[i] == nil {
				found = append(found, placement.Violation{
					NFVIPoPID: f.Host.NFVIPoPID, HostID: f.Host.ID, Object: r.VIMResourceID, Enforcement: placement.Enforced, Eviction: placement.EvictionNone,
					Reason: placement.Reason{RuleID: placement.RuleDriftUngranted, Check: placement.RuleDriftUngranted},
				})
			}
		}
		return found
	}
	report := func(digest string, seen ...placement.ObservedResidency) {
		t.Helper()
		state := placement.ObservedState{HostID: "h1", Residencies: seen, Cache: []placement.ObservedCacheEntry{{Digest: "sha256:a", Mode: placement.CacheShared}}}
		if _, err := w.PutObservedState(ctx, state, digest, placement.ObservationCondition{}, placement.EndRules{}, strangers); err != nil {
			t.Fatal(err)
		}
	}
	open := func() (objects []string) {
		t.Helper()
		for _, v := range must(w.ListViolations(ctx, placement.Page{Limit: 10, Where: stillOpen()}))(t) {
			objects = append(objects, v.HostID+" "+string(v.Source)+" "+v.Reason.RuleID+" "+v.Object)
		}
		slices.Sort(objects)
		return objects
	}
	x, y := placement.ObservedResidency{VIMResourceID: "x", Images: []string{"sha256:x"}}, placement.ObservedResidency{VIMResourceID: "y", ResidencyID: elsewhere}
	report("d1", x, y)
	if diff := cmp.Diff([]placement.CacheOrder{{Digest: "sha256:a", TrustDomainID: "TD-A", Mode: placement.CacheEncrypted}}, facts.Orders); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{elsewhere: "h2"}, facts.Elsewhere); diff != "" {
		t.Errorf("decided elsewhere (-want +got):\n%s", diff)
	}
	both := []string{"h1 OBSERVATION DRIFT-UNGRANTED x", "h1 OBSERVATION DRIFT-UNGRANTED y"}
	if diff := cmp.Diff(both, open()); diff != "" {
		t.Errorf("after a report (-want +got):\n%s", diff)
	}
	report("d1", x, y)
	if w.lead("a"); w.count(`SELECT count(*) FROM violation`) != 2 {
		t.Error("the same report recorded it again")
	}
	must(w.RecordViolations(ctx, "a", placement.ViolationCheck{}))(t)
	if diff := cmp.Diff(both, open()); diff != "" {
		t.Errorf("after a check of the rules (-want +got):\n%s", diff)
	}
	// The report is the one before, but nobody minds it any more.
	if _, err := w.PutObservedState(ctx, placement.ObservedState{HostID: "h1", Residencies: []placement.ObservedResidency{x, y}}, "d1", placement.ObservationCondition{}, placement.EndRules{}, noDrift); err != nil {
		t.Fatal(err)
	}
	if got := open(); len(got) != 0 {
		t.Errorf("what is no drift any more stands: %v", got)
	}
	if n := w.count(`SELECT count(*) FROM observed_residency WHERE images = '{sha256:x}'`); n != 1 {
		t.Error("the images of the report are not stored")
	}
}

// lead makes a process the one that records violations.
func (w *world) lead(checker string) {
	w.t.Helper()
	w.exec(`UPDATE violation_check SET checker = $1, leased_until = now() + interval '1 hour'`, checker)
}

func cacheOf(host, digest string, mode placement.CacheMode) placement.Directive {
	return placement.Directive{NFVIPoPID: testPoP, HostID: host, Kind: placement.DirectiveCache, Cache: &placement.CacheDirective{
		Digest: digest, Mode: mode, VisibleToTrustDomainIDs: []string{"TD-A"},
	}}
}

// TestReportedCachesAreTheEntries has a host report its cache: the entries of the inventory follow it, and so does the feed.
func TestReportedCachesAreTheEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	ctx := t.Context()
	for _, digest := range []string{"sha256:goes", "sha256:stays", "sha256:changes"} {
		must2(w.PutCacheEntry(ctx, placement.CacheEntry{HostID: "h1", Digest: digest, Mode: placement.CacheEncrypted, TrustDomainID: "TD-A"}, nil, tester))(t)
	}
	must2(w.PutCacheEntry(ctx, placement.CacheEntry{HostID: "h2", Digest: "sha256:goes", Mode: placement.CacheShared}, nil, tester))(t)
	before := len(w.feed())
	state := placement.ObservedState{HostID: "h1", Cache: []placement.ObservedCacheEntry{
		{Digest: "sha256:changes", Mode: placement.CacheNoStore, TrustDomainID: "TD-A"},
		{Digest: "sha256:changes", Mode: placement.CacheShared},
		{Digest: "sha256:new", Mode: placement.CacheShared},
		{Digest: "sha256:stays", Mode: placement.CacheEncrypted, TrustDomainID: "TD-A"},
	}}
	if _, err := w.PutObservedState(ctx, state, "d", placement.ObservationCondition{}, placement.EndRules{}, noDrift); err != nil {
		t.Fatal(err)
	}
	var got, fed []string
	for _, e := range must(w.ListCacheEntries(ctx, placement.Page{Limit: 10}))(t) {
		got = append(got, fmt.Sprintf("%s %s %s %d", e.HostID, e.Digest, e.Mode, e.Revision))
	}
	want := []string{"h1 sha256:changes SHARED 2", "h1 sha256:new SHARED 1", "h1 sha256:stays ENCRYPTED 1", "h2 sha256:goes SHARED 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for _, c := range w.feed()[before:] {
		if c.Kind == placement.ChangeCacheEntry {
			fed = append(fed, fmt.Sprintf("%s %v", c.ID, c.CacheEntry != nil))
		}
	}
	slices.Sort(fed)
	if diff := cmp.Diff([]string{"h1/sha256:changes true", "h1/sha256:goes false", "h1/sha256:new true"}, fed); diff != "" {
		t.Errorf("feed (-want +got):\n%s", diff)
	}
}

// TestCacheOrders follows what a host was told of its cache through directives in all orders.
func TestCacheOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	purge := func(p placement.PurgeDirective) placement.Directive {
		return placement.Directive{NFVIPoPID: testPoP, HostID: "h1", Kind: placement.DirectivePurge, Purge: &p}
	}
	other := cacheOf("h1", "a", placement.CacheEncrypted)
	other.Cache.VisibleToTrustDomainIDs = []string{"TD-B"}
	for n, step := range []struct {
		directives []placement.Directive
		want       string
	}{
		{[]placement.Directive{cacheOf("h1", "a", placement.CacheShared), cacheOf("h1", "b", placement.CacheEncrypted)}, "a::SHARED b:TD-A:ENCRYPTED"},
		{[]placement.Directive{cacheOf("h1", "b", placement.CacheEncrypted)}, "a::SHARED b:TD-A:ENCRYPTED"},
		{[]placement.Directive{cacheOf("h1", "a", placement.CacheEncrypted)}, "a:TD-A:ENCRYPTED b:TD-A:ENCRYPTED"},
		{[]placement.Directive{other}, "a:TD-A:ENCRYPTED a:TD-B:ENCRYPTED b:TD-A:ENCRYPTED"},
		{[]placement.Directive{purge(placement.PurgeDirective{Digests: []string{"a"}}), cacheOf("h1", "a", placement.CacheNoStore)}, "a:TD-A:NO_STORE b:TD-A:ENCRYPTED"},
		{[]placement.Directive{other, purge(placement.PurgeDirective{TrustDomainID: "TD-A"})}, "a:TD-B:ENCRYPTED"},
		{[]placement.Directive{cacheOf("h1", "b", placement.CacheEncrypted), purge(placement.PurgeDirective{Digests: []string{"b"}})}, "a:TD-B:ENCRYPTED"},
		{[]placement.Directive{purge(placement.PurgeDirective{All: true})}, ""},
	} {
		c := w.commitOf(request{vnf: "amf-1", occ: fmt.Sprint("occ-", n), hosts: []string{"h1"}})
		c.Directives = append(c.Directives, step.directives...)
		c.Decision.Inputs.Demands[0].Workload.Resources = nil // there is room for all of them
		if res := must(w.Commit(t.Context(), c, sayYes))(t); res.Status != placement.CommitDone {
			t.Fatalf("step %d: %+v", n, res)
		}
		rows, err := w.owner.Query(t.Context(), `SELECT digest || ':' || trust_domain_id || ':' || mode FROM cache_order ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			got = append(got, line)
		}
		if rows.Close(); strings.Join(got, " ") != step.want {
			t.Errorf("step %d: %v, want %s", n, got, step.want)
		}
	}
}

// TestOrderCacheNeedsTheRulesInForce asks with rules of another epoch, and where there is nothing to tell any more: neither is recorded.
func TestOrderCacheNeedsTheRulesInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	epoch := must(w.Epoch(t.Context()))(t)
	ask := func(epoch int64, told ...placement.Directive) (int64, error) {
		d := w.commitOf(request{vnf: "amf-1", occ: "occ", hosts: []string{"h1"}}).Decision
		d.Kind, d.Plan, d.Inputs.PolicyEpoch = placement.DecisionCache, nil, epoch
		return w.OrderCache(t.Context(), d, "h1", func(f placement.HostFacts, _ time.Time) []placement.Directive {
			if f.Host.ID != "h1" {
				t.Errorf("facts of %q", f.Host.ID)
			}
			return told
		})
	}
	for name, try := range map[string]func() (int64, error){
		"another epoch": func() (int64, error) { return ask(epoch+1, cacheOf("h1", "a", placement.CacheEncrypted)) },
		"nothing":       func() (int64, error) { return ask(epoch) },
	} {
		if _, err := try(); !errors.Is(err, placement.ErrRulesOutdated) || placement.KindOf(err) != placement.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.count(`SELECT (SELECT count(*) FROM directive) + (SELECT count(*) FROM cache_order) + (SELECT count(*) FROM decision)`); n != 0 {
		t.Errorf("%d records of what was not answered", n)
	}
	seq, err := ask(epoch, cacheOf("h1", "a", placement.CacheEncrypted))
	if err != nil || seq != 1 || w.count(`SELECT count(*) FROM cache_order`) != 1 || w.count(`SELECT count(*) FROM decision`) != 1 {
		t.Errorf("directive %d, %v", seq, err)
	}
}
