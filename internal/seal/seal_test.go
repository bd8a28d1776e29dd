package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ringfence/internal/seal"
)

func generate(t *testing.T) *seal.Keys {
	t.Helper()
	k, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealing(t *testing.T) {
	t.Parallel()
	k := generate(t)
	secret := []byte("a secret that stands nowhere")
	sealed := k.Seal(secret, "s-1")
	if bytes.Contains(sealed, secret[:8]) || bytes.Equal(sealed, k.Seal(secret, "s-1")) {
		t.Error("it can be read, or compared")
	}
	if got, err := k.Open(sealed, "s-1"); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("opened as %q, %v", got, err)
	}
	if _, err := k.Open(sealed, "s-2"); err == nil {
		t.Error("it opens as another's")
	}
	if _, err := generate(t).Open(sealed, "s-1"); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("opened with another key: %v", err)
	}
	for i := range sealed {
		broken := bytes.Clone(sealed)
		broken[i] ^= 1
		if _, err := k.Open(broken, "s-1"); err == nil {
			t.Errorf("it opens with byte %d changed", i)
		}
		if _, err := k.Open(sealed[:i], "s-1"); err == nil {
			t.Errorf("it opens cut off at %d", i)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "secrets.key")
	made := make([]*seal.Keys, 8)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			k, err := seal.Load(path)
			if err != nil {
				t.Error(err)
			}
			made[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := made[0].Seal([]byte("x"), "")
	for _, k := range made {
		if _, err := k.Open(sealed, ""); err != nil {
			t.Errorf("processes that made the file at once have other keys: %v", err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left beside it: %v, %v", left, err)
	}
}

// A new key goes before the old one, which then only opens.
func TestRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.key")
	old, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := old.Seal([]byte("x"), "s")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.key")
	if _, err := seal.Load(other); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("# since today\n"+string(fresh)+"\n# before\n"+string(content)), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := both.Open(sealed, "s"); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if both.Current(sealed) || !both.Current(both.Seal(nil, "")) || !old.Current(sealed) {
		t.Error("the first key is not the one that seals")
	}
}

func TestFilesWithoutKeys(t *testing.T) {
	t.Parallel()
	for content, says := range map[string]string{
		"":                          "holds no key",
		"# nothing\n\n":             "holds no key",
		"\nc2hvcnQ=\n":              "line 2 is no key",
		strings.Repeat("!", 44):     "line 1 is no key",
		strings.Repeat("A", 44):     "line 1 is no key", // 33 bytes
		"-----BEGIN PRIVATE KEY---": "line 1 is no key",
	} {
		path := filepath.Join(t.TempDir(), "secrets.key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Load(path); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%q: %v", content, err)
		}
	}
}
