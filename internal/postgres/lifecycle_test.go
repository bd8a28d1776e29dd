package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
)

// leavesResidue notes a residue and orders a purge for everyone who ends.
func leavesResidue() placement.EndRules {
	return placement.EndRules{
		Residue: func(r *placement.Residency, h *placement.Host, _ []*placement.Residency, _ []placement.CacheEntry) []placement.Residue {
			return []placement.Residue{{TrustDomainID: r.Workload.TrustDomainID, NFInstance: r.Workload.NF.Instance(), BelowVM: h.RackID != ""}}
		},
		Purge: func(r *placement.Residency, remaining []*placement.Residency) []placement.Directive {
			if len(remaining) > 0 {
				return nil
			}
			return []placement.Directive{{
				NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, GrantID: r.GrantID, Kind: placement.DirectivePurge,
				Purge: &placement.PurgeDirective{TrustDomainID: r.Workload.TrustDomainID},
			}}
		},
	}
}

func (w *world) ack(host string, seq int64, outcome placement.AckOutcome) error {
	return w.RecordAck(w.t.Context(), placement.Ack{HostID: host, Seq: seq, Outcome: outcome, Detail: "d"}, "agent", leavesResidue())
}

// terminate commits a request that releases residencies on a host.
func (w *world) terminate(vnf, occ, host string, ids ...string) {
	w.t.Helper()
	w.grant(request{vnf: vnf, occ: occ, edit: func(c *placement.Commit) {
		c.Decision.Inputs.Request.Operation = placement.OpTerminate
		c.Decision.Plan.Releases = ids
		for _, id := range ids {
			c.Directives = append(c.Directives, placement.Directive{
				NFVIPoPID: testPoP, HostID: host, Kind: placement.DirectiveRelease,
				Release: &placement.ReleaseDirective{Workload: placement.WorkloadRef{ResidencyID: id}},
			})
		}
	}})
}

func (w *world) hostRecord(id string) placement.Host {
	w.t.Helper()
	hosts, err := readHosts(w.t.Context(), w.pool, testPoP, []string{id})
	if err != nil || len(hosts) != 1 {
		w.t.Fatal(hosts, err)
	}
	return hosts[0]
}

func TestAcknowledgementsMoveReservations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	to := placement.Dedication{Identity: placement.DedicatedToTrustDomain, ID: "TD-A"}
	g := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, claims: claimOf("TD-A"), edit: func(c *placement.Commit) {
		c.Decision.Plan.Placements[0].Dedicate = &to
	}})
	id := residencyOf(g)
	steps := []struct {
		seq     int64
		outcome placement.AckOutcome
		want    string
		kind    placement.Kind
	}{
		{1, placement.AckFailed, "RESERVED", 0},
		{9, placement.AckApplied, "RESERVED", placement.Invalid},
		{1, placement.AckApplied, "RUNNING", 0},
		{1, placement.AckApplied, "RUNNING", 0},
		{1, placement.AckFailed, "RUNNING", placement.Conflict},
	}
	for n, s := range steps {
		err := w.ack("h1", s.seq, s.outcome)
		if (err != nil) != (s.kind != 0) || err != nil && placement.KindOf(err) != s.kind {
			t.Errorf("step %d: error %v", n, err)
		}
		if got := w.state(id); got != s.want {
			t.Errorf("step %d: residency %s, want %s", n, got, s.want)
		}
	}
	if err := w.ack("h9", 1, placement.AckApplied); placement.KindOf(err) != placement.NotFound {
		t.Errorf("unknown host: %v", err)
	}
	if d, err := w.HostDirectives(t.Context(), "h1", 0, 1); err != nil || d[0].Ack == nil || d[0].Ack.Outcome != placement.AckApplied || d[0].Ack.Detail != "d" {
		t.Errorf("directive %+v, %v", d, err)
	}
	w.terminate("amf-1", "occ-2", "h1", id)
	if got := w.state(id); got != "TERMINATING" {
		t.Errorf("residency %s, want TERMINATING", got)
	}
	if err := w.ack("h1", 2, placement.AckApplied); err != nil {
		t.Fatal(err)
	}
	h := w.hostRecord("h1")
	if w.state(id) != "none" || h.DedicatedTo != nil || w.count(`SELECT count(*) FROM claim`) != 0 || w.count(`SELECT cpu_millis_used FROM host`) != 0 {
		t.Errorf("after the end: residency %s, host %+v", w.state(id), h)
	}
	want := []placement.Residue{{TrustDomainID: "TD-A", NFInstance: "amf-1", BelowVM: true}}
	if diff := cmp.Diff(want, h.Residue, cmpopts.IgnoreFields(placement.Residue{}, "ID", "Since")); diff != "" {
		t.Errorf("residue (-want +got):\n%s", diff)
	}
	dirs, err := w.HostDirectives(t.Context(), "h1", 2, 10)
	if err != nil || len(dirs) != 1 || dirs[0].Seq != 3 || dirs[0].Purge == nil || dirs[0].Purge.TrustDomainID != "TD-A" {
		t.Errorf("directives after the end: %+v, %v", dirs, err)
	}
	w.checkBooks()
	checkReplica(t, w)
}

