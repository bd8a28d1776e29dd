package postgres

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// Quarantine takes a host out of service because it is not trusted, for a reason that only an approver lifts: also of one that its
// attestation took out before, so that the next verdict does not bring it back. Its feed says so in the same transaction. Kinds of
// errors: NotFound, Conflict (retired, or in quarantine for that reason already), Unavailable.
func (s *Store) Quarantine(ctx context.Context, hostID, reason, actor string) (placement.Host, error) {
	return s.changeQuarantine(ctx, hostID, actor, "QUARANTINE", func(h *placement.Host) error {
		switch {
		case h.Lifecycle == placement.LifecycleRetired:
			return placement.Errorf(placement.Conflict, "host %q is retired: nothing starts there", hostID)
		case h.Lifecycle == placement.LifecycleQuarantined && h.LifecycleReason == reason:
			return placement.Errorf(placement.Conflict, "host %q is in quarantine for that reason already", hostID)
		}
		h.Lifecycle, h.LifecycleReason = placement.LifecycleQuarantined, reason
		return nil
	})
}

// Unquarantine ends the quarantine of a host. It is CORDONED then: an operator puts it into service. Kinds of errors: NotFound, Conflict
// (in no quarantine, or its newest verdict does not trust it), Unavailable.
func (s *Store) Unquarantine(ctx context.Context, hostID, reason, actor string) (placement.Host, error) {
	return s.changeQuarantine(ctx, hostID, actor, "UNQUARANTINE", func(h *placement.Host) error {
		switch {
		case h.Lifecycle != placement.LifecycleQuarantined:
			return placement.Errorf(placement.Conflict, "host %q is %s, so there is no quarantine to end", hostID, h.Lifecycle)
		case distrusted(h):
			return placement.Errorf(placement.Conflict, "the attestation of host %q is %s: its quarantine ends with a verdict that is TRUSTED", hostID, h.Attestation.State)
		}
		h.Lifecycle, h.LifecycleReason = placement.LifecycleCordoned, reason
		return nil
	})
}

// changeQuarantine changes the lifecycle of a host under its lock, with directive, feed and audit record.
func (s *Store) changeQuarantine(ctx context.Context, hostID, actor, action string, change func(*placement.Host) error) (h placement.Host, err error) {
	const lifecycleSQL = `UPDATE host SET lifecycle = $3, lifecycle_reason = $4 WHERE nfvi_pop_id = $1 AND id = $2`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		key, err := knownHostKey(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if err := lockHost(ctx, tx, key); err != nil {
			return err
		}
		if h, err = getHost(ctx, tx, hostID); err != nil {
			return err
		}
		before := h.Lifecycle
		if err := change(&h); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lifecycleSQL, key.NFVIPoPID, key.HostID, h.Lifecycle, h.LifecycleReason); err != nil {
			return err
		}
		if err := tellQuarantines(ctx, tx, quarantineOf(&h)); err != nil {
			return err
		}
		if err := changeHost(ctx, tx, key); err != nil {
			return err
		}
		if h, err = getHost(ctx, tx, hostID); err != nil {
			return err
		}
		return audit(ctx, tx, key.NFVIPoPID, actor, action, hostID, map[string]string{"reason": h.LifecycleReason, "before": string(before)})
	})
	return h, err
}

// distrusted tells whether the newest verdict on a host, which is stored, does not trust it.
func distrusted(h *placement.Host) bool {
	verdict := h.Attestation.State == placement.AttestationUntrusted || !h.Attestation.AttestedAt.IsZero()
	return verdict && h.Attestation.State != placement.AttestationTrusted
}

// lostAttestation is what hosts are told when a verdict, or the want of one, quarantines them.
const lostAttestation = "the host lost its attestation"

// quarantine is what a host is to be told of its quarantine: that it stands, or is over.
type quarantine struct {
	key    placement.HostKey
	kind   placement.DirectiveKind
	reason string
}

// quarantineOf is what a host is to be told when its record becomes h.
func quarantineOf(h *placement.Host) quarantine {
	q := quarantine{
		key: placement.HostKey{NFVIPoPID: h.NFVIPoPID, HostID: h.ID}, kind: placement.DirectiveUnquarantine,
		reason: cmp.Or(h.LifecycleReason, "the host is "+string(h.Lifecycle)),
	}
	if h.Lifecycle == placement.LifecycleQuarantined {
		q.kind = placement.DirectiveQuarantine
	}
	if q.reason == quarantinedByAttestation {
		q.reason = lostAttestation
	}
	return q
}

