package inventory

import (
	"context"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

type trustStore interface {
	ListTrustDomains(ctx context.Context, page placement.Page) ([]placement.TrustDomain, error)
	GetTrustDomain(ctx context.Context, id string) (placement.TrustDomain, error)
	PutTrustDomain(ctx context.Context, t placement.TrustDomain, ifRevision *int64, actor string) (placement.TrustDomain, bool, error)
	DeleteTrustDomain(ctx context.Context, id string, ifRevision *int64, actor string) error

	ListTrustRelations(ctx context.Context, page placement.Page) ([]placement.TrustRelation, error)
	GetTrustRelation(ctx context.Context, fromID, toID string) (placement.TrustRelation, error)
	PutTrustRelation(ctx context.Context, r placement.TrustRelation, ifRevision *int64, actor string) (placement.TrustRelation, bool, error)
	DeleteTrustRelation(ctx context.Context, fromID, toID string, ifRevision *int64, actor string) error
}

func (s *Service) recordTrust() {
	s.TrustDomains = Collection[placement.TrustDomain]{
		list: s.store.ListTrustDomains, get: one(s.store.GetTrustDomain), put: s.store.PutTrustDomain, remove: oneOf(s.store.DeleteTrustDomain),
		key:      func(t *placement.TrustDomain) Key { return ID(t.ID) },
		revision: func(t *placement.TrustDomain) int64 { return t.Revision },
		check:    checkTrustDomain,
	}
	s.TrustRelations = Collection[placement.TrustRelation]{
		list: s.store.ListTrustRelations, get: two(s.store.GetTrustRelation), put: s.store.PutTrustRelation, remove: twoOf(s.store.DeleteTrustRelation),
		key: func(r *placement.TrustRelation) Key { return Key{r.FromID, r.ToID} }, between: ":",
		revision: func(r *placement.TrustRelation) int64 { return r.Revision },
		check:    checkTrustRelation,
	}
}

func checkTrustDomain(t *placement.TrustDomain, f *faults) {
	if strings.Contains(t.ID, ":") {
		f.add(CodeInvalid, "/id", "the id of a trust domain has no colon: trust relations are named by two ids with one between them")
	}
	checkSensitivity(t.Sensitivity, "/sensitivity", f)
	for i, c := range t.AllowedCountries {
		checkCountry(c, "/allowedCountries/"+strconv.Itoa(i), f)
	}
	if t.MaxAttestationAge < 0 {
		f.add(CodeInvalid, "/maxAttestationAge", "an age is not negative")
	}
	if t.MinIsolation == placement.IsolationPhysical {
		f.add(CodeInvalid, "/minIsolation", "PHYSICAL is a result, no request: make the trust domain exclusive instead")
	}
	if t.ParentID != "" && t.ParentID == t.ID {
		f.add(CodeCycle, "/parentId", "a trust domain does not inherit from itself")
	}
}

func checkTrustRelation(r *placement.TrustRelation, f *faults) {
	if r.FromID == r.ToID {
		f.add(CodeInvalid, "/toId", "a trust relation is between two trust domains; within one, nothing is handled")
	}
}

func checkSensitivity(v int, pointer string, f *faults) {
	if v < 0 || v > placement.MaxSensitivity {
		f.add(CodeInvalid, pointer, "a sensitivity is 0 to %d", placement.MaxSensitivity)
	}
}

// checkCountry checks the form only: which codes are assigned changes, and an unknown country fits no rule that names
// countries.
func checkCountry(c, pointer string, f *faults) {
	if len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
		f.add(CodeInvalid, pointer, "a country is written as the two capitals of ISO 3166-1, such as GB")
	}
}

// checkAmounts checks the dimensions of a capacity or a demand.
func checkAmounts(r placement.Resources, pointer string, f *faults) {
	for dimension, amount := range r {
		switch {
		case !placement.KnownDimension(dimension):
			f.add(CodeUnknownDimension, pointer+"/"+escape(dimension), "there is no capacity dimension %q; there are %s, and your own begin with %s",
				dimension, strings.Join(placement.Dimensions(), ", "), placement.ExtPrefix)
		case amount < 0:
			f.add(CodeInvalid, pointer+"/"+escape(dimension), "an amount is not negative")
		}
	}
}

// escape writes a name as a part of a JSON pointer (RFC 6901).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
