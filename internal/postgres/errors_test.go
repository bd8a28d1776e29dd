package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	domain := placement.Errorf(placement.Forbidden, "no")
	for _, c := range []struct {
		err  error
		kind placement.Kind
	}{
		{domain, placement.Forbidden},
		{pgx.ErrNoRows, placement.NotFound},
		{context.DeadlineExceeded, placement.Unavailable},
		{context.Canceled, placement.Unavailable},
		{errors.New("conn closed"), placement.Unavailable},
		{errors.New("something new"), placement.Internal},
		{&pgconn.PgError{Code: "23505", ConstraintName: "policy_pk"}, placement.Conflict},
		{&pgconn.PgError{Code: "23505", ConstraintName: "another_pk"}, placement.Conflict},
		{&pgconn.PgError{Code: "23503", ConstraintName: "host_host_pool_fk"}, placement.Conflict},
		{&pgconn.PgError{Code: "23503", ConstraintName: "another_fk"}, placement.Conflict},
		{&pgconn.PgError{Code: "23514", ConstraintName: "host_used_ck"}, placement.Internal},
		{&pgconn.PgError{Code: "23514", ConstraintName: "image_kind_ck"}, placement.Invalid},
		{&pgconn.PgError{Code: "22021"}, placement.Invalid},
		{&pgconn.PgError{Code: "54000"}, placement.Invalid},
		{&pgconn.PgError{Code: "55P03"}, placement.Unavailable},
		{&pgconn.PgError{Code: "57014"}, placement.Unavailable},
		{&pgconn.PgError{Code: "25006"}, placement.Unavailable},
		{&pgconn.PgError{Code: "53300"}, placement.Unavailable},
		{&pgconn.PgError{Code: "42501"}, placement.Internal},
	} {
		got := translate(fmt.Errorf("while testing: %w", c.err))
		if placement.KindOf(got) != c.kind || !errors.Is(got, c.err) {
			t.Errorf("%v became %v of kind %q, want kind %q with the cause in it", c.err, got, placement.KindOf(got), c.kind)
		}
	}
	if translate(nil) != nil {
		t.Error("no error became one")
	}
}

// TestHostileText stores what a client may send: it comes back as it was, or is refused as invalid.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, name := range []string{"'; DROP TABLE host; --", "\u202e\u0000", "\xff\xfe", "☃ \"quoted\" \\", "%s%d", `{"a":1}`} {
		p, err := s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: "p" + name, Name: name, Associations: []string{name, ""}}, tester)
		if err != nil {
			wantKind(t, err, placement.Invalid)
			continue
		}
		if p.Name != name || p.Associations[0] != name {
			t.Errorf("%q came back as %q", name, p.Name)
		}
	}
}

// TestIdentifierTooLong gives an index more than it can hold, in text that does not compress.
func TestIdentifierTooLong(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var id strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&id, "%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	_, err := s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: id.String()}, tester)
	wantKind(t, err, placement.Invalid)
}

func TestCheckRevision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked   *int64
		present int64
		ok      bool
	}{
		{nil, 0, true}, {nil, 3, true}, {new(int64(3)), 3, true}, {new(int64(2)), 3, false}, {new(int64(3)), 0, false}, {new(int64(0)), 0, true}, {new(int64(0)), 3, false},
	} {
		err := checkRevision("host", "h01", c.asked, c.present)
		if (err == nil) != c.ok || err != nil && placement.KindOf(err) != placement.PreconditionFailed {
			t.Errorf("If-Match %v on revision %d: %v", c.asked, c.present, err)
		}
	}
}
