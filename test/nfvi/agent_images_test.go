package nfvi

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containers/ocicrypt"
	"github.com/containers/ocicrypt/config"
	godigest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// sleeper builds a static program that waits to be ended.
func sleeper(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	text := "package main\n\nimport (\n\t\"os\"\n\t\"os/signal\"\n\t\"syscall\"\n)\n\nfunc main() {\n\tend := make(chan os.Signal, 1)\n\tsignal.Notify(end, syscall.SIGTERM)\n\t<-end\n}\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return compile(t, source)
}

// compile builds a program for containers: static, as all that the tests build.
func compile(t *testing.T, source string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	run(t, "go", "build", "-ldflags", "-s -w", "-o", program, source)
	return program
}

// plainLayer is a layer as a tar archive that is not compressed, so that its content can be found on a disk.
type plainLayer []byte

// layerOf has files of other files' content, or, where there is no such file, of the text.
func layerOf(t *testing.T, files map[string]string) plainLayer {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for name, source := range files {
		content, err := os.ReadFile(source)
		if err != nil {
			content = []byte(source)
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), Format: tar.FormatPAX}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// marked is a text that is found nowhere else, and a layer that is full of it.
func marked(t *testing.T, files map[string]string) (string, plainLayer) {
	t.Helper()
	mark := "ringfence-mark-" + rand.Text()
	files["secret"] = strings.Repeat(mark+"\n", 20000)
	return mark, layerOf(t, files)
}

// pushed is an image in the registry.
type pushed struct{ name, tag, digest string }

// at is the reference of the image.
func (n *node) at(i pushed) string { return n.registry + "/" + i.name + ":" + i.tag }

// pushImage puts an image into the registry.
func pushImage(t *testing.T, n *node, name, tag string, layers ...plainLayer) pushed {
	t.Helper()
	descriptors := make([]ocispec.Descriptor, len(layers))
	for i, layer := range layers {
		descriptors[i] = n.pushBlob(t, name, ocispec.MediaTypeImageLayer, layer)
	}
	return n.pushManifest(t, name, tag, layers, descriptors)
}

// pushEncrypted puts an image into the registry whose layers are ciphertext for the owner of a key.
func pushEncrypted(t *testing.T, n *node, name, tag string, key *rsa.PrivateKey, layers ...plainLayer) pushed {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.EncryptWithJwe([][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})})
	if err != nil {
		t.Fatal(err)
	}
	descriptors := make([]ocispec.Descriptor, len(layers))
	for i, layer := range layers {
		plain := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: godigest.FromBytes(layer), Size: int64(len(layer))}
		stream, finish, err := ocicrypt.EncryptLayer(c.EncryptConfig, bytes.NewReader(layer), plain)
		if err != nil {
			t.Fatal(err)
		}
		ciphertext, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		descriptors[i] = n.pushBlob(t, name, ocispec.MediaTypeImageLayer+"+encrypted", ciphertext)
		if descriptors[i].Annotations, err = finish(); err != nil {
			t.Fatal(err)
		}
	}
	return n.pushManifest(t, name, tag, layers, descriptors)
}

func (n *node) pushManifest(t *testing.T, name, tag string, layers []plainLayer, descriptors []ocispec.Descriptor) pushed {
	t.Helper()
	c := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}, RootFS: ocispec.RootFS{Type: "layers"}, Config: ocispec.ImageConfig{Cmd: []string{"/pause"}}}
	for _, layer := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, godigest.FromBytes(layer))
	}
	manifest := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: n.pushBlob(t, name, ocispec.MediaTypeImageConfig, encode(t, c)), Layers: descriptors}
	manifest.SchemaVersion = 2
	content := encode(t, manifest)
	n.put(t, fmt.Sprintf("http://%s/v2/%s/manifests/%s", n.registry, name, tag), ocispec.MediaTypeImageManifest, content)
	digest := godigest.FromBytes(content).String()
	if n.diffIDs == nil {
		n.diffIDs = map[string][]string{}
	}
	for _, id := range c.RootFS.DiffIDs {
		n.diffIDs[digest] = append(n.diffIDs[digest], id.String())
	}
	return pushed{name, tag, digest}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (n *node) pushBlob(t *testing.T, name, mediaType string, content []byte) ocispec.Descriptor {
	t.Helper()
	d := ocispec.Descriptor{MediaType: mediaType, Digest: godigest.FromBytes(content), Size: int64(len(content))}
	answer, err := http.Post(fmt.Sprintf("http://%s/v2/%s/blobs/uploads/", n.registry, name), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	at, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Set("digest", d.Digest.String())
	at.RawQuery = query.Encode()
	n.put(t, at.String(), "application/octet-stream", content)
	return d
}

func (n *node) put(t *testing.T, at, mediaType string, content []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, at, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", mediaType)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("PUT %s: %s: %s", at, answer.Status, text)
	}
}

// newLayerKey is a private key for layers, and the same as a PEM file's content.
func newLayerKey(t *testing.T) (*rsa.PrivateKey, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
