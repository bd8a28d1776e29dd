package policy

import (
	"slices"
	"strconv"
)

// check reports what one part of the document does not allow in another; the shape of each part is the
// schema's business.
func (d *Document) check(r *report) {
	first := map[string]*RuleText{}
	for i := range d.Rules {
		rule := &d.Rules[i]
		d.checkID(rule, first, r)
		if rule.Kind == SeparateRole {
			d.checkRoles(rule, r)
		}
	}
	for i := range d.Exceptions {
		d.checkException(&d.Exceptions[i], first, r)
	}
	d.checkTests(r)
}

func (d *Document) checkID(rule *RuleText, first map[string]*RuleText, r *report) {
	if rule.ID == "" {
		return
	}
	earlier := first[rule.ID]
	if earlier == nil {
		first[rule.ID] = rule
		return
	}
	r.add(CodeRuleIDDuplicate, rule.node.get("id").Position, pointer(rule.Pointer, "id"), "rule id %s was given already in line %d",
		quote(rule.ID), earlier.node.get("id").Line)
}

// checkRoles refuses a role on both sides: whoever has it would be refused everywhere.
func (d *Document) checkRoles(rule *RuleText, r *report) {
	params := rule.node.get("params")
	a := params.get("a").strs()
	for i, n := range params.get("b").list() {
		if s := n.str(); s != "" && slices.Contains(a, s) {
			r.add(CodeRolesOverlap, n.Position, pointer(rule.Pointer, "params", "b", strconv.Itoa(i)),
				"role %s is on both sides: a component that has it could run nowhere", quote(s))
		}
	}
}

func (d *Document) checkException(e *ExceptionText, rules map[string]*RuleText, r *report) {
	if e.RuleID == "" {
		return
	}
	at, ptr := e.node.get("ruleId").Position, pointer(e.Pointer, "ruleId")
	rule, emergency := rules[e.RuleID], e.node.get("breakGlass") != nil
	switch {
	case rule == nil:
		r.add(CodeExceptionUnknown, at, ptr, "the policy has no rule %s%s", quote(e.RuleID), d.nearRule(e.RuleID, r))
	case breakable(rule.Kind, rule.node.get("params").get("check").str()):
		if !emergency || e.node.get("hosts") == nil {
			r.add(CodeExceptionNever, at, ptr, "the age of an attestation is overridden in an emergency only, by an exception with breakGlass, which says why, and hosts")
		}
	case emergency:
		r.add(CodeExceptionNever, e.node.get("breakGlass").Position, pointer(e.Pointer, "breakGlass"),
			"breakGlass overrides the age of an attestation (kind attestation-freshness, check AGE) and nothing else")
	case slices.Contains(Kinds(), rule.Kind) && !waivable(rule.Kind, rule.node.get("params").get("check").str()):
		r.add(CodeExceptionNever, at, ptr, "a rule of kind %s has no exceptions, because it is never waived", rule.Kind)
	}
}

// nearRule suggests a rule id; not when so much is wrong that nobody would read it.
func (d *Document) nearRule(id string, r *report) string {
	if len(r.findings) >= maxFindings {
		return ""
	}
	ids := make([]string, len(d.Rules))
	for i := range d.Rules {
		ids[i] = d.Rules[i].ID
	}
	if near := nearest(id, ids); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// waivable tells whether waivers and exceptions exist for rules of the kind.
func waivable(k Kind, check string) bool {
	switch k {
	case SeparateDomains, SeparateNF, SeparateRole, SeparateAdminDomain, SeparateSlice:
		return true
	case Oversight:
		return check == CheckSeparate
	default:
		return false
	}
}

// breakable tells whether an emergency overrides rules of the kind, for a time: the age of an attestation, never its state.
func breakable(k Kind, check string) bool { return k == AttestationFreshness && check == CheckAge }

func (d *Document) checkTests(r *report) {
	first := map[string]int{}
	for i := range d.Tests {
		t := &d.Tests[i]
		at := d.Position(pointer(t.Pointer, "name"))
		if line, ok := first[t.Name]; ok && t.Name != "" {
			r.add(CodeTestDuplicate, at, pointer(t.Pointer, "name"), "test %s was given already in line %d", quote(t.Name), line)
			continue
		}
		first[t.Name] = at.Line
	}
}

func itemPointer(list string, i int) string { return pointer("", list, strconv.Itoa(i)) }
