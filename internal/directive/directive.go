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
	"ringfence/internal/policy"
)

// The labels and the taint by which the nodes of a cluster are told apart.
const (
	LabelHost        = "ringfence.io/host-id"
	LabelCISNode     = "ringfence.io/cis-node-id"
	LabelHostname    = "kubernetes.io/hostname"
	TaintTrustDomain = "ringfence.io/trust-domain"
)

// Host is what Build reads of a host of the plan.
type Host struct {
	Record *placement.Host
	Cache  []placement.CacheEntry
	Raised []policy.Raised // artefacts there that have to lie more strictly because of the plan
}

// Build lists the directives of a plan, in the order in which each host should follow them: who must go because the
// new workloads rely on its absence and its room, what must go from the cache, how artefacts may lie there, and then
// the workloads. Who is removed, and counts until it has gone, comes last.
func Build(cat *placement.Catalogue, in *placement.Inputs, plan *placement.Plan, host func(placement.HostKey) Host, ended []*placement.Residency) []placement.Directive {
	var superseded, removed, places []placement.Directive
	for _, r := range ended {
		if slices.Contains(in.Superseded, r.ID) {
			superseded = append(superseded, Release(r, "superseded by a newer request for the same operation"))
		} else {
			removed = append(removed, Release(r, "removed by the VNFM"))
		}
	}
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		h := host(hostOf(pl)).Record
		places = append(places, on(hostOf(pl), placement.Directive{Kind: placement.DirectivePlace, Place: place(cat, &in.Demands[pl.Demand], h, pl)}))
	}
	purges, caches := cacheDirectives(cat, in, plan, host)
	return slices.Concat(superseded, purges, caches, places, removed)
}

func hostOf(pl *placement.Placement) placement.HostKey {
	return placement.HostKey{NFVIPoPID: pl.NFVIPoPID, HostID: pl.HostID}
}

func on(k placement.HostKey, d placement.Directive) placement.Directive {
	d.NFVIPoPID, d.HostID = k.NFVIPoPID, k.HostID
	return d
}

func place(cat *placement.Catalogue, d *placement.Demand, h *placement.Host, pl *placement.Placement) *placement.PlaceDirective {
	return &placement.PlaceDirective{
		Workload:  workloadRef(&d.Workload, pl.ResidencyID, pl.ResourceDefinitionID),
		Runtime:   pl.Runtime,
		Isolation: pl.Isolation, CISNodeID: pl.CISNodeID,
		Namespace:    Namespace(d.Workload.TrustDomainID, d.Workload.NF.VNFInstanceID),
		NodeSelector: NodeSelector(h, pl.CISNodeID), Tolerations: Tolerations(d.Workload.TrustDomainID),
		Resources:     d.Workload.Resources.Plus(cat.RuntimeClasses[pl.Runtime].Overhead),
		TrustDomainID: d.Workload.TrustDomainID, Images: d.Workload.Images, CutThrough: d.Workload.CutThrough, Privileged: d.Workload.Privileged,
	}
}

func workloadRef(w *placement.Workload, residencyID, resourceDefinitionID string) placement.WorkloadRef {
	return placement.WorkloadRef{
		ResidencyID: residencyID, VNFInstanceID: w.NF.VNFInstanceID, ComponentID: w.ComponentID, ResourceDefinitionID: resourceDefinitionID,
	}
}

// NodeSelector picks the granted node: by its name where the inventory knows it, otherwise by our own labels.
func NodeSelector(h *placement.Host, cisNodeID string) map[string]string {
	if n := h.Node(cisNodeID); n != nil && n.NodeName != "" {
		return map[string]string{LabelHostname: n.NodeName}
	}
	if cisNodeID != "" {
		return map[string]string{LabelHost: h.ID, LabelCISNode: cisNodeID}
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
