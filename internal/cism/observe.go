package cism

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// waives tells whether a refusal of a request is only told, because directives to the cluster do not bind. What guards our own marks
// on nodes, namespaces and pods that break the glass is never waived: such a mark would outlast the observation.
func (a *admission) waives(r *admissionv1.AdmissionRequest) bool {
	if !a.table.isAdvisory() || r.Resource.Resource != "pods" && r.Resource.Resource != "bindings" {
		return false
	}
	if r.SubResource != "" || r.Resource.Resource == "bindings" {
		return true
	}
	glass, err := both(r, func(r *admissionv1.AdmissionRequest, before, after *corev1.Pod) refusal {
		if fault := a.breakGlass.breakGlassFault(&before.ObjectMeta, &after.ObjectMeta, &r.UserInfo, a.now()); fault != "" {
			return refusal{fault}
		}
		return nil
	})
	return err == nil && len(glass) == 0
}

// letPass admits what would have been refused and says so: to whoever asked, in the log and in the metrics.
func (a *admission) letPass(ctx context.Context, r *admissionv1.AdmissionRequest, faults refusal) *admissionv1.AdmissionResponse {
	a.metrics.observed.Add(1)
	a.log.WarnContext(ctx, "would have been refused", "what", subject(r), "user", r.UserInfo.Username, "reasons", []string(faults), "at", a.now().Format(time.RFC3339))
	warnings := []string{fmt.Sprintf("ringfence only observes this cluster, and would have refused %s", subject(r))}
	return &admissionv1.AdmissionResponse{Allowed: true, Warnings: append(warnings, faults...)}
}

// patched is a pod as a patch makes it.
func patched(pod *corev1.Pod, patch []operation) (*corev1.Pod, error) {
	var document map[string]any
	if err := through(pod, &document); err != nil {
		return nil, err
	}
	for _, step := range patch {
		var value any
		if err := through(step.Value, &value); err != nil {
			return nil, err
		}
		if err := setAt(document, strings.Split(step.Path, "/")[1:], value); err != nil {
			return nil, fmt.Errorf("%s: %w", step.Path, err)
		}
	}
	out := &corev1.Pod{}
	return out, through(document, out)
}

// through reads a value from the JSON form of another.
func through(from, into any) error {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("the pod as it was granted: %w", err)
	}
	return nil
}

// setAt sets a member of an object, or of an object within a list.
func setAt(in any, path []string, value any) error {
	switch in := in.(type) {
	case map[string]any:
		if len(path) > 1 {
			return setAt(in[path[0]], path[1:], value)
		}
		in[path[0]] = value
		return nil
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(in) && len(path) > 1 {
			return setAt(in[i], path[1:], value)
		}
	}
	return fmt.Errorf("there is no %q in the pod", path[0])
}
