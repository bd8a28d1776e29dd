package policy

// Document is a policy document as it was written. What decides is compiled from it; what does not decide
// (rationale, provenance, tests) is kept here, and the positions of everything.
type Document struct {
	PolicyVersion string
	TargetType    string // TargetCommon, or what the associations are
	// TargetObjectIDs are the associations that the policy begins with, where none were set otherwise (SOL012, Policy).
	TargetObjectIDs []string
	Rules           []RuleText
	Exceptions      []ExceptionText
	Tests           []Test

	root   *node
	faulty bool // there are findings of severity ERROR
}

// TargetCommon is the target type of a policy without associations; the default.
const TargetCommon = "COMMON"

// RuleText is one rule as it was written. Pointer locates it in the document.
type RuleText struct {
	Pointer    string
	ID         string
	Kind       Kind
	Rationale  string
	Provenance []Provenance

	node *node
}

// Provenance says where a requirement comes from.
type Provenance struct {
	Document string
	Clause   string
}

// ExceptionText is one exception as it was written. Pointer locates it in the document.
type ExceptionText struct {
	Pointer string
	RuleID  string

	node *node
}

// Test is a case that the policy's author wants to come out as stated. Given and Expect are JSON values with
// numbers as json.Number.
type Test struct {
	Pointer string
	Name    string
	Given   map[string]any
	Expect  map[string]any
}

// Position returns where the value that a JSON pointer leads to stands in the document; the zero position when
// there is none.
func (d *Document) Position(ptr string) Position {
	if n := d.root.find(pointerTokens(ptr)); n != nil {
		return n.Position
	}
	return Position{}
}

// newDocument reads what the tree has. Where the document is not as the schema wants it, members are missing.
func newDocument(root *node) *Document {
	d := &Document{
		PolicyVersion: root.get("policyVersion").str(), TargetType: root.get("targetType").strOr(TargetCommon),
		TargetObjectIDs: root.get("targetObjectId").strs(), root: root,
	}
	for i, n := range root.get("rules").list() {
		d.Rules = append(d.Rules, RuleText{
			Pointer: itemPointer("rules", i), ID: n.get("id").str(), Kind: Kind(n.get("kind").str()), Rationale: n.get("rationale").str(),
			Provenance: provenance(n.get("provenance")), node: n,
		})
	}
	for i, n := range root.get("exceptions").list() {
		d.Exceptions = append(d.Exceptions, ExceptionText{Pointer: itemPointer("exceptions", i), RuleID: n.get("ruleId").str(), node: n})
	}
	for i, n := range root.get("tests").list() {
		d.Tests = append(d.Tests, Test{
			Pointer: itemPointer("tests", i), Name: n.get("name").str(), Given: n.get("given").object(), Expect: n.get("expect").object(),
		})
	}
	return d
}

func provenance(list *node) []Provenance {
	var out []Provenance
	for _, n := range list.list() {
		out = append(out, Provenance{Document: n.get("document").str(), Clause: n.get("clause").str()})
	}
	return out
}
