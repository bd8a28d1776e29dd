package nfvi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

func (l *live) testRuns(t *testing.T) {
	l = l.in(t)
	for _, g := range l.onEach(domainShared, "vnf-1") {
		l.runs(domainShared, "first-"+g.definition, g)
	}
}

// onEach asks for a pod of a trust domain on each of the two hosts.
func (l *live) onEach(domain, instance string) []granted {
	l.t.Helper()
	vnfm := &stub.VNFM{Client: l.api("VNFM")}
	r := vnfm.NewRequest("INSTANTIATE", domain, instance)
	r.AddResources = []stub.ResourceDefinition{vnfm.Resource("a", "c"), vnfm.Resource("b", "c")}
	apart := stub.PlacementConstraint{AffinityOrAntiAffinity: "ANTI_AFFINITY", Scope: "NFVI_NODE"}
	for _, id := range []string{"a", "b"} {
		apart.Resource = append(apart.Resource, stub.ConstraintResourceRef{IDType: "GRANT", ResourceID: id})
	}
	r.PlacementConstraints = []stub.PlacementConstraint{apart}
	grants := l.granted(vnfm, r)
	if grants[0].host == grants[1].host {
		l.t.Errorf("both are on %s", grants[0].host)
	}
	return grants
}

// granted asks, and waits until cism knows what was granted.
func (l *live) granted(vnfm *stub.VNFM, r *stub.GrantRequest) []granted {
	l.t.Helper()
	answer, err := vnfm.Ask(l.t.Context(), r)
	if err != nil {
		l.t.Fatal(err)
	}
	var grants []granted
	for _, info := range answer.AddResources {
		id := info.ResourceDefinitionID
		g := granted{residency: info.ReservationID, vnf: r.VNFInstanceID, definition: id, namespace: info.ContainerNamespace, host: answer.Hosts()[id]}
		l.namespace(g.namespace)
		l.knows(g)
		grants = append(grants, g)
	}
	return grants
}

