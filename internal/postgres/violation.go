package postgres

import (
	"context"
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
// is ended, and what is to be evicted waits for that. It writes nothing (Conflict) for a process that another one has replaced.
func (s *Store) RecordViolations(ctx context.Context, checker string, c placement.ViolationCheck) (out placement.ViolationRecord, err error) {
	const openSQL = `
		SELECT nfvi_pop_id, id, host_id, residency_id, policy_id, rule_id, against_id, enforcement, evict, eviction, object
		FROM violation
		WHERE until IS NULL AND source = 'RULES' AND ($1::text[] IS NULL OR host_id = ANY($1))`
	const checkedSQL = `UPDATE violation_check SET policy_epoch = $1, checked_at = statement_timestamp()`
	const pendingSQL = `SELECT count(*) FROM violation WHERE eviction = 'PENDING' AND until IS NULL`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockViolations(ctx, tx, checker); err != nil {
			return err
		}
		open, err := collect(ctx, tx, func(r *openViolationRow) (openViolationRow, error) { return *r, nil }, openSQL, c.HostIDs)
		if err != nil {
			return err
		}
		d := compareViolations(open, c.Found)
		out = placement.ViolationRecord{Opened: len(d.fresh), Ended: map[placement.Enforcement]int{}}
		for _, g := range d.gone {
			out.Ended[placement.Enforcement(g.Enforcement)]++
		}
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		if c.HostIDs == nil {
			if _, err := tx.Exec(ctx, checkedSQL, c.PolicyEpoch); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, pendingSQL).Scan(&out.Pending)
	})
	return out, err
}

// lockViolations lets nobody else record or evict until the transaction ends. It is a Conflict for a process that another one has
// replaced. It is the last lock of a transaction that takes others.
func lockViolations(ctx context.Context, tx pgx.Tx, checker string) error {
	const lockSQL = `SELECT checker = $1 FROM violation_check FOR UPDATE`
	var mine bool
	if err := tx.QueryRow(ctx, lockSQL, checker).Scan(&mine); err != nil {
		return err
	}
	if !mine {
		return placement.Errorf(placement.Conflict, "another replica looks for violations now")
	}
	return nil
}

type openViolationRow struct {
	NFVIPoPID   string `db:"nfvi_pop_id"`
	ID          string `db:"id"`
	HostID      string `db:"host_id"`
	ResidencyID string `db:"residency_id"`
	PolicyID    string `db:"policy_id"`
	RuleID      string `db:"rule_id"`
	AgainstID   string `db:"against_id"`
	Enforcement string `db:"enforcement"`
	Evict       bool   `db:"evict"`
	Eviction    string `db:"eviction"`
	Object      string `db:"object"`
}

func (o *openViolationRow) key() placement.ViolationKey {
	return placement.ViolationKey{HostID: o.HostID, ResidencyID: o.ResidencyID, PolicyID: o.PolicyID, RuleID: o.RuleID, AgainstID: o.AgainstID, Object: o.Object}
}

// violationDelta is how what was found differs from what is recorded.
type violationDelta struct {
	fresh []*placement.Violation
	moved []openViolationRow // the rule does something else about it now, or it is to be evicted now, or no longer
	gone  []openViolationRow
}

// compareViolations tells what of what was found is not recorded yet, what is recorded differently, and what was not found.
func compareViolations(open []openViolationRow, found []placement.Violation) (d violationDelta) {
	stands := map[placement.ViolationKey]*placement.Violation{}
	for i := range found {
		stands[found[i].Key()] = &found[i]
	}
	known := map[placement.ViolationKey]bool{}
	for _, o := range open {
		key := o.key()
		known[key] = true
		switch v := stands[key]; {
		case v == nil:
			d.gone = append(d.gone, o)
		case o.follow(v):
			d.moved = append(d.moved, o)
		}
	}
	for i := range found {
		if key := found[i].Key(); !known[key] {
			known[key] = true
			d.fresh = append(d.fresh, &found[i])
		}
	}
	return d
}

// follow makes the record what was found, and tells whether that changes it. What was ordered stays ordered while the residency is
// going, and that is judged again under its host's lock.
func (o *openViolationRow) follow(v *placement.Violation) bool {
	was := *o
	o.Enforcement, o.Evict = string(v.Enforcement), v.Evict
	ordered := o.Eviction == string(placement.EvictionOrdered) || o.Eviction == string(placement.EvictionDone)
	if !ordered || v.Eviction == placement.EvictionPending {
		o.Eviction = string(v.Eviction)
	}
	return *o != was
}

