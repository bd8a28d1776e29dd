package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// pendingChangeRow is a row of pending_change. Lists leave its content out.
type pendingChangeRow struct {
	ID               string             `db:"id"`
	State            string             `db:"state"`
	ProposedBy       string             `db:"proposed_by"`
	ProposedAt       time.Time          `db:"proposed_at"`
	ExpiresAt        time.Time          `db:"expires_at"`
	Reason           string             `db:"reason"`
	Changes          []pendingObjectDoc `db:"changes"`
	Differences      []differenceDoc    `db:"differences"`
	Base             []objectStateDoc   `db:"base"`
	DecidedBy        *string            `db:"decided_by"`
	DecidedAt        *time.Time         `db:"decided_at"`
	DecisionReason   string             `db:"decision_reason"`
	BreakGlassReason *string            `db:"break_glass_reason"`
	BreakGlassUntil  *time.Time         `db:"break_glass_until"`
	ConfirmedBy      *string            `db:"confirmed_by"`
	Revision         int64              `db:"revision"`
}

// pendingObjectDoc is one object that a pending change stores, or with nothing after deletes.
type pendingObjectDoc struct {
	Kind      placement.ChangeKind `json:"kind"`
	NFVIPoPID string               `json:"nfviPopId,omitempty"`
	ID        string               `json:"id"`
	After     json.RawMessage      `json:"after,omitempty"`
}

type differenceDoc struct {
	Kind       placement.ChangeKind       `json:"kind"`
	ID         string                     `json:"id"`
	Action     placement.DifferenceAction `json:"action"`
	Attributes []attributeDoc             `json:"attributes,omitempty"`
}

type attributeDoc struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

type objectStateDoc struct {
	Kind     placement.ChangeKind `json:"kind"`
	ID       string               `json:"id"`
	Revision int64                `json:"revision,omitempty"`
	Digest   string               `json:"digest,omitempty"`
}

func objectStateToDoc(s placement.ObjectState) objectStateDoc   { return objectStateDoc(s) }
func objectStateFromDoc(d objectStateDoc) placement.ObjectState { return placement.ObjectState(d) }

func differenceToDoc(d placement.SecurityDifference) differenceDoc {
	return differenceDoc{d.Kind, d.ID, d.Action, convert(d.Attributes, func(a placement.AttributeDifference) attributeDoc { return attributeDoc(a) })}
}

func differenceFromDoc(d differenceDoc) placement.SecurityDifference {
	return placement.SecurityDifference{
		Kind: d.Kind, ID: d.ID, Action: d.Action,
		Attributes: convert(d.Attributes, func(a attributeDoc) placement.AttributeDifference { return placement.AttributeDifference(a) }),
	}
}

// pendingChangesToDoc encodes what a write stores.
func pendingChangesToDoc(changes []placement.Change) ([]byte, error) {
	docs := make([]pendingObjectDoc, len(changes))
	for i := range changes {
		c := &changes[i]
		after, err := afterImage(c)
		if err != nil {
			return nil, err
		}
		docs[i] = pendingObjectDoc{Kind: c.Kind, NFVIPoPID: c.NFVIPoPID, ID: c.ID, After: after}
	}
	return json.Marshal(docs)
}

func pendingObjectFromDoc(d pendingObjectDoc) (placement.Change, error) {
	c := placement.Change{Kind: d.Kind, NFVIPoPID: d.NFVIPoPID, ID: d.ID}
	return c, readAfterImage(&c, d.After)
}

func pendingChangeFromRow(r *pendingChangeRow) (placement.PendingChange, error) {
	changes, err := tryConvert(r.Changes, pendingObjectFromDoc)
	p := placement.PendingChange{
		ID: r.ID, State: placement.PendingState(r.State), ProposedBy: r.ProposedBy, ProposedAt: r.ProposedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Reason: r.Reason,
		Changes: changes, Differences: convert(r.Differences, differenceFromDoc), Base: convert(r.Base, objectStateFromDoc), Revision: r.Revision,
		Decision: placement.PendingDecision{By: nullToEmpty(r.DecidedBy), At: nullToZero(r.DecidedAt), Reason: r.DecisionReason, ConfirmedBy: nullToEmpty(r.ConfirmedBy)},
	}
	if r.BreakGlassReason != nil {
		p.Decision.BreakGlass = &placement.BreakGlass{
			By: p.Decision.By, Reason: *r.BreakGlassReason, At: p.Decision.At, Until: nullToZero(r.BreakGlassUntil),
		}
	}
	return p, err
}

// The columns of a pending change, which has expired when its time has come, whether or not that is written yet.
const (
	pendingHeadColumns = `id,
		CASE WHEN state = 'PENDING' AND expires_at <= statement_timestamp() THEN 'EXPIRED' ELSE state END AS state,
		proposed_by, proposed_at, expires_at, reason, differences, decided_by,
		CASE WHEN state = 'PENDING' AND expires_at <= statement_timestamp() THEN expires_at ELSE decided_at END AS decided_at,
		decision_reason, break_glass_reason, break_glass_until, confirmed_by, revision`
	pendingColumns = pendingHeadColumns + `, changes, base`
)

