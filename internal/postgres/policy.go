package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

type policyRow struct {
	ID              string   `db:"id"`
	Designer        string   `db:"designer"`
	Name            string   `db:"name"`
	PFID            string   `db:"pf_id"`
	Versions        []string `db:"versions"`
	Authors         []string `db:"authors"`
	SelectedVersion *string  `db:"selected_version"`
	Activated       bool     `db:"activated"`
	Associations    []string `db:"associations"`
	Revision        int64    `db:"revision"`

	BreakGlassBy     *string    `db:"break_glass_by"`
	BreakGlassReason *string    `db:"break_glass_reason"`
	BreakGlassAt     *time.Time `db:"break_glass_at"`
	BreakGlassUntil  *time.Time `db:"break_glass_until"`
}

const policyColumns = `
	p.id, p.designer, p.name, p.pf_id,
	ARRAY(SELECT v.version FROM policy_version v WHERE v.policy_id = p.id ORDER BY v.transfer_no) AS versions,
	ARRAY(SELECT v.transferred_by FROM policy_version v WHERE v.policy_id = p.id ORDER BY v.transfer_no) AS authors,
	p.selected_version, p.activated, p.associations, p.revision,
	p.break_glass_by, p.break_glass_reason, p.break_glass_at, p.break_glass_until`

func policyFromRow(r *policyRow) (placement.PolicyRecord, error) {
	p := placement.PolicyRecord{
		ID: r.ID, Designer: r.Designer, Name: r.Name, PFID: r.PFID, Versions: nilIfEmpty(r.Versions), Authors: nilIfEmpty(r.Authors), SelectedVersion: nullToEmpty(r.SelectedVersion),
		Activated: r.Activated, Associations: nilIfEmpty(r.Associations), Revision: r.Revision,
	}
	if r.BreakGlassBy != nil {
		p.BreakGlass = &placement.BreakGlass{
			By: *r.BreakGlassBy, Reason: nullToEmpty(r.BreakGlassReason), At: nullToZero(r.BreakGlassAt), Until: nullToZero(r.BreakGlassUntil),
		}
	}
	return p, nil
}

// ListPolicies returns a page of policies by id.
func (s *Store) ListPolicies(ctx context.Context, p placement.Page) ([]placement.PolicyRecord, error) {
	const listSQL = `SELECT ` + policyColumns + ` FROM policy p WHERE p.id > $1 AND {filter} ORDER BY p.id LIMIT $2`
	return listed(ctx, s, policyFromRow, policyAttributes(), p, listSQL, p.After, p.Limit)
}

// policyAttributes are what policies can be filtered by: all (SOL012, GET policies); policy has the alias p.
func policyAttributes() attributes {
	const (
		self     = "{base} || '/nfvpolicy/v1/policies/' || p.id"
		versions = "(SELECT v.version FROM policy_version v WHERE v.policy_id = p.id)"
	)
	return attributes{
		"id": text("p.id"), "designer": text("p.designer"), "name": text("p.name"), "pfId": text("p.pf_id"), "selectedVersion": text("p.selected_version"),
		"versions": {kind: sol013.String, sql: versions, each: true}, "associations": texts("p.associations"),
		"activationStatus": computed(map[string]string{"ACTIVATED": "p.activated", "DEACTIVATED": "NOT p.activated"}),
		"transferStatus":   computed(map[string]string{"TRANSFERRED": "EXISTS " + versions, "CREATED": "NOT EXISTS " + versions}),
		"breakGlass/by":    text("p.break_glass_by"), "breakGlass/reason": text("p.break_glass_reason"),
		"breakGlass/at": dateTime("p.break_glass_at"), "breakGlass/until": dateTime("p.break_glass_until"),

		"_links/self/href":     text(self),
		"_links/selected/href": text(self + " || '/versions/' || p.selected_version"),
		"_links/versions": objects("(SELECT v.version FROM policy_version v WHERE v.policy_id = p.id) AS v", attributes{
			"href": text(self + " || '/versions/' || v.version"),
		}),
	}
}

// GetPolicy returns a policy.
func (s *Store) GetPolicy(ctx context.Context, id string) (placement.PolicyRecord, error) {
	return getPolicy(ctx, s.reads(ctx), id)
}

func getPolicy(ctx context.Context, q queryer, id string) (placement.PolicyRecord, error) {
	const getSQL = `SELECT ` + policyColumns + ` FROM policy p WHERE p.id = $1`
	list, err := collect(ctx, q, policyFromRow, getSQL, id)
	if err == nil && len(list) == 0 {
		err = notFound("policy", id)
	}
	if err != nil {
		return placement.PolicyRecord{}, translate(err)
	}
	return list[0], nil
}

// CreatePolicy stores a new policy, without versions and not activated. An id that exists is a Conflict.
func (s *Store) CreatePolicy(ctx context.Context, p placement.PolicyRecord, actor string) (created placement.PolicyRecord, err error) {
	const insertSQL = `INSERT INTO policy (id, designer, name, pf_id, associations) VALUES ($1, $2, $3, $4, $5)`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertSQL, p.ID, p.Designer, p.Name, p.PFID, notNil(p.Associations)); err != nil {
			return err
		}
		if created, err = getPolicy(ctx, tx, p.ID); err != nil {
			return err
		}
		if err := tell(ctx, tx, changed(placement.PolicyCreated, p.ID, "")); err != nil {
			return err
		}
		return audit(ctx, tx, noPoP, actor, "CREATE_POLICY", p.ID, map[string]string{"name": p.Name})
	})
	return created, err
}

