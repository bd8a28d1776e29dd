package nfvi

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestKubernetesManifests applies what ships to a real API server, which checks every attribute, and creates the pods that follow.
func TestKubernetesManifests(t *testing.T) {
	t.Parallel()
	require(t)
	c := startControlPlane(t)
	// The order matters: a namespace before what is in it. What is not for the API server is left out.
	names := []string{"namespace.yaml", "runtimeclasses.yaml", "cism-rbac.yaml", "cism.yaml", "agent.yaml", "guard.yaml", "webhooks.yaml"}
	files, err := filepath.Glob(filepath.Join("..", "..", "deployments", "kubernetes", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); !slices.Contains(append(names, "kustomization.yaml", "scheduler-extender.yaml"), name) {
			t.Errorf("%s is not tested", name)
		}
	}
	all := map[string]*unstructured.Unstructured{}
	for _, name := range names[:5] {
		for _, o := range manifests(t, name) {
			strictly(t, c, o)
			all[o.GetKind()+" "+o.GetName()] = o
		}
	}
	t.Run("its own pods", func(t *testing.T) { testOwnPods(t, c, all) })
	for _, name := range names[5:] {
		for _, o := range manifests(t, name) {
			strictly(t, c, o)
		}
	}
	t.Run("the guard", func(t *testing.T) { testGuard(t, c) })
}

// strictly applies an object; an attribute that the API server does not know is an error.
func strictly(t *testing.T, c *controlPlane, o *unstructured.Unstructured) {
	t.Helper()
	if _, err := of(c.admin, o).Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// testOwnPods creates the pods of cism and of the agent. The namespace of cism takes only what the strictest Pod Security
// Standard allows; a virtual machine and a pool of its own are what the policy vm-equivalent asks of an oversight function.
func testOwnPods(t *testing.T, c *controlPlane, all map[string]*unstructured.Unstructured) {
	cism := templateOf(t, all["Deployment ringfence-cism"])
	if _, err := create(t.Context(), c.admin, cism); err != nil {
		t.Errorf("cism: %v", err)
	}
	for want, path := range map[string][]string{"kata": {"spec", "runtimeClassName"}, "pool-oam": {"spec", "nodeSelector", "ringfence.io/host-pool"}} {
		if got, _, _ := unstructured.NestedString(cism.Object, path...); got != want {
			t.Errorf("%s of cism is %q, want %q", strings.Join(path, "."), got, want)
		}
	}
	agent := templateOf(t, all["DaemonSet ringfence-agent"])
	if _, err := create(t.Context(), c.admin, agent); err != nil {
		t.Errorf("the agent: %v", err)
	}
	agent.SetNamespace("ringfence-system")
	if _, err := create(t.Context(), c.admin, agent); err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Errorf("the agent beside cism: %v", err)
	}
}

// templateOf is a pod of a Deployment or a DaemonSet, with an image that is pinned.
func templateOf(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	template, found, err := unstructured.NestedMap(o.Object, "spec", "template")
	if err != nil || !found {
		t.Fatalf("%s has no template: %v", o.GetName(), err)
	}
	p := &unstructured.Unstructured{Object: template}
	p.SetAPIVersion("v1")
	p.SetKind("Pod")
	p.SetName(o.GetName())
	p.SetNamespace(o.GetNamespace())
	container(p.Object["spec"].(map[string]any))["image"] = image
	return p
}

// testGuard creates pods where cism is not asked.
func testGuard(t *testing.T, c *controlPlane) {
	listed := objects(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: ringfence-fabric, namespace: kube-system}, data: {images: \"\\n  "+digest(fabricImage)+"\\n\"}}")[0]
	c.apply(t, listed)
	with := func(image string) func(spec, metadata map[string]any) {
		return func(spec, _ map[string]any) { container(spec)["image"] = image }
	}
	says := "is not listed by digest in the ConfigMap ringfence-fabric"
	eventually(t, time.Minute, "the guard holds", func() error {
		p := pod("stranger", "kube-system", nil, with(image))
		_, err := of(c.admin, p).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if got := fmt.Sprint(err); !strings.Contains(got, says) {
			return fmt.Errorf("it is answered %s, want %s", got, says)
		}
		return nil
	})
	_, err := create(t.Context(), c.admin, pod("stranger", "kube-system", nil, with("registry.example.net/cni:1")))
	refused(t, err, says)
	eventually(t, time.Minute, "what is listed is admitted", func() error {
		_, err := create(t.Context(), c.admin, pod("cni", "kube-system", nil, with(fabricImage)))
		return err
	})
}
