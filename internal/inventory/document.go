package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/placement"
)

type documentStore interface {
	// CheckDocument reports what Import would refuse a document for: references to what does not exist, neither in it
	// nor in the database, duplicates and cycles. Its error is Invalid with findings.
	CheckDocument(ctx context.Context, doc *placement.Inventory) error
	// Import checks a document and applies it. Facts lets it set what verifiers, scrubbers and decisions set otherwise;
	// end says what residencies leave behind on hosts where they are no longer.
	Import(ctx context.Context, doc *placement.Inventory, facts bool, end placement.EndRules, actor string, progress func(done, total int)) (
		placement.ImportResult, error)
	// Export returns everything as it is at one moment.
	Export(ctx context.Context) (placement.Inventory, error)
}

// clockTolerance is how far the clock that a document was written by may be ahead of ours.
const clockTolerance = 2 * time.Second

// Import creates or replaces what a document lists, each entry by its key; what it does not list stays. Found is what
// reading the document has shown to be wrong with it. One fault anywhere refuses it all: the error is Invalid, and its
// findings, which are in no particular order, point into the document. A document that changes what security rests on may be proposed
// instead of imported: then the error is a placement.AwaitsApproval. Progress, which may be nil, is told how many
// entries are applied. Further kinds of errors: Conflict, Unavailable.
func (s *Service) Import(ctx context.Context, actor string, doc *placement.Inventory, found []placement.Finding, progress func(done, total int),
) (placement.ImportResult, error) {
	f := faults{list: found, count: len(found)}
	if err := s.checkDocument(ctx, doc, &f); err != nil {
		return placement.ImportResult{}, err
	}
	if f.count > 0 {
		return placement.ImportResult{}, s.refuseDocument(ctx, doc, &f)
	}
	return s.store.Import(ctx, doc, s.allowFacts, s.endRules(), actor, progress)
}

// checkDocument finds what is wrong with a document, but for what the store finds.
func (s *Service) checkDocument(ctx context.Context, doc *placement.Inventory, f *faults) error {
	s.checkRecords(doc, f)
	if err := s.checkFactsOf(ctx, doc, f); err != nil {
		return err
	}
	return s.checkFabricOf(ctx, doc, f)
}

// refuseDocument adds what the store would refuse, so that all faults are told at once.
func (s *Service) refuseDocument(ctx context.Context, doc *placement.Inventory, f *faults) error {
	known, faulty := map[string]bool{}, map[string]bool{}
	for i := range f.list {
		at := f.list[i].Pointer
		faulty[entryOf(at)] = true
		for known[at] = true; strings.Count(at, "/") > 3; known[at] = true { // what holds it is known to be faulty as well
			at = at[:strings.LastIndexByte(at, '/')]
		}
	}
	err := s.store.CheckDocument(ctx, doc)
	var e *placement.Error
	if err != nil && (!errors.As(err, &e) || e.Kind != placement.Invalid) {
		return err
	}
	if e != nil {
		for _, more := range e.Findings {
			// An entry that could not be read whole may lack its key: what follows from that is no fault of its own.
			follows := faulty[entryOf(more.Pointer)] && (more.Code == CodeMissing || more.Code == CodeDuplicate)
			if !known[more.Pointer] && !follows {
				f.list = append(f.list, more)
				f.count++
			}
		}
	}
	faults := "1 fault"
	if f.count > 1 {
		faults = fmt.Sprintf("%d faults", f.count)
	}
	return &placement.Error{Kind: placement.Invalid, Message: "the document has " + faults + "; nothing was imported", Findings: f.list}
}

// entryOf cuts a pointer down to the entry that it leads into, /list/index.
func entryOf(pointer string) string {
	parts := strings.SplitN(pointer, "/", 4)
	return strings.Join(parts[:min(len(parts), 3)], "/")
}

// checkRecords checks every entry by itself.
func (s *Service) checkRecords(doc *placement.Inventory, f *faults) {
	checkAll(doc.TrustDomains, "trustDomains", checkTrustDomain, f)
	checkAll(doc.TrustRelations, "trustRelations", checkTrustRelation, f)
	checkAll(doc.NFVIPoPs, "nfviPops", checkNFVIPoP, f)
	checkAll(doc.HostPools, "hostPools", checkHostPool, f)
	checkAll(doc.RuntimeClasses, "runtimeClasses", checkRuntimeClass, f)
	checkAll(doc.Hosts, "hosts", checkHost, f)
	checkAll(doc.Images, "images", checkImage, f)
	checkAll(doc.VNFProfiles, "vnfProfiles", checkVNFProfile, f)
	checkAll(doc.Residencies, "residencies", checkResidency, f)
	checkAll(doc.CacheEntries, "cacheEntries", checkCacheEntry, f)
}

// checkAll checks the entries of a list. What reading has found at a place already is not said again.
func checkAll[T any](list []T, name string, check func(*T, *faults), f *faults) {
	said := map[string]bool{}
	for i := range f.list {
		said[f.list[i].Pointer] = true
	}
	for i := range list {
		var own faults
		check(&list[i], &own)
		if own.count == 0 {
			continue
		}
		f.prefix = "/" + name + "/" + strconv.Itoa(i)
		for _, fault := range own.list {
			if !said[f.prefix+fault.Pointer] {
				f.add(fault.Code, fault.Pointer, "%s", fault.Message)
			}
		}
		f.prefix = ""
	}
}

