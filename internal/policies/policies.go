// Package policies is the use case of the policy life cycle as SOL012 has it: create, transfer a version,
// select, activate, delete. What a policy means is package policy's business.
package policies

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Store is what the life cycle needs of the database.
type Store interface {
	CreatePolicy(ctx context.Context, p placement.PolicyRecord, actor string) (placement.PolicyRecord, error)
	GetPolicy(ctx context.Context, id string) (placement.PolicyRecord, error)
	ListPolicies(ctx context.Context, page placement.Page) ([]placement.PolicyRecord, error)
	// DeletePolicy removes a policy with its versions; Conflict while it is activated.
	DeletePolicy(ctx context.Context, id string, ifRevision *int64, actor string) error
	// PutPolicyVersion stores content once; a version that exists is a Conflict.
	PutPolicyVersion(ctx context.Context, v placement.PolicyVersion) error
	GetPolicyVersion(ctx context.Context, policyID, version string) (placement.PolicyVersion, error)
	DeletePolicyVersion(ctx context.Context, policyID, version, actor string) error
	// UpdatePolicy changes a policy under lock. When that changes what is in force, the epoch moves with it, and inForce sees all
	// that is in force then: its error undoes the change, the events that it returns are told with it.
	UpdatePolicy(ctx context.Context, id string, ifRevision *int64, actor string,
		change func(placement.PolicyRecord) (placement.PolicyRecord, error),
		inForce func([]placement.ActivePolicy) ([]placement.PolicyEvent, error)) (placement.PolicyRecord, error)
}

// Fleet is what policies are analysed against: the inventory as it is now.
type Fleet interface {
	// CatchUp waits until View holds everything that was committed before the call.
	CatchUp(ctx context.Context) error
	View() *fleet.View
}

// Service runs the life cycle.
type Service struct {
	store    Store
	fleet    Fleet
	settings Settings
	log      *slog.Logger

	previewing chan struct{} // holds one while a preview is computed
}

// New returns a service.
func New(store Store, f Fleet, settings Settings, log *slog.Logger) *Service {
	return &Service{store: store, fleet: f, settings: settings, log: log, previewing: make(chan struct{}, 1)}
}

// Draft is what a policy is created with.
type Draft struct {
	Designer     string
	Name         string
	PFID         string
	Associations []string
}

// Create makes a policy without content (SOL012: DEACTIVATED, CREATED).
func (s *Service) Create(ctx context.Context, actor string, d Draft) (placement.PolicyRecord, error) {
	if d.PFID != "" {
		return placement.PolicyRecord{}, placement.Errorf(placement.Invalid,
			"pfId names a policy function other than the API producer; ringfence evaluates its policies itself, leave pfId out")
	}
	return s.store.CreatePolicy(ctx, placement.PolicyRecord{
		ID: uuid.NewString(), Designer: d.Designer, Name: d.Name, Associations: unique(d.Associations),
	}, actor)
}

// Get returns a policy.
func (s *Service) Get(ctx context.Context, id string) (placement.PolicyRecord, error) {
	return s.store.GetPolicy(ctx, id)
}

// List returns a page of policies.
func (s *Service) List(ctx context.Context, page placement.Page) ([]placement.PolicyRecord, error) {
	return s.store.ListPolicies(ctx, page)
}

// PageKey is what Page.After takes of a policy.
func PageKey(p *placement.PolicyRecord) string { return p.ID }

// Delete removes a policy that is not activated; with ifRevision only that revision of it.
func (s *Service) Delete(ctx context.Context, actor, id string, ifRevision *int64) error {
	return s.store.DeletePolicy(ctx, id, ifRevision, actor)
}

// Version returns the content of a version, byte for byte.
func (s *Service) Version(ctx context.Context, policyID, version string) (placement.PolicyVersion, error) {
	return s.store.GetPolicyVersion(ctx, policyID, version)
}

// Selected returns the content of the selected version; a policy without content has none.
func (s *Service) Selected(ctx context.Context, policyID string) (placement.PolicyVersion, error) {
	p, err := s.store.GetPolicy(ctx, policyID)
	if err != nil {
		return placement.PolicyVersion{}, err
	}
	if p.SelectedVersion == "" {
		return placement.PolicyVersion{}, placement.Errorf(placement.NotFound,
			"policy %s has no content yet: transfer a version with PUT /nfvpolicy/v1/policies/%s/versions/{version}", policyID, policyID)
	}
	return s.store.GetPolicyVersion(ctx, policyID, p.SelectedVersion)
}

