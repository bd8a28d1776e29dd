package inventory

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// Key identifies a record within its collection: an id, or two where the record belongs to two objects.
type Key [2]string

// ID is the key of a record with one identifier.
func ID(id string) Key { return Key{id} }

// Collection reads and writes the records of one noun.
type Collection[T any] struct {
	list     func(context.Context, placement.Page) ([]T, error)
	get      func(context.Context, Key) (T, error)
	put      func(ctx context.Context, v T, ifRevision *int64, actor string) (T, bool, error)
	remove   func(ctx context.Context, key Key, ifRevision *int64, actor string) error
	key      func(*T) Key
	between  string // the ids of a key of two, in Page.After
	revision func(*T) int64
	check    func(*T, *faults)                                           // what is wrong with a record by itself
	guard    func(ctx context.Context, stored, next *T, f *faults) error // what its writer may not set; stored is nil for a new one; nil: nothing
}

// Key returns the key of a record.
func (c *Collection[T]) Key(v *T) Key { return c.key(v) }

// Revision returns the revision of a record.
func (c *Collection[T]) Revision(v *T) int64 { return c.revision(v) }

// After returns what placement.Page.After says to go on behind a record.
func (c *Collection[T]) After(v *T) string {
	k := c.key(v)
	return k[0] + c.between + k[1]
}

// List returns a page of records in the order of their key.
func (c *Collection[T]) List(ctx context.Context, page placement.Page) ([]T, error) {
	return c.list(ctx, page)
}

// Get returns a record. Kinds of errors: NotFound, Unavailable.
func (c *Collection[T]) Get(ctx context.Context, key Key) (T, error) { return c.get(ctx, key) }

// Put creates or replaces a record as a whole; what others set stays. Kinds of errors: Invalid with findings whose
// pointers lead into the record, Conflict (the state of the record forbids the change), PreconditionFailed, Unavailable.
func (c *Collection[T]) Put(ctx context.Context, actor string, v T, ifRevision *int64) (stored T, created bool, err error) {
	var f faults
	c.check(&v, &f)
	if err := f.refusal(); err != nil {
		return stored, false, err
	}
	if c.guard != nil {
		if err := c.guarded(ctx, &v, ifRevision); err != nil {
			return stored, false, err
		}
	}
	stored, created, err = c.put(ctx, v, ifRevision, actor)
	return stored, created, ofOneRecord(err)
}

// guarded compares a record with the stored one. Where that is another one than the caller means, the store says so.
func (c *Collection[T]) guarded(ctx context.Context, v *T, ifRevision *int64) error {
	var f faults
	present, err := c.get(ctx, c.key(v))
	stored := &present
	switch {
	case placement.KindOf(err) == placement.NotFound:
		stored = nil
	case err != nil:
		return err
	case ifRevision != nil && *ifRevision != c.revision(stored):
		return nil
	}
	if err := c.guard(ctx, stored, v, &f); err != nil {
		return err
	}
	return f.refusal()
}

// Delete removes a record that nothing refers to. Kinds of errors: NotFound, Conflict, PreconditionFailed,
// Unavailable.
func (c *Collection[T]) Delete(ctx context.Context, actor string, key Key, ifRevision *int64) error {
	return c.remove(ctx, key, ifRevision, actor)
}

// one makes functions that take a key of those that take an id.
func one[T any](get func(context.Context, string) (T, error)) func(context.Context, Key) (T, error) {
	return func(ctx context.Context, k Key) (T, error) { return get(ctx, k[0]) }
}

func oneOf(remove func(context.Context, string, *int64, string) error) func(context.Context, Key, *int64, string) error {
	return func(ctx context.Context, k Key, ifRevision *int64, actor string) error {
		return remove(ctx, k[0], ifRevision, actor)
	}
}

// two does the same for those that take two ids.
func two[T any](get func(ctx context.Context, a, b string) (T, error)) func(context.Context, Key) (T, error) {
	return func(ctx context.Context, k Key) (T, error) { return get(ctx, k[0], k[1]) }
}

func twoOf(remove func(ctx context.Context, a, b string, ifRevision *int64, actor string) error) func(context.Context, Key, *int64, string) error {
	return func(ctx context.Context, k Key, ifRevision *int64, actor string) error {
		return remove(ctx, k[0], k[1], ifRevision, actor)
	}
}

// ofOneRecord turns what the store says of a document that holds one record into what it says of the record: pointers
// lose the list and the index.
func ofOneRecord(err error) error {
	var e *placement.Error
	if !errors.As(err, &e) || e.Kind != placement.Invalid || len(e.Findings) == 0 {
		return err
	}
	findings := make([]placement.Finding, len(e.Findings))
	messages := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		f.Pointer = withinRecord(f.Pointer)
		findings[i], messages[i] = f, f.Message
	}
	return &placement.Error{Kind: placement.Invalid, Message: strings.Join(messages, "; "), Findings: findings, Cause: e.Cause}
}

// withinRecord takes the list and the index off a pointer.
func withinRecord(pointer string) string {
	parts := strings.SplitN(strings.TrimPrefix(pointer, "/"), "/", 3)
	if len(parts) < 2 {
		return pointer
	}
	if _, err := strconv.Atoi(parts[1]); err != nil {
		return pointer
	}
	if len(parts) == 2 {
		return ""
	}
	return "/" + parts[2]
}
