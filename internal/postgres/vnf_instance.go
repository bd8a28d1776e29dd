package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

type vnfInstanceParamsDoc struct {
	Components map[string]componentAskDoc `json:"components,omitempty"`
	SNSSAI     string                     `json:"snssai,omitempty"`
	PLMN       string                     `json:"plmn,omitempty"`
}

// ownVNFInstanceSQL makes a VNF instance the client's, or finds that it is; it touches no row when the VNF instance is another's.
// It waits for whoever else is about to get the first grant.
const ownVNFInstanceSQL = `
	INSERT INTO vnf_instance_params AS p (vnf_instance_id, client_id, vnfd_id, params, grant_id)
	VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (vnf_instance_id) DO UPDATE
	SET client_id = excluded.client_id`

const (
	rememberSQL  = `, vnfd_id = excluded.vnfd_id, params = excluded.params, grant_id = excluded.grant_id, recorded_at = excluded.recorded_at`
	ownedOnlySQL = ` WHERE p.client_id IN ('', excluded.client_id)`
)

// queueVNFInstance makes the VNF instance of a grant its client's, and remembers what the policy saw of it at its instantiation.
func queueVNFInstance(b *pgx.Batch, g *placement.Grant, foreign *bool) error {
	r := &g.Request
	sql, doc := ownVNFInstanceSQL+ownedOnlySQL, vnfInstanceParamsDoc{}
	if r.Operation == placement.OpInstantiate {
		sql = ownVNFInstanceSQL + rememberSQL + ownedOnlySQL
		doc = vnfInstanceParamsDoc{Components: componentAsksToDoc(r.Components), SNSSAI: r.SNSSAI, PLMN: r.PLMN}
	}
	params, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	b.Queue(sql, r.VNFInstanceID, g.ClientID, r.VNFDID, params, g.ID).Exec(func(tag pgconn.CommandTag) error {
		*foreign = tag.RowsAffected() == 0
		return nil
	})
	return nil
}

type vnfInstanceRow struct {
	ClientID string `db:"client_id"`
	VNFDID   string `db:"vnfd_id"`
	Params   []byte `db:"params"`
}

const vnfInstanceSQL = `SELECT client_id, vnfd_id, params FROM vnf_instance_params WHERE vnf_instance_id = $1`

func vnfInstanceFromRow(r *vnfInstanceRow) (p placement.VNFInstanceParams, err error) {
	var doc vnfInstanceParamsDoc
	if err := json.Unmarshal(r.Params, &doc); err != nil {
		return p, err
	}
	p = placement.VNFInstanceParams{ClientID: r.ClientID, VNFDID: r.VNFDID, SNSSAI: doc.SNSSAI, PLMN: doc.PLMN}
	p.Components, err = componentAsksFromDoc(doc.Components)
	return p, err
}

// VNFInstanceParams returns whose a VNF instance is and what the policy saw of it at its instantiation; the zero value when
// nothing was granted for it yet.
func (s *Store) VNFInstanceParams(ctx context.Context, vnfInstanceID string) (placement.VNFInstanceParams, error) {
	found, err := collect(ctx, s.pool, vnfInstanceFromRow, vnfInstanceSQL, vnfInstanceID)
	return firstOrZero(found), translate(err)
}

// firstOrZero is the first of a list, or the zero value of an empty one.
func firstOrZero[T any](list []T) (first T) {
	if len(list) > 0 {
		first = list[0]
	}
	return first
}
