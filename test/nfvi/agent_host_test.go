package nfvi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/test/server"
	"ringfence/test/stub"
)

// The trust domains of the tests, named for the form in which the policy lets their images lie on a host.
const (
	domainShared    = "TD-SHARED"
	domainEncrypted = "TD-ENCRYPTED"
	domainNoStore   = "TD-NOSTORE"
)

// hostID is the host on which the agent runs, unless a test says otherwise.
const hostID = "h1"

// site is a ringfence whose inventory has one host, and that host with its agent.
type site struct {
	*node
	ringfence *server.Process
	pool      *pgxpool.Pool
	options   server.Options
	host      string // that the agent stands for
	agent     *process
	agentLogs []string // of all the agents that lived
	keys      string   // folder of the keys of layers
	flags     []string
}

const sitePolicy = `apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
targetType: COMMON
rules:
  - {id: R-POOL, kind: domain-permit, rationale: Hosts run the trust domains of their pool.}
  - {id: R-SHARED, kind: cache-mode, subject: {trustDomains: [TD-SHARED]}, params: {mode: SHARED}, rationale: Anybody's.}
  - {id: R-ENCRYPTED, kind: cache-mode, subject: {trustDomains: [TD-ENCRYPTED]}, params: {mode: ENCRYPTED}, rationale: Under a key.}
  - {id: R-NOSTORE, kind: cache-mode, subject: {trustDomains: [TD-NOSTORE]}, params: {mode: NO_STORE}, rationale: In memory.}
`

// startSite runs everything, with an inventory of these images by trust domain.
func startSite(t *testing.T, n *node, images map[string]pushed, flags ...string) *site {
	t.Helper()
	s := startService(t, n, flags...)
	s.fill(images)
	s.startAgent()
	return s
}

// startService runs a ringfence that knows nothing yet.
func startService(t *testing.T, n *node, flags ...string) *site {
	t.Helper()
	s := &site{node: n, host: hostID, keys: t.TempDir(), flags: flags}
	owner, url := database.NewDatabase(t)
	var err error
	if s.pool, err = pgxpool.New(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.pool.Close)
	s.options = server.Options{
		Program: program, DatabaseURL: url, DataDir: server.DataDir(t), Flags: []string{"--listen", freeAddress(t), "--reservation-ttl", "10m"},
		Clients: []server.Client{
			{ID: "all", Token: "token-all", Roles: []string{"VNFM", "OPERATOR", "AUTHOR", "SCRUBBER", "VERIFIER", "LI_ADMIN"}},
			{ID: "approver", Token: "token-approver", Roles: []string{"APPROVER"}},
			{ID: "agent", Token: "token-agent", Roles: []string{"AGENT", "SCRUBBER"}},
		},
	}
	s.startRingfence()
	t.Cleanup(func() {
		if err := s.ringfence.Stop(); err != nil {
			t.Errorf("%v:\n%s", err, s.ringfence.Log())
		}
	})
	return s
}

func (s *site) startRingfence() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	p, err := server.Start(ctx, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ringfence = p
}

// fill gives ringfence the inventory and the policy.
func (s *site) fill(images map[string]pushed) {
	s.t.Helper()
	var text strings.Builder
	text.WriteString("apiVersion: ringfence/v1\nkind: Inventory\ntrustDomains:\n")
	for _, domain := range []string{domainShared, domainEncrypted, domainNoStore} {
		fmt.Fprintf(&text, "  - {id: %s, name: %s, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false, allowedCountries: [GB], maxAttestationAge: 24h}\n", domain, domain)
	}
	fmt.Fprintf(&text, `nfviPops: [{id: LON, country: GB}]
resourceZones: [{id: LON-A, nfviPopId: LON}]
hostPools: [{id: pool, allowedTrustDomainIds: [%s, %s, %s]}]
runtimeClasses: [{name: runc, isolation: OS_CONTAINER}]
hosts:
  - {id: %s, hostPoolId: pool, nfviPopId: LON, resourceZoneId: LON-A, physicallySecure: true, hypervisorClass: NONE, runtimes: [runc], capabilities: [CACHE_ENC, ENC_STORAGE, EPHEMERAL_ENC], capacity: {cpuMillis: 64000, memoryMiB: 65536}, vimConnectionId: vim, lifecycle: IN_SERVICE, attestation: {state: TRUSTED, age: 1m, verifier: test}}
`, domainShared, domainEncrypted, domainNoStore, hostID)
	text.WriteString("images:\n")
	for _, i := range images {
		layers := ""
		for _, id := range s.diffIDs[i.digest] {
			layers += fmt.Sprintf("{digest: %q, diffId: %q}, ", id, id)
		}
		fmt.Fprintf(&text, "  - {digest: %q, reference: %q, kind: CONTAINER_IMAGE, layers: [%s]}\n", i.digest, s.at(i), strings.TrimSuffix(layers, ", "))
	}
	text.WriteString("vnfProfiles:\n")
	for domain, i := range images {
		fmt.Fprintf(&text, "  - {vnfdId: %s, nfType: AMF, trustDomainId: %s, components: [{id: c, roles: [SIGNALLING], runtime: runc, images: [%q], resources: {cpuMillis: 100, memoryMiB: 64}}]}\n", domain, domain, i.digest)
	}
	folder := s.t.TempDir()
	for name, content := range map[string]string{"inventory.yaml": text.String(), "policy.yaml": sitePolicy} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.command("all", "import", filepath.Join(folder, "inventory.yaml"))
	s.command("all", "policy", "apply", filepath.Join(folder, "policy.yaml"))
	s.command("approver", "policy", "activate", "policy")
}