// write opens, changes and ends records, and closes evictions whose residency is gone.
func (d *violationDelta) write(ctx context.Context, tx pgx.Tx) error {
	const doneSQL = `
		UPDATE violation v SET eviction = 'DONE', eviction_done_at = statement_timestamp()
		WHERE v.eviction = 'ORDERED' AND NOT EXISTS (SELECT FROM residency r WHERE r.id = v.residency_id)`
	if err := openViolations(ctx, tx, placement.SourceRules, d.fresh); err != nil {
		return err
	}
	if err := moveViolations(ctx, tx, d.moved); err != nil {
		return err
	}
	if err := endViolations(ctx, tx, d.gone); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, doneSQL)
	return err
}

func openViolations(ctx context.Context, tx pgx.Tx, source placement.ViolationSource, fresh []*placement.Violation) error {
	columns := []string{
		"nfvi_pop_id", "id", "host_id", "residency_id", "vnf_instance_id", "trust_domain_id", "policy_id", "rule_id", "checked", "against_id",
		"params", "enforcement", "evict", "eviction", "policy_epoch", "object", "source",
	}
	if len(fresh) == 0 {
		return nil
	}
	return insertRows(ctx, tx, "violation", columns, len(fresh), func(i int) ([]any, error) {
		v := fresh[i]
		pop := v.NFVIPoPID
		if pop == "" {
			pop = noPoP
		}
		return []any{
			pop, uuid.NewString(), v.HostID, v.ResidencyID, v.VNFInstanceID, v.TrustDomainID, v.Reason.PolicyID, v.Reason.RuleID, v.Reason.Check,
			v.Reason.AgainstID, notNilMap(v.Reason.Params), string(v.Enforcement), v.Evict, string(v.Eviction), v.PolicyEpoch,
			v.Object, string(source),
		}, nil
	})
}

func moveViolations(ctx context.Context, tx pgx.Tx, moved []openViolationRow) error {
	const moveSQL = `UPDATE violation SET enforcement = $3, evict = $4, eviction = $5 WHERE nfvi_pop_id = $1 AND id = $2`
	var b pgx.Batch
	for i := range moved {
		m := &moved[i]
		b.Queue(moveSQL, m.NFVIPoPID, m.ID, m.Enforcement, m.Evict, m.Eviction)
	}
	return tx.SendBatch(ctx, &b).Close()
}

// endViolations ends records. Who still waited to be evicted waits no longer.
func endViolations(ctx context.Context, tx pgx.Tx, gone []openViolationRow) error {
	const endSQL = `
		UPDATE violation v SET until = statement_timestamp(), eviction = CASE WHEN eviction = 'PENDING' THEN 'NONE' ELSE eviction END
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
	Enforcement   string            `db:"enforcement"`
	Evict         bool              `db:"evict"`
	Eviction      string            `db:"eviction"`
	PolicyEpoch   int64             `db:"policy_epoch"`
	Since         time.Time         `db:"since"`
	Until         *time.Time        `db:"until"`
	OrderedAt     *time.Time        `db:"eviction_ordered_at"`
	DoneAt        *time.Time        `db:"eviction_done_at"`
	Object        string            `db:"object"`
	Source        string            `db:"source"`
}

// observedHostSQL tells whether the VIM connection of a violation's host is observed. It is asked when violations are read, so that a
// change of the mode holds for all of them at once.
const observedHostSQL = `EXISTS (
	SELECT FROM host oh JOIN enforcement_mode om ON om.subject = 'VIM_CONNECTION' AND om.subject_id = oh.vim_connection_id AND om.mode = 'OBSERVE'
	WHERE oh.nfvi_pop_id = violation.nfvi_pop_id AND oh.id = violation.host_id)`

// shownEnforcementSQL is what a violation says of its rule: on a host behind an observed VIM connection nothing is enforced.
const shownEnforcementSQL = `CASE WHEN enforcement = 'ENFORCED' AND until IS NULL AND ` + observedHostSQL + ` THEN 'OBSERVE' ELSE enforcement END`

// shownEvictionSQL is what a violation says of its eviction: there nobody is evicted.
const shownEvictionSQL = `CASE WHEN eviction = 'PENDING' AND ` + observedHostSQL + ` THEN 'NONE' ELSE eviction END`

const violationColumns = `nfvi_pop_id, id, host_id, residency_id, vnf_instance_id, trust_domain_id, policy_id, rule_id, checked, against_id,
	params, ` + shownEnforcementSQL + ` AS enforcement, evict,
	` + shownEvictionSQL + ` AS eviction, policy_epoch, since, until, eviction_ordered_at, eviction_done_at, object, source`

func violationFromRow(r *violationRow) (placement.Violation, error) {
	v := placement.Violation{
		ID: r.ID, NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, TrustDomainID: r.TrustDomainID,
		Reason:      placement.Reason{PolicyID: r.PolicyID, RuleID: r.RuleID, Check: r.Checked, AgainstID: r.AgainstID, Params: nilIfEmptyMap(r.Params)},
		Enforcement: placement.Enforcement(r.Enforcement), Evict: r.Evict, Eviction: placement.Eviction(r.Eviction), PolicyEpoch: r.PolicyEpoch,
		Since: r.Since.UTC(), Until: nullToZero(r.Until), OrderedAt: nullToZero(r.OrderedAt), DoneAt: nullToZero(r.DoneAt), Object: r.Object,
		Source: placement.ViolationSource(r.Source),
	}
	if v.NFVIPoPID == noPoP {
		v.NFVIPoPID = ""
	}
	return v, nil
}

// ListViolations returns a page of what was recorded, ascending by id.
func (s *Store) ListViolations(ctx context.Context, page placement.Page) ([]placement.Violation, error) {
	const listSQL = `
		SELECT ` + violationColumns + `
		FROM violation
		WHERE id > $1 AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, violationFromRow, violationAttributes(), page, listSQL, page.After, page.Limit)
}