func TestExpiryKeepsSeparating(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	soon := func(c *placement.Commit) { c.ReservationTTL = -time.Second }
	g := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, edit: soon})
	kept := w.grant(request{vnf: "amf-1", occ: "occ-2", hosts: []string{"h1"}})
	run := w.grant(request{vnf: "amf-1", occ: "occ-3", hosts: []string{"h2"}, edit: soon})
	if err := w.ack("h2", 1, placement.AckApplied); err != nil {
		t.Fatal(err)
	}
	if n, err := w.ExpireReservations(t.Context(), 10); err != nil || n != 1 {
		t.Errorf("%d expired, %v", n, err)
	}
	if n, err := w.ExpireReservations(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("%d expired again, %v", n, err)
	}
	for want, id := range map[string]string{"UNCONFIRMED": residencyOf(g), "RESERVED": residencyOf(kept), "RUNNING": residencyOf(run)} {
		if got := w.state(id); got != want {
			t.Errorf("residency %s, want %s", got, want)
		}
	}
	var facts placement.CommitFacts
	veto := func(f placement.CommitFacts) []placement.Reason { facts = f; return []placement.Reason{{RuleID: "R"}} }
	if _, err := w.Commit(t.Context(), w.commitOf(request{vnf: "x", occ: "x", hosts: []string{"h1"}}), veto); err != nil {
		t.Fatal(err)
	}
	if len(facts.Hosts[0].Residents) != 2 || facts.Hosts[0].Used[placement.DimCPUMillis] != 2000 {
		t.Errorf("an unconfirmed reservation no longer counts: %+v", facts.Hosts[0])
	}
	if err := w.ack("h1", 1, placement.AckApplied); err != nil || w.state(residencyOf(g)) != "RUNNING" {
		t.Errorf("a late acknowledgement: %v, %s", err, w.state(residencyOf(g)))
	}
	w.checkBooks()
	checkReplica(t, w)
}

func TestReleaseByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	g := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1", "h2"}})
	first, second := g.Placements[0].ResidencyID, g.Placements[1].ResidencyID
	two := int64(2)
	if _, err := w.ReleaseReservation(t.Context(), first, "r", &two, "op", placement.EndRules{}); placement.KindOf(err) != placement.PreconditionFailed {
		t.Errorf("another revision: %v", err)
	}
	r, err := w.ReleaseReservation(t.Context(), first, "the operation failed", nil, "op", leavesResidue())
	if err != nil || r.ID != first || r.State != placement.StateReserved {
		t.Errorf("released %+v, %v", r, err)
	}
	if h := w.hostRecord("h1"); len(h.Residue) != 0 {
		t.Errorf("what never ran left %+v", h.Residue)
	}
	dirs, err := w.HostDirectives(t.Context(), "h1", 1, 10)
	if err != nil || len(dirs) != 2 || dirs[0].Release == nil || dirs[0].Release.Workload.ResidencyID != first || dirs[0].GrantID != g.ID || dirs[1].Purge == nil {
		t.Errorf("directives %+v, %v", dirs, err)
	}
	if _, err := w.ReleaseReservation(t.Context(), first, "again", nil, "op", leavesResidue()); placement.KindOf(err) != placement.NotFound {
		t.Errorf("second release: %v", err)
	}
	if err := w.ack("h2", 1, placement.AckApplied); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReleaseReservation(t.Context(), second, "r", nil, "op", leavesResidue()); placement.KindOf(err) != placement.Conflict {
		t.Errorf("release of what runs: %v", err)
	}
	w.terminate("amf-1", "occ-2", "h2", second)
	if _, err := w.ReleaseReservation(t.Context(), second, "host lost", nil, "op", leavesResidue()); err != nil {
		t.Errorf("release of what is to terminate: %v", err)
	}
	if h := w.hostRecord("h2"); len(h.Residue) != 1 {
		t.Errorf("residue %+v", h.Residue)
	}
	if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'RELEASE' AND actor_id = 'op' AND detail ->> 'reason' <> ''`); n != 2 {
		t.Errorf("%d audit records of two releases", n)
	}
	w.checkBooks()
	checkReplica(t, w)
}

// A reservation ends exactly once, whoever tries at the same time.
func TestReservationEndsOnce(t *testing.T) {
	t.Parallel()
	hosts := hostNames(20)
	w := newWorld(t, hosts...)
	for _, host := range hosts {
		g := w.grant(request{vnf: "amf-1", occ: host, body: "a", hosts: []string{host}, edit: func(c *placement.Commit) { c.ReservationTTL = -time.Second }})
		id := residencyOf(g)
		next := w.commitOf(request{vnf: "amf-1", occ: host, body: "b", hosts: []string{host}})
		next.Supersedes = []string{id}
		var tries errgroup.Group
		tries.Go(func() error { _, err := w.ExpireReservations(t.Context(), 100); return err })
		tries.Go(func() error { return ignore(w.release(id), placement.NotFound, placement.Conflict) })
		tries.Go(func() error { return w.ack(host, 1, placement.AckApplied) })
		tries.Go(func() error {
			state := placement.ObservedState{HostID: host}
			_, err := w.PutObservedState(t.Context(), state, "empty", placement.ObservationCondition{}, placement.EndRules{}, noDrift)
			return err
		})
		tries.Go(func() error { _, err := w.Commit(t.Context(), next, sayYes); return err })
		if err := tries.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	w.checkBooks()
	checkReplica(t, w)
}

func ignore(err error, kinds ...placement.Kind) error {
	for _, k := range kinds {
		if err != nil && placement.KindOf(err) == k {
			return nil
		}
	}
	return err
}

func TestListReservations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	a := w.grant(request{client: "c1", vnf: "amf-1", occ: "occ-1", hosts: []string{"h1", "h2"}})
	b := w.grant(request{client: "c2", vnf: "amf-2", occ: "occ-1", hosts: []string{"h1"}})
	w.exec(`INSERT INTO residency (nfvi_pop_id, id, host_id, kind, state, vnf_instance_id, component_id, trust_domain_id)
	        VALUES ('lon', 'imported', 'h1', 'WORKLOAD', 'RUNNING', 'amf-1', 'sig', 'TD-A')`)
	if err := w.ack("h2", 1, placement.AckApplied); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		client string
		where  []placement.Condition
		want   int
	}{
		"all":        {"", nil, 3},
		"client":     {"c1", nil, 2},
		"instance":   {"", []placement.Condition{equal("vnfInstanceId", "amf-2")}, 1},
		"host":       {"", []placement.Condition{equal("hostId", "h1")}, 2},
		"grant":      {"", []placement.Condition{equal("grantId", a.ID), equal("hostId", "h1")}, 1},
		"states":     {"", []placement.Condition{{Operator: placement.OpIn, Path: []string{"state"}, Values: []string{"RUNNING", "TERMINATING"}}}, 1},
		"not theirs": {"c1", []placement.Condition{equal("grantId", b.ID)}, 0},
		"not a kind": {"", []placement.Condition{equal("state", "GONE")}, 0},
	}
	for name, tt := range tests {
		list, err := w.ListReservations(t.Context(), tt.client, placement.Page{Limit: 10, Where: tt.where})
		if err != nil || len(list) != tt.want {
			t.Errorf("%s: %d reservations, want %d; %v", name, len(list), tt.want, err)
		}
	}
	var paged []string
	for after := ""; ; after = paged[len(paged)-1] {
		list, err := w.ListReservations(t.Context(), "", placement.Page{After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			paged = append(paged, r.ID)
		}
	}
	if len(paged) != 3 {
		t.Errorf("pages hold %v", paged)
	}
	if r, err := w.GetReservation(t.Context(), residencyOf(b)); err != nil || r.GrantID != b.ID {
		t.Errorf("reservation %+v, %v", r, err)
	}
	if _, err := w.GetReservation(t.Context(), "imported"); placement.KindOf(err) != placement.NotFound {
		t.Errorf("what was imported is no reservation: %v", err)
	}
	for _, c := range []struct {
		client, grant string
		want          int
	}{{"", "", 4}, {"", a.ID, 2}, {"c1", "", 2}, {"c1", a.ID, 2}, {"c2", a.ID, 0}} {
		list, err := w.ListPlacedResidencies(t.Context(), c.client, c.grant, placement.Page{Limit: 10})
		if err != nil || len(list) != c.want {
			t.Errorf("client %q, grant %q: %d residencies, %v", c.client, c.grant, len(list), err)
		}
	}
}

func TestRecordAndListDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var want []string
	for n, kind := range []placement.DecisionKind{placement.DecisionDryRun, placement.DecisionCache, placement.DecisionDryRun} {
		d := w.refusal("", placement.FeedPosition{})
		d.Kind, d.At, d.ClientID = kind, start.Add(time.Duration(n)*time.Minute), []string{"c1", "c2", "c1"}[n]
		if err := w.RecordDecision(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		want = append([]string{d.ID}, want...)
	}
	read := func(client, after string, limit int) (ids []string) {
		list, err := w.ListDecisions(t.Context(), client, placement.Page{After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			ids = append(ids, list[i].ID)
		}
		return ids
	}
	if diff := cmp.Diff(want, read("", "", 10)); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[1:2], read("", want[0], 1)); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{want[0], want[2]}, read("c1", "", 10)); diff != "" {
		t.Errorf("of one client (-want +got):\n%s", diff)
	}
	if _, err := w.GetDecision(t.Context(), "no such"); placement.KindOf(err) != placement.NotFound {
		t.Errorf("unknown decision: %v", err)
	}
	if _, err := w.GetGrant(t.Context(), "no such"); placement.KindOf(err) != placement.NotFound {
		t.Errorf("unknown grant: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'DRY_RUN'`); n != 2 {
		t.Errorf("%d audit records of dry runs", n)
	}
	w.checkBooks()
}

// TestEndsByTheRulesInForce ends a residency by rules of another epoch than the one in force: what it leaves behind could be judged too mildly.
func TestEndsByTheRulesInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	id := residencyOf(w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}}))
	epoch := must(w.Epoch(t.Context()))(t)
	release := func(rulesOf int64) error {
		end := leavesResidue()
		end.PolicyEpoch = rulesOf
		_, err := w.ReleaseReservation(t.Context(), id, "test", nil, tester, end)
		return err
	}
	if err := release(epoch + 1); !errors.Is(err, placement.ErrRulesOutdated) || placement.KindOf(err) != placement.Unavailable {
		t.Errorf("by other rules: %v", err)
	}
	if got := w.state(id); got != "RESERVED" {
		t.Fatalf("after rules of another epoch: %s", got)
	}
	if err := release(epoch); err != nil {
		t.Error(err)
	}
	w.checkBooks()
}
