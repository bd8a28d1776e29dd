package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

func TestCommitWritesEverythingThatFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	var facts placement.CommitFacts
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1"}})
	c.Decision.Inputs.Request.SNSSAI = "1-000001"
	c.Decision.Inputs.Request.Components = map[string]placement.ComponentAsk{"sig": {Isolation: placement.IsolationVM}}
	res, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { facts = f; return nil })
	if err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	if len(facts.Hosts) != 1 || facts.Hosts[0].Host.ID != "h1" || facts.Hosts[0].Host.RackID != "rack-h1" || len(facts.Hosts[0].Residents) != 0 {
		t.Errorf("verify was given %+v", facts)
	}
	if d := time.Since(facts.Now); d < -time.Minute || d > time.Minute {
		t.Errorf("verify was given the time %s", facts.Now)
	}
	g, err := w.GetGrant(t.Context(), c.GrantID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(res.Grant, g, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the stored grant differs from the answer (-answer +stored):\n%s", diff)
	}
	if !g.GrantedAt.Equal(facts.Now) || !g.ValidUntil.Equal(facts.Now.Add(time.Hour)) {
		t.Errorf("granted at %s, valid until %s, verified at %s", g.GrantedAt, g.ValidUntil, facts.Now)
	}
	d, err := w.GetDecision(t.Context(), c.Decision.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := c.Decision
	want.At, want.NFVIPoPID = facts.Now, testPoP
	if diff := cmp.Diff(want, d, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the stored decision differs (-want +got):\n%s", diff)
	}
	list, err := w.ListPlacedResidencies(t.Context(), "", c.GrantID, placement.Page{Limit: 10})
	if err != nil || len(list) != 1 || list[0].State != placement.StateReserved || !list[0].ExpiresAt.Equal(g.ValidUntil) {
		t.Errorf("residencies %+v, %v", list, err)
	}
	dirs, err := w.HostDirectives(t.Context(), "h1", 0, 10)
	if err != nil || len(dirs) != 1 || dirs[0].Seq != 1 || dirs[0].DecisionID != d.ID || dirs[0].GrantID != g.ID || !dirs[0].Place.ExpiresAt.Equal(g.ValidUntil) {
		t.Errorf("directives %+v, %v", dirs, err)
	}
	params, err := w.VNFInstanceParams(t.Context(), "amf-1")
	if err != nil || params.ClientID != "vnfm" || params.SNSSAI != "1-000001" || params.VNFDID != "vnfd" || params.Components["sig"].Isolation != placement.IsolationVM {
		t.Errorf("parameters %+v, %v", params, err)
	}
	if changes := w.feed(); len(changes) != 1 || changes[0].Residency == nil || changes[0].Residency.ID != list[0].ID || !changes[0].Residency.ReservedAt.Equal(facts.Now) {
		t.Errorf("feed %+v", changes)
	}
	if n := w.count(`SELECT memory_mib_used FROM host WHERE id = 'h1'`); n != 600 {
		t.Errorf("%d MiB in use, want the workload's 500 and its runtime class's 100", n)
	}
	w.checkBooks()
}

func TestCommitOfNothingPlaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1"})
	c.Decision.Inputs.Request.Operation = placement.OpOperate
	res, err := w.Commit(t.Context(), c, sayYes)
	if err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	answer, _, err := w.FindAnswer(t.Context(), c.Key, "")
	if err != nil || !answer.Found || !answer.Stands || answer.GrantID != c.GrantID {
		t.Errorf("answer %+v, %v", answer, err)
	}
	w.checkBooks()
}

func TestCommitReleases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	g := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1", "h2"}})
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-2"})
	c.Decision.Inputs.Request.Operation = placement.OpTerminate
	for _, p := range g.Placements {
		c.Decision.Plan.Releases = append(c.Decision.Plan.Releases, p.ResidencyID)
		c.Directives = append(c.Directives, placement.Directive{
			NFVIPoPID: testPoP, HostID: p.HostID, Kind: placement.DirectiveRelease,
			Release: &placement.ReleaseDirective{Workload: placement.WorkloadRef{ResidencyID: p.ResidencyID}},
		})
	}
	res, err := w.Commit(t.Context(), c, sayYes)
	if err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	for _, p := range g.Placements {
		if got := w.state(p.ResidencyID); got != "TERMINATING" {
			t.Errorf("residency on %s is %s", p.HostID, got)
		}
		if seq, err := w.LatestDirectiveSeq(t.Context(), p.HostID); err != nil || seq != 2 {
			t.Errorf("last directive of %s is %d, %v", p.HostID, seq, err)
		}
	}
	if a, _, err := w.FindAnswer(t.Context(), keyOf("occ-1", ""), ""); err != nil || !a.Stands || !a.SameBody {
		t.Errorf("a grant whose residencies are to terminate and have not ended does not stand: %+v, %v", a, err)
	}
	w.checkBooks()
}

func TestCommitIsStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	tests := map[string]struct {
		before string
		edit   func(*placement.Commit)
		after  string
	}{
		"epoch":    {edit: func(c *placement.Commit) { c.Decision.Inputs.PolicyEpoch++ }},
		"no host":  {edit: func(c *placement.Commit) { c.Decision.Plan.Placements[0].HostID = "h9" }},
		"cordoned": {before: `UPDATE host SET lifecycle = 'CORDONED'`, after: `UPDATE host SET lifecycle = 'IN_SERVICE'`},
		"full":     {before: `UPDATE host SET cpu_millis_total = 999`, after: `UPDATE host SET cpu_millis_total = 4000`},
		"full ext": {before: `UPDATE host_ext_capacity SET total = 0`, after: `UPDATE host_ext_capacity SET total = 2`},
		"too old": {edit: func(c *placement.Commit) {
			c.Decision.Plan.Placements[0].AttestationLimit = 10*time.Minute + time.Second
		}},
		"the emergency is over": {edit: func(c *placement.Commit) {
			c.Decision.Plan.Placements[0].OverriddenUntil = time.Now().Add(-time.Second)
		}},
		"untrusted": {before: `UPDATE host SET attestation_state = 'UNTRUSTED'`, edit: trusted, after: `UPDATE host SET attestation_state = 'TRUSTED'`},
		"nothing to release": {edit: func(c *placement.Commit) {
			c.Decision.Plan.Releases = []string{"gone"}
			c.Directives = append(c.Directives, placement.Directive{
				NFVIPoPID: testPoP, HostID: "h9", Kind: placement.DirectiveRelease,
				Release: &placement.ReleaseDirective{Workload: placement.WorkloadRef{ResidencyID: "gone"}},
			})
		}},
		"nothing to supersede": {edit: func(c *placement.Commit) { c.Supersedes = []string{"gone"} }},
		"expired": {
			before: `UPDATE host SET attestation_valid_until = now() + interval '1 second'`, after: `UPDATE host SET attestation_valid_until = NULL`,
			edit: func(c *placement.Commit) { c.Decision.Plan.Placements[0].AttestationLimit = time.Hour },
		},
	}
	for name, tt := range tests {
		if tt.before != "" {
			w.exec(tt.before)
		}
		res, err := w.Commit(t.Context(), w.commitOf(request{vnf: "amf-1", occ: name, hosts: []string{"h1"}, edit: tt.edit}), sayYes)
		if err != nil || res.Status != placement.CommitStale {
			t.Errorf("%s: status %d, error %v, want stale", name, res.Status, err)
		}
		if tt.after != "" {
			w.exec(tt.after)
		}
	}
	veto := []placement.Reason{{RuleID: "R-1"}}
	res, err := w.Commit(t.Context(), w.commitOf(request{vnf: "amf-1", occ: "veto", hosts: []string{"h1"}}), func(placement.CommitFacts) []placement.Reason { return veto })
	if diff := cmp.Diff(placement.CommitResult{Status: placement.CommitStale, Reasons: veto}, res); err != nil || diff != "" {
		t.Errorf("vetoed: %v\n%s", err, diff)
	}
	if n := w.count(`SELECT count(*) FROM idempotency`) + w.count(`SELECT count(*) FROM decision`) + w.count(`SELECT count(*) FROM residency`); n != 0 {
		t.Errorf("%d rows of stale commits", n)
	}
	w.grant(request{vnf: "amf-1", occ: "fits", hosts: []string{"h1"}, edit: func(c *placement.Commit) {
		trusted(c)
		c.Decision.Plan.Placements[0].AttestationLimit = time.Hour
	}})
	w.checkBooks()
}

