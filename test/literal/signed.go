package literal

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"ringfence/internal/placement"
)

// Signer is one entry of a trust list.
type Signer struct {
	KeyID        string   `json:"keyId"`
	PublicKey    string   `json:"publicKey"`
	TrustDomains []string `json:"trustDomains"`
}

// signed tells whether a stored signature verifies, its signer is trusted for the candidate's domain, and it is tagged with that.
func (t *trial) signed(r *Rule, image placement.Image, digest string) bool {
	var e struct {
		PayloadType string
		Payload     string
		Signatures  []struct{ KeyID, Sig string }
	}
	if json.Unmarshal([]byte(image.Signature), &e) != nil {
		return false
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return false
	}
	var says struct{ Digest, TrustDomainID string }
	if json.Unmarshal(payload, &says) != nil || says.Digest != digest || says.TrustDomainID != t.ask.Workload.TrustDomainID {
		return false
	}
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(payload), payload)
	trust, _ := r.Params["trust"].([]Signer)
	for _, s := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(s.Sig)
		for _, by := range trust {
			key, keyErr := base64.StdEncoding.DecodeString(by.PublicKey)
			trusted := has(by.TrustDomains, says.TrustDomainID) || has(by.TrustDomains, "*")
			if err == nil && keyErr == nil && trusted && by.KeyID == s.KeyID && ed25519.Verify(key, []byte(message), sig) {
				return true
			}
		}
	}
	return false
}
