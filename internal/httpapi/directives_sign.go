package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	wire "ringfence/api/directives"
	"ringfence/internal/placement"
)

// signed renders directives with their signatures; never nil.
func (a directivesAPI) signed(list []placement.Directive) ([]wire.Directive, error) {
	out := make([]wire.Directive, len(list))
	for i := range list {
		out[i] = directiveToWire(&list[i])
		payload, err := signaturePayload(&out[i])
		if err != nil {
			return nil, err
		}
		if out[i].Signature, err = a.Signer.Sign(payload); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// signaturePayload is what a signature is made over: the directive as it is sent, without its signature, as
// canonical JSON (RFC 8785).
func signaturePayload(d *wire.Directive) ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("sign directive: %w", err)
	}
	v, err := decodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("sign directive: %w", err)
	}
	if members, ok := v.(map[string]any); ok {
		delete(members, "signature")
	}
	var b strings.Builder
	if err := canonical(&b, v); err != nil {
		return nil, fmt.Errorf("sign directive: %w", err)
	}
	return []byte(b.String()), nil
}

// canonical writes a decoded JSON value as RFC 8785 wants it. Directives hold integers only, which need no
// rewriting; any other number is refused, since its canonical form would not be the one that was sent.
func canonical(b *strings.Builder, v any) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		fmt.Fprint(b, v)
	case json.Number:
		n, err := v.Int64()
		if err != nil || n <= -1<<53 || n >= 1<<53 {
			return fmt.Errorf("number %s is no integer that every reader represents exactly", v)
		}
		fmt.Fprint(b, n)
	case string:
		canonicalString(b, v)
	case []any:
		return canonicalList(b, v)
	case map[string]any:
		return canonicalObject(b, v)
	default:
		return fmt.Errorf("a %T is no JSON value", v)
	}
	return nil
}

func canonicalList(b *strings.Builder, list []any) error {
	b.WriteByte('[')
	for i, item := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := canonical(b, item); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// canonicalObject sorts the members by the UTF-16 code units of their names.
func canonicalObject(b *strings.Builder, members map[string]any) error {
	names := slices.SortedFunc(maps.Keys(members), func(x, y string) int {
		return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
	})
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		canonicalString(b, name)
		b.WriteByte(':')
		if err := canonical(b, members[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// canonicalString escapes what JSON must have escaped, and nothing else.
func canonicalString(b *strings.Builder, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`}
	b.WriteByte('"')
	for _, r := range s {
		switch escape, ok := short[r]; {
		case ok:
			b.WriteString(escape)
		case r < ' ':
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
