package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type trustDomainRow struct {
	ID                       string    `db:"id"`
	Name                     string    `db:"name"`
	OwnerPLMN                string    `db:"owner_plmn"`
	AdminDomain              string    `db:"admin_domain"`
	Category                 string    `db:"category"`
	Sensitivity              int       `db:"sensitivity"`
	SecurityCritical         bool      `db:"security_critical"`
	Exclusive                bool      `db:"exclusive"`
	RequiresPhysicalSecurity bool      `db:"requires_physical_security"`
	AllowedCountries         *[]string `db:"allowed_countries"`
	MaxAttestationAge        int64     `db:"max_attestation_age"`
	MinIsolation             string    `db:"min_isolation"`
	SNSSAIs                  []string  `db:"snssais"`
	ParentID                 string    `db:"parent_id"`
	Revision                 int64     `db:"revision"`
}

func trustDomainTable() *table[placement.TrustDomain] {
	const selectSQL = `
		SELECT id, name, owner_plmn, admin_domain, category, sensitivity, security_critical, exclusive, requires_physical_security,
		       allowed_countries, max_attestation_age, min_isolation, snssais, parent_id, revision
		FROM trust_domain
		WHERE ($1::text[] IS NULL OR id = ANY($1)) AND id > $2 AND {filter}
		ORDER BY id
		LIMIT $3`
	const referrersSQL = `
		(SELECT 'trust domain ' || id FROM trust_domain WHERE parent_id = $1 LIMIT 6)
		UNION ALL
		(SELECT 'trust relation ' || from_id || ':' || to_id FROM trust_relation WHERE from_id = $1 OR to_id = $1 LIMIT 6)
		UNION ALL
		(SELECT 'host pool ' || id FROM host_pool WHERE $1 = ANY(allowed_trust_domain_ids) LIMIT 6)
		UNION ALL
		(SELECT 'VNF profile ' || vnfd_id FROM vnf_profile
		 WHERE trust_domain_id = $1
		    OR jsonb_path_exists(components, '$[*] ? (@.trustDomainId == $id || @.interfaces[*].peerTrustDomainId == $id)',
		                         jsonb_build_object('id', $1::text))
		 LIMIT 6)
		UNION ALL
		(SELECT 'residency ' || id FROM residency WHERE trust_domain_id = $1 LIMIT 6)
		UNION ALL
		(SELECT 'residue on host ' || host_id FROM residue WHERE trust_domain_id = $1 LIMIT 6)
		UNION ALL
		(SELECT 'cache of host ' || host_id FROM cache_entry WHERE trust_domain_id = $1 LIMIT 6)
		UNION ALL
		(SELECT 'dedicated host ' || id FROM host WHERE dedicated_identity = 'TRUST_DOMAIN' AND dedicated_id = $1 LIMIT 6)`
	return &table[placement.TrustDomain]{
		kind: placement.ChangeTrustDomain, what: "trust domain", list: "trustDomains",
		selectSQL: selectSQL, known: trustDomainAttributes(), deleteSQL: `DELETE FROM trust_domain WHERE id = $1`,
		rows:      rowsOf(trustDomainFromRow),
		id:        func(v *placement.TrustDomain) string { return v.ID },
		revision:  func(v *placement.TrustDomain) *int64 { return &v.Revision },
		upsert:    upsertTrustDomain,
		change:    func(v *placement.TrustDomain) placement.Change { return placement.Change{TrustDomain: v} },
		document:  func(inv *placement.Inventory) *[]placement.TrustDomain { return &inv.TrustDomains },
		referrers: referring(referrersSQL),
		applied:   rewriteExclusiveClaims,
	}
}

