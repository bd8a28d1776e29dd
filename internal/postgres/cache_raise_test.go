package postgres

import (
	"slices"
	"testing"

	"ringfence/internal/placement"
)

// TestRaiseCache: the judge sees what lies on the host and what was ordered, what it orders is told and noted with it, and neither
// another epoch nor a process that was replaced orders anything.
func TestRaiseCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	ctx := t.Context()
	w.lead("me")
	w.orders("h1", "o1", cacheOf("h1", "sha256:a", placement.CacheEncrypted)) // PLACE 1, CACHE 2
	must2(w.PutCacheEntry(ctx, placement.CacheEntry{HostID: "h1", Digest: "sha256:a", Mode: placement.CacheEncrypted, TrustDomainID: "TD-A"}, nil, tester))(t)
	noStore := func(f placement.CacheFacts) (out []placement.Directive) {
		if len(f.Host.Residents) != 1 || len(f.Host.Cache) != 1 || len(f.Orders) != 1 || f.Now.IsZero() {
			t.Errorf("facts %+v", f)
		}
		if f.Orders[0].Mode == placement.CacheNoStore {
			return nil
		}
		purge := placement.Directive{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{f.Host.Cache[0].Digest}}}
		return []placement.Directive{purge, cacheOf("h1", f.Host.Cache[0].Digest, placement.CacheNoStore)}
	}
	order := placement.CacheRaise{Host: placement.HostKey{NFVIPoPID: testPoP, HostID: "h1"}, PolicyEpoch: must(w.Epoch(ctx))(t)}
	later := order
	later.PolicyEpoch++
	if got := must(w.RaiseCache(ctx, "me", later, noStore))(t); !got.Stale || len(got.Ordered) != 0 {
		t.Errorf("in another epoch: %+v", got)
	}
	_, err := w.RaiseCache(ctx, "another", order, noStore)
	wantKind(t, err, placement.Conflict)
	gone := order
	gone.Host.HostID = "h9"
	_, err = w.RaiseCache(ctx, "me", gone, noStore)
	wantKind(t, err, placement.NotFound)
	if n := w.count(`SELECT count(*) FROM directive`); n != 2 {
		t.Fatalf("%d directives before the first order", n)
	}
	for round, want := range [][]string{{"sha256:a"}, nil} {
		if got := must(w.RaiseCache(ctx, "me", order, noStore))(t); !slices.Equal(got.Ordered, want) || got.Stale {
			t.Errorf("round %d: %+v", round, got)
		}
	}
	directives := must(w.HostDirectives(ctx, "h1", 2, 9))(t)
	if len(directives) != 2 || directives[0].Kind != placement.DirectivePurge || directives[1].Cache == nil || directives[1].Cache.Mode != placement.CacheNoStore || directives[1].Seq != 4 {
		t.Errorf("told %+v", directives)
	}
	if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'PURGE' AND object_id = 'h1' AND detail->>'artefacts' = 'sha256:a'`); n != 1 {
		t.Errorf("%d audit records", n)
	}
	w.checkBooks()
}

// TestPurgedBefore: the judge learns what the host was told to purge since it was seen there, in whichever way, and whether anybody
// there answers such directives.
func TestPurgedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	ctx := t.Context()
	w.lead("me")
	purge := func(p placement.PurgeDirective) placement.Directive {
		return placement.Directive{Kind: placement.DirectivePurge, Purge: &p}
	}
	put := func(digest, domain string) {
		t.Helper()
		must2(w.PutCacheEntry(ctx, placement.CacheEntry{HostID: "h1", Digest: digest, Mode: placement.CacheEncrypted, TrustDomainID: domain}, nil, tester))(t)
	}
	put("sha256:a", "TD-A")
	put("sha256:b", "")
	put("sha256:c", "TD-A")
	order := placement.CacheRaise{Host: placement.HostKey{NFVIPoPID: testPoP, HostID: "h1"}, PolicyEpoch: must(w.Epoch(ctx))(t)}
	expect := func(after string, silent bool, purged ...string) {
		t.Helper()
		must(w.RaiseCache(ctx, "me", order, func(f placement.CacheFacts) []placement.Directive {
			if !slices.Equal(f.Purged, purged) || f.Silent != silent {
				t.Errorf("%s: purged %v, silent %v, want %v, %v", after, f.Purged, f.Silent, purged, silent)
			}
			return nil
		}))(t)
	}
	expect("nothing was told", false)
	w.orders("h1", "o1", purge(placement.PurgeDirective{Digests: []string{"sha256:b", "sha256:x"}})) // PLACE 1, PURGE 2
	expect("an artefact was", false, "sha256:b")
	w.exec(`UPDATE cache_entry SET observed_at = now() + interval '1 second' WHERE digest = 'sha256:b'`)
	expect("it came back", false)
	w.orders("h1", "o2", purge(placement.PurgeDirective{TrustDomainID: "TD-A"}))
	expect("a trust domain was", false, "sha256:a", "sha256:c")
	w.acks("h1", placement.AckApplied, 1)
	w.exec(`UPDATE cache_entry SET observed_at = now() - interval '1 hour'`)
	w.orders("h1", "o3", purge(placement.PurgeDirective{All: true}))
	expect("everything was, and a cluster answers for workloads", true, "sha256:a", "sha256:b", "sha256:c")
	w.acks("h1", placement.AckApplied, 2)
	expect("an agent answers", false, "sha256:a", "sha256:b", "sha256:c")
}
