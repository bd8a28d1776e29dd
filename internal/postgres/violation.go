package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// LeaseCompliance makes a process the one that looks for violations, for a while, and tells whether it is. Every other is told no
// until the lease has ended.
func (s *Store) LeaseCompliance(ctx context.Context, checker string, lease time.Duration) (mine bool, err error) {
	const leaseSQL = `
		UPDATE violation_check SET checker = $1, leased_until = statement_timestamp() + $2::interval
		WHERE checker = $1 OR leased_until <= statement_timestamp()`
	tag, err := s.pool.Exec(ctx, leaseSQL, checker, lease)
	return tag.RowsAffected() == 1, translate(err)
}

// RecordViolations makes the record of the hosts that were checked what was found: what is new is opened, what was not found again
// is ended. It writes nothing (Conflict) for a process that another one has replaced.
func (s *Store) RecordViolations(ctx context.Context, checker string, c placement.ViolationCheck) (opened, ended int, err error) {
	const lockSQL = `SELECT checker = $1 FROM violation_check FOR UPDATE`
	const openSQL = `
		SELECT nfvi_pop_id, id, residency_id, policy_id, rule_id, against_id
		FROM violation
		WHERE until IS NULL AND ($1::text[] IS NULL OR host_id = ANY($1))`
	const checkedSQL = `UPDATE violation_check SET policy_epoch = $1, checked_at = statement_timestamp()`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, lockSQL, checker).Scan(&mine); err != nil {
			return err
		}
		if !mine {
			return placement.Errorf(placement.Conflict, "another replica looks for violations now")
		}
		open, err := collect(ctx, tx, func(r *openViolationRow) (openViolationRow, error) { return *r, nil }, openSQL, c.HostIDs)
		if err != nil {
			return err
		}
		fresh, gone := compareViolations(open, c.Found)
		opened, ended = len(fresh), len(gone)
		if err := openViolations(ctx, tx, fresh); err != nil {
			return err
		}
		if err := endViolations(ctx, tx, gone); err != nil {
			return err
		}
		if c.HostIDs == nil {
			_, err = tx.Exec(ctx, checkedSQL, c.PolicyEpoch)
		}
		return err
	})
	return opened, ended, err
}

type openViolationRow struct {
	NFVIPoPID   string `db:"nfvi_pop_id"`
	ID          string `db:"id"`
	ResidencyID string `db:"residency_id"`
	PolicyID    string `db:"policy_id"`
	RuleID      string `db:"rule_id"`
	AgainstID   string `db:"against_id"`
}

// compareViolations tells what of what was found is not recorded yet, and what is recorded but was not found.
func compareViolations(open []openViolationRow, found []placement.Violation) (fresh []*placement.Violation, gone []openViolationRow) {
	stands := map[placement.ViolationKey]bool{}
	for i := range found {
		stands[found[i].Key()] = true
	}
	known := map[placement.ViolationKey]bool{}
	for _, o := range open {
		key := placement.ViolationKey{ResidencyID: o.ResidencyID, PolicyID: o.PolicyID, RuleID: o.RuleID, AgainstID: o.AgainstID}
		known[key] = true
		if !stands[key] {
			gone = append(gone, o)
		}
	}
	for i := range found {
		if key := found[i].Key(); !known[key] {
			known[key] = true
			fresh = append(fresh, &found[i])
		}
	}
	return fresh, gone
}

func openViolations(ctx context.Context, tx pgx.Tx, fresh []*placement.Violation) error {
	columns := []string{
		"nfvi_pop_id", "id", "host_id", "residency_id", "vnf_instance_id", "trust_domain_id", "policy_id", "rule_id", "checked", "against_id",
		"params", "evict", "policy_epoch",
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"violation"}, columns, pgx.CopyFromSlice(len(fresh), func(i int) ([]any, error) {
		v := fresh[i]
		params, err := json.Marshal(notNilMap(v.Reason.Params))
		if err != nil {
			return nil, err
		}
		pop := v.NFVIPoPID
		if pop == "" {
			pop = noPoP
		}
		return []any{
			pop, uuid.NewString(), v.HostID, v.ResidencyID, v.VNFInstanceID, v.TrustDomainID, v.Reason.PolicyID, v.Reason.RuleID, v.Reason.Check,
			v.Reason.AgainstID, params, v.Evict, v.PolicyEpoch,
		}, nil
	}))
	return err
}