func upsertTrustDomain(b *pgx.Batch, v *placement.TrustDomain) {
	const upsertSQL = `
		INSERT INTO trust_domain (id, name, owner_plmn, admin_domain, category, sensitivity, security_critical, exclusive, requires_physical_security,
			allowed_countries, max_attestation_age, min_isolation, snssais, parent_id, revision)
		VALUES (@id, @name, @owner_plmn, @admin_domain, @category, @sensitivity, @security_critical, @exclusive,
			@requires_physical_security, @allowed_countries, @max_attestation_age, @min_isolation, @snssais, @parent_id, @revision)
		ON CONFLICT (id) DO UPDATE SET
			name = excluded.name, owner_plmn = excluded.owner_plmn, admin_domain = excluded.admin_domain,
			category = excluded.category, sensitivity = excluded.sensitivity, security_critical = excluded.security_critical,
			exclusive = excluded.exclusive, requires_physical_security = excluded.requires_physical_security,
			allowed_countries = excluded.allowed_countries, max_attestation_age = excluded.max_attestation_age,
			min_isolation = excluded.min_isolation, snssais = excluded.snssais, parent_id = excluded.parent_id,
			revision = excluded.revision`
	r := trustDomainRow{
		ID: v.ID, Name: v.Name, OwnerPLMN: v.OwnerPLMN, AdminDomain: v.AdminDomain, Category: string(v.Category), Sensitivity: v.Sensitivity,
		SecurityCritical: v.SecurityCritical, Exclusive: v.Exclusive, RequiresPhysicalSecurity: v.RequiresPhysicalSecurity,
		MaxAttestationAge: int64(v.MaxAttestationAge), MinIsolation: v.MinIsolation.String(), SNSSAIs: notNil(v.SNSSAIs),
		ParentID: v.ParentID, Revision: v.Revision,
	}
	if v.AllowedCountries != nil {
		r.AllowedCountries = &v.AllowedCountries
	}
	b.Queue(upsertSQL, pgx.StrictStructArgs(r))
}

func trustDomainFromRow(r *trustDomainRow) (placement.TrustDomain, error) {
	isolation, err := placement.ParseIsolation(r.MinIsolation)
	t := placement.TrustDomain{
		ID: r.ID, Name: r.Name, OwnerPLMN: r.OwnerPLMN, AdminDomain: r.AdminDomain, Category: placement.Category(r.Category),
		Sensitivity: r.Sensitivity, SecurityCritical: r.SecurityCritical, Exclusive: r.Exclusive,
		RequiresPhysicalSecurity: r.RequiresPhysicalSecurity, MaxAttestationAge: time.Duration(r.MaxAttestationAge),
		MinIsolation: isolation, SNSSAIs: nilIfEmpty(r.SNSSAIs), ParentID: r.ParentID, Revision: r.Revision,
	}
	if r.AllowedCountries != nil {
		t.AllowedCountries = notNil(*r.AllowedCountries)
	}
	return t, err
}

// ListTrustDomains returns a page of trust domains by id.
func (s *Store) ListTrustDomains(ctx context.Context, p placement.Page) ([]placement.TrustDomain, error) {
	return trustDomainTable().page(ctx, s, p)
}

// GetTrustDomain returns a trust domain.
func (s *Store) GetTrustDomain(ctx context.Context, id string) (placement.TrustDomain, error) {
	return trustDomainTable().get(ctx, s.reads(ctx), id)
}

// PutTrustDomain creates or replaces a trust domain; with ifRevision only that revision of it.
func (s *Store) PutTrustDomain(ctx context.Context, v placement.TrustDomain, ifRevision *int64, actor string) (placement.TrustDomain, bool, error) {
	return trustDomainTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteTrustDomain deletes a trust domain that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteTrustDomain(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return trustDomainTable().remove(ctx, s, id, ifRevision, actor)
}

func trustDomainAttributes() attributes {
	return attributes{
		"id": text("id"), "name": text("name"), "ownerPlmn": text("owner_plmn"), "adminDomain": text("admin_domain"), "category": enum("category"),
		"sensitivity": number("sensitivity"), "securityCritical": boolean("security_critical"), "exclusive": boolean("exclusive"),
		"requiresPhysicalSecurity": boolean("requires_physical_security"), "allowedCountries": texts("allowed_countries"),
		"maxAttestationAge": duration("NULLIF(max_attestation_age, 0)"), "minIsolation": enum("NULLIF(min_isolation, 'NONE')"),
		"snssais": texts("snssais"), "parentId": text("parent_id"),
	}
}
