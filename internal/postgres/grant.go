package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// grantedPlacementDoc is the stored form of a placement as it was answered.
type grantedPlacementDoc struct {
	placementDoc

	NodeName        string              `json:"nodeName,omitempty"`
	ClusterID       string              `json:"clusterId,omitempty"`
	VIMConnectionID string              `json:"vimConnectionId,omitempty"`
	VIMZoneID       string              `json:"vimZoneId,omitempty"`
	ZoneGroupIDs    []string            `json:"zoneGroupIds,omitempty"`
	HostPoolID      string              `json:"hostPoolId,omitempty"`
	TrustDomainID   string              `json:"trustDomainId,omitempty"`
	Namespace       string              `json:"namespace,omitempty"`
	Resources       placement.Resources `json:"resources,omitempty"`
	Enforcement     string              `json:"enforcement,omitempty"`
}

func grantedPlacementToDoc(p placement.GrantedPlacement) grantedPlacementDoc {
	return grantedPlacementDoc{
		placementDoc: placementToDoc(p.Placement), NodeName: p.NodeName, ClusterID: p.ClusterID, VIMConnectionID: p.VIMConnectionID,
		VIMZoneID: p.VIMZoneID, ZoneGroupIDs: p.ZoneGroupIDs, HostPoolID: p.HostPoolID, TrustDomainID: p.TrustDomainID, Namespace: p.Namespace, Resources: p.Resources,
		Enforcement: string(p.Enforcement),
	}
}

func grantedPlacementFromDoc(d grantedPlacementDoc) (placement.GrantedPlacement, error) {
	p, err := placementFromDoc(d.placementDoc)
	return placement.GrantedPlacement{
		Placement: p, NodeName: d.NodeName, ClusterID: d.ClusterID, VIMConnectionID: d.VIMConnectionID, VIMZoneID: d.VIMZoneID,
		ZoneGroupIDs: d.ZoneGroupIDs, HostPoolID: d.HostPoolID, TrustDomainID: d.TrustDomainID, Namespace: d.Namespace, Resources: d.Resources,
		Enforcement: placement.DirectiveEnforcement(d.Enforcement),
	}, err
}

// queueGrant writes a grant, after its decision. relayed says that the NFVO upstream has to agree before it is answered.
func queueGrant(b *pgx.Batch, nfviPoPID string, g *placement.Grant, plan *placement.Plan, relayed bool) error {
	const grantSQL = `
		INSERT INTO vnf_grant (nfvi_pop_id, id, decision_id, client_id, vnf_instance_id, vnf_lcm_op_occ_id, policy_epoch,
		                       granted_at, valid_until, placements, residency_ids, vim_assets)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	placements, err := json.Marshal(notNil(convert(g.Placements, grantedPlacementToDoc)))
	if err != nil {
		return err
	}
	ids := make([]string, len(plan.Placements))
	for i := range plan.Placements {
		ids[i] = plan.Placements[i].ResidencyID
	}
	b.Queue(grantSQL, nfviPoPID, g.ID, g.DecisionID, g.ClientID, g.Request.VNFInstanceID, g.Request.VNFLcmOpOccID, g.Epoch,
		g.GrantedAt, latest(g.GrantedAt, g.ValidUntil), placements, ids, vimAssetsToDoc(g.VIMAssets))
	queueDirectory(b, directoryGrant, g.ID, nfviPoPID)
	if relayed {
		queueUpstream(b, nfviPoPID, g.ID)
	}
	return nil
}

type grantRow struct {
	ID          string       `db:"id"`
	DecisionID  string       `db:"decision_id"`
	ClientID    string       `db:"client_id"`
	PolicyEpoch int64        `db:"policy_epoch"`
	GrantedAt   time.Time    `db:"granted_at"`
	ValidUntil  time.Time    `db:"valid_until"`
	Placements  []byte       `db:"placements"`
	Request     []byte       `db:"request"`
	Outcome     string       `db:"outcome"`
	VIMAssets   vimAssetsDoc `db:"vim_assets"`
}

// GetGrant returns a grant as it was answered, with the refusal behind the empty grant of an observed client.
func (s *Store) GetGrant(ctx context.Context, id string) (placement.Grant, error) {
	const grantSQL = `
		SELECT g.id, g.decision_id, g.client_id, g.policy_epoch, g.granted_at, g.valid_until, g.placements, g.vim_assets, d.inputs -> 'request' AS request, d.outcome
		FROM directory l
		JOIN vnf_grant g ON g.nfvi_pop_id = l.nfvi_pop_id AND g.id = l.id
		JOIN decision d ON d.nfvi_pop_id = g.nfvi_pop_id AND d.id = g.decision_id
		WHERE l.kind = 'GRANT' AND l.id = $1`
	observed := false
	grants, err := collect(ctx, s.reads(ctx), func(r *grantRow) (placement.Grant, error) {
		observed = placement.Outcome(r.Outcome) != placement.OutcomeGrant
		return grantFromRow(r)
	}, grantSQL, id)
	switch {
	case err != nil:
		return placement.Grant{}, translate(err)
	case len(grants) == 0:
		return placement.Grant{}, notFound("grant", id)
	case !observed:
		return grants[0], nil
	}
	d, err := s.GetDecision(ctx, grants[0].DecisionID)
	grants[0].Refusal, grants[0].ValidUntil = &d, time.Time{}
	return grants[0], err
}

func grantFromRow(r *grantRow) (g placement.Grant, err error) {
	g = placement.Grant{
		ID: r.ID, DecisionID: r.DecisionID, ClientID: r.ClientID, Epoch: r.PolicyEpoch, GrantedAt: r.GrantedAt.UTC(), ValidUntil: r.ValidUntil.UTC(),
		VIMAssets: vimAssetsFromDoc(r.VIMAssets),
	}
	var docs []grantedPlacementDoc
	if err := json.Unmarshal(r.Placements, &docs); err != nil {
		return g, err
	}
	if g.Placements, err = tryConvert(nilIfEmpty(docs), grantedPlacementFromDoc); err != nil {
		return g, err
	}
	var request requestDoc
	if err := json.Unmarshal(r.Request, &request); err != nil {
		return g, err
	}
	g.Request, err = requestFromDoc(&request)
	return g, err
}

// latest is the later of two times. A grant that reserves nothing ends when it is given.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
