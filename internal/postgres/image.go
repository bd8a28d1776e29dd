package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type imageRow struct {
	Digest          string     `db:"digest"`
	Reference       string     `db:"reference"`
	Kind            string     `db:"kind"`
	Layers          []layerDoc `db:"layers"`
	Sensitivity     int        `db:"sensitivity"`
	ContainsSecrets bool       `db:"contains_secrets"`
	PublicBase      bool       `db:"public_base"`
	Signature       string     `db:"signature"`
	Revision        int64      `db:"revision"`
}

func imageTable() *table[placement.Image] {
	const selectSQL = `
		SELECT digest, reference, kind, layers, sensitivity, contains_secrets, public_base, signature, revision
		FROM image
		WHERE ($1::text[] IS NULL OR digest = ANY($1)) AND digest > $2 AND {filter}
		ORDER BY digest
		LIMIT $3`
	const referrersSQL = `
		(SELECT 'VNF profile ' || vnfd_id FROM vnf_profile
		 WHERE jsonb_path_exists(components, '$[*].images[*] ? (@ == $digest)', jsonb_build_object('digest', $1::text))
		 LIMIT 6)
		UNION ALL
		(SELECT 'residency ' || id FROM residency WHERE $1 = ANY(images) LIMIT 6)
		UNION ALL
		(SELECT 'host pool ' || id FROM host_pool WHERE $1 = ANY(fabric_digests) LIMIT 6)
		UNION ALL
		(SELECT 'cache of host ' || host_id FROM cache_entry WHERE digest = $1 LIMIT 6)`
	return &table[placement.Image]{
		kind: placement.ChangeImage, what: "image", list: "images",
		selectSQL: selectSQL, known: imageAttributes(), deleteSQL: `DELETE FROM image WHERE digest = $1`,
		rows:      rowsOf(imageFromRow),
		id:        func(v *placement.Image) string { return v.Digest },
		revision:  func(v *placement.Image) *int64 { return &v.Revision },
		upsert:    upsertImage,
		change:    func(v *placement.Image) placement.Change { return placement.Change{Image: v} },
		document:  func(inv *placement.Inventory) *[]placement.Image { return &inv.Images },
		referrers: referring(referrersSQL),
	}
}

func upsertImage(b *pgx.Batch, v *placement.Image) {
	const upsertSQL = `
		INSERT INTO image (digest, reference, kind, layers, sensitivity, contains_secrets, public_base, signature, revision)
		VALUES (@digest, @reference, @kind, @layers, @sensitivity, @contains_secrets, @public_base, @signature, @revision)
		ON CONFLICT (digest) DO UPDATE SET
			reference = excluded.reference, kind = excluded.kind, layers = excluded.layers, sensitivity = excluded.sensitivity,
			contains_secrets = excluded.contains_secrets, public_base = excluded.public_base, signature = excluded.signature,
			revision = excluded.revision`
	b.Queue(upsertSQL, pgx.StrictStructArgs(imageRow{
		Digest: v.Digest, Reference: v.Reference, Kind: string(v.Kind), Layers: notNil(convert(v.Layers, layerToDoc)), Sensitivity: v.Sensitivity,
		ContainsSecrets: v.ContainsSecrets, PublicBase: v.PublicBase, Signature: v.Signature, Revision: v.Revision,
	}))
}

func imageFromRow(r *imageRow) (placement.Image, error) {
	return placement.Image{
		Digest: r.Digest, Reference: r.Reference, Kind: placement.ArtefactKind(r.Kind), Layers: nilIfEmpty(convert(r.Layers, layerFromDoc)),
		Sensitivity: r.Sensitivity, ContainsSecrets: r.ContainsSecrets, PublicBase: r.PublicBase, Signature: r.Signature, Revision: r.Revision,
	}, nil
}

// ListImages returns a page of images by digest.
func (s *Store) ListImages(ctx context.Context, p placement.Page) ([]placement.Image, error) {
	return imageTable().page(ctx, s, p)
}

// GetImage returns an image.
func (s *Store) GetImage(ctx context.Context, digest string) (placement.Image, error) {
	return imageTable().get(ctx, s.reads(ctx), digest)
}

// PutImage creates or replaces an image; with ifRevision only that revision of it.
func (s *Store) PutImage(ctx context.Context, v placement.Image, ifRevision *int64, actor string) (placement.Image, bool, error) {
	return imageTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteImage deletes an image that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteImage(ctx context.Context, digest string, ifRevision *int64, actor string) error {
	return imageTable().remove(ctx, s, digest, ifRevision, actor)
}

func imageAttributes() attributes {
	return attributes{
		"digest": text("digest"), "reference": text("reference"), "kind": enum("kind"), "sensitivity": number("sensitivity"),
		"containsSecrets": boolean("contains_secrets"), "publicBase": boolean("public_base"), "signature": text("signature"),
		"layers": objects("jsonb_array_elements(layers) AS l", attributes{
			"digest": text("l ->> 'digest'"), "diffId": text("l ->> 'diffId'"), "sizeBytes": number("coalesce((l ->> 'sizeBytes')::bigint, 0)"),
		}),
	}
}
