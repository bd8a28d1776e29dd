package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// PutObservedState takes what a host reports of itself and says what followed. The report is kept apart from what was
// decided; one that says the same as the one before is not stored again. What was decided follows it: residencies that
// are seen run; UNCONFIRMED ones that are absent after their expiry, and TERMINATING ones that are absent since they were
// to terminate, end. What nobody decided frees nothing. The host's cache entries become what it reports, and where it differs
// from what was decided, by drift, is recorded as violations. Kinds of errors: NotFound, PreconditionFailed when the condition
// does not hold, Conflict for a report that is older than the stored one, Unavailable.
func (s *Store) PutObservedState(ctx context.Context, state placement.ObservedState, digest string, cond placement.ObservationCondition,
	end placement.EndRules, drift placement.JudgeDrift,
) (placement.ObservationResult, error) {
	key, err := hostKey(ctx, s.pool, state.HostID)
	if err != nil {
		return placement.ObservationResult{}, err
	}
	result, settled, err := s.nothingNew(ctx, key, &state, digest, cond, drift)
	if err != nil || settled {
		return result, translate(err)
	}
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		result, err = w.follow(ctx, &state, digest, cond, end, drift)
		return err
	})
	if err != nil {
		return placement.ObservationResult{}, err
	}
	return result, nil
}

// nothingNew answers a report from which nothing follows without a lock: it is the stored one, and everything on the host
// is as it says.
func (s *Store) nothingNew(ctx context.Context, key placement.HostKey, state *placement.ObservedState, digest string,
	cond placement.ObservationCondition, drift placement.JudgeDrift,
) (result placement.ObservationResult, settled bool, err error) {
	before, err := readReport(ctx, s.pool, key)
	if err != nil || before.digest != digest || before.check(state, cond) != nil {
		return result, false, err
	}
	var b pgx.Batch
	var hosts []*lockedHost
	var now time.Time
	queueReadHosts(&b, []placement.HostKey{key}, []string{}, &hosts, &now)
	known := queueDriftFacts(&b, key, state)
	if err := s.pool.SendBatch(ctx, &b).Close(); err != nil || len(hosts) == 0 {
		return result, false, err
	}
	o := observe(hosts[0].residents, state.Residencies, observedAt(state, before.now))
	result = placement.ObservationResult{Missing: o.missing, Unmatched: o.unmatched()}
	if o.changes() || hosts[0].host.Capabilities&state.Missing() != 0 || !known.compare(hosts[0], &o, state, now, drift).none() {
		return result, false, nil
	}
	return result, true, s.heard(ctx, key, &before)
}

// heard notes that a host reported what it had reported before.
func (s *Store) heard(ctx context.Context, key placement.HostKey, before *report) error {
	const heardSQL = `UPDATE observed_state SET received_at = statement_timestamp() WHERE nfvi_pop_id = $1 AND host_id = $2`
	if before.now.Sub(before.received) < heardEvery {
		return nil
	}
	_, err := s.pool.Exec(ctx, heardSQL, key.NFVIPoPID, key.HostID)
	return err
}

// report is what is stored of a host's newest report, and the database's time.
type report struct {
	digest string // empty: none
	at     time.Time
	now    time.Time

	received time.Time
}

func readReport(ctx context.Context, q queryer, key placement.HostKey) (r report, err error) {
	const reportSQL = `SELECT digest, observed_at, statement_timestamp(), received_at FROM observed_state WHERE nfvi_pop_id = $1 AND host_id = $2`
	err = q.QueryRow(ctx, reportSQL, key.NFVIPoPID, key.HostID).Scan(&r.digest, &r.at, &r.now, &r.received)
	if errors.Is(err, pgx.ErrNoRows) {
		return report{}, nil
	}
	return r, err
}

