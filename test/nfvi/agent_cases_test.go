package nfvi

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// The worked cases of the reference deployment, from the grant over the directive and the agent to the bytes on the disk. That
// they have exactly the hosts and the reasons that they should is what test/scenario shows.

// caseComponent is a component of the reference deployment that gets an image here, and what it runs with.
type caseComponent struct{ vnfd, component, nfType, domain, role, runtime, more string }

var (
	upfForwarding = caseComponent{"upf", "pfe", "UPF", "TD-UP", "USER_HANDLING", "runc", ", exposed: true, cutThrough: [SRIOV]"}
	upfManagement = caseComponent{"upf", "oam", "UPF", "TD-UP", "NETWORK_MANAGEMENT", "runc", ""}
	amfSignalling = caseComponent{"amf", "sig", "AMF", "TD-CP", "SIGNALLING", "kata", ""}
	nssf          = caseComponent{"nssf", "sig", "NSSF", "TD-CP", "SIGNALLING", "kata", ""}
	arpf          = caseComponent{"udm", "arpf", "UDM", "TD-SEC", "KEY_HOLDING", "kata-cc", ""}
)

// startCase runs a ringfence with the reference deployment, in which the component has an image.
func startCase(t *testing.T, n *node, c caseComponent, image pushed, flags ...string) *site {
	t.Helper()
	s := startService(t, n, flags...)
	overlay := fmt.Sprintf(`apiVersion: ringfence/v1
kind: Inventory
images: [{digest: %q, reference: %q, kind: CONTAINER_IMAGE}]
vnfProfiles:
  - {vnfdId: %s, nfType: %s, trustDomainId: %s, components: [{id: %s, roles: [%s], runtime: %s, images: [%q]%s}]}
`, image.digest, s.at(image), c.vnfd, c.nfType, c.domain, c.component, c.role, c.runtime, image.digest, c.more)
	folder := t.TempDir()
	for _, name := range []string{"deployment.yaml", "policy.yaml"} {
		content, err := fs.ReadFile(reference.Files, name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "overlay.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	s.command("all", "import", filepath.Join(folder, "deployment.yaml"))
	s.command("all", "import", filepath.Join(folder, "overlay.yaml"))
	s.command("all", "policy", "apply", filepath.Join(folder, "policy.yaml"))
	s.command("approver", "policy", "activate", "policy")
	return s
}

// ask has a VNFM ask for the component on whatever host, and starts the agent of the host that it was granted on.
func (s *site) ask(c caseComponent, instance string) map[string]string {
	s.t.Helper()
	g, err := s.askFor(c, instance)
	if err != nil {
		s.t.Fatal(err)
	}
	residency := g.AddResources[0].ReservationID
	if err := s.pool.QueryRow(s.t.Context(), `SELECT host_id FROM residency WHERE id = $1`, residency).Scan(&s.host); err != nil {
		s.t.Fatal(err)
	}
	if s.agent == nil {
		s.startAgent()
	}
	return map[string]string{"ringfence.io/residency-id": residency}
}

func (s *site) askFor(c caseComponent, instance string) (*stub.Grant, error) {
	vnfm := &stub.VNFM{Client: s.api(), Dialect: stub.SOL003Containers}
	r := vnfm.NewRequest("INSTANTIATE", c.vnfd, instance)
	r.AddResources = []stub.ResourceDefinition{vnfm.Resource(instance+"."+c.component+"-0", c.component)}
	return vnfm.Ask(s.t.Context(), r)
}

// layerKey gives the agent the key of a trust domain's layers.
func (s *site) layerKey(domain string, pem []byte) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.keys, domain), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.keys, domain, "key.pem"), pem, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// finish ends a workload and looks for what is left of its image.
func (s *site) finish(c caseComponent, instance string, p *runningPod, image pushed, mark string, layer plainLayer) {
	s.t.Helper()
	s.terminated(c.vnfd, instance)
	p.remove()
	s.lies(image, "", time.Minute)
	s.settled(time.Minute)
	s.leavesNothing(image, mark, layer)
}

