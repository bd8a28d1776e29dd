package stub

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Directive is one order to one host, as far as this NFVI reads it.
type Directive struct {
	Seq        int64           `json:"seq"`
	HostID     string          `json:"hostId"`
	DecisionID string          `json:"decisionId"`
	IssuedAt   string          `json:"issuedAt"`
	Kind       string          `json:"kind"`
	Place      *PlaceOrder     `json:"place"`
	Release    *ReleaseOrder   `json:"release"`
	Cache      *CacheOrder     `json:"cache"`
	Purge      *PurgeOrder     `json:"purge"`
	Signature  string          `json:"signature"`
	Text       json.RawMessage `json:"-"` // as it came
}

// WorkloadReference says which workload of which grant.
type WorkloadReference struct {
	ResidencyID          string `json:"residencyId"`
	VNFInstanceID        string `json:"vnfInstanceId"`
	ComponentID          string `json:"componentId"`
	ResourceDefinitionID string `json:"resourceDefinitionId"`
}

// PlaceOrder lets a workload run.
type PlaceOrder struct {
	Workload     WorkloadReference `json:"workload"`
	Runtime      string            `json:"runtime"`
	Isolation    string            `json:"isolation"`
	CISNode      string            `json:"cisNode"`
	Namespace    string            `json:"namespace"`
	NodeSelector map[string]string `json:"nodeSelector"`
	Resources    map[string]int64  `json:"resources"`
	ExpiresAt    string            `json:"expiresAt"`
}

// ReleaseOrder ends the right of a workload to run.
type ReleaseOrder struct {
	Workload WorkloadReference `json:"workload"`
	Reason   string            `json:"reason"`
}

// CacheOrder says in which form an artefact may lie on the host.
type CacheOrder struct {
	Digest                  string   `json:"digest"`
	Mode                    string   `json:"mode"`
	PullPolicy              string   `json:"pullPolicy"`
	PrePullAllowed          bool     `json:"prePullAllowed"`
	RetainAfterStop         bool     `json:"retainAfterStop"`
	PurgeOnRelease          bool     `json:"purgeOnRelease"`
	KeyBinding              string   `json:"keyBinding"`
	VisibleToTrustDomainIDs []string `json:"visibleToTrustDomainIds"`
}

// PurgeOrder orders artefacts out of the cache.
type PurgeOrder struct {
	Digests       []string `json:"digests"`
	TrustDomainID string   `json:"trustDomainId"`
	All           bool     `json:"all"`
}

// ErrUnsigned says that a directive does not carry a signature that verifies.
var ErrUnsigned = errors.New("the directive is not signed by ringfence")

// Keys are the keys that verify directives, by their id.
type Keys map[string]ed25519.PublicKey

// ReadKeys reads the keys that verify directives now.
func ReadKeys(ctx context.Context, c Client) (Keys, error) {
	var set struct {
		Keys []struct{ Kty, Crv, X, Kid, Alg, Use string }
	}
	if _, err := c.Do(ctx, http.MethodGet, "/directives/v1/keys", nil, &set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys := Keys{}
	for _, key := range set.Keys {
		public, err := base64.RawURLEncoding.DecodeString(key.X)
		if err != nil || len(public) != ed25519.PublicKeySize || key.Kty != "OKP" || key.Crv != "Ed25519" || key.Alg != "EdDSA" || key.Use != "sig" {
			return nil, fmt.Errorf("key %q is no Ed25519 key for signatures", key.Kid)
		}
		keys[key.Kid] = public
	}
	return keys, nil
}

// unknownKey says that a signature names a key that is not known.
type unknownKey string

func (k unknownKey) Error() string { return fmt.Sprintf("the key %q is unknown", string(k)) }

// Verify checks the signature over the text of a directive: a detached JWS (RFC 7515, appendix F) with Ed25519 over its
// canonical JSON.
func (k Keys) Verify(text []byte) error {
	var d struct{ Signature string }
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	protected, signature, found := strings.Cut(d.Signature, "..")
	if !found {
		return fmt.Errorf("%w: %q is no detached JWS", ErrUnsigned, d.Signature)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(decoded, &header); err != nil || header.Alg != "EdDSA" {
		return fmt.Errorf("%w: the header is %s", ErrUnsigned, decoded)
	}
	key, known := k[header.Kid]
	if !known {
		return fmt.Errorf("%w: %w", ErrUnsigned, unknownKey(header.Kid))
	}
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	payload, err := canonical(text, "signature")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	if !ed25519.Verify(key, []byte(protected+"."+base64.RawURLEncoding.EncodeToString(payload)), sum) {
		return fmt.Errorf("%w: the signature does not verify", ErrUnsigned)
	}
	return nil
}
