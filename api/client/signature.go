package client

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	wire "ringfence/api/directives"
)

// ErrUnsigned says that a directive does not carry a signature of ringfence that verifies.
var ErrUnsigned = errors.New("the directive is not signed by ringfence")

// errUnknownKey says that a signature names a key that was not there when the keys were read.
var errUnknownKey = errors.New("the key is unknown")

// Verifier verifies directives, and reads the keys again when one names a key that it does not know. Its methods may be
// called at the same time.
type Verifier struct {
	client *Client

	mu   sync.Mutex
	keys map[string]ed25519.PublicKey
}

// NewVerifier verifies by the keys that a client reads.
func NewVerifier(c *Client) *Verifier { return &Verifier{client: c} }

// Verify checks the signature of a directive as it came, and reads it. An error that is not ErrUnsigned means that the keys
// could not be read.
func (v *Verifier) Verify(ctx context.Context, text json.RawMessage) (wire.Directive, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := verify(text, v.keys)
	if errors.Is(err, errUnknownKey) {
		keys, unread := v.client.readKeys(ctx)
		if unread != nil {
			return wire.Directive{}, unread
		}
		v.keys = keys
		err = verify(text, v.keys)
	}
	if err != nil {
		return wire.Directive{}, err
	}
	var d wire.Directive
	if err := json.Unmarshal(text, &d); err != nil {
		return wire.Directive{}, fmt.Errorf("%w in this form: %w", ErrUnsigned, err)
	}
	return d, nil
}

func (c *Client) readKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	set, err := c.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys of ringfence: %w", err)
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range set.Keys {
		public, err := base64.RawURLEncoding.DecodeString(key.X)
		if err == nil && len(public) == ed25519.PublicKeySize && key.Kty == wire.JSONWebKeyKtyOKP && key.Crv == wire.JSONWebKeyCrvEd25519 {
			keys[key.Kid] = public
		}
	}
	return keys, nil
}

// verify checks a detached JWS (RFC 7515, appendix F) with Ed25519 over the canonical JSON of a directive.
func verify(text []byte, keys map[string]ed25519.PublicKey) error {
	payload, jws, err := canonical(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	protected, signature, detached := strings.Cut(jws, "..")
	decoded, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil || !detached {
		return fmt.Errorf("%w: %q is no detached JWS", ErrUnsigned, jws)
	}
	var header struct {
		Alg  string   `json:"alg"`
		Kid  string   `json:"kid"`
		Crit []string `json:"crit"`
	}
	if err := json.Unmarshal(decoded, &header); err != nil || header.Alg != "EdDSA" || len(header.Crit) > 0 {
		return fmt.Errorf("%w: its header is %q", ErrUnsigned, decoded)
	}
	key, known := keys[header.Kid]
	if !known {
		return fmt.Errorf("%w: %w: %q", ErrUnsigned, errUnknownKey, header.Kid)
	}
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(key, []byte(protected+"."+base64.RawURLEncoding.EncodeToString(payload)), sum) {
		return fmt.Errorf("%w: the signature does not verify", ErrUnsigned)
	}
	return nil
}
