package nfvi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// TestKubernetesPods holds pods to their grants through the real API server and scheduler.
func TestKubernetesPods(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	t.Run("run where and how they were granted", c.testGranted)
	t.Run("name their VNF instance only", c.testReplicas)
	t.Run("differ from their grant", c.testDifferences)
	t.Run("may be what was granted", c.testGrantedRights)
	t.Run("are bound past the scheduler", c.testBindings)
	t.Run("are changed", c.testChanges)
	t.Run("are joined by ephemeral containers", c.testEphemeral)
	t.Run("run on nodes that lie", c.testNodes)
}

func (c *cluster) testGranted(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-1", "amf-1-sig-0")[0]
	_, err := create(t.Context(), c.admin, pod("nobody", g.namespace, nil))
	refused(t, err, "it names no grant: label it with ringfence.io/residency-id")
	created, err := create(t.Context(), c.admin, pod("amf", g.namespace, g.labels()))
	if err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string][]string{
		"kata": {"spec", "runtimeClassName"}, g.host: {"spec", "nodeSelector", "ringfence.io/host-id"}, g.residency: {"metadata", "labels", "ringfence.io/residency-id"},
		"RuntimeDefault": {"spec", "securityContext", "seccompProfile", "type"}, "160Mi": {"spec", "overhead", "memory"},
	} {
		if got, _, _ := unstructured.NestedString(created.Object, path...); got != want {
			t.Errorf("%s is %q, want %q", strings.Join(path, "."), got, want)
		}
	}
	containers, _, _ := unstructured.NestedSlice(created.Object, "spec", "containers")
	if policy := containers[0].(map[string]any)["imagePullPolicy"]; policy != "IfNotPresent" {
		t.Errorf("the pull policy is %v", policy)
	}
	tolerations, _, _ := unstructured.NestedSlice(created.Object, "spec", "tolerations")
	if !strings.Contains(fmt.Sprint(tolerations), "ringfence.io/trust-domain") {
		t.Errorf("the tolerations are %v", tolerations)
	}
	if node := c.bound(g.namespace, "amf"); node != "node-"+g.host {
		t.Errorf("bound to %s, granted on %s", node, g.host)
	}

	_, err = create(t.Context(), c.admin, pod("second", g.namespace, g.labels()))
	refused(t, err, fmt.Sprintf("residency %q is used by pod %s/amf, and a grant is for one pod", g.residency, g.namespace))
	c.remove(g.namespace, "amf")
	eventually(t, 20*time.Second, "the pod may start again", func() error {
		_, err := create(t.Context(), c.admin, pod("again", g.namespace, g.labels()))
		return err
	})
	if node := c.bound(g.namespace, "again"); node != "node-"+g.host {
		t.Errorf("bound to %s, granted on %s", node, g.host)
	}
}

