package nfvi

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func pullOf(reference string) *cri.PullImageRequest {
	return &cri.PullImageRequest{Image: &cri.ImageSpec{Image: reference}}
}

// TestKilledWhileUnpacking kills the agent in the middle of unpacking images that must not lie on the disk in the open, at
// another moment each time, and looks for them on the disk.
func TestKilledWhileUnpacking(t *testing.T) { onEveryContainerd(t, testKilledWhileUnpacking) }

func testKilledWhileUnpacking(t *testing.T, n *node) {
	noStoreMark, noStoreLayer := bigLayer(t, n)
	encryptedMark, encryptedLayer := bigLayer(t, n)
	noStore := pushImage(t, n, "nostore", "1", noStoreLayer)
	encrypted := pushImage(t, n, "plain", "1", encryptedLayer)
	s := startSite(t, n, map[string]pushed{domainNoStore: noStore, domainEncrypted: encrypted})
	noStoreLabels := s.granted(domainNoStore, "vnf-1")
	s.dealt(noStore, time.Minute)
	encryptedLabels := s.granted(domainEncrypted, "vnf-2")
	_, images := s.pods()
	for round := range 6 {
		pulling := make(chan struct{})
		go func() {
			defer close(pulling)
			_, _ = images.PullImage(t.Context(), pullOf(s.at(noStore))) // it is cut off
		}()
		<-time.After(time.Duration(20+rand.IntN(250)) * time.Millisecond) // the moment is what the test varies
		s.agent.kill()
		for what, mark := range map[string]string{"NO_STORE": noStoreMark, "ENCRYPTED": encryptedMark} {
			if found := s.holds(mark); found > 0 {
				t.Fatalf("round %d: the image of mode %s lies on the disk %d times after the agent was killed", round, what, found)
			}
		}
		<-pulling
		s.startAgent()
	}
	s.lies(encrypted, "ENCRYPTED "+domainEncrypted, time.Minute)
	first, err := s.startPod("nostore", s.at(noStore), noStoreLabels)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.startPod("encrypted", s.at(encrypted), encryptedLabels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	s.terminated(domainNoStore, "vnf-1")
	s.terminated(domainEncrypted, "vnf-2")
	first.remove()
	second.remove()
	s.agent.kill()
	s.startAgent()
	s.lies(noStore, "", time.Minute)
	s.lies(encrypted, "", time.Minute)
	s.settled(time.Minute)
	s.leavesNothing(noStore, noStoreMark, noStoreLayer)
	s.leavesNothing(encrypted, encryptedMark, encryptedLayer)
}

// bigLayer takes a while to unpack, and is full of its mark.
func bigLayer(t *testing.T, n *node) (string, plainLayer) {
	t.Helper()
	files := map[string]string{"pause": n.program}
	mark, _ := marked(t, files)
	for i := range 40 {
		files[fmt.Sprintf("part-%d", i)] = strings.Repeat(mark+"\n", 20000)
	}
	return mark, layerOf(t, files)
}

// TestHostRestarts takes everything from the host that a restart takes: its processes, its memory, the keys in its kernel. The
// images that lay under them are unpacked anew, and their content is never in the open.
func TestHostRestarts(t *testing.T) { onEveryContainerd(t, testHostRestarts) }

func testHostRestarts(t *testing.T, n *node) {
	noStoreMark, noStoreLayer := marked(t, map[string]string{"pause": n.program})
	encryptedMark, encryptedLayer := marked(t, map[string]string{"pause": n.program})
	noStore, encrypted := pushImage(t, n, "nostore", "1", noStoreLayer), pushImage(t, n, "plain", "1", encryptedLayer)
	s := startSite(t, n, map[string]pushed{domainNoStore: noStore, domainEncrypted: encrypted})
	noStoreLabels := s.granted(domainNoStore, "vnf-1")
	encryptedLabels := s.granted(domainEncrypted, "vnf-2")
	s.lies(encrypted, "ENCRYPTED "+domainEncrypted, time.Minute)
	first, err := s.startPod("nostore", s.at(noStore), noStoreLabels)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.startPod("encrypted", s.at(encrypted), encryptedLabels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	s.agent.kill()
	s.runtime.kill()
	s.stopShims()
	first.sandbox, second.sandbox = "", ""
	for _, mounted := range mountsBelow(t, s.folder) {
		eventually(t, seen, "nothing holds "+mounted, func() error { return unix.Unmount(mounted, 0) })
	}
	run(t, "mount", "-o", "loop,discard", s.image, s.folder)
	s.startContainerd()
	s.startAgent()
	s.lies(noStore, "", time.Minute)
	s.lies(encrypted, "ENCRYPTED "+domainEncrypted, time.Minute)
	for name, image := range map[string]pushed{"nostore-again": noStore, "encrypted-again": encrypted} {
		labels := noStoreLabels
		if image == encrypted {
			labels = encryptedLabels
		}
		if _, err := s.startPod(name, s.at(image), labels); err != nil {
			t.Fatal(err)
		}
	}
	for what, mark := range map[string]string{"NO_STORE": noStoreMark, "ENCRYPTED": encryptedMark} {
		if found := s.holds(mark); found > 0 {
			t.Errorf("the image of mode %s lies on the disk %d times", what, found)
		}
	}
}
