package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ListReservations returns a page of what was granted and has not ended, ascending by id.
func (s *Store) ListReservations(ctx context.Context, f placement.ReservationFilter, page placement.Page) ([]placement.Residency, error) {
	const listSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE grant_id IS NOT NULL AND id > $1
		  AND ($2 = '' OR vnf_instance_id = $2) AND ($3 = '' OR host_id = $3) AND ($4 = '' OR grant_id = $4)
		  AND ($5::text[] IS NULL OR state = ANY($5))
		ORDER BY id
		LIMIT $6`
	states := convert(nilIfEmpty(f.States), func(s placement.ResidencyState) string { return string(s) })
	list, err := collect(ctx, s.pool, residencyFromRow, listSQL, page.After, f.VNFInstanceID, f.HostID, f.GrantID, states, page.Limit)
	return list, translate(err)
}

// GetReservation returns what was granted under an id and has not ended.
func (s *Store) GetReservation(ctx context.Context, id string) (placement.Residency, error) {
	const getSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE id = $1 AND grant_id IS NOT NULL`
	list, err := collect(ctx, s.pool, residencyFromRow, getSQL, id)
	switch {
	case err != nil:
		return placement.Residency{}, translate(err)
	case len(list) == 0:
		return placement.Residency{}, notFound("reservation", id)
	}
	return list[0], nil
}

// ListGrantResidencies returns what a grant placed and has not ended, ascending by id.
func (s *Store) ListGrantResidencies(ctx context.Context, grantID string) ([]placement.Residency, error) {
	const listSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE grant_id = $1
		ORDER BY id`
	list, err := collect(ctx, s.pool, residencyFromRow, listSQL, grantID)
	return list, translate(err)
}

// ReleaseReservation ends a reservation by hand: the operator vouches that the workload does not run. A running one
// cannot be released (Conflict); one that is to terminate can, when nobody is left who could report it gone.
func (s *Store) ReleaseReservation(ctx context.Context, id, reason, actor string, end placement.EndRules) error {
	if reason == "" {
		return placement.Errorf(placement.Invalid, "say why reservation %q is released", id)
	}
	found, err := s.GetReservation(ctx, id)
	if err != nil {
		return err
	}
	key := placement.HostKey{NFVIPoPID: found.NFVIPoPID, HostID: found.HostID}
	return s.workOnHost(ctx, key, func(w *hostWork) error {
		r := w.resident(id)
		switch {
		case r == nil:
			return notFound("reservation", id)
		case r.State == placement.StateRunning:
			return placement.Errorf(placement.Conflict, "%q is running: only its VNFM can remove it", id)
		case awaited(r):
			w.issue(releaseDirective(r, reason), w.now)
		}
		w.end(r, end)
		return queueAudit(&w.batch, key.NFVIPoPID, &placement.AuditRecord{
			ActorID: actor, Action: "RELEASE", ObjectID: id,
			Detail: map[string]string{"reason": reason, "state": string(r.State), "hostId": key.HostID, "grantId": r.GrantID},
		})
	})
}

// releaseDirective takes back what a PLACE allowed.
func releaseDirective(r *placement.Residency, reason string) placement.Directive {
	return placement.Directive{
		Kind: placement.DirectiveRelease, GrantID: r.GrantID,
		Release: &placement.ReleaseDirective{Reason: reason, Workload: placement.WorkloadRef{
			ResidencyID: r.ID, VNFInstanceID: r.Workload.NF.VNFInstanceID, ComponentID: r.Workload.ComponentID, ResourceDefinitionID: r.ResourceDefinitionID,
		}},
	}
}

// ExpireReservations makes up to limit reservations that nobody confirmed in time, by the database's clock, UNCONFIRMED,
// and returns how many. They separate and count as before.
func (s *Store) ExpireReservations(ctx context.Context, limit int) (int, error) {
	const dueSQL = `
		SELECT nfvi_pop_id, host_id
		FROM residency
		WHERE state = 'RESERVED' AND expires_at <= statement_timestamp()
		ORDER BY expires_at
		LIMIT $1`
	rows, err := s.pool.Query(ctx, dueSQL, limit)
	if err != nil {
		return 0, translate(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.HostKey])
	if err != nil {
		return 0, translate(err)
	}
	expired := 0
	for _, key := range placement.SortHostKeys(keys) {
		n, err := s.expireOn(ctx, key)
		if err != nil {
			return expired, err
		}
		expired += n
	}
	return expired, nil
}

func (s *Store) expireOn(ctx context.Context, key placement.HostKey) (expired int, err error) {
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		expired = 0
		for _, r := range w.residents {
			if r.State == placement.StateReserved && !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(w.now) {
				w.enter(r, placement.StateUnconfirmed)
				expired++
			}
		}
		return nil
	})
	return expired, err
}