func endViolations(ctx context.Context, tx pgx.Tx, gone []openViolationRow) error {
	const endSQL = `
		UPDATE violation v SET until = statement_timestamp()
		FROM unnest($1::text[], $2::text[]) AS g(nfvi_pop_id, id)
		WHERE v.nfvi_pop_id = g.nfvi_pop_id AND v.id = g.id`
	if len(gone) == 0 {
		return nil
	}
	pops, ids := make([]string, len(gone)), make([]string, len(gone))
	for i, g := range gone {
		pops[i], ids[i] = g.NFVIPoPID, g.ID
	}
	_, err := tx.Exec(ctx, endSQL, pops, ids)
	return err
}

type violationRow struct {
	NFVIPoPID     string            `db:"nfvi_pop_id"`
	ID            string            `db:"id"`
	HostID        string            `db:"host_id"`
	ResidencyID   string            `db:"residency_id"`
	VNFInstanceID string            `db:"vnf_instance_id"`
	TrustDomainID string            `db:"trust_domain_id"`
	PolicyID      string            `db:"policy_id"`
	RuleID        string            `db:"rule_id"`
	Checked       string            `db:"checked"`
	AgainstID     string            `db:"against_id"`
	Params        map[string]string `db:"params"`
	Evict         bool              `db:"evict"`
	PolicyEpoch   int64             `db:"policy_epoch"`
	Since         time.Time         `db:"since"`
	Until         *time.Time        `db:"until"`
}

const violationColumns = `nfvi_pop_id, id, host_id, residency_id, vnf_instance_id, trust_domain_id, policy_id, rule_id, checked, against_id,
	params, evict, policy_epoch, since, until`

func violationFromRow(r *violationRow) (placement.Violation, error) {
	v := placement.Violation{
		ID: r.ID, NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, TrustDomainID: r.TrustDomainID,
		Reason: placement.Reason{PolicyID: r.PolicyID, RuleID: r.RuleID, Check: r.Checked, AgainstID: r.AgainstID, Params: nilIfEmptyMap(r.Params)},
		Evict:  r.Evict, PolicyEpoch: r.PolicyEpoch, Since: r.Since.UTC(), Until: nullToZero(r.Until),
	}
	if v.NFVIPoPID == noPoP {
		v.NFVIPoPID = ""
	}
	return v, nil
}

// ListViolations returns a page of what was recorded, ascending by id.
func (s *Store) ListViolations(ctx context.Context, f placement.ViolationFilter, page placement.Page) ([]placement.Violation, error) {
	const listSQL = `
		SELECT ` + violationColumns + `
		FROM violation
		WHERE id > $1 AND ($2 = '' OR host_id = $2) AND (NOT $3 OR until IS NULL)
		ORDER BY id
		LIMIT $4`
	list, err := collect(ctx, s.pool, violationFromRow, listSQL, page.After, f.HostID, f.Open, page.Limit)
	return list, translate(err)
}

// GetViolation returns one, whether it stands or not.
func (s *Store) GetViolation(ctx context.Context, id string) (placement.Violation, error) {
	list, err := collect(ctx, s.pool, violationFromRow, `SELECT `+violationColumns+` FROM violation WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = notFound("violation", id)
	}
	if err != nil {
		return placement.Violation{}, translate(err)
	}
	return list[0], nil
}

// UnconfirmedBreakGlass returns the policies that one person alone put in force and that nobody has confirmed in time, by the
// database's clock.
func (s *Store) UnconfirmedBreakGlass(ctx context.Context) ([]placement.PolicyRecord, error) {
	const listSQL = `SELECT ` + policyColumns + ` FROM policy p WHERE p.break_glass_until <= statement_timestamp() ORDER BY p.id`
	list, err := collect(ctx, s.pool, policyFromRow, listSQL)
	return list, translate(err)
}