// testNothingElse tries to get pods onto the nodes that are not as they were granted. containerd never hears of any.
func (l *live) testNothingElse(t *testing.T) {
	l = l.in(t)
	g := l.grant(domainShared, "c", "vnf-2", "other")[0]
	elsewhere := map[string]string{"w1": "w2", "w2": "w1"}[g.host]
	_, err := create(t.Context(), l.admin, l.podOf(domainShared, "other-nobody", g.namespace, nil))
	refused(t, err, "it names no grant")
	for name, tc := range map[string]struct {
		says   string
		change func(spec, metadata map[string]any)
	}{
		"nodeName":      {"it names its node (nodeName), past the scheduler", func(spec, _ map[string]any) { spec["nodeName"] = g.host }},
		"runtime class": {`its runtimeClassName is "runc" and "hardened" was granted`, func(spec, _ map[string]any) { spec["runtimeClassName"] = "runc" }},
		"fabric's":      {`its runtimeClassName is "fabric" and "hardened" was granted`, func(spec, _ map[string]any) { spec["runtimeClassName"] = "fabric" }},
		"fabric's store": {"the annotation io.containerd.cri.runtime-handler", func(_, metadata map[string]any) {
			metadata["annotations"] = map[string]any{"io.containerd.cri.runtime-handler": "fabric"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(t.Context(), l.admin, l.podOf(domainShared, "other-changed", g.namespace, g.labels(), tc.change))
			refused(t, err, tc.says)
		})
	}
	unscheduled := func(spec, _ map[string]any) { spec["schedulerName"] = "none" }
	l.created(l.podOf(domainShared, "other-unbound", g.namespace, g.labels(), unscheduled))
	refused(t, bind(t.Context(), l.admin, g.namespace, "other-unbound", elsewhere, false), "is not where it was granted")
	refused(t, bind(t.Context(), l.admin, g.namespace, "other-unbound", elsewhere, true), "is not where it was granted")
	for _, w := range l.workers {
		if err := w.runsNone("other-"); err != nil {
			t.Error(err)
		}
	}
	l.remove(g.namespace, "other-unbound")
}

// testImages looks on the disks for the content of images, byte by byte, while their pods run and after they have ended.
func (l *live) testImages(t *testing.T) {
	l = l.in(t)
	for _, w := range l.workers {
		if w.holds(l.marks[domainShared]) == 0 {
			t.Errorf("the image that may lie in the open is not found on the disk of %s: the search finds nothing", w.name)
		}
	}
	for _, domain := range []string{domainEncrypted, domainNoStore} {
		grants := l.onEach(domain, "vnf-"+domain)
		for _, g := range grants {
			l.runs(domain, "image-"+g.definition, g)
		}
		if n := l.found(domain); n > 0 {
			t.Errorf("%s: the content lies on the disks %d times while pods run", domain, n)
		}
		l.terminated(domain, "vnf-"+domain)
		for _, g := range grants {
			l.gone(g.namespace, "image-"+g.definition)
		}
		for _, w := range l.workers {
			for _, kind := range []string{"encrypted", "memory"} {
				eventually(t, 2*time.Minute, "the volumes are erased", func() error { return empty(filepath.Join(w.folder, "agent", "volumes", kind)) })
			}
		}
		if n := l.found(domain); n > 0 {
			t.Errorf("%s: the content lies on the disks %d times after the pods have ended", domain, n)
		}
	}
}

// found is how often the content of a trust domain's image lies on the disks.
func (l *live) found(domain string) int {
	l.t.Helper()
	n := 0
	for _, w := range l.workers {
		n += w.holds(l.marks[domain])
	}
	return n
}

// terminated ends the life of a VNF instance, as its VNFM does.
func (l *live) terminated(vnfdID, instance string) {
	l.t.Helper()
	vnfm := &stub.VNFM{Client: l.api("VNFM")}
	if _, err := vnfm.Ask(l.t.Context(), vnfm.NewRequest("TERMINATE", vnfdID, instance)); err != nil {
		l.t.Fatal(err)
	}
}

// violation waits until ringfence lists, or lists no more, a violation on a host that names something.
func (l *live) violation(host, what string, listed bool, within time.Duration) {
	l.t.Helper()
	eventually(l.t, within, fmt.Sprintf("the violation of %s is listed: %t", what, listed), func() error {
		if list := l.command("OPERATOR", "violation", "list", "--host", host); strings.Contains(list, what) != listed {
			return errors.New("the violations are\n" + list)
		}
		return nil
	})
}

// testByHand starts what Kubernetes is not asked about: a static pod, and a container by hand.
func (l *live) testByHand(t *testing.T) {
	l = l.in(t)
	image := l.store.at(l.images[domainShared])
	for _, w := range l.workers {
		file := filepath.Join(filepath.Dir(w.image), "static", "static.yaml")
		text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "static", "namespace": "default"},
			"spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": %q}]}}`, image)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var uid string
		eventually(t, 2*time.Minute, "the static pod runs", func() error {
			found, err := w.sandboxes()
			uid = found["static-"+w.name].GetMetadata().GetUid()
			if err == nil && uid == "" {
				err = fmt.Errorf("%v run", found)
			}
			return err
		})
		l.violation(w.name, uid, true, seen)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		l.violation(w.name, uid, false, time.Minute)

		id := "by-hand-" + strings.ToLower(rand.Text())
		w.ctr("images", "pull", "--plain-http", image)
		w.ctr("run", "--detach", image, id, "/pause")
		l.violation(w.name, "default/"+id, true, seen)
		w.ctr("tasks", "delete", "--force", id)
		w.ctr("containers", "delete", id)
		l.violation(w.name, "default/"+id, false, time.Minute)
	}
}

// testServiceDown takes ringfence away: what runs goes on, nothing new starts, and after its return everything goes on.
func (l *live) testServiceDown(t *testing.T) {
	l = l.in(t)
	grants := l.grant(domainNoStore, "c", "vnf-down", "before", "after")
	l.runs(domainNoStore, "before", grants[0])
	if err := l.ringfence.Kill(); err != nil {
		t.Fatal(err)
	}
	l.isRefused(l.podOf(domainNoStore, "after", grants[1].namespace, grants[1].labels()), "ringfence has been silent for")
	_, err := create(t.Context(), l.admin, l.podOf(domainNoStore, "after", grants[1].namespace, grants[1].labels()))
	refused(t, err, "what runs stays")
	if node := l.answers(grants[0].namespace, "before"); node != grants[0].host {
		t.Errorf("what ran is on %s now", node)
	}
	*l.ringfence = *l.newRingfence()
	l.runs(domainNoStore, "after", grants[1])
	l.runs(domainEncrypted, "new", l.grant(domainEncrypted, "c", "vnf-new", "new")[0])
	if n := l.found(domainNoStore) + l.found(domainEncrypted); n > 0 {
		t.Errorf("what must not lie on the disks is found there %d times", n)
	}
}