// testReplicas creates the pods of a Deployment, which all look the same, at the same time.
func (c *cluster) testReplicas(t *testing.T) {
	c = c.on(t)
	grants := c.grant("amf", "sig", "amf-2", "amf-2-sig-0", "amf-2-sig-1", "amf-2-sig-2")
	labels := map[string]string{"ringfence.io/vnf-instance-id": "amf-2", "ringfence.io/component-id": "sig"}
	var wait sync.WaitGroup
	for i := range grants {
		wait.Go(func() {
			if _, err := create(t.Context(), c.admin, pod(fmt.Sprintf("replica-%d", i), grants[0].namespace, labels)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	_, err := create(t.Context(), c.admin, pod("one-more", grants[0].namespace, labels))
	refused(t, err, "and a grant is for one pod")
	want, got := map[string]int{}, map[string]int{}
	for i, g := range grants {
		want["node-"+g.host]++
		got[c.bound(g.namespace, fmt.Sprintf("replica-%d", i))]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("bound to %v, granted on %v", got, want)
	}
}

// testDifferences tries what a pod must not be other than it was granted. Each is refused with its own sentence.
func (c *cluster) testDifferences(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-3", "amf-3-sig-0")[0]
	c.namespace("elsewhere")
	for name, tc := range map[string]struct {
		change func(spec, metadata map[string]any)
		says   string
	}{
		"another namespace":  {func(_, metadata map[string]any) { metadata["namespace"] = "elsewhere" }, fmt.Sprintf("it was granted for the namespace %q", g.namespace)},
		"a node":             {func(spec, _ map[string]any) { spec["nodeName"] = "node-" + g.host }, "it names its node (nodeName), past the scheduler"},
		"another runtime":    {func(spec, _ map[string]any) { spec["runtimeClassName"] = "runc" }, `its runtimeClassName is "runc" and "kata" was granted`},
		"another host":       {func(spec, _ map[string]any) { spec["nodeSelector"] = map[string]any{"ringfence.io/host-id": "u1"} }, `its nodeSelector ringfence.io/host-id is "u1"`},
		"a tag":              {func(spec, _ map[string]any) { container(spec)["image"] = "registry.example.net/amf/signalling:2.3.0" }, "names no digest"},
		"another image":      {func(spec, _ map[string]any) { container(spec)["image"] = fabricImage }, "of container \"app\" was not granted"},
		"the host's network": {func(spec, _ map[string]any) { spec["hostNetwork"] = true }, "it asks for hostNetwork, and the right HOST_NETWORK was not granted"},
		"the host's PIDs":    {func(spec, _ map[string]any) { spec["hostPID"] = true }, "it asks for hostPID, and the right HOST_PID was not granted"},
		"the host's IPC":     {func(spec, _ map[string]any) { spec["hostIPC"] = true }, "it asks for hostIPC, and the right HOST_IPC was not granted"},
		"a port of the host": {func(spec, _ map[string]any) {
			container(spec)["ports"] = []any{map[string]any{"containerPort": int64(80), "hostPort": int64(80)}}
		}, "the host port 80"},
		"a path of the host": {hostPath, "of type hostPath, and the right HOST_PATH was not granted"},
		"privileged":         {security(map[string]any{"privileged": true}), "privileged: true in container \"app\", and the right PRIVILEGED was not granted"},
		"CAP_SYS_ADMIN":      {security(map[string]any{"capabilities": map[string]any{"add": []any{"SYS_ADMIN"}}}), "the right CAP_SYS_ADMIN was not granted"},
		"NET_RAW":            {security(map[string]any{"capabilities": map[string]any{"add": []any{"NET_RAW"}}}), "the capability NET_RAW"},
		"no seccomp":         {security(map[string]any{"seccompProfile": map[string]any{"type": "Unconfined"}}), "a seccomp profile that is unconfined"},
		"Kata's settings": {func(_, metadata map[string]any) {
			metadata["annotations"] = map[string]any{"io.katacontainers.config.hypervisor.path": "/x"}
		}, "the annotation io.katacontainers.config.hypervisor.path"},
		"another snapshotter": {func(_, metadata map[string]any) {
			metadata["annotations"] = map[string]any{"io.containerd.cri.runtime-handler": "fabric"}
		}, "the annotation io.containerd.cri.runtime-handler"},
		"a device":        {requests("intel.com/sriov", "1"), "it asks for the device intel.com/sriov, which was not granted"},
		"too much memory": {requests("memory", "2Gi"), "memoryMiB and 672 were granted"},
		"two names": {func(_, metadata map[string]any) {
			metadata["annotations"] = map[string]any{"ringfence.io/residency-id": "x"}
		}, "leave one out"},
		"glass by an outcast": {func(_, metadata map[string]any) {
			metadata["annotations"] = map[string]any{"ringfence.io/break-glass": "x"}
		}, "is not allowed to break the glass"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(t.Context(), c.admin, pod("other", g.namespace, g.labels(), tc.change))
			refused(t, err, tc.says)
		})
	}
	stranger := map[string]string{"ringfence.io/vnf-instance-id": "amf-99", "ringfence.io/resource-definition-id": "x"}
	_, err := create(t.Context(), c.admin, pod("other", g.namespace, stranger))
	refused(t, err, `nothing is granted for VNF instance "amf-99", resource definition "x"`)
}

func hostPath(spec, _ map[string]any) {
	spec["volumes"] = []any{map[string]any{"name": "root", "hostPath": map[string]any{"path": "/"}}}
}

func security(context map[string]any) func(spec, _ map[string]any) {
	return func(spec, _ map[string]any) { container(spec)["securityContext"] = context }
}

func requests(name, amount string) func(spec, _ map[string]any) {
	return func(spec, _ map[string]any) {
		container(spec)["resources"] = map[string]any{"requests": map[string]any{name: amount}, "limits": map[string]any{name: amount}}
	}
}

// testGrantedRights has a pod be what its profile says that it is.
func (c *cluster) testGrantedRights(t *testing.T) {
	c = c.on(t)
	g := c.grant("upf", "pfe", "upf-1", "upf-1-pfe-0")[0]
	if _, err := create(t.Context(), c.admin, pod("upf", g.namespace, g.labels(), requests("intel.com/sriov", "1"))); err != nil {
		t.Fatal(err)
	}
	if node := c.bound(g.namespace, "upf"); node != "node-u1" {
		t.Errorf("bound to %s", node)
	}
}

// testBindings binds pods as somebody who is no scheduler.
func (c *cluster) testBindings(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-4", "amf-4-sig-0")[0]
	other := "node-w1"
	if g.host == "w1" {
		other = "node-w2"
	}
	unscheduled := func(spec, _ map[string]any) { spec["schedulerName"] = "none" }
	if _, err := create(t.Context(), c.admin, pod("amf", g.namespace, g.labels(), unscheduled)); err != nil {
		t.Fatal(err)
	}
	says := fmt.Sprintf("node %q is not where it was granted, which is %s", other, g.host)
	refused(t, bind(t.Context(), c.admin, g.namespace, "amf", other, false), says)
	refused(t, bind(t.Context(), c.admin, g.namespace, "amf", other, true), says)
	if err := bind(t.Context(), c.admin, g.namespace, "amf", "node-"+g.host, true); err != nil {
		t.Error(err)
	}
	if node := c.bound(g.namespace, "amf"); node != "node-"+g.host {
		t.Errorf("bound to %s, granted on %s", node, g.host)
	}
}

// bind binds a pod, by its subresource or in the older way.
func bind(ctx context.Context, client dynamic.Interface, namespace, name, node string, older bool) error {
	binding := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Binding", "metadata": map[string]any{"name": name, "namespace": namespace},
		"target": map[string]any{"apiVersion": "v1", "kind": "Node", "name": node},
	}}
	var err error
	if older {
		_, err = client.Resource(resources["Binding"]).Namespace(namespace).Create(ctx, binding, metav1.CreateOptions{})
	} else {
		_, err = client.Resource(resources["Pod"]).Namespace(namespace).Create(ctx, binding, metav1.CreateOptions{}, "binding")
	}
	return err
}

// patch changes a pod, or a subresource of it, by a strategic merge patch.
func (c *cluster) patch(ctx context.Context, namespace, name, change string, subresources ...string) error {
	_, err := c.admin.Resource(resources["Pod"]).Namespace(namespace).Patch(ctx, name, types.StrategicMergePatchType, []byte(change), metav1.PatchOptions{}, subresources...)
	return err
}

func (c *cluster) testChanges(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-5", "amf-5-sig-0")[0]
	if _, err := create(t.Context(), c.admin, pod("amf", g.namespace, g.labels())); err != nil {
		t.Fatal(err)
	}
	c.bound(g.namespace, "amf")
	for name, tc := range map[string]struct{ change, subresource, says string }{
		"the label goes":      {`{"metadata": {"labels": {"ringfence.io/residency-id": null}}}`, "", "ringfence.io/residency-id carries its grant and cannot change"},
		"the label changes":   {`{"metadata": {"labels": {"ringfence.io/residency-id": "other"}}}`, "", "ringfence.io/residency-id carries its grant and cannot change"},
		"an annotation comes": {`{"metadata": {"annotations": {"ringfence.io/component-id": "x"}}}`, "", "ringfence.io/component-id carries its grant and cannot change"},
		"the image changes":   {`{"spec": {"containers": [{"name": "app", "image": "` + fabricImage + `"}]}}`, "", "was not granted"},
		"it grows":            {`{"spec": {"containers": [{"name": "app", "resources": {"requests": {"memory": "4Gi"}}}]}}`, "resize", "memoryMiB and 672 were granted"},
	} {
		t.Run(name, func(t *testing.T) {
			var subresources []string
			if tc.subresource != "" {
				subresources = append(subresources, tc.subresource)
			}
			refused(t, c.patch(t.Context(), g.namespace, "amf", tc.change, subresources...), tc.says)
		})
	}
	if err := c.patch(t.Context(), g.namespace, "amf", `{"metadata": {"labels": {"app": "amf"}}}`); err != nil {
		t.Errorf("what is none of ringfence's business: %v", err)
	}
}

func (c *cluster) testEphemeral(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-6", "amf-6-sig-0")[0]
	if _, err := create(t.Context(), c.admin, pod("amf", g.namespace, g.labels())); err != nil {
		t.Fatal(err)
	}
	join := func(name, image, rest string) error {
		return c.patch(t.Context(), g.namespace, "amf", fmt.Sprintf(`{"spec": {"ephemeralContainers": [{"name": %q, "image": %q%s}]}}`, name, image, rest), "ephemeralcontainers")
	}
	refused(t, join("a", debugImage, `, "securityContext": {"privileged": true}`), "privileged: true in container \"a\", which none may")
	refused(t, join("a", debugImage, `, "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}`), "the capability SYS_PTRACE")
	refused(t, join("a", image, ""), "of the ephemeral container \"a\" was not granted")
	if err := join("a", debugImage, ""); err != nil {
		t.Errorf("an image that the operator lists: %v", err)
	}
}

// testNodes has kubelets say that their node is another one.
func (c *cluster) testNodes(t *testing.T) {
	c = c.on(t)
	kubelet := dynamicClient(t, c.pki.user(t, c.server, "system:node:node-w3", "system:nodes"))
	label := func(client dynamic.Interface, change string) error {
		_, err := client.Resource(resources["Node"]).Patch(t.Context(), "node-w3", types.StrategicMergePatchType, []byte(`{"metadata": {"labels": {`+change+`}}}`), metav1.PatchOptions{})
		return err
	}
	refused(t, label(kubelet, `"ringfence.io/host-id": "w1"`), "a node cannot set ringfence.io/host-id of itself")
	refused(t, label(kubelet, `"kubernetes.io/hostname": "node-w1"`), "a node cannot take the label kubernetes.io/hostname=node-w1")
	if err := label(kubelet, `"example.net/rack": "7"`); err != nil {
		t.Errorf("a label that no grant is found by: %v", err)
	}
	if err := label(c.admin, `"ringfence.io/host-id": "w3"`); err != nil {
		t.Errorf("an administrator: %v", err)
	}
}
