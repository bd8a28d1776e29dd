package inventory

import (
	"context"

	"ringfence/internal/placement"
)

type evidenceStore interface {
	// RecordAttestation adds a verdict; a zero AttestedAt means now, by the database's clock.
	RecordAttestation(ctx context.Context, hostID string, r placement.AttestationRecord, actor string) (placement.AttestationRecord, error)
	ListAttestations(ctx context.Context, hostID string, page placement.Page) ([]placement.AttestationRecord, error)
	// RecordScrub adds the evidence of a cleaning; a zero At means now.
	RecordScrub(ctx context.Context, hostID string, r placement.ScrubRecord, actor string) (placement.ScrubRecord, error)
	ListScrubs(ctx context.Context, hostID string, page placement.Page) ([]placement.ScrubRecord, error)
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
