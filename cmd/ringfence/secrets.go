package main

import (
	"errors"
	"fmt"
	"io/fs"

	"ringfence/internal/config"
	"ringfence/internal/transport"
)

// checkSecretFiles refuses files with secrets in them that others can read. Those of TLS and of the authorization server are checked where
// they are read again and again; a signing key that is not there is made, and so are the keys that seal.
func checkSecretFiles(c config.Config) error {
	var faults []error
	for _, file := range []struct{ what, path string }{
		{"signing key", c.SigningKeyFile}, {"secrets key file", c.SecretsKeyFile}, {"key for notifications", c.NotifyKeyFile}, {"connections file", c.ConnectionsFile},
	} {
		if file.path == "" {
			continue
		}
		if err := transport.CheckKeyFile(file.path); err != nil && !errors.Is(err, fs.ErrNotExist) { // whoever reads it says that it is not there
			faults = append(faults, fmt.Errorf("%s: %w", file.what, err))
		}
	}
	return errors.Join(faults...)
}
