package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type vnfProfileRow struct {
	VNFDID             string         `db:"vnfd_id"`
	NFType             string         `db:"nf_type"`
	TrustDomainID      string         `db:"trust_domain_id"`
	Components         []componentDoc `db:"components"`
	AffinityRules      []affinityDoc  `db:"affinity_rules"`
	DeploymentFlavours []flavourDoc   `db:"deployment_flavours"`
	DeployableModules  []moduleDoc    `db:"deployable_modules"`
	VIMAssets          vimAssetsDoc   `db:"vim_assets"`
	Revision           int64          `db:"revision"`
}

func vnfProfileTable() *table[placement.VNFProfile] {
	const selectSQL = `
		SELECT vnfd_id, nf_type, trust_domain_id, components, affinity_rules, deployment_flavours, deployable_modules, vim_assets, revision
		FROM vnf_profile
		WHERE ($1::text[] IS NULL OR vnfd_id = ANY($1)) AND vnfd_id > $2 AND {filter}
		ORDER BY vnfd_id
		LIMIT $3`
	const referrersSQL = `SELECT 'residency ' || id FROM residency WHERE vnfd_id = $1 ORDER BY id LIMIT 6`
	return &table[placement.VNFProfile]{
		kind: placement.ChangeVNFProfile, what: "VNF profile", list: "vnfProfiles",
		selectSQL: selectSQL, known: vnfProfileAttributes(), deleteSQL: `DELETE FROM vnf_profile WHERE vnfd_id = $1`,
		rows:     rowsOf(vnfProfileFromRow),
		id:       func(v *placement.VNFProfile) string { return v.VNFDID },
		revision: func(v *placement.VNFProfile) *int64 { return &v.Revision },
		upsert:   upsertVNFProfile,
		change:   func(v *placement.VNFProfile) placement.Change { return placement.Change{VNFProfile: v} },
		document: func(inv *placement.Inventory) *[]placement.VNFProfile { return &inv.VNFProfiles },
		// Whoever has a workload needs the profile to terminate it.
		referrers: referring(referrersSQL),
	}
}

func upsertVNFProfile(b *pgx.Batch, v *placement.VNFProfile) {
	const upsertSQL = `
		INSERT INTO vnf_profile (vnfd_id, nf_type, trust_domain_id, components, affinity_rules, deployment_flavours, deployable_modules, vim_assets, revision)
		VALUES (@vnfd_id, @nf_type, @trust_domain_id, @components, @affinity_rules, @deployment_flavours, @deployable_modules, @vim_assets, @revision)
		ON CONFLICT (vnfd_id) DO UPDATE SET
			nf_type = excluded.nf_type, trust_domain_id = excluded.trust_domain_id, components = excluded.components,
			affinity_rules = excluded.affinity_rules, deployment_flavours = excluded.deployment_flavours, deployable_modules = excluded.deployable_modules, vim_assets = excluded.vim_assets,
			revision = excluded.revision`
	d := vnfProfileToDoc(v)
	b.Queue(upsertSQL, pgx.StrictStructArgs(vnfProfileRow{
		VNFDID: d.VNFDID, NFType: d.NFType, TrustDomainID: d.TrustDomainID, Components: notNil(d.Components), Revision: d.Revision,
		DeploymentFlavours: notNil(d.DeploymentFlavours), DeployableModules: notNil(d.DeployableModules), VIMAssets: d.VIMAssets,
		AffinityRules: notNil(d.AffinityRules),
	}))
}

func vnfProfileFromRow(r *vnfProfileRow) (placement.VNFProfile, error) {
	v, err := vnfProfileFromDoc(&vnfProfileDoc{
		VNFDID: r.VNFDID, NFType: r.NFType, TrustDomainID: r.TrustDomainID, Components: r.Components, Revision: r.Revision,
		DeploymentFlavours: nilIfEmpty(r.DeploymentFlavours), DeployableModules: nilIfEmpty(r.DeployableModules), VIMAssets: r.VIMAssets,
		AffinityRules: nilIfEmpty(r.AffinityRules),
	})
	v.Components = nilIfEmpty(v.Components)
	return v, err
}

// ListVNFProfiles returns a page of VNF profiles by VNFD id.
func (s *Store) ListVNFProfiles(ctx context.Context, p placement.Page) ([]placement.VNFProfile, error) {
	return vnfProfileTable().page(ctx, s, p)
}

// GetVNFProfile returns a VNF profile.
func (s *Store) GetVNFProfile(ctx context.Context, vnfdID string) (placement.VNFProfile, error) {
	return vnfProfileTable().get(ctx, s.reads(ctx), vnfdID)
}

