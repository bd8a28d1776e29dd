// Package seal encrypts the secrets that the database has to hold, with keys that are not in it: who has the database, or a backup of
// it, does not have them. It knows nothing of where a secret is kept.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	keyBytes = 32 // AES-256
	idBytes  = 8
)

// Keys seal and open secrets. The first of them seals; all of them open.
type Keys struct {
	keys []key
}

// key is one of them. Its id, a part of its SHA-256, stands before what it has sealed.
type key struct {
	id   []byte
	aead cipher.AEAD // puts its nonce before what it encrypts
}

// Generate returns one new key.
func Generate() (*Keys, error) {
	return parse([]byte(encoded()))
}

// Load reads a file of keys, and makes it with one key where there is none. Each line is a key, 32 bytes in base64, as
// `openssl rand -base64 32` prints one; empty lines and those that begin with # are none.
func Load(path string) (*Keys, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secrets key file: %w", err)
	}
	keys, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("secrets key file %s: %w", path, err)
	}
	return keys, nil
}

func encoded() string {
	fresh := make([]byte, keyBytes)
	rand.Read(fresh) // it never fails
	return base64.StdEncoding.EncodeToString(fresh) + "\n"
}

// create makes a file with a new key, whole or not at all. Where another process was faster, the file is that one's.
func create(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".secrets-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // Its other name stays.
	_, err = f.WriteString(encoded())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

func parse(content []byte) (*Keys, error) {
	k := &Keys{}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keyBytes {
			return nil, fmt.Errorf("line %d is no key: 32 bytes in base64, as openssl rand -base64 32 prints them", number)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		k.keys = append(k.keys, key{sum[:idBytes], aead})
	}
	if len(k.keys) == 0 {
		return nil, errors.New("it holds no key")
	}
	return k, nil
}

// Seal encrypts a secret. What it is of, such as the row that holds it, is bound to it: it opens as that one's only.
func (k *Keys) Seal(secret []byte, of string) []byte {
	first := &k.keys[0]
	//nolint:gosec // G407: the nonce is made by the AEAD.
	return first.aead.Seal(bytes.Clone(first.id), nil, secret, []byte(of))
}

// ErrNoKey says that none of the keys has sealed a secret.
var ErrNoKey = errors.New("it is sealed with a key that is not in the secrets key file")

// Open decrypts what was sealed of something.
func (k *Keys) Open(sealed []byte, of string) ([]byte, error) {
	for i := range k.keys {
		rest, is := bytes.CutPrefix(sealed, k.keys[i].id)
		if !is {
			continue
		}
		secret, err := k.keys[i].aead.Open(nil, nil, rest, []byte(of))
		if err != nil {
			return nil, errors.New("it was changed, or is another's")
		}
		return secret, nil
	}
	return nil, ErrNoKey
}

// Current tells whether something was sealed with the key that seals now.
func (k *Keys) Current(sealed []byte) bool { return bytes.HasPrefix(sealed, k.keys[0].id) }
