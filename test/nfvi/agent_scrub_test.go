package nfvi

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// TestScrubOfAHost cleans a host at two levels: of images beside a workload, and of what workloads wrote when nobody is left. In between it
// is refused, by ringfence and by the agent. Each time the disk is searched, and the evidence is recorded.
func TestScrubOfAHost(t *testing.T) {
	n := startNode(t)
	imageMark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "runs", "1", layer)
	handMark, handLayer := marked(t, map[string]string{"pause": n.program})
	byHand := pushImage(t, n, "byhand", "1", handLayer)
	ephemeral := filepath.Join(n.folder, "ephemeral")
	if err := os.Mkdir(ephemeral, 0o700); err != nil {
		t.Fatal(err)
	}
	s := startSite(t, n, map[string]pushed{domainShared: image}, "--ephemeral-dir", ephemeral)
	p, err := s.startPod("runs", s.at(image), s.granted(domainShared, "vnf-1"))
	if err != nil {
		t.Fatal(err)
	}
	s.pullByHand(byHand)
	s.lies(byHand, "SHARED", seen)
	s.scrub("CACHE_PURGE")
	s.lies(byHand, "", seen)
	s.lies(image, "SHARED", seen)
	s.recorded("CACHE_PURGE", "stay because a container that runs uses them")
	if s.holds(handMark) > 0 || s.holds(imageMark) == 0 {
		t.Errorf("an image that nobody used lies on the disk %d times, the one in use %d times", s.holds(handMark), s.holds(imageMark))
	}
	written, inside := s.writes(ephemeral, "uid-runs")
	s.scrubRefused("is in service")
	s.command("all", "host", "cordon", s.host)
	s.scrubRefused("1 workloads are decided")
	s.terminated(domainShared, "vnf-1")
	pods, _ := s.pods()
	if _, err := pods.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: p.sandbox}); err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	for _, mark := range []string{written, inside} {
		if s.holds(mark) == 0 {
			t.Error("what the workload wrote is not found on the disk: the search finds nothing")
		}
	}
	s.pullByHand(byHand)
	id := "by-hand-" + strings.ToLower(rand.Text())
	s.ctr("run", "--detach", s.at(byHand), id, "/pause")
	s.runs("default/"+id, "runc", seen)
	s.command("all", "host", "scrub", s.host, "--level", "EPHEMERAL_WIPE", "--reason", "test")
	s.answered("FAILED", "1 workloads run here (default/"+id+")")
	s.ctr("tasks", "kill", "--signal", "SIGKILL", id)
	s.settled(2 * time.Minute)
	p.sandbox = "" // it was removed with everything that had stopped
	s.recorded("EPHEMERAL_WIPE", "1 folders of ephemeral data emptied")
	for what, mark := range map[string]string{"an image": imageMark, "what was pulled by hand": handMark, "a volume": written, "a container's layer": inside} {
		if found := s.holds(mark); found > 0 {
			t.Errorf("%s lies on the disk %d times after the host was cleaned", what, found)
		}
	}
}

// scrub has the host cleaned and waits until it is.
func (s *site) scrub(level string) {
	s.t.Helper()
	s.settled(time.Minute)
	s.command("all", "host", "scrub", s.host, "--level", level, "--reason", "test")
	eventually(s.t, time.Minute, level+" is recorded", func() error {
		var n int
		err := s.pool.QueryRow(s.t.Context(), `SELECT count(*) FROM scrub_record WHERE host_id = $1 AND level = $2`, s.host, level).Scan(&n)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d records", n)
		}
		return err
	})
}

// scrubRefused expects that ringfence does not order the host to be wiped, and why.
func (s *site) scrubRefused(why string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), program, "host", "scrub", s.host, "--level", "EPHEMERAL_WIPE", "--reason", "test")
	command.Env = append(os.Environ(), "RINGFENCE_URL="+s.ringfence.URL, "RINGFENCE_TOKEN=token-all")
	if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), why) {
		s.t.Errorf("a scrub is answered %v: %s", err, output)
	}
}

var taskPID = regexp.MustCompile(`(?m)^\S+\s+(\d+)\s+RUNNING`)

