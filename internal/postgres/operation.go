package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// FollowOperation lets what was granted to a VNF LCM operation occurrence follow what became of the operation. COMPLETED confirms
// what was to come and ends what was to go or to exist meanwhile only; FAILED and ROLLED_BACK give back what was to come; in
// every other state the reservations are prolonged by ttl. An event that is older than one that was followed, or comes after a
// final one, changes nothing. Each host is a transaction of its own, and the state is noted after them, so that an event that
// was followed in part is followed again. Kinds of errors: NotFound for a VNF instance that is unknown or not the teller's,
// Conflict when the occurrence has another grant than the event names, Unavailable.
func (s *Store) FollowOperation(ctx context.Context, ev placement.OperationEvent, ttl time.Duration, end placement.EndRules) (placement.OperationOutcome, error) {
	op, err := s.operation(ctx, &ev)
	if err != nil || op == nil {
		return placement.OperationOutcome{}, err
	}
	out := placement.OperationOutcome{Granted: true, Last: placement.OperationState(op.lastState)}
	if op.outdates(&ev) {
		out.Late = true
		return out, nil
	}
	if err := s.nameAdded(ctx, op, &ev); err != nil {
		return out, err
	}
	keys, err := s.hostsOfResidencies(ctx, slices.Concat(op.residencyIDs, op.releases))
	if err != nil {
		return out, err
	}
	for _, key := range placement.SortHostKeys(keys) {
		var confirmed, ended int
		err := s.workOnHost(ctx, key, func(w *hostWork) error {
			confirmed, ended = 0, 0
			for _, r := range slices.Clone(w.residents) {
				c, e := w.followOperation(r, op, &ev, ttl, end)
				confirmed, ended = confirmed+c, ended+e
			}
			return nil
		})
		if err != nil {
			return out, err
		}
		out.Confirmed, out.Ended = out.Confirmed+confirmed, out.Ended+ended
	}
	return out, s.noteOperation(ctx, op, &ev, &out)
}

// operation is what is known of an operation that was granted.
type operation struct {
	popID        string
	grantID      string
	residencyIDs []string // that the grant placed
	releases     []string // residencies that it released
	temporary    []string // resource definitions that exist while the operation runs only
	lastState    string
	lastAt       *time.Time
}

// operation reads what an event is about; nil when the VNF instance is known and nothing was granted to the operation.
func (s *Store) operation(ctx context.Context, ev *placement.OperationEvent) (*operation, error) {
	const ownerSQL = `SELECT client_id FROM vnf_instance_params WHERE vnf_instance_id = $1`
	const grantSQL = `
		SELECT g.nfvi_pop_id, g.id, g.residency_ids,
		       ARRAY(SELECT jsonb_array_elements_text(COALESCE(NULLIF((d.inputs -> 'releases')::jsonb, 'null'), '[]'))),
		       ARRAY(SELECT t ->> 'id' FROM jsonb_array_elements(COALESCE(NULLIF((d.inputs -> 'request' -> 'tempResources')::jsonb, 'null'), '[]')) AS t),
		       COALESCE(o.state, ''), o.event_at
		FROM idempotency i
		JOIN vnf_grant g ON g.nfvi_pop_id = i.grant_pop_id AND g.id = i.grant_id
		JOIN decision d ON d.nfvi_pop_id = g.nfvi_pop_id AND d.id = g.decision_id
		LEFT JOIN vnf_lcm_operation o ON o.nfvi_pop_id = g.nfvi_pop_id AND o.grant_id = g.id
		WHERE i.client_id = $1 AND i.vnf_lcm_op_occ_id = $2 AND g.vnf_instance_id = $3`
	var owner string
	err := s.pool.QueryRow(ctx, ownerSQL, ev.VNFInstanceID).Scan(&owner)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && !ev.MayTell(owner):
		return nil, s.ungranted(ctx, ev)
	case err != nil:
		return nil, translate(err)
	}
	var o operation
	err = s.pool.QueryRow(ctx, grantSQL, owner, ev.VNFLcmOpOccID, ev.VNFInstanceID).
		Scan(&o.popID, &o.grantID, &o.residencyIDs, &o.releases, &o.temporary, &o.lastState, &o.lastAt)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, translate(err)
	case ev.GrantID != "" && ev.GrantID != o.grantID:
		return nil, placement.Errorf(placement.Conflict, "the operation %q has been given another grant since: confirm or release that one", ev.VNFLcmOpOccID)
	}
	return &o, nil
}

// ungranted is nil for an operation that may well have no grant although its VNF instance is not the teller's: an instantiation that
// starts, because the first grant makes the VNF instance somebody's, and one that the teller was refused.
func (s *Store) ungranted(ctx context.Context, ev *placement.OperationEvent) error {
	const refusedSQL = `SELECT EXISTS (SELECT FROM idempotency WHERE client_id = $1 AND vnf_lcm_op_occ_id = $2)`
	refused := ev.State == placement.OperationStarting
	if !refused {
		if err := s.pool.QueryRow(ctx, refusedSQL, ev.Actor, ev.VNFLcmOpOccID).Scan(&refused); err != nil {
			return translate(err)
		}
	}
	if refused {
		return nil
	}
	return notFound("VNF instance", ev.VNFInstanceID)
}

// outdates tells whether an event changes nothing any more.
func (o *operation) outdates(ev *placement.OperationEvent) bool {
	if placement.OperationState(o.lastState).Final() {
		return true
	}
	return !ev.State.Final() && o.lastAt != nil && !ev.At.IsZero() && ev.At.Before(*o.lastAt)
}

