package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// TestImportIsIdempotent imports a document, exports it, and imports it again.
func TestImportIsIdempotent(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	doc := smallInventory()
	var progress []string
	result := must(s.Import(ctx, &doc, false, placement.EndRules{}, tester, func(done, total int) { progress = append(progress, fmt.Sprint(done, " of ", total)) }))(t)
	wantCounts := map[string]placement.ImportCount{
		"trustDomains": {Created: 3}, "trustRelations": {Created: 1}, "nfviPops": {Created: 2}, "resourceZones": {Created: 2}, "hostPools": {Created: 2},
		"runtimeClasses": {Created: 2}, "hosts": {Created: 3}, "images": {Created: 1}, "vnfProfiles": {Created: 1}, "residencies": {Created: 3},
		"cacheEntries": {Created: 1},
	}
	if diff := cmp.Diff(wantCounts, result.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if result.PolicyEpoch != 2 || result.Position != headOf(t, s) || !slices.Equal(progress, []string{"21 of 21"}) {
		t.Errorf("epoch %d, position %s, progress %q", result.PolicyEpoch, result.Position, progress)
	}
	exported := must(s.Export(ctx))(t)
	again := must(s.Import(ctx, &exported, false, placement.EndRules{}, tester, nil))(t)
	for list, n := range again.Counts {
		if n != (placement.ImportCount{Unchanged: wantCounts[list].Created}) {
			t.Errorf("%s again: %+v", list, n)
		}
	}
	if again.PolicyEpoch != 2 || again.Position != result.Position || len(again.Counts) != len(wantCounts) {
		t.Errorf("nothing changed, but %+v", again)
	}
	if acts(t, s, "IMPORT", "inventory") != 1 {
		t.Error("the audit trail does not hold one import")
	}
	changed := smallInventory()
	changed.HostPools[0].AllowedTrustDomainIDs = append(changed.HostPools[0].AllowedTrustDomainIDs, "TD-SLICE")
	changed.Hosts[1].RackID, changed.Residencies[0].Workload.Exposed, changed.CacheEntries[0].Mode = "r7", true, placement.CacheNoStore
	result = must(s.Import(ctx, &changed, false, placement.EndRules{}, tester, nil))(t)
	for list, want := range map[string]placement.ImportCount{
		"hostPools": {Updated: 1, Unchanged: 1}, "hosts": {Updated: 1, Unchanged: 2}, "residencies": {Updated: 1, Unchanged: 2}, "cacheEntries": {Updated: 1},
		"trustDomains": {Unchanged: 3},
	} {
		if result.Counts[list] != want {
			t.Errorf("%s: %+v, want %+v", list, result.Counts[list], want)
		}
	}
	if result.PolicyEpoch != 3 {
		t.Errorf("epoch %d after a change of a pool", result.PolicyEpoch)
	}
	wantConsistent(t, s)
}

// TestImportFailsWhole spoils a document at its end, in what can be seen before and in what only the database refuses.
func TestImportFailsWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*placement.Inventory)
		want  []string
	}{
		{"reference", func(d *placement.Inventory) { d.Residencies[2].HostID = "none" }, []string{"UNKNOWN_REFERENCE /residencies/2/hostId"}},
		{"value", func(d *placement.Inventory) { d.Residencies[2].State = "SLEEPING" }, nil},
		{"cache mode", func(d *placement.Inventory) { d.CacheEntries[0].Mode = placement.CacheUnset }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			doc := smallInventory()
			c.spoil(&doc)
			_, err := s.Import(t.Context(), &doc, false, placement.EndRules{}, tester, nil)
			wantKind(t, err, placement.Invalid)
			if c.want != nil {
				wantFindings(t, err, c.want...)
			}
			if diff := cmp.Diff(placement.Inventory{}, must(s.Export(t.Context()))(t)); diff != "" {
				t.Errorf("something was applied (-want +got):\n%s", diff)
			}
			if head := headOf(t, s); head != (placement.FeedPosition{}) || must(s.Epoch(t.Context()))(t) != 1 {
				t.Errorf("the feed reaches to %s", head)
			}
		})
	}
}