// writes has a workload write a text into a folder of ephemeral data, and one into its own layer.
func (s *site) writes(folder, uid string) (written, inside string) {
	s.t.Helper()
	s.runs(uid, "runc", seen)
	written, inside = "ringfence-mark-"+rand.Text(), "ringfence-mark-"+rand.Text()
	if err := os.WriteFile(filepath.Join(folder, "left"), bytes.Repeat([]byte(written+"\n"), 20000), 0o600); err != nil {
		s.t.Fatal(err)
	}
	list := exec.CommandContext(context.WithoutCancel(s.t.Context()), s.version.program("ctr"), "--address", s.socket, "--namespace", "k8s.io", "tasks", "list")
	output, err := list.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %s", err, output)
	}
	for _, match := range taskPID.FindAllSubmatch(output, -1) {
		root := filepath.Join("/proc", string(match[1]), "root")
		if _, err := os.Stat(filepath.Join(root, "secret")); err != nil { // the sandbox
			continue
		}
		if err := os.WriteFile(filepath.Join(root, "left"), bytes.Repeat([]byte(inside+"\n"), 20000), 0o600); err != nil {
			s.t.Fatal(err)
		}
		return written, inside
	}
	s.t.Fatalf("the workload is not among %s", output)
	return "", ""
}

// TestHostThatCannotEncrypt has a host whose file system does not encrypt folders: it loses the capability that the inventory gave it,
// and what needs that mode lies there in a stricter one.
func TestHostThatCannotEncrypt(t *testing.T) {
	n := startNode(t)
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "plain", "1", layer)
	state := t.TempDir()
	if err := unix.Mount("ringfence-test", state, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, mounted := range mountsBelow(t, state) {
			if err := unix.Unmount(mounted, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", mounted, err)
			}
		}
	})
	s := startSite(t, n, map[string]pushed{domainEncrypted: image}, "--state-dir", state)
	eventually(t, seen, "the host loses CACHE_ENC", func() error {
		var has bool
		err := s.pool.QueryRow(t.Context(), `SELECT 'CACHE_ENC' = ANY(capabilities) FROM host WHERE id = $1`, s.host).Scan(&has)
		if err == nil && has {
			err = fmt.Errorf("it has it")
		}
		return err
	})
	var reason string
	const query = `SELECT detail ->> 'reason' FROM audit_record WHERE action = 'WITHDRAW_CAPABILITY' AND object_id = $1`
	if err := s.pool.QueryRow(t.Context(), query, s.host).Scan(&reason); err != nil || !strings.Contains(reason, "does not encrypt folders") {
		t.Errorf("withdrawn because %q, %v", reason, err)
	}
	if _, err := s.startPod("plain", s.at(image), s.granted(domainEncrypted, "vnf-1")); err != nil {
		t.Fatal(err)
	}
	s.lies(image, "NO_STORE "+domainEncrypted, time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times", found)
	}
}

// TestSameLayersUnderAnotherName has a person build an image of the layers of one that must not lie in the open, and pull it: the violation
// says whose layers they are.
func TestSameLayersUnderAnotherName(t *testing.T) {
	n := startNode(t)
	_, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "nostore", "1", layer)
	other := pushImage(t, n, "innocent", "7", layer, layerOf(t, map[string]string{"readme": "nothing to see"}))
	s := startSite(t, n, map[string]pushed{domainShared: image})
	s.pullByHand(other)
	s.violated("DRIFT-CACHE", other.digest)
	if said := s.command("all", "violation", "list"); !strings.Contains(said, "has layers of "+image.digest) {
		t.Errorf("the violation is told as\n%s", said)
	}
	var names, layers int
	const query = `SELECT cardinality(image_references), cardinality(layer_diff_ids) FROM observed_cache WHERE host_id = $1 AND digest = $2`
	if err := s.pool.QueryRow(t.Context(), query, s.host, other.digest).Scan(&names, &layers); err != nil || names != 1 || layers != 2 {
		t.Errorf("%d names and %d layers are reported, %v", names, layers, err)
	}
}
