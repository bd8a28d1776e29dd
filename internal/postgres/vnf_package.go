package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type vnfPackageRow struct {
	ID              string     `db:"id"`
	VNFDID          string     `db:"vnfd_id"`
	State           string     `db:"state"`
	Archive         bool       `db:"archive"`
	VNFDVersion     string     `db:"vnfd_version"`
	Provider        string     `db:"provider"`
	ProductName     string     `db:"product_name"`
	SoftwareVersion string     `db:"software_version"`
	SizeBytes       int64      `db:"size_bytes"`
	SHA256          string     `db:"sha256"`
	Draft           []byte     `db:"draft"`
	Findings        []byte     `db:"findings"`
	CreatedBy       string     `db:"created_by"`
	OnboardedAt     *time.Time `db:"onboarded_at"`
	HasProfile      bool       `db:"has_profile"`
	InUse           bool       `db:"in_use"`
}

// What a caller does not see of profiles and residencies, its packages do not have.
const vnfPackageSQL = `
	SELECT p.id, p.vnfd_id, p.state, p.archive, p.vnfd_version, p.provider, p.product_name, p.software_version, p.size_bytes, p.sha256, p.draft,
	       p.findings, p.created_by, p.onboarded_at,
	       EXISTS (SELECT FROM vnf_profile v WHERE v.vnfd_id = p.vnfd_id) AS has_profile,
	       EXISTS (SELECT FROM residency r WHERE r.vnfd_id = p.vnfd_id) AS in_use
	FROM vnf_package p
	WHERE p.state = 'ONBOARDED'`

func vnfPackageFromRow(r *vnfPackageRow) (placement.VNFPackage, error) {
	p := placement.VNFPackage{
		ID: r.ID, VNFDID: r.VNFDID, State: placement.VNFPackageState(r.State), Archive: r.Archive, VNFDVersion: r.VNFDVersion, Provider: r.Provider,
		ProductName: r.ProductName, SoftwareVersion: r.SoftwareVersion, SizeBytes: r.SizeBytes, SHA256: r.SHA256, Draft: r.Draft, Findings: r.Findings,
		CreatedBy: r.CreatedBy, HasProfile: r.HasProfile, InUse: r.InUse,
	}
	if r.OnboardedAt != nil {
		p.OnboardedAt = r.OnboardedAt.UTC()
	}
	return p, nil
}

// BeginVNFPackage makes room for a package whose content follows, and forgets those whose sending broke off before. Kinds of
// errors: Conflict when all packages together have more than most bytes, Unavailable.
func (s *Store) BeginVNFPackage(ctx context.Context, id, clientID string, most int64) error {
	const forgetSQL = `DELETE FROM vnf_package WHERE state = 'UPLOADING' AND created_at < statement_timestamp() - interval '1 hour'`
	const sizeSQL = `SELECT coalesce(sum(size_bytes), 0)::bigint FROM vnf_package`
	const insertSQL = `INSERT INTO vnf_package (id, created_by) VALUES ($1, $2)`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetSQL); err != nil {
			return err
		}
		var size int64
		if err := tx.QueryRow(ctx, sizeSQL).Scan(&size); err != nil {
			return err
		}
		if size > most {
			return placement.Errorf(placement.Conflict, "the VNF packages that are kept have %d bytes, at most %d are kept: delete one that is not used", size, most)
		}
		_, err := tx.Exec(ctx, insertSQL, id, clientID)
		return err
	})
}

// AppendVNFPackage stores a piece of a package's content. Each is a transaction of its own: one that lasts as long as a slow client
// sends would hold up the change feed.
func (s *Store) AppendVNFPackage(ctx context.Context, id string, number int, content []byte) error {
	const insertSQL = `INSERT INTO vnf_package_chunk (vnf_package_id, number, content) VALUES ($1, $2, $3)`
	_, err := s.pool.Exec(ctx, insertSQL, id, number, content)
	return translate(err)
}

// ReadVNFPackage returns a piece of a package's content.
func (s *Store) ReadVNFPackage(ctx context.Context, id string, number int) ([]byte, error) {
	const chunkSQL = `SELECT content FROM vnf_package_chunk WHERE vnf_package_id = $1 AND number = $2`
	var content []byte
	if err := s.reads(ctx).QueryRow(ctx, chunkSQL, id, number).Scan(&content); err != nil {
		return nil, translate(err)
	}
	return content, nil
}

