package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// translate turns what pgx and the server say into errors of the domain. It is the only place that does. Errors of the
// domain pass unchanged.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*placement.Error](err); ok {
		return err
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translateServer(pgErr, err)
	}
	var connectErr *pgconn.ConnectError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return placement.Wrap(placement.NotFound, err, "no such object")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return placement.Wrap(placement.Unavailable, err, "the database did not answer in time: try again")
	case errors.As(err, &connectErr), pgconn.SafeToRetry(err), pgconn.Timeout(err), isConnectionLoss(err):
		return placement.Wrap(placement.Unavailable, err, "the database cannot be reached: try again")
	}
	return placement.Wrap(placement.Internal, err, "the database answered in an unexpected way")
}

// translateServer judges by SQLSTATE, and within constraint violations by the constraint's name.
func translateServer(pgErr *pgconn.PgError, err error) error {
	if kind, message, ok := constraintMessage(pgErr.ConstraintName); ok {
		return placement.Wrap(kind, err, "%s", message)
	}
	switch code := pgErr.Code; {
	case code == "23505": // unique_violation
		return placement.Wrap(placement.Conflict, err, "such an object exists already (%s)", pgErr.ConstraintName)
	case code == "23503": // foreign_key_violation
		return placement.Wrap(placement.Conflict, err, "the object refers to one that does not exist, or others still refer to it (%s)", pgErr.ConstraintName)
	case strings.HasPrefix(code, "23"): // other integrity constraint violations
		return placement.Wrap(placement.Invalid, err, "a value is not allowed (%s)", pgErr.ConstraintName)
	case strings.HasPrefix(code, "22"): // data exceptions, such as a zero byte in a text
		return placement.Wrap(placement.Invalid, err, "a value cannot be stored: remove control characters and check number ranges")
	case code == "54000": // program_limit_exceeded: a value that an index cannot hold
		return placement.Wrap(placement.Invalid, err, "a value is too long to be stored: use shorter identifiers")
	case code == "40001", code == "40P01", code == "55P03": // serialization failure, deadlock, lock not available
		return placement.Wrap(placement.Unavailable, err, "too many changes at the same time: try again")
	case code == "57014": // query_canceled
		return placement.Wrap(placement.Unavailable, err, "the database did not answer in time: try again")
	case code == "25006": // read_only_sql_transaction
		return placement.Wrap(placement.Unavailable, err, "the database server is a standby: try again when the failover is over")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "25P"):
		return placement.Wrap(placement.Unavailable, err, "the database is not able to serve: try again")
	}
	return placement.Wrap(placement.Internal, err, "the database refused a statement")
}

// isConnectionLoss tells errors of a connection that broke while it was in use: pgx has no common type for them.
func isConnectionLoss(err error) bool {
	return strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool") ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "broken pipe")
}

// constraintMessage says what the violation of a constraint means to the caller. Constraints that a writer checks
// before, with names of the objects concerned, appear here for the case that two writers race.
func constraintMessage(constraint string) (placement.Kind, string, bool) {
	switch constraint {
	case "host_nfvi_pop_fk":
		return placement.Conflict, "the NFVI-PoP of a host must exist as long as the host does", true
	case "host_resource_zone_fk":
		return placement.Conflict, "the resource zone of a host must exist, in the host's NFVI-PoP, as long as the host does", true
	case "host_host_pool_fk":
		return placement.Conflict, "the host pool of a host must exist as long as the host does", true
	case "residency_host_fk":
		return placement.Conflict, "the host of a residency must exist as long as the residency does", true
	case "directory_pk":
		return placement.Conflict, "the identifier is in use in another NFVI-PoP", true
	case "vnfm_pk", "vnfm_api_root_uq", "vnfm_client_uq":
		return placement.Conflict, "a VNFM with this id, API root or client is registered: delete that one first, and wait until it is unsubscribed from", true
	case "policy_pk":
		return placement.Conflict, "a policy with this identifier exists", true
	case "policy_version_pk":
		return placement.Conflict, "this version of the policy was transferred already; a version is written once", true
	case "host_used_ck", "host_ext_capacity_amount_ck":
		return placement.Internal, "the use of a host's capacity does not equal its residencies", true
	}
	return placement.Internal, "", false
}

// notFound says that there is no object of a kind with an id.
func notFound(what, id string) error {
	return placement.NoSuch(what, id)
}

// checkRevision compares the revision of the present object, 0 when there is none, with what a change is conditional on:
// nothing (nil), that there is no such object (0), or that the object has this revision.
func checkRevision(what, id string, ifRevision *int64, present int64) error {
	switch {
	case ifRevision == nil || *ifRevision == present:
		return nil
	case *ifRevision == 0:
		return placement.Errorf(placement.PreconditionFailed, "there is a %s %q already", what, id)
	case present == 0:
		return placement.Errorf(placement.PreconditionFailed, "there is no %s %q", what, id)
	}
	return placement.Errorf(placement.PreconditionFailed, "the %s %q was changed meanwhile (revision %d, expected %d): read it again", what, id, present, *ifRevision)
}