// TestCaseA01 is a UPF on the host of one trust domain: its image lies there in plaintext for that domain only. A host that was not set
// up for one domain says so instead.
func TestCaseA01(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "upf-pfe", "1", layer)
	s := startCase(t, n, upfForwarding, image)
	labels := s.ask(upfForwarding, "upf-2")
	s.answered("FAILED", "not available here: DOMAIN_PRIVATE needs a host that serves one trust domain only")
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies %d times on the disk of a host that refused", found)
	}
	s.agent.stop(t)
	s.flags = []string{"--only-trust-domain", "TD-UP"}
	s.startAgent()
	s.lies(image, "DOMAIN_PRIVATE TD-UP", time.Minute)
	if s.holds(mark) == 0 {
		t.Error("the mark is not found on the disk: the search finds nothing")
	}
	p, err := s.startPod("pfe", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	s.finish(upfForwarding, "upf-2", p, image, mark, layer)
}

// TestCaseA02 is the management of a UPF: its image is never on the disk, not even for who asks to have it fetched ahead.
func TestCaseA02(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "upf-oam", "1", layer)
	s := startCase(t, n, upfManagement, image)
	s.host = "h02"
	s.startAgent()
	if answer := s.prePull(image, "TD-UP"); answer.Outcome != "DENY" || answer.DirectiveSeq != 0 {
		t.Errorf("a pre-pull of what must never be on a disk is answered %+v", answer)
	}
	labels := s.ask(upfManagement, "upf-2")
	if s.host != "h02" {
		t.Fatalf("granted on %s", s.host)
	}
	s.dealt(image, time.Minute)
	p, err := s.startPod("oam", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.lies(image, "NO_STORE TD-UP", seen)
	s.agent.kill()
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times while the workload runs", found)
	}
	s.startAgent()
	s.settled(time.Minute)
	s.finish(upfManagement, "upf-2", p, image, mark, layer)
}

// TestCaseA04 is a second AMF: ciphertext in the store, unpacked under the key of its trust domain. A pre-pull question is answered
// ALLOW, and brings the image before anybody is granted.
func TestCaseA04(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	key, pem := newLayerKey(t)
	image := pushEncrypted(t, n, "amf", "1", key, layer)
	s := startCase(t, n, amfSignalling, image)
	s.layerKey("TD-CP", pem)
	s.command("all", "host", "cordon", "h10")
	s.host = "h03"
	s.startAgent()
	if answer := s.prePull(image, "TD-UP"); answer.Outcome != "DENY" {
		t.Errorf("a pre-pull for a trust domain that the host's pool does not permit is answered %+v", answer)
	}
	if answer := s.prePull(image, "TD-CP"); answer.Outcome != "ALLOW" || answer.DirectiveSeq == 0 || answer.Mode != "ENCRYPTED" {
		t.Fatalf("a pre-pull is answered %+v", answer)
	}
	s.settled(time.Minute)
	s.lies(image, "ENCRYPTED TD-CP", seen)
	s.holdsCiphertext(image)
	labels := s.ask(amfSignalling, "amf-2")
	p, err := s.startPodWith("kata", "sig", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times while the workload runs", found)
	}
	s.holdsCiphertext(image)
	s.finish(amfSignalling, "amf-2", p, image, mark, layer)
}

// TestCaseA06 is the function that keeps long-term keys: only the guest may have its image. No confidential VM starts here; what this
// shows is that the host never has it, not even where a runtime pulls on the host although it should not.
func TestCaseA06(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "arpf", "1", layer)
	s := startCase(t, n, arpf, image)
	labels := s.ask(arpf, "udm-1")
	if s.host != "h05" {
		t.Fatalf("granted on %s", s.host)
	}
	s.dealt(image, time.Minute)
	if answer := s.prePull(image, "TD-SEC"); answer.Outcome != "DENY" {
		t.Errorf("a pre-pull of what only a guest may have is answered %+v", answer)
	}
	if _, err := s.startPodWith("kata", "arpf", s.at(image), labels); err == nil || !strings.Contains(err.Error(), "never on the host") {
		t.Errorf("the image is pulled on the host: %v", err)
	}
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times", found)
	}
	s.ctr("images", "pull", "--plain-http", s.at(image)) // past the agent's snapshotter
	s.lies(image, "SHARED", seen)
	s.violated("DRIFT-CACHE", image.digest)
	s.ctr("images", "remove", "--sync", s.at(image))
	s.lies(image, "", seen)
}

