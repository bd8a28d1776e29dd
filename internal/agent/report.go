package agent

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// The labels and annotations by which a workload says which residency it is.
const (
	labelResidency  = "ringfence.io/residency-id"
	labelInstance   = "ringfence.io/vnf-instance-id"
	labelComponent  = "ringfence.io/component-id"
	labelDefinition = "ringfence.io/resource-definition-id"

	// By whose word a pod runs without a grant, as the enforcement of its cluster noted it.
	labelGlassBy  = "ringfence.io/break-glass-by"
	labelGlassWhy = "ringfence.io/admitted-by-break-glass"
)

// settle is how long changes that follow each other closely are gathered into one look.
const settle = 200 * time.Millisecond

// watch looks at the host at the start, after changes and now and then, and reports what it sees.
func (a *Agent) watch(ctx context.Context, changes <-chan struct{}) {
	tick := time.NewTicker(a.config.ReportInterval)
	defer tick.Stop()
	r := reporter{agent: a}
	for ctx.Err() == nil {
		if !r.look(ctx) {
			pause(ctx, retry)
			continue
		}
		select {
		case <-changes:
			pause(ctx, settle)
		case <-a.look:
			pause(ctx, settle)
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// reporter remembers what ringfence has been told.
type reporter struct {
	agent *Agent
	etag  string
	told  wire.ObservedState
	at    time.Time

	silent  bool // it was said that there are no reports
	missing []wire.UnavailableCapability
	tried   time.Time // when what the host can provide was tried
}

// look observes the host and reports it if that says something new, or if the report before is old. False: not done.
func (r *reporter) look(ctx context.Context) bool {
	a := r.agent
	seen, err := a.images.Observe(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("the container runtime cannot be observed", "error", err)
		}
		return false
	}
	a.status.looked(a.now())
	a.mu.Lock()
	a.journal.judge(&seen, a.config.OnlyDomain)
	a.seen = &seen
	elsewhere := a.journal.Elsewhere
	a.mu.Unlock()
	signal(a.work)
	if elsewhere != "" {
		if !r.silent {
			a.log.Error("this agent does not report: workloads of the host run where it does not see them, and would be reported as gone", "cisNode", elsewhere)
		}
		r.silent = true
		return true
	}
	if r.tried.IsZero() || a.now().Sub(r.tried) > recheck {
		r.missing, r.tried = a.missing(), a.now()
	}
	state := a.report(seen)
	state.UnavailableCapabilities = r.missing
	if r.etag != "" && same(state, r.told) && a.now().Sub(r.at) < a.config.ReportInterval {
		return true
	}
	result, etag, err := a.service.Report(ctx, a.config.HostID, state, r.etag)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("the report cannot be delivered", "error", err)
		}
		return false
	}
	if result.Changed && result.Unmatched > 0 {
		a.log.Warn("something runs here that nobody decided", "workloads", result.Unmatched)
	}
	a.log.Debug("reported", "workloads", len(state.Residencies), "artefacts", len(state.CacheEntries), "changed", result.Changed)
	r.etag, r.told, r.at = etag, state, a.now()
	a.status.reported(a.now())
	return true
}

func same(a, b wire.ObservedState) bool {
	return reflect.DeepEqual(a.Residencies, b.Residencies) && reflect.DeepEqual(a.CacheEntries, b.CacheEntries) &&
		slices.Equal(a.UnavailableCapabilities, b.UnavailableCapabilities)
}

