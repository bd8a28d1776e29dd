package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ObservedDigest returns the digest of the state that a host reported last; empty when it reported none.
func (s *Store) ObservedDigest(ctx context.Context, hostID string) (string, error) {
	key, err := hostKey(ctx, s.pool, hostID)
	if err != nil {
		return "", err
	}
	digest, _, err := observedDigest(ctx, s.pool, key)
	return digest, translate(err)
}

func observedDigest(ctx context.Context, q queryer, key placement.HostKey) (digest string, at time.Time, err error) {
	const digestSQL = `SELECT digest, observed_at FROM observed_state WHERE nfvi_pop_id = $1 AND host_id = $2`
	err = q.QueryRow(ctx, digestSQL, key.NFVIPoPID, key.HostID).Scan(&digest, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", time.Time{}, nil
	}
	return digest, at, err
}

// PutObservedState takes what a host reports of itself, and tells whether anything was written. The report is kept apart
// from what was decided, and an equal one is not stored again. What was decided follows it: residencies that are seen
// run; UNCONFIRMED ones that are not seen after their expiry, and TERMINATING ones that are not seen any more, end. What
// nobody decided frees nothing. A report that is older than the stored one is ignored.
func (s *Store) PutObservedState(ctx context.Context, state placement.ObservedState, digest string, end placement.EndRules) (changed bool, err error) {
	key, err := hostKey(ctx, s.pool, state.HostID)
	if err != nil {
		return false, err
	}
	if news, err := s.isNews(ctx, key, digest); err != nil || !news {
		return false, translate(err)
	}
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		changed, err = w.observe(ctx, &state, digest, end)
		return err
	})
	return changed && err == nil, err
}

// isNews tells whether a report can change anything, without a lock: it differs from the stored one, or something on the
// host waits to be seen or missed.
func (s *Store) isNews(ctx context.Context, key placement.HostKey, digest string) (news bool, err error) {
	const newsSQL = `
		SELECT NOT EXISTS (SELECT FROM observed_state WHERE nfvi_pop_id = $1 AND host_id = $2 AND digest = $3)
		    OR EXISTS (SELECT FROM residency WHERE nfvi_pop_id = $1 AND host_id = $2 AND state <> 'RUNNING')`
	err = s.pool.QueryRow(ctx, newsSQL, key.NFVIPoPID, key.HostID, digest).Scan(&news)
	return news, err
}

func (w *hostWork) observe(ctx context.Context, state *placement.ObservedState, digest string, end placement.EndRules) (changed bool, err error) {
	stored, storedAt, err := observedDigest(ctx, w.tx, w.key)
	if err != nil {
		return false, err
	}
	at := state.ObservedAt.UTC().Truncate(time.Microsecond)
	if state.ObservedAt.IsZero() || at.After(w.now) {
		at = w.now // a clock that is ahead proves nothing about the time to come
	}
	if at.Before(storedAt) {
		return false, nil
	}
	matched := w.match(state.Residencies)
	for i, r := range matched {
		w.seen(r, &state.Residencies[i])
	}
	w.missing(state.Residencies, at, end)
	if stored != digest {
		w.queueObserved(state, matched, digest, at)
	}
	return stored != digest || len(w.changes) > 0, nil
}

// match finds for each reported workload the resident that it is, nil when nobody decided it.
func (w *hostWork) match(reported []placement.ObservedResidency) []*placement.Residency {
	out := make([]*placement.Residency, len(reported))
	for i := range reported {
		var candidates []*placement.Residency
		for _, r := range w.residents {
			if mayBe(&reported[i], r) && !slices.Contains(out, r) {
				candidates = append(candidates, r)
			}
		}
		if len(candidates) == 1 || len(candidates) > 1 && reported[i].ResidencyID != "" {
			out[i] = candidates[0]
		}
	}
	return out
}

// mayBe tells whether a reported workload may be a residency. A host that knows residencies by their id names no other
// one; otherwise what it leaves open fits anything.
func mayBe(o *placement.ObservedResidency, r *placement.Residency) bool {
	if o.ResidencyID != "" {
		return o.ResidencyID == r.ID
	}
	if o.VIMResourceID != "" && slices.Contains(r.VIMResourceIDs, o.VIMResourceID) {
		return true
	}
	return o.VNFInstanceID != "" && o.VNFInstanceID == r.Workload.NF.VNFInstanceID &&
		(o.ComponentID == "" || o.ComponentID == r.Workload.ComponentID) &&
		(o.ResourceDefinitionID == "" || o.ResourceDefinitionID == r.ResourceDefinitionID)
}

// seen confirms a resident and learns its identifier in the VIM.
func (w *hostWork) seen(r *placement.Residency, o *placement.ObservedResidency) {
	if r == nil {
		return
	}
	learns := o.VIMResourceID != "" && !slices.Contains(r.VIMResourceIDs, o.VIMResourceID)
	if learns {
		r.VIMResourceIDs = append(slices.Clone(r.VIMResourceIDs), o.VIMResourceID)
	}
	switch {
	case awaited(r):
		w.enter(r, placement.StateRunning)
	case learns:
		w.enter(r, r.State)
	}
}

// missing ends the residents whose absence the report proves: none of the reported workloads may be them, and the
// host looked after they expired or were to terminate.
func (w *hostWork) missing(reported []placement.ObservedResidency, at time.Time, end placement.EndRules) {
	for _, r := range slices.Clone(w.residents) {
		proved := r.State == placement.StateUnconfirmed && at.After(r.ExpiresAt) || r.State == placement.StateTerminating && at.After(r.StateSince)
		present := slices.ContainsFunc(reported, func(o placement.ObservedResidency) bool { return mayBe(&o, r) })
		if proved && !present {
			w.end(r, end)
		}
	}
}

// queueObserved replaces the stored report.
func (w *hostWork) queueObserved(state *placement.ObservedState, matched []*placement.Residency, digest string, at time.Time) {
	const stateSQL = `
		INSERT INTO observed_state (nfvi_pop_id, host_id, digest, observed_at, received_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (nfvi_pop_id, host_id)
		DO UPDATE SET digest = excluded.digest, observed_at = excluded.observed_at, received_at = excluded.received_at`
	const residencySQL = `
		INSERT INTO observed_residency (nfvi_pop_id, host_id, ordinal, residency_id, vnf_instance_id, component_id, resource_definition_id,
		                                vim_resource_id, cis_node_id, runtime, matched_residency_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	const cacheSQL = `
		INSERT INTO observed_cache (nfvi_pop_id, host_id, ordinal, digest, mode, trust_domain_id)
		VALUES ($1, $2, $3, $4, $5, $6)`
	pop, host := w.key.NFVIPoPID, w.key.HostID
	w.batch.Queue(stateSQL, pop, host, digest, at, w.now)
	w.batch.Queue(`DELETE FROM observed_residency WHERE nfvi_pop_id = $1 AND host_id = $2`, pop, host)
	w.batch.Queue(`DELETE FROM observed_cache WHERE nfvi_pop_id = $1 AND host_id = $2`, pop, host)
	for i := range state.Residencies {
		o := &state.Residencies[i]
		match := ""
		if matched[i] != nil {
			match = matched[i].ID
		}
		w.batch.Queue(residencySQL, pop, host, i, o.ResidencyID, o.VNFInstanceID, o.ComponentID, o.ResourceDefinitionID,
			o.VIMResourceID, o.CISNodeID, o.Runtime, match)
	}
	for i := range state.Cache {
		e := &state.Cache[i]
		w.batch.Queue(cacheSQL, pop, host, i, e.Digest, e.Mode.String(), e.TrustDomainID)
	}
}
