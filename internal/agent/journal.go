package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// Journal is what the agent must not forget: which directives it has, what it owes an answer to, and what they say about
// this host. Everything else it can look at.
type Journal struct {
	HostID string `json:"hostId"`
	// Seq is the last directive that was taken in.
	Seq int64 `json:"seq"`
	// Open are the directives that are not dealt with, in their order.
	Open []*Item `json:"open"`
	// Places are the workloads that may run, by residency.
	Places map[string]Place `json:"places"`
	// Wanted says in which form artefacts may lie here, by digest.
	Wanted map[string]*Wanted `json:"wanted"`
	// Elsewhere is a CIS node of the host that had a workload and that this agent does not see; empty: none. While it is
	// set, the agent must not report: it would report what runs there as gone.
	Elsewhere string `json:"elsewhere,omitempty"`
	// Advisory says that directives do not bind: the newest one says so.
	Advisory bool `json:"advisory,omitempty"`
	// Quarantine says why nothing new may start; empty: it may.
	Quarantine string `json:"quarantine,omitempty"`
}

// Item is a directive that is not dealt with.
type Item struct {
	Directive wire.Directive `json:"directive"`
	// Outcome and Detail are the newest answer; Told says that ringfence has it. Closed items need only be told.
	Outcome wire.AckOutcome `json:"outcome,omitempty"`
	Detail  string          `json:"detail,omitempty"`
	Told    bool            `json:"told,omitempty"`
	Closed  bool            `json:"closed,omitempty"`
	// Elsewhere says that the workload of a RELEASE is on a CIS node that this agent does not see.
	Elsewhere bool `json:"elsewhere,omitempty"`

	taken time.Time // an observation counts only if it began after this
	next  time.Time // when to try again
	tries int
}

// Place is the right of a workload to run.
type Place struct {
	Seq   int64               `json:"seq"`
	Order wire.PlaceDirective `json:"order"`
}

// Wanted is the newest CACHE directive for an artefact.
type Wanted struct {
	Seq   int64               `json:"seq"`
	Order wire.CacheDirective `json:"order"`
	// Image is what the artefact consists of, once that was read. Its layers have a route from then on.
	Image Image `json:"image"`
	// Needed says that a workload which uses it had or has the right to run here.
	Needed bool `json:"needed,omitempty"`
	// Used says that a container used it since it was last fetched.
	Used bool `json:"used,omitempty"`
	// UnusedSince is when the last container that used it was seen to be gone.
	UnusedSince time.Time `json:"unusedSince,omitzero"`
}

