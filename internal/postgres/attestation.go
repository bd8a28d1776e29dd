package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// quarantinedByAttestation is the lifecycle reason of a host that is out of service for want of a verifier's trust.
const quarantinedByAttestation = "attestation"

// RecordAttestation adds a verdict to the history of a host. The verdict with the newest AttestedAt counts, of equal
// ones the last received. If it is this one, the host's attestation becomes it; a host in service that is no longer
// TRUSTED is quarantined with the reason "attestation", and one that was quarantined for it returns into service: its feed
// says so in the same transaction.
// Decisions rest on it as soon as the function has returned. A zero AttestedAt means now. Kinds of errors: NotFound,
// Invalid (AttestedAt in the future), Unavailable.
func (s *Store) RecordAttestation(ctx context.Context, hostID string, r placement.AttestationRecord, actor string) (placement.AttestationRecord, error) {
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		key, err := knownHostKey(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if err := lockHost(ctx, tx, key); err != nil {
			return err
		}
		if r.AttestedAt, err = checkPast(ctx, tx, "attestation", r.AttestedAt); err != nil {
			return err
		}
		if err := insertAttestation(ctx, tx, key, &r, actor); err != nil {
			return err
		}
		if err := takeAttestation(ctx, tx, key, &r); err != nil {
			return err
		}
		return audit(ctx, tx, key.NFVIPoPID, actor, "ATTEST", hostID, map[string]string{"state": string(r.State), "record": r.ID})
	})
	return r, err
}

func insertAttestation(ctx context.Context, tx pgx.Tx, key placement.HostKey, r *placement.AttestationRecord, actor string) error {
	const insertSQL = `
		INSERT INTO attestation_record (nfvi_pop_id, host_id, state, verifier, evidence_digest, attested_at, valid_until,
			attested_capabilities, actor_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		RETURNING id::text, recorded_at`
	err := tx.QueryRow(ctx, insertSQL, key.NFVIPoPID, key.HostID, r.State, r.Verifier, r.EvidenceDigest, r.AttestedAt,
		zeroToNull(r.ValidUntil), r.Capabilities.Names(), actor).Scan(&r.ID, &r.RecordedAt)
	r.RecordedAt = r.RecordedAt.UTC()
	return err
}

// takeAttestation makes a verdict the host's attestation, unless the host has a newer one.
func takeAttestation(ctx context.Context, tx pgx.Tx, key placement.HostKey, r *placement.AttestationRecord) error {
	const takeSQL = `
		UPDATE host SET
			attestation_state = $3::text, attestation_verifier = $4, attestation_evidence_digest = $5, attested_at = $6,
			attestation_valid_until = $7, attested_capabilities = $8,
			lifecycle = CASE
				WHEN $3::text <> 'TRUSTED' AND lifecycle = 'IN_SERVICE' THEN 'QUARANTINED'
				WHEN $3::text = 'TRUSTED' AND lifecycle = 'QUARANTINED' AND lifecycle_reason = '` + quarantinedByAttestation + `' THEN 'IN_SERVICE'
				ELSE lifecycle END,
			lifecycle_reason = CASE
				WHEN $3::text <> 'TRUSTED' AND lifecycle = 'IN_SERVICE' THEN '` + quarantinedByAttestation + `'
				WHEN $3::text = 'TRUSTED' AND lifecycle = 'QUARANTINED' AND lifecycle_reason = '` + quarantinedByAttestation + `' THEN ''
				ELSE lifecycle_reason END
		WHERE nfvi_pop_id = $1 AND id = $2 AND (attested_at IS NULL OR attested_at <= $6)`
	before, err := getHost(ctx, tx, key.HostID)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, takeSQL, key.NFVIPoPID, key.HostID, string(r.State), r.Verifier, r.EvidenceDigest, r.AttestedAt,
		zeroToNull(r.ValidUntil), r.Capabilities.Names())
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	after, err := getHost(ctx, tx, key.HostID)
	if err != nil {
		return err
	}
	if after.Lifecycle != before.Lifecycle {
		if err := tellQuarantines(ctx, tx, quarantineOf(&after)); err != nil {
			return err
		}
	}
	if err := dropClearedResidue(ctx, tx, key); err != nil {
		return err
	}
	return changeHost(ctx, tx, key)
}

// ListAttestations returns a page of the verdicts on a host, newest AttestedAt first. The page's key is a record's id.
func (s *Store) ListAttestations(ctx context.Context, hostID string, p placement.Page) ([]placement.AttestationRecord, error) {
	const listSQL = `
		SELECT a.id::text AS id, a.state, a.verifier, a.evidence_digest, a.attested_at, a.valid_until, a.attested_capabilities, a.recorded_at, a.actor_id
		FROM attestation_record a
		WHERE a.nfvi_pop_id = $1 AND a.host_id = $2 AND {filter}
		  AND ($3 = '' OR (a.attested_at, a.id) < (SELECT x.attested_at, x.id FROM attestation_record x
		                                           WHERE x.nfvi_pop_id = $1 AND x.host_id = $2 AND x.id::text = $3))
		ORDER BY a.attested_at DESC, a.id DESC
		LIMIT $4`
	if err := attestationAttributes().check(p); err != nil {
		return nil, err
	}
	key, err := hostKey(ctx, s.reads(ctx), hostID)
	if err != nil {
		return nil, err
	}
	return listed(ctx, s, attestationFromRow, attestationAttributes(), p, listSQL, key.NFVIPoPID, key.HostID, p.After, p.Limit)
}

func attestationAttributes() attributes {
	return attributes{
		"id": text("a.id::text"), "state": enum("a.state"), "verifier": text("a.verifier"), "evidenceDigest": text("a.evidence_digest"),
		"attestedAt": dateTime("a.attested_at"), "validUntil": dateTime("a.valid_until"), "capabilities": enums("a.attested_capabilities"),
		"recordedAt": dateTime("a.recorded_at"),
	}
}

type attestationRow struct {
	ID             string     `db:"id"`
	State          string     `db:"state"`
	Verifier       string     `db:"verifier"`
	EvidenceDigest string     `db:"evidence_digest"`
	AttestedAt     time.Time  `db:"attested_at"`
	ValidUntil     *time.Time `db:"valid_until"`
	Capabilities   []string   `db:"attested_capabilities"`
	RecordedAt     time.Time  `db:"recorded_at"`
	ActorID        string     `db:"actor_id"`
}

func attestationFromRow(r *attestationRow) (placement.AttestationRecord, error) {
	capabilities, err := placement.ParseCapabilities(r.Capabilities)
	return placement.AttestationRecord{
		ID: r.ID,
		Attestation: placement.Attestation{
			State: placement.AttestationState(r.State), Verifier: r.Verifier, EvidenceDigest: r.EvidenceDigest,
			AttestedAt: r.AttestedAt.UTC(), ValidUntil: nullToZero(r.ValidUntil),
		},
		Capabilities: capabilities, RecordedAt: r.RecordedAt.UTC(), ActorID: r.ActorID,
	}, err
}
