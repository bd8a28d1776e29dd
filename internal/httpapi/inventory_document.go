package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/internal/inventory"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// documentList is one list of the inventory document.
type documentList struct {
	name  string
	keys  []string // the attributes that are the key of an entry
	shape *shape   // of an entry
	// add reads the JSON of an entry and appends it, even where it does not read well: the entries keep their index.
	add func(doc *placement.Inventory, entry []byte, in *reading)
	// write calls fn with every entry of the list in a document, as the wire has it.
	write func(doc *placement.Inventory, fn func(any) error) error
}

// inventoryFormat is the inventory document: its lists in the order in which it is written.
type inventoryFormat struct {
	root  *shape
	lists []documentList
}

// newInventoryFormat reads the contract.
func newInventoryFormat(doc *openapi3.T, n *inventoryNouns) (*inventoryFormat, error) {
	root, err := compileShape("Inventory", doc.Components.Schemas["Inventory"].Value)
	if err != nil {
		return nil, err
	}
	return &inventoryFormat{root: root, lists: []documentList{
		n.trustDomains.documentList(root, func(i *placement.Inventory) *[]placement.TrustDomain { return &i.TrustDomains }),
		n.trustRelations.documentList(root, func(i *placement.Inventory) *[]placement.TrustRelation { return &i.TrustRelations }),
		n.nfviPoPs.documentList(root, func(i *placement.Inventory) *[]placement.NFVIPoP { return &i.NFVIPoPs }),
		n.resourceZones.documentList(root, func(i *placement.Inventory) *[]placement.ResourceZone { return &i.ResourceZones }),
		n.hostPools.documentList(root, func(i *placement.Inventory) *[]placement.HostPool { return &i.HostPools }),
		n.runtimeClasses.documentList(root, func(i *placement.Inventory) *[]placement.RuntimeClass { return &i.RuntimeClasses }),
		n.hosts.documentList(root, func(i *placement.Inventory) *[]placement.Host { return &i.Hosts }),
		n.images.documentList(root, func(i *placement.Inventory) *[]placement.Image { return &i.Images }),
		n.vnfProfiles.documentList(root, func(i *placement.Inventory) *[]placement.VNFProfile { return &i.VNFProfiles }),
		n.residencies.documentList(root, func(i *placement.Inventory) *[]placement.Residency { return &i.Residencies }),
		n.cacheEntries.documentList(root, func(i *placement.Inventory) *[]placement.CacheEntry { return &i.CacheEntries }),
	}}, nil
}