// candidatePage is how many policies are read at once.
const candidatePage = 100

// Candidates returns the policies that would be in force if a version were: that version, whether or not its policy
// is activated, beside the selected versions of the other policies that are.
func (s *Service) Candidates(ctx context.Context, policyID, version string) ([]placement.ActivePolicy, error) {
	p, err := s.store.GetPolicy(ctx, policyID)
	if err != nil {
		return nil, err
	}
	p.SelectedVersion, p.Activated = version, true
	candidate, err := s.active(ctx, &p)
	if err != nil {
		return nil, err
	}
	others, err := s.others(ctx, policyID)
	if err != nil {
		return nil, err
	}
	out := append(others, candidate)
	slices.SortFunc(out, func(a, b placement.ActivePolicy) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
	return out, nil
}

// others returns the policies in force but for one, ascending by id.
func (s *Service) others(ctx context.Context, policyID string) ([]placement.ActivePolicy, error) {
	var out []placement.ActivePolicy
	for after := ""; ; {
		page, err := s.store.ListPolicies(ctx, placement.Page{After: after, Limit: candidatePage})
		if err != nil {
			return nil, err
		}
		for i := range page {
			if !page[i].Activated || page[i].ID == policyID {
				continue
			}
			other, err := s.active(ctx, &page[i])
			if err != nil {
				return nil, err
			}
			out = append(out, other)
		}
		if len(page) < candidatePage {
			slices.SortFunc(out, func(a, b placement.ActivePolicy) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
			return out, nil
		}
		after = PageKey(&page[len(page)-1])
	}
}

func (s *Service) active(ctx context.Context, p *placement.PolicyRecord) (placement.ActivePolicy, error) {
	v, err := s.store.GetPolicyVersion(ctx, p.ID, p.SelectedVersion)
	if err != nil {
		return placement.ActivePolicy{}, err
	}
	return placement.ActivePolicy{
		Ref: placement.PolicyRef{ID: p.ID, Version: v.Version, SHA256: v.SHA256}, Content: v.Content, Associations: p.Associations,
	}, nil
}

// Transfer stores a version after it was parsed, checked, compiled, analysed and its own tests passed. A document that contradicts
// itself is refused, as one that cannot be compiled or whose tests fail. The first version of a policy is selected by the store. Findings that do not stand in the way are
// returned, and again by Analyse.
func (s *Service) Transfer(ctx context.Context, actor, policyID, version, mediaType string, content []byte) ([]placement.Finding, error) {
	p, err := s.store.GetPolicy(ctx, policyID)
	if err != nil {
		return nil, err
	}
	if slices.Contains(p.Versions, version) {
		return nil, placement.Errorf(placement.Conflict, "version %s of policy %s was transferred already; versions are written once, choose another", version, policyID)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	compiled, findings, err := s.examine(ctx, content, placement.PolicyRef{ID: policyID, Version: version, SHA256: digest}, p.Associations)
	if err != nil {
		return nil, err
	}
	if !policy.HasErrors(findings) {
		_, failed := RunTests(content, s.settings.ReadInventory)
		findings = append(findings, failed...)
	}
	if policy.HasErrors(findings) {
		return nil, &placement.Error{
			Kind: placement.Invalid, Findings: findings,
			Message: "the policy document is refused; its findings say where and why",
		}
	}
	return findings, s.store.PutPolicyVersion(ctx, placement.PolicyVersion{
		PolicyID: policyID, Version: version, MediaType: mediaType, Content: content, SHA256: digest, TransferredBy: actor,
		Associations: named(content), HostLabels: compiled.HostLabels(),
	})
}

// named are the associations that a document gives its policy to begin with.
func named(content []byte) []string {
	doc, _ := policy.Parse(content)
	return unique(doc.TargetObjectIDs)
}

// DeleteVersion removes a version that is not selected.
func (s *Service) DeleteVersion(ctx context.Context, actor, policyID, version string) error {
	return s.store.DeletePolicyVersion(ctx, policyID, version, actor)
}

// Modification is a change of a policy; nil and empty members change nothing.
type Modification struct {
	SelectedVersion       string
	Activate              *bool
	AddAssociations       []string
	RemoveAssociations    []string
	RemoveAllAssociations bool
	BreakGlass            string // why one person alone puts the version in force; empty: two do
}

// Modify applies a modification as a whole or not at all. evicted is how many residencies rules evict because of it.
func (s *Service) Modify(ctx context.Context, actor, id string, ifRevision *int64, m Modification) (p placement.PolicyRecord, evicted int, err error) {
	if m.RemoveAllAssociations && len(m.AddAssociations)+len(m.RemoveAssociations) > 0 {
		return p, 0, placement.Errorf(placement.Invalid, "removeAllAssociations excludes addAssociations and removeAssociations")
	}
	for tries := 1; ; tries++ {
		p, evicted, err = s.modify(ctx, actor, id, ifRevision, &m)
		moved := errors.Is(err, errOthersChanged) || ifRevision == nil && placement.KindOf(err) == placement.PreconditionFailed
		if !moved || tries == maxModifyTries {
			return p, evicted, err
		}
	}
}

// maxModifyTries is how often a policy that others change all the time, or the others in force, is tried to be changed.
const maxModifyTries = 10

// modify checks a modification of what is stored, then makes it of just that: two modifications, each of which the document
// allows, may ask together for what it does not.
func (s *Service) modify(ctx context.Context, actor, id string, ifRevision *int64, m *Modification) (placement.PolicyRecord, int, error) {
	p, err := s.store.GetPolicy(ctx, id)
	if err != nil {
		return placement.PolicyRecord{}, 0, err
	}
	after, err := m.applied(p)
	if err != nil {
		return placement.PolicyRecord{}, 0, err
	}
	if ifRevision == nil {
		ifRevision = &p.Revision
	}
	var agreed *agreement
	if after.Activated || !slices.Equal(after.Associations, p.Associations) || after.SelectedVersion != p.SelectedVersion {
		if agreed, err = s.agree(ctx, &after); err != nil {
			return placement.PolicyRecord{}, 0, err
		}
	}
	updated, err := s.store.UpdatePolicy(ctx, id, ifRevision, actor, func(before placement.PolicyRecord) (placement.PolicyRecord, error) {
		after, err := m.applied(before)
		if err != nil {
			return after, err
		}
		after, err = s.approved(actor, m, before, after)
		after.Overrides = agreed.overridden()
		return after, err
	}, agreed.with)
	if err == nil {
		s.warnOfBreakGlass(ctx, actor, &updated)
	}
	return updated, agreed.evictions(), err
}

// applied is the policy after the modification. SOL012 answers 409 to any change of a policy without content, and to
// a status that the policy has already.
func (m *Modification) applied(p placement.PolicyRecord) (placement.PolicyRecord, error) {
	switch {
	case len(p.Versions) == 0:
		return p, placement.Errorf(placement.Conflict, "policy %s has no content yet: transfer a version before changing it", p.ID)
	case m.Activate != nil && *m.Activate && p.Activated:
		return p, placement.Errorf(placement.Conflict, "policy %s is ACTIVATED already", p.ID)
	case m.Activate != nil && !*m.Activate && !p.Activated:
		return p, placement.Errorf(placement.Conflict, "policy %s is DEACTIVATED already", p.ID)
	case m.SelectedVersion != "" && !slices.Contains(p.Versions, m.SelectedVersion):
		return p, placement.Errorf(placement.Invalid, "version %s of policy %s was not transferred; transferred are %s",
			m.SelectedVersion, p.ID, strings.Join(p.Versions, ", "))
	}
	if m.SelectedVersion != "" {
		p.SelectedVersion = m.SelectedVersion
	}
	if m.Activate != nil {
		p.Activated = *m.Activate
	}
	if m.RemoveAllAssociations {
		p.Associations = nil
	}
	p.Associations = slices.DeleteFunc(slices.Clone(p.Associations), func(a string) bool { return slices.Contains(m.RemoveAssociations, a) })
	p.Associations = unique(append(p.Associations, m.AddAssociations...))
	return p, nil
}

// unique is a list as a set: in order, each once. nil stays nil.
func unique[E cmp.Ordered](ids []E) []E {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
