package scenario

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/deployments/reference"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// deployment is a running ringfence with a fleet and a policy in it, and the clients that call it.
type deployment struct {
	*server.Process

	t        testing.TB
	ownerURL string // of the database, as the role that owns the tables
	lcm      *stub.LCM
	lcmURL   string
	policyID string
}

// roles are the clients of every deployment, each of which has the role that its name says, and clearance for lawful interception:
// the reference deployment has some.
var roles = []string{"VNFM", "NFVO", "AUTHOR", "APPROVER", "OPERATOR", "AGENT", "VERIFIER", "SCRUBBER", "AUDITOR"}

// start runs ringfence on an empty database.
func start(t testing.TB, flags ...string) *deployment {
	t.Helper()
	ownerURL, appURL := database.NewDatabase(t)
	d := &deployment{t: t, ownerURL: ownerURL, lcm: &stub.LCM{}}
	links := httptest.NewServer(d.lcm)
	t.Cleanup(links.Close)
	d.lcmURL = links.URL
	clients := []server.Client{{ID: "other-vnfm", Token: "token-of-other-vnfm", Roles: []string{"VNFM"}}}
	for _, role := range roles {
		clients = append(clients, server.Client{ID: strings.ToLower(role), Token: "token-of-" + strings.ToLower(role), Roles: []string{role, "LI_ADMIN"}})
	}
	d.Process = server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, Clients: clients, Flags: flags})
	t.Cleanup(func() {
		if n := d.lcm.Calls(); n > 0 {
			t.Errorf("ringfence followed links of its clients %d times", n)
		}
	})
	t.Cleanup(func() { d.replayAll() })
	return d
}