// PutVNFProfile creates or replaces a VNF profile; with ifRevision only that revision of it.
func (s *Store) PutVNFProfile(ctx context.Context, v placement.VNFProfile, ifRevision *int64, actor string) (placement.VNFProfile, bool, error) {
	return vnfProfileTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteVNFProfile deletes a VNF profile; with ifRevision only that revision of it.
func (s *Store) DeleteVNFProfile(ctx context.Context, vnfdID string, ifRevision *int64, actor string) error {
	return vnfProfileTable().remove(ctx, s, vnfdID, ifRevision, actor)
}

// vnfProfileAttributes are what VNF profiles can be filtered by.
func vnfProfileAttributes() attributes {
	counts := func(from, alias string) attribute {
		return objects("jsonb_array_elements("+from+") AS "+alias, attributes{
			"componentId": text(alias + " ->> 'componentId'"), "count": number("(" + alias + " ->> 'count')::bigint"),
		})
	}
	assets := func(list, descriptor, name string) attribute {
		return objects("jsonb_array_elements(vim_assets -> '"+list+"') AS a", attributes{
			"vimConnectionId": text("a ->> 'vimConnectionId'"), descriptor: text("a ->> 'descriptorId'"), name: text("a ->> 'name'"),
		})
	}
	return attributes{
		"affinityRules": objects("jsonb_array_elements(affinity_rules) AS r", attributes{
			"id": text("r ->> 'id'"), "scope": enum("r ->> 'scope'"), "componentIds": textsInJSON("r -> 'componentIds'"),
			"affinityOrAntiAffinity": enum("CASE WHEN (r ->> 'antiAffinity')::boolean THEN 'ANTI_AFFINITY' ELSE 'AFFINITY' END"),
		}),
		"deploymentFlavours": objects("jsonb_array_elements(deployment_flavours) AS f", attributes{
			"id": text("f ->> 'id'"), "defaultInstantiationLevelId": text("f ->> 'defaultInstantiationLevelId'"), "initialDelta": counts("f -> 'initialDelta'", "n"),
			"scalingAspects": objects("jsonb_array_elements(f -> 'scalingAspects') AS a", attributes{
				"id": text("a ->> 'id'"), "maxScaleLevel": number("(a ->> 'maxScaleLevel')::bigint"),
				"steps": objects("jsonb_array_elements(a -> 'steps') AS s", attributes{"components": counts("s", "n")}),
			}),
			"instantiationLevels": objects("jsonb_array_elements(f -> 'instantiationLevels') AS l", attributes{
				"id": text("l ->> 'id'"), "components": counts("l -> 'components'", "n"),
				"scaleLevels": objects("jsonb_array_elements(l -> 'scaleLevels') AS s", attributes{
					"aspectId": text("s ->> 'aspectId'"), "scaleLevel": number("(s ->> 'scaleLevel')::bigint"),
				}),
			}),
		}),
		"deployableModules": objects("jsonb_array_elements(deployable_modules) AS m", attributes{
			"id": text("m ->> 'id'"), "componentIds": textsInJSON("m -> 'componentIds'"),
		}),
		"vimAssets/computeResourceFlavours": assets("computeResourceFlavours", "vnfdVirtualComputeDescId", "vimFlavourId"),
		"vimAssets/softwareImages":          assets("softwareImages", "vnfdSoftwareImageId", "vimSoftwareImageId"),
		"vimAssets/storageAssets":           assets("storageAssets", "virtualStorageDescId", "storageClassName"),

		"vnfdId": text("vnfd_id"), "nfType": text("nf_type"), "trustDomainId": text("trust_domain_id"),
		"components": objects("jsonb_array_elements(components) AS c", attributes{
			"id": text("c ->> 'id'"), "nf/nfType": text("c #>> '{nf,nfType}'"), "nf/instanceKey": text("c #>> '{nf,instanceKey}'"),
			"nf/nfSetId": text("c #>> '{nf,nfSetId}'"), "trustDomainId": text("c ->> 'trustDomainId'"), "roles": enumsInJSON("c -> 'roles'"),
			"exposed": boolean("coalesce((c ->> 'exposed')::boolean, false)"), "images": textsInJSON("c -> 'images'"), "runtime": text("c ->> 'runtime'"),
			"isolation": enum("c ->> 'isolation'"), "cutThrough": enumsInJSON("c -> 'cutThrough'"), "privileged": enumsInJSON("c -> 'privileged'"),
			"administersHostPoolIds": textsInJSON("c -> 'administersHostPoolIds'"), "labels": labelled("c -> 'labels'"), "resources": amounts("c -> 'resources'"),
			"interfaces": objects("jsonb_array_elements(c -> 'interfaces') AS i", attributes{
				"name": text("i ->> 'name'"), "kind": enum("i ->> 'kind'"), "peerTrustDomainId": text("i ->> 'peerTrustDomainId'"),
				"peer": enum("i ->> 'peer'"), "peerComponentId": text("i ->> 'peerComponentId'"), "via": text("i ->> 'via'"),
				"terminatesTls": boolean("coalesce((i ->> 'terminatesTls')::boolean, false)"),
			}),
		}),
	}
}
