package policy

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"ringfence/internal/placement"
)

// Signer is a public key that a rule trusts, and the trust domains whose artefacts it may sign.
type Signer struct {
	KeyID        string
	PublicKey    ed25519.PublicKey
	TrustDomains []string // ids, of which "*" is every one
}

func (s *Signer) mayTag(domain string) bool {
	return slices.Contains(s.TrustDomains, domain) || slices.Contains(s.TrustDomains, "*")
}

// PayloadType is the type of what the signature of an artefact is over: {"digest": …, "trustDomainId": …}.
const PayloadType = "application/vnd.ringfence.artefact+json"

// maxSignatures bounds how many signatures of one envelope are looked at.
const maxSignatures = 16

// envelope is a DSSE envelope (Dead Simple Signing Envelope, version 1).
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     []byte `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	} `json:"signatures"`
}

// statement is what a signer says of an artefact; the zero value when no signature of the signer verifies.
type statement struct {
	Digest        string `json:"digest"`
	TrustDomainID string `json:"trustDomainId"`
}

// verify returns what a signer states in an envelope.
func verify(signature string, by *Signer) (s statement) {
	var e envelope
	if json.Unmarshal([]byte(signature), &e) != nil || e.PayloadType != PayloadType {
		return statement{}
	}
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload)
	for _, sig := range e.Signatures[:min(len(e.Signatures), maxSignatures)] {
		if sig.KeyID != by.KeyID || !ed25519.Verify(by.PublicKey, signed, sig.Sig) {
			continue
		}
		if json.Unmarshal(e.Payload, &s) != nil {
			return statement{}
		}
		return s
	}
	return statement{}
}

// signatures remembers what was verified, so that an artefact's signature is verified once and not at every decision. It changes
// how fast an answer comes, never the answer. A nil one remembers nothing.
type signatures struct {
	mu    sync.Mutex
	known map[verified]statement
}

type verified struct{ signature, keyID, publicKey string }

// maxKnownSignatures bounds the memory; when it is reached, all is forgotten.
const maxKnownSignatures = 1 << 16

func newSignatures() *signatures { return &signatures{known: map[verified]statement{}} }

func (m *signatures) verify(signature string, by *Signer) statement {
	if m == nil {
		return verify(signature, by)
	}
	k := verified{signature, by.KeyID, string(by.PublicKey)}
	m.mu.Lock()
	s, ok := m.known[k]
	m.mu.Unlock()
	if ok {
		return s
	}
	s = verify(signature, by)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxKnownSignatures {
		clear(m.known)
	}
	m.known[k] = s
	return s
}

// The faults of an artefact's signature, in the order of how near it came.
const (
	faultUnsigned   = "unsigned"   // there is no signature
	faultUntrusted  = "untrusted"  // no signature of a signer verifies whom the rule trusts for the trust domain
	faultOtherImage = "other"      // it is over another digest
	faultOtherTag   = "tag"        // it is tagged for another trust domain
	faultNothing    = "noArtefact" // the workload names no artefact
)

// signedArtefacts holds when a trusted signer tagged every artefact of the candidate for its trust domain.
func (c *Candidate) signedArtefacts(r *Rule) map[string]string {
	if len(c.Workload.Images) == 0 {
		return failed("why", faultNothing, "component", c.Workload.ComponentID)
	}
	digests := slices.Clone(c.Workload.Images)
	slices.Sort(digests)
	for _, d := range digests {
		image := c.world.Catalogue.Images[d]
		if why := c.signatureFault(r, d, &image); why != "" {
			return failed("why", why, "artefact", d, "domain", c.domain.ID)
		}
	}
	return nil
}

func (c *Candidate) signatureFault(r *Rule, digest string, image *placement.Image) string {
	if image.Signature == "" {
		return faultUnsigned
	}
	why := faultUntrusted
	for i := range r.Params.Trust {
		by := &r.Params.Trust[i]
		if !by.mayTag(c.domain.ID) {
			continue
		}
		switch s := c.world.Set.signatures.verify(image.Signature, by); {
		case s == statement{}:
		case s.Digest != digest:
			why = faultOtherImage
		case s.TrustDomainID != c.domain.ID:
			why = faultOtherTag
		default:
			return ""
		}
	}
	return why
}

// signers compiles the trust list of a rule.
func (c *compiler) signers(n *node, ptr string) []Signer {
	var out []Signer
	for _, item := range n.list() {
		key, err := base64.StdEncoding.DecodeString(item.get("publicKey").str())
		if err == nil && len(key) != ed25519.PublicKeySize {
			err = fmt.Errorf("the key has %d bytes, expected %d", len(key), ed25519.PublicKeySize)
		}
		c.must(item, ptr, err)
		out = append(out, Signer{KeyID: item.get("keyId").str(), PublicKey: key, TrustDomains: item.get("trustDomains").strs()})
	}
	return out
}

// trustsAtMost tells whether every signer of the one list may sign in the other whatever it may sign in the first.
func trustsAtMost(p, q []Signer) bool {
	return !slices.ContainsFunc(p, func(s Signer) bool {
		return slices.ContainsFunc(s.TrustDomains, func(domain string) bool {
			return !slices.ContainsFunc(q, func(o Signer) bool {
				return o.KeyID == s.KeyID && o.PublicKey.Equal(s.PublicKey) && o.mayTag(domain)
			})
		})
	})
}
