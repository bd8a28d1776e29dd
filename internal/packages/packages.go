// Package packages is the use case of VNF packages: take what an operator sends, read its VNFD, keep it, hand it out to VNFMs, and
// make a VNF profile of its draft and of what the operator adds.
//
// What a package says is read by internal/vnfd; how it is stored, and who may know of it, is the store's. It executes nothing of a
// package and fetches nothing that a package names.
package packages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"

	"github.com/google/uuid"

	"ringfence/internal/placement"
	"ringfence/internal/vnfd"
)

// Store is what the use case needs of the database.
type Store interface {
	BeginVNFPackage(ctx context.Context, id, clientID string, most int64) error
	AppendVNFPackage(ctx context.Context, id string, number int, content []byte) error
	ReadVNFPackage(ctx context.Context, id string, number int) ([]byte, error)
	FinishVNFPackage(ctx context.Context, p placement.VNFPackage) (placement.VNFPackage, error)
	DropVNFPackage(ctx context.Context, id string) error
	ListVNFPackages(ctx context.Context, page placement.Page) ([]placement.VNFPackage, error)
	GetVNFPackage(ctx context.Context, id string) (placement.VNFPackage, error)
	GetVNFPackageOf(ctx context.Context, vnfdID string) (placement.VNFPackage, error)
	DeleteVNFPackage(ctx context.Context, id string) error
}

const (
	chunkBytes = 1 << 20
	// mostKept is what all packages together may have.
	mostKept = 16 << 30
	// mostSending is how many packages are taken at the same time by one process.
	mostSending = 2
)

// ErrIncomplete is why a package could not be taken whose content ended too early.
var ErrIncomplete = errors.New("the content ended before all of it had arrived")

// Service takes and hands out VNF packages.
type Service struct {
	store   Store
	render  Render
	sending chan struct{}
}

// Render renders a Helm chart, which may do to its process what it likes. An error says that it could not be tried.
type Render func(ctx context.Context, source vnfd.Chart) (vnfd.Rendered, error)

// New returns a service.
func New(store Store, render Render) *Service {
	return &Service{store: store, render: render, sending: make(chan struct{}, mostSending)}
}

// MaxValuesBytes is how much may be set for the charts of a package.
const MaxValuesBytes = 1 << 20

// Onboard takes a package or a single VNFD; values are set for its Helm charts, a YAML document, nil for what the charts have. Kinds of errors: Invalid with findings that say what is wrong with it and where,
// Conflict when its VNFD is onboarded already or too much is kept, Unavailable. An error of body is returned as it is.
func (s *Service) Onboard(ctx context.Context, clientID string, body io.Reader, values []byte) (placement.VNFPackage, error) {
	select {
	case s.sending <- struct{}{}:
		defer func() { <-s.sending }()
	default:
		return placement.VNFPackage{}, placement.Errorf(placement.Unavailable, "%d VNF packages are being sent at this moment; try again", mostSending)
	}
	p := placement.VNFPackage{ID: uuid.NewString()}
	if err := s.store.BeginVNFPackage(ctx, p.ID, clientID, mostKept); err != nil {
		return p, err
	}
	stored, err := s.take(ctx, &p, body, values)
	if err != nil { // what cannot be dropped now is forgotten later
		_ = s.store.DropVNFPackage(context.WithoutCancel(ctx), p.ID)
	}
	return stored, err
}

func (s *Service) take(ctx context.Context, p *placement.VNFPackage, body io.Reader, values []byte) (placement.VNFPackage, error) {
	if err := s.keep(ctx, p, body); err != nil {
		return *p, err
	}
	content := s.content(ctx, p)
	charts := vnfd.Charts{Values: values, Render: func(c vnfd.Chart) (vnfd.Rendered, error) { return s.render(ctx, c) }}
	draft, findings := vnfd.Read(content, p.SizeBytes, DescriptorName, charts)
	if content.err != nil {
		return *p, content.err
	}
	if draft == nil || vnfd.HasErrors(findings) {
		return *p, refusal(findings)
	}
	p.Archive = vnfd.IsArchive(content)
	p.VNFDID, p.VNFDVersion, p.Provider = draft.VNFDID, draft.Version, draft.Provider
	p.ProductName, p.SoftwareVersion = draft.ProductName, draft.SoftwareVersion
	var err error
	if p.Draft, err = json.Marshal(draft); err != nil {
		return *p, err
	}
	if p.Findings, err = json.Marshal(findings); err != nil {
		return *p, err
	}
	return s.store.FinishVNFPackage(ctx, *p)
}

// DescriptorName is what a VNFD that was sent alone is called in findings, and within the package that is made of it.
const DescriptorName = "vnfd.yaml"

// keep stores what is sent, piece by piece.
func (s *Service) keep(ctx context.Context, p *placement.VNFPackage, body io.Reader) error {
	sum := sha256.New()
	piece := make([]byte, chunkBytes)
	for number := 0; ; number++ {
		n, err := io.ReadFull(body, piece)
		p.SizeBytes += int64(n)
		if p.SizeBytes > vnfd.MaxPackageBytes {
			return TooLarge{}
		}
		if n > 0 {
			_, _ = sum.Write(piece[:n])
			if err := s.store.AppendVNFPackage(ctx, p.ID, number, piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			p.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return nil
		}
		if err != nil {
			return errors.Join(ErrIncomplete, err)
		}
	}
}

// TooLarge is why a package was not taken that has more than vnfd.MaxPackageBytes.
type TooLarge struct{}

// Error says so.
func (TooLarge) Error() string { return "the VNF package is too large" }

// refusal says what is wrong with a package.
func refusal(findings []vnfd.Finding) error {
	e := placement.Errorf(placement.Invalid, "the VNF package cannot be onboarded")
	for _, f := range findings {
		message := f.Message
		if f.File != "" {
			message = f.File + ": " + message
		}
		e.Findings = append(e.Findings, placement.Finding{Severity: string(f.Severity), Code: f.Code, Line: f.Line, Column: f.Column, Message: message})
	}
	return e
}

// List returns a page of the packages by id.
func (s *Service) List(ctx context.Context, page placement.Page) ([]placement.VNFPackage, error) {
	return s.store.ListVNFPackages(ctx, page)
}

// Get returns a package. Kinds of errors: NotFound, Unavailable.
func (s *Service) Get(ctx context.Context, id string) (placement.VNFPackage, error) {
	return s.store.GetVNFPackage(ctx, id)
}

// Of returns the package of a VNFD. Kinds of errors: NotFound, Unavailable.
func (s *Service) Of(ctx context.Context, vnfdID string) (placement.VNFPackage, error) {
	return s.store.GetVNFPackageOf(ctx, vnfdID)
}

// Delete deletes a package; the VNF profile that was made of it stays. Kinds of errors: NotFound, Unavailable.
func (s *Service) Delete(ctx context.Context, id string) error {
	if _, err := s.store.GetVNFPackage(ctx, id); err != nil { // as the caller may know it
		return err
	}
	return s.store.DeleteVNFPackage(ctx, id)
}

// Draft is what the package's VNFD says of its VNF profile, and what was found in the package. It reads what take has stored, so the
// names of the fields of vnfd.Draft are part of the database.
func Draft(p *placement.VNFPackage) (draft vnfd.Draft, findings []vnfd.Finding, err error) {
	if err = json.Unmarshal(p.Draft, &draft); err == nil {
		err = json.Unmarshal(p.Findings, &findings)
	}
	return draft, findings, err
}