// documentList is the noun's list in the inventory document.
func (n *noun[W, D]) documentList(root *shape, in func(*placement.Inventory) *[]D) documentList {
	return documentList{
		name: n.listName, keys: n.keys, shape: root.properties[n.listName].items,
		add: func(doc *placement.Inventory, entry []byte, r *reading) {
			var w W
			if err := json.Unmarshal(entry, &w); err != nil {
				r.fault(codeWrongType, "", "the entry cannot be read: "+printable(err.Error()))
			}
			list := in(doc)
			*list = append(*list, n.fromWire(&w, r))
		},
		write: func(doc *placement.Inventory, fn func(any) error) error {
			list := *in(doc)
			for i := range list {
				if err := fn(n.toWire(&list[i])); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// ReadInventory reads an inventory document, JSON or YAML, and holds it to the contract. Ages in it count from now. The
// findings say with line and column what is wrong with it; then its entries are as complete as they could be read. The
// error is for what is no document at all.
func ReadInventory(content []byte, now time.Time) (*placement.Inventory, []placement.Finding, error) {
	contract, err := openapi.Inventory()
	if err != nil {
		return nil, nil, err
	}
	format, err := newInventoryFormat(contract, newInventoryNouns(&Server{}))
	if err != nil {
		return nil, nil, err
	}
	doc, err := format.read(content, "", now)
	if err != nil {
		return nil, nil, err
	}
	return &doc.inventory, doc.faults, nil
}

// documentSource is the text of a document. It can find the value of an entry again, to say where a fault is that
// shows only when the whole document is known.
type documentSource interface {
	read(into *inventoryDocument) error
	entry(list string, index int) *value // nil when there is none
	position(at place) (line, column int)
}

// inventoryDocument is a document that was read.
type inventoryDocument struct {
	inventory placement.Inventory
	faults    []placement.Finding

	format *inventoryFormat
	source documentSource
	now    time.Time
	seen   map[string]bool // attributes
	counts map[string]int  // entries by list
}

// read reads a document of a media type; YAML includes JSON. The error is a problem: 400 for what is not well-formed.
func (f *inventoryFormat) read(content []byte, mediaType string, now time.Time) (*inventoryDocument, error) {
	if err := checkUTF8(content); err != nil {
		return nil, err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	onlyJSON := mediaType == mediaJSON
	if onlyJSON || bytes.HasPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("{")) {
		err := checkSyntax(content)
		if err == nil {
			return f.readFrom(&jsonSource{index: lineIndex{body: content}, offsets: map[string][]int{}}, now)
		}
		if onlyJSON {
			return nil, err
		}
	}
	if sections, ok := cutYAML(content); ok {
		doc, err := f.readFrom(&yamlSource{sections: sections, entries: map[string][]yamlEntry{}}, now)
		if !errors.Is(err, errNotPlain) {
			return doc, err
		}
	}
	root, err := parseYAML(content)
	if err != nil {
		return nil, err
	}
	return f.readFrom(&yamlSource{root: root, entries: map[string][]yamlEntry{}}, now)
}

func (f *inventoryFormat) readFrom(src documentSource, now time.Time) (*inventoryDocument, error) {
	d := &inventoryDocument{format: f, source: src, now: now, seen: map[string]bool{}, counts: map[string]int{}}
	if err := src.read(d); err != nil {
		return nil, err
	}
	for _, name := range f.root.required {
		if !d.seen[name] {
			d.fault(inventory.CodeMissing, "/"+name, 0, "the document has no "+name+", which it needs")
		}
	}
	return d, nil
}

// maxFaults bounds what is remembered of a document full of faults.
const maxFaults = 100_000

func (d *inventoryDocument) fault(code, pointer string, at place, message string) {
	if len(d.faults) == maxFaults {
		return
	}
	f := placement.Finding{Severity: "ERROR", Code: code, Pointer: pointer, Message: message}
	f.Line, f.Column = d.source.position(at)
	d.faults = append(d.faults, f)
}

// begin notes an attribute of the document. It returns the list of that name, nil for another attribute, and whether the
// attribute is to be read at all.
func (d *inventoryDocument) begin(name string, at place) (list *documentList, wanted bool) {
	if d.seen[name] {
		d.fault(inventory.CodeDuplicate, jsonPointer([]string{name}), at, saidTwice)
		return nil, false
	}
	d.seen[name] = true
	if d.format.root.properties[name] == nil {
		d.fault(codeUnknownAttribute, jsonPointer([]string{name}), at, unknownAttribute(d.format.root, name))
		return nil, false
	}
	i := slices.IndexFunc(d.format.lists, func(l documentList) bool { return l.name == name })
	if i < 0 {
		return nil, true
	}
	return &d.format.lists[i], true
}

// attribute takes an attribute that is no list, or should be one.
func (d *inventoryDocument) attribute(name string, v *value) {
	c := shapeCheck{path: []string{name}, fault: d.fault}
	c.check(d.format.root.properties[name], v)
}

// notAnObject says that the document is something else.
func (d *inventoryDocument) notAnObject(v *value) {
	d.fault(codeWrongType, "", v.at, "this is "+v.kind.String()+"; a document is an object with kind: Inventory")
	for _, name := range d.format.root.required {
		d.seen[name] = true
	}
}

// entry takes the next entry of a list: its value, and its JSON.
func (d *inventoryDocument) entry(list *documentList, v *value, text []byte) {
	index := d.counts[list.name]
	d.counts[list.name]++
	before := len(d.faults)
	path := []string{list.name, strconv.Itoa(index)}
	c := shapeCheck{path: path, fault: d.fault}
	c.check(list.shape, v)
	in := reading{now: d.now, ageOK: true}
	list.add(&d.inventory, text, &in)
	if len(in.faults) == 0 {
		return
	}
	entry := jsonPointer(path)
	said := d.faults[before:]
	for _, f := range in.faults {
		same := func(other placement.Finding) bool { return other.Pointer == entry+f.Pointer }
		if len(said) > 0 && (f.Pointer == "" || slices.ContainsFunc(said, same)) {
			continue // the schema said it better
		}
		d.fault(f.Code, entry+f.Pointer, v.find(f.Pointer).at, f.Message)
	}
}

// locate completes findings by the places that their pointers lead to, and sorts them in the order of the document.
func (d *inventoryDocument) locate(findings []placement.Finding) []placement.Finding {
	for i := range findings {
		f := &findings[i]
		if f.Line > 0 {
			continue
		}
		list, rest, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
		number, rest, _ := strings.Cut(rest, "/")
		index, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		if v := d.source.entry(list, index); v != nil {
			f.Line, f.Column = d.source.position(v.find(rest).at)
		}
	}
	slices.SortStableFunc(findings, func(a, b placement.Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return findings
}

// jsonSource is a JSON document.
type jsonSource struct {
	index   lineIndex
	offsets map[string][]int // of entries, by list
}

func (s *jsonSource) position(at place) (line, column int) { return s.index.position(int(at)) }

func (s *jsonSource) entry(list string, index int) *value {
	offsets := s.offsets[list]
	if index >= len(offsets) || index < 0 {
		return nil
	}
	return (&documentText{body: s.index.body, i: offsets[index]}).value()
}

func (s *jsonSource) read(into *inventoryDocument) error {
	t := documentText{body: s.index.body}
	if t.next() != '{' {
		into.notAnObject(t.value())
		return nil
	}
	for t.i++; t.next() != '}'; {
		at := place(t.i)
		name := t.text()
		list, wanted := into.begin(name, at)
		switch {
		case !wanted:
			t.value()
		case list != nil && t.next() == '[':
			for t.i++; t.next() != ']'; {
				start := t.i
				v := t.value()
				s.offsets[name] = append(s.offsets[name], start)
				into.entry(list, v, s.index.body[start:t.i])
			}
			t.i++
		default:
			into.attribute(name, t.value())
		}
	}
	return nil
}
