package nfvi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"ringfence/test/stub"
)

// TestKubernetesLife takes ringfence and cism away and brings them back.
func TestKubernetesLife(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	t.Run("a grant ends", c.testRelease)
	t.Run("ringfence is down", c.testSilence)
	t.Run("cism restarts", c.testRestarts) // the last one, because its cism ends with it
}

// testRestarts kills cism. What it knew is there at once; what was granted meanwhile it reads; without its file it reads
// everything again.
func (c *cluster) testRestarts(t *testing.T) {
	c = c.on(t)
	before := c.grant("amf", "sig", "amf-1", "amf-1-sig-0", "amf-1-sig-1", "amf-1-sig-2")
	c.run(before[0])
	for round, lost := range []bool{false, true} {
		c.cism.kill()
		_, err := create(t.Context(), c.admin, pod("while-down", before[1].namespace, before[1].labels()))
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
			t.Errorf("while cism is down: %v", err)
		}
		if lost {
			if err := os.Remove(c.stateFile); err != nil {
				t.Fatal(err)
			}
		}
		meanwhile := c.ask("amf", "sig", fmt.Sprintf("amf-2%d", round), fmt.Sprintf("amf-2%d-sig-0", round))[0]
		c.startCISM()
		c.namespace(meanwhile.namespace)
		c.run(meanwhile)
		c.run(before[1+round])
		_, err = create(t.Context(), c.admin, pod("second", before[0].namespace, before[0].labels()))
		refused(t, err, "is used by pod")
	}
}

// run creates the pod of a grant, which must run where it was granted.
func (c *cluster) run(g granted) {
	c.t.Helper()
	if _, err := create(c.t.Context(), c.admin, pod("of-"+g.definition, g.namespace, g.labels())); err != nil {
		c.t.Fatal(err)
	}
	if node := c.bound(g.namespace, "of-"+g.definition); node != "node-"+g.host {
		c.t.Errorf("bound to %s, granted on %s", node, g.host)
	}
}

// testRelease takes a right back: what runs stays, nothing starts.
func (c *cluster) testRelease(t *testing.T) {
	c = c.on(t)
	g := c.grant("amf", "sig", "amf-3", "amf-3-sig-0")[0]
	if _, err := create(t.Context(), c.admin, pod("unbound", g.namespace, g.labels(), func(spec, _ map[string]any) { spec["schedulerName"] = "none" })); err != nil {
		t.Fatal(err)
	}
	c.command("OPERATOR", "reservation", "release", g.residency, "--reason", "test")
	c.isRefused(pod("late", g.namespace, g.labels()), fmt.Sprintf("nothing is granted for residency %q", g.residency))
	refused(t, bind(t.Context(), c.admin, g.namespace, "unbound", "node-"+g.host, false), "does not stand any more")
}

// isRefused waits until a pod would be refused with these words.
func (c *cluster) isRefused(p *unstructured.Unstructured, says string) {
	c.t.Helper()
	eventually(c.t, 30*time.Second, "a refusal", func() error {
		_, err := of(c.admin, p).Create(c.t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return errors.New("it would be admitted")
		}
		if !strings.Contains(err.Error(), says) {
			return err
		}
		return nil
	})
}