func trusted(c *placement.Commit) { c.Decision.Plan.Placements[0].AttestationState = true }

func TestGrantIsValidAsLongAsItsAttestation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.exec(`UPDATE host SET attested_at = '2026-01-01T00:00:00Z', lifecycle = 'IN_SERVICE'`)
	var attested time.Time
	w.exec(`UPDATE host SET attested_at = date_trunc('second', now()) - interval '10 minutes'`)
	if err := w.owner.QueryRow(t.Context(), `SELECT attested_at FROM host`).Scan(&attested); err != nil {
		t.Fatal(err)
	}
	g := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, edit: func(c *placement.Commit) {
		c.Decision.Plan.Placements[0].AttestationLimit = 30 * time.Minute
	}})
	if want := attested.Add(30 * time.Minute); !g.ValidUntil.Equal(want) {
		t.Errorf("valid until %s, want %s", g.ValidUntil, want)
	}
	until := attested.Add(25 * time.Minute)
	g = w.grant(request{vnf: "amf-1", occ: "occ-2", hosts: []string{"h1"}, edit: func(c *placement.Commit) {
		c.Decision.Plan.Placements[0].OverriddenUntil = until
	}})
	if !g.ValidUntil.Equal(until) {
		t.Errorf("in an emergency until %s it is valid until %s", until, g.ValidUntil)
	}
}

func TestCommitReadsSiblingsAndExistingResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	first := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	w.exec(`UPDATE residency SET vim_resource_ids = '{vim-7}'`)
	w.grant(request{vnf: "amf-2", occ: "occ-2", hosts: []string{"h1"}})
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-3", hosts: []string{"h2"}})
	c.SiblingsOf = []placement.ComponentKey{{VNFInstanceID: "amf-1", ComponentID: "sig"}, {VNFInstanceID: "amf-1", ComponentID: "other"}}
	c.ExistingRefs = []string{"vim-7", "nobody"}
	var facts placement.CommitFacts
	if res, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { facts = f; return nil }); err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	want := []placement.Sibling{{
		ResidencyID: residencyOf(first), VNFInstanceID: "amf-1", NF: "amf-1", ComponentID: "sig", NFVIPoPID: testPoP, ResourceZoneID: "lon-a", RackID: "rack-h1", HostID: "h1", State: placement.StateReserved,
	}}
	if diff := cmp.Diff(want, facts.Siblings); diff != "" {
		t.Errorf("siblings (-want +got):\n%s", diff)
	}
	wantExisting := []placement.ExistingResource{{
		ResidencyID: residencyOf(first), VNFInstanceID: "amf-1", VIMResourceIDs: []string{"vim-7"}, NFVIPoPID: testPoP, ResourceZoneID: "lon-a", RackID: "rack-h1",
		VIMConnectionID: "vim-1", HostID: "h1", TrustDomainID: "TD-A",
	}}
	if diff := cmp.Diff(wantExisting, facts.Existing); diff != "" {
		t.Errorf("existing resources (-want +got):\n%s", diff)
	}
}

