package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ofClient restricts residencies to those that the client of $3 was granted, if there is one.
const ofClient = `($3 = '' OR EXISTS (SELECT FROM directory l
                                      JOIN vnf_grant g ON g.nfvi_pop_id = l.nfvi_pop_id AND g.id = l.id
                                      WHERE l.kind = 'GRANT' AND l.id = residency.grant_id AND g.client_id = $3))`

// ListReservations returns a page of what was granted and has not ended, ascending by id; with a client only what it was granted.
func (s *Store) ListReservations(ctx context.Context, clientID string, page placement.Page) ([]placement.Residency, error) {
	const listSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE grant_id IS NOT NULL AND id > $1 AND ` + ofClient + ` AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, residencyFromRow, reservationAttributes(), page, listSQL, page.After, page.Limit, clientID)
}

// ListPlacedResidencies returns a page of residencies, ascending by id; with a client only what it was granted, with a grant only what
// that one placed.
func (s *Store) ListPlacedResidencies(ctx context.Context, clientID, grantID string, page placement.Page) ([]placement.Residency, error) {
	const listSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE id > $1 AND ` + ofClient + ` AND ($4 = '' OR grant_id = $4) AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, residencyFromRow, residencyAttributes(), page, listSQL, page.After, page.Limit, clientID, grantID)
}

// GetReservation returns what was granted under an id and has not ended.
func (s *Store) GetReservation(ctx context.Context, id string) (placement.Residency, error) {
	const getSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE id = $1 AND grant_id IS NOT NULL`
	list, err := collect(ctx, s.reads(ctx), residencyFromRow, getSQL, id)
	switch {
	case err != nil:
		return placement.Residency{}, translate(err)
	case len(list) == 0:
		return placement.Residency{}, notFound("reservation", id)
	}
	return list[0], nil
}

// ReleaseReservation ends a reservation by hand and returns it as it was: the operator vouches that nothing runs under it.
// If it may have run, what it leaves behind by the end rules is written with it. A running one cannot be released
// (Conflict): it ends when its VNFM terminates it. With ifRevision it must have that revision.
func (s *Store) ReleaseReservation(ctx context.Context, id, reason string, ifRevision *int64, actor string, end placement.EndRules) (
	released placement.Residency, err error,
) {
	found, err := s.GetReservation(ctx, id)
	if err != nil {
		return placement.Residency{}, err
	}
	key := placement.HostKey{NFVIPoPID: found.NFVIPoPID, HostID: found.HostID}
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		r := w.resident(id)
		if r == nil {
			return notFound("reservation", id)
		}
		if err := checkRevision("reservation", id, ifRevision, r.Revision); err != nil {
			return err
		}
		released = *r
		return w.release(r, reason, actor, end)
	})
	return released, err
}

func (w *hostWork) release(r *placement.Residency, reason, actor string, end placement.EndRules) error {
	switch r.State {
	case placement.StateRunning:
		return placement.Errorf(placement.Conflict, "%q is running: only its VNFM can remove it", r.ID)
	case placement.StateReserved, placement.StateUnconfirmed:
		w.issue(releaseDirective(r, reason), w.now)
	case placement.StateTerminating: // the host has been told
	}
	w.end(r, end)
	return queueAudit(&w.batch, r.NFVIPoPID, &placement.AuditRecord{
		ActorID: actor, Action: "RELEASE", ObjectID: r.ID,
		Detail: map[string]string{"reason": reason, "state": string(r.State), "hostId": r.HostID, "grantId": r.GrantID},
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
