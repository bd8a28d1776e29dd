package policy_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// keyOf makes the same key for the same name.
func keyOf(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte((name + strings.Repeat("x", ed25519.SeedSize))[:ed25519.SeedSize]))
}

func public(name string) string {
	return base64.StdEncoding.EncodeToString(keyOf(name).Public().(ed25519.PublicKey))
}

// seal signs a statement on an artefact with keys, under their names.
func seal(t testing.TB, digest, domain string, keys ...string) string {
	t.Helper()
	payload, err := json.Marshal(map[string]string{"digest": digest, "trustDomainId": domain})
	if err != nil {
		t.Fatal(err)
	}
	signatures := []map[string]string{}
	for _, k := range keys {
		signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(policy.PayloadType), policy.PayloadType, len(payload), payload)
		signatures = append(signatures, map[string]string{"keyid": k, "sig": base64.StdEncoding.EncodeToString(ed25519.Sign(keyOf(k), signed))})
	}
	envelope, err := json.Marshal(map[string]any{
		"payloadType": policy.PayloadType, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": signatures,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(envelope)
}

func TestSignedArtefacts(t *testing.T) {
	t.Parallel()
	rule := fmt.Sprintf("kind: signed-tagged-artefact, params: {trust: [{keyId: release, publicKey: %q, trustDomains: [A]}, {keyId: lab, publicKey: %q, trustDomains: [T]}, {keyId: root, publicKey: %q, trustDomains: ['*']}]}",
		public("release"), public("lab"), public("root"))
	const image = "sha256:app"
	good := seal(t, image, "A", "release")
	cases := []struct {
		name, signature, domain string
		why                     string
	}{
		{name: "signed and tagged", signature: good},
		{name: "by a signer of every domain", signature: seal(t, image, "A", "root")},
		{name: "one of several signatures will do", signature: seal(t, image, "A", "stranger", "release")},
		{name: "no signature", why: "unsigned"},
		{name: "no envelope", signature: "MEUCIQ", why: "untrusted"},
		{name: "another type of payload", signature: strings.Replace(good, "artefact+json", "artefacts+json", 1), why: "untrusted"},
		{name: "nobody signed", signature: seal(t, image, "A"), why: "untrusted"},
		{name: "by a stranger", signature: seal(t, image, "A", "stranger"), why: "untrusted"},
		{name: "by a stranger who uses a known name", signature: strings.Replace(seal(t, image, "A", "stranger"), "stranger", "release", 1), why: "untrusted"},
		{name: "by a signer who is trusted for another domain", signature: seal(t, image, "A", "lab"), why: "untrusted"},
		{name: "of another artefact", signature: seal(t, "sha256:old", "A", "release"), why: "other"},
		{name: "tagged for another domain", signature: seal(t, image, "T", "release"), why: "tag"},
		{name: "tagged for its parent", signature: seal(t, image, "A", "root"), domain: "A-child", why: "tag"},
		{name: "tagged for the child", signature: seal(t, image, "A-child", "root"), domain: "A-child"},
		{name: "the tag was changed afterwards", signature: swapped(t, good, seal(t, image, "T", "stranger")), why: "untrusted"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting()
			if c.domain != "" {
				s.workload.TrustDomainID = c.domain
			}
			s.workload.Images = []string{image}
			s.cat.Images[image] = placement.Image{Digest: image, Signature: c.signature}
			v := s.verdict(t, rule)
			var got string
			if len(v.Reasons) > 0 {
				got = v.Reasons[0].Params["why"]
			}
			if diff := cmp.Diff(c.why, got); diff != "" || v.Feasible != (c.why == "") {
				t.Errorf("reasons %+v (-want +got):\n%s", v.Reasons, diff)
			}
		})
	}
	s := newSetting()
	if got := s.verdict(t, rule).Reasons[0].Params["why"]; got != "noArtefact" {
		t.Errorf("a workload of which nobody knows what it runs: %q", got)
	}
}

// swapped puts the payload of one envelope under the signature of another.
func swapped(t *testing.T, signature, payload string) string {
	t.Helper()
	var a, b map[string]any
	for text, into := range map[string]*map[string]any{signature: &a, payload: &b} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	a["payload"] = b["payload"]
	out, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// BenchmarkSignedArtefacts judges a signed artefact again and again, as decisions do.
func BenchmarkSignedArtefacts(b *testing.B) {
	doc := fmt.Sprintf("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - {id: R, rationale: r, kind: signed-tagged-artefact, params: {trust: [{keyId: release, publicKey: %q, trustDomains: [A]}]}}\n", public("release"))
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(doc)}})
	if err != nil {
		b.Fatal(err)
	}
	s := newSetting()
	s.workload.Images = []string{"sha256:app"}
	s.cat.Images["sha256:app"] = placement.Image{Digest: "sha256:app", Signature: seal(b, "sha256:app", "A", "release")}
	c := policy.Prepare(&policy.World{Catalogue: s.cat, Set: set, Now: noon}, s.workload, 0, policy.Replicas{})
	for b.Loop() {
		if !c.Judge(placement.HostFacts{Host: &s.host}, nil).Feasible {
			b.Fatal("refused")
		}
	}
}
