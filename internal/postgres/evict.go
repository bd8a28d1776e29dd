package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// evictor is who evictions are recorded for: the service itself, by a rule of a policy that persons put in force.
const evictor = "ringfence"

// PendingEvictions lists hosts on which something waits to be evicted, those first where it has waited longest. Nobody is evicted
// behind a VIM connection that is observed.
func (s *Store) PendingEvictions(ctx context.Context, limit int) ([]placement.HostKey, error) {
	const pendingSQL = `
		SELECT nfvi_pop_id, host_id
		FROM violation
		WHERE eviction = 'PENDING' AND until IS NULL AND NOT ` + observedHostSQL + `
		GROUP BY nfvi_pop_id, host_id
		ORDER BY min(since), nfvi_pop_id, host_id
		LIMIT $1`
	rows, err := s.pool.Query(ctx, pendingSQL, limit)
	if err != nil {
		return nil, translate(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.HostKey])
	return keys, translate(err)
}

// Evict has a host release those on it who wait for that and whom judge, which must be pure, still sends away on facts that are
// read under the host's lock: residency, directive, feed, audit record and the record of the violation change together. Whoever
// waits without cause waits no longer. Kinds of errors: NotFound for a host that is gone; Conflict when another process looks for
// violations now; Unavailable.
func (s *Store) Evict(ctx context.Context, checker string, o placement.EvictionOrder, judge placement.JudgeEviction) (
	result placement.EvictionResult, err error,
) {
	err = s.workOnHost(ctx, o.Host, func(w *hostWork) error {
		result = placement.EvictionResult{}
		if w.epoch != o.PolicyEpoch {
			result.Stale = true
			return nil
		}
		if w.enforcement() != placement.DirectiveEnforced { // its VIM connection came to be observed: who waits goes on waiting
			return nil
		}
		room, err := w.evictionRoom(ctx, checker, o.PerMinute)
		if err != nil {
			return err
		}
		pending, err := w.pendingEvictions(ctx)
		if err != nil || len(pending) == 0 {
			return err
		}
		facts := placement.EvictionFacts{Now: w.now, Host: placement.HostFacts{Host: &w.host, Used: w.used, Residents: w.residents}}
		if o.Siblings {
			if facts.Siblings, err = w.siblings(ctx); err != nil {
				return err
			}
		}
		result, err = w.evict(pending, judge(facts), room)
		return err
	})
	return result, err
}

// evictionRoom is how many residencies may be evicted now, by the database's clock. It keeps every other process from evicting, and
// the records of violations from changing, until the transaction ends.
func (w *hostWork) evictionRoom(ctx context.Context, checker string, perMinute int) (int, error) {
	const orderedSQL = `
		SELECT count(DISTINCT residency_id)
		FROM violation
		WHERE eviction_ordered_at > statement_timestamp() - interval '1 minute'`
	if err := lockViolations(ctx, w.tx, checker); err != nil {
		return 0, err
	}
	var ordered int
	err := w.tx.QueryRow(ctx, orderedSQL).Scan(&ordered)
	return perMinute - ordered, err
}

// pendingEviction is a violation whose residency waits to be evicted.
type pendingEviction struct {
	ID          string `db:"id"`
	ResidencyID string `db:"residency_id"`
	PolicyID    string `db:"policy_id"`
	RuleID      string `db:"rule_id"`
	Ordered     bool   `db:"ordered"` // before: it came back to life since
}

func (w *hostWork) pendingEvictions(ctx context.Context) ([]pendingEviction, error) {
	const pendingSQL = `
		SELECT id, residency_id, policy_id, rule_id, eviction_ordered_at IS NOT NULL AS ordered
		FROM violation
		WHERE eviction = 'PENDING' AND until IS NULL AND nfvi_pop_id = $1 AND host_id = $2
		ORDER BY since, id`
	return collect(ctx, w.tx, func(r *pendingEviction) (pendingEviction, error) { return *r, nil }, pendingSQL, w.key.NFVIPoPID, w.key.HostID)
}

// siblings reads everything of the VNF instances on the host, wherever it is.
func (w *hostWork) siblings(ctx context.Context) ([]*placement.Residency, error) {
	const siblingsSQL = `SELECT ` + residencyColumns + ` FROM residency WHERE vnf_instance_id = ANY($1)`
	instances := convert(w.residents, func(r *placement.Residency) string { return r.Workload.NF.VNFInstanceID })
	list, err := collect(ctx, w.tx, addressOf(residencyFromRow), siblingsSQL, instances)
	slices.SortFunc(list, byResidencyID)
	return list, err
}

// evict settles what waits: who is to go is told to, as far as there is room; who is not, or no longer, waits no more.
func (w *hostWork) evict(pending []pendingEviction, going map[string][]placement.Reason, room int) (result placement.EvictionResult, err error) {
	told := map[string]bool{} // by residency: whether it goes now
	for _, p := range pending {
		r := w.resident(p.ResidencyID)
		goes := slices.ContainsFunc(going[p.ResidencyID], func(g placement.Reason) bool { return g.PolicyID == p.PolicyID && g.RuleID == p.RuleID })
		now, settled := told[p.ResidencyID]
		switch {
		case r == nil && p.Ordered:
			w.setEviction(p.ID, placement.EvictionDone, false)
		case r != nil && r.State == placement.StateTerminating && (p.Ordered || now):
			w.setEviction(p.ID, placement.EvictionOrdered, now)
		case !goes:
			w.setEviction(p.ID, placement.EvictionNone, false)
		case !settled && room > 0:
			room, told[p.ResidencyID] = room-1, true
			result.Ordered = append(result.Ordered, r.ID)
			if err := w.sendAway(r, p); err != nil {
				return result, err
			}
		case !settled:
			told[p.ResidencyID] = false
			result.Waiting++
		}
	}
	return result, nil
}

// sendAway makes a residency TERMINATING because of a violation, and tells its host.
func (w *hostWork) sendAway(r *placement.Residency, p pendingEviction) error {
	detail := map[string]string{
		"policyId": p.PolicyID, "ruleId": p.RuleID, "violationId": p.ID, "hostId": r.HostID, "grantId": r.GrantID, "state": string(r.State),
		"vnfInstanceId": r.Workload.NF.VNFInstanceID,
	}
	w.issue(releaseDirective(r, strings.Join([]string{"evicted by rule", p.RuleID, "of policy", p.PolicyID + ":", "violation", p.ID}, " ")), w.now)
	w.enter(r, placement.StateTerminating)
	w.setEviction(p.ID, placement.EvictionOrdered, true)
	return queueAudit(&w.batch, r.NFVIPoPID, &placement.AuditRecord{ActorID: evictor, Action: "EVICT", ObjectID: r.ID, Detail: detail})
}

// setEviction writes what became of an eviction, and that it was ordered now.
func (w *hostWork) setEviction(violationID string, e placement.Eviction, now bool) {
	const setSQL = `
		UPDATE violation SET
			eviction = $3::text,
			eviction_ordered_at = CASE WHEN $4::boolean THEN $5::timestamptz ELSE eviction_ordered_at END,
			eviction_done_at = CASE WHEN $3::text = 'DONE' THEN $5::timestamptz END
		WHERE nfvi_pop_id = $1 AND id = $2`
	w.batch.Queue(setSQL, w.key.NFVIPoPID, violationID, string(e), now, w.now)
}
