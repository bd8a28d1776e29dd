package contract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// tackerWorld is a ringfence in its production profile, a Tacker, a cloud, and the people who prepare both.
type tackerWorld struct {
	t        *testing.T
	ownerURL string // of the database
	tls      *server.TLS
	url      string
	tacker   *stub.Tacker
	cloud    *cloud
	lcm      *stub.LCM
}

const (
	tackerVNFD     = "b1bb0ce7-ebca-4fa7-95ed-4840d7000000"
	tackerNextVNFD = "b1bb0ce7-ebca-4fa7-95ed-4840d7000002"
	tackerFolder   = "testdata/tacker/"
)

// The clients of the world. Tacker has its tokens from an authorization server, by its certificate; the others have certificates.
const tackerClients = `{"clients": [
	{"id": "tacker", "roles": ["VNFM"]},
	{"id": "operator", "roles": ["OPERATOR"], "certificateNames": ["dns:operator.example"]},
	{"id": "author", "roles": ["AUTHOR"], "certificateNames": ["dns:author.example"]},
	{"id": "approver", "roles": ["APPROVER"], "certificateNames": ["dns:approver.example"]},
	{"id": "agent", "roles": ["AGENT"], "hostIds": ["*"], "certificateNames": ["dns:agent.example"]}
]}`

// newTackerWorld starts all of it. With reports hosts carry out directives and report what they see; else nobody stands behind them.
func newTackerWorld(t *testing.T, reports bool) *tackerWorld {
	t.Helper()
	return newTackerWorldBelow(t, reports, nil)
}

// newTackerWorldBelow starts it below an NFVO that has to agree to grants; nil: there is none.
func newTackerWorldBelow(t *testing.T, reports bool, nfvo *stub.NFVO) *tackerWorld {
	t.Helper()
	const audience = "https://ringfence.example"
	w := &tackerWorld{t: t, tls: server.NewTLS(t), lcm: &stub.LCM{}}
	certificate := w.tls.Authority.Issue(t, pki.Leaf{Name: "tacker"})
	as := authserver.Start(t, w.tls.Authority, audience, authserver.Client{ID: "tacker", Secret: uuid.NewString(), Certificate: certificate.Certificate})
	clientFile := filepath.Join(t.TempDir(), "clients.json")
	pki.WriteFile(t, clientFile, []byte(tackerClients))
	connections := filepath.Join(t.TempDir(), "connections.json")
	pki.WriteFile(t, connections, read(t, tackerFolder+"connections.json"))
	var appURL string
	w.ownerURL, appURL = database.NewDatabase(t)
	flags := []string{
		"--oidc-issuer", as.Issuer, "--audience", audience, "--client-file", clientFile, "--oidc-ca-file", w.tls.ClientCAFile, "--connections-file", connections,
	}
	if nfvo != nil {
		flags = append(flags, w.below(nfvo)...)
	}
	w.url = server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, TLS: w.tls, Production: true, Flags: flags}).URL
	links := httptest.NewTLSServer(w.lcm)
	t.Cleanup(links.Close)
	t.Cleanup(func() {
		if n := w.lcm.Calls(); n > 0 {
			t.Errorf("ringfence followed links of its client %d times", n)
		}
	})
	w.cloud = &cloud{}
	if reports {
		w.cloud.nfvi = stub.NewNFVI(w.as("agent"), "compute-1", "compute-2", "compute-3")
	}
	w.tacker = &stub.Tacker{
		Endpoint: w.url, TokenURL: as.TokenURL, ClientID: "tacker", LCM: links.URL, VIM: w.cloud,
		HTTP: watched(t, stub.Client{HTTP: w.tls.Client(t, certificate)}, "Tacker, end to end").HTTP,
	}
	w.prepare()
	return w
}

// as is a client with its certificate.
func (w *tackerWorld) as(name string) stub.Client {
	w.t.Helper()
	cert := w.tls.Authority.Issue(w.t, pki.Leaf{Name: name, DNS: []string{name + ".example"}})
	return stub.Client{URL: w.url, HTTP: w.tls.Client(w.t, cert)}
}

