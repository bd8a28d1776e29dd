package nfvi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	issuer "ringfence/test/pki"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// vimConnection is what the inventory calls the cluster.
const vimConnection = "k8s-lon"

// image is the one that the VNF profile of the tests names.
const image = "registry.example.net/amf/signalling@sha256:1dc72ec46cc967916f7d7d70148caf2ddae174544406ed54ac79de7129266f75"

// fabricImage belongs to the fabric of the cluster, debugImage may join pods.
const (
	fabricImage = "registry.example.net/cni@sha256:2222222222222222222222222222222222222222222222222222222222222222"
	debugImage  = "registry.example.net/debug@sha256:3333333333333333333333333333333333333333333333333333333333333333"
)

// cluster is a Kubernetes control plane that ringfence cism holds to the grants of a ringfence.
type cluster struct {
	*controlPlane
	t *testing.T

	ringfence *server.Process
	options   server.Options
	cism      *process
	listen    string
	adminURL  string
	stateFile string
	fabric    []string // further pods that need no grant, as the cluster file has them

	secure *server.TLS     // of ringfence; nil: it serves in the clear
	agents []server.Client // the agents of the hosts
}

// startCluster runs everything: ringfence with an inventory and a policy, the control plane with its nodes, cism.
func startCluster(t *testing.T, flags ...string) *cluster {
	t.Helper()
	require(t)
	c := &cluster{t: t, stateFile: filepath.Join(t.TempDir(), "state.json"), listen: freeAddress(t)}
	c.startRingfence()
	c.fill(filepath.Join("testdata", "inventory.yaml"), filepath.Join("..", "..", "deployments", "reference", "policy.yaml"))
	c.controlPlane = startControlPlane(t)
	for _, host := range []string{"w1", "w2", "w3", "u1"} {
		c.addNode(t, "node-"+host, map[string]string{"ringfence.io/host-id": host})
	}
	for _, name := range []string{"runtimeclasses.yaml", "namespace.yaml"} {
		for _, o := range manifests(t, name) {
			c.apply(t, o)
		}
	}
	c.startCISM(flags...)
	c.registerWebhooks()
	return c
}

// on is the cluster as a subtest uses it.
func (c *cluster) on(t *testing.T) *cluster {
	sub := *c
	sub.t = t
	return &sub
}

// startRingfence runs ringfence on a new database.
func (c *cluster) startRingfence() {
	c.t.Helper()
	_, url := database.NewDatabase(c.t)
	var clients []server.Client
	for _, role := range []string{"VNFM", "OPERATOR", "AUTHOR", "APPROVER", "VERIFIER"} {
		clients = append(clients, server.Client{ID: role, Token: "token-" + role, Roles: []string{role}})
	}
	clients = append(clients, c.agents...)
	clients = append(clients, server.Client{ID: "cism", Token: "token-cism", Roles: []string{"AGENT"}, VIMConnectionIDs: []string{vimConnection}})
	c.options = server.Options{
		Program: program, DatabaseURL: url, DataDir: server.DataDir(c.t), Clients: clients, TLS: c.secure, Flags: []string{"--listen", freeAddress(c.t)},
	}
	c.ringfence = c.newRingfence()
	c.t.Cleanup(func() {
		if err := c.ringfence.Stop(); err != nil {
			c.t.Errorf("%v:\n%s", err, c.ringfence.Log())
		}
	})
}

// identity returns the flags by which a program shows ringfence who it is: a token, and a certificate where ringfence serves over TLS.
func (c *cluster) identity(name string) []string {
	c.t.Helper()
	folder := c.t.TempDir()
	token, cert, key := filepath.Join(folder, "token"), filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if err := os.WriteFile(token, []byte("token-"+name+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	flags := []string{"--token-file", token}
	if c.secure == nil {
		return flags
	}
	c.secure.Authority.Issue(c.t, issuer.Leaf{Name: name, DNS: []string{name}}).Write(c.t, cert, key)
	return append(flags, "--ca-file", c.secure.ClientCAFile, "--cert-file", cert, "--key-file", key)
}

// api is a client of ringfence with a role.
func (c *cluster) api(role string) stub.Client {
	client := stub.Client{URL: c.ringfence.URL, Token: "token-" + role}
	if c.secure != nil {
		client.HTTP = c.secure.Client(c.t)
	}
	return client
}

// fill gives ringfence an inventory and a policy.
func (c *cluster) fill(inventory, policy string) {
	c.t.Helper()
	c.command("OPERATOR", "import", inventory)
	c.command("AUTHOR", "policy", "apply", policy)
	c.command("APPROVER", "policy", "activate", "policy")
}

// newRingfence starts ringfence where it was before.
func (c *cluster) newRingfence() *server.Process {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	p, err := server.Start(ctx, c.options)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// command runs a command of ringfence as a client of it.
func (c *cluster) command(client string, arguments ...string) string {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), program, arguments...)
	command.Env = append(os.Environ(), "RINGFENCE_URL="+c.ringfence.URL, "RINGFENCE_TOKEN=token-"+client)
	if c.secure != nil {
		command.Env = append(command.Env, "RINGFENCE_CA_FILE="+c.secure.ClientCAFile)
	}
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		c.t.Fatalf("ringfence %s: %v\n%s%s", strings.Join(arguments, " "), err, &out, &errs)
	}
	return out.String()
}

