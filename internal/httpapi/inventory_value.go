package httpapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// valueKind is what a value of a document is.
type valueKind uint8

const (
	nullValue valueKind = iota
	boolValue
	numberValue
	stringValue
	listValue
	objectValue
	refusedValue // was reported already; nothing more is said about it
)

// String names the kind in sentences.
func (k valueKind) String() string {
	return [...]string{"null", "a truth value", "a number", "a string", "a list", "an object", "something that is not allowed"}[k]
}

// place is where a value begins; its document knows line and column.
type place int64

// value is one value of a document.
type value struct {
	kind    valueKind
	at      place
	text    string   // of a scalar; a number as it was written
	items   []*value // of a list
	members []member // of an object, in the order of the document
}

// member is an attribute of an object. Its place is the name's.
type member struct {
	name  string
	at    place
	value *value
}

// member returns the last attribute of the name, as decoders that know no better do; nil when there is none.
func (v *value) member(name string) *value {
	for _, m := range slices.Backward(v.members) {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// saidTwice is what there is to say of a member whose name another had before.
const saidTwice = "the attribute stands here a second time"

// repeats makes a function that tells whether the member at an index has a name that another had before.
func (v *value) repeats() func(int) bool {
	return repeats(len(v.members), func(i int) string { return v.members[i].name })
}

// find follows a JSON pointer as far as it leads.
func (v *value) find(pointer string) *value {
	at := v
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		var next *value
		switch at.kind {
		case objectValue:
			next = at.member(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		case listValue:
			if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(at.items) {
				next = at.items[i]
			}
		default:
		}
		if next == nil {
			return at
		}
		at = next
	}
	return at
}

// appendJSON renders a value. What JSON cannot write, and what is refused, is null.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case boolValue:
		return append(b, v.text...)
	case numberValue:
		if json.Valid([]byte(v.text)) {
			return append(b, v.text...)
		}
	case stringValue:
		return appendString(b, v.text)
	case listValue:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	case objectValue:
		b = append(b, '{')
		for i := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, v.members[i].name), ':')
			b = v.members[i].value.appendJSON(b)
		}
		return append(b, '}')
	case nullValue, refusedValue:
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // not reached: every string can be written
	}
	return append(b, text...)
}

// documentText reads values out of a text that is known to be valid JSON and UTF-8.
type documentText struct {
	body []byte
	i    int
	slab []value
}

func (j *documentText) space() {
	for j.i < len(j.body) {
		switch j.body[j.i] {
		case ' ', '\t', '\r', '\n', ',', ':':
			j.i++
		default:
			return
		}
	}
}

// next returns the first byte of the next value, or the bracket that closes the list or object.
func (j *documentText) next() byte {
	j.space()
	return j.body[j.i]
}

func (j *documentText) value() *value {
	c := j.next()
	v := j.fresh()
	v.at = place(j.i)
	switch c {
	case '{':
		v.kind = objectValue
		for j.i++; j.next() != '}'; {
			at := place(j.i)
			name := j.text()
			v.members = append(v.members, member{name: name, at: at, value: j.value()})
		}
		j.i++
	case '[':
		v.kind = listValue
		for j.i++; j.next() != ']'; {
			v.items = append(v.items, j.value())
		}
		j.i++
	case '"':
		v.kind, v.text = stringValue, j.text()
	case 'n':
		j.i += len("null")
	case 't', 'f':
		v.kind, v.text = boolValue, j.word()
	default:
		v.kind, v.text = numberValue, j.word()
	}
	return v
}

func (j *documentText) fresh() *value {
	if len(j.slab) == 0 {
		j.slab = make([]value, 64)
	}
	v := &j.slab[0]
	j.slab = j.slab[1:]
	return v
}

// word reads a scalar that is no string.
func (j *documentText) word() string {
	start := j.i
	for j.i < len(j.body) && !bytes.ContainsRune([]byte(" \t\r\n,]}"), rune(j.body[j.i])) {
		j.i++
	}
	return string(j.body[start:j.i])
}

// text reads a string.
func (j *documentText) text() string {
	start := j.i
	for j.i++; j.body[j.i] != '"'; j.i++ {
		if j.body[j.i] == '\\' {
			j.i++
		}
	}
	j.i++
	inner := j.body[start+1 : j.i-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(j.body[start:j.i], &s) // the text is valid
	return s
}

// lineIndex finds lines and columns of offsets; columns count characters.
type lineIndex struct {
	body  []byte
	lines []int // where each line begins; made when first asked
}

func (x *lineIndex) position(offset int) (line, column int) {
	if x.lines == nil {
		x.lines = []int{0}
		for i := 0; ; {
			n := bytes.IndexByte(x.body[i:], '\n')
			if n < 0 {
				break
			}
			i += n + 1
			x.lines = append(x.lines, i)
		}
	}
	line, found := slices.BinarySearch(x.lines, offset)
	if found {
		line++
	}
	return line, 1 + utf8.RuneCount(x.body[x.lines[line-1]:offset])
}