// TestCaseA11 is an NSSF on a host on which test builds had run: refused until the host was cleaned, by its agent and the program
// of the operator that reimages it, and attested anew; then granted, encrypted.
func TestCaseA11(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "nssf", "1", layer)
	work := t.TempDir()
	hook := filepath.Join(work, "reimage")
	// #nosec G306 -- a program
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho \"$1 $2\" > "+work+"/called\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := startCase(t, n, nssf, image, "--scrub-hook", hook)
	s.host = "h11"
	s.startAgent()
	s.command("all", "host", "cordon", "h03", "h10", "h11")
	s.command("all", "host", "uncordon", "h11")
	if _, err := s.askFor(nssf, "nssf-1"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Fatalf("before the host is cleaned: %v", err)
	}
	s.command("all", "host", "cordon", "h11")
	s.command("all", "host", "scrub", "h11", "--level", "REIMAGE", "--reason", "it had test builds")
	s.settled(time.Minute)
	if called, err := os.ReadFile(filepath.Join(work, "called")); err != nil || string(called) != "REIMAGE false\n" {
		t.Errorf("the program was called with %q, %v", called, err)
	}
	s.recorded("REIMAGE", "did the rest")
	verdict := map[string]any{"state": "TRUSTED", "verifier": "test", "evidenceDigest": image.digest, "attestedAt": time.Now().UTC()}
	if _, err := s.api().Do(t.Context(), http.MethodPost, "/inventory/v1/hosts/h11/attestations", verdict, nil); err != nil {
		t.Fatal(err)
	}
	s.command("all", "host", "uncordon", "h11")
	labels := s.ask(nssf, "nssf-1")
	s.lies(image, "ENCRYPTED TD-CP", time.Minute)
	p, err := s.startPodWith("kata", "sig", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times while the workload runs", found)
	}
	s.finish(nssf, "nssf-1", p, image, mark, layer)
}

// cacheAnswer is the answer to a question about a cache.
type cacheAnswer struct {
	Outcome      string `json:"outcome"`
	Mode         string `json:"mode"`
	DirectiveSeq int64  `json:"directiveSeq"`
}

// prePull asks whether an image may be fetched ahead to the agent's host, and to have it fetched if so.
func (s *site) prePull(i pushed, domain string) (answer cacheAnswer) {
	s.t.Helper()
	question := map[string]any{"digest": i.digest, "hostId": s.host, "trustDomainId": domain, "purpose": "PRE_PULL", "order": true}
	if _, err := s.api().Do(s.t.Context(), http.MethodPost, "/placement/v1/cache_decisions", question, &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// violated waits until a rule is violated on the agent's host by something.
func (s *site) violated(rule, object string) {
	s.t.Helper()
	eventually(s.t, seen, rule+" of "+object, func() error {
		var n int
		const query = `SELECT count(*) FROM violation WHERE until IS NULL AND host_id = $1 AND rule_id = $2 AND object = $3`
		if err := s.pool.QueryRow(s.t.Context(), query, s.host, rule, object).Scan(&n); err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("%d violations", n)
		}
		return nil
	})
}

// recorded expects the newest scrub record of the agent's host to be of a level, with evidence that says something.
func (s *site) recorded(level, said string) {
	s.t.Helper()
	var got, evidence string
	const query = `SELECT level, evidence FROM scrub_record WHERE host_id = $1 ORDER BY recorded_at DESC LIMIT 1`
	if err := s.pool.QueryRow(s.t.Context(), query, s.host).Scan(&got, &evidence); err != nil {
		s.t.Fatal(err)
	}
	if got != level || !strings.Contains(evidence, said) {
		s.t.Errorf("the scrub record is of level %s with the evidence %s", got, evidence)
	}
}