// readPendingChange reads one; lock is FOR UPDATE or empty.
func readPendingChange(ctx context.Context, q queryer, id, lock string) (*placement.PendingChange, error) {
	list, err := collect(ctx, q, pendingChangeFromRow, `SELECT `+pendingColumns+` FROM pending_change WHERE id = $1 `+lock, id)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, notFound("pending change", id)
	}
	return &list[0], nil
}

// GetPendingChange returns a change of the inventory that waits for a second person, or did.
func (s *Store) GetPendingChange(ctx context.Context, id string) (placement.PendingChange, error) {
	p, err := readPendingChange(ctx, s.reads(ctx), id, "")
	if err != nil {
		return placement.PendingChange{}, translate(err)
	}
	return *p, nil
}

// ListPendingChanges returns a page of them by id, which is by time; what they store only when they are wanted whole.
func (s *Store) ListPendingChanges(ctx context.Context, page placement.Page, whole bool) ([]placement.PendingChange, error) {
	const listSQL = `
		SELECT ` + pendingHeadColumns + `, CASE WHEN $3 THEN changes ELSE '[]' END AS changes, CASE WHEN $3 THEN base ELSE '[]' END AS base
		FROM pending_change
		WHERE id > $1 AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, pendingChangeFromRow, pendingChangeAttributes(), page, listSQL, page.After, page.Limit, whole)
}

// pendingChangeAttributes are what pending changes can be filtered by, but for what they store.
func pendingChangeAttributes() attributes {
	return attributes{
		"id": text("id"), "proposedBy": text("proposed_by"), "proposedAt": dateTime("proposed_at"),
		"state":     enum("CASE WHEN state = 'PENDING' AND expires_at <= statement_timestamp() THEN 'EXPIRED' ELSE state END"),
		"expiresAt": dateTime("expires_at"), "reason": text("reason"), "decidedBy": text("decided_by"), "decisionReason": text("decision_reason"),
		"decidedAt":         dateTime("CASE WHEN state = 'PENDING' AND expires_at <= statement_timestamp() THEN expires_at ELSE decided_at END"),
		"breakGlass/reason": text("break_glass_reason"), "breakGlass/until": dateTime("break_glass_until"), "breakGlass/confirmedBy": text("confirmed_by"),
		"differences": objects("jsonb_array_elements(differences) AS d", attributes{
			"kind": enum("d ->> 'kind'"), "id": text("d ->> 'id'"), "action": enum("d ->> 'action'"),
			"attributes": objects("jsonb_array_elements(d -> 'attributes') AS a", attributes{
				"name": text("a ->> 'name'"), "before": text("a ->> 'before'"), "after": text("a ->> 'after'"),
			}),
		}),
		"_links/self/href":     text("{base} || '/inventory/v1/pending_changes/' || id"),
		"_links/analysis/href": text("{base} || '/placement/v1/pending_changes/' || id || '/analysis'"),
	}
}

// UnconfirmedChanges returns the changes that the client who asked for them applied alone, and that nobody has confirmed in time,
// by the database's clock. What they store is left out.
func (s *Store) UnconfirmedChanges(ctx context.Context) ([]placement.PendingChange, error) {
	const listSQL = `
		SELECT ` + pendingHeadColumns + `, '[]'::jsonb AS changes, '[]'::jsonb AS base
		FROM pending_change
		WHERE break_glass_until <= statement_timestamp() AND confirmed_by IS NULL
		ORDER BY id`
	list, err := collect(ctx, s.pool, pendingChangeFromRow, listSQL)
	return list, translate(err)
}

// ExpirePendingChanges records of those that nobody decided in time that they expired, at most limit of them, and returns how many.
func (s *Store) ExpirePendingChanges(ctx context.Context, limit int) (expired int, err error) {
	const expireSQL = `
		UPDATE pending_change SET state = 'EXPIRED', decided_at = expires_at, revision = revision + 1
		WHERE id IN (SELECT id FROM pending_change WHERE state = 'PENDING' AND expires_at <= statement_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING id, proposed_by`
	const dueSQL = `SELECT EXISTS (SELECT FROM pending_change WHERE state = 'PENDING' AND expires_at <= statement_timestamp())`
	var due bool
	if err := s.pool.QueryRow(ctx, dueSQL).Scan(&due); err != nil || !due {
		return 0, translate(err)
	}
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, expireSQL, limit)
		if err != nil {
			return err
		}
		gone, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ ID, ProposedBy string }])
		if err != nil {
			return err
		}
		expired = len(gone)
		for _, g := range gone {
			if err := audit(ctx, tx, noPoP, systemActor, "EXPIRE_CHANGE", g.ID, map[string]string{"proposedBy": g.ProposedBy}); err != nil {
				return err
			}
		}
		return nil
	})
	return expired, err
}
