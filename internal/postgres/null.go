package postgres

import (
	"strings"
	"time"
)

// The conversions between Go's zero values and SQL: optional times and references are NULL, lists and maps are empty
// rather than NULL, and what was empty comes back as nil, in whatever way it was written.

func emptyToNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func nullToEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func zeroToNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func nullToZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func nilIfEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func notNilMap[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

func nilIfEmptyMap[M ~map[K]V, K comparable, V any](m M) M {
	if len(m) == 0 {
		return nil
	}
	return m
}

// stored is a time as the database keeps it: to the microsecond, in UTC.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// columnNames splits a list of columns.
func columnNames(columns string) []string {
	names := strings.Split(columns, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}
