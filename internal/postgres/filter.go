package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// filterTimeout bounds a list's statement that has a filter: what a client asks for may be found in no index.
const filterTimeout = "5s"

// listed reads a page of a list. {filter} in the statement stands for the conditions of the page. A condition that the list does not
// support is a *sol013.Fault.
func listed[R, T any](ctx context.Context, s *Store, from func(*R) (T, error), known attributes, page placement.Page, sql string, args ...any) ([]T, error) {
	return listedBy(ctx, s, rowsOf(from), known, page, sql, args...)
}

// listedBy is listed for rows that have a reader.
func listedBy[T any](ctx context.Context, s *Store, rows func(context.Context, queryer, string, ...any) ([]T, error), known attributes, page placement.Page,
	sql string, args ...any,
) (list []T, err error) {
	if len(page.Where) == 0 {
		list, err = rows(ctx, s.reads(ctx), filtered(sql, "true"), args...)
		return list, translate(err)
	}
	b := filterBuilder{args: args, base: page.Base}
	where, err := b.all(known, "", page.Where)
	if err != nil {
		return nil, err
	}
	// Clients determine the text of the statement, so it must not push others out of the cache of prepared ones.
	args = append([]any{pgx.QueryExecModeDescribeExec}, b.args...)
	err = s.inTx(ctx, readOnly, func(tx pgx.Tx) error {
		if err := become(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true)`, filterTimeout); err != nil {
			return err
		}
		list, err = rows(ctx, tx, filtered(sql, where), args...)
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == queryCanceled {
			return placement.Wrap(placement.Unavailable, err, "what the filter asks for was not found within %s: filter by an identifier or a state as well", filterTimeout)
		}
		return err
	})
	return list, err
}

const queryCanceled = "57014"

func filtered(sql, where string) string { return strings.ReplaceAll(sql, "{filter}", where) }

// filterBuilder turns conditions into SQL. Nothing of what a client sent is in the text of it: that goes into the arguments.
type filterBuilder struct {
	args []any
	base string // of links
}

// bind makes a value an argument of the statement.
func (b *filterBuilder) bind(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// all renders conditions that hold together: on one entry, and below an array on one of its elements.
func (b *filterBuilder) all(known attributes, prefix string, conditions []placement.Condition) (string, error) {
	var parts, arrays []string
	below := map[string][]placement.Condition{}
	for _, c := range conditions {
		name, rest := known.find(c.Path)
		if a, ok := known[name]; ok && a.of != nil && len(rest) > 0 {
			if below[name] == nil {
				arrays = append(arrays, name)
			}
			c.Path = rest
			below[name] = append(below[name], c)
			continue
		}
		part, err := b.one(known, prefix, name, rest, &c)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	for _, name := range arrays {
		inner, err := b.all(known[name].of, prefix+name+"/", below[name])
		if err != nil {
			return "", err
		}
		parts = append(parts, "EXISTS (SELECT FROM "+known[name].sql+" WHERE "+inner+")")
	}
	return strings.Join(parts, " AND "), nil
}

// one renders a condition on the attribute with a name, of which rest is left of the path.
func (b *filterBuilder) one(known attributes, prefix, name string, rest []string, c *placement.Condition) (string, error) {
	a, ok := known[name]
	path := prefix + escapedPath(c)
	switch {
	case !ok || !a.isMap && (len(rest) > 0 || c.OfKey) || len(rest) > 1 || len(rest) == 1 && c.OfKey:
		return "", badCondition(c, "the attribute %q in filter is not supported; supported are %s", path, known.names(prefix))
	case a.of != nil || a.isMap && len(rest) == 0 && !c.OfKey:
		return "", badCondition(c, "the attribute %q in filter holds others, and no value: go on with one of them, behind a slash", path)
	case c.OfKey:
		a = attribute{kind: sol013.String, sql: "jsonb_object_keys(" + a.sql + ")", each: true}
	case a.isMap:
		a.sql = a.member(b.bind(rest[0]))
	}
	if !slices.Contains(a.kind.Operators(), c.Operator) {
		return "", badCondition(c, "the operator %q is not supported for the attribute %q; supported are %s", c.Operator, path, joined(a.kind.Operators()))
	}
	condition, err := b.value(&a, c)
	if err != nil {
		return "", badCondition(c, "the value of %q in filter: %v", path, err)
	}
	return condition, nil
}

// value renders a condition on a value, or on one of the values of an array.
func (b *filterBuilder) value(a *attribute, c *placement.Condition) (string, error) {
	switch {
	case a.cases != nil:
		return a.among(c), nil
	case !a.each:
		sql := "(" + strings.ReplaceAll(a.sql, "{base}", b.bindBase(a.sql)) + ")"
		condition, err := b.compare(a.kind, sql, c)
		if err == nil && a.near != "" && c.Operator == placement.OpEqual {
			condition += " AND " + strings.ReplaceAll(a.near, "{value}", b.bind(c.Values[0])+"::text")
		}
		return condition, err
	}
	condition, err := b.compare(a.kind, "each.v", c)
	return "EXISTS (SELECT FROM " + strings.ReplaceAll(a.sql, "{base}", b.bindBase(a.sql)) + " AS each(v) WHERE " + condition + ")", err
}

func (b *filterBuilder) bindBase(sql string) string {
	if !strings.Contains(sql, "{base}") {
		return ""
	}
	return b.bind(b.base) + "::text"
}

// among renders a condition on a value that each has a condition of its own.
func (a *attribute) among(c *placement.Condition) string {
	alternatives := make([]string, 0, len(c.Values))
	for _, v := range c.Values {
		if condition, ok := a.cases[v]; ok {
			alternatives = append(alternatives, condition)
		}
	}
	sql := "(" + strings.Join(append(alternatives, "false"), " OR ") + ")"
	if c.Operator == placement.OpNotEqual || c.Operator == placement.OpNotIn {
		return "NOT " + sql
	}
	return sql
}

func badCondition(c *placement.Condition, format string, args ...any) error {
	return &sol013.Fault{Parameter: sol013.FilterParameter, At: c.At + 1, Reason: fmt.Sprintf(format, args...)}
}

// maxPathShown bounds what of a client's path a message repeats.
const maxPathShown = 200

func escapedPath(c *placement.Condition) string {
	path := strings.Join(escapedNames(c.Path), "/")
	if c.OfKey {
		path += "/@key"
	}
	return path[:min(len(path), maxPathShown)]
}

func escapedNames(path []string) []string {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = sol013.EscapeName(name)
	}
	return names
}

func joined(operators []placement.Operator) string {
	names := make([]string, len(operators))
	for i, op := range operators {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

// names lists the attributes, for messages.
func (known attributes) names(prefix string) string {
	names := slices.Sorted(maps.Keys(known))
	for i, name := range names {
		switch {
		case known[name].of != nil:
			name += "/..."
		case known[name].isMap:
			name += "/@key, " + name + "/{key}"
		}
		names[i] = prefix + name
	}
	return strings.Join(names, ", ")
}
