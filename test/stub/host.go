package stub

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// HostState is a host in memory.
type HostState struct {
	// Workloads are what runs, by residency.
	Workloads map[string]Workload
	// Cache is what lies in the image cache, by digest.
	Cache map[string]CacheEntry
	// Quarantined hosts start nothing.
	Quarantined bool
}

// Workload is one pod or virtual machine that runs.
type Workload struct {
	WorkloadReference

	// VIMResourceID is what the VIM or the cluster calls it.
	VIMResourceID string
	Runtime       string
	CISNode       string
	Namespace     string
}

// CacheEntry is one artefact that lies on the host.
type CacheEntry struct {
	Mode          string
	TrustDomainID string
}

func newHostState() HostState {
	return HostState{Workloads: map[string]Workload{}, Cache: map[string]CacheEntry{}}
}

func (s *HostState) clone() HostState {
	return HostState{Workloads: maps.Clone(s.Workloads), Cache: maps.Clone(s.Cache), Quarantined: s.Quarantined}
}

// apply carries out a directive. Doing so twice does no harm.
func (s *HostState) apply(d *Directive) error {
	switch {
	case d.Kind == "PLACE" && d.Place != nil:
		return s.place(d.Place)
	case d.Kind == "RELEASE" && d.Release != nil:
		delete(s.Workloads, d.Release.Workload.ResidencyID)
	case d.Kind == "CACHE" && d.Cache != nil:
		s.cache(d.Cache)
	case d.Kind == "PURGE" && d.Purge != nil:
		s.purge(d.Purge)
	case d.Kind == "QUARANTINE":
		s.Quarantined = true
	case d.Kind == "UNQUARANTINE":
		s.Quarantined = false
	default:
		return fmt.Errorf("directive %d of kind %s has no such body", d.Seq, d.Kind)
	}
	return nil
}

func (s *HostState) place(p *PlaceOrder) error {
	if s.Quarantined {
		return fmt.Errorf("%s may not start: the host is in quarantine", p.Workload.ResidencyID)
	}
	s.Workloads[p.Workload.ResidencyID] = Workload{
		WorkloadReference: p.Workload, VIMResourceID: "vim-" + p.Workload.ResidencyID, Runtime: p.Runtime, CISNode: p.CISNode, Namespace: p.Namespace,
	}
	return nil
}

// cache keeps an artefact in the form that is ordered. What the guest pulls, and what is in memory only, does not lie on
// the host; a workload that names no artefacts brings none.
func (s *HostState) cache(c *CacheOrder) {
	switch {
	case c.Digest == "*":
	case c.Mode == "GUEST_ONLY" || c.Mode == "NO_STORE":
		delete(s.Cache, c.Digest)
	case c.Mode == "SHARED":
		s.Cache[c.Digest] = CacheEntry{Mode: c.Mode}
	default:
		s.Cache[c.Digest] = CacheEntry{Mode: c.Mode, TrustDomainID: strings.Join(c.VisibleToTrustDomainIDs, " ")}
	}
}

func (s *HostState) purge(p *PurgeOrder) {
	maps.DeleteFunc(s.Cache, func(digest string, e CacheEntry) bool {
		return p.All || slices.Contains(p.Digests, digest) || p.TrustDomainID != "" && p.TrustDomainID == e.TrustDomainID
	})
}

// report is the host as its agent tells ringfence of it.
func (s *HostState) report(at time.Time) map[string]any {
	residencies := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(s.Workloads)) {
		w := s.Workloads[id]
		r := map[string]any{
			"residencyId": w.ResidencyID, "vnfInstanceId": w.VNFInstanceID, "componentId": w.ComponentID,
			"resourceDefinitionId": w.ResourceDefinitionID, "vimResourceId": w.VIMResourceID, "runtime": w.Runtime,
		}
		r["cisNodeId"] = w.CISNode
		maps.DeleteFunc(r, func(_ string, value any) bool { return value == "" })
		residencies = append(residencies, r)
	}
	entries := []map[string]any{}
	for _, digest := range slices.Sorted(maps.Keys(s.Cache)) {
		e := map[string]any{"digest": digest, "mode": s.Cache[digest].Mode}
		if domain := s.Cache[digest].TrustDomainID; domain != "" {
			e["trustDomainId"] = domain
		}
		entries = append(entries, e)
	}
	return map[string]any{"observedAt": at.UTC().Format(time.RFC3339Nano), "residencies": residencies, "cacheEntries": entries}
}
