package nfvi

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// warnings are what the API server warned a client of.
type warnings struct {
	mu   sync.Mutex
	list []string
}

// HandleWarningHeader takes one, as client-go wants it.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, text)
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.list
	w.list = nil
	return taken
}

// TestKubernetesObserved: an observed cluster runs what nobody granted, with a warning that says why it would have been refused; enforced, it
// refuses it, within seconds.
func TestKubernetesObserved(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.startScheduler(t, c.listen)
	g := c.grant("amf", "sig", "amf-1", "amf-1-sig-0")[0]
	_, err := create(t.Context(), c.admin, pod("before", g.namespace, nil))
	refused(t, err, "it names no grant")

	c.command("APPROVER", "enforcement", "observe", "--vim-connection", vimConnection, "--reason", "the cluster is taken over")
	eventually(t, 10*time.Second, "cism hears that it only observes", func() error { return c.metricIs("ringfence_cism_advisory", "1") })
	told := &warnings{}
	config := c.pki.user(t, c.server, "admin", "system:masters")
	config.WarningHandler = told
	admin := dynamicClient(t, config)
	if _, err := create(t.Context(), admin, pod("nobody", g.namespace, nil)); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(told.take(), "\n")
	for _, want := range []string{"ringfence only observes this cluster, and would have refused pod", "it names no grant"} {
		if !strings.Contains(got, want) {
			t.Errorf("warned of %q, want %q", got, want)
		}
	}
	if node := c.bound(g.namespace, "nobody"); node == "" {
		t.Error("the pod without a grant is not scheduled")
	}
	if _, err := create(t.Context(), admin, pod("amf", g.namespace, g.labels())); err != nil {
		t.Fatal(err)
	}
	if got := told.take(); len(got) > 0 {
		t.Errorf("warned of a pod that was granted: %q", got)
	}

	c.command("OPERATOR", "enforcement", "enforce", "--vim-connection", vimConnection, "--reason", "the report is read")
	eventually(t, 10*time.Second, "cism hears that it enforces", func() error { return c.metricIs("ringfence_cism_advisory", "0") })
	_, err = create(t.Context(), c.admin, pod("after", g.namespace, nil))
	refused(t, err, "it names no grant")
	if _, err := c.admin.Resource(resources["Pod"]).Namespace(g.namespace).Get(t.Context(), "nobody", metav1.GetOptions{}); err != nil {
		t.Errorf("what runs is gone: %v", err)
	}
}

// metricIs says what a metric of cism is, unless it is that.
func (c *cluster) metricIs(name, want string) error {
	if got := c.metric(name); got != want {
		return errors.New(name + " is " + got)
	}
	return nil
}

// TestObservedHost: while a host is observed, its agent leaves an image in the open that has to lie under a key, and says that it only
// recorded the order; enforced, it carries it out.
func TestObservedHost(t *testing.T) { onEveryContainerd(t, testObservedHost) }

func testObservedHost(t *testing.T, n *node) {
	image := pushImage(t, n, "observed", "1", layerOf(t, map[string]string{"pause": n.program}))
	s := startSite(t, n, map[string]pushed{domainNoStore: image})
	s.command("approver", "enforcement", "observe", "--vim-connection", "vim", "--reason", "the host is taken over")
	s.pullByHand(image)
	s.lies(image, "SHARED", seen)
	s.granted(domainNoStore, "vnf-1")
	s.answered("RECORDED", "recorded only")
	eventually(t, time.Minute, "the report counts the directive", func() error {
		if report := s.command("approver", "enforcement", "report", "--vim-connection", "vim"); !strings.Contains(report, "1 CACHE") {
			return errors.New(report)
		}
		return nil
	})
	s.lies(image, "SHARED", seen)
	s.command("all", "enforcement", "enforce", "--vim-connection", "vim", "--reason", "the report is read")
	eventually(t, time.Minute, "the image lies in the open no more", func() error {
		modes, err := s.cached()
		if err == nil && modes[image.digest] == "SHARED" {
			err = errors.New("it still does")
		}
		return err
	})
}
