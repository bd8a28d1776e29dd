package policy

import (
	"cmp"
	"fmt"
	"slices"

	"ringfence/internal/placement"
)

// Load parses and compiles in one go, with all findings in the order of the document. The policy is nil when one
// of them is an ERROR.
func Load(content []byte, ref placement.PolicyRef, associations []string) (*Policy, []placement.Finding) {
	doc, findings := Parse(content)
	if doc == nil {
		return nil, findings
	}
	p, more := Compile(doc, ref, associations)
	findings = append(findings, more...)
	slices.SortStableFunc(findings, compareFindings)
	return p, findings
}

// Examine loads a document and analyses it in its surroundings, with all findings in the order of the document. The policy is nil
// when the document cannot be compiled; a document that compiles may still contradict itself, which is an ERROR among the findings.
func Examine(content []byte, ref placement.PolicyRef, associations []string, s Surroundings) (*Policy, []placement.Finding) {
	doc, findings := Parse(content)
	if doc == nil {
		return nil, findings
	}
	p, more := Compile(doc, ref, associations)
	findings = append(findings, more...)
	if p != nil {
		findings = append(findings, Analyse(doc, p, s)...)
	}
	slices.SortStableFunc(findings, compareFindings)
	return p, findings
}

// Compile turns a document of Parse into the form that decides. ref and associations are what the policy is stored as;
// a version in ref, when there is one, must be the document's. The policy is nil when a finding of severity
// ERROR stands against it, or stood against the document in Parse.
func Compile(doc *Document, ref placement.PolicyRef, associations []string) (*Policy, []placement.Finding) {
	c := compiler{}
	if ref.Version != "" && doc.PolicyVersion != "" && ref.Version != doc.PolicyVersion {
		c.add(CodeVersionMismatch, doc.Position("/policyVersion"), "/policyVersion", "policyVersion is %s, but the document is transferred as version %s",
			quote(doc.PolicyVersion), quote(ref.Version))
	}
	if doc.TargetType == TargetCommon && len(associations) > 0 {
		c.add(CodeAssociations, doc.Position("/targetType"), "/targetType",
			"a policy with targetType %s applies to all and has no associations, but it has %d", TargetCommon, len(associations))
	}
	if doc.TargetType == TargetCommon && len(doc.TargetObjectIDs) > 0 {
		c.add(CodeAssociations, doc.Position("/targetObjectId"), "/targetObjectId",
			"a policy with targetType %s applies to all, so targetObjectId names nothing: leave it out, or say another targetType", TargetCommon)
	}
	if doc.faulty {
		return nil, c.sorted(doc.root)
	}
	p := &Policy{Ref: ref, Associations: slices.Clone(associations)}
	for i := range doc.Rules {
		p.Rules = append(p.Rules, c.rule(&doc.Rules[i], ref.ID, i))
	}
	for i := range doc.Exceptions {
		c.exception(&doc.Exceptions[i], p)
	}
	findings := c.sorted(doc.root)
	if HasErrors(findings) {
		return nil, findings
	}
	return p, findings
}

// CompileSet compiles the policies in force, ascending by id. They were checked before they were stored, so
// that an error says that this program understands policies differently than the one that accepted them.
func CompileSet(active []placement.ActivePolicy) (*Set, error) {
	set := &Set{signatures: newSignatures()}
	for i := range active {
		a := &active[i]
		p, findings := Load(a.Content, a.Ref, a.Associations)
		if p == nil {
			return nil, refusal(a.Ref, findings)
		}
		set.Policies = append(set.Policies, p)
	}
	slices.SortFunc(set.Policies, func(a, b *Policy) int { return cmp.Compare(a.Ref.ID, b.Ref.ID) })
	set.demotions = demotions(set.Policies)
	for i := 1; i < len(set.Policies); i++ {
		if id := set.Policies[i].Ref.ID; id == set.Policies[i-1].Ref.ID {
			return nil, placement.Errorf(placement.Internal, "policy %s is active twice: select one version", id)
		}
	}
	return set, nil
}

func refusal(ref placement.PolicyRef, findings []placement.Finding) error {
	i := slices.IndexFunc(findings, func(f placement.Finding) bool { return f.Severity == SeverityError })
	first := findings[max(i, 0)]
	return &placement.Error{
		Kind: placement.Internal, Findings: findings,
		Message: fmt.Sprintf("active policy %s version %s does not compile: line %d: %s: %s; activate a version that this program understands",
			ref.ID, ref.Version, first.Line, first.Code, first.Message),
	}
}

// compiler collects what stands in the way of a policy.
type compiler struct {
	report
}

// must reports an error about a value that the schema let through.
func (c *compiler) must(n *node, ptr string, err error) {
	if err != nil {
		c.add(CodeUnknownValue, n.Position, ptr, "%v", err)
	}
}