// check tells whether a report may follow the stored one.
func (r *report) check(state *placement.ObservedState, cond placement.ObservationCondition) error {
	switch {
	case cond.First && r.digest != "":
		return placement.Errorf(placement.PreconditionFailed, "host %q has reported before: leave out If-None-Match", state.HostID)
	case cond.Next && r.digest == "":
		return placement.Errorf(placement.PreconditionFailed, "host %q has not reported before: leave out If-Match", state.HostID)
	case cond.Digest != "" && cond.Digest != r.digest:
		return placement.Errorf(placement.PreconditionFailed, "somebody else has reported for host %q meanwhile: report again without If-Match", state.HostID)
	case cond.Digest == "" && !state.ObservedAt.IsZero() && state.ObservedAt.Before(r.at):
		return placement.Errorf(placement.Conflict, "the report of host %q was made at %s, the one before at %s: a late report is not taken",
			state.HostID, state.ObservedAt.UTC().Format(time.RFC3339Nano), r.at.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// observedAt is when the host looked. A clock that is ahead proves nothing about the time to come.
func observedAt(state *placement.ObservedState, now time.Time) time.Time {
	if at := state.ObservedAt.UTC().Truncate(time.Microsecond); !state.ObservedAt.IsZero() && at.Before(now) {
		return at
	}
	return now
}

// follow stores a report, unless it is stored, and lets what was decided follow it.
func (w *hostWork) follow(ctx context.Context, state *placement.ObservedState, digest string, cond placement.ObservationCondition,
	end placement.EndRules, drift placement.JudgeDrift,
) (result placement.ObservationResult, err error) {
	before, err := readReport(ctx, w.tx, w.key)
	if err != nil {
		return result, err
	}
	if err := before.check(state, cond); err != nil {
		return result, err
	}
	at := observedAt(state, w.now)
	o := observe(w.residents, state.Residencies, at)
	result = placement.ObservationResult{
		Changed: before.digest != digest, Confirmed: convert(o.confirmed, residencyID), Ended: convert(o.ended, residencyID),
		Missing: o.missing, Unmatched: o.unmatched(),
	}
	if result.Changed {
		w.queueReport(state, o.matched, digest, at)
		w.followCache(state.Cache, at)
	}
	for _, r := range slices.Clone(w.residents) {
		if id := o.learned[r]; id != "" {
			r.VIMResourceIDs = append(slices.Clone(r.VIMResourceIDs), id)
		}
		switch {
		case slices.Contains(o.confirmed, r):
			w.enter(r, placement.StateRunning)
		case slices.Contains(o.ended, r):
			w.end(r, end)
		case o.learned[r] != "":
			w.enter(r, r.State)
		}
	}
	if err := w.withdraw(state); err != nil {
		return result, err
	}
	return result, w.recordDrift(ctx, &o, state, drift)
}

// withdraw takes from the host's record what the host found out that it cannot do.
func (w *hostWork) withdraw(state *placement.ObservedState) error {
	const withdrawSQL = `UPDATE host SET capabilities = $3, attested_capabilities = $4 WHERE nfvi_pop_id = $1 AND id = $2`
	missing := w.host.Capabilities & state.Missing()
	if missing == 0 {
		return nil
	}
	w.host.Capabilities &^= missing
	w.host.AttestedCapabilities &^= missing
	w.changed = true
	w.batch.Queue(withdrawSQL, w.key.NFVIPoPID, w.key.HostID, w.host.Capabilities.Names(), w.host.AttestedCapabilities.Names())
	for _, u := range state.Unavailable {
		if u.Capability&missing == 0 {
			continue
		}
		r := placement.AuditRecord{
			ActorID: state.Reporter, Action: "WITHDRAW_CAPABILITY", ObjectID: w.key.HostID,
			Detail: map[string]string{"capability": strings.Join(u.Capability.Names(), " "), "reason": u.Reason},
		}
		if err := queueAudit(&w.batch, w.key.NFVIPoPID, &r); err != nil {
			return err
		}
	}
	return nil
}

func residencyID(r *placement.Residency) string { return r.ID }

// queueReport replaces the stored report.
func (w *hostWork) queueReport(state *placement.ObservedState, matched []*placement.Residency, digest string, at time.Time) {
	const stateSQL = `
		INSERT INTO observed_state (nfvi_pop_id, host_id, digest, observed_at, received_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (nfvi_pop_id, host_id)
		DO UPDATE SET digest = excluded.digest, observed_at = excluded.observed_at, received_at = excluded.received_at`
	const residencySQL = `
		INSERT INTO observed_residency (nfvi_pop_id, host_id, ordinal, residency_id, vnf_instance_id, component_id, resource_definition_id,
		                                vim_resource_id, cis_node_id, runtime, matched_residency_id, images)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	const cacheSQL = `
		INSERT INTO observed_cache (nfvi_pop_id, host_id, ordinal, digest, mode, trust_domain_id, image_references, layer_digests, layer_diff_ids)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
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
			o.VIMResourceID, o.CISNodeID, o.Runtime, match, notNil(o.Images))
	}
	for i := range state.Cache {
		e := &state.Cache[i]
		layers := convert(e.Layers, func(l placement.Layer) string { return l.Digest })
		diffIDs := convert(e.Layers, func(l placement.Layer) string { return l.DiffID })
		w.batch.Queue(cacheSQL, pop, host, i, e.Digest, e.Mode.String(), e.TrustDomainID, notNil(e.References), notNil(layers), notNil(diffIDs))
	}
}