// command runs a command of ringfence as a client of it.
func (s *site) command(client string, arguments ...string) string {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), program, arguments...)
	command.Env = append(os.Environ(), "RINGFENCE_URL="+s.ringfence.URL, "RINGFENCE_TOKEN=token-"+client)
	output, err := command.CombinedOutput()
	if err != nil {
		s.t.Fatalf("ringfence %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

// startAgent runs the agent of the host.
func (s *site) startAgent() {
	s.t.Helper()
	token := filepath.Join(s.t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("token-agent\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.agent = startProcess(s.t, "agent", program, append([]string{
		"agent", "--host", s.host, "--url", s.ringfence.URL, "--token-file", token, "--state-dir", filepath.Join(s.folder, "agent"),
		"--snapshotter-socket", s.snapshot, "--containerd-socket", s.socket, "--containerd-root", filepath.Join(s.folder, "containerd"),
		"--layer-key-dir", s.keys, "--log-format", "text", "--log-level", "debug",
	}, s.flags...)...)
	s.agentLogs = append(s.agentLogs, s.agent.log)
}

// api is a client of ringfence with every role.
func (s *site) api() stub.Client { return stub.Client{URL: s.ringfence.URL, Token: "token-all"} }

// granted asks for one workload of a trust domain and returns what the pod must carry.
func (s *site) granted(domain, instance string) map[string]string {
	s.t.Helper()
	vnfm := &stub.VNFM{Client: s.api(), Dialect: stub.SOL003Containers}
	r := vnfm.NewRequest("INSTANTIATE", domain, instance)
	r.AddResources = []stub.ResourceDefinition{vnfm.Resource("pod", "c")}
	g, err := vnfm.Ask(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return map[string]string{"ringfence.io/residency-id": g.AddResources[0].ReservationID}
}

// terminated ends the life of an instance, as its VNFM does.
func (s *site) terminated(domain, instance string) {
	s.t.Helper()
	vnfm := &stub.VNFM{Client: s.api(), Dialect: stub.SOL003Containers}
	if _, err := vnfm.Ask(s.t.Context(), vnfm.NewRequest("TERMINATE", domain, instance)); err != nil {
		s.t.Fatal(err)
	}
}

// cached is what ringfence has from the reports of the host's cache.
func (s *site) cached() (map[string]string, error) {
	rows, err := s.pool.Query(s.t.Context(), `SELECT digest, mode, trust_domain_id FROM observed_cache WHERE host_id = $1`, s.host)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	modes := map[string]string{}
	for rows.Next() {
		var digest, mode, domain string
		if err := rows.Scan(&digest, &mode, &domain); err != nil {
			return nil, err
		}
		modes[digest] = strings.TrimSpace(mode + " " + domain)
	}
	return modes, rows.Err()
}

// lies waits until ringfence has it from the agent that an image lies on the host so; empty: that it does not.
func (s *site) lies(i pushed, how string, within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, fmt.Sprintf("%s lies on the host as %q", i.name, how), func() error {
		modes, err := s.cached()
		if err == nil && modes[i.digest] != how {
			err = fmt.Errorf("it lies there as %q: %v", modes[i.digest], modes)
		}
		return err
	})
}

// settled waits until every directive of the host is dealt with.
func (s *site) settled(within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, "every directive is dealt with", func() error {
		journal, err := os.ReadFile(filepath.Join(s.folder, "agent", "journal.json"))
		if err != nil {
			return err
		}
		if !strings.Contains(string(journal), `"open":[]`) {
			return errors.New(string(journal))
		}
		return nil
	})
}

// dealt waits until the agent knows how an image may lie on the host.
func (s *site) dealt(i pushed, within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, "the agent knows about "+i.name, func() error {
		journal, err := os.ReadFile(filepath.Join(s.folder, "agent", "journal.json"))
		if err == nil && !strings.Contains(string(journal), `"wanted":{"`+i.digest) {
			err = errors.New(string(journal))
		}
		return err
	})
}

// answered waits until a directive has an answer with that text.
func (s *site) answered(outcome, detail string) {
	s.t.Helper()
	eventually(s.t, time.Minute, "a directive is answered "+outcome, func() error {
		journal, err := os.ReadFile(filepath.Join(s.folder, "agent", "journal.json"))
		if err == nil && (!strings.Contains(string(journal), `"outcome":"`+outcome) || !strings.Contains(string(journal), detail) || !strings.Contains(string(journal), `"told":true`)) {
			err = errors.New(string(journal))
		}
		return err
	})
}

// pullByHand does what a person does on the host, in the namespace that such a person is in.
func (s *site) pullByHand(i pushed) {
	s.t.Helper()
	s.ctr("images", "pull", "--plain-http", s.at(i))
}

// manifestOf is the manifest of an image, as the registry has it.
func (s *site) manifestOf(i pushed) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.registry+"/v2/"+i.name+"/manifests/"+i.digest, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("manifest of %s: %s, %v", i.name, answer.Status, err)
	}
	return string(content)
}

// empty says what is in a folder; nil: nothing.
func empty(folder string) error {
	entries, err := os.ReadDir(folder)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s holds %d entries", folder, len(entries))
	}
	return err
}
