package policy

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"ringfence/internal/placement"
)

// translator turns what the schema validator found into findings with positions.
type translator struct {
	*report
	schema any
	root   *node
}

// place is where in the document a fault is.
type place struct {
	tokens []string
	node   *node
	kind   string // of the rule, empty outside rules
}

func (p place) pointer() string { return pointer("", p.tokens...) }

// inRule tells whether the place is a rule, and inParams whether it is the parameters of one.
func (p place) inRule() bool { return len(p.tokens) == 2 && p.tokens[0] == "rules" }

func (p place) inParams() bool {
	return len(p.tokens) == 3 && p.tokens[0] == "rules" && p.tokens[2] == "params"
}

// last is the name of the field that the place is the value of.
func (p place) last() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[len(p.tokens)-1]
}

// walk visits the leaves of the validator's tree of errors. An anyOf counts as a leaf: its branches are
// alternatives, none of which is wrong by itself.
func (t *translator) walk(e *jsonschema.ValidationError) {
	if _, alternatives := e.ErrorKind.(*kind.AnyOf); len(e.Causes) > 0 && !alternatives {
		for _, c := range e.Causes {
			t.walk(c)
		}
		return
	}
	p := place{tokens: e.InstanceLocation, node: t.root.find(e.InstanceLocation)}
	if p.node == nil || p.node.kind == refusedNode {
		return
	}
	if len(p.tokens) >= 2 && p.tokens[0] == "rules" {
		p.kind = t.root.find(p.tokens[:2]).get("kind").str()
	}
	t.translate(e, p, lookup(t.schema, e.SchemaURL))
}

func (t *translator) translate(e *jsonschema.ValidationError, p place, schema map[string]any) {
	at, ptr := p.node.Position, p.pointer()
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		t.unknownFields(p, schema)
	case *kind.Required:
		for _, name := range k.Missing {
			t.missing(p, name, schema)
		}
	case *kind.AnyOf:
		t.missingAll(p, e.Causes)
	case *kind.Type:
		t.add(CodeType, at, ptr, "found %s, expected %s%s", describe(p.node), expectedTypes(k.Want), quoteHint(p.node, k.Want))
	case *kind.Enum:
		t.unknownValue(p, words(k.Want))
	case *kind.Const:
		t.unknownValue(p, words([]any{k.Want}))
	case *kind.FalseSchema:
		t.notAllowed(p)
	case *kind.MinItems:
		t.add(CodeSize, at, ptr, "the list has too few entries: found %d, expected at least %d", k.Got, k.Want)
	case *kind.MinProperties:
		t.add(CodeSize, at, ptr, "the mapping is empty")
	case *kind.MaxLength:
		t.add(CodeSize, at, ptr, "the text is too long: found %d characters, expected at most %d", k.Got, k.Want)
	case *kind.Minimum:
		t.add(CodeValueRange, at, ptr, "found %s, expected at least %s", p.node.text, decimal(k.Want))
	case *kind.ExclusiveMinimum:
		t.add(CodeValueRange, at, ptr, "found %s, expected more than %s", p.node.text, decimal(k.Want))
	case *kind.Maximum:
		t.add(CodeValueRange, at, ptr, "found %s, expected at most %s", p.node.text, decimal(k.Want))
	default: // pattern, format, multipleOf: the title says what is expected
		title, _ := schema["title"].(string)
		t.add(CodeValueForm, at, ptr, "found %s, expected %s", describe(p.node), title)
	}
}

func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(9), "0")
}

// describe renders what was found.
func describe(n *node) string {
	switch n.kind {
	case stringNode:
		return "the string " + quote(n.text)
	case numberNode, boolNode:
		return n.kind.String() + " (" + n.text + ")"
	default:
		return n.kind.String()
	}
}

var typeNames = map[string]string{
	"object": "a mapping", "array": "a list", "string": "a string", "number": "a number", "integer": "an integer", "boolean": "true or false",
}

func expectedTypes(types []string) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = typeNames[t]
	}
	return strings.Join(names, " or ")
}

// quoteHint says how a text that looks like something else stays a text.
func quoteHint(n *node, want []string) string {
	if (n.kind == numberNode || n.kind == boolNode) && slices.Contains(want, "string") {
		return ": quote it"
	}
	return ""
}

// unknownFields reports the fields of a mapping that the schema does not name.
func (t *translator) unknownFields(p place, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	known := slices.Sorted(maps.Keys(properties))
	for i := range p.node.fields {
		if f := &p.node.fields[i]; properties[f.name] == nil {
			t.unknownField(p, f, known)
		}
	}
}

