package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// CheckDocument reports what Import would refuse a document for, so that it can be told together with what else is
// wrong with the document. Its error is Invalid with findings. It completes the document as Import does.
func (s *Store) CheckDocument(ctx context.Context, doc *placement.Inventory) error {
	return s.inTx(ctx, readOnly, func(tx pgx.Tx) error { return checkReferences(ctx, tx, doc) })
}
