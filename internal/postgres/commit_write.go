package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// write makes the verified plan true, in one round trip. Statements of which nothing more is known than that they must
// touch a row count it; when one does not, the facts are no longer those that were judged.
func (t *commitTx) write(ctx context.Context, tx pgx.Tx) (placement.CommitResult, error) {
	residencies, err := t.place()
	if err != nil {
		return placement.CommitResult{}, err
	}
	grant := t.grant()
	if err := t.issue(grant.ValidUntil); err != nil {
		return placement.CommitResult{}, err
	}
	t.purge(residencies)
	var b pgx.Batch
	var missed misses
	foreign := false
	for _, h := range t.hosts {
		queueHostUpdate(&b, h, t.guard(h.key), &missed)
	}
	t.queueResidencies(&b, residencies, &missed)
	if err := queueVNFInstance(&b, &grant, &foreign); err != nil {
		return placement.CommitResult{}, err
	}
	if err := t.queueRecords(&b, &grant); err != nil {
		return placement.CommitResult{}, err
	}
	if err := t.queueFeed(&b, residencies); err != nil {
		return placement.CommitResult{}, err
	}
	err = tx.SendBatch(ctx, &b).Close()
	switch {
	case violates(err, "residency_claim_claim_fk"):
		return stale(staleClaim, ""), nil
	case err != nil:
		return placement.CommitResult{}, err
	case foreign:
		return stale(staleOwner, grant.Request.VNFInstanceID), nil
	case len(missed) > 0:
		return stale(staleHost, missed[0]), nil
	}
	for _, h := range t.hosts {
		if len(h.left) == 0 {
			continue
		}
		if err := feedHost(ctx, tx, h.key); err != nil {
			return placement.CommitResult{}, err
		}
	}
	return placement.CommitResult{Status: placement.CommitDone, Grant: grant}, nil
}

// place puts the placements onto their hosts and returns their residencies.
func (t *commitTx) place() ([]*placement.Residency, error) {
	var out []*placement.Residency
	for i := range t.Decision.Plan.Placements {
		p := &t.Decision.Plan.Placements[i]
		if p.Demand < 0 || p.Demand >= len(t.Decision.Inputs.Demands) {
			return nil, placement.Errorf(placement.Internal, "placement of %q names demand %d of %d", p.ResourceDefinitionID, p.Demand, len(t.Decision.Inputs.Demands))
		}
		r := t.residency(p)
		h := t.host(placement.HostKey{NFVIPoPID: p.NFVIPoPID, HostID: p.HostID})
		h.delta = h.delta.Plus(r.Workload.Resources).Plus(t.overheads[p.Runtime])
		if to := h.host.DedicatedTo.Narrower(p.Dedicate); to != h.host.DedicatedTo {
			h.host.DedicatedTo, h.changed = to, true
		}
		out = append(out, r)
	}
	return out, nil
}

func (t *commitTx) residency(p *placement.Placement) *placement.Residency {
	w := t.Decision.Inputs.Demands[p.Demand].Workload
	w.Runtime = p.Runtime
	return &placement.Residency{
		ID: p.ResidencyID, NFVIPoPID: p.NFVIPoPID, HostID: p.HostID, CISNodeID: p.CISNodeID, Workload: w, Kind: placement.ResidencyWorkload,
		State: placement.StateReserved, GrantID: t.GrantID, ResourceDefinitionID: p.ResourceDefinitionID,
		ReservedAt: t.now, ExpiresAt: t.expiry(), StateSince: t.now, Revision: 1,
	}
}

// expiry is the end of the reservations, to the microsecond that the database keeps.
func (t *commitTx) expiry() time.Time { return t.now.Add(t.ReservationTTL).Truncate(time.Microsecond) }

