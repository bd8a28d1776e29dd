package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	wire "ringfence/api/inventory"
	"ringfence/internal/placement"
)

// The media types of the inventory document.
const (
	mediaJSON = "application/json"
	mediaYAML = "application/yaml"
)

// ExportInventory streams the whole inventory as one document.
func (a inventoryAPI) ExportInventory(w http.ResponseWriter, r *http.Request, _ wire.ExportInventoryParams) {
	mediaType, err := acceptable(r.Header.Values("Accept"), mediaJSON, mediaYAML)
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	format, err := a.format()
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	doc, err := a.Inventory.Export(r.Context())
	if err != nil {
		a.writeProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	if err := format.write(w, &doc, mediaType); err != nil {
		a.log.WarnContext(r.Context(), "export not delivered", "requestId", requestID(r.Context()), "error", err.Error())
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
}

// acceptable picks the first of the media types on offer that a client likes best (RFC 9110, section 12.5.1).
func acceptable(accept []string, offered ...string) (string, error) {
	list := strings.Join(accept, ",")
	if strings.TrimSpace(list) == "" {
		return offered[0], nil
	}
	best, quality := "", 0.0
	for _, offer := range offered {
		if q := qualityOf(list, offer); q > quality {
			best, quality = offer, q
		}
	}
	if best == "" {
		return "", newProblem(http.StatusNotAcceptable, "none of the media types in Accept can be produced; there are "+strings.Join(offered, " and "))
	}
	return best, nil
}

// qualityOf is how much a client likes a media type: the quality of the most specific range that includes it.
func qualityOf(accept, mediaType string) float64 {
	quality, specific := 0.0, -1
	family, _, _ := strings.Cut(mediaType, "/")
	for part := range strings.SplitSeq(accept, ",") {
		wanted, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		rank := -1
		switch wanted {
		case "*/*":
			rank = 0
		case family + "/*":
			rank = 1
		case mediaType:
			rank = 2
		}
		if rank <= specific {
			continue
		}
		specific, quality = rank, 1
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			quality = q
		}
	}
	return quality
}

// write writes a document, one entry at a time.
func (f *inventoryFormat) write(w io.Writer, doc *placement.Inventory, mediaType string) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	if mediaType == mediaYAML {
		err = f.writeYAML(out, doc)
	} else {
		err = f.writeJSON(out, doc)
	}
	if err != nil {
		return fmt.Errorf("write the inventory document: %w", err)
	}
	return out.Flush()
}

// writeJSON writes a line per entry, which tools that compare lines can work with.
func (f *inventoryFormat) writeJSON(out *bufio.Writer, doc *placement.Inventory) error {
	_, _ = out.WriteString(`{"apiVersion":"ringfence/v1","kind":"Inventory"`)
	for i := range f.lists {
		list := &f.lists[i]
		before := ",\n" + strconv.Quote(list.name) + ":[\n"
		err := list.write(doc, func(entry any) error {
			text, err := json.Marshal(entry)
			if err != nil {
				return err
			}
			_, _ = out.WriteString(before)
			_, err = out.Write(text)
			before = ",\n"
			return err
		})
		if err != nil {
			return err
		}
		if before == ",\n" {
			_, _ = out.WriteString("\n]")
		}
	}
	_, err := out.WriteString("}\n")
	return err
}

// writeYAML writes block style, with the key of an entry first.
func (f *inventoryFormat) writeYAML(out *bufio.Writer, doc *placement.Inventory) error {
	_, _ = out.WriteString("apiVersion: ringfence/v1\nkind: Inventory\n")
	for i := range f.lists {
		list := &f.lists[i]
		begun := false
		err := list.write(doc, func(entry any) error {
			text, err := yamlEntryText(entry, list.keys)
			if err != nil {
				return err
			}
			if !begun {
				_, _ = out.WriteString(list.name + ":\n")
				begun = true
			}
			_, err = out.Write(text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// yamlEntryText renders an entry of a list.
func yamlEntryText(entry any, keys []string) ([]byte, error) {
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	v := (&documentText{body: text}).value()
	node := yamlNode(keysFirst(v, keys))
	node.Style = 0
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{node}}); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

func keysFirst(v *value, keys []string) *value {
	members := make([]member, 0, len(v.members))
	for _, first := range []bool{true, false} {
		for _, m := range v.members {
			isKey := false
			for _, k := range keys {
				isKey = isKey || m.name == k
			}
			if isKey == first {
				members = append(members, m)
			}
		}
	}
	v.members = members
	return v
}

// yamlNode turns a value into a node of the YAML library. What holds scalars only stands on one line.
func yamlNode(v *value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: v.text}
	flat := true
	add := func(inner *value) {
		flat = flat && inner.kind != listValue && inner.kind != objectValue
		node.Content = append(node.Content, yamlNode(inner))
	}
	switch v.kind {
	case stringValue:
		node.Tag = "!!str"
		kind, _ := plainScalar(v.text)
		// The library takes a number that is too large for a float as a plain string, and reads some control characters
		// in a block differently than it writes them.
		if kind != stringValue || strings.ContainsFunc(v.text, unicode.IsControl) {
			node.Style = yaml.DoubleQuotedStyle
		}
	case numberValue:
		node.Tag = "!!int"
	case boolValue:
		node.Tag = "!!bool"
	case listValue:
		node.Kind, node.Value = yaml.SequenceNode, ""
		for _, item := range v.items {
			add(item)
		}
	case objectValue:
		node.Kind, node.Value = yaml.MappingNode, ""
		for i := range v.members {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v.members[i].name})
			add(v.members[i].value)
		}
	case nullValue, refusedValue:
		node.Tag = "!!null"
	}
	if flat && node.Kind != yaml.ScalarNode {
		node.Style = yaml.FlowStyle
	}
	return node
}
