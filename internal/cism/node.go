package cism

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	extender "k8s.io/kube-scheduler/extender/v1"

	"ringfence/internal/directive"
)

// binding lets a pod be bound to the node that it was granted, whoever binds it.
func (a *admission) binding(ctx context.Context, r *admissionv1.AdmissionRequest) (refusal, error) {
	var b corev1.Binding
	if err := json.Unmarshal(r.Object.Raw, &b); err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	name := b.Name
	if name == "" {
		name = r.Name
	}
	pod, err := a.view.readPod(ctx, r.Namespace, name)
	if err != nil {
		return nil, fmt.Errorf("pod %s/%s: %w", r.Namespace, name, err)
	}
	if a.exempt(pod, &r.UserInfo, false) {
		return nil, nil
	}
	var s *standing
	if faults := a.held(pod, func(found *standing) []string { s = found; return nil }); s == nil {
		return faults, nil
	}
	if s.expired(a.now()) {
		return refusal{tooLate(s)}, nil
	}
	node, known := a.view.node(b.Target.Name)
	if !known {
		return refuse("node %q is not known: wait until it has joined the cluster", b.Target.Name), nil
	}
	if fault := a.nodeFault(node, s); fault != "" {
		return refusal{fault}, nil
	}
	return a.hold(ctx, pod, s, dry(r))
}

// hold makes sure that a residency is bound for one pod only, also when another process like this one judges too: of pods
// that are not bound yet the oldest comes first.
func (a *admission) hold(ctx context.Context, pod *corev1.Pod, s *standing, dry bool) (refusal, error) {
	holders, err := a.view.readHolders(ctx, s.residency())
	if err != nil {
		return nil, fmt.Errorf("pods of residency %q: %w", s.residency(), err)
	}
	for i := range holders {
		other := &holders[i]
		if other.UID != pod.UID && (other.Spec.NodeName != "" || before(other, pod)) {
			return refusal{used(s, fmt.Sprintf("pod %s/%s", other.Namespace, other.Name))}, nil
		}
	}
	if dry {
		return nil, nil
	}
	if !a.claims.take(s.residency(), string(pod.UID), a.now()) {
		return refusal{used(s, "another pod that is being bound")}, nil
	}
	a.table.start(s.residency())
	return nil, nil
}

// before orders pods by their age, and those of one second by their uid.
func before(p, q *corev1.Pod) bool {
	if !p.CreationTimestamp.Equal(&q.CreationTimestamp) {
		return p.CreationTimestamp.Before(&q.CreationTimestamp)
	}
	return p.UID < q.UID
}

// nodeFault says why a standing is not for a node; empty: it is.
func (a *admission) nodeFault(node *corev1.Node, s *standing) string {
	p := &s.Place
	granted := s.HostID
	if p.CISNode != "" {
		granted = p.CISNode + " of host " + granted
	}
	host, cisNode := node.Labels[directive.LabelHost], node.Labels[directive.LabelCISNode]
	hostname, byName := p.NodeSelector[directive.LabelHostname]
	why, is := a.table.quarantine(s.HostID)
	switch {
	case !leadsTo(p.NodeSelector, node.Labels), host != "" && host != s.HostID, p.CISNode != "" && cisNode != "" && cisNode != p.CISNode:
		return fmt.Sprintf("node %q is not where it was granted, which is %s: let the scheduler place it", node.Name, granted)
	case byName && len(a.view.nodesLabelled(directive.LabelHostname, hostname)) > 1:
		return fmt.Sprintf("several nodes carry the label %s=%s, so that nobody knows which one was granted: give each its own", directive.LabelHostname, hostname)
	case is:
		return fmt.Sprintf("host %s is quarantined (%s): wait until it is back, or ask for a grant elsewhere", s.HostID, why)
	}
	return ""
}

// node keeps a node from saying of itself that it is another one.
func (a *admission) node(r *admissionv1.AdmissionRequest, before, after *corev1.Node) refusal {
	if !slices.Contains(r.UserInfo.Groups, groupNodes) {
		return nil
	}
	var faults refusal
	for _, name := range changed(&before.ObjectMeta, &after.ObjectMeta) {
		faults = append(faults, fmt.Sprintf("a node cannot set %s of itself, which says where grants are: an administrator sets it", name))
	}
	hostname := after.Labels[directive.LabelHostname]
	moved := before.Name != "" && before.Labels[directive.LabelHostname] != hostname
	taken := slices.DeleteFunc(a.view.nodesLabelled(directive.LabelHostname, hostname), func(name string) bool { return name == after.Name })
	if moved || before.Name == "" && hostname != "" && len(taken) > 0 {
		faults = append(faults, fmt.Sprintf("a node cannot take the label %s=%s, by which grants find nodes: an administrator sets it", directive.LabelHostname, hostname))
	}
	return faults
}

// filter answers the scheduler: of the nodes that it considers for a pod, those that it was granted.
func (a *admission) filter(args *extender.ExtenderArgs) *extender.ExtenderFilterResult {
	result := &extender.ExtenderFilterResult{NodeNames: &[]string{}, FailedAndUnresolvableNodes: extender.FailedNodesMap{}}
	if args.Pod == nil || args.NodeNames == nil {
		result.Error = "ringfence needs the pod and the names of the nodes: set nodeCacheCapable: true in the scheduler's extender"
		return result
	}
	judge := func(string) string { return "" }
	if !a.table.isAdvisory() && !a.exempt(args.Pod, &noUser, false) {
		judge = a.judgeNodes(args.Pod)
	}
	for _, name := range *args.NodeNames {
		if fault := judge(name); fault != "" {
			result.FailedAndUnresolvableNodes[name] = "ringfence: " + fault
			continue
		}
		*result.NodeNames = append(*result.NodeNames, name)
	}
	return result
}

func (a *admission) judgeNodes(pod *corev1.Pod) func(name string) string {
	var s *standing
	if faults := a.held(pod, func(found *standing) []string { s = found; return nil }); s == nil {
		return func(string) string { return strings.Join(faults, "; ") }
	}
	return func(name string) string {
		node, known := a.view.node(name)
		if !known {
			return "the node is not known yet"
		}
		return a.nodeFault(node, s)
	}
}
