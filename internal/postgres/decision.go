package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueDecision writes a decision with its inputs.
func queueDecision(b *pgx.Batch, d *placement.Decision) error {
	const decisionSQL = `
		INSERT INTO decision (nfvi_pop_id, id, kind, outcome, at, client_id, vnf_instance_id, vnf_lcm_op_occ_id, policy_epoch,
		                      change_seq, inputs, plan, explanation, enforcement, refused_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	inputs, err := json.Marshal(inputsToDoc(&d.Inputs))
	if err != nil {
		return err
	}
	explanation, err := json.Marshal(explanationToDoc(&d.Explanation))
	if err != nil {
		return err
	}
	var plan []byte
	if d.Plan != nil {
		if plan, err = json.Marshal(planToDoc(d.Plan)); err != nil {
			return err
		}
	}
	mode, refusedBy := placement.ModeEnforce, []string{}
	if d.Enforcement == placement.ModeObserve {
		mode, refusedBy = d.Enforcement, notNil(d.Explanation.RefusedBy())
	}
	r := &d.Inputs.Request
	b.Queue(decisionSQL, d.NFVIPoPID, d.ID, string(d.Kind), string(d.Outcome), d.At, d.ClientID, r.VNFInstanceID, r.VNFLcmOpOccID,
		d.Inputs.PolicyEpoch, d.Inputs.Position.String(), inputs, plan, explanation, string(mode), refusedBy)
	queueDirectory(b, directoryDecision, d.ID, d.NFVIPoPID)
	return nil
}

// queueDecided writes a decision that reserves nothing, with its audit record.
func queueDecided(b *pgx.Batch, d *placement.Decision) error {
	stored := *d
	stored.NFVIPoPID = noPoP
	if err := queueDecision(b, &stored); err != nil {
		return err
	}
	action := string(d.Kind)
	if d.Kind == placement.DecisionGrant {
		action = string(d.Outcome)
	}
	detail := requestDetail(&d.Inputs.Request)
	if d.Enforcement == placement.ModeObserve {
		detail["enforcement"] = string(d.Enforcement)
	}
	return queueAudit(b, noPoP, &placement.AuditRecord{
		ActorID: d.ClientID, Action: action, DecisionID: d.ID, ObjectID: d.Inputs.Request.VNFInstanceID, Detail: detail,
	})
}

// requestDetail is what the audit trail repeats of a request.
func requestDetail(r *placement.GrantRequest) map[string]string {
	return map[string]string{"vnfInstanceId": r.VNFInstanceID, "vnfLcmOpOccId": r.VNFLcmOpOccID, "operation": string(r.Operation)}
}

// RecordDecision stores a decision that reserves nothing: a dry run, or the answer to a question about a cache.
func (s *Store) RecordDecision(ctx context.Context, d placement.Decision) error {
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		var b pgx.Batch
		if err := queueDecided(&b, &d); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

type decisionRow struct {
	NFVIPoPID   string    `db:"nfvi_pop_id"`
	ID          string    `db:"id"`
	Kind        string    `db:"kind"`
	Outcome     string    `db:"outcome"`
	Enforcement string    `db:"enforcement"`
	At          time.Time `db:"at"`
	ClientID    string    `db:"client_id"`
	Inputs      []byte    `db:"inputs"`
	Plan        []byte    `db:"plan"`
	Explanation []byte    `db:"explanation"`
}

const decisionColumns = `d.nfvi_pop_id, d.id, d.kind, d.outcome, d.enforcement, d.at, d.client_id, d.inputs, d.plan, d.explanation`

// GetDecision returns a recorded decision.
func (s *Store) GetDecision(ctx context.Context, id string) (placement.Decision, error) {
	const decisionSQL = `
		SELECT ` + decisionColumns + `
		FROM directory l
		JOIN decision d ON d.nfvi_pop_id = l.nfvi_pop_id AND d.id = l.id
		WHERE l.kind = 'DECISION' AND l.id = $1`
	decisions, err := collect(ctx, s.reads(ctx), decisionFromRow, decisionSQL, id)
	switch {
	case err != nil:
		return placement.Decision{}, translate(err)
	case len(decisions) == 0:
		return placement.Decision{}, notFound("decision", id)
	}
	return decisions[0], nil
}

// ListDecisions returns a page of the recorded decisions, newest first; with a client only those that it asked for. The
// page's key is a decision's id.
func (s *Store) ListDecisions(ctx context.Context, clientID string, page placement.Page) ([]placement.Decision, error) {
	const listSQL = `
		SELECT ` + decisionColumns + `
		FROM decision d
		WHERE ($1 = '' OR d.client_id = $1) AND {filter}
		  AND ($2 = '' OR (d.at, d.id) < (SELECT a.at, a.id
		                                  FROM directory l JOIN decision a ON a.nfvi_pop_id = l.nfvi_pop_id AND a.id = l.id
		                                  WHERE l.kind = 'DECISION' AND l.id = $2))
		ORDER BY d.at DESC, d.id DESC
		LIMIT $3`
	return listed(ctx, s, decisionFromRow, decisionAttributes(), page, listSQL, clientID, page.After, page.Limit)
}

// decisionAttributes are what decisions can be filtered by; decision has the alias d. The explanation is none of them: what is in it
// depends on who asks.
func decisionAttributes() attributes {
	return attributes{
		"id": text("d.id"), "kind": enum("d.kind"), "outcome": enum("d.outcome"), "at": dateTime("d.at"), "policyEpoch": number("d.policy_epoch"),
		"changeSeq": text("d.change_seq"), "clientId": text("d.client_id"), "enforcement": enum("d.enforcement"),
		"policies": objects("json_array_elements(d.inputs -> 'policies') AS p", attributes{
			"id": text("p ->> 'id'"), "version": text("p ->> 'version'"), "sha256": text("p ->> 'sha256'"),
		}),
		"placements": objects("json_array_elements(d.plan -> 'placements') AS p", attributes{
			"resourceDefinitionId": text("p ->> 'resourceDefinitionId'"), "hostId": text("p ->> 'hostId'"), "cisNode": text("p ->> 'cisNodeId'"),
			"runtimeClass": text("p ->> 'runtime'"), "isolation": enum("coalesce(p ->> 'isolation', 'NONE')"),
			"cache": objects("json_array_elements(p -> 'cache') AS c", attributes{
				"digest": text("c ->> 'digest'"), "mode": enum("c ->> 'mode'"),
			}),
		}),
	}
}

func decisionFromRow(r *decisionRow) (d placement.Decision, err error) {
	d = placement.Decision{
		ID: r.ID, NFVIPoPID: r.NFVIPoPID, Kind: placement.DecisionKind(r.Kind), Outcome: placement.Outcome(r.Outcome), At: r.At.UTC(), ClientID: r.ClientID,
	}
	if mode := placement.Mode(r.Enforcement); mode != placement.ModeEnforce {
		d.Enforcement = mode
	}
	var inputs inputsDoc
	if err := json.Unmarshal(r.Inputs, &inputs); err != nil {
		return d, err
	}
	if d.Inputs, err = inputsFromDoc(&inputs); err != nil {
		return d, err
	}
	var explanation explanationDoc
	if err := json.Unmarshal(r.Explanation, &explanation); err != nil {
		return d, err
	}
	if d.Explanation, err = explanationFromDoc(&explanation); err != nil || r.Plan == nil {
		return d, err
	}
	var plan planDoc
	if err := json.Unmarshal(r.Plan, &plan); err != nil {
		return d, err
	}
	d.Plan, err = planFromDoc(&plan)
	return d, err
}