// followOperation lets one resident follow an event, and tells whether it was confirmed, and whether it has ended.
func (w *hostWork) followOperation(r *placement.Residency, o *operation, ev *placement.OperationEvent, ttl time.Duration, end placement.EndRules) (confirmed, ended int) {
	placed, released := slices.Contains(o.residencyIDs, r.ID), slices.Contains(o.releases, r.ID)
	temporary := slices.Contains(o.temporary, r.ResourceDefinitionID)
	switch {
	case !placed && !released:
	case ev.State == placement.OperationCompleted && released && r.State == placement.StateTerminating:
		w.end(r, end)
		return 0, 1
	case ev.State == placement.OperationCompleted && placed && temporary:
		w.giveBack(r, "the operation is over", end)
		return 0, 1
	case ev.State == placement.OperationCompleted && placed && (awaited(r) || r.State == placement.StateRunning):
		return w.confirm(r, ev.VIMResourceID[r.ResourceDefinitionID]), 0
	case ev.State == placement.OperationCompleted:
	case ev.State.Final() && placed && awaited(r):
		w.giveBack(r, "the operation has failed", end)
		return 0, 1
	case ev.State.Final() && placed && r.State == placement.StateRunning:
		w.issue(releaseDirective(r, "the operation has failed"), w.now)
		w.enter(r, placement.StateTerminating) // it was seen: it ends when it is seen gone
	case !ev.State.Final() && placed && r.State == placement.StateReserved:
		w.prolong(r, ttl)
	}
	return 0, 0
}

// confirm lets a resident run, under the name that its VIM has for it; empty: nobody told it. It tells whether it did not run before.
func (w *hostWork) confirm(r *placement.Residency, vimResourceID string) (confirmed int) {
	learned := vimResourceID != "" && !slices.Contains(r.VIMResourceIDs, vimResourceID)
	if learned {
		r.VIMResourceIDs = append(slices.Clone(r.VIMResourceIDs), vimResourceID)
	}
	if awaited(r) {
		confirmed = 1
	}
	if learned || confirmed > 0 {
		w.enter(r, placement.StateRunning)
	}
	return confirmed
}

// giveBack ends a resident whose operation is over. It may have run, also when nobody saw it: what it leaves behind is noted.
func (w *hostWork) giveBack(r *placement.Residency, why string, end placement.EndRules) {
	if r.State != placement.StateTerminating {
		w.issue(releaseDirective(r, why), w.now)
	}
	if r.State == placement.StateReserved {
		w.enter(r, placement.StateUnconfirmed)
	}
	w.end(r, end)
}

// prolong lets a reservation last for ttl from now on.
func (w *hostWork) prolong(r *placement.Residency, ttl time.Duration) {
	const expirySQL = `UPDATE residency SET expires_at = $3, revision = $4 WHERE nfvi_pop_id = $1 AND id = $2 AND revision = $4 - 1`
	until := w.now.Add(ttl).Truncate(time.Microsecond)
	if !until.After(r.ExpiresAt) {
		return
	}
	r.ExpiresAt = until
	r.Revision++
	w.missed.expectOne(w.batch.Queue(expirySQL, r.NFVIPoPID, r.ID, r.ExpiresAt, r.Revision), r.ID)
	w.changes = append(w.changes, residencyChange(r))
}

// noteOperation records the state that an operation has come to. One that another replica has taken further stays.
func (s *Store) noteOperation(ctx context.Context, o *operation, ev *placement.OperationEvent, out *placement.OperationOutcome) error {
	const noteSQL = `
		INSERT INTO vnf_lcm_operation AS o (nfvi_pop_id, grant_id, state, event_at, noted_at)
		VALUES ($1, $2, $3, $4, statement_timestamp())
		ON CONFLICT (nfvi_pop_id, grant_id) DO UPDATE
		SET state = excluded.state, event_at = COALESCE(excluded.event_at, o.event_at), noted_at = excluded.noted_at
		WHERE o.state NOT IN ('COMPLETED', 'FAILED', 'ROLLED_BACK')`
	var at *time.Time
	if !ev.At.IsZero() {
		at = &ev.At
	}
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(noteSQL, o.popID, o.grantID, string(ev.State), at)
		if ev.State.Final() || out.Confirmed+out.Ended > 0 {
			err := queueAudit(&b, o.popID, &placement.AuditRecord{
				ActorID: ev.Actor, Action: "OPERATION", ObjectID: o.grantID,
				Detail: map[string]string{"state": string(ev.State), "vnfInstanceId": ev.VNFInstanceID, "vnfLcmOpOccId": ev.VNFLcmOpOccID},
			})
			if err != nil {
				return err
			}
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

// GrantedOperation tells which operation a grant was given to. NotFound when there is no such grant.
func (s *Store) GrantedOperation(ctx context.Context, grantID string) (placement.GrantedOperation, error) {
	const grantSQL = `
		SELECT g.id, g.client_id, g.vnf_instance_id, g.vnf_lcm_op_occ_id
		FROM directory l
		JOIN vnf_grant g ON g.nfvi_pop_id = l.nfvi_pop_id AND g.id = l.id
		WHERE l.kind = 'GRANT' AND l.id = $1`
	var g placement.GrantedOperation
	err := s.pool.QueryRow(ctx, grantSQL, grantID).Scan(&g.GrantID, &g.ClientID, &g.VNFInstanceID, &g.VNFLcmOpOccID)
	if errors.Is(err, pgx.ErrNoRows) {
		return g, notFound("grant", grantID)
	}
	return g, translate(err)
}