// grant is what the client will read. It is valid as long as its reservations and the attestations that it rests on.
func (t *commitTx) grant() placement.Grant {
	d := &t.Decision
	g := placement.Grant{
		ID: t.GrantID, DecisionID: d.ID, ClientID: d.ClientID, Request: d.Inputs.Request, Epoch: t.epoch,
		GrantedAt: t.now, ValidUntil: t.expiry(), VIMAssets: t.VIMAssets,
	}
	g.Placements = slices.Clone(t.Answer)
	for i := range g.Placements {
		g.Placements[i].Enforcement = placement.DirectiveAdvisory
		h := t.host(placement.HostKey{NFVIPoPID: g.Placements[i].NFVIPoPID, HostID: g.Placements[i].HostID})
		if h != nil && h.enforced(t.now, d.Inputs.MappingMaxAge) {
			g.Placements[i].Enforcement = placement.DirectiveEnforced
		}
	}
	for i := range d.Plan.Placements {
		p := &d.Plan.Placements[i]
		if !p.OverriddenUntil.IsZero() {
			g.ValidUntil = earliest(g.ValidUntil, p.OverriddenUntil)
		}
		if p.AttestationLimit == 0 {
			continue
		}
		a := &t.host(placement.HostKey{NFVIPoPID: p.NFVIPoPID, HostID: p.HostID}).host.Attestation
		g.ValidUntil = earliest(g.ValidUntil, a.AttestedAt.Add(p.AttestationLimit))
		if !a.ValidUntil.IsZero() {
			g.ValidUntil = earliest(g.ValidUntil, a.ValidUntil)
		}
	}
	return g
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// issue numbers the directives and puts them to their hosts.
func (t *commitTx) issue(expires time.Time) error {
	for _, d := range t.Directives {
		h := t.host(placement.HostKey{NFVIPoPID: d.NFVIPoPID, HostID: d.HostID})
		if h == nil {
			return placement.Errorf(placement.Internal, "a directive goes to host %q, which the grant does not touch", d.HostID)
		}
		d.DecisionID = t.Decision.ID
		if d.GrantID == "" {
			d.GrantID = t.GrantID
		}
		if d.Place != nil {
			place := *d.Place
			place.ExpiresAt = expires
			d.Place = &place
		}
		h.issue(d, t.now)
	}
	return nil
}

// purge orders what must go from the caches of hosts that superseded residencies leave. Those that come now stay.
func (t *commitTx) purge(come []*placement.Residency) {
	if t.End.Purge == nil {
		return
	}
	for i, r := range t.superseded {
		h := t.host(placement.HostKey{NFVIPoPID: r.NFVIPoPID, HostID: r.HostID})
		remaining := slices.Clone(h.residents)
		for _, o := range slices.Concat(t.superseded[i+1:], come) {
			if o.NFVIPoPID == r.NFVIPoPID && o.HostID == r.HostID {
				remaining = append(remaining, o)
			}
		}
		for _, d := range t.End.Purge(r, remaining) {
			d.DecisionID = t.Decision.ID
			h.issue(d, t.now)
		}
	}
}

// issue gives a directive the next number of its host.
func (h *lockedHost) issue(d placement.Directive, now time.Time) {
	d.NFVIPoPID, d.HostID, d.IssuedAt = h.key.NFVIPoPID, h.key.HostID, now
	d.Seq = h.directiveSeq + int64(len(h.directives)) + 1
	d.Enforcement = h.enforcement()
	h.directives = append(h.directives, d)
}

// enforcement says whether the host is to carry out what it is told.
func (h *lockedHost) enforcement() placement.DirectiveEnforcement {
	if h.mode == placement.ModeObserve {
		return placement.DirectiveAdvisory
	}
	return placement.DirectiveEnforced
}

// enforced tells whether somebody of ours stands behind the host now and sees to what it is told.
func (h *lockedHost) enforced(now time.Time, maxAge time.Duration) bool {
	return h.enforcement() == placement.DirectiveEnforced && !h.heardAt.IsZero() && now.Sub(h.heardAt) <= maxAge
}

// guard is what the plan demands of a host at the moment of writing.
func (t *commitTx) guard(key placement.HostKey) hostGuard {
	g := hostGuard{margin: t.AttestationMargin}
	for i := range t.Decision.Plan.Placements {
		p := &t.Decision.Plan.Placements[i]
		if p.NFVIPoPID != key.NFVIPoPID || p.HostID != key.HostID {
			continue
		}
		g.places = true
		g.trusted = g.trusted || p.AttestationState
		if !p.OverriddenUntil.IsZero() && (g.until.IsZero() || p.OverriddenUntil.Before(g.until)) {
			g.until = p.OverriddenUntil
		}
		if p.AttestationLimit > 0 && (g.limit == 0 || p.AttestationLimit < g.limit) {
			g.limit = p.AttestationLimit
		}
	}
	return g
}

func (t *commitTx) queueResidencies(b *pgx.Batch, residencies []*placement.Residency, missed *misses) {
	for _, r := range t.superseded {
		queueEnd(b, r, missed)
	}
	for _, h := range t.hosts {
		queueResidue(b, h.key, h.left...)
	}
	for _, r := range t.released {
		queueState(b, r, missed)
	}
	for i, r := range residencies {
		row := residencyToRow(r)
		b.Queue(insertResidencySQL, row.values()...)
		queueClaims(b, r, t.Decision.Plan.Placements[i].Claims)
	}
}

// queueRecords writes the decision, the grant, and what they leave to later requests and to the NFVI.
func (t *commitTx) queueRecords(b *pgx.Batch, g *placement.Grant) error {
	d := t.Decision
	d.At, d.NFVIPoPID = t.now, t.popID
	if err := queueDecision(b, &d); err != nil {
		return err
	}
	if err := queueGrant(b, t.popID, g, t.Decision.Plan, t.Decision.Relayed); err != nil {
		return err
	}
	if !t.inserted {
		b.Queue(updateIdempotencySQL, t.row().args()...)
	}
	for _, h := range t.hosts {
		if err := queueDirectives(b, h); err != nil {
			return err
		}
	}
	return queueAudit(b, t.popID, &placement.AuditRecord{
		ActorID: d.ClientID, Action: string(placement.OutcomeGrant), DecisionID: d.ID, ObjectID: g.ID, Detail: requestDetail(&d.Inputs.Request),
	})
}

// queueFeed appends what changed to the feed: who left, who came, and hosts whose record changed. A host with new residue
// follows when that is written, because the database merges it.
func (t *commitTx) queueFeed(b *pgx.Batch, residencies []*placement.Residency) error {
	var changes []placement.Change
	for _, r := range t.superseded {
		changes = append(changes, residencyGone(r.NFVIPoPID, r.ID))
	}
	for _, r := range slices.Concat(t.released, residencies) {
		changes = append(changes, residencyChange(r))
	}
	for _, h := range t.hosts {
		if h.changed && len(h.left) == 0 {
			changes = append(changes, hostChange(h.after()))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return queueChanges(b, changes...)
}
