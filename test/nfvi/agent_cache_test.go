package nfvi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/pkg/namespaces"
	godigest "github.com/opencontainers/go-digest"
)

// seen is how long something may take until ringfence has it from a report.
const seen = 10 * time.Second

// TestSharedImage follows an image that may lie in the open: fetched beforehand, run, and kept when its workload ends.
func TestSharedImage(t *testing.T) { onEveryContainerd(t, testSharedImage) }

func testSharedImage(t *testing.T, n *node) {
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "shared", "1", layer)
	s := startSite(t, n, map[string]pushed{domainShared: image})
	labels := s.granted(domainShared, "vnf-1")
	s.lies(image, "SHARED", 25*time.Second)
	if s.holds(mark) == 0 {
		t.Error("the mark is not found on the disk: the search finds nothing")
	}
	p, err := s.startPod("shared", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	s.terminated(domainShared, "vnf-1")
	p.remove()
	s.settled(time.Minute)
	s.lies(image, "SHARED", seen)
}

// TestNoStoreImage has a kubelet pull an image that must not touch the disk, and looks for it on the disk byte by byte.
func TestNoStoreImage(t *testing.T) { onEveryContainerd(t, testNoStoreImage) }

func testNoStoreImage(t *testing.T, n *node) {
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "nostore", "1", layer)
	s := startSite(t, n, map[string]pushed{domainNoStore: image})
	labels := s.granted(domainNoStore, "vnf-1")
	s.dealt(image, time.Minute)
	p, err := s.startPod("nostore", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.lies(image, "NO_STORE "+domainNoStore, seen)
	s.settled(time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times while the workload runs", found)
	}
	s.terminated(domainNoStore, "vnf-1")
	p.remove()
	s.lies(image, "", time.Minute)
	s.settled(time.Minute)
	s.leavesNothing(image, mark, layer)
}

// TestEncryptedImage runs an image that is ciphertext in the registry: it is ciphertext on the disk, nobody unpacks it
// without the key, and nothing is left of it.
func TestEncryptedImage(t *testing.T) { onEveryContainerd(t, testEncryptedImage) }

func testEncryptedImage(t *testing.T, n *node) {
	mark, layer := marked(t, map[string]string{"pause": n.program})
	key, pem := newLayerKey(t)
	image := pushEncrypted(t, n, "encrypted", "1", key, layer)
	s := startSite(t, n, map[string]pushed{domainEncrypted: image})
	labels := s.granted(domainEncrypted, "vnf-1")
	s.answered("FAILED", "there is no key for the layers of "+domainEncrypted)
	p, err := s.startPod("without", s.at(image), labels)
	if err == nil || !strings.Contains(err.Error(), "there is no key") {
		t.Fatalf("a pull without the key: %v", err)
	}
	p.remove()
	if err := os.Mkdir(filepath.Join(s.keys, domainEncrypted), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.keys, domainEncrypted, "key.pem"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	s.lies(image, "ENCRYPTED "+domainEncrypted, time.Minute)
	if p, err = s.startPod("with", s.at(image), labels); err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times while the workload runs", found)
	}
	s.holdsCiphertext(image)
	s.terminated(domainEncrypted, "vnf-1")
	p.remove()
	s.lies(image, "", time.Minute)
	s.settled(time.Minute)
	s.leavesNothing(image, mark, layer)
}

// TestPlainImageUnderKey has an image that is plaintext in the registry, and that somebody pulled by hand already, purged and
// unpacked under the key of its trust domain.
func TestPlainImageUnderKey(t *testing.T) { onEveryContainerd(t, testPlainImageUnderKey) }

func testPlainImageUnderKey(t *testing.T, n *node) {
	mark, layer := marked(t, map[string]string{"pause": n.program})
	image := pushImage(t, n, "plain", "1", layer)
	s := startSite(t, n, map[string]pushed{domainEncrypted: image})
	s.pullByHand(image)
	s.lies(image, "SHARED", seen)
	if s.holds(mark) == 0 {
		t.Error("what was pulled by hand is not found on the disk")
	}
	labels := s.granted(domainEncrypted, "vnf-1")
	s.lies(image, "ENCRYPTED "+domainEncrypted, time.Minute)
	p, err := s.startPod("plain", s.at(image), labels)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(time.Minute)
	if found := s.holds(mark); found > 0 {
		t.Errorf("the mark lies on the disk %d times after the purge", found)
	}
	s.terminated(domainEncrypted, "vnf-1")
	p.remove()
	s.lies(image, "", time.Minute)
	s.settled(time.Minute)
	s.leavesNothing(image, mark, layer)
}

// holdsCiphertext checks that the blobs of an image in containerd's store are those of the registry, byte by byte.
func (s *site) holdsCiphertext(i pushed) {
	s.t.Helper()
	client := s.client()
	ctx := namespaces.WithNamespace(s.t.Context(), "k8s.io")
	image, err := client.GetImage(ctx, s.at(i))
	if err != nil {
		s.t.Fatal(err)
	}
	if image.Target().Digest.String() != i.digest {
		s.t.Errorf("%s is %s", i.name, image.Target().Digest)
	}
	found := 0
	blobs := filepath.Join(s.folder, "containerd", "io.containerd.content.v1.content", "blobs", "sha256")
	entries, err := os.ReadDir(blobs)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(blobs, entry.Name()))
		if err != nil {
			s.t.Fatal(err)
		}
		if godigest.FromBytes(content).Encoded() != entry.Name() {
			s.t.Errorf("the blob %s holds something else", entry.Name())
		}
		if len(content) > 1<<20 && strings.Contains(s.manifestOf(i), entry.Name()) {
			found++
		}
	}
	if found == 0 {
		s.t.Error("no layer of the image lies in the store")
	}
}

// leavesNothing checks that nothing of an image is left on the host: no name, no blob, no layer, no volume, and nowhere on the
// disk its content.
func (s *site) leavesNothing(i pushed, mark string, layer plainLayer) {
	s.t.Helper()
	client := s.client()
	spaces, err := client.NamespaceService().List(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	manifest := s.manifestOf(i)
	for _, space := range spaces {
		ctx := namespaces.WithNamespace(s.t.Context(), space)
		images, err := client.ImageService().List(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, image := range images {
			if image.Target.Digest.String() == i.digest {
				s.t.Errorf("the name %s is left in %s", image.Name, space)
			}
		}
		if _, err := client.SnapshotService("ringfence").Stat(ctx, godigest.FromBytes(layer).String()); err == nil {
			s.t.Errorf("the layer is left in %s", space)
		}
	}
	blobs, err := filepath.Glob(filepath.Join(s.folder, "containerd", "io.containerd.content.v1.content", "blobs", "sha256", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, blob := range blobs {
		if name := filepath.Base(blob); strings.Contains(manifest, name) || strings.HasSuffix(i.digest, name) {
			s.t.Errorf("the blob %s is left", name)
		}
	}
	for _, kind := range []string{"encrypted", "memory"} {
		eventually(s.t, seen, "the volume is erased", func() error { return empty(filepath.Join(s.folder, "agent", "volumes", kind)) })
	}
	if found := s.holds(mark); found > 0 {
		s.t.Errorf("the mark lies on the disk %d times after the workload ended", found)
	}
}