// LoadJournal reads the journal of a host; one that does not exist is that of a host that never had a directive.
func LoadJournal(file, hostID string) (*Journal, error) {
	j := &Journal{HostID: hostID, Places: map[string]Place{}, Wanted: map[string]*Wanted{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := json.Unmarshal(data, j); err != nil {
		return nil, fmt.Errorf("journal %s: %w; remove it to start again from the first directive, which does no harm", file, err)
	}
	if j.HostID != hostID {
		return nil, fmt.Errorf("the journal %s is that of host %s, and this is the agent of %s: give each host a state folder of its own", file, j.HostID, hostID)
	}
	return j, nil
}

// save writes the journal durably: either all of it, or none.
func (j *Journal) save(file string) error {
	data, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// take enters a verified directive that follows the last one. What it says about the host holds from here on; what has to
// be done for it is open. cisNodeID is the CIS node whose containers the agent sees; empty: the host's own kernel.
func (j *Journal) take(d wire.Directive, cisNodeID string, now time.Time) {
	item := &Item{Directive: d, taken: now}
	item.Directive.Signature = "" // it was verified over the text, which is not kept
	j.Seq, j.Advisory = d.Seq, d.Enforcement == wire.DirectiveEnforcementADVISORY
	switch d.Kind {
	case wire.DirectiveKindPLACE:
		j.Places[d.Place.Workload.ResidencyID] = Place{Seq: d.Seq, Order: d.Place}
		if d.Place.CISNode != cisNodeID {
			j.Elsewhere = cmp.Or(d.Place.CISNode, "the host's own kernel")
		}
	case wire.DirectiveKindRELEASE:
		place, stands := j.Places[d.Release.Workload.ResidencyID]
		item.Elsewhere = stands && place.Order.CISNode != cisNodeID
		delete(j.Places, d.Release.Workload.ResidencyID)
	case wire.DirectiveKindQUARANTINE:
		j.Quarantine = d.Quarantine.Reason
	case wire.DirectiveKindUNQUARANTINE:
		j.Quarantine = ""
	case wire.DirectiveKindCACHE, wire.DirectiveKindPURGE, wire.DirectiveKindSCRUB, wire.DirectiveKindENFORCEMENT:
	}
	j.Open = append(j.Open, item)
	j.forget()
}

// mostWanted bounds the orders about artefacts that are remembered when no workload needs them any more.
const mostWanted = 1000

// forget drops the oldest orders about artefacts that no workload needs, when there are too many.
func (j *Journal) forget() {
	if len(j.Wanted) <= mostWanted {
		return
	}
	digests := slices.SortedFunc(maps.Keys(j.Wanted), func(a, b string) int { return cmp.Compare(j.Wanted[a].Seq, j.Wanted[b].Seq) })
	for _, digest := range digests[:len(digests)-mostWanted] {
		if !j.placed(j.Wanted[digest]) {
			delete(j.Wanted, digest)
		}
	}
}

// later tells whether an open or dealt with directive after seq says something else about a digest.
func (j *Journal) later(digest string, seq int64) *Wanted {
	if w := j.Wanted[digest]; w != nil && w.Seq > seq {
		return w
	}
	return nil
}

// prune forgets the items that are closed and told.
func (j *Journal) prune() {
	kept := j.Open[:0]
	for _, item := range j.Open {
		if !item.Closed || !item.Told {
			kept = append(kept, item)
		}
	}
	j.Open = kept
}

// placed tells whether a workload that uses the artefact may run here.
func (j *Journal) placed(w *Wanted) bool {
	for _, p := range j.Places {
		if slices.Contains(p.Order.Images, w.Order.Digest) {
			return true
		}
		if len(p.Order.Images) == 0 && p.Order.TrustDomainID != "" && p.Order.TrustDomainID == w.domain() {
			return true
		}
	}
	return false
}

// domain is the trust domain that an artefact is kept for; empty: any.
func (w *Wanted) domain() string {
	if len(w.Order.VisibleToTrustDomainIDs) == 1 {
		return w.Order.VisibleToTrustDomainIDs[0]
	}
	return ""
}

// awaited tells whether a pod runs whose containers use the artefact: one of them that stopped may be started again.
func (j *Journal) awaited(digest string, seen *Observation) bool {
	for i := range seen.Workloads {
		place, is := j.Places[seen.Workloads[i].Labels[labelResidency]]
		if is && slices.Contains(place.Order.Images, digest) {
			return true
		}
	}
	return false
}

// judge completes an observation by what only the journal and the configuration know: for whom something lies here.
func (j *Journal) judge(seen *Observation, onlyDomain string) {
	for i := range seen.Artefacts {
		artefact := &seen.Artefacts[i]
		w := j.Wanted[artefact.Digest]
		if w == nil && j.Wanted[artefact.Manifest] != nil {
			artefact.Digest, w = artefact.Manifest, j.Wanted[artefact.Manifest]
		}
		switch {
		case artefact.Mode == inventory.CacheModeENCRYPTED && artefact.TrustDomainID == "" && w != nil: // only its blobs lie here
			artefact.TrustDomainID = w.domain()
		case artefact.Mode == inventory.CacheModeSHARED && onlyDomain != "" && (w == nil || w.Order.Mode != inventory.CacheModeSHARED):
			artefact.Mode, artefact.TrustDomainID = inventory.CacheModeDOMAINPRIVATE, onlyDomain
		}
	}
}
