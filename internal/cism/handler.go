package cism

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	extender "k8s.io/kube-scheduler/extender/v1"
)

// maxReview bounds a request of the API server or the scheduler: two objects of the largest size that etcd keeps, or the
// names of very many nodes.
const maxReview = 16 << 20

// routes are the endpoints that the API server and the scheduler call.
func (a *admission) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admission/mutate", reviewed(a.reviewMutation))
	mux.HandleFunc("POST /admission/validate", reviewed(a.reviewValidation))
	mux.HandleFunc("POST /scheduler/filter", func(w http.ResponseWriter, r *http.Request) {
		var args extender.ExtenderArgs
		if !decode(w, r, &args) {
			return
		}
		a.metrics.filtered.Add(1)
		encode(w, a.filter(&args))
	})
	return mux
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func encode(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // whoever asked has gone when this fails
}

// reviewed answers an AdmissionReview.
func reviewed(judge func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if !decode(w, r, &review) {
			return
		}
		if review.Request == nil {
			http.Error(w, "the review holds no request", http.StatusBadRequest)
			return
		}
		response := judge(r.Context(), review.Request)
		response.UID = review.Request.UID
		encode(w, &admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
	}
}

func (a *admission) reviewMutation(ctx context.Context, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{Allowed: true}
	patch, err := a.mutation(r)
	if err != nil {
		return a.unjudged(ctx, r, err)
	}
	if len(patch) == 0 {
		return response
	}
	kind := admissionv1.PatchTypeJSONPatch
	if response.Patch, err = json.Marshal(patch); err != nil {
		return a.unjudged(ctx, r, err)
	}
	response.PatchType = &kind
	a.metrics.mutated.Add(1)
	return response
}

// mutation is what is added to an object.
func (a *admission) mutation(r *admissionv1.AdmissionRequest) (patch []operation, err error) {
	switch {
	case r.Resource.Resource == "namespaces" && r.SubResource == "":
		_, err = both(r, func(r *admissionv1.AdmissionRequest, before, after *corev1.Namespace) refusal {
			patch = mutateNamespace(r, before, after)
			return nil
		})
		return patch, err
	case r.Resource.Resource == "pods" && r.SubResource == "" && r.Operation == admissionv1.Create:
		return a.mutate(r)
	}
	return nil, nil
}

func (a *admission) reviewValidation(ctx context.Context, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	faults, err := a.validate(ctx, r)
	switch {
	case err != nil:
		return a.unjudged(ctx, r, err)
	case len(faults) == 0:
		a.metrics.admitted.Add(1)
		return &admissionv1.AdmissionResponse{Allowed: true}
	}
	if a.waives(r) {
		return a.letPass(ctx, r, faults)
	}
	a.metrics.refused.Add(1)
	message := fmt.Sprintf("ringfence refuses %s: %s", subject(r), strings.Join(faults, "; "))
	a.log.InfoContext(ctx, "refused", "what", subject(r), "user", r.UserInfo.Username, "reasons", []string(faults), "at", a.now().Format(time.RFC3339))
	return denied(http.StatusForbidden, message)
}

// subject is what a request is about, as people name it.
func subject(r *admissionv1.AdmissionRequest) string {
	kind := strings.TrimSuffix(strings.TrimSuffix(r.Resource.Resource, "/"), "s")
	name := r.Name
	if name == "" {
		name = "that is being created"
	}
	if r.Namespace != "" && r.Name != "" && kind != "namespace" {
		name = r.Namespace + "/" + name
	}
	switch {
	case r.SubResource == "binding" || kind == "binding":
		return "binding pod " + name
	case r.SubResource != "":
		return r.SubResource + " of " + kind + " " + name
	}
	return kind + " " + name
}

// unjudged refuses what could not be judged, unless nothing is refused.
func (a *admission) unjudged(ctx context.Context, r *admissionv1.AdmissionRequest, err error) *admissionv1.AdmissionResponse {
	a.metrics.failed.Add(1)
	a.log.ErrorContext(ctx, "a review could not be judged", "what", subject(r), "error", err.Error())
	if a.waives(r) {
		return a.letPass(ctx, r, refusal{err.Error()})
	}
	return denied(http.StatusServiceUnavailable, fmt.Sprintf("ringfence cannot judge %s: %s; try again", subject(r), err))
}

func denied(code int32, message string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{Status: metav1.StatusFailure, Code: code, Message: message}}
}
