package httpapi

import (
	"errors"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// errNotPlain says that a document cannot be read in parts.
var errNotPlain = errors.New("the document is not in plain form")

// yamlSource is a YAML document, whole or cut into sections.
type yamlSource struct {
	root     *yaml.Node    // of a document that is read whole
	sections []yamlSection // of one that is read in parts
	values   yamlValues
	entries  map[string][]yamlEntry // by list
	last     yamlEntry              // that was looked up last,
	lastNode *yaml.Node             // and its list
}

// yamlEntry says where an entry is found again: in a part, by its index there.
type yamlEntry struct {
	node  *yaml.Node // of a document that is read whole
	part  yamlPart
	index int
}

const columnBits = 32

func (s *yamlSource) position(at place) (line, column int) {
	if at == 0 {
		return 1, 1
	}
	return int(at >> columnBits), int(at & (1<<columnBits - 1))
}

func (s *yamlSource) entry(list string, index int) *value {
	entries := s.entries[list]
	if index >= len(entries) || index < 0 {
		return nil
	}
	e := entries[index]
	quiet := yamlValues{before: e.part.before, fault: func(string, place, string) {}}
	if e.node != nil {
		return quiet.value(e.node)
	}
	if s.lastNode == nil || s.last.part.before != e.part.before {
		node, err := parseYAML(e.part.text)
		if err != nil {
			return nil // not reached: it was parsed before
		}
		s.last, s.lastNode = e, node
	}
	return quiet.value(s.lastNode.Content[e.index])
}

func (s *yamlSource) read(into *inventoryDocument) error {
	s.faultsAt(into, "")
	if s.root != nil {
		s.attributes(into, s.root)
		return nil
	}
	for i := range s.sections {
		if err := s.section(into, &s.sections[i]); err != nil {
			return errNotPlain
		}
	}
	return nil
}

func (s *yamlSource) section(into *inventoryDocument, section *yamlSection) error {
	if section.name == "" {
		return s.inPart(section.parts[0], func(node *yaml.Node) error {
			if node.Kind != yaml.MappingNode {
				return errNotPlain
			}
			s.attributes(into, node)
			return nil
		})
	}
	at := place(section.line)<<columnBits | 1
	list, wanted := into.begin(section.name, at)
	if wanted && (list == nil || len(section.parts) == 0) {
		v := &value{at: at} // null
		if len(section.parts) > 0 {
			v.kind = listValue
		}
		into.attribute(section.name, v)
	}
	for _, part := range section.parts {
		err := s.inPart(part, func(node *yaml.Node) error {
			if node.Kind != yaml.SequenceNode {
				return errNotPlain
			}
			for i, item := range node.Content {
				if list != nil {
					s.item(into, list, item, yamlEntry{part: part, index: i})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *yamlSource) inPart(part yamlPart, fn func(*yaml.Node) error) error {
	node, err := parseYAML(part.text)
	if err != nil {
		return err
	}
	s.values.before = part.before
	return fn(node)
}

// attributes reads a mapping of attributes of the document.
func (s *yamlSource) attributes(into *inventoryDocument, node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		into.notAnObject(s.values.value(node))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, content := node.Content[i], node.Content[i+1]
		s.faultsAt(into, jsonPointer([]string{name.Value}))
		list, wanted := into.begin(name.Value, s.values.place(name))
		v := &value{at: s.values.place(content)}
		switch {
		case !wanted:
		case list != nil && content.Kind == yaml.AliasNode:
			s.values.refuse(v, "a list of entries is no alias; write it out")
		case list != nil && content.Kind == yaml.SequenceNode:
			s.values.checkTag(content, v)
			for _, item := range content.Content {
				s.item(into, list, item, yamlEntry{node: item, part: yamlPart{before: s.values.before}})
			}
		default:
			into.attribute(name.Value, s.values.value(content))
		}
	}
}

func (s *yamlSource) item(into *inventoryDocument, list *documentList, node *yaml.Node, at yamlEntry) {
	s.faultsAt(into, jsonPointer([]string{list.name, strconv.Itoa(into.counts[list.name])}))
	s.entries[list.name] = append(s.entries[list.name], at)
	v := s.values.value(node)
	into.entry(list, v, v.appendJSON(nil))
}

// faultsAt says where faults are that the values themselves have.
func (s *yamlSource) faultsAt(into *inventoryDocument, pointer string) {
	s.values.fault = func(code string, at place, message string) { into.fault(code, pointer, at, message) }
}