// TestCommitReadsCaches has caches filled after a request was decided: the verification sees the artefacts that the plan orders
// into them in a form that could be weaker, and no others; who ends is followed by what lies there then.
func TestCommitReadsCaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	cached := func(digest string, mode placement.CacheMode) placement.Directive {
		return placement.Directive{NFVIPoPID: testPoP, HostID: "h1", Kind: placement.DirectiveCache, Cache: &placement.CacheDirective{Digest: digest, Mode: mode}}
	}
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	c.Directives = append(c.Directives, cached("sha256:b", placement.CacheEncrypted), cached("sha256:a", placement.CacheNoStore), cached("sha256:c", placement.CacheShared))
	for _, e := range []placement.CacheEntry{
		{HostID: "h1", Digest: "sha256:a"}, {HostID: "h1", Digest: "sha256:b"}, {HostID: "h1", Digest: "sha256:c"}, {HostID: "h1", Digest: "sha256:d"}, {HostID: "h2", Digest: "sha256:a"},
	} {
		e.Mode = placement.CacheShared
		must2(w.PutCacheEntry(t.Context(), e, nil, tester))(t)
	}
	seen := func(c placement.Commit) (digests []string) {
		t.Helper()
		var facts placement.CommitFacts
		if res, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { facts = f; return nil }); err != nil || res.Status != placement.CommitDone {
			t.Fatalf("commit: %+v, %v", res, err)
		}
		for _, e := range facts.Hosts[0].Cache {
			digests = append(digests, e.Digest)
		}
		return digests
	}
	if diff := cmp.Diff([]string{"sha256:a", "sha256:b"}, seen(c)); diff != "" {
		t.Errorf("of the cache (-want +got):\n%s", diff)
	}
	w.exec(`UPDATE residency SET state = 'UNCONFIRMED'`)
	again := w.commitOf(request{vnf: "amf-1", occ: "occ-1", body: "other", hosts: []string{"h1"}})
	again.Supersedes = []string{c.Decision.Plan.Placements[0].ResidencyID}
	var left []placement.CacheEntry
	again.End.Residue = func(_ *placement.Residency, _ *placement.Host, _ []*placement.Residency, cache []placement.CacheEntry) []placement.Residue {
		left = cache
		return nil
	}
	if seen(again); len(left) != 4 || left[3].Digest != "sha256:d" {
		t.Errorf("what ends is followed by %v", left)
	}
}

// TestCommitTellsNFInstancesApart has VNF instances and instance keys whose ids could be taken for each other's.
func TestCommitTellsNFInstancesApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2", "h3", "h4")
	nfs := []placement.NF{{VNFInstanceID: "v", InstanceKey: "k"}, {VNFInstanceID: "v/k"}, {VNFInstanceID: "v%2Fk"}}
	key := func(nf placement.NF) func(*placement.Commit) {
		return func(c *placement.Commit) { c.Decision.Inputs.Demands[0].Workload.NF.InstanceKey = nf.InstanceKey }
	}
	for i, nf := range nfs {
		w.grant(request{vnf: nf.VNFInstanceID, occ: nf.Instance(), hosts: []string{hostOf(i)}, edit: key(nf)})
	}
	for i, nf := range nfs {
		c := w.commitOf(request{vnf: nf.VNFInstanceID, occ: "again " + nf.Instance(), hosts: []string{"h4"}, edit: key(nf)})
		c.SiblingsOf = []placement.ComponentKey{{VNFInstanceID: nf.VNFInstanceID, InstanceKey: nf.InstanceKey, ComponentID: "sig"}}
		veto := []placement.Reason{{RuleID: "R"}}
		var got []placement.Sibling
		if _, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { got = f.Siblings; return veto }); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].NF != nf.Instance() || got[0].HostID != hostOf(i) {
			t.Errorf("siblings of %+v: %+v", nf, got)
		}
	}
}

func hostOf(i int) string { return []string{"h1", "h2", "h3"}[i] }

func TestCommitDedicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.exec(`UPDATE host_ext_capacity SET total = 3`)
	to := placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "amf-1"}
	w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, edit: func(c *placement.Commit) { c.Decision.Plan.Placements[0].Dedicate = &to }})
	changes := w.feed()
	last := changes[len(changes)-1]
	if last.Host == nil || last.Host.DedicatedTo == nil || *last.Host.DedicatedTo != to || last.Host.Revision != 2 {
		t.Fatalf("feed ends with %+v", last)
	}
	w.grant(request{vnf: "amf-1", occ: "occ-2", hosts: []string{"h1"}, edit: func(c *placement.Commit) { c.Decision.Plan.Placements[0].Dedicate = &to }})
	if n := w.count(`SELECT count(*) FROM change_feed WHERE kind = 'HOST'`); n != 1 {
		t.Errorf("%d changes of a host that was dedicated once", n)
	}
	wider := placement.Dedication{Identity: placement.DedicatedToTrustDomain, ID: "TD-CP"}
	w.grant(request{vnf: "amf-1", occ: "occ-3", hosts: []string{"h1"}, edit: func(c *placement.Commit) { c.Decision.Plan.Placements[0].Dedicate = &wider }})
	if n := w.count(`SELECT count(*) FROM change_feed WHERE kind = 'HOST'`); n != 1 {
		t.Error("a wider dedication replaced the narrower one")
	}
	w.checkBooks()
}
