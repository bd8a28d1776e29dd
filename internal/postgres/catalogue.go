package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// table describes how one noun of the catalogue is stored. Everything in the catalogue decides, so its writers hold the
// epoch exclusively, which also puts their changes into the feed in the order in which they were made.
type table[T any] struct {
	kind      placement.ChangeKind
	what      string // in messages
	list      string // of the inventory document
	selectSQL string // takes the arguments of selection, and a {filter}
	known     attributes
	deleteSQL string // takes the id
	rows      func(ctx context.Context, q queryer, sql string, args ...any) ([]T, error)
	id        func(*T) string // as it appears in the feed
	revision  func(*T) *int64
	upsert    func(b *pgx.Batch, t *T)
	change    func(*T) placement.Change                                         // with the member of the kind
	document  func(*placement.Inventory) *[]T                                   // the noun's list in a document
	referrers func(ctx context.Context, q queryer, id string) ([]string, error) // names what refers to it; nil: nothing can
	applied   func(ctx context.Context, tx pgx.Tx, changed []T) error           // what else a change entails; nil: nothing
}

// rowsOf makes a table's rows function.
func rowsOf[R, T any](from func(*R) (T, error)) func(context.Context, queryer, string, ...any) ([]T, error) {
	return func(ctx context.Context, q queryer, sql string, args ...any) ([]T, error) {
		return collect(ctx, q, from, sql, args...)
	}
}

// A selectSQL has the parameters $1 ids (null: all), $2 the id after which the page starts, $3 limit (null: none).

func (t *table[T]) byIDs(ctx context.Context, q queryer, ids []string) ([]T, error) {
	return t.rows(ctx, q, filtered(t.selectSQL, "true"), ids, "", nil)
}

func (t *table[T]) all(ctx context.Context, q queryer) ([]T, error) {
	return t.rows(ctx, q, filtered(t.selectSQL, "true"), nil, "", nil)
}

func (t *table[T]) get(ctx context.Context, q queryer, id string) (T, error) {
	found, err := t.byIDs(ctx, q, []string{id})
	if err == nil && len(found) == 0 {
		err = notFound(t.what, id)
	}
	if err != nil {
		var none T
		return none, translate(err)
	}
	return found[0], nil
}

func (t *table[T]) page(ctx context.Context, s *Store, p placement.Page) ([]T, error) {
	return listedBy(ctx, s, t.rows, t.known, p, t.selectSQL, nil, p.After, p.Limit)
}

// put creates or replaces one record. What is not a change writes nothing and keeps the revision.
func (t *table[T]) put(ctx context.Context, s *Store, v T, ifRevision *int64, actor string) (stored T, created bool, err error) {
	id := t.id(&v)
	var held *placement.PendingChange
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		before, present, err := t.present(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkRevision(t.what, id, ifRevision, present); err != nil {
			return err
		}
		var doc placement.Inventory
		*t.document(&doc) = []T{v}
		if err := checkReferences(ctx, tx, &doc); err != nil {
			return err
		}
		held, err = s.holdOne(ctx, tx, actor, before, t.changeOf(&v), func(tx pgx.Tx) error {
			_, _, err := t.apply(ctx, tx, []T{v})
			return err
		})
		if err != nil || held != nil {
			return err
		}
		changes, _, err := t.apply(ctx, tx, []T{v})
		if err != nil {
			return err
		}
		created = present == 0
		if err := recordCatalogue(ctx, tx, actor, changes); err != nil {
			return err
		}
		stored, err = t.get(ctx, tx, id)
		return err
	})
	if err == nil && held != nil {
		return stored, false, &placement.AwaitsApproval{Change: *held}
	}
	return stored, created && err == nil, err
}

// present returns the stored record, and its revision; without a member and 0 when there is none.
func (t *table[T]) present(ctx context.Context, q queryer, id string) (placement.Change, int64, error) {
	v, err := t.get(ctx, q, id)
	if placement.KindOf(err) == placement.NotFound {
		return placement.Change{Kind: t.kind, ID: id}, 0, nil
	}
	return t.changeOf(&v), *t.revision(&v), err
}

// changeOf is the change that stores a record.
func (t *table[T]) changeOf(v *T) placement.Change {
	c := t.change(v)
	c.Kind, c.ID = t.kind, t.id(v)
	return c
}

// stored reads records by id.
func (t *table[T]) stored(ctx context.Context, q queryer, ids []string) (map[string]placement.Change, error) {
	list, err := t.byIDs(ctx, q, ids)
	out := make(map[string]placement.Change, len(list))
	for i := range list {
		out[t.id(&list[i])] = t.changeOf(&list[i])
	}
	return out, err
}

// changesOf are the changes that store what a document lists.
func (t *table[T]) changesOf(doc *placement.Inventory) []placement.Change {
	list := *t.document(doc)
	out := make([]placement.Change, len(list))
	for i := range list {
		out[i] = t.changeOf(&list[i])
	}
	return out
}

