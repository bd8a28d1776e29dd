package inventory

import (
	"context"
	"strings"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

type evidenceStore interface {
	// RecordAttestation adds a verdict; a zero AttestedAt means now, by the database's clock.
	RecordAttestation(ctx context.Context, hostID string, r placement.AttestationRecord, actor string) (placement.AttestationRecord, error)
	ListAttestations(ctx context.Context, hostID string, page placement.Page) ([]placement.AttestationRecord, error)
	// RecordScrub adds the evidence of a cleaning; a zero At means now.
	RecordScrub(ctx context.Context, hostID string, r placement.ScrubRecord, actor string) (placement.ScrubRecord, error)
	ListScrubs(ctx context.Context, hostID string, page placement.Page) ([]placement.ScrubRecord, error)
	// Quarantine takes a host out of service until an approver lets it back; Unquarantine leaves it CORDONED. The host is told.
	Quarantine(ctx context.Context, hostID, reason, actor string) (placement.Host, error)
	Unquarantine(ctx context.Context, hostID, reason, actor string) (placement.Host, error)
}

// Attest records the verdict of a verifier on a host; without a verifier it is the client that reports it. Kinds of
// errors: NotFound, Invalid with findings, Unavailable.
func (s *Service) Attest(ctx context.Context, actor, hostID string, r placement.AttestationRecord) (placement.AttestationRecord, error) {
	var f faults
	if r.State == placement.AttestationTrusted && r.EvidenceDigest == "" {
		f.add(CodeMissing, "/evidenceDigest", "TRUSTED says on which evidence it rests")
	}
	checkAttestation(&r.Attestation, "", &f)
	if err := f.refusal(); err != nil {
		return placement.AttestationRecord{}, err
	}
	if r.Verifier == "" {
		r.Verifier = actor
	}
	return s.store.RecordAttestation(ctx, hostID, r, actor)
}

// Attestations returns a page of the verdicts on a host, newest AttestedAt first; the page's key is a record's id.
func (s *Service) Attestations(ctx context.Context, hostID string, page placement.Page) ([]placement.AttestationRecord, error) {
	return s.store.ListAttestations(ctx, hostID, page)
}

// Scrub records that a host was cleaned; without an actor it was the client that reports it. Kinds of errors:
// NotFound, Invalid, Unavailable.
func (s *Service) Scrub(ctx context.Context, actor, hostID string, r placement.ScrubRecord) (placement.ScrubRecord, error) {
	if r.Actor == "" {
		r.Actor = actor
	}
	return s.store.RecordScrub(ctx, hostID, r, actor)
}

// Scrubs returns a page of the scrub records of a host, newest At first; the page's key is a record's id.
func (s *Service) Scrubs(ctx context.Context, hostID string, page placement.Page) ([]placement.ScrubRecord, error) {
	return s.store.ListScrubs(ctx, hostID, page)
}

// Quarantine takes a host out of service because it is not trusted. Kinds of errors: NotFound, Invalid (no reason, or the one that
// verdicts give), Conflict (retired, or quarantined for that reason already), Unavailable.
func (s *Service) Quarantine(ctx context.Context, actor, hostID, reason string) (placement.Host, error) {
	reason, err := checkQuarantineReason(reason)
	if err != nil {
		return placement.Host{}, err
	}
	return s.store.Quarantine(ctx, hostID, reason, actor)
}

// Unquarantine ends the quarantine of a host, which is CORDONED then. Kinds of errors: NotFound, Invalid, Conflict (in no quarantine, or
// its newest verdict does not trust it), Unavailable.
func (s *Service) Unquarantine(ctx context.Context, actor, hostID, reason string) (placement.Host, error) {
	reason, err := checkQuarantineReason(reason)
	if err != nil {
		return placement.Host{}, err
	}
	return s.store.Unquarantine(ctx, hostID, reason, actor)
}

// checkQuarantineReason keeps the word by which a verdict's quarantine is known from one that a verdict must not end.
func checkQuarantineReason(reason string) (string, error) {
	var f faults
	switch reason = strings.TrimSpace(reason); reason {
	case "":
		f.add(CodeMissing, "/reason", "say why, in a sentence that others understand later")
	case policy.QuarantinedByAttestation:
		f.add(CodeNotAllowed, "/reason", "%q is the reason of a quarantine that the next trusted verdict ends: say more", reason)
	}
	return reason, f.refusal()
}