// testSilence takes ringfence away: new pods are refused, what runs stays, and after its return everything goes on.
func (c *cluster) testSilence(t *testing.T) {
	c = c.on(t)
	grants := c.grant("amf", "sig", "amf-5", "amf-5-sig-0", "amf-5-sig-1")
	c.run(grants[0])
	if err := c.ringfence.Kill(); err != nil {
		t.Fatal(err)
	}
	c.isRefused(pod("in-silence", grants[1].namespace, grants[1].labels()), "ringfence has been silent for")
	_, err := create(t.Context(), c.admin, pod("in-silence", grants[1].namespace, grants[1].labels()))
	refused(t, err, "what runs stays")
	if node := c.bound(grants[0].namespace, "of-"+grants[0].definition); node == "" {
		t.Error("what ran is gone")
	}
	if fresh := c.metric("ringfence_cism_fresh"); fresh != "0" {
		t.Errorf("ringfence_cism_fresh is %s", fresh)
	}
	*c.ringfence = *c.newRingfence()
	eventually(t, time.Minute, "new pods are admitted again", func() error {
		_, err := create(t.Context(), c.admin, pod("of-"+grants[1].definition, grants[1].namespace, grants[1].labels()))
		return err
	})
	if node := c.bound(grants[1].namespace, "of-"+grants[1].definition); node != "node-"+grants[1].host {
		t.Errorf("bound to %s, granted on %s", node, grants[1].host)
	}
	c.run(c.grant("amf", "sig", "amf-6", "amf-6-sig-0")[0])
}

// TestKubernetesExemptions lets pods run that need no grant, and nobody else.
func TestKubernetesExemptions(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	t.Run("fabric", c.testFabric)
	t.Run("broken glass", c.testBreakGlass)
	t.Run("static pods", c.testMirrors)
}

func (c *cluster) testFabric(t *testing.T) {
	c = c.on(t)
	c.namespace("cni")
	plugin := func(image, account string) func(spec, metadata map[string]any) {
		return func(spec, metadata map[string]any) {
			hostPath(spec, metadata)
			container(spec)["image"], spec["serviceAccountName"], spec["hostNetwork"] = image, account, true
		}
	}
	if _, err := create(t.Context(), c.admin, pod("cni-1", "cni", nil, plugin(fabricImage, "cni"))); err != nil {
		t.Errorf("a pod of the fabric: %v", err)
	}
	c.reportsFabric(t)
	c.namespace("other")
	for name, p := range map[string]*unstructured.Unstructured{
		"another image":     pod("cni-2", "cni", nil, plugin(image, "cni")),
		"another account":   pod("cni-2", "cni", nil, plugin(fabricImage, "default")),
		"another namespace": pod("cni-2", "other", nil, plugin(fabricImage, "cni")),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(t.Context(), c.admin, p)
			refused(t, err, "it names no grant")
		})
	}
}

// testBreakGlass has a member of the group let pods start, for a while and with a reason.
func (c *cluster) testBreakGlass(t *testing.T) {
	c = c.on(t)
	breaker := dynamicClient(t, c.pki.user(t, c.server, "ann", "system:masters", "breakers"))
	c.namespace("emergency")
	glass := func(client dynamic.Interface, reason string, until time.Time) error {
		change := fmt.Sprintf(`{"metadata": {"annotations": {"ringfence.io/break-glass": %q, "ringfence.io/break-glass-until": %q}}}`, reason, until.UTC().Format(time.RFC3339))
		_, err := client.Resource(resources["Namespace"]).Patch(t.Context(), "emergency", types.MergePatchType, []byte(change), metav1.PatchOptions{})
		return err
	}
	soon := time.Now().Add(time.Hour)
	refused(t, glass(c.admin, "no grants today", soon), `user "admin" is not allowed to break the glass`)
	refused(t, glass(breaker, "", soon), "says no reason")
	refused(t, glass(breaker, "no grants today", time.Now().Add(48*time.Hour)), "lies more than 4h0m0s ahead")
	_, err := create(t.Context(), c.admin, pod("early", "emergency", nil))
	refused(t, err, "it names no grant")

	if err := glass(breaker, "no grants today", soon); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the glass is broken", func() error {
		_, err := create(t.Context(), c.admin, pod("emergency", "emergency", nil))
		return err
	})
	if err := bind(t.Context(), c.admin, "emergency", "emergency", "node-w1", false); err != nil {
		t.Errorf("it cannot be bound: %v", err)
	}
	if n := c.metric("ringfence_cism_exempted_total"); n == "0" {
		t.Error("nobody counted it")
	}
	uid := c.uid("emergency", "emergency")
	c.stands(t, uid, fmt.Sprintf("DRIFT-BREAK-GLASS: %s runs on host w1 because ann broke the glass in its cluster: no grants today", uid))
	change := []byte(`{"metadata": {"annotations": {"ringfence.io/break-glass": null, "ringfence.io/break-glass-until": null}}}`)
	if _, err := c.admin.Resource(resources["Namespace"]).Patch(t.Context(), "emergency", types.MergePatchType, change, metav1.PatchOptions{}); err != nil {
		t.Errorf("anybody may mend it: %v", err)
	}
	c.isRefused(pod("late", "emergency", nil), "it names no grant")
	c.stands(t, uid, "DRIFT-BREAK-GLASS: "+uid)
	c.remove("emergency", "emergency")
	c.stands(t, uid, "")
}

