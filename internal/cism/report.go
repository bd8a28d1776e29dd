package cism

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"ringfence/api/client"
	wire "ringfence/api/directives"
	"ringfence/api/inventory"
	"ringfence/internal/directive"
)

const (
	reportTick  = 500 * time.Millisecond // how often hosts are looked at
	reportEvery = 30 * time.Second       // how often they are reported without a change
	// sightAge is how much older than now a report says that it is: what a watch has not brought yet counts as not looked at,
	// so that a pod that was bound a moment ago is not reported gone.
	sightAge = 5 * time.Second
)

// labelAgent marks the nodes of a host with an agent of ringfence. What runs there the agent says: it sees containers, and
// the API server only what it was told.
const labelAgent = "ringfence.io/agent"

// reporter tells ringfence what the hosts of the cluster run, and acknowledges their directives.
type reporter struct {
	service                         *client.Client
	view                            *clusterView
	table                           *table
	cluster                         *Cluster
	vimConnectionID, defaultRuntime string
	now                             func() time.Time
	log                             *slog.Logger
	metrics                         *metrics

	sent map[string]sent
}

// sent is the newest report of a host.
type sent struct {
	state  wire.ObservedState
	etag   string
	at     time.Time
	failed bool // ringfence did not take it, or an acknowledgement
}

// run reports until the context ends.
func (r *reporter) run(ctx context.Context) {
	tick := time.NewTicker(reportTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r.view.synced() == nil && r.table.isComplete() {
			r.step(ctx)
		}
	}
}

// step reports the hosts that changed, or were not reported for a while, and acknowledges what was followed. What ringfence
// does not take is tried again after a while; when it does not answer, all of it later.
func (r *reporter) step(ctx context.Context) {
	hosts := r.hosts()
	r.metrics.unmapped.Store(int64(len(hosts.unmapped)))
	for _, host := range hosts.ids() {
		err := r.report(ctx, host, hosts.nodes[host])
		if err == nil && !r.sent[host].failed {
			err = r.acknowledge(ctx, host, hosts.nodes[host])
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			r.metrics.reportsFailed.Add(1)
			r.log.WarnContext(ctx, "what a host runs could not be told to ringfence", "hostId", host, "error", err.Error())
		}
		if _, answered := errors.AsType[*client.Problem](err); !answered {
			return
		}
		last := r.sent[host]
		last.at, last.failed = r.now(), true
		r.sent[host] = last
	}
}

// report tells what a host runs, unless that was told a moment ago.
func (r *reporter) report(ctx context.Context, host string, nodes []*corev1.Node) error {
	state := r.observe(nodes)
	last, known := r.sent[host]
	if known && r.now().Sub(last.at) < reportEvery && (last.failed || same(&last.state, &state)) {
		return nil
	}
	_, etag, err := r.service.Report(ctx, host, state, last.etag)
	if err == nil {
		r.sent[host] = sent{state: state, etag: etag, at: r.now()}
		r.metrics.reports.Add(1)
	}
	return err
}

// same tells whether two reports say the same, whenever they were made.
func same(a, b *wire.ObservedState) bool {
	return reflect.DeepEqual(a.Residencies, b.Residencies) && reflect.DeepEqual(a.CacheEntries, b.CacheEntries)
}

// hostNodes are the nodes of each host that this process speaks for, and the nodes that are of no known host.
type hostNodes struct {
	nodes    map[string][]*corev1.Node
	unmapped []*corev1.Node
}