func (t *translator) unknownField(p place, f *field, known []string) {
	at, ptr, name := f.Position, pointer(p.pointer(), f.name), quote(f.name)
	switch {
	case p.inParams() && len(known) == 0:
		t.add(CodeUnknownParam, at, ptr, "unknown parameter %s: a rule of kind %s has no parameters", name, p.kind)
	case p.inParams():
		t.add(CodeUnknownParam, at, ptr, "unknown parameter %s of rule kind %s: %s", name, p.kind, oneOf(f.name, known))
	default:
		t.add(CodeUnknownField, at, ptr, "unknown field %s: %s", name, oneOf(f.name, known))
	}
}

func (t *translator) missing(p place, name string, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	field, _ := properties[name].(map[string]any)
	why := ""
	if d, ok := field["description"].(string); ok {
		why = ": " + d
	}
	switch {
	case p.inParams():
		t.add(CodeMissingParam, p.node.Position, p.pointer(), "rule kind %s needs the parameter %s%s", p.kind, name, why)
	case p.inRule() && name == "params":
		t.add(CodeMissingParam, p.node.Position, p.pointer(), "rule kind %s needs parameters: params is missing", p.kind)
	default:
		t.add(CodeMissingField, p.node.Position, p.pointer(), "field %s is missing%s", name, why)
	}
}

// missingAll reports that none of several alternative fields was given.
func (t *translator) missingAll(p place, branches []*jsonschema.ValidationError) {
	var names []string
	for _, b := range branches {
		if k, ok := b.ErrorKind.(*kind.Required); ok {
			names = append(names, k.Missing...)
		}
	}
	code, what := CodeMissingField, "field"
	if p.inParams() {
		code, what = CodeMissingParam, "parameter"
	}
	t.add(code, p.node.Position, p.pointer(), "expected at least one %s of %s", what, strings.Join(names, ", "))
}

func (t *translator) unknownValue(p place, known []string) {
	at, ptr, found := p.node.Position, p.pointer(), p.node.text
	switch {
	case p.node.kind != stringNode:
		t.add(CodeType, at, ptr, "found %s, expected %s", describe(p.node), alternatives(known))
	case len(p.tokens) == 3 && p.last() == "kind" && p.kind != "":
		t.add(CodeKindUnknown, at, ptr, "unknown rule kind %s: %s", quote(found), oneOf(found, known))
	case len(p.tokens) == 3 && p.last() == "scope" && slices.Contains(scopeNames(), found):
		t.add(CodeScopeNotSupported, at, ptr, "scope %s is not supported for this rule of kind %s: expected %s", found, p.kind, alternatives(known))
	case p.last() == "minSeparation" && isIsolation(found):
		t.add(CodeWaiverTooWeak, at, ptr, "%s does not waive a rule: expected %s", found, alternatives(known))
	default:
		t.add(CodeUnknownValue, at, ptr, "unknown value %s: %s", quote(found), oneOf(found, known))
	}
}

func isIsolation(s string) bool {
	_, err := placement.ParseIsolation(s)
	return err == nil
}

func scopeNames() []string {
	return []string{
		string(placement.ScopeKernel), string(placement.ScopeHost), string(placement.ScopeNFVINode), string(placement.ScopeCISNode),
		string(placement.ScopeRack), string(placement.ScopeZone), string(placement.ScopeZoneGroup), string(placement.ScopeNFVIPoP),
		string(placement.ScopeCISCluster), string(placement.ScopeContainerNamespace),
	}
}

// notAllowed reports a field that exists, but not in a rule like this one.
func (t *translator) notAllowed(p place) {
	at, ptr, name := p.node.Position, p.pointer(), p.last()
	parent := t.root.find(p.tokens[:len(p.tokens)-1])
	if f := parent.field(name); f != nil && name != "id" {
		at = f.Position
	}
	check := ""
	if c := t.root.find(p.tokens[:2]).get("params").get("check").str(); c != "" {
		check = " with check " + c
	}
	switch name {
	case "id":
		t.add(CodeRuleIDReserved, at, ptr, "rule id %s is reserved for reasons that are no policy rule", quote(p.node.text))
	case "waiver":
		t.add(CodeWaiverNotAllowed, at, ptr, "a rule of kind %s%s is never waived", p.kind, check)
	case "object", "exceptPairs":
		t.add(CodeNotAllowed, at, ptr, "%s belongs to rules that look at pairs; a rule of kind %s%s does not", name, p.kind, check)
	default:
		t.add(CodeNotAllowed, at, ptr, "a rule of kind %s%s has no parameter %s", p.kind, check, name)
	}
}