// stands waits until what ringfence records of a pod begins so; empty: until it records nothing that stands.
func (c *cluster) stands(t *testing.T, uid, want string) {
	t.Helper()
	operator := stub.Client{URL: c.ringfence.URL, Token: "token-OPERATOR"}
	eventually(t, 40*time.Second, "a violation: "+want, func() error {
		var open []struct {
			Object string
			Reason struct{ Message string }
		}
		path := "/placement/v1/violations?filter=" + url.QueryEscape("(eq,source,OBSERVATION);(eq,state,OPEN)")
		if _, err := operator.Do(t.Context(), http.MethodGet, path, nil, &open); err != nil {
			return err
		}
		got := ""
		for _, v := range open {
			if v.Object == uid {
				got += v.Reason.Message
			}
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			return fmt.Errorf("there stands %q", got)
		}
		return nil
	})
}

// reportsFabric has a node run what its pool lists, as its status says, and what the pool does not list.
func (c *cluster) reportsFabric(t *testing.T) {
	t.Helper()
	started := func(name, image string) string {
		p := pod(name, "kube-system", nil, func(spec, _ map[string]any) {
			container(spec)["image"], spec["nodeName"] = "registry.example.net/plugin:1", "node-w1"
		})
		if _, err := create(t.Context(), c.admin, p); err != nil {
			t.Fatal(err)
		}
		status := fmt.Sprintf(`{"status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": "registry.example.net/plugin:1", "imageID": %q, "ready": true, "restartCount": 0}]}}`, image)
		_, err := c.admin.Resource(resources["Pod"]).Namespace("kube-system").Patch(t.Context(), name, types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		if err != nil {
			t.Fatal(err)
		}
		return c.uid("kube-system", name)
	}
	listed, foreign := started("proxy", fabricImage), started("miner", image)
	c.stands(t, foreign, "DRIFT-UNGRANTED: "+foreign)
	c.stands(t, listed, "")
}

// testMirrors has a kubelet show a static pod, which runs whether or not the API has it, and somebody else pretend to.
func (c *cluster) testMirrors(t *testing.T) {
	c = c.on(t)
	mirror := pod("static-node-w1", "default", nil, func(spec, metadata map[string]any) {
		spec["nodeName"] = "node-w1"
		metadata["annotations"] = map[string]any{"kubernetes.io/config.mirror": "x", "kubernetes.io/config.hash": "x", "kubernetes.io/config.source": "file"}
		node, err := c.admin.Resource(resources["Node"]).Get(t.Context(), "node-w1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		metadata["ownerReferences"] = []any{map[string]any{
			"apiVersion": "v1", "kind": "Node", "name": "node-w1", "uid": string(node.GetUID()), "controller": true,
		}}
	})
	_, err := create(t.Context(), c.admin, mirror)
	refused(t, err, "it names no grant")
	kubelet := dynamicClient(t, c.pki.user(t, c.server, "system:node:node-w1", "system:nodes"))
	if _, err := create(t.Context(), kubelet, mirror); err != nil {
		t.Errorf("a node shows its static pod: %v", err)
	}
}
