package httpapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"

	wire "ringfence/api/directives"
	"ringfence/internal/delivery"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// canonicalise is a second writing of the steps that the contract gives to readers, which knows nothing of the first:
// it works on tokens of the text as it was sent.
func canonicalise(t *testing.T, data []byte, top bool) string {
	t.Helper()
	text := strings.TrimSpace(string(data))
	switch text[0] {
	case '{':
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(data, &members); err != nil {
			t.Fatal(err)
		}
		if top {
			delete(members, "signature")
		}
		var names []string
		for name := range members {
			names = append(names, name)
		}
		sort.Strings(names)
		parts := make([]string, len(names))
		for i, name := range names {
			parts[i] = quoted(name) + ":" + canonicalise(t, members[name], false)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(data, &items); err != nil {
			t.Fatal(err)
		}
		parts := make([]string, len(items))
		for i := range items {
			parts[i] = canonicalise(t, items[i], false)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		return quoted(s)
	}
	return text // true, false or an integer
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ':
			b.WriteByte(c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte("btnfr"[strings.IndexByte("\b\t\n\f\r", c)])
		default:
			fmt.Fprintf(&b, `\u00%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// verify checks a directive as a reader does: with nothing but what it received and the published key.
func verify(t *testing.T, sent []byte, key wire.JSONWebKey) error {
	t.Helper()
	var d struct {
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(sent, &d); err != nil {
		t.Fatal(err)
	}
	protected, rest, _ := strings.Cut(d.Signature, ".")
	signature, ok := strings.CutPrefix(rest, ".")
	if !ok {
		return fmt.Errorf("%q is no detached signature", d.Signature)
	}
	header, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, key.Kid); string(header) != want {
		return fmt.Errorf("header %s, want %s", header, want)
	}
	x, err := base64.RawURLEncoding.DecodeString(key.X)
	if err != nil {
		return err
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	payload := base64.RawURLEncoding.EncodeToString([]byte(canonicalise(t, sent, true)))
	if !ed25519.Verify(ed25519.PublicKey(x), []byte(protected+"."+payload), sig) {
		return fmt.Errorf("the signature does not verify over %s", canonicalise(t, sent, true))
	}
	return nil
}

// everyDirective has one of each kind, with text that is awkward to canonicalise.
func everyDirective() []placement.Directive {
	workload := placement.WorkloadRef{ResidencyID: "r1", VNFInstanceID: "upf-<2>&\u2028", ComponentID: "p\\fe\"", ResourceDefinitionID: "résource 𝔘"}
	return []placement.Directive{
		{Kind: placement.DirectivePlace, Place: &placement.PlaceDirective{
			Workload: workload, Runtime: "runc", Isolation: placement.IsolationOSContainer, Namespace: "ns",
			NodeSelector: map[string]string{"kubernetes.io/hostname": "w1", "a": "b"},
			Tolerations:  []placement.Toleration{{Key: "k", Operator: "Equal", Value: "v", Effect: "NoSchedule"}},
			Resources:    placement.Resources{"cpuMillis": 8000, "memoryMiB": 1<<53 - 1, "ext.x": 0}, TrustDomainID: "TD-\"UP", Images: []string{"sha256:ab"},
			CutThrough: placement.CutThroughSRIOV, Privileged: placement.PrivilegeHostPID | placement.PrivilegeHostPath,
		}},
		{Kind: placement.DirectiveRelease, Release: &placement.ReleaseDirective{Workload: workload, Reason: "line\none\ttab\x01\x7f"}},
		{Kind: placement.DirectiveCache, Cache: &placement.CacheDirective{Digest: "*", Reference: "registry.example.com/a:1", Mode: placement.CacheShared, PullPolicy: "Always", PrePullAllowed: true}},
		{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{"sha256:ab", "sha256:cd"}}},
		{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{All: true}},
		{Kind: placement.DirectiveScrub, Scrub: &placement.ScrubDirective{Level: placement.ScrubReboot, DeviceReset: true, Reason: "r"}},
		{Kind: placement.DirectiveQuarantine, Quarantine: &placement.QuarantineDirective{Reason: "r"}},
		{Kind: placement.DirectiveUnquarantine, DecisionID: "d1", Quarantine: &placement.QuarantineDirective{Reason: "r"}},
	}
}

func TestSignaturesVerify(t *testing.T) {
	t.Parallel()
	signer, err := delivery.LoadSigner(t.TempDir() + "/key.pem")
	if err != nil {
		t.Fatal(err)
	}
	a := directivesAPI{&Server{Config: Config{Signer: signer}}}
	keys, err := a.ListKeys(t.Context(), wire.ListKeysRequestObject{})
	if err != nil {
		t.Fatal(err)
	}
	published, ok := keys.(wire.ListKeys200JSONResponse)
	if !ok || len(published.Body.Keys) != 1 {
		t.Fatalf("keys: %+v", keys)
	}
	key := published.Body.Keys[0]
	list := everyDirective()
	for i := range list {
		list[i].HostID, list[i].Seq = "h02", int64(i+1)
	}
	signed, err := a.signed(list)
	if err != nil {
		t.Fatal(err)
	}
	for i := range signed {
		sent, err := json.Marshal(signed[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(t, sent, key); err != nil {
			t.Errorf("%s: %v", signed[i].Kind, err)
		}
		tampered := strings.Replace(string(sent), `"seq":`, `"seq":1`, 1)
		if verify(t, []byte(tampered), key) == nil {
			t.Errorf("%s: another number verifies too", signed[i].Kind)
		}
	}
}

// The directives in the contract are signed with the key in the contract, for readers to be tried against. They hold
// our canonical form to a third writing of it: whoever signed them did not use this program.
func TestExamplesOfTheContractVerify(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Directives()
	if err != nil {
		t.Fatal(err)
	}
	var keys wire.JSONWebKeySet
	example(t, doc.Components.Examples["OneKey"].Value.Value, &keys)
	verified := 0
	for _, name := range []string{"PlaceAndCache", "CleanUp"} {
		var list []json.RawMessage
		example(t, doc.Components.Examples[name].Value.Value, &list)
		for _, sent := range list {
			if err := verify(t, sent, keys.Keys[0]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var d wire.Directive
			if err := json.Unmarshal(sent, &d); err != nil {
				t.Fatal(err)
			}
			payload, err := signaturePayload(&d)
			if err != nil {
				t.Fatal(err)
			}
			if want := canonicalise(t, sent, true); string(payload) != want {
				t.Errorf("%s: payload\n%s\nwant\n%s", name, payload, want)
			}
			verified++
		}
	}
	if verified < 5 {
		t.Errorf("only %d examples", verified)
	}
}

func example(t *testing.T, value, into any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCanonicalRefusesInexactNumbers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1.5", "1e3", "9007199254740992", "-9007199254740992", "99999999999999999999"} {
		v, err := decodeJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := canonical(&strings.Builder{}, v); err == nil {
			t.Errorf("%s was written", text)
		}
	}
}
