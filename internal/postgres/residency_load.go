package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"ringfence/internal/placement"
)

// eachResidency calls fn with every residency, in no particular order. A replica reads a million of them when it starts,
// and most of their values are the same from row to row: each is decoded once, and shared by all residencies that have
// it. Nobody may change one.
func eachResidency(ctx context.Context, q queryer, fn func(*placement.Residency) error) error {
	const residenciesSQL = `SELECT ` + residencyColumns + ` FROM residency`
	rows, err := q.Query(ctx, residenciesSQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	l := newResidencyLoader(rows.Conn().TypeMap(), rows.FieldDescriptions())
	for rows.Next() {
		r, err := l.residency(rows.RawValues())
		if err != nil {
			return err
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sharedValues is how many different values of a type are remembered, so that a column whose values all differ does not
// fill the memory with them.
const sharedValues = 200_000

// shared decodes values, the same bytes once.
type shared[T any] struct {
	decode func([]byte) (T, error)
	seen   map[string]T
}

func (s *shared[T]) get(raw []byte) (T, error) {
	if v, ok := s.seen[string(raw)]; ok {
		return v, nil
	}
	v, err := s.decode(raw)
	if err == nil && len(s.seen) < sharedValues {
		s.seen[string(raw)] = v
	}
	return v, err
}

func share[T any](decode func([]byte) (T, error)) shared[T] {
	return shared[T]{decode: decode, seen: map[string]T{}}
}

// scanned decodes the values of a column as pgx does, then converts them.
func scanned[V, T any](types *pgtype.Map, column pgconn.FieldDescription, convert func(V) (T, error)) func([]byte) (T, error) {
	plan := types.PlanScan(column.DataTypeOID, column.Format, new(V))
	return func(raw []byte) (t T, err error) {
		var v V
		if err := plan.Scan(raw, &v); err != nil {
			return t, err
		}
		return convert(v)
	}
}

// residencyLoader decodes rows of residencyColumns.
type residencyLoader struct {
	texts     shared[string]
	flags     shared[bool]
	numbers   shared[int64]
	times     shared[time.Time]
	lists     shared[[]string]
	labels    shared[map[string]string]
	resources shared[placement.Resources]
	roles     shared[placement.Roles]
	cuts      shared[placement.CutThroughs]
	privs     shared[placement.Privileges]
}

func newResidencyLoader(types *pgtype.Map, columns []pgconn.FieldDescription) *residencyLoader {
	column := make(map[string]pgconn.FieldDescription, len(columns))
	for _, c := range columns {
		column[c.Name] = c
	}
	list := column["images"]
	return &residencyLoader{
		texts:   share(func(raw []byte) (string, error) { return string(raw), nil }),
		flags:   share(scanned(types, column["exposed"], func(v bool) (bool, error) { return v, nil })),
		numbers: share(scanned(types, column["revision"], func(v int64) (int64, error) { return v, nil })),
		times:   share(scanned(types, column["state_since"], func(v time.Time) (time.Time, error) { return v.UTC(), nil })),
		lists:   share(scanned(types, list, func(v []string) ([]string, error) { return nilIfEmpty(v), nil })),
		labels:  share(scanned(types, column["labels"], func(v map[string]string) (map[string]string, error) { return nilIfEmptyMap(v), nil })),
		resources: share(scanned(types, column["resources"], func(v placement.Resources) (placement.Resources, error) {
			return nilIfEmptyMap(v), nil
		})),
		roles: share(scanned(types, list, placement.ParseRoles)),
		cuts:  share(scanned(types, list, placement.ParseCutThroughs)),
		privs: share(scanned(types, list, placement.ParsePrivileges)),
	}
}

// residency decodes the values of one row, which are in the order of residencyColumns.
func (l *residencyLoader) residency(raw [][]byte) (placement.Residency, error) {
	v := rowValues{raw: raw}
	r := placement.Residency{
		NFVIPoPID: next(&v, &l.texts), ID: v.text(), HostID: next(&v, &l.texts), CISNodeID: next(&v, &l.texts), PodID: v.text(),
		Kind: placement.ResidencyKind(next(&v, &l.texts)), State: placement.ResidencyState(next(&v, &l.texts)),
	}
	r.Workload = placement.Workload{
		NF: placement.NF{
			VNFInstanceID: next(&v, &l.texts), InstanceKey: next(&v, &l.texts), Type: next(&v, &l.texts), SetID: next(&v, &l.texts),
		},
		VNFDID: next(&v, &l.texts), ComponentID: next(&v, &l.texts), TrustDomainID: next(&v, &l.texts), Roles: next(&v, &l.roles),
		Exposed: next(&v, &l.flags), ProtectedPeer: next(&v, &l.flags), CutThrough: next(&v, &l.cuts), Privileged: next(&v, &l.privs),
		AdministersHostPools: next(&v, &l.lists), Images: next(&v, &l.lists), Labels: next(&v, &l.labels), SNSSAIs: next(&v, &l.lists),
		Runtime: next(&v, &l.texts), Resources: next(&v, &l.resources), UndeclaredPeers: next(&v, &l.flags), ConflictingComponents: next(&v, &l.flags),
	}
	r.GrantID, r.ResourceDefinitionID, r.VIMResourceIDs = v.text(), v.text(), next(&v, &l.lists)
	r.ReservedAt, r.ExpiresAt, r.StateSince, r.Revision = next(&v, &l.times), next(&v, &l.times), next(&v, &l.times), next(&v, &l.numbers)
	return r, v.err
}

// rowValues hands out the values of a row one after the other, and remembers the first error.
type rowValues struct {
	raw [][]byte
	i   int
	err error
}

// text is the next value, of a column whose values differ from row to row. NULL is empty.
func (v *rowValues) text() string {
	v.i++
	return string(v.raw[v.i-1])
}

// next is the next value, NULL as its type's zero value.
func next[T any](v *rowValues, s *shared[T]) (t T) {
	raw := v.raw[v.i]
	v.i++
	if raw == nil || v.err != nil {
		return t
	}
	t, v.err = s.get(raw)
	return t
}
