package cism

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	wire "ringfence/api/directives"
	"ringfence/internal/directive"
)

// standing is one workload that may run: what a PLACE directive said and no RELEASE took back.
type standing struct {
	HostID  string              `json:"hostId"`
	Seq     int64               `json:"seq"`
	Place   wire.PlaceDirective `json:"place"`
	Started bool                `json:"started"` // a pod was bound for it, so that it may start again after ExpiresAt

	Acknowledged bool `json:"acknowledged"`
}

func (s *standing) residency() string { return s.Place.Workload.ResidencyID }

// expired tells whether it is too late to start it for the first time.
func (s *standing) expired(now time.Time) bool {
	return !s.Started && !s.Place.ExpiresAt.IsZero() && now.After(s.Place.ExpiresAt)
}

// form is how an artefact may be fetched on a host for a trust domain; an empty domain stands for every one.
type form struct {
	HostID        string `json:"hostId"`
	Digest        string `json:"digest"`
	TrustDomainID string `json:"trustDomainId,omitempty"`
}

// table is what may run in the cluster, as the directives say so far. Its methods may be called at the same time.
type table struct {
	mu          sync.RWMutex
	seqs        map[string]int64  // newest directive per host
	quarantined map[string]string // host: why
	forms       map[form]string   // pull policy
	standings   map[string]*standing
	released    []dueAck // rights that ended and are not acknowledged
	changed     bool     // since it was last saved
	complete    bool     // it was once read to the end of the feed
	advisory    bool     // the newest directive of the feed does not bind
}

func newTable() *table {
	return &table{seqs: map[string]int64{}, quarantined: map[string]string{}, forms: map[form]string{}, standings: map[string]*standing{}}
}

// gapError says that directives of a host are missing.
type gapError struct {
	hostID     string
	last, next int64
}

func (e *gapError) Error() string {
	return fmt.Sprintf("the directives of host %s go on with %d after %d: those between are missing", e.hostID, e.next, e.last)
}

// apply follows one directive. One that was followed before does nothing; one that leaves a gap is a *gapError, because
// what is missing may have taken a right back. A table that is read from the beginning starts where the feed starts.
func (t *table) apply(d *wire.Directive) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, known := t.seqs[d.HostID]
	switch {
	case d.Seq <= last:
		return nil
	case d.Seq != last+1 && (known || t.complete):
		return &gapError{d.HostID, last, d.Seq}
	}
	t.seqs[d.HostID], t.changed = d.Seq, true
	t.advisory = d.Enforcement == wire.DirectiveEnforcementADVISORY
	switch d.Kind {
	case wire.DirectiveKindPLACE:
		t.standings[d.Place.Workload.ResidencyID] = &standing{HostID: d.HostID, Seq: d.Seq, Place: d.Place}
	case wire.DirectiveKindRELEASE:
		// A later PLACE elsewhere for the same residency is not this host's to take back.
		if s := t.standings[d.Release.Workload.ResidencyID]; s != nil && s.HostID == d.HostID {
			delete(t.standings, s.residency())
		}
		t.released = append(t.released, dueAck{d.Release.Workload.ResidencyID, d.HostID, d.Seq, d.IssuedAt})
	case wire.DirectiveKindCACHE:
		t.setForm(d)
	case wire.DirectiveKindQUARANTINE:
		t.quarantined[d.HostID] = d.Quarantine.Reason
	case wire.DirectiveKindUNQUARANTINE:
		delete(t.quarantined, d.HostID)
	case wire.DirectiveKindPURGE, wire.DirectiveKindSCRUB:
		// The host's own business.
	case wire.DirectiveKindENFORCEMENT:
		// Every directive says whether it binds; this one says nothing else.
	default:
		return fmt.Errorf("directive %d of host %s has the kind %q, which this version does not know: update it", d.Seq, d.HostID, d.Kind)
	}
	return nil
}

func (t *table) setForm(d *wire.Directive) {
	domains := d.Cache.VisibleToTrustDomainIDs
	if len(domains) == 0 {
		domains = []string{""}
	}
	for _, domain := range domains {
		t.forms[form{d.HostID, d.Cache.Digest, domain}] = string(d.Cache.PullPolicy)
	}
}

// get returns a standing by its residency.
func (t *table) get(residencyID string) (standing, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.standings[residencyID]; s != nil {
		return *s, true
	}
	return standing{}, false
}

// find returns the standings that an identity fits, in the order of their residencies.
func (t *table) find(id identity) []standing {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found []standing
	for _, s := range t.standings {
		if id.fits(s) {
			found = append(found, *s)
		}
	}
	slices.SortFunc(found, func(a, b standing) int { return cmp.Compare(a.residency(), b.residency()) })
	return found
}

// start records that a pod was bound for a standing.
func (t *table) start(residencyID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.standings[residencyID]; s != nil && !s.Started {
		s.Started, t.changed = true, true
	}
}

// quarantine says why nothing new may start on a host.
func (t *table) quarantine(hostID string) (reason string, quarantined bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	reason, quarantined = t.quarantined[hostID]
	return reason, quarantined
}

// pullPolicies are those that a standing's artefacts must be fetched with: by digest, and under `*` for one that is not
// listed.
func (t *table) pullPolicies(s *standing) map[string]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	policies := map[string]string{}
	for _, domain := range []string{"", s.Place.TrustDomainID} { // what is said for the domain counts
		for _, digest := range append(slices.Clone(s.Place.Images), anyDigest) {
			if policy, known := t.forms[form{s.HostID, digest, domain}]; known {
				policies[digest] = policy
			}
		}
	}
	return policies
}

// anyDigest stands for the artefacts of a component that names none.
const anyDigest = "*"

// hostnames are the hosts that directives find by the name of a node: name to host.
func (t *table) hostnames() map[string]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	hosts := map[string]string{}
	for _, s := range t.standings {
		if name := s.Place.NodeSelector[directive.LabelHostname]; name != "" {
			hosts[name] = s.HostID
		}
	}
	return hosts
}

// finish says that the table was read to the end of the feed.
func (t *table) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.complete {
		t.complete, t.changed = true, true
	}
}

func (t *table) isComplete() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.complete
}

// isAdvisory tells whether directives to the cluster do not bind. A mode of a VIM connection is that of all its hosts, and the feed is in
// the order in which modes changed; a table that was not read to the end binds.
func (t *table) isAdvisory() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.complete && t.advisory
}

// reset forgets everything.
func (t *table) reset() {
	empty := newTable()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seqs, t.quarantined, t.forms, t.standings, t.released = empty.seqs, empty.quarantined, empty.forms, empty.standings, nil
	t.complete, t.advisory, t.changed = false, false, true
}

// size counts standings and quarantined hosts.
func (t *table) size() (standings, quarantined int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.standings), len(t.quarantined)
}

// leadsTo tells whether a node selector matches a node's labels. An empty selector leads nowhere.
func leadsTo(selector, labels map[string]string) bool {
	for key, value := range selector {
		if have, found := labels[key]; !found || have != value {
			return false
		}
	}
	return len(selector) > 0
}
