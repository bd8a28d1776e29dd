package httpapi

import (
	"context"
	"net/url"
	"time"

	wire "ringfence/api/placement"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// Modes are the modes of clients and VIM connections.
type Modes interface {
	// ListEnforcementModes returns a page of the modes that were set, ascending by their identifier on the wire.
	ListEnforcementModes(ctx context.Context, page placement.Page) ([]placement.EnforcementMode, error)
	// GetEnforcementMode returns the mode of somebody. NotFound where none was ever set.
	GetEnforcementMode(ctx context.Context, key placement.ModeKey) (placement.EnforcementMode, error)
	// SetEnforcementMode sets a mode; with ifRevision only on that revision, 0: only as the first. PreconditionFailed.
	SetEnforcementMode(ctx context.Context, m placement.EnforcementMode, ifRevision *int64) (set placement.EnforcementMode, created bool, err error)
	// ReportEnforcement says what observing has let pass since a time (zero: since the mode was set), and what enforcing would change.
	ReportEnforcement(ctx context.Context, key placement.ModeKey, since time.Time) (placement.EnforcementReport, error)
}

// idOf is the id of a mode's subject, if it is one of a kind.
func idOf(m *placement.EnforcementMode, subject placement.ModeSubject) string {
	if m.Subject != subject {
		return ""
	}
	return m.ID
}

// ListEnforcementModes returns a page of the modes that were set.
func (a placementAPI) ListEnforcementModes(ctx context.Context, req wire.ListEnforcementModesRequestObject) (wire.ListEnforcementModesResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.EnforcementMode]{
		read: a.Modes.ListEnforcementModes, key: func(m *placement.EnforcementMode) string { return m.String() },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListEnforcementModes200JSONResponse{
		Body: mapped(list, enforcementModeToWire), Headers: wire.ListEnforcementModes200ResponseHeaders{Link: link},
	}, nil
}

// GetEnforcementMode returns the mode of a client or VIM connection.
func (a placementAPI) GetEnforcementMode(ctx context.Context, req wire.GetEnforcementModeRequestObject) (wire.GetEnforcementModeResponseObject, error) {
	key, err := placement.ParseModeKey(req.EnforcementModeID)
	if err != nil {
		return nil, err
	}
	m, err := a.Modes.GetEnforcementMode(ctx, key)
	if err != nil {
		return nil, err
	}
	return wire.GetEnforcementMode200JSONResponse{
		Body: enforcementModeToWire(&m), Headers: wire.GetEnforcementMode200ResponseHeaders{ETag: etag(m.Revision)},
	}, nil
}

// PutEnforcementMode sets the mode of a client or VIM connection. Who observes loosens what policies demand.
func (a placementAPI) PutEnforcementMode(ctx context.Context, req wire.PutEnforcementModeRequestObject) (wire.PutEnforcementModeResponseObject, error) {
	key, err := placement.ParseModeKey(req.EnforcementModeID)
	if err != nil {
		return nil, err
	}
	if req.Body.Mode != wire.ModeENFORCE && !auth.FromContext(ctx).Has(auth.RoleApprover) {
		return nil, placement.Errorf(placement.Forbidden, "to observe takes the role APPROVER, because nothing is refused then; OPERATOR may only set ENFORCE")
	}
	revision, err := precondition(req.Params.IfMatch, req.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	var created bool
	put := func(want *int64) (m placement.EnforcementMode, err error) {
		m, created, err = a.Modes.SetEnforcementMode(ctx, placement.EnforcementMode{
			ModeKey: key, Mode: placement.Mode(req.Body.Mode), Reason: req.Body.Reason, ActorID: actor(ctx),
		}, want)
		return m, err
	}
	var m placement.EnforcementMode
	if req.Params.IfMatch == anyTag {
		m, err = changeExisting(func() (int64, error) {
			present, err := a.Modes.GetEnforcementMode(ctx, key)
			return present.Revision, err
		}, put)
	} else {
		m, err = put(revision)
	}
	if err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "enforcement mode", "requestId", requestID(ctx), "enforcementModeId", printable(m.String()), "mode", string(m.Mode), "clientId", actor(ctx))
	a.Delivery.Wake()
	if !created {
		return wire.PutEnforcementMode200JSONResponse{
			Body: enforcementModeToWire(&m), Headers: wire.PutEnforcementMode200ResponseHeaders{ETag: etag(m.Revision)},
		}, nil
	}
	return wire.PutEnforcementMode201JSONResponse{
		Body: enforcementModeToWire(&m), Headers: wire.PutEnforcementMode201ResponseHeaders{
			ETag: etag(m.Revision), Location: a.base(requestOf(ctx)) + "/placement/v1/enforcement_modes/" + url.PathEscape(m.String()),
		},
	}, nil
}

// GetEnforcementReport says what observing has let pass, and what enforcing would change.
func (a placementAPI) GetEnforcementReport(ctx context.Context, req wire.GetEnforcementReportRequestObject) (wire.GetEnforcementReportResponseObject, error) {
	key, err := placement.ParseModeKey(req.EnforcementModeID)
	if err != nil {
		return nil, err
	}
	r, err := a.Modes.ReportEnforcement(ctx, key, req.Params.Since)
	if err != nil {
		return nil, err
	}
	return wire.GetEnforcementReport200JSONResponse(enforcementReportToWire(&r)), nil
}

func enforcementModeToWire(m *placement.EnforcementMode) wire.EnforcementMode {
	return wire.EnforcementMode{
		ID: m.String(), Subject: wire.EnforcementSubject(m.Subject), ClientID: idOf(m, placement.SubjectClient),
		VIMConnectionID: idOf(m, placement.SubjectVIMConnection), Mode: wire.Mode(m.Mode), Reason: m.Reason, ActorID: m.ActorID, Since: m.Since,
	}
}

func enforcementReportToWire(r *placement.EnforcementReport) wire.EnforcementReport {
	w := wire.EnforcementReport{
		Mode: enforcementModeToWire(&r.Mode), Since: r.Since,
		Refusals: mapped(r.Refusals, func(c *placement.CountedRule) wire.CountedRule {
			return wire.CountedRule{RuleID: c.RuleID, Count: c.Count, DecisionIDs: c.Examples}
		}),
		Violations: mapped(r.Violations, func(c *placement.CountedRule) wire.CountedRule {
			return wire.CountedRule{RuleID: c.RuleID, Count: c.Count, ViolationIDs: c.Examples}
		}),
		OnEnforce: wire.EnforcementChange{Refusals: r.Requests, Directives: map[string]int64{}, Evictions: r.Evictions},
	}
	w.WorkloadsWithoutGrant.Count = r.Ungranted
	w.WorkloadsWithoutGrant.Examples = mapped(r.Examples, func(o *placement.ObservedWorkload) wire.UngrantedWorkload {
		return wire.UngrantedWorkload{HostID: o.HostID, Object: o.Object}
	})
	for _, d := range r.Directives {
		w.OnEnforce.Directives[d.Name] = d.Count
	}
	return w
}