// tellQuarantines puts directives into the feeds of locked hosts. A host that was registered anew goes on with its numbers.
func tellQuarantines(ctx context.Context, tx pgx.Tx, told ...quarantine) error {
	const tellSQL = `
		WITH h AS (
			UPDATE host SET
				directive_seq = 1 + CASE WHEN directive_seq > 0 THEN directive_seq
					ELSE (SELECT coalesce(max(d.seq), 0) FROM directive d WHERE d.nfvi_pop_id = $1 AND d.host_id = $2) END,
				gen = gen + 1, changed_txid = pg_current_xact_id()
			WHERE nfvi_pop_id = $1 AND id = $2
			RETURNING directive_seq, vim_connection_id)
		INSERT INTO directive (nfvi_pop_id, host_id, seq, kind, decision_id, grant_id, residency_id, vim_connection_id, issued_at, body)
		SELECT $1, $2, h.directive_seq, $3, '', '', '', h.vim_connection_id, statement_timestamp(), $4::json FROM h`
	if len(told) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, q := range told {
		body, _, err := directiveBody(&placement.Directive{Kind: q.kind, Quarantine: &placement.QuarantineDirective{Reason: q.reason}})
		if err != nil {
			return err
		}
		b.Queue(tellSQL, q.key.NFVIPoPID, q.key.HostID, string(q.kind), string(body))
	}
	return tx.SendBatch(ctx, &b).Close()
}

// standingQuarantines are the locked hosts that were told to start nothing, with the reason: those that are QUARANTINED, and those
// that were when they were retired and are to come back.
func standingQuarantines(ctx context.Context, tx pgx.Tx, stored map[string]*placement.Host, next []placement.Host) (map[string]string, error) {
	const toldSQL = `
		SELECT h.id, d.body->>'reason' AS reason
		FROM unnest($1::text[], $2::text[]) AS h (nfvi_pop_id, id)
		CROSS JOIN LATERAL (
			SELECT d.kind, d.body
			FROM directive d
			WHERE d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id AND d.kind IN ('QUARANTINE', 'UNQUARANTINE')
			ORDER BY d.seq DESC
			LIMIT 1) AS d
		WHERE d.kind = 'QUARANTINE'`
	standing := map[string]string{}
	var pops, ids []string
	for i := range next {
		switch old := stored[next[i].ID]; {
		case old == nil:
		case old.Lifecycle == placement.LifecycleQuarantined:
			standing[old.ID] = old.LifecycleReason
		case old.Lifecycle == placement.LifecycleRetired && next[i].Lifecycle != placement.LifecycleRetired:
			pops, ids = append(pops, old.NFVIPoPID), append(ids, old.ID)
		}
	}
	if len(ids) == 0 {
		return standing, nil
	}
	rows, err := tx.Query(ctx, toldSQL, pops, ids)
	if err != nil {
		return nil, err
	}
	var id, reason string
	_, err = pgx.ForEachRow(rows, []any{&id, &reason}, func() error {
		if reason == lostAttestation {
			reason = quarantinedByAttestation
		}
		standing[id] = reason
		return nil
	})
	return standing, err
}

// keepQuarantined keeps a host in the quarantine that it is in for a reason, whatever inventory says, unless it is retired: only an
// approver ends it, or a verifier the one that is for want of trust.
func keepQuarantined(h *placement.Host, reason string) {
	if h.Lifecycle == placement.LifecycleRetired || reason == quarantinedByAttestation && h.Lifecycle != placement.LifecycleQuarantined && !distrusted(h) {
		return
	}
	h.Lifecycle, h.LifecycleReason = placement.LifecycleQuarantined, reason
}

// quarantinesOf are what hosts are to be told when inventory has written them, given the quarantines that stood before.
func quarantinesOf(written []placement.Host, standing map[string]string) []quarantine {
	var told []quarantine
	for i := range written {
		h := &written[i]
		_, stood := standing[h.ID]
		if stands := h.Lifecycle == placement.LifecycleQuarantined; stands != stood && (stands || h.Lifecycle != placement.LifecycleRetired) {
			told = append(told, quarantineOf(h))
		}
	}
	return told
}

// checkQuarantineKept refuses a record that would take a host out of its quarantine.
func checkQuarantineKept(asked, stored *placement.Host) error {
	switch {
	case stored.Lifecycle != placement.LifecycleQuarantined,
		asked.Lifecycle == placement.LifecycleQuarantined && asked.LifecycleReason == stored.LifecycleReason:
		return nil
	case stored.LifecycleReason == quarantinedByAttestation:
		return placement.Errorf(placement.Conflict, "host %q cannot be %s, because its attestation is %s: it returns with the next verdict that is TRUSTED",
			asked.ID, asked.Lifecycle, stored.Attestation.State)
	}
	return placement.Errorf(placement.Conflict, "host %q is in quarantine (%s), which only an approver ends: POST /inventory/v1/hosts/{hostId}/unquarantine",
		asked.ID, stored.LifecycleReason)
}