// prepare brings in the fleet and both packages, with the names that the VIM has for what they mention, and a policy.
func (w *tackerWorld) prepare() {
	w.t.Helper()
	operator := w.as("operator")
	w.must(operator.Send(w.t.Context(), http.MethodPost, "/inventory/v1/imports", http.Header{"Content-Type": {stub.TypeYAML}}, read(w.t, tackerFolder+"fleet.yaml")))
	for _, p := range []struct{ vnfd, version, memory string }{{tackerVNFD, "1.0", "1 GiB"}, {tackerNextVNFD, "2.0", "2 GiB"}} {
		answer := w.must(operator.Send(w.t.Context(), http.MethodPost, "/inventory/v1/vnf_packages", http.Header{"Content-Type": {"application/zip"}}, tackerPackage(w.t, p.vnfd, p.version, p.memory)))
		kvm := map[string]any{"roles": []string{}, "runtime": "kvm"}
		w.must(operator.Do(w.t.Context(), http.MethodPost, strings.TrimPrefix(answer.Header.Get("Location"), w.url)+"/profile", map[string]any{
			"nfType": "SMF", "trustDomainId": "TD-A", "components": map[string]any{"VDU1": kvm, "VDU2": kvm},
		}, nil))
		w.must(operator.Do(w.t.Context(), http.MethodPatch, "/inventory/v1/vnf_profiles/"+p.vnfd, map[string]any{"vimAssets": map[string]any{
			"computeResourceFlavours": []map[string]any{{"vnfdVirtualComputeDescId": "VDU1", "vimFlavourId": "m1." + p.version}, {"vnfdVirtualComputeDescId": "VDU2", "vimFlavourId": "m1.small"}},
			"softwareImages":          []map[string]any{{"vnfdSoftwareImageId": "VDU2", "vimSoftwareImageId": "cirros-" + p.version}, {"vnfdSoftwareImageId": "VirtualStorage", "vimSoftwareImageId": "disk-" + p.version}},
		}}, nil))
	}
	var policy struct{ ID string }
	w.must(w.as("author").Do(w.t.Context(), http.MethodPost, "/nfvpolicy/v1/policies", map[string]any{"designer": "contract", "name": "contract"}, &policy))
	path := "/nfvpolicy/v1/policies/" + policy.ID
	w.must(w.as("author").Send(w.t.Context(), http.MethodPut, path+"/versions/1.0.0", http.Header{"Content-Type": {stub.TypeYAML}}, read(w.t, tackerFolder+"policy.yaml")))
	w.must(w.as("approver").Do(w.t.Context(), http.MethodPatch, path, map[string]any{"selectedVersion": "1.0.0", "activationStatus": "ACTIVATED"}, nil))
}

// must is an answer that has to be a success.
func (w *tackerWorld) must(a stub.Answer, err error) stub.Answer {
	w.t.Helper()
	if err != nil || a.Status/100 != 2 {
		w.t.Fatalf("%d %v: %s", a.Status, err, a.Body)
	}
	return a
}

// tackerPackage is a CSAR (SOL004) of the VNF.
func tackerPackage(t *testing.T, vnfdID, version, memory string) []byte {
	t.Helper()
	vnfd := strings.NewReplacer("VNFDID", vnfdID, "VERSION", version, "MEMORY", memory).Replace(string(read(t, tackerFolder+"vnfd.yaml")))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{"TOSCA-Metadata/TOSCA.meta", "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-by: contract\nEntry-Definitions: Definitions/vnfd.yaml\n"},
		{"Definitions/vnfd.yaml", vnfd},
		{"UserData/userdata_standard.py", "# made by the VNF's vendor\n"},
	} {
		entry, err := z.Create(f[0])
		if err == nil {
			_, err = io.WriteString(entry, f[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// cloud is the VIM of a Tacker. Where hosts report, their servers are what directives placed there, under the names that hosts report.
type cloud struct {
	nfvi *stub.NFVI // nil: nobody stands behind the hosts
	full bool       // no server can be created

	began func(*stub.Operation)
}

// Began tells the test.
func (c *cloud) Began(op *stub.Operation) { c.began(op) }

var errFull = errors.New("no valid host was found")

// Create creates a server on the host that a zone names.
func (c *cloud) Create(ctx context.Context, resourceDefinitionID, zone string) (string, error) {
	if err := c.Settled(ctx); err != nil {
		return "", err
	}
	if c.full {
		return "", errFull
	}
	if c.nfvi == nil {
		return uuid.NewString(), nil
	}
	host := strings.TrimPrefix(zone, "nova:")
	agent := c.nfvi.Agent(host)
	if agent == nil {
		return "", fmt.Errorf("no host is called %q", host)
	}
	for _, w := range agent.State().Workloads {
		if w.ResourceDefinitionID == resourceDefinitionID {
			return w.VIMResourceID, nil
		}
	}
	return "", fmt.Errorf("%s was granted on %s, and no directive placed it there", resourceDefinitionID, host)
}

// Delete expects that directives have removed servers, where hosts follow them.
func (c *cloud) Delete(ctx context.Context, ids []string) error {
	if err := c.Settled(ctx); err != nil || c.nfvi == nil {
		return err
	}
	for _, agent := range c.nfvi.Agents() {
		for _, w := range agent.State().Workloads {
			for _, id := range ids {
				if w.VIMResourceID == id {
					return fmt.Errorf("%s is still on %s: no directive released it", id, agent.HostID())
				}
			}
		}
	}
	return nil
}

// Settled lets hosts follow their directives and report.
func (c *cloud) Settled(ctx context.Context) error {
	if c.nfvi == nil {
		return nil
	}
	if _, err := c.nfvi.Settle(ctx); err != nil {
		return err
	}
	return c.nfvi.Report(ctx)
}
