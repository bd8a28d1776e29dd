package nfvi

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ringfence/test/stub"
)

// TestKubernetesReports has cism tell ringfence what the cluster runs: reservations are confirmed and freed by what it watches.
func TestKubernetesReports(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	c.addNode(t, "node-stranger", nil)
	operator := stub.Client{URL: c.ringfence.URL, Token: "token-OPERATOR"}
	state := func(g granted) (state string, found bool) {
		var r struct{ State string }
		_, err := operator.Do(t.Context(), "GET", "/placement/v1/reservations/"+g.residency, nil, &r)
		if err != nil && !strings.Contains(err.Error(), "404") {
			t.Fatal(err)
		}
		return r.State, err == nil
	}
	is := func(g granted, want string) {
		t.Helper()
		eventually(t, 40*time.Second, "the reservation is "+want, func() error {
			if got, _ := state(g); got != want {
				return fmt.Errorf("it is %q", got)
			}
			return nil
		})
	}

	g := c.grant("amf", "sig", "amf-1", "amf-1-sig-0")[0]
	is(g, "RESERVED")
	c.run(g)
	is(g, "RUNNING")

	terminate := stub.VNFM{Client: stub.Client{URL: c.ringfence.URL, Token: "token-VNFM"}}
	request := terminate.NewRequest("TERMINATE", "amf", g.vnf)
	resource := terminate.Resource(g.definition, "sig")
	resource.Resource = &stub.ResourceHandle{VIMConnectionID: vimConnection, ResourceID: c.uid(g.namespace, "of-"+g.definition)}
	request.RemoveResources = append(request.RemoveResources, resource)
	if _, err := terminate.Ask(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	is(g, "TERMINATING")
	c.remove(g.namespace, "of-"+g.definition)
	eventually(t, time.Minute, "the reservation has ended", func() error {
		if got, found := state(g); found {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})

	eventually(t, 20*time.Second, "a node is of no host", func() error {
		if n := c.metric("ringfence_cism_unmapped_nodes"); n != "1" {
			return fmt.Errorf("there are %s", n)
		}
		return nil
	})
	if document := c.page("/inventory"); !strings.Contains(document, "id: node-stranger") || !strings.Contains(document, "lifecycle: REGISTERED") || !strings.Contains(document, "cpuMillis: 64000") {
		t.Errorf("the inventory of what is not registered:\n%s", document)
	}
}

// TestKubernetesTwice runs cism twice in one cluster, as while one is replaced: they do no harm to each other.
func TestKubernetesTwice(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	grants := c.grant("amf", "sig", "amf-1", "amf-1-sig-0", "amf-1-sig-1")
	c.run(grants[0])

	second := c.on(t)
	second.listen, second.stateFile = freeAddress(t), filepath.Join(t.TempDir(), "state.json")
	second.startCISM()
	second.registerWebhooks()
	eventually(t, time.Minute, "the second one is asked", func() error {
		p := pod("second", grants[0].namespace, grants[0].labels())
		_, err := of(c.admin, p).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		refused(t, err, "is used by pod")
		if second.metric("ringfence_cism_refused_total") == "0" {
			return errors.New("the first one was asked")
		}
		return nil
	})
	second.run(grants[1])
	c.isRefused(pod("third", grants[1].namespace, grants[1].labels()), "is used by pod")
	for _, process := range []*cluster{c, second} {
		eventually(t, 40*time.Second, "both report", func() error {
			if process.metric("ringfence_cism_reports_total") == "0" {
				return errors.New("one reports nothing")
			}
			return nil
		})
		if n := process.metric("ringfence_cism_reports_failed_total"); n != "0" {
			t.Errorf("%s reports failed", n)
		}
	}
	for _, g := range grants {
		operator := stub.Client{URL: c.ringfence.URL, Token: "token-OPERATOR"}
		var r struct{ State string }
		if _, err := operator.Do(t.Context(), "GET", "/placement/v1/reservations/"+g.residency, nil, &r); err != nil || r.State == "" {
			t.Errorf("the reservation of %s: %q %v", g.definition, r.State, err)
		}
	}
}