// violationAttributes are what violations can be filtered by, but for the sentence, which nobody stores.
func violationAttributes() attributes {
	return attributes{
		"id": text("id"), "hostId": text("host_id"), "residencyId": text("residency_id"), "vnfInstanceId": text("vnf_instance_id"),
		"trustDomainId": text("trust_domain_id"), "enforcement": enum(shownEnforcementSQL), "eviction": enum(shownEvictionSQL), "source": enum("source"),
		"object": text("object"), "policyEpoch": number("policy_epoch"), "since": dateTime("since"), "until": dateTime("until"),
		"evictionOrderedAt": dateTime("eviction_ordered_at"), "evictionDoneAt": dateTime("eviction_done_at"),
		"state":           computed(map[string]string{"OPEN": "until IS NULL", "ENDED": "until IS NOT NULL"}),
		"onViolation":     computed(map[string]string{"EVICT": "evict", "REPORT": "NOT evict"}),
		"reason/policyId": text("policy_id"), "reason/ruleId": text("rule_id"), "reason/check": text("checked"), "reason/againstId": text("against_id"),
		"reason/params": labelled("params - 'message'"),
		"policyId":      text("policy_id"), "ruleId": text("rule_id"),
	}
}

// GetViolation returns one, whether it stands or not.
func (s *Store) GetViolation(ctx context.Context, id string) (placement.Violation, error) {
	list, err := collect(ctx, s.reads(ctx), violationFromRow, `SELECT `+violationColumns+` FROM violation WHERE id = $1`, id)
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

// CountViolations counts the violations that stand, by rule, the rules with most of them first.
func (s *Store) CountViolations(ctx context.Context, limit int) ([]placement.ViolationCount, error) {
	const countSQL = `
		SELECT rule_id, ` + shownEnforcementSQL + ` AS shown, count(*)
		FROM violation
		WHERE until IS NULL
		GROUP BY rule_id, shown
		ORDER BY count(*) DESC, rule_id, shown
		LIMIT $1`
	rows, err := s.pool.Query(ctx, countSQL, limit)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.ViolationCount])
	return list, translate(err)
}

// PruneViolations removes up to limit violations that ended longer ago than that, by the database's clock, and returns how many.
func (s *Store) PruneViolations(ctx context.Context, after time.Duration, limit int) (int, error) {
	const pruneSQL = `
		DELETE FROM violation
		WHERE (nfvi_pop_id, id) IN (SELECT nfvi_pop_id, id FROM violation
		                            WHERE until < statement_timestamp() - $1::interval ORDER BY until LIMIT $2)`
	tag, err := s.pool.Exec(ctx, pruneSQL, after, limit)
	return int(tag.RowsAffected()), translate(err)
}
