// Package directive says what to tell the NFVI: it turns a plan into host and cache directives.
//
// It is pure: it neither stores nor signs nor sends, and it reads no clock. Sequence numbers and times are
// given at commit, signatures at delivery.
package directive

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// The label and the taint by which nodes and pods of a host are told apart in a cluster.
const (
	LabelHost        = "ringfence/host"
	LabelHostname    = "kubernetes.io/hostname"
	TaintTrustDomain = "ringfence/trust-domain"
)

// Host is what Build reads of a host of the plan.
type Host struct {
	Record *placement.Host
	Cache  []placement.CacheEntry
}

// Build lists the directives of a plan, in the order in which each host should follow them: what must go from
// the cache, how artefacts may lie there, and then the workloads. Releases come last.
func Build(cat *placement.Catalogue, in *placement.Inputs, plan *placement.Plan, host func(placement.HostKey) Host, ended []*placement.Residency) []placement.Directive {
	var out []placement.Directive
	cached := map[string]bool{}
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		h := host(placement.HostKey{NFVIPoPID: pl.NFVIPoPID, HostID: pl.HostID})
		w := &in.Demands[pl.Demand].Workload
		for j := range pl.Cache {
			key := pl.HostID + "\x00" + pl.Cache[j].Digest + "\x00" + w.TrustDomainID
			if !cached[key] {
				cached[key] = true
				out = append(out, cacheDirectives(cat, w, h, pl, &pl.Cache[j])...)
			}
		}
		out = append(out, on(pl, placement.Directive{Kind: placement.DirectivePlace, Place: place(cat, &in.Demands[pl.Demand], h.Record, pl)}))
	}
	for _, r := range ended {
		reason := "removed by the VNFM"
		if slices.Contains(in.Superseded, r.ID) {
			reason = "superseded by a newer request for the same operation"
		}
		out = append(out, Release(r, reason))
	}
	return out
}

func on(pl *placement.Placement, d placement.Directive) placement.Directive {
	d.NFVIPoPID, d.HostID = pl.NFVIPoPID, pl.HostID
	return d
}

func place(cat *placement.Catalogue, d *placement.Demand, h *placement.Host, pl *placement.Placement) *placement.PlaceDirective {
	return &placement.PlaceDirective{
		Workload:  workloadRef(&d.Workload, pl.ResidencyID, pl.ResourceDefinitionID),
		Runtime:   pl.Runtime,
		Isolation: pl.Isolation, CISNodeID: pl.CISNodeID,
		Namespace:    Namespace(d.Workload.TrustDomainID, d.Workload.NF.VNFInstanceID),
		NodeSelector: NodeSelector(h, pl.CISNodeID), Tolerations: Tolerations(d.Workload.TrustDomainID),
		Resources: d.Workload.Resources.Plus(cat.RuntimeClasses[pl.Runtime].Overhead),
	}
}

func workloadRef(w *placement.Workload, residencyID, resourceDefinitionID string) placement.WorkloadRef {
	return placement.WorkloadRef{
		ResidencyID: residencyID, VNFInstanceID: w.NF.VNFInstanceID, ComponentID: w.ComponentID, ResourceDefinitionID: resourceDefinitionID,
	}
}

// NodeSelector picks the granted node: by its name where the inventory knows it, otherwise by our own label.
func NodeSelector(h *placement.Host, cisNodeID string) map[string]string {
	if n := h.Node(cisNodeID); n != nil && n.NodeName != "" {
		return map[string]string{LabelHostname: n.NodeName}
	}
	return map[string]string{LabelHost: h.ID}
}

// Tolerations lets a workload onto the nodes that are tainted for its trust domain.
func Tolerations(trustDomainID string) []placement.Toleration {
	return []placement.Toleration{{Key: TaintTrustDomain, Operator: "Equal", Value: trustDomainID, Effect: "NoSchedule"}}
}

// Namespace names the Kubernetes namespace of a VNF instance in a trust domain: a DNS label that another
// instance or domain does not get.
func Namespace(trustDomainID, vnfInstanceID string) string {
	sum := sha256.Sum256([]byte(trustDomainID + "\x00" + vnfInstanceID))
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, trustDomainID)
	name = strings.Trim(name[:min(len(name), 40)], "-")
	return strings.TrimPrefix(name+"-"+hex.EncodeToString(sum[:6]), "-")
}

// cacheDirectives orders weaker forms of the artefact out of the cache and says how it may lie there.
func cacheDirectives(cat *placement.Catalogue, w *placement.Workload, h Host, pl *placement.Placement, c *placement.CacheChoice) []placement.Directive {
	var out []placement.Directive
	for i := range h.Cache {
		if h.Cache[i].Digest == c.Digest && h.Cache[i].Mode < c.Mode {
			out = append(out, on(pl, placement.Directive{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{c.Digest}}}))
		}
	}
	return append(out, on(pl, placement.Directive{Kind: placement.DirectiveCache, Cache: cacheDirective(cat, w, h.Record, c)}))
}

func cacheDirective(cat *placement.Catalogue, w *placement.Workload, h *placement.Host, c *placement.CacheChoice) *placement.CacheDirective {
	d := &placement.CacheDirective{Digest: c.Digest, Mode: c.Mode, PullPolicy: "IfNotPresent", VisibleToTrustDomainIDs: []string{w.TrustDomainID}}
	switch c.Mode {
	case placement.CacheShared:
		d.PrePullAllowed, d.RetainAfterStop = true, true
		d.VisibleToTrustDomainIDs = slices.Clone(cat.HostPools[h.HostPoolID].AllowedTrustDomainIDs)
	case placement.CacheDomainPrivate:
		d.PrePullAllowed, d.RetainAfterStop, d.PurgeOnRelease = true, true, true
	case placement.CacheEncrypted:
		d.PrePullAllowed, d.RetainAfterStop, d.PurgeOnRelease, d.KeyBinding = true, true, true, "HOST_ATTESTATION"
	case placement.CacheGuestOnly:
		d.PullPolicy, d.PurgeOnRelease, d.KeyBinding = "Never", true, "GUEST_ATTESTATION"
	case placement.CacheNoStore, placement.CacheUnset:
		d.PullPolicy, d.PurgeOnRelease = "Always", true
	}
	return d
}

// Release ends the right of a residency to run.
func Release(r *placement.Residency, reason string) placement.Directive {
	return placement.Directive{
		NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, GrantID: r.GrantID, Kind: placement.DirectiveRelease,
		Release: &placement.ReleaseDirective{Workload: workloadRef(&r.Workload, r.ID, r.ResourceDefinitionID), Reason: reason},
	}
}

// PurgeAfter orders what a residency that ended leaves in the cache: once the last workload of its trust domain
// is gone, everything of the domain.
func PurgeAfter(r *placement.Residency, remaining []*placement.Residency) []placement.Directive {
	for _, o := range remaining {
		if o.ID != r.ID && o.Workload.TrustDomainID == r.Workload.TrustDomainID {
			return nil
		}
	}
	return []placement.Directive{{
		NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, GrantID: r.GrantID, Kind: placement.DirectivePurge,
		Purge: &placement.PurgeDirective{TrustDomainID: r.Workload.TrustDomainID},
	}}
}
