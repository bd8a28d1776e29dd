package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ringfence/api/directives"
)

const keysPath = "/directives/v1/keys"

// directiveKeys are the public keys that verify directives, by their id.
type directiveKeys map[string]ed25519.PublicKey

// readKeys asks the service for its keys.
func readKeys(ctx context.Context, c *client) (directiveKeys, error) {
	var set directives.JSONWebKeySet
	if _, err := c.get(ctx, keysPath, nil, &set); err != nil {
		return nil, err
	}
	keys := directiveKeys{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, &exitError{exitServer, fmt.Errorf("key %q of %s is no Ed25519 key", k.Kid, keysPath)}
		}
		keys[k.Kid] = x
	}
	return keys, nil
}

// errUnknownKey says that a directive names a key that is not among those read.
var errUnknownKey = errors.New("its key is not among those of the service")

// verify checks the detached signature (RFC 7515, appendix F) of a directive as it was received.
func (keys directiveKeys) verify(raw json.RawMessage) error {
	var members map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&members); err != nil {
		return fmt.Errorf("directive: %w", err)
	}
	jws, _ := members["signature"].(string)
	delete(members, "signature")
	protected, signature, ok := strings.Cut(jws, "..")
	if !ok {
		return errors.New("it has no detached signature")
	}
	header, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return fmt.Errorf("header of the signature: %w", err)
	}
	var h struct{ Alg, Kid string }
	if err := json.Unmarshal(header, &h); err != nil {
		return fmt.Errorf("header of the signature: %w", err)
	}
	if h.Alg != "EdDSA" {
		return fmt.Errorf("its signature is made with %q, not EdDSA", h.Alg)
	}
	key, known := keys[h.Kid]
	if !known {
		return errUnknownKey
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	signed := protected + "." + base64.RawURLEncoding.EncodeToString(canonical(members))
	if !ed25519.Verify(key, []byte(signed), sig) {
		return errors.New("its signature does not verify: somebody changed it on the way, or did not have the key")
	}
	return nil
}

// canonical writes a JSON value as RFC 8785 does, for the values that directives hold: no fractions, names in ASCII.
func canonical(value any) []byte {
	var b bytes.Buffer
	writeCanonical(&b, value)
	return b.Bytes()
}

func writeCanonical(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonicalString(b, name)
			b.WriteByte(':')
			writeCanonical(b, v[name])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonical(b, element)
		}
		b.WriteByte(']')
	case string:
		writeCanonicalString(b, v)
	case nil:
		b.WriteString("null")
	default: // a number as it was written, or a truth value
		fmt.Fprint(b, v)
	}
}

// writeCanonicalString escapes what must be escaped and nothing else.
func writeCanonicalString(b *bytes.Buffer, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}
	b.WriteByte('"')
	for _, c := range s {
		escaped, found := short[c]
		switch {
		case found:
			b.WriteString(escaped)
		case c < ' ':
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}
