package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// world is a database with one NFVI-PoP and some hosts in service, and what a test does there.
type world struct {
	*Store

	t        testing.TB
	owner    *pgx.Conn
	ownerURL string
}

const testPoP = "lon"

func newWorld(t testing.TB, hosts ...string) *world {
	t.Helper()
	s, ownerURL := newStoreAndOwner(t)
	w := &world{Store: s, t: t, owner: connect(t, ownerURL), ownerURL: ownerURL}
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
	return commitOf(epoch, q)
}

func commitOf(epoch int64, q request) placement.Commit {
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
func (w *world) settled() (head placement.FeedPosition) {
	w.t.Helper()
	eventually(w.t, func() bool {
		now, pending, err := w.FeedHead(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		head = now
		return !pending
	})
	return head
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