// startReference runs ringfence with the reference deployment and its policy.
func startReference(t testing.TB, flags ...string) *deployment {
	t.Helper()
	d := start(t, flags...)
	inventory, err := reference.Files.ReadFile("deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d.importInventory(inventory)
	d.policyID = d.createPolicy()
	d.activate("1.0.0", policy)
	return d
}

// startFleet runs ringfence with an inventory and a policy of testdata/fleets.
func startFleet(t testing.TB, fleet, policy string, flags ...string) *deployment {
	t.Helper()
	d := start(t, flags...)
	d.importInventory(readFleet(t, fleet))
	d.policyID = d.createPolicy()
	d.activate("1.0.0", readFleet(t, policy))
	return d
}

func readFleet(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "fleets", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// in is the deployment for a subtest.
func (d *deployment) in(t testing.TB) *deployment {
	shared := *d
	shared.t = t
	return &shared
}

// as is the client with a role.
func (d *deployment) as(role string) stub.Client {
	return stub.Client{URL: d.URL, Token: "token-of-" + strings.ToLower(role)}
}

// vnfm is a VNFM of a kind.
func (d *deployment) vnfm(dialect stub.Dialect) *stub.VNFM {
	return &stub.VNFM{Client: d.as("VNFM"), Dialect: dialect, Links: d.lcmURL}
}

// nfvi is an agent on each of the hosts.
func (d *deployment) nfvi(hostIDs ...string) *stub.NFVI {
	return stub.NewNFVI(d.as("AGENT"), hostIDs...)
}

// do makes a request that must succeed.
func (d *deployment) do(role, method, path string, in, out any) stub.Answer {
	d.t.Helper()
	answer, err := d.patiently(role, method, path, in, out)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	d.approve(answer)
	return answer
}

// approve lets a second person approve what waits for one; an answer that says nothing of the kind stays as it is.
func (d *deployment) approve(answer stub.Answer) {
	d.t.Helper()
	if at := answer.Header.Get("Location"); answer.Status == http.StatusAccepted && strings.Contains(at, "/inventory/v1/pending_changes/") {
		d.do("APPROVER", http.MethodPost, strings.TrimPrefix(at, d.URL)+"/approve", nil, nil)
	}
}

// patiently makes a request, and repeats it while ringfence cannot answer now, as it asks for: on a machine that is busy enough.
func (d *deployment) patiently(role, method, path string, in, out any) (stub.Answer, error) {
	for {
		answer, err := d.as(role).Do(d.t.Context(), method, path, in, out)
		if answer.Status != http.StatusServiceUnavailable {
			return answer, err
		}
		d.t.Logf("%s %s is repeated: %v", method, path, err)
		select {
		case <-d.t.Context().Done():
			return answer, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// fail makes a request that must be answered with a problem of the status.
func (d *deployment) fail(status int, role, method, path string, in any) *stub.Problem {
	d.t.Helper()
	_, err := d.patiently(role, method, path, in, nil)
	return d.problem(status, err)
}

func (d *deployment) importInventory(document []byte) {
	d.t.Helper()
	header := http.Header{"Content-Type": {stub.TypeYAML}, "Accept": {stub.TypeJSON}}
	answer, err := d.as("OPERATOR").Send(d.t.Context(), http.MethodPost, "/inventory/v1/imports", header, document)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := answer.Decode(nil); err != nil {
		d.t.Fatalf("import: %v\n%s", err, answer.Body)
	}
	d.approve(answer)
}

func (d *deployment) createPolicy() string {
	d.t.Helper()
	var policy struct{ ID string }
	d.do("AUTHOR", http.MethodPost, "/nfvpolicy/v1/policies", map[string]any{"designer": "scenario", "name": "scenario"}, &policy)
	return policy.ID
}

// transfer transfers a version of the deployment's policy.
func (d *deployment) transfer(version string, document []byte) {
	d.t.Helper()
	path := "/nfvpolicy/v1/policies/" + d.policyID + "/versions/" + version
	answer, err := d.as("AUTHOR").Send(d.t.Context(), http.MethodPut, path, http.Header{"Content-Type": {stub.TypeYAML}}, document)
	if err != nil {
		d.t.Fatal(err)
	}
	if answer.Status != http.StatusCreated {
		d.t.Fatalf("transfer of version %s: %d %s", version, answer.Status, answer.Body)
	}
}

// activate transfers a version of the deployment's policy and puts it in force.
func (d *deployment) activate(version string, document []byte) {
	d.t.Helper()
	d.transfer(version, document)
	d.modifyPolicy(map[string]any{"selectedVersion": version, "activationStatus": "ACTIVATED"})
}

func (d *deployment) modifyPolicy(modifications map[string]any) {
	d.t.Helper()
	d.do("APPROVER", http.MethodPatch, "/nfvpolicy/v1/policies/"+d.policyID, modifications, nil)
}

// attest reports a verdict on a host.
func (d *deployment) attest(hostID, state string) {
	d.t.Helper()
	verdict := map[string]any{"state": state}
	if state == "TRUSTED" {
		verdict["age"], verdict["evidenceDigest"] = "0s", "sha256:"+strings.Repeat("5e", 32)
	}
	d.do("VERIFIER", http.MethodPost, "/inventory/v1/hosts/"+hostID+"/attestations", verdict, nil)
}

// scrub reports that a host was cleaned.
func (d *deployment) scrub(hostID, level string, deviceReset bool) {
	d.t.Helper()
	record := map[string]any{"level": level, "deviceReset": deviceReset, "evidence": "report of the provisioner"}
	d.do("SCRUBBER", http.MethodPost, "/inventory/v1/hosts/"+hostID+"/scrub_records", record, nil)
}

// reservation is what a grant holds for one resource.
type reservation struct {
	ID                   string
	GrantID              string
	VNFInstanceID        string
	ResourceDefinitionID string
	HostID               string
	CISNodeID            string
	Runtime              string
	State                string
	ExpiresAt            string
}

// reservations are all of them, or those of one VNF instance.
func (d *deployment) reservations(vnfInstanceID string) []reservation {
	d.t.Helper()
	path := "/placement/v1/reservations"
	if vnfInstanceID != "" {
		path += "?filter=" + url.QueryEscape("(eq,vnfInstanceId,'"+vnfInstanceID+"')")
	}
	return list[reservation](d, "OPERATOR", path)
}

// release lets go of a reservation, as an operator.
func (d *deployment) release(id string) {
	d.t.Helper()
	d.do("OPERATOR", http.MethodPost, "/placement/v1/reservations/"+id+"/release", map[string]any{"reason": "the scenario goes on"}, nil)
}

// releaseAll lets go of all reservations of a VNF instance.
func (d *deployment) releaseAll(vnfInstanceID string) {
	d.t.Helper()
	for _, r := range d.reservations(vnfInstanceID) {
		d.release(r.ID)
	}
}
