package cism

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// view is what the admission reads of the cluster.
type view interface {
	// synced says why the view does not show the cluster yet; nil: it does.
	synced() error
	node(name string) (*corev1.Node, bool)
	// nodesLabelled are the names of the nodes with a label.
	nodesLabelled(key, value string) []string
	namespace(name string) (*corev1.Namespace, bool)
	// holders are the pods that carry a residency and have not ended.
	holders(residencyID string) []*corev1.Pod
	// readPod and readHolders ask the API server, for what must not be a moment old.
	readPod(ctx context.Context, namespace, name string) (*corev1.Pod, error)
	readHolders(ctx context.Context, residencyID string) ([]corev1.Pod, error)
}

// admission judges what is asked of the API server and of the scheduler.
type admission struct {
	table      *table
	view       view
	cluster    Cluster
	breakGlass BreakGlass
	fresh      func() error // why the table cannot be relied on; nil: it can
	claims     *claims
	now        func() time.Time
	log        *slog.Logger
	metrics    *metrics
}

// refusal is why something is refused: sentences for people, each of which says what to do.
type refusal []string

func refuse(format string, values ...any) refusal { return refusal{fmt.Sprintf(format, values...)} }

// validate judges one request; no refusal: it may be.
func (a *admission) validate(ctx context.Context, r *admissionv1.AdmissionRequest) (refusal, error) {
	switch what := r.Resource.Resource + "/" + r.SubResource; what {
	case "pods/":
		if r.Operation == admissionv1.Update {
			return both(r, a.podUpdate)
		}
		return a.podCreate(r)
	case "pods/ephemeralcontainers":
		return both(r, a.ephemeralContainers)
	case "pods/resize":
		return both(r, a.resize)
	case "pods/binding", "bindings/":
		return a.binding(ctx, r)
	case "nodes/":
		return both(r, a.node)
	case "namespaces/":
		return both(r, a.namespace)
	default:
		return refuse("ringfence is asked about %s and does not judge it: take it out of the webhook configuration", strings.Trim(what, "/")), nil
	}
}

// both decodes the old and the new object of a request; the old one is empty where there is none.
func both[T any](r *admissionv1.AdmissionRequest, judge func(r *admissionv1.AdmissionRequest, before, after *T) refusal) (refusal, error) {
	var before, after T
	if len(r.OldObject.Raw) > 0 {
		if err := json.Unmarshal(r.OldObject.Raw, &before); err != nil {
			return nil, fmt.Errorf("oldObject: %w", err)
		}
	}
	if err := json.Unmarshal(r.Object.Raw, &after); err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	return judge(r, &before, &after), nil
}

// dry tells whether nothing will follow from a request, whatever is answered.
func dry(r *admissionv1.AdmissionRequest) bool { return r.DryRun != nil && *r.DryRun }

// podOf decodes the pod of a request. A pod that is being created does not always say its namespace yet.
func podOf(r *admissionv1.AdmissionRequest) (*corev1.Pod, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(r.Object.Raw, &pod); err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	pod.Namespace = r.Namespace
	return &pod, nil
}

// podCreate lets a pod be created that has a standing grant and is as it was granted.
func (a *admission) podCreate(r *admissionv1.AdmissionRequest) (refusal, error) {
	pod, err := podOf(r)
	if err != nil {
		return nil, err
	}
	if fault := a.breakGlass.breakGlassFault(&emptyMeta, &pod.ObjectMeta, &r.UserInfo, a.now()); fault != "" {
		return refusal{fault}, nil
	}
	if fault := a.stampFault(pod, &r.UserInfo); fault != "" {
		return refusal{fault}, nil
	}
	if a.exempt(pod, &r.UserInfo, true) {
		return nil, nil
	}
	s, fault := a.standingOf(pod)
	if fault != "" {
		return refusal{fault}, nil
	}
	if a.table.isAdvisory() { // it was not given what was granted for it, and is judged as if it had been
		if pod, err = patched(pod, append(placement(pod, s), a.containerForms(pod, s)...)); err != nil {
			return nil, err
		}
	}
	var faults refusal
	if pod.Spec.NodeName != "" {
		faults = append(faults, "it names its node (nodeName), past the scheduler: leave nodeName out")
	}
	if pod.Labels[labelResidency] == "" {
		faults = append(faults, "it does not carry the label "+labelResidency+", which the mutating webhook sets: register that webhook")
	}
	if faults = append(faults, a.workloadFaults(pod, s)...); len(faults) > 0 {
		return faults, nil
	}
	if !dry(r) && !a.claims.take(s.residency(), string(pod.UID), a.now()) {
		return refusal{used(s, "another pod that is being created")}, nil
	}
	return nil, nil
}

// standingOf is the standing of a pod, or why it has none. Of several that fit it is one that nobody uses.
func (a *admission) standingOf(pod *corev1.Pod) (*standing, string) {
	id, err := identityOf(&pod.ObjectMeta)
	if err != nil {
		return nil, err.Error()
	}
	if id.empty() {
		return nil, "it names no grant: label it with " + labelResidency + " (the reservationId of the grant), or with " +
			labelVNF + " and " + labelDefinition
	}
	if err := a.ready(); err != nil {
		return nil, err.Error()
	}
	candidates := a.table.find(id)
	if id.residency == "" {
		candidates = slices.DeleteFunc(candidates, func(s standing) bool { return s.Place.Namespace != "" && s.Place.Namespace != pod.Namespace })
	}
	if len(candidates) == 0 {
		return nil, fmt.Sprintf("nothing is granted for %s in namespace %q: ask ringfence for a grant", id, pod.Namespace)
	}
	var fault string
	var free []*standing
	for i := range candidates {
		if fault = a.unusable(&candidates[i], pod); fault == "" {
			free = append(free, &candidates[i])
		}
	}
	for _, s := range free { // rather one that no request in flight was given
		if a.claims.open(s.residency(), a.now()) {
			return s, ""
		}
	}
	if len(free) > 0 {
		return free[0], ""
	}
	return nil, fault
}

// ready says why nothing can be judged now.
func (a *admission) ready() error {
	if err := a.view.synced(); err != nil {
		return err
	}
	return a.fresh()
}

// unusable says why a standing is not one for a pod now; empty: it is.
func (a *admission) unusable(s *standing, pod *corev1.Pod) string {
	if s.expired(a.now()) {
		return tooLate(s)
	}
	if why, is := a.table.quarantine(s.HostID); is {
		return fmt.Sprintf("host %s is quarantined (%s): wait until it is back, or ask for a grant elsewhere", s.HostID, why)
	}
	for _, other := range a.view.holders(s.residency()) {
		if other.UID != pod.UID || pod.UID == "" {
			return used(s, fmt.Sprintf("pod %s/%s", other.Namespace, other.Name))
		}
	}
	return ""
}

func tooLate(s *standing) string {
	return fmt.Sprintf("the grant of residency %q expired at %s before anything started: ask for a new one", s.residency(), s.Place.ExpiresAt.UTC().Format(time.RFC3339))
}

func used(s *standing, by string) string {
	return fmt.Sprintf("residency %q is used by %s, and a grant is for one pod: wait until that has gone, or ask for a grant for one more", s.residency(), by)
}