// apply stores records, which hold no two of the same id, and returns the changes that this made.
func (t *table[T]) apply(ctx context.Context, tx pgx.Tx, values []T) ([]placement.Change, tally, error) {
	var count tally
	ids := make([]string, len(values))
	for i := range values {
		ids[i] = t.id(&values[i])
	}
	present, err := t.byIDs(ctx, tx, ids)
	if err != nil {
		return nil, count, err
	}
	byID := make(map[string]*T, len(present))
	for i := range present {
		byID[t.id(&present[i])] = &present[i]
	}
	var b pgx.Batch
	var changed []T
	var changes []placement.Change
	for _, v := range values {
		old := byID[t.id(&v)]
		*t.revision(&v) = 1
		if old != nil {
			*t.revision(&v) = *t.revision(old)
		}
		switch {
		case old == nil:
			count.Created++
		case same(t.change(old), t.change(&v)):
			count.Unchanged++
			continue
		default:
			*t.revision(&v)++
			count.Updated++
		}
		t.upsert(&b, &v)
		changed, changes = append(changed, v), append(changes, t.changeOf(&v))
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil || len(changed) == 0 || t.applied == nil {
		return changes, count, err
	}
	return changes, count, t.applied(ctx, tx, changed)
}

// same tells whether two changes have the same after-image.
func same(a, b placement.Change) bool {
	x, err1 := afterImage(&a)
	y, err2 := afterImage(&b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// remove deletes one record that nothing refers to.
func (t *table[T]) remove(ctx context.Context, s *Store, id string, ifRevision *int64, actor string) error {
	var held *placement.PendingChange
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		v, err := t.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkRevision(t.what, id, ifRevision, *t.revision(&v)); err != nil {
			return err
		}
		held, err = s.holdOne(ctx, tx, actor, t.changeOf(&v), placement.Change{Kind: t.kind, ID: id}, func(tx pgx.Tx) error {
			_, err := t.drop(ctx, tx, id)
			return err
		})
		if err != nil || held != nil {
			return err
		}
		changes, err := t.drop(ctx, tx, id)
		if err != nil {
			return err
		}
		return recordCatalogue(ctx, tx, actor, changes)
	})
	if err == nil && held != nil {
		return &placement.AwaitsApproval{Change: *held}
	}
	return err
}

// drop deletes one record, unless something refers to it.
func (t *table[T]) drop(ctx context.Context, tx pgx.Tx, id string) ([]placement.Change, error) {
	if t.referrers != nil {
		names, err := t.referrers(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := inUse(t.what, id, names); err != nil {
			return nil, err
		}
	}
	_, err := tx.Exec(ctx, t.deleteSQL, id)
	return []placement.Change{{Kind: t.kind, ID: id}}, err
}

// catalogueTable is a table whatever its records are.
type catalogueTable interface {
	stored(ctx context.Context, q queryer, ids []string) (map[string]placement.Change, error)
	drop(ctx context.Context, tx pgx.Tx, id string) ([]placement.Change, error)
	changesOf(doc *placement.Inventory) []placement.Change
}

// catalogueKinds are the kinds of the catalogue, in an order in which everything exists before it is referred to.
func catalogueKinds() []placement.ChangeKind {
	return []placement.ChangeKind{
		placement.ChangeTrustDomain, placement.ChangeTrustRelation, placement.ChangeNFVIPoP, placement.ChangeResourceZone,
		placement.ChangeHostPool, placement.ChangeRuntimeClass, placement.ChangeImage, placement.ChangeVNFProfile,
	}
}

// catalogueOf is the table of a kind; nil for what is no part of the catalogue.
func catalogueOf(kind placement.ChangeKind) catalogueTable {
	switch kind {
	case placement.ChangeTrustDomain:
		return trustDomainTable()
	case placement.ChangeTrustRelation:
		return trustRelationTable()
	case placement.ChangeNFVIPoP:
		return nfviPoPTable()
	case placement.ChangeResourceZone:
		return resourceZoneTable()
	case placement.ChangeHostPool:
		return hostPoolTable()
	case placement.ChangeRuntimeClass:
		return runtimeClassTable()
	case placement.ChangeImage:
		return imageTable()
	case placement.ChangeVNFProfile:
		return vnfProfileTable()
	default:
		return nil
	}
}

// recordCatalogue appends changes of what decides to the feed, with the next epoch, and to the audit trail.
func recordCatalogue(ctx context.Context, tx pgx.Tx, actor string, changes []placement.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := appendChanges(ctx, tx, changes...); err != nil {
		return err
	}
	if err := bumpEpoch(ctx, tx); err != nil {
		return err
	}
	return auditChanges(ctx, tx, actor, changes)
}
