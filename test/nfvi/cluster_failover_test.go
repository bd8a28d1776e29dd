package nfvi

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ringfence/test/stub"
)

// testFailover takes the power of one node and then of the other, while the pod of a Deployment runs there.
func (l *live) testFailover(t *testing.T) {
	t.Run("w1", func(t *testing.T) { l.in(t).failover("w1", "w2") })
	t.Run("w2", func(t *testing.T) { l.in(t).failover("w2", "w1") })
}

// failover takes the power of a node. Kubernetes replaces the pod, and may do so when the replacement is granted: its VNFM asks for
// that (HEAL). When the node returns, what ran there is ended.
func (l *live) failover(host, elsewhere string) {
	t, failing, other := l.t, l.workers[host], l.workers[elsewhere]
	l.command("OPERATOR", "host", "cordon", elsewhere, "--reason", "so that it is granted on the other one")
	g := l.grant(domainEncrypted, "c", "vnf-ha-"+host, "ha-0")[0]
	l.command("OPERATOR", "host", "uncordon", elsewhere)
	if g.host != host {
		t.Fatalf("granted on %s", g.host)
	}
	l.deploy("ha", g)
	first := l.replica(g.namespace, "")
	if node := l.answers(g.namespace, first); node != g.host {
		t.Fatalf("it runs on %s, and was granted on %s", node, g.host)
	}
	uid := l.uid(g.namespace, first)
	failing.fails()
	eventually(t, 3*time.Minute, "the replacement is refused", func() error { return l.replacementRefused(g.namespace) })
	if pods := l.replicas(g.namespace); len(pods) != 1 || pods[0] != first {
		t.Errorf("without a grant there are the pods %v", pods)
	}
	if err := other.runsNone("ha-"); err != nil {
		t.Error(err)
	}

	l.command("OPERATOR", "host", "cordon", g.host, "--reason", "it has lost its power")
	healed := l.heal(g, uid, "ha-1")
	if healed.host != other.name {
		t.Fatalf("healed on %s", healed.host)
	}
	second := l.replica(g.namespace, first)
	if node := l.answers(g.namespace, second); node != healed.host {
		t.Errorf("the replacement runs on %s, and was granted on %s", node, healed.host)
	}

	failing.returns()
	eventually(t, 3*time.Minute, "what ran on the node is ended", func() error {
		if pods := l.replicas(g.namespace); len(pods) != 1 || pods[0] != second {
			return fmt.Errorf("there are the pods %v", pods)
		}
		return failing.runsNone(first)
	})
	l.violation(g.host, uid, false, 2*time.Minute)
	l.command("OPERATOR", "host", "uncordon", g.host)
	if node := l.answers(g.namespace, second); node != healed.host {
		t.Errorf("the replacement is on %s now", node)
	}
	if n := l.found(domainEncrypted); n > 0 {
		t.Errorf("the content of its image lies on the disks %d times", n)
	}
}

// deploy has Kubernetes keep one pod of a VNF instance's component, and not wait long for a node that is silent.
func (l *live) deploy(name string, g granted) {
	l.t.Helper()
	labels := map[string]string{"app": name, "ringfence.io/vnf-instance-id": g.vnf, "ringfence.io/component-id": "c"}
	p := l.podOf(domainEncrypted, name, g.namespace, labels, func(spec, metadata map[string]any) {
		delete(metadata, "name")
		delete(metadata, "namespace")
		var tolerations []any
		for _, taint := range []string{"node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"} {
			tolerations = append(tolerations, map[string]any{"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": int64(2)})
		}
		spec["tolerations"] = tolerations
	})
	deployment := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "namespace": g.namespace},
		"spec": map[string]any{
			"replicas": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{"metadata": p.Object["metadata"], "spec": p.Object["spec"]},
		},
	}}
	if _, err := create(l.t.Context(), l.admin, deployment); err != nil {
		l.t.Fatal(err)
	}
}

// replicas are the names of the Deployment's pods, those that are being deleted as well.
func (l *live) replicas(namespace string) []string {
	l.t.Helper()
	list, err := l.admin.Resource(resources["Pod"]).Namespace(namespace).List(l.t.Context(), metav1.ListOptions{LabelSelector: "app=ha"})
	if err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].GetName())
	}
	return names
}

// replica waits for a pod of the Deployment that is another than this one.
func (l *live) replica(namespace, but string) string {
	l.t.Helper()
	var found string
	eventually(l.t, 3*time.Minute, "the Deployment has a pod", func() error {
		for _, name := range l.replicas(namespace) {
			if name != but {
				found = name
				return nil
			}
		}
		return errors.New("it has none")
	})
	return found
}

// replacementRefused looks whether Kubernetes was refused a pod of the Deployment by ringfence; nil: it was.
func (l *live) replacementRefused(namespace string) error {
	d, err := l.admin.Resource(resources["Deployment"]).Namespace(namespace).Get(l.t.Context(), "ha", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if status := fmt.Sprint(d.Object["status"]); !strings.Contains(status, "ringfence refuses") {
		return errors.New(status)
	}
	return nil
}

// heal asks for a replacement of a pod, as its VNFM does.
func (l *live) heal(g granted, uid, definition string) granted {
	l.t.Helper()
	vnfm := &stub.VNFM{Client: l.api("VNFM")}
	r := vnfm.NewRequest("HEAL", domainEncrypted, g.vnf)
	old := vnfm.Resource(g.definition, "c")
	old.Resource = &stub.ResourceHandle{VIMConnectionID: vimConnection, ResourceID: uid}
	r.RemoveResources = []stub.ResourceDefinition{old}
	r.AddResources = []stub.ResourceDefinition{vnfm.Resource(definition, "c")}
	return l.granted(vnfm, r)[0]
}
