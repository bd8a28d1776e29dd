package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// world is a database with one NFVI-PoP and some hosts in service, and what a test does there.
type world struct {
	*Store

	t     testing.TB
	owner *pgx.Conn
}

const testPoP = "lon"

func newWorld(t testing.TB, hosts ...string) *world {
	t.Helper()
	s, ownerURL := newStoreAndOwner(t)
	w := &world{Store: s, t: t, owner: connect(t, ownerURL)}
	w.exec(`INSERT INTO nfvi_pop (id, country) VALUES ($1, 'GB')`, testPoP)
	w.exec(`INSERT INTO resource_zone (id, nfvi_pop_id) VALUES ('lon-a', $1)`, testPoP)
	w.exec(`INSERT INTO runtime_class (name, isolation, overhead) VALUES ('runc', 'OS_CONTAINER', '{}'), ('kata', 'VM', '{"memoryMiB": 100}')`)
	w.exec(`INSERT INTO trust_domain (id, category, sensitivity, exclusive) VALUES ('TD-A', 'CONTROL_PLANE', 3, false), ('TD-X', 'SECURITY_ANCHOR', 4, true)`)
	for _, id := range hosts {
		w.addHost(id)
	}
	return w
}

func (w *world) addHost(id string) {
	w.t.Helper()
	w.exec(`INSERT INTO directory (kind, id, nfvi_pop_id) VALUES ('HOST', $1, $2)`, id, testPoP)
	w.exec(`
		INSERT INTO host (nfvi_pop_id, id, resource_zone_id, rack_id, lifecycle, vim_connection_id, runtimes, attestation_state, attested_at,
		                  cpu_millis_total, memory_mib_total)
		VALUES ($1, $2, 'lon-a', 'rack-' || $2, 'IN_SERVICE', 'vim-1', '{runc,kata}', 'TRUSTED', now() - interval '10 minutes', 4000, 8000)`, testPoP, id)
	w.exec(`INSERT INTO host_ext_capacity (nfvi_pop_id, host_id, dimension, total) VALUES ($1, $2, 'ext.fpga', 2)`, testPoP, id)
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.owner.Exec(context.WithoutCancel(w.t.Context()), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.owner.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// request is what a test asks for: one workload per host.
type request struct {
	client, occ, body string
	vnf, domain       string
	runtime           string
	hosts             []string
	claims            func(host string) []placement.Claim
	edit              func(*placement.Commit)
}

func (w *world) commitOf(q request) placement.Commit {
	w.t.Helper()
	epoch, err := w.Epoch(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	grantID := uuid.NewString()
	workload := placement.Workload{
		NF: placement.NF{VNFInstanceID: q.vnf, Type: "AMF"}, VNFDID: "vnfd", ComponentID: "sig", TrustDomainID: or(q.domain, "TD-A"),
		Roles: placement.RoleSignalling, Resources: placement.Resources{placement.DimCPUMillis: 1000, placement.DimMemoryMiB: 500, "ext.fpga": 1},
	}
	d := placement.Decision{
		ID: uuid.NewString(), Kind: placement.DecisionGrant, Outcome: placement.OutcomeGrant, ClientID: or(q.client, "vnfm"), Plan: &placement.Plan{},
		Inputs: placement.Inputs{
			Request: placement.GrantRequest{VNFInstanceID: q.vnf, VNFLcmOpOccID: q.occ, VNFDID: "vnfd", Operation: placement.OpInstantiate},
			Demands: []placement.Demand{{Workload: workload}}, PolicyEpoch: epoch, Seed: 1 << 63, Now: time.Now().UTC(),
		},
	}
	c := placement.Commit{
		Key:     placement.IdempotencyKey{ClientID: or(q.client, "vnfm"), VNFLcmOpOccID: q.occ, BodySHA256: sha256.Sum256([]byte(q.body))},
		GrantID: grantID, ReservationTTL: time.Hour, AttestationMargin: 2 * time.Second,
	}
	for i, host := range q.hosts {
		p := placement.Placement{
			ResidencyID: fmt.Sprintf("%s-%d", grantID, i), ResourceDefinitionID: fmt.Sprintf("rd-%d", i), NFVIPoPID: testPoP, HostID: host,
			Runtime: or(q.runtime, "kata"), Isolation: placement.IsolationVM,
		}
		if q.claims != nil {
			p.Claims = q.claims(host)
		}
		d.Plan.Placements = append(d.Plan.Placements, p)
		d.Inputs.Demands[0].ResourceDefinitionIDs = append(d.Inputs.Demands[0].ResourceDefinitionIDs, p.ResourceDefinitionID)
		c.Answer = append(c.Answer, placement.GrantedPlacement{Placement: p, NodeName: "node-" + host, TrustDomainID: workload.TrustDomainID, Resources: workload.Resources})
		c.Directives = append(c.Directives, placement.Directive{
			NFVIPoPID: testPoP, HostID: host, Kind: placement.DirectivePlace,
			Place: &placement.PlaceDirective{Workload: placement.WorkloadRef{ResidencyID: p.ResidencyID, VNFInstanceID: q.vnf}, Runtime: p.Runtime},
		})
	}
	c.Decision = d
	if q.edit != nil {
		q.edit(&c)
	}
	return c
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func sayYes(placement.CommitFacts) []placement.Reason { return nil }

// grant commits a request that must be granted.
func (w *world) grant(q request) placement.Grant {
	w.t.Helper()
	res, err := w.Commit(w.t.Context(), w.commitOf(q), sayYes)
	if err != nil || res.Status != placement.CommitDone {
		w.t.Fatalf("commit of %s: status %d, reasons %v, error %v", q.occ, res.Status, res.Reasons, err)
	}
	return res.Grant
}

func (w *world) release(residencyID string) error {
	_, err := w.ReleaseReservation(w.t.Context(), residencyID, "test", nil, "operator", placement.EndRules{})
	return err
}

// residencyOf is the first placement of a grant.
func residencyOf(g placement.Grant) string { return g.Placements[0].ResidencyID }

func (w *world) state(residencyID string) string {
	w.t.Helper()
	var state string
	err := w.owner.QueryRow(w.t.Context(), `SELECT state FROM residency WHERE id = $1`, residencyID).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return "none"
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

// checkBooks fails the test unless all that is counted is right and nothing shares what it must not.
func (w *world) checkBooks() {
	w.t.Helper()
	for name, audit := range map[string]func(context.Context) ([]placement.Finding, error){"books": w.AuditBooks, "separation": w.AuditSeparation} {
		findings, err := audit(w.t.Context())
		if err != nil || len(findings) > 0 {
			w.t.Errorf("audit of the %s: %v, error %v", name, findings, err)
		}
	}
}

// settled returns the head of the feed once nothing committed is missing in it. Transactions of other tests delay that,
// because the ids of transactions belong to the whole server.
func (w *world) settled() placement.FeedPosition {
	w.t.Helper()
	for {
		head, pending, err := w.FeedHead(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if !pending {
			return head
		}
	}
}

func (w *world) feed() []placement.Change {
	w.t.Helper()
	w.settled()
	changes, err := w.ReadFeed(w.t.Context(), placement.FeedPosition{}, 10000)
	if err != nil {
		w.t.Fatal(err)
	}
	return changes
}

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
	list, err := w.ListGrantResidencies(t.Context(), c.GrantID)
	if err != nil || len(list) != 1 || list[0].State != placement.StateReserved || !list[0].ExpiresAt.Equal(g.ValidUntil) {
		t.Errorf("residencies %+v, %v", list, err)
	}
	dirs, err := w.HostDirectives(t.Context(), "h1", 0, 10)
	if err != nil || len(dirs) != 1 || dirs[0].Seq != 1 || dirs[0].DecisionID != d.ID || dirs[0].GrantID != g.ID || !dirs[0].Place.ExpiresAt.Equal(g.ValidUntil) {
		t.Errorf("directives %+v, %v", dirs, err)
	}
	params, err := w.VNFInstanceParams(t.Context(), "amf-1")
	if err != nil || params.SNSSAI != "1-000001" || params.VNFDID != "vnfd" || params.Components["sig"].Isolation != placement.IsolationVM {
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
	answer, err := w.FindAnswer(t.Context(), c.Key)
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
	if a, err := w.FindAnswer(t.Context(), placement.IdempotencyKey{ClientID: "vnfm", VNFLcmOpOccID: "occ-1", BodySHA256: sha256.Sum256(nil)}); err != nil || a.Stands || !a.SameBody {
		t.Errorf("a grant whose residencies are to terminate stands: %+v, %v", a, err)
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
		"untrusted": {before: `UPDATE host SET attestation_state = 'UNTRUSTED'`, edit: trusted, after: `UPDATE host SET attestation_state = 'TRUSTED'`},
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
}

func TestCommitReadsSiblingsAndExistingResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	first := w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	w.exec(`UPDATE residency SET vim_resource_ids = '{vim-7}'`)
	w.grant(request{vnf: "amf-2", occ: "occ-2", hosts: []string{"h1"}})
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-3", hosts: []string{"h2"}})
	c.SiblingsOf = []placement.ComponentKey{{NF: "amf-1", ComponentID: "sig"}, {NF: "amf-1", ComponentID: "other"}}
	c.ExistingRefs = []string{"vim-7", "nobody"}
	var facts placement.CommitFacts
	if res, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { facts = f; return nil }); err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	want := []placement.Sibling{{
		ResidencyID: residencyOf(first), NF: "amf-1", ComponentID: "sig", NFVIPoPID: testPoP, ResourceZoneID: "lon-a", RackID: "rack-h1", HostID: "h1",
	}}
	if diff := cmp.Diff(want, facts.Siblings); diff != "" {
		t.Errorf("siblings (-want +got):\n%s", diff)
	}
	if len(facts.Existing) != 1 || facts.Existing[0].ID != residencyOf(first) {
		t.Errorf("existing resources %+v", facts.Existing)
	}
}

func TestCommitDedicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
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
	w.checkBooks()
}