func (h *hostNodes) ids() []string {
	ids := make([]string, 0, len(h.nodes))
	for id := range h.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// hosts sorts the nodes by their hosts. A host is left out when an agent speaks for it, or when one of its nodes is not
// ready: its kubelet confirms nothing, and what the API server has forgotten may still run there.
func (r *reporter) hosts() *hostNodes {
	h := &hostNodes{nodes: map[string][]*corev1.Node{}}
	silent, byName := map[string]bool{}, r.table.hostnames()
	for _, node := range r.view.allNodes() {
		host := cmp.Or(node.Labels[directive.LabelHost], byName[node.Labels[directive.LabelHostname]])
		if host == "" {
			h.unmapped = append(h.unmapped, node)
			continue
		}
		h.nodes[host] = append(h.nodes[host], node)
		if _, agent := node.Labels[labelAgent]; agent || !nodeReady(node) {
			silent[host] = true
		}
	}
	for host := range silent {
		delete(h.nodes, host)
	}
	return h
}

func nodeReady(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// observe is what a host runs and caches, in a stable order.
func (r *reporter) observe(nodes []*corev1.Node) wire.ObservedState {
	state := wire.ObservedState{ObservedAt: r.now().Add(-sightAge), Residencies: []wire.ObservedResidency{}, CacheEntries: []wire.ObservedCacheEntry{}}
	digests := map[string]bool{}
	for _, node := range nodes {
		for _, pod := range r.view.podsOn(node.Name) {
			if o, runs := r.residency(pod, node); runs {
				state.Residencies = append(state.Residencies, o)
			}
		}
		for i := range node.Status.Images {
			for _, name := range node.Status.Images[i].Names {
				if digest := digestOf(name); isDigest(digest) && !digests[digest] {
					digests[digest] = true
					// The kubelet's store keeps images in the clear, for whoever may pull there.
					state.CacheEntries = append(state.CacheEntries, wire.ObservedCacheEntry{Digest: digest, Mode: inventory.CacheModeSHARED})
				}
			}
		}
	}
	slices.SortFunc(state.Residencies, func(a, b wire.ObservedResidency) int { return strings.Compare(a.VIMResourceID, b.VIMResourceID) })
	slices.SortFunc(state.CacheEntries, func(a, b wire.ObservedCacheEntry) int { return strings.Compare(a.Digest, b.Digest) })
	return state
}

// residency is a pod as ringfence hears of it. A pod that names a grant counts from its binding, because from then on its node will
// start it; any other, such as one of the host's own base, once it is known what it runs. FABRIC is what the pool of the host in
// ringfence's inventory lists by digest: this process claims nothing.
func (r *reporter) residency(pod *corev1.Pod, node *corev1.Node) (o wire.ObservedResidency, runs bool) {
	images, runs := imagesOf(pod)
	o = wire.ObservedResidency{
		Images:      images,
		ResidencyID: pod.Labels[labelResidency], VIMResourceID: string(pod.UID), CISNodeID: node.Labels[directive.LabelCISNode],
		Runtime: cmp.Or(runtimeOf(&pod.Spec), r.defaultRuntime),
	}
	if id, err := identityOf(&pod.ObjectMeta); err == nil {
		o.VNFInstanceID, o.ResourceDefinitionID, o.ComponentID = id.vnf, id.definition, id.component
	}
	if g, is := admitted(pod); is {
		o.BreakGlass, runs = wire.ObservedBreakGlass{By: bounded(g.by, mostWho), Reason: bounded(g.reason, mostWhy)}, true
	}
	return o, runs || pod.Labels[labelResidency] != ""
}

// What the contract takes of a broken glass, in characters.
const (
	mostWho = 255
	mostWhy = 1024
)

// bounded is a text as the contract takes it.
func bounded(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
	return string(runes[:min(len(runes), most)])
}

// acknowledge says of the directives of a host what the cluster shows: that a workload was placed, that one has gone.
func (r *reporter) acknowledge(ctx context.Context, host string, nodes []*corev1.Node) error {
	here := map[string]bool{}
	for _, node := range nodes {
		for _, pod := range r.view.podsOn(node.Name) {
			here[pod.Labels[labelResidency]] = true
		}
	}
	for _, due := range r.table.due(host, here, r.now().Add(-sightAge)) {
		err := r.service.Acknowledge(ctx, wire.Ack{HostID: host, Seq: due.Seq, Outcome: wire.AckOutcomeAPPLIED})
		if err != nil && !client.HasStatus(err, http.StatusConflict) { // another outcome is known already
			return fmt.Errorf("acknowledge directive %d: %w", due.Seq, err)
		}
		r.table.acknowledged(due)
	}
	return nil
}
