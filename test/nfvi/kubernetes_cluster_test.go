package nfvi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// kubernetesVersion is the version that test/nfvi/kubernetes pins.
const kubernetesVersion = "v1.37.2"

// kubernetesPrograms is the folder of the programs that test/nfvi/kubernetes/build.sh built.
func kubernetesPrograms(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "ringfence", "nfvi", kubernetesVersion)
	if given := os.Getenv("RINGFENCE_NFVI_KUBERNETES"); given != "" {
		folder = given
	}
	for _, name := range []string{"kube-apiserver", "kube-scheduler"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Fatalf("%v; test/nfvi/kubernetes/build.sh builds it", err)
		}
	}
	return folder
}

// controlPlane is etcd and an API server of their own, with an administrator.
type controlPlane struct {
	pki      *pki
	programs string
	server   string
	admin    dynamic.Interface
}

// startControlPlane runs etcd and the API server until the test ends.
func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	programs := kubernetesPrograms(t)
	c := &controlPlane{pki: newPKI(t, t.TempDir()), programs: programs}
	clients, peers, api := "http://"+freeAddress(t), "http://"+freeAddress(t), freeAddress(t)
	etcd := startProcess(t, "etcd", "etcd", "--data-dir", t.TempDir(), "--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--log-level", "warn")
	etcd.answers(t, http.DefaultClient, clients+"/health")
	c.server = "https://" + api
	apiserver := startProcess(t, "kube-apiserver", filepath.Join(programs, "kube-apiserver"),
		"--etcd-servers", clients, "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", portOf(t, api),
		"--tls-cert-file", c.pki.file("apiserver.crt"), "--tls-private-key-file", c.pki.file("apiserver.key"), "--client-ca-file", c.pki.file("ca.crt"),
		"--service-account-issuer", c.server, "--service-account-key-file", c.pki.file("sa.pub"), "--service-account-signing-key-file", c.pki.file("sa.key"),
		"--service-cluster-ip-range", "127.0.99.0/24", "--endpoint-reconciler-type", "none", "--authorization-mode", "Node,RBAC", "--allow-privileged=true",
		// No controllers run here: nothing would make service accounts, or take the taint of a new node away.
		"--enable-admission-plugins", "NodeRestriction", "--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition")
	admin := c.pki.user(t, c.server, "admin", "system:masters")
	c.admin = dynamicClient(t, admin)
	client, err := rest.HTTPClientFor(admin)
	if err != nil {
		t.Fatal(err)
	}
	apiserver.answers(t, client, c.server+"/readyz")
	return c
}

// startScheduler runs the scheduler, which asks an extender at that address about every pod.
func (c *controlPlane) startScheduler(t *testing.T, extender string) *process {
	t.Helper()
	user := c.pki.kubeconfig(t, c.pki.user(t, c.server, "system:kube-scheduler"), "scheduler")
	config := c.pki.file("scheduler.yaml")
	content := fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: %q, qps: 1000, burst: 2000}
extenders:
- urlPrefix: https://%s/scheduler
  filterVerb: filter
  nodeCacheCapable: true
  ignorable: false
  enableHTTPS: true
  httpTimeout: 5s
  tlsConfig: {caFile: %q, certFile: %q, keyFile: %q}
`, user, extender, c.pki.file("ca.crt"), c.pki.file("apiserver.crt"), c.pki.file("apiserver.key"))
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	health := freeAddress(t)
	scheduler := startProcess(t, "kube-scheduler", filepath.Join(c.programs, "kube-scheduler"), "--config", config,
		"--authentication-kubeconfig", user, "--authorization-kubeconfig", user, "--bind-address", "127.0.0.1", "--secure-port", portOf(t, health))
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	scheduler.answers(t, insecure, "https://"+health+"/readyz")
	return scheduler
}

func dynamicClient(t *testing.T, c *rest.Config) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// resources are the kinds that the tests use, by their plural.
var resources = map[string]schema.GroupVersionResource{
	"Pod":                              {Version: "v1", Resource: "pods"},
	"Node":                             {Version: "v1", Resource: "nodes"},
	"Namespace":                        {Version: "v1", Resource: "namespaces"},
	"ConfigMap":                        {Version: "v1", Resource: "configmaps"},
	"Secret":                           {Version: "v1", Resource: "secrets"},
	"Service":                          {Version: "v1", Resource: "services"},
	"ServiceAccount":                   {Version: "v1", Resource: "serviceaccounts"},
	"Binding":                          {Version: "v1", Resource: "bindings"},
	"Deployment":                       {Group: "apps", Version: "v1", Resource: "deployments"},
	"DaemonSet":                        {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"RuntimeClass":                     {Group: "node.k8s.io", Version: "v1", Resource: "runtimeclasses"},
	"NetworkPolicy":                    {Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	"PodDisruptionBudget":              {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	"PriorityClass":                    {Group: "scheduling.k8s.io", Version: "v1", Resource: "priorityclasses"},
	"Role":                             {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":                      {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"ClusterRole":                      {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding":               {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"MutatingWebhookConfiguration":     {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	"ValidatingWebhookConfiguration":   {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	"ValidatingAdmissionPolicy":        {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
	"ValidatingAdmissionPolicyBinding": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"},
}

// of is the resource that an object belongs to.
func of(client dynamic.Interface, o *unstructured.Unstructured) dynamic.ResourceInterface {
	resource := client.Resource(resources[o.GetKind()])
	if o.GetNamespace() == "" {
		return resource
	}
	return resource.Namespace(o.GetNamespace())
}

// create creates an object as a user, and returns it as it is stored.
func create(ctx context.Context, client dynamic.Interface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return of(client, o).Create(ctx, o, metav1.CreateOptions{})
}

// apply makes an object be as it is written.
func (c *controlPlane) apply(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	options := metav1.ApplyOptions{FieldManager: "test", Force: true}
	if _, err := of(c.admin, o).Apply(t.Context(), o.GetName(), o, options); err != nil {
		t.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// objects reads objects from YAML.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+text, "\n---") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		if len(o.Object) > 0 {
			if _, known := resources[o.GetKind()]; !known && o.GetKind() != "Kustomization" {
				t.Fatalf("the tests do not know the kind %q", o.GetKind())
			}
			all = append(all, o)
		}
	}
	return all
}

// manifests are the objects of a file of deployments/kubernetes.
func manifests(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "deployments", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, string(content))
}

// addNode registers a worker that is ready, with the labels of the host that it is.
func (c *controlPlane) addNode(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	all := map[string]any{"kubernetes.io/hostname": name}
	for key, value := range labels {
		all[key] = value
	}
	amounts := map[string]any{"cpu": "64", "memory": "256Gi", "pods": "110", "intel.com/sriov": "8"}
	node := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name, "labels": all},
		"status": map[string]any{
			"capacity": amounts, "allocatable": amounts,
			"conditions": []any{map[string]any{"type": "Ready", "status": "True", "lastHeartbeatTime": time.Now().UTC().Format(time.RFC3339)}},
		},
	}}
	created, err := create(t.Context(), c.admin, node)
	if err != nil {
		t.Fatal(err)
	}
	created.Object["status"] = node.Object["status"]
	if _, err := c.admin.Resource(resources["Node"]).UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