// TestImportFacts sets attestation, residue and dedication where it may, and keeps its hands off where it may not.
func TestImportFacts(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond)
	factual := func() placement.Inventory {
		h := smallHost("h02", "LON", "LON-A", "pool-up")
		h.Attestation = placement.Attestation{State: placement.AttestationTrusted, Verifier: "reference", AttestedAt: at}
		h.AttestedCapabilities = placement.CapTPM2
		h.Residue = []placement.Residue{{TrustDomainID: "TD-UP"}, {TrustDomainID: "TD-CP", NFInstance: "amf-1", Since: at}}
		h.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToTenant, ID: "blue"}
		return placement.Inventory{Hosts: []placement.Host{h}}
	}
	doc := factual()
	if result := must(s.Import(ctx, &doc, false, placement.EndRules{}, tester, nil))(t); result.Counts["hosts"] != (placement.ImportCount{Unchanged: 1}) {
		t.Errorf("facts that it may not set: %+v", result.Counts)
	}
	for i, want := range []placement.ImportCount{{Updated: 1}, {Unchanged: 1}} {
		doc = factual()
		if result := must(s.Import(ctx, &doc, true, placement.EndRules{}, tester, nil))(t); result.Counts["hosts"] != want {
			t.Errorf("import %d of facts: %+v", i+1, result.Counts)
		}
	}
	h, want := must(s.GetHost(ctx, "h02"))(t), factual().Hosts[0]
	if h.Attestation != want.Attestation || h.AttestedCapabilities != want.AttestedCapabilities || *h.DedicatedTo != *want.DedicatedTo {
		t.Errorf("host %+v, want the facts of %+v", h, want)
	}
	if len(h.Residue) != 2 || !h.Residue[0].Since.Equal(at) || !h.Residue[0].BelowVM || h.Residue[1].TrustDomainID != "TD-UP" || h.Residue[1].Since.Before(at) {
		t.Errorf("residue %+v", h.Residue)
	}
	wantConsistent(t, s)
}

// TestLargeImport is applied in several transactions, in the order of keys.
func TestLargeImport(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	doc := largeInventory(importHosts+1, 2)
	doc.CacheEntries = []placement.CacheEntry{{HostID: "host-000001", Digest: "sha256:amf", Mode: placement.CacheShared}}
	total := entries(&doc)
	var steps []int
	result := must(s.Import(ctx, &doc, true, placement.EndRules{}, tester, func(done, all int) {
		if steps = append(steps, done); all != total {
			t.Errorf("%d entries in all, want %d", all, total)
		}
	}))(t)
	catalogue := total - 3*(importHosts+1) - 1
	want := []int{catalogue, catalogue + importHosts, catalogue + importHosts + 1, total - 1, total}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if result.Counts["hosts"].Created != importHosts+1 || result.Counts["residencies"].Created != 2*(importHosts+1) {
		t.Errorf("counts %+v", result.Counts)
	}
	wantConsistent(t, s)

	// A fault in a later part is found before the first one is applied.
	doc = largeInventory(importHosts+1, 0)
	doc.TrustDomains[0].Name = "renamed"
	doc.CacheEntries = []placement.CacheEntry{{HostID: "none", Digest: "sha256:amf", Mode: placement.CacheShared}}
	_, err := s.Import(ctx, &doc, true, placement.EndRules{}, tester, nil)
	wantFindings(t, err, "UNKNOWN_REFERENCE /cacheEntries/0/hostId")
	if d := must(s.GetTrustDomain(ctx, "TD-CP"))(t); strings.Contains(d.Name, "renamed") {
		t.Error("a part of a faulty document was applied")
	}
}

// TestImportsExcludeEachOther lets several imports of the same document run at once: one creates, the others find.
func TestImportsExcludeEachOther(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	const importers = 4
	results := make(chan placement.ImportResult, importers)
	errs := make(chan error, importers)
	for range importers {
		go func() {
			doc := smallInventory()
			result, err := s.Import(t.Context(), &doc, false, placement.EndRules{}, tester, nil)
			errs <- err
			results <- result
		}()
	}
	created := 0
	for range importers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
		created += (<-results).Counts["residencies"].Created
	}
	if created != 3 {
		t.Errorf("%d residencies were created, want 3", created)
	}
	wantConsistent(t, s)
}
