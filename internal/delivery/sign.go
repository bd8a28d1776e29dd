package delivery

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Signer signs directives at delivery with detached JWS (RFC 7515, appendix F) and Ed25519 (RFC 8037).
type Signer struct {
	key ed25519.PrivateKey
	id  string
}

// LoadSigner reads the key of a file, and makes one when the file does not exist. Replicas that serve the same
// hosts share the file.
func LoadSigner(path string) (*Signer, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return createSigner(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("signing key %s is no PEM file; remove it to have a new key made", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key %s is no Ed25519 key", path)
	}
	return newSigner(key)
}

func createSigner(path string) (*Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) { // another replica was faster
		return LoadSigner(path)
	}
	if err != nil {
		return nil, fmt.Errorf("write signing key: %w", err)
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write signing key: %w", err)
	}
	return newSigner(key)
}

func newSigner(key ed25519.PrivateKey) (*Signer, error) {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	sum := sha256.Sum256(public)
	return &Signer{key: key, id: base64.RawURLEncoding.EncodeToString(sum[:12])}, nil
}

// PublicKey is a verification key as its JSON Web Key members.
type PublicKey struct {
	KeyID string
	X     string // base64url of the 32 bytes
}

// PublicKeys lists the keys that signatures verify with.
func (s *Signer) PublicKeys() []PublicKey {
	public, _ := s.key.Public().(ed25519.PublicKey)
	return []PublicKey{{KeyID: s.id, X: base64.RawURLEncoding.EncodeToString(public)}}
}

// Secret derives a secret of 32 bytes for another purpose than signing (HKDF, RFC 5869), which replicas that share the key share too.
func (s *Signer) Secret(purpose string) ([]byte, error) {
	secret, err := hkdf.Key(sha256.New, s.key.Seed(), nil, "ringfence "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive secret: %w", err)
	}
	return secret, nil
}

// Sign returns the detached JWS of a payload: header, empty payload, signature.
func (s *Signer) Sign(payload []byte) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "EdDSA", "kid": s.id})
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	protected := base64.RawURLEncoding.EncodeToString(header)
	sig := ed25519.Sign(s.key, []byte(protected+"."+base64.RawURLEncoding.EncodeToString(payload)))
	return protected + ".." + base64.RawURLEncoding.EncodeToString(sig), nil
}