// checkFactsOf checks what a document says of attestation, residue, dedication, grants and states. Where it may not set
// them, it may repeat what is stored, so that an export can be imported where it came from.
func (s *Service) checkFactsOf(ctx context.Context, doc *placement.Inventory, f *faults) error {
	if s.allowFacts {
		s.checkAttestationsOf(doc, f)
	} else if err := s.checkHostFactsOf(ctx, doc, f); err != nil {
		return err
	}
	return s.checkDecidedOf(ctx, doc, f)
}

func (s *Service) checkAttestationsOf(doc *placement.Inventory, f *faults) {
	now := s.Now()
	for i := range doc.Hosts {
		a := &doc.Hosts[i].Attestation
		if a.State == "" {
			continue
		}
		at := "/hosts/" + strconv.Itoa(i) + "/attestation"
		checkAttestation(a, at, f)
		if a.AttestedAt.After(now.Add(clockTolerance)) {
			f.add(CodeInvalid, at+"/attestedAt", "the verdict is from the future; check the clock that attestedAt was taken from")
		}
		if a.AttestedAt.IsZero() {
			a.AttestedAt = now
		}
	}
}

func (s *Service) checkHostFactsOf(ctx context.Context, doc *placement.Inventory, f *faults) error {
	stating := map[Key]int{}
	for i := range doc.Hosts {
		if h := &doc.Hosts[i]; statesAttestation(h) || h.Residue != nil || h.DedicatedTo != nil {
			stating[ID(h.ID)] = i
		}
	}
	return eachStored(ctx, &s.Hosts, stating, func(i int, stored *placement.Host) {
		f.prefix = "/hosts/" + strconv.Itoa(i)
		checkFacts(stored, &doc.Hosts[i], f)
		f.prefix = ""
	})
}

// checkDecidedOf checks residencies that say what only grants make of them.
func (s *Service) checkDecidedOf(ctx context.Context, doc *placement.Inventory, f *faults) error {
	stating := map[Key]int{}
	for i := range doc.Residencies {
		var own faults
		if checkDecided(&doc.Residencies[i], s.allowFacts, &own); own.count > 0 {
			stating[ID(doc.Residencies[i].ID)] = i
		}
	}
	return eachStored(ctx, &s.Residencies, stating, func(i int, stored *placement.Residency) {
		r := &doc.Residencies[i]
		if stored.GrantID != "" && stored.GrantID == r.GrantID && stored.State == r.State && (r.ExpiresAt.IsZero() || r.ExpiresAt.Equal(stored.ExpiresAt)) {
			return
		}
		f.prefix = "/residencies/" + strconv.Itoa(i)
		checkDecided(r, s.allowFacts, f)
		f.prefix = ""
	})
}

// fewRecords is up to how many records are looked up one by one rather than in a pass over all.
const fewRecords = 100

// eachStored calls fn with the stored form of records, an empty one where there is none.
func eachStored[T any](ctx context.Context, c *Collection[T], wanted map[Key]int, fn func(i int, stored *T)) error {
	if len(wanted) <= fewRecords {
		for key, i := range wanted {
			stored, err := c.get(ctx, key)
			if err != nil && placement.KindOf(err) != placement.NotFound {
				return err
			}
			fn(i, &stored)
		}
		return nil
	}
	page := placement.Page{Limit: 1000}
	for {
		list, err := c.list(ctx, page)
		if err != nil {
			return err
		}
		for j := range list {
			key := c.key(&list[j])
			if i, ok := wanted[key]; ok {
				fn(i, &list[j])
				delete(wanted, key)
			}
		}
		if len(list) < page.Limit {
			break
		}
		page.After = c.After(&list[len(list)-1])
	}
	for _, i := range wanted {
		var none T
		fn(i, &none)
	}
	return nil
}

// Export returns everything as one document, as it is at one moment, each list in the order of its keys.
func (s *Service) Export(ctx context.Context) (placement.Inventory, error) {
	doc, err := s.store.Export(ctx)
	if err != nil {
		return doc, err
	}
	slices.SortFunc(doc.TrustDomains, func(a, b placement.TrustDomain) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.TrustRelations, func(a, b placement.TrustRelation) int {
		return cmp.Or(cmp.Compare(a.FromID, b.FromID), cmp.Compare(a.ToID, b.ToID))
	})
	slices.SortFunc(doc.NFVIPoPs, func(a, b placement.NFVIPoP) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.ResourceZones, func(a, b placement.ResourceZone) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.HostPools, func(a, b placement.HostPool) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.RuntimeClasses, func(a, b placement.RuntimeClass) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(doc.Hosts, func(a, b placement.Host) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.Images, func(a, b placement.Image) int { return cmp.Compare(a.Digest, b.Digest) })
	slices.SortFunc(doc.VNFProfiles, func(a, b placement.VNFProfile) int { return cmp.Compare(a.VNFDID, b.VNFDID) })
	slices.SortFunc(doc.Residencies, func(a, b placement.Residency) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.CacheEntries, func(a, b placement.CacheEntry) int {
		return cmp.Or(cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.Digest, b.Digest))
	})
	return doc, nil
}
