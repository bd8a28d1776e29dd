package nfvi

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestGrantedPods runs pods through the real API server and scheduler.
func TestGrantedPods(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	g := c.grant("amf", "sig", "amf-1", "amf-1-sig-0")[0]

	_, err := create(t.Context(), c.admin, pod("nobody", g.namespace, nil))
	refused(t, err, "it names no grant")
	created, err := create(t.Context(), c.admin, pod("amf", g.namespace, g.labels()))
	if err != nil {
		t.Fatal(err)
	}
	if class, _, _ := unstructured.NestedString(created.Object, "spec", "runtimeClassName"); class != "kata" {
		t.Errorf("the runtime class is %q", class)
	}
	if node := c.bound(g.namespace, "amf"); node != "node-"+g.host {
		t.Errorf("bound to %s, granted on %s", node, g.host)
	}
}