// startCISM runs ringfence cism and waits until it knows what is granted.
func (c *cluster) startCISM(flags ...string) {
	c.t.Helper()
	user := c.pki.user(c.t, c.server, "system:serviceaccount:ringfence-system:ringfence-cism")
	for _, o := range manifests(c.t, "cism-rbac.yaml") {
		c.apply(c.t, o)
	}
	file := func(name, content string) string {
		path := c.pki.file(name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			c.t.Fatal(err)
		}
		return path
	}
	plugIn := fmt.Sprintf("{namespace: cni, serviceAccounts: [cni], images: [%q]}", digest(fabricImage))
	fabric := fmt.Sprintf("fabric: [%s]\ndebugImages: [%q]\ndevices: {intel.com/sriov: SRIOV}\n", strings.Join(append(c.fabric, plugIn), ", "), digest(debugImage))
	admin := freeAddress(c.t)
	arguments := append([]string{
		"cism", "--url", c.ringfence.URL, "--vim-connection", vimConnection,
		"--kubeconfig", c.pki.kubeconfig(c.t, user, "cism"), "--listen", c.listen, "--admin-listen", admin,
		"--tls-cert-file", c.pki.file("cism.crt"), "--tls-key-file", c.pki.file("cism.key"), "--state-file", c.stateFile,
		"--cluster-file", file("cluster.yaml", fabric), "--max-silence", "4s", "--break-glass-group", "breakers", "--log-format", "json",
	}, flags...)
	arguments = append(arguments, c.identity("cism")...)
	c.cism = startProcess(c.t, "cism", program, arguments...)
	c.adminURL = "http://" + admin
	c.cism.answers(c.t, http.DefaultClient, c.adminURL+"/readyz")
}

func digest(reference string) string { return reference[strings.Index(reference, "@")+1:] }

