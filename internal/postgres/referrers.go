package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// namedReferrers is how many referring objects a conflict names.
const namedReferrers = 5

// inUse refuses to delete an object that others refer to.
func inUse(what, id string, referrers []string) error {
	if len(referrers) == 0 {
		return nil
	}
	named := referrers
	rest := ""
	if len(named) > namedReferrers {
		named, rest = named[:namedReferrers], " and others"
	}
	return placement.Errorf(placement.Conflict, "the %s %q is in use by %s%s: change them first", what, id, strings.Join(named, ", "), rest)
}

// referring makes a referrers function of a query for names, which takes the id.
func referring(sql string) func(context.Context, queryer, string) ([]string, error) {
	return func(ctx context.Context, q queryer, id string) ([]string, error) {
		rows, err := q.Query(ctx, sql, id)
		if err != nil {
			return nil, err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		return slices.Compact(names), err
	}
}
