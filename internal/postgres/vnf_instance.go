package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type vnfInstanceParamsDoc struct {
	Components map[string]componentAskDoc `json:"components,omitempty"`
	SNSSAI     string                     `json:"snssai,omitempty"`
	PLMN       string                     `json:"plmn,omitempty"`
}

// queueVNFInstanceParams remembers what the policy saw of a VNF instance at its instantiation.
func queueVNFInstanceParams(b *pgx.Batch, g *placement.Grant) error {
	const rememberSQL = `
		INSERT INTO vnf_instance_params (vnf_instance_id, vnfd_id, params, grant_id)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (vnf_instance_id) DO UPDATE
		SET vnfd_id = excluded.vnfd_id, params = excluded.params, grant_id = excluded.grant_id, recorded_at = excluded.recorded_at`
	r := &g.Request
	params, err := json.Marshal(vnfInstanceParamsDoc{Components: componentAsksToDoc(r.Components), SNSSAI: r.SNSSAI, PLMN: r.PLMN})
	if err != nil {
		return err
	}
	b.Queue(rememberSQL, r.VNFInstanceID, r.VNFDID, params, g.ID)
	return nil
}

// VNFInstanceParams returns what the policy saw of a VNF instance at its instantiation; the zero value when it was not
// instantiated here.
func (s *Store) VNFInstanceParams(ctx context.Context, vnfInstanceID string) (placement.VNFInstanceParams, error) {
	const paramsSQL = `SELECT vnfd_id, params::text FROM vnf_instance_params WHERE vnf_instance_id = $1`
	var p placement.VNFInstanceParams
	var params []byte
	err := s.pool.QueryRow(ctx, paramsSQL, vnfInstanceID).Scan(&p.VNFDID, &params)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, translate(err)
	}
	var doc vnfInstanceParamsDoc
	if err := json.Unmarshal(params, &doc); err != nil {
		return p, translate(err)
	}
	p.SNSSAI, p.PLMN = doc.SNSSAI, doc.PLMN
	p.Components, err = componentAsksFromDoc(doc.Components)
	return p, translate(err)
}
