package delivery

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// Drift returns the judge of where a report differs from what was decided, by the host pools and the policy epoch of a view. What
// it finds is ordered by the entries of the report, then by residency. FABRIC that the host's pool lists is at home there.
func Drift(view *fleet.View) placement.JudgeDrift {
	return func(f placement.ObservedFacts) []placement.Violation {
		d := drift{ObservedFacts: f, epoch: view.Epoch, catalogue: view.Catalogue, fabric: view.Catalogue.HostPools[f.Host.HostPoolID].FabricDigests}
		for i := range f.State.Residencies {
			d.running(i)
		}
		for _, r := range f.Residents {
			if r.State == placement.StateRunning && r.Kind == placement.ResidencyWorkload && !slices.Contains(f.Matched, r) && !d.mayRun(r) {
				d.add(r, "", placement.RuleDriftMissing, nil)
			}
		}
		for i := range f.State.Cache {
			d.cached(&f.State.Cache[i])
		}
		return d.found
	}
}

// drift is one report that is being judged.
type drift struct {
	placement.ObservedFacts

	epoch     int64
	catalogue *placement.Catalogue
	fabric    []string
	found     []placement.Violation
}

func (d *drift) add(r *placement.Residency, object, rule string, params map[string]string) {
	v := placement.Violation{
		NFVIPoPID: d.Host.NFVIPoPID, HostID: d.Host.ID, Object: object, PolicyEpoch: d.epoch,
		Enforcement: placement.Enforced, Eviction: placement.EvictionNone,
		Reason: placement.Reason{RuleID: rule, Check: rule, Params: map[string]string{"host": d.Host.ID}},
	}
	if r != nil {
		v.ResidencyID, v.VNFInstanceID, v.TrustDomainID = r.ID, r.Workload.NF.VNFInstanceID, r.Workload.TrustDomainID
	}
	maps.Copy(v.Reason.Params, params)
	d.found = append(d.found, v)
}

// running judges a workload that the host reports.
func (d *drift) running(i int) {
	o, r := &d.State.Residencies[i], d.Matched[i]
	if o.BreakGlass.Reason != "" {
		params := map[string]string{"workload": nameOf(i, o), "why": o.BreakGlass.Reason}
		if o.BreakGlass.By != "" {
			params["by"] = o.BreakGlass.By
		}
		d.add(r, params["workload"], placement.RuleDriftBreakGlass, params)
	}
	if r == nil {
		d.undecided(i, o)
		return
	}
	if r.Kind != placement.ResidencyWorkload {
		return
	}
	if o.Runtime != r.Workload.Runtime {
		d.add(r, "", placement.RuleDriftRuntime, map[string]string{"runtime": o.Runtime, "decided": r.Workload.Runtime})
	}
	if o.CISNodeID != r.CISNodeID {
		d.add(r, "", placement.RuleDriftNode, map[string]string{"runsOn": o.CISNodeID, "decided": r.CISNodeID})
	}
	if len(r.Workload.Images) == 0 {
		return
	}
	for _, digest := range o.Images {
		if !slices.Contains(r.Workload.Images, digest) && !slices.Contains(d.fabric, digest) {
			d.add(r, digest, placement.RuleDriftImage, map[string]string{"artefact": digest})
		}
	}
}

// undecided judges a workload that nobody decided for this host.
func (d *drift) undecided(i int, o *placement.ObservedResidency) {
	foreign := func(digest string) bool { return !slices.Contains(d.fabric, digest) }
	if len(o.Images) > 0 && !slices.ContainsFunc(o.Images, foreign) || o.BreakGlass.Reason != "" {
		return
	}
	name := nameOf(i, o)
	params := map[string]string{"workload": name, "runtime": o.Runtime}
	if o.CISNodeID != "" {
		params["node"] = o.CISNodeID
	}
	rule := placement.RuleDriftUngranted
	if host := d.Elsewhere[o.ResidencyID]; host != "" {
		rule, params["decided"] = placement.RuleDriftHost, host
	}
	d.add(nil, name, rule, params)
}

// nameOf is what people call a workload that the host reports.
func nameOf(i int, o *placement.ObservedResidency) string {
	return cmp.Or(o.VIMResourceID, o.ResidencyID, strings.Trim(o.VNFInstanceID+"/"+o.ResourceDefinitionID, "/"), "number "+strconv.Itoa(i+1)+" of the report")
}

// mayRun tells whether a report is too vague to say that a residency does not run.
func (d *drift) mayRun(r *placement.Residency) bool {
	return slices.ContainsFunc(d.State.Residencies, func(o placement.ObservedResidency) bool {
		return o.ResidencyID == "" && o.VNFInstanceID == r.Workload.NF.VNFInstanceID &&
			(o.ResourceDefinitionID == "" || o.ResourceDefinitionID == r.ResourceDefinitionID)
	})
}

// cached judges an artefact that lies on the host: it was ordered there, in this form or a weaker one, for this trust domain. One that
// the inventory does not know may besides lie there no less strictly than every other that it has content in common with.
func (d *drift) cached(e *placement.ObservedCacheEntry) {
	if slices.Contains(d.fabric, e.Digest) {
		return
	}
	may, ordered := d.ordered(e)
	var contains []string
	if _, known := d.catalogue.Images[e.Digest]; !known && len(e.Layers) > 0 {
		contains = d.catalogue.Containing(e.Layers)
	}
	for _, o := range d.Orders {
		if slices.Contains(contains, o.Digest) && o.Mode > e.Mode {
			may, ordered = false, max(ordered, o.Mode)
		}
	}
	if may {
		return
	}
	params := map[string]string{"artefact": e.Digest, "mode": e.Mode.String()}
	if ordered != placement.CacheUnset {
		params["ordered"] = ordered.String()
	}
	if e.TrustDomainID != "" {
		params["domain"] = e.TrustDomainID
	}
	if len(contains) > 0 {
		params["contains"] = strings.Join(contains[:min(len(contains), mostNamed)], ", ")
	}
	d.add(nil, e.Digest, placement.RuleDriftCache, params)
}

// mostNamed bounds how many artefacts are named with which another has content in common.
const mostNamed = 3

// ordered tells whether an artefact may lie there in its form by what the host was told of it, and if not, the weakest form in which it
// may.
func (d *drift) ordered(e *placement.ObservedCacheEntry) (may bool, weakest placement.CacheMode) {
	weakest = placement.CacheUnset
	for _, o := range d.Orders {
		if o.Digest != e.Digest && o.Digest != anyArtefact || o.TrustDomainID != "" && e.TrustDomainID != "" && o.TrustDomainID != e.TrustDomainID {
			continue
		}
		if o.Mode <= e.Mode {
			return true, o.Mode
		}
		if weakest == placement.CacheUnset || o.Mode < weakest {
			weakest = o.Mode
		}
	}
	return false, weakest
}

// anyArtefact is what CACHE directives call whatever a workload brings that names no artefacts.
const anyArtefact = "*"
