package console

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// The vendored files are what the npm package holds: update.sh verified the package's integrity and wrote the sums.
func TestVendoredFilesAreUnchanged(t *testing.T) {
	t.Parallel()
	sums, err := embedded.ReadFile("swagger-ui/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS has the line %q", line)
		}
		stored, err := embedded.ReadFile("swagger-ui/" + name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		content, err := packed("", stored).content()
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the file that SHA256SUMS names; run update.sh", name)
		}
	}
	if count := strings.Count(string(sums), "\n"); count != 2 {
		t.Errorf("SHA256SUMS names %d files, want the two that pages load", count)
	}
}

// A page of ours that named another host would leak who uses the console, or break where it has no network.
func TestOwnFilesNameNoOtherHost(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`<script>|<style|\sstyle="|\son[a-z]+="|javascript:`)
	address := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	checked := 0
	err := fs.WalkDir(embedded, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		checked++
		text := strings.ReplaceAll(string(content), `xmlns="http://www.w3.org/2000/svg"`, "") // a name, not an address
		if found := address.FindString(text); found != "" {
			t.Errorf("%s names another host: %s", name, found)
		}
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %q, which the content security policy forbids", name, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 7 {
		t.Errorf("only %d files were checked", checked)
	}
}
