package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RecordAccessRefusals adds refusals, all or none.
func (s *Store) RecordAccessRefusals(ctx context.Context, list []placement.AccessRefusal) error {
	const insertSQL = `
		INSERT INTO access_refusal (id, kind, reason, client_id, address, certificate_sha256, operation, count, first_at, last_at, last_request_id, cleared)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var b pgx.Batch
		for i := range list {
			r := &list[i]
			id, err := uuid.NewV7() // in the order of their ids refusals are in the order of time
			if err != nil {
				return err
			}
			b.Queue(insertSQL, id.String(), r.Kind, r.Reason, r.ClientID, r.Address, r.CertificateSHA256, r.Operation, r.Count, r.FirstAt, r.LastAt, r.LastRequestID, r.Cleared)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

type accessRefusalRow struct {
	ID                string    `db:"id"`
	Kind              string    `db:"kind"`
	Reason            string    `db:"reason"`
	ClientID          string    `db:"client_id"`
	Address           string    `db:"address"`
	CertificateSHA256 string    `db:"certificate_sha256"`
	Operation         string    `db:"operation"`
	Count             int64     `db:"count"`
	FirstAt           time.Time `db:"first_at"`
	LastAt            time.Time `db:"last_at"`
	LastRequestID     string    `db:"last_request_id"`
}

func accessRefusalFromRow(r *accessRefusalRow) (placement.AccessRefusal, error) {
	return placement.AccessRefusal{
		ID: r.ID, Kind: placement.RefusalKind(r.Kind), Reason: r.Reason, ClientID: r.ClientID, Address: r.Address, CertificateSHA256: r.CertificateSHA256,
		Operation: r.Operation, Count: r.Count, FirstAt: r.FirstAt.UTC(), LastAt: r.LastAt.UTC(), LastRequestID: r.LastRequestID,
	}, nil
}

// ListAccessRefusals returns a page of callers who were refused, newest first.
func (s *Store) ListAccessRefusals(ctx context.Context, page placement.Page) ([]placement.AccessRefusal, error) {
	const listSQL = `
		SELECT id, kind, reason, client_id, address, certificate_sha256, operation, count, first_at, last_at, last_request_id
		FROM access_refusal
		WHERE ($1 = '' OR id < $1) AND {filter}
		ORDER BY id DESC
		LIMIT $2`
	return listed(ctx, s, accessRefusalFromRow, accessRefusalAttributes(), page, listSQL, page.After, page.Limit)
}

func accessRefusalAttributes() attributes {
	return attributes{
		"id": text("id"), "kind": enum("kind"), "reason": text("reason"), "clientId": text("client_id"), "address": text("address"),
		"certificateSha256": text("certificate_sha256"), "operation": text("operation"), "count": number("count"), "firstAt": dateTime("first_at"),
		"lastAt": dateTime("last_at"), "lastRequestId": text("last_request_id"),
	}
}
