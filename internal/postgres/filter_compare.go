package postgres

import (
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// compare renders the comparison of an expression with the values of a condition.
func (b *filterBuilder) compare(kind sol013.Kind, sql string, c *placement.Condition) (string, error) {
	switch kind {
	case sol013.String, sol013.Enum:
		return b.compareTexts(sql, c), nil
	case sol013.Boolean:
		v, err := sol013.ParseBoolean(c.Values[0])
		return sql + comparators[c.Operator] + b.bind(v) + "::boolean", err
	case sol013.Number:
		return compareMany(b, sql, "::text[]::numeric[]", "::text::numeric", c, sol013.ParseNumber)
	case sol013.Duration:
		return compareMany(b, sql, "::bigint[]", "::bigint", c, func(v string) (int64, error) {
			d, err := sol013.ParseDuration(v)
			return int64(d), err
		})
	case sol013.DateTime:
		return b.compareTime(sql, c)
	}
	return "false", nil
}

var comparators = map[placement.Operator]string{
	placement.OpEqual: " = ", placement.OpNotEqual: " <> ", placement.OpGreater: " > ", placement.OpGreaterOrEqual: " >= ",
	placement.OpLess: " < ", placement.OpLessOrEqual: " <= ",
}

func (b *filterBuilder) compareTexts(sql string, c *placement.Condition) string {
	present := " AND " + sql + " <> ''"
	switch c.Operator {
	case placement.OpEqual:
		return sql + " = " + b.bind(c.Values[0]) + "::text" + present
	case placement.OpIn:
		return sql + " = ANY(" + b.bind(c.Values) + "::text[])" + present
	case placement.OpNotEqual, placement.OpNotIn:
		return sql + " <> ALL(" + b.bind(c.Values) + "::text[])" + present
	case placement.OpContains:
		return "EXISTS " + b.parts(sql, c.Values) + present
	case placement.OpContainsNone:
		return "NOT EXISTS " + b.parts(sql, c.Values) + present
	default: // the order of bytes
		return sql + ` COLLATE "C"` + comparators[c.Operator] + b.bind(c.Values[0]) + "::text" + present
	}
}

// parts selects those of the values that are part of a text.
func (b *filterBuilder) parts(sql string, values []string) string {
	return "(SELECT FROM unnest(" + b.bind(values) + "::text[]) AS part WHERE strpos(" + sql + ` COLLATE "C", part) > 0)`
}

func compareMany[V any](b *filterBuilder, sql, list, single string, c *placement.Condition, parse func(string) (V, error)) (string, error) {
	values, err := tryConvert(c.Values, parse)
	switch {
	case err != nil:
		return "", err
	case c.Operator == placement.OpIn:
		return sql + " = ANY(" + b.bind(values) + list + ")", nil
	case c.Operator == placement.OpNotIn:
		return sql + " <> ALL(" + b.bind(values) + list + ")", nil
	}
	return sql + comparators[c.Operator] + b.bind(values[0]) + single, nil
}

// compareTime renders a comparison with a time. The database's times are whole microseconds, so what lies between two of them is
// moved to the one that leaves the comparison true.
func (b *filterBuilder) compareTime(sql string, c *placement.Condition) (string, error) {
	t, err := sol013.ParseDateTime(c.Values[0])
	whole := t.Truncate(time.Microsecond)
	if up := c.Operator == placement.OpGreaterOrEqual || c.Operator == placement.OpLess; up && whole.Before(t) {
		whole = whole.Add(time.Microsecond)
	}
	return sql + comparators[c.Operator] + b.bind(whole) + "::timestamptz", err
}