// report is an observation as the contract has it. A residency that two workloads claim is that of the first only.
func (a *Agent) report(seen Observation) wire.ObservedState {
	state := wire.ObservedState{ObservedAt: seen.At.UTC(), Residencies: []wire.ObservedResidency{}, CacheEntries: []wire.ObservedCacheEntry{}}
	claimed := map[string]bool{}
	for _, w := range seen.Workloads {
		r := wire.ObservedResidency{VIMResourceID: identifier(w.ID), CISNodeID: a.config.CISNodeID, Runtime: identifier(w.Runtime), Images: w.Images}
		if why := strings.ToValidUTF8(w.Labels[labelGlassWhy], "?"); why != "" {
			r.BreakGlass = wire.ObservedBreakGlass{By: identifier(w.Labels[labelGlassBy]), Reason: shorten(why)}
		}
		if id := identifier(w.Labels[labelResidency]); id == "" || !claimed[id] {
			claimed[id] = true
			r.ResidencyID = id
			r.VNFInstanceID = identifier(w.Labels[labelInstance])
			r.ComponentID = identifier(w.Labels[labelComponent])
			r.ResourceDefinitionID = identifier(w.Labels[labelDefinition])
		}
		state.Residencies = append(state.Residencies, r)
	}
	for _, artefact := range seen.Artefacts {
		entry := wire.ObservedCacheEntry{
			Digest: artefact.Digest, Mode: artefact.Mode, TrustDomainID: artefact.TrustDomainID, References: references(artefact.Names),
		}
		for _, l := range artefact.Layers[:min(len(artefact.Layers), mostLayers)] {
			entry.Layers = append(entry.Layers, wire.ObservedLayer{Digest: l.Digest, DiffID: l.DiffID})
		}
		state.CacheEntries = append(state.CacheEntries, entry)
	}
	return state
}

// What the contract takes of one artefact.
const (
	mostLayers       = 512
	mostReferences   = 256
	longestReference = 1024
)

// references are the names of an artefact, each once, as far as the contract takes them.
func references(names []string) []string {
	kept := slices.Compact(slices.Sorted(slices.Values(names)))
	kept = slices.DeleteFunc(kept, func(name string) bool {
		return name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestReference
	})
	return kept[:min(len(kept), mostReferences)]
}

// recheck is how often an agent tries again what its host can provide.
const recheck = 10 * time.Minute

// restsOn are the capabilities of the inventory that a mode rests on.
var restsOn = map[inventory.CacheMode][]inventory.Capability{
	inventory.CacheModeENCRYPTED: {inventory.CapabilityCACHEENC},
	inventory.CacheModeNOSTORE:   {inventory.CapabilityEPHEMERALENC, inventory.CapabilityRAMSNAPSHOT},
}

// missing tries what the host can provide, and lists the capabilities that it has not got.
func (a *Agent) missing() []wire.UnavailableCapability {
	var missing []wire.UnavailableCapability
	for _, mode := range []inventory.CacheMode{inventory.CacheModeENCRYPTED, inventory.CacheModeNOSTORE} {
		err := a.volumes.Unavailable(mode)
		if err == nil {
			continue
		}
		a.log.Warn("the host cannot provide a cache mode; the capabilities that it rests on are withdrawn", "mode", mode, "reason", err)
		for _, capability := range restsOn[mode] {
			missing = append(missing, wire.UnavailableCapability{Capability: capability, Reason: shorten(err.Error())})
		}
	}
	return missing
}

// identifier is a text if the contract takes it as one, else nothing: whoever starts a container writes its labels.
func identifier(text string) string {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 255 || strings.ContainsFunc(text, control) {
		return ""
	}
	return text
}

// running finds the workload that is a residency.
func (o *Observation) running(residencyID string) *Workload {
	for i := range o.Workloads {
		if o.Workloads[i].Labels[labelResidency] == residencyID {
			return &o.Workloads[i]
		}
	}
	return nil
}

// artefact finds what lies here of a digest.
func (o *Observation) artefact(digest string) *Artefact {
	for i := range o.Artefacts {
		if o.Artefacts[i].Digest == digest {
			return &o.Artefacts[i]
		}
	}
	return nil
}

// uses tells whether a running container uses the image.
func (o *Observation) uses(digest string) bool {
	return slices.ContainsFunc(o.Workloads, func(w Workload) bool { return slices.Contains(w.Images, digest) })
}
