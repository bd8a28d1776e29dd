package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/config"
)

// TestSecretFilesAreTheirOwners: a file with a secret that others can read or write stops the start, with the file and what to do.
func TestSecretFilesAreTheirOwners(t *testing.T) {
	t.Parallel()
	for what, with := range map[string]func(string) config.Config{
		"signing key":           func(path string) config.Config { return config.Config{SigningKeyFile: path} },
		"secrets key file":      func(path string) config.Config { return config.Config{SecretsKeyFile: path} },
		"key for notifications": func(path string) config.Config { return config.Config{NotifyKeyFile: path} },
		"connections file":      func(path string) config.Config { return config.Config{ConnectionsFile: path} },
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := checkSecretFiles(with(path)); err != nil {
			t.Errorf("%s that is not there: %v", what, err)
		}
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkSecretFiles(with(path)); err != nil {
			t.Errorf("%s of its owner: %v", what, err)
		}
		for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			err := checkSecretFiles(with(path))
			if err == nil || !strings.Contains(err.Error(), what+": "+path) || !strings.Contains(err.Error(), "chmod 0600") {
				t.Errorf("%s of mode %04o: %v", what, mode, err)
			}
		}
	}
}