// FinishVNFPackage onboards a package whose content is there. Kinds of errors: Conflict when another one has the same VNFD,
// NotFound when it was forgotten meanwhile, Unavailable.
func (s *Store) FinishVNFPackage(ctx context.Context, p placement.VNFPackage) (placement.VNFPackage, error) {
	const takenSQL = `SELECT EXISTS (SELECT FROM vnf_package WHERE state = 'ONBOARDED' AND vnfd_id = $1)`
	const finishSQL = `
		UPDATE vnf_package SET
			vnfd_id = $2, state = 'ONBOARDED', archive = $3, vnfd_version = $4, provider = $5, product_name = $6, software_version = $7, size_bytes = $8,
			sha256 = $9, draft = $10, findings = $11, onboarded_at = statement_timestamp()
		WHERE id = $1 AND state = 'UPLOADING'`
	const lockSQL = `SELECT pg_advisory_xact_lock(hashtextextended('vnf_package ' || $1, 0))`
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, p.VNFDID); err != nil {
			return err
		}
		var taken bool
		if err := tx.QueryRow(ctx, takenSQL, p.VNFDID).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return placement.Errorf(placement.Conflict, "the VNFD %q is onboarded already: delete its VNF package first", p.VNFDID)
		}
		tag, err := tx.Exec(ctx, finishSQL, p.ID, p.VNFDID, p.Archive, p.VNFDVersion, p.Provider, p.ProductName, p.SoftwareVersion, p.SizeBytes, p.SHA256,
			p.Draft, p.Findings)
		if err == nil && tag.RowsAffected() == 0 {
			err = notFound("VNF package", p.ID)
		}
		return err
	})
	if err != nil {
		return placement.VNFPackage{}, err
	}
	return s.GetVNFPackage(ctx, p.ID)
}

// DropVNFPackage forgets a package that is not onboarded.
func (s *Store) DropVNFPackage(ctx context.Context, id string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM vnf_package WHERE id = $1 AND state = 'UPLOADING'`, id)
	return translate(err)
}

// ListVNFPackages returns a page of the onboarded packages by id.
func (s *Store) ListVNFPackages(ctx context.Context, page placement.Page) ([]placement.VNFPackage, error) {
	const listSQL = vnfPackageSQL + ` AND p.id > $1 AND {filter} ORDER BY p.id LIMIT $2`
	return listed(ctx, s, vnfPackageFromRow, vnfPackageAttributes(), page, listSQL, page.After, page.Limit)
}

// vnfPackageAttributes are what VNF packages can be filtered by; vnf_package has the alias p.
func vnfPackageAttributes() attributes {
	const profiled = "EXISTS (SELECT FROM vnf_profile v WHERE v.vnfd_id = p.vnfd_id)"
	return attributes{
		"id": text("p.id"), "vnfdId": text("p.vnfd_id"), "archive": boolean("p.archive"), "vnfdVersion": text("p.vnfd_version"),
		"provider": text("p.provider"), "productName": text("p.product_name"), "softwareVersion": text("p.software_version"),
		"sizeBytes": number("p.size_bytes"), "sha256": text("p.sha256"), "onboardedBy": text("p.created_by"), "onboardedAt": dateTime("p.onboarded_at"),
		"draftState": computed(map[string]string{"COMPLETED": profiled, "DRAFT": "NOT " + profiled}),
	}
}

// GetVNFPackage returns an onboarded package.
func (s *Store) GetVNFPackage(ctx context.Context, id string) (placement.VNFPackage, error) {
	return s.oneVNFPackage(ctx, ` AND p.id = $1`, "VNF package", id)
}

// GetVNFPackageOf returns the onboarded package of a VNFD.
func (s *Store) GetVNFPackageOf(ctx context.Context, vnfdID string) (placement.VNFPackage, error) {
	return s.oneVNFPackage(ctx, ` AND p.vnfd_id = $1`, "VNF package of the VNFD", vnfdID)
}

func (s *Store) oneVNFPackage(ctx context.Context, where, what, id string) (placement.VNFPackage, error) {
	list, err := collect(ctx, s.reads(ctx), vnfPackageFromRow, vnfPackageSQL+where, id)
	if err == nil && len(list) == 0 {
		err = notFound(what, id)
	}
	if err != nil {
		return placement.VNFPackage{}, translate(err)
	}
	return list[0], nil
}

// DeleteVNFPackage deletes an onboarded package. The VNF profile stays.
func (s *Store) DeleteVNFPackage(ctx context.Context, id string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM vnf_package WHERE id = $1 AND state = 'ONBOARDED'`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = notFound("VNF package", id)
	}
	return translate(err)
}
