package containerd

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/ocicrypt/config"
)

// readCredentials reads the passwords of registries from a Docker configuration file, anew for each use.
func readCredentials(file string) (func(host string) (string, string, error), error) {
	read := func(host string) (string, string, error) {
		if file == "" {
			return "", "", nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return "", "", fmt.Errorf("credentials of registries: %w", err)
		}
		var c struct {
			Auths map[string]struct {
				Auth string `json:"auth"`
			} `json:"auths"`
		}
		if err := json.Unmarshal(data, &c); err != nil {
			return "", "", fmt.Errorf("credentials of registries: %s is no Docker configuration file: %w", file, err)
		}
		entry, found := c.Auths[host]
		if !found {
			entry = c.Auths["https://"+host]
		}
		decoded, err := base64.StdEncoding.DecodeString(entry.Auth)
		if err != nil {
			return "", "", fmt.Errorf("credentials of registries: the entry of %s in %s is no base64", host, file)
		}
		user, password, _ := strings.Cut(string(decoded), ":")
		return user, password, nil
	}
	_, _, err := read("")
	return read, err
}

// errNoKey says that layers of a trust domain cannot be decrypted here.
var errNoKey = errors.New("there is no key")

// keys are the private keys of a trust domain.
func (s *Store) keys(trustDomainID string) (*config.DecryptConfig, error) {
	name := url.PathEscape(trustDomainID)
	if s.o.KeyFolder == "" || name == "" || name == "." || name == ".." {
		return nil, fmt.Errorf("%w for the layers of %s", errNoKey, trustDomainID)
	}
	files, err := filepath.Glob(filepath.Join(s.o.KeyFolder, escapeGlob(name), "*.pem"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	if len(files) == 0 {
		return nil, fmt.Errorf("%w for the layers of %s: %s holds no .pem file", errNoKey, trustDomainID, filepath.Join(s.o.KeyFolder, name))
	}
	var keys, passwords [][]byte
	for _, file := range files {
		key, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("key of %s: %w", trustDomainID, err)
		}
		keys, passwords = append(keys, key), append(passwords, nil)
	}
	c, err := config.DecryptWithPrivKeys(keys, passwords)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", trustDomainID, err)
	}
	return c.DecryptConfig, nil
}

// escapeGlob keeps the characters of a name from being a pattern.
func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}
