package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestActivationIsLinearizable flips the version of the policy that is in force, by one ringfence or the other, while clients
// ask both for grants: nothing that commits after a flip was acknowledged was decided before it.
func TestActivationIsLinearizable(t *testing.T) {
	c := newTrial(t)
	flips := length{20, 200}.value()
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	roomy.load(c, replicas[0])
	policyID := replicas[0].transferAgain(c, "2.0.0")
	a := newAuditor(c, db)
	l := startLoad(c, vnfm{replicas}, grow)
	acknowledged := make([]acknowledgement, flips)
	for i := range flips {
		if err := l.awaitAnswers(clients); err != nil {
			t.Fatal(errors.Join(err, context.Cause(l.ctx)))
		}
		flip, err := json.Marshal(map[string]string{"selectedVersion": []string{"2.0.0", "1.0.0"}[i%2]})
		if err != nil {
			t.Fatal(err)
		}
		status, body, err := send(c.ctx, http.MethodPatch, replicas[i%len(replicas)].base()+"/nfvpolicy/v1/policies/"+policyID, flip)
		if err != nil || status != http.StatusOK {
			t.Fatalf("flip %d: %d %s, %v", i, status, body, err)
		}
		if acknowledged[i], err = a.acknowledge(c.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.awaitAnswers(clients), l.stop()); err != nil {
		t.Fatal(err)
	}
	report(t, "answer", l.strange)
	stale, sabotaged, later := 0, 0, 0
	for i, k := range acknowledged {
		if i > 0 && k.epoch <= acknowledged[i-1].epoch {
			t.Errorf("flip %d did not move the epoch: %d, then %d", i, acknowledged[i-1].epoch, k.epoch)
		}
		for epoch, n := range map[int64]*int{k.epoch: &stale, k.epoch + 1: &sabotaged} {
			found, err := a.decidedBefore(c.ctx, k.snapshot, epoch)
			if err != nil {
				t.Fatal(err)
			}
			*n += len(found)
			if epoch == k.epoch {
				report(t, fmt.Sprintf("after flip %d", i), found)
			}
		}
	}
	mixed, err := a.list(c.ctx, `
		SELECT format('epoch %s was decided with %s', policy_epoch, string_agg(DISTINCT inputs ->> 'policies', ' and with '))
		FROM decision GROUP BY policy_epoch HAVING count(DISTINCT inputs ->> 'policies') > 1`)
	if err != nil {
		t.Fatal(err)
	}
	report(t, "policies", mixed)
	if sabotaged == 0 {
		t.Error("the audit sees nothing even where it should: the load has not overlapped the flips")
	}
	if err := a.conn.QueryRow(c.ctx, `SELECT count(DISTINCT policy_epoch) FROM decision WHERE outcome = 'GRANT'`).Scan(&later); err != nil || later < flips/2 {
		t.Errorf("grants in %d epochs of %d flips, %v", later, flips, err)
	}
	t.Logf("%d flips, grants in %d epochs, %d of an older epoch than was acknowledged; with an epoch that never was: %d; %v", flips, later, stale, sabotaged, l.summary())
}

// acknowledgement is what is certain at the moment when a flip was answered: its epoch, and the transactions that have committed.
type acknowledgement struct {
	epoch    int64
	snapshot string
}

func (a *auditor) acknowledge(ctx context.Context) (k acknowledgement, err error) {
	err = a.conn.QueryRow(ctx, `SELECT epoch, pg_current_snapshot()::text FROM policy_epoch`).Scan(&k.epoch, &k.snapshot)
	return k, err
}

// decidedBefore lists the grants that committed after a snapshot and were decided in an epoch before one.
func (a *auditor) decidedBefore(ctx context.Context, snapshot string, epoch int64) ([]string, error) {
	const beforeSQL = `
		SELECT format('decision %s of epoch %s', d.id, d.policy_epoch)
		FROM decision d
		JOIN audit_record r ON r.decision_id = d.id
		WHERE d.kind = 'GRANT' AND d.outcome = 'GRANT' AND d.policy_epoch < $2 AND NOT pg_visible_in_snapshot(r.txid, $1::text::pg_snapshot)`
	rows, err := a.conn.Query(ctx, beforeSQL, snapshot, epoch)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// transferAgain gives the policy of the fleet another version that is the same but for its number, and returns the policy's id.
func (r *replica) transferAgain(t *trial, version string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(fleetPolicy, `policyVersion: "1.0.0"`, `policyVersion: "`+version+`"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.process.Command(t.ctx, t, "policy", "apply", file, "--name", "policy")
	status, body, err := send(t.ctx, http.MethodGet, r.base()+"/nfvpolicy/v1/policies", nil)
	var policies []struct{ ID string }
	if err = errors.Join(err, json.Unmarshal(body, &policies)); err != nil || status != http.StatusOK || len(policies) != 1 {
		t.Fatalf("policies: %d %s, %v", status, body, err)
	}
	return policies[0].ID
}
