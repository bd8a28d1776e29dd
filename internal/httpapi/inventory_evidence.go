package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// ListAttestations answers a page of the verdicts on a host.
func (a inventoryAPI) ListAttestations(w http.ResponseWriter, r *http.Request, hostID string, p wire.ListAttestationsParams) {
	verdicts := source[placement.AttestationRecord]{
		read: func(ctx context.Context, page placement.Page) ([]placement.AttestationRecord, error) {
			return a.Inventory.Attestations(ctx, hostID, page)
		},
		key: func(v *placement.AttestationRecord) string { return v.ID },
	}
	a.reply(w, r)(listed(r, a.Server, p.Filter, p.NextpageOpaqueMarker, verdicts, attestationRecordToWire))
}

// CreateAttestation records the verdict of a verifier.
func (a inventoryAPI) CreateAttestation(w http.ResponseWriter, r *http.Request, hostID string, _ wire.CreateAttestationParams) {
	a.reply(w, r)(a.attest(r, hostID))
}

func (a inventoryAPI) attest(r *http.Request, hostID string) (reply, error) {
	var report wire.AttestationReport
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		return reply{}, newProblem(http.StatusUnprocessableEntity, "the verdict cannot be read: "+printable(err.Error()))
	}
	in := reading{now: a.Inventory.Now()}
	record := attestationReportFromWire(&report, &in)
	if err := in.err(); err != nil {
		return reply{}, err
	}
	stored, err := a.Inventory.Attest(r.Context(), auth.FromContext(r.Context()).ClientID, hostID, record)
	if err != nil {
		return reply{}, pointed(err, "/attestedAt") // all else was checked
	}
	return reply{status: http.StatusCreated, body: attestationRecordToWire(&stored)}, nil
}

func attestationReportFromWire(w *wire.AttestationReport, in *reading) placement.AttestationRecord {
	r := placement.AttestationRecord{
		Attestation: placement.Attestation{
			State: placement.AttestationState(w.State), Verifier: w.Verifier, EvidenceDigest: w.EvidenceDigest,
			AttestedAt: exactTime(w.AttestedAt), ValidUntil: exactTime(w.ValidUntil),
		},
		Capabilities: in.capabilities(w.Capabilities, "/capabilities"),
	}
	if w.Age != "" {
		r.AttestedAt = in.since(w.Age, w.AttestedAt, "")
	}
	return r
}

func attestationRecordToWire(r *placement.AttestationRecord) wire.AttestationRecord {
	return wire.AttestationRecord{
		ID: r.ID, State: wire.AttestationState(r.State), AttestedAt: r.AttestedAt, ValidUntil: r.ValidUntil, Verifier: r.Verifier,
		EvidenceDigest: r.EvidenceDigest, Capabilities: named[wire.Capability](r.Capabilities.Names()), RecordedAt: r.RecordedAt,
	}
}

// ListScrubRecords answers a page of the cleanings of a host.
func (a inventoryAPI) ListScrubRecords(w http.ResponseWriter, r *http.Request, hostID string, p wire.ListScrubRecordsParams) {
	scrubs := source[placement.ScrubRecord]{
		read: func(ctx context.Context, page placement.Page) ([]placement.ScrubRecord, error) {
			return a.Inventory.Scrubs(ctx, hostID, page)
		},
		key: func(s *placement.ScrubRecord) string { return s.ID },
	}
	a.reply(w, r)(listed(r, a.Server, p.Filter, p.NextpageOpaqueMarker, scrubs, scrubRecordToWire))
}

// CreateScrubRecord records the evidence of a cleaning.
func (a inventoryAPI) CreateScrubRecord(w http.ResponseWriter, r *http.Request, hostID string, _ wire.CreateScrubRecordParams) {
	a.reply(w, r)(a.scrub(r, hostID))
}

func (a inventoryAPI) scrub(r *http.Request, hostID string) (reply, error) {
	var report wire.ScrubReport
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		return reply{}, newProblem(http.StatusUnprocessableEntity, "the scrub record cannot be read: "+printable(err.Error()))
	}
	level, err := placement.ParseScrubLevel(string(report.Level))
	if err != nil {
		return reply{}, err
	}
	stored, err := a.Inventory.Scrub(r.Context(), auth.FromContext(r.Context()).ClientID, hostID, placement.ScrubRecord{
		Level: level, DeviceReset: report.DeviceReset, At: exactTime(report.At), Actor: report.Actor, Evidence: report.Evidence,
	})
	if err != nil {
		return reply{}, pointed(err, "/at") // all else was checked
	}
	return reply{status: http.StatusCreated, body: scrubRecordToWire(&stored)}, nil
}

func scrubRecordToWire(s *placement.ScrubRecord) wire.ScrubRecord {
	return wire.ScrubRecord{
		ID: s.ID, Level: wire.ScrubLevel(s.Level.String()), DeviceReset: s.DeviceReset, At: s.At, Actor: s.Actor, Evidence: s.Evidence, RecordedAt: s.RecordedAt,
	}
}

// QuarantineHost puts a host in quarantine.
func (a inventoryAPI) QuarantineHost(w http.ResponseWriter, r *http.Request, hostID string, _ wire.QuarantineHostParams) {
	a.reply(w, r)(a.quarantine(r, hostID, a.Inventory.Quarantine))
}

// UnquarantineHost ends the quarantine of a host.
func (a inventoryAPI) UnquarantineHost(w http.ResponseWriter, r *http.Request, hostID string, _ wire.UnquarantineHostParams) {
	a.reply(w, r)(a.quarantine(r, hostID, a.Inventory.Unquarantine))
}

func (a inventoryAPI) quarantine(r *http.Request, hostID string, change func(ctx context.Context, actor, hostID, reason string) (placement.Host, error)) (reply, error) {
	var request wire.QuarantineRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return reply{}, newProblem(http.StatusUnprocessableEntity, "the QuarantineRequest cannot be read: "+printable(err.Error()))
	}
	h, err := change(r.Context(), auth.FromContext(r.Context()).ClientID, hostID, request.Reason)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, etag: etag(h.Revision), body: hostToWire(&h)}, nil
}
