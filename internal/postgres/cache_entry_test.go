package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func TestCacheEntryLife(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	e := placement.CacheEntry{HostID: "h03", Digest: "sha256:x", Mode: placement.CacheDomainPrivate, TrustDomainID: "TD-CP", ObservedAt: at}
	got, created, err := s.PutCacheEntry(ctx, e, new(int64(0)), tester)
	if err != nil || !created {
		t.Fatalf("created %v: %v", created, err)
	}
	e.NFVIPoPID, e.ObservedAt, e.Revision = "DUB", at.Truncate(time.Microsecond), 1
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("what was put is not what is stored (-want +got):\n%s", diff)
	}
	e.ObservedAt = time.Time{}
	if got = must2(s.PutCacheEntry(ctx, e, nil, tester))(t); got.Revision != 1 {
		t.Errorf("the same again without a time has revision %d", got.Revision)
	}
	e.Mode, e.TrustDomainID = placement.CacheShared, ""
	if got = must2(s.PutCacheEntry(ctx, e, new(int64(1)), tester))(t); got.Revision != 2 || time.Since(got.ObservedAt).Abs() > time.Minute {
		t.Errorf("changed now: %+v", got)
	}
	_, _, err = s.PutCacheEntry(ctx, e, new(int64(1)), tester)
	wantKind(t, err, placement.PreconditionFailed)
	_, _, err = s.PutCacheEntry(ctx, placement.CacheEntry{HostID: "none", Digest: "sha256:x", Mode: placement.CacheShared}, nil, tester)
	wantFindings(t, err, "UNKNOWN_REFERENCE /cacheEntries/0/hostId")

	var paged []string
	for after := ""; ; {
		page := must(s.ListCacheEntries(ctx, placement.Page{After: after, Limit: 1}))(t)
		if len(page) == 0 {
			break
		}
		after = cacheEntryID(page[0].HostID, page[0].Digest)
		paged = append(paged, after)
	}
	if diff := cmp.Diff([]string{"h01/sha256:amf", "h03/sha256:x"}, paged); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	wantKind(t, s.DeleteCacheEntry(ctx, "h03", "sha256:x", new(int64(1)), tester), placement.PreconditionFailed)
	if err := s.DeleteCacheEntry(ctx, "h03", "sha256:x", new(int64(2)), tester); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetCacheEntry(ctx, "h03", "sha256:x")
	wantKind(t, err, placement.NotFound)
	wantKind(t, s.DeleteCacheEntry(ctx, "h03", "sha256:x", nil, tester), placement.NotFound)
	wantKind(t, s.DeleteCacheEntry(ctx, "none", "sha256:x", nil, tester), placement.NotFound)
	wantConsistent(t, s)
}
