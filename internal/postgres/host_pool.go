package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type hostPoolRow struct {
	ID                    string   `db:"id"`
	AllowedTrustDomainIDs []string `db:"allowed_trust_domain_ids"`
	FabricDigests         []string `db:"fabric_digests"`
	Revision              int64    `db:"revision"`
}

func hostPoolTable() *table[placement.HostPool] {
	const selectSQL = `
		SELECT id, allowed_trust_domain_ids, fabric_digests, revision
		FROM host_pool
		WHERE ($1::text[] IS NULL OR id = ANY($1)) AND id > $2 AND {filter}
		ORDER BY id
		LIMIT $3`
	const referrersSQL = `
		(SELECT 'host ' || id FROM host WHERE host_pool_id = $1 ORDER BY id LIMIT 6)
		UNION ALL
		(SELECT 'VNF profile ' || vnfd_id FROM vnf_profile
		 WHERE jsonb_path_exists(components, '$[*].administersHostPoolIds[*] ? (@ == $id)', jsonb_build_object('id', $1::text))
		 LIMIT 6)
		UNION ALL
		(SELECT 'residency ' || id FROM residency WHERE $1 = ANY(administers_host_pool_ids) LIMIT 6)`
	return &table[placement.HostPool]{
		kind: placement.ChangeHostPool, what: "host pool", list: "hostPools",
		selectSQL: selectSQL, known: hostPoolAttributes(), deleteSQL: `DELETE FROM host_pool WHERE id = $1`,
		rows:      rowsOf(hostPoolFromRow),
		id:        func(v *placement.HostPool) string { return v.ID },
		revision:  func(v *placement.HostPool) *int64 { return &v.Revision },
		upsert:    upsertHostPool,
		change:    func(v *placement.HostPool) placement.Change { return placement.Change{HostPool: v} },
		document:  func(inv *placement.Inventory) *[]placement.HostPool { return &inv.HostPools },
		referrers: referring(referrersSQL),
	}
}

func upsertHostPool(b *pgx.Batch, v *placement.HostPool) {
	const upsertSQL = `
		INSERT INTO host_pool (id, allowed_trust_domain_ids, fabric_digests, revision)
		VALUES (@id, @allowed_trust_domain_ids, @fabric_digests, @revision)
		ON CONFLICT (id) DO UPDATE SET
			allowed_trust_domain_ids = excluded.allowed_trust_domain_ids, fabric_digests = excluded.fabric_digests,
			revision = excluded.revision`
	r := hostPoolRow(*v)
	r.AllowedTrustDomainIDs, r.FabricDigests = notNil(r.AllowedTrustDomainIDs), notNil(r.FabricDigests)
	b.Queue(upsertSQL, pgx.StrictStructArgs(r))
}

func hostPoolFromRow(r *hostPoolRow) (placement.HostPool, error) {
	v := placement.HostPool(*r)
	v.AllowedTrustDomainIDs, v.FabricDigests = nilIfEmpty(v.AllowedTrustDomainIDs), nilIfEmpty(v.FabricDigests)
	return v, nil
}

// ListHostPools returns a page of host pools by id.
func (s *Store) ListHostPools(ctx context.Context, p placement.Page) ([]placement.HostPool, error) {
	return hostPoolTable().page(ctx, s, p)
}

// GetHostPool returns a host pool.
func (s *Store) GetHostPool(ctx context.Context, id string) (placement.HostPool, error) {
	return hostPoolTable().get(ctx, s.reads(ctx), id)
}

// PutHostPool creates or replaces a host pool; with ifRevision only that revision of it.
func (s *Store) PutHostPool(ctx context.Context, v placement.HostPool, ifRevision *int64, actor string) (placement.HostPool, bool, error) {
	return hostPoolTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteHostPool deletes a host pool that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteHostPool(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return hostPoolTable().remove(ctx, s, id, ifRevision, actor)
}

func hostPoolAttributes() attributes {
	return attributes{"id": text("id"), "allowedTrustDomainIds": texts("allowed_trust_domain_ids"), "fabricDigests": texts("fabric_digests")}
}