// DeletePolicy deletes a policy with its versions. One that is activated is a Conflict. With ifRevision it must have that
// revision.
func (s *Store) DeletePolicy(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		p, err := lockPolicy(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkRevision("policy", id, ifRevision, p.Revision); err != nil {
			return err
		}
		if p.Activated {
			return placement.Errorf(placement.Conflict, "the policy %q is activated: deactivate it first", id)
		}
		var b pgx.Batch
		b.Queue(`UPDATE policy SET selected_version = NULL WHERE id = $1`, id)
		b.Queue(`DELETE FROM policy_version WHERE policy_id = $1`, id)
		b.Queue(`DELETE FROM policy WHERE id = $1`, id)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		if err := tell(ctx, tx, changed(placement.PolicyDeleted, id, "")); err != nil {
			return err
		}
		return audit(ctx, tx, noPoP, actor, "DELETE_POLICY", id, nil)
	})
}

// lockPolicy locks a policy, then reads it.
func lockPolicy(ctx context.Context, tx pgx.Tx, id string) (placement.PolicyRecord, error) {
	const lockSQL = `SELECT id FROM policy WHERE id = $1 FOR UPDATE`
	var locked string
	err := tx.QueryRow(ctx, lockSQL, id).Scan(&locked)
	if errors.Is(err, pgx.ErrNoRows) {
		return placement.PolicyRecord{}, notFound("policy", id)
	}
	if err != nil {
		return placement.PolicyRecord{}, err
	}
	return getPolicy(ctx, tx, id)
}

// PutPolicyVersion stores a version of a policy, once: a version that exists is a Conflict. The first one is selected
// with it, and what it is associated with counts where nothing was set before; a later one changes neither. The hash is computed here.
func (s *Store) PutPolicyVersion(ctx context.Context, v placement.PolicyVersion) error {
	const insertSQL = `
		INSERT INTO policy_version (policy_id, version, media_type, content, sha256, transferred_by, host_labels)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	const selectSQL = `
		UPDATE policy SET
			revision = revision + 1,
			associations = CASE WHEN selected_version IS NULL AND cardinality(associations) = 0 THEN $3::text[] ELSE associations END,
			selected_version = coalesce(selected_version, $2)
		WHERE id = $1`
	sum := sha256.Sum256(v.Content)
	v.SHA256 = hex.EncodeToString(sum[:])
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if _, err := lockPolicy(ctx, tx, v.PolicyID); err != nil {
			return err
		}
		if err := checkWrittenOnce(ctx, tx, &v); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertSQL, v.PolicyID, v.Version, v.MediaType, v.Content, v.SHA256, v.TransferredBy, notNil(v.HostLabels)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, selectSQL, v.PolicyID, v.Version, notNil(v.Associations)); err != nil {
			return err
		}
		if err := tell(ctx, tx, changed(placement.PolicyTransferred, v.PolicyID, v.Version)); err != nil {
			return err
		}
		return audit(ctx, tx, noPoP, v.TransferredBy, "TRANSFER_POLICY", v.PolicyID, map[string]string{"version": v.Version, "sha256": v.SHA256})
	})
}

// checkWrittenOnce refuses the name of a version that was deleted: whoever read that version could put another one in force by its name.
func checkWrittenOnce(ctx context.Context, tx pgx.Tx, v *placement.PolicyVersion) error {
	const deletedSQL = `SELECT $2 = ANY(deleted_versions) FROM policy WHERE id = $1`
	var deleted bool
	if err := tx.QueryRow(ctx, deletedSQL, v.PolicyID, v.Version).Scan(&deleted); err != nil || !deleted {
		return err
	}
	return placement.Errorf(placement.Conflict,
		"version %s of policy %s was transferred before and deleted; versions are written once, choose another", v.Version, v.PolicyID)
}

// GetPolicyVersion returns a version as it was transferred, byte for byte.
func (s *Store) GetPolicyVersion(ctx context.Context, policyID, version string) (placement.PolicyVersion, error) {
	const getSQL = `
		SELECT policy_id, version, media_type, content, sha256, transferred_by
		FROM policy_version
		WHERE policy_id = $1 AND version = $2`
	var v placement.PolicyVersion
	err := s.reads(ctx).QueryRow(ctx, getSQL, policyID, version).Scan(&v.PolicyID, &v.Version, &v.MediaType, &v.Content, &v.SHA256, &v.TransferredBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, placement.Errorf(placement.NotFound, "no version %q of policy %q", version, policyID)
	}
	return v, translate(err)
}

// DeletePolicyVersion deletes a version, whose name is used up. The selected one is a Conflict.
func (s *Store) DeletePolicyVersion(ctx context.Context, policyID, version, actor string) error {
	const deleteSQL = `DELETE FROM policy_version WHERE policy_id = $1 AND version = $2`
	const usedUpSQL = `UPDATE policy SET deleted_versions = deleted_versions || $2::text, revision = revision + 1 WHERE id = $1`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		p, err := lockPolicy(ctx, tx, policyID)
		switch {
		case err != nil:
			return err
		case !slices.Contains(p.Versions, version):
			return placement.Errorf(placement.NotFound, "no version %q of policy %q", version, policyID)
		case p.SelectedVersion == version:
			return placement.Errorf(placement.Conflict, "version %q of policy %q is selected: select another one first", version, policyID)
		}
		if _, err := tx.Exec(ctx, deleteSQL, policyID, version); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, usedUpSQL, policyID, version); err != nil {
			return err
		}
		if err := tell(ctx, tx, changed(placement.PolicyDeleted, policyID, version)); err != nil {
			return err
		}
		return audit(ctx, tx, noPoP, actor, "DELETE_POLICY_VERSION", policyID, map[string]string{"version": version})
	})
}