// registerWebhooks applies the webhooks as they ship, but for the address: this cluster has no services.
func (c *cluster) registerWebhooks() {
	c.t.Helper()
	authority, err := os.ReadFile(c.pki.file("ca.crt"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, o := range manifests(c.t, "webhooks.yaml") {
		hooks, _, err := unstructured.NestedSlice(o.Object, "webhooks")
		if err != nil {
			c.t.Fatal(err)
		}
		for i := range hooks {
			hook := hooks[i].(map[string]any)
			path, _, _ := unstructured.NestedString(hook, "clientConfig", "service", "path")
			hook["clientConfig"] = map[string]any{"url": "https://" + c.listen + path, "caBundle": authority}
		}
		o.Object["webhooks"] = hooks
		c.apply(c.t, asJSON(c.t, o))
	}
	// They hold from a moment on that the API server chooses.
	eventually(c.t, time.Minute, "the webhooks refuse", func() error {
		_, err := create(c.t.Context(), c.admin, pod("probe", "default", nil))
		if err == nil {
			_ = c.admin.Resource(resources["Pod"]).Namespace("default").Delete(c.t.Context(), "probe", metav1.DeleteOptions{})
			return fmt.Errorf("a pod without a grant was admitted")
		}
		if !strings.Contains(err.Error(), "ringfence refuses") {
			return err
		}
		return nil
	})
}

// asJSON is the object with nothing but what JSON holds.
func asJSON(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, string(text))[0]
}

// grant asks for pods of a component of a VNF instance, and returns what was granted for each, once cism knows it.
func (c *cluster) grant(vnfdID, component, vnfInstanceID string, resourceIDs ...string) []granted {
	c.t.Helper()
	all := c.ask(vnfdID, component, vnfInstanceID, resourceIDs...)
	c.namespace(all[0].namespace)
	for _, g := range all {
		c.knows(g)
	}
	return all
}

// ask asks for pods of a component of a VNF instance, and returns what was granted for each.
func (c *cluster) ask(vnfdID, component, vnfInstanceID string, resourceIDs ...string) []granted {
	c.t.Helper()
	vnfm := &stub.VNFM{Client: c.api("VNFM")}
	request := vnfm.NewRequest("INSTANTIATE", vnfdID, vnfInstanceID)
	for _, id := range resourceIDs {
		request.AddResources = append(request.AddResources, vnfm.Resource(id, component))
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	answer, err := vnfm.Ask(ctx, request)
	if err != nil {
		c.t.Fatal(err)
	}
	hosts := answer.Hosts()
	var all []granted
	for _, info := range answer.AddResources {
		all = append(all, granted{
			residency: info.ReservationID, vnf: vnfInstanceID, definition: info.ResourceDefinitionID, namespace: info.ContainerNamespace,
			host: hosts[info.ResourceDefinitionID],
		})
	}
	return all
}

// granted is one pod that may run.
type granted struct{ residency, vnf, definition, namespace, host string }

// knows waits until cism knows a grant: it admits the pod, dry.
func (c *cluster) knows(g granted) {
	c.t.Helper()
	eventually(c.t, 20*time.Second, "cism knows the grant", func() error {
		state, err := os.ReadFile(c.stateFile)
		if err == nil && !bytes.Contains(state, []byte(g.residency)) {
			err = fmt.Errorf("residency %s is not in the state", g.residency)
		}
		return err
	})
}

// namespace makes a namespace.
func (c *cluster) namespace(name string) {
	c.t.Helper()
	c.apply(c.t, objects(c.t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")[0])
}

// pod is a pod of one container of the granted image. change alters it.
func pod(name, namespace string, labels map[string]string, change ...func(spec, metadata map[string]any)) *unstructured.Unstructured {
	metadata := map[string]any{"name": name, "namespace": namespace}
	if labels != nil {
		l := map[string]any{}
		for key, value := range labels {
			l[key] = value
		}
		metadata["labels"] = l
	}
	spec := map[string]any{"containers": []any{map[string]any{
		"name": "app", "image": image, "resources": map[string]any{"requests": map[string]any{"cpu": "500m", "memory": "512Mi"}},
	}}}
	for _, f := range change {
		f(spec, metadata)
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}}
}

// labels name a grant by its residency.
func (g granted) labels() map[string]string {
	return map[string]string{"ringfence.io/residency-id": g.residency}
}

// container is the first container of a pod's specification.
func container(spec map[string]any) map[string]any {
	return spec["containers"].([]any)[0].(map[string]any)
}

// bound waits until a pod is bound and returns its node.
func (c *cluster) bound(namespace, name string) string {
	c.t.Helper()
	var node string
	eventually(c.t, 30*time.Second, "pod "+name+" is bound", func() error {
		p, err := c.admin.Resource(resources["Pod"]).Namespace(namespace).Get(c.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if node, _, _ = unstructured.NestedString(p.Object, "spec", "nodeName"); node == "" {
			status, _, _ := unstructured.NestedSlice(p.Object, "status", "conditions")
			return fmt.Errorf("it is not: %v", status)
		}
		return nil
	})
	return node
}

// remove deletes a pod at once: no kubelet runs here that would confirm it.
func (c *cluster) remove(namespace, name string) {
	c.t.Helper()
	err := c.admin.Resource(resources["Pod"]).Namespace(namespace).Delete(c.t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	if err != nil {
		c.t.Fatal(err)
	}
}

// refused fails the test unless an error is a refusal of ringfence that says this.
func refused(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil {
		t.Errorf("it was admitted, and should be refused with: %s", says)
	} else if !strings.Contains(err.Error(), "ringfence refuses") || !strings.Contains(err.Error(), says) {
		t.Errorf("it was refused with\n%v\nand should be with: %s", err, says)
	}
}

// metric reads a metric of cism.
func (c *cluster) metric(name string) string {
	c.t.Helper()
	for line := range strings.Lines(c.page("/metrics")) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	c.t.Fatalf("there is no metric %s", name)
	return ""
}

// page reads what cism shows its operator.
func (c *cluster) page(path string) string {
	c.t.Helper()
	answer, err := http.Get(c.adminURL + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

// uid is what the cluster calls a pod.
func (c *cluster) uid(namespace, name string) string {
	c.t.Helper()
	p, err := c.admin.Resource(resources["Pod"]).Namespace(namespace).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return string(p.GetUID())
}
