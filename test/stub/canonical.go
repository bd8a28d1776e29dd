package stub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// canonical writes JSON text as the directives' contract wants it signed: members sorted by name, no white space, integers
// in plain decimal, and in strings only what JSON forces escaped. Members of the outermost object that are named in without
// are left out.
func canonical(text []byte, without ...string) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if object, is := value.(map[string]any); is {
		for _, name := range without {
			delete(object, name)
		}
	}
	var out strings.Builder
	err := writeCanonical(&out, value)
	return []byte(out.String()), err
}

func writeCanonical(out *strings.Builder, value any) error {
	switch v := value.(type) {
	case map[string]any:
		return writeObject(out, v)
	case []any:
		return writeArray(out, v)
	case string:
		writeString(out, v)
	case bool:
		fmt.Fprint(out, v)
	case json.Number:
		if _, err := v.Int64(); err != nil {
			return fmt.Errorf("the number %s is no integer: a directive holds no others", v)
		}
		out.WriteString(v.String())
	default:
		return fmt.Errorf("%v: a directive holds no such value", v)
	}
	return nil
}

func writeObject(out *strings.Builder, object map[string]any) error {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	out.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		writeString(out, name)
		out.WriteByte(':')
		if err := writeCanonical(out, object[name]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func writeArray(out *strings.Builder, array []any) error {
	out.WriteByte('[')
	for i, element := range array {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeCanonical(out, element); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

// shortEscapes are the control characters that JSON has a short form for.
var shortEscapes = map[rune]string{'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}

func writeString(out *strings.Builder, s string) {
	out.WriteByte('"')
	for _, r := range s {
		switch short := shortEscapes[r]; {
		case short != "":
			out.WriteString(short)
		case r < 0x20:
			fmt.Fprintf(out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}
