package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

const head = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: '1'\n"

// TestBounds: what is too large, too deep or no text is refused with its place, in YAML and in JSON.
func TestBounds(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, c := range map[string]struct {
		content string
		code    string
		at      policy.Position
	}{
		"too many bytes":          {strings.Repeat("#", policy.MaxDocumentBytes+1), policy.CodeTooLarge, policy.Position{}},
		"too deep":                {head + "rules: " + deep(40), policy.CodeTooLarge, policy.Position{Line: 4, Column: 32}},
		"too deep for the parser": {head + "rules: " + deep(20_000), policy.CodeSyntax, policy.Position{Line: 4, Column: 1}},
		"too deep JSON":           {deep(9000), policy.CodeTooLarge, policy.Position{Line: 1, Column: 26}},
		"too many entries":        {"rules:\n" + strings.Repeat("- {}\n", 10_001), policy.CodeTooLarge, policy.Position{Line: 10_002, Column: 3}},
		"too many JSON entries":   {"[\n" + strings.Repeat("1,\n", 10_001) + "1]", policy.CodeTooLarge, policy.Position{Line: 10_002, Column: 1}},
		"too many values": {
			head + "rules:\n" + strings.Repeat("- ["+strings.Repeat("a,", 999)+"]\n", 300), policy.CodeTooLarge, policy.Position{Line: 254, Column: 1992},
		},
		"not UTF-8":           {"apiVersion: \xff\n", policy.CodeSyntax, policy.Position{Line: 1, Column: 13}},
		"UTF-16":              {"\xff\xfea\x00", policy.CodeSyntax, policy.Position{Line: 1, Column: 1}},
		"a control character": {"# é\r\nkind: \x1b[2J", policy.CodeSyntax, policy.Position{Line: 2, Column: 7}},
		"an escaped one":      {"{\"rules\": [],\n \"kind\": \"\\u0000\"}", policy.CodeValueForm, policy.Position{Line: 2, Column: 10}},
		"in a key":            {"{\n\"a\\u0000b\": 1}", policy.CodeKeyForm, policy.Position{Line: 2, Column: 1}},
		"in a YAML key":       {"\"a\\0b\": 1", policy.CodeKeyForm, policy.Position{Line: 1, Column: 1}},
		"nothing":             {"", policy.CodeEmpty, policy.Position{Line: 1, Column: 1}},
		"null":                {"null", policy.CodeType, policy.Position{Line: 1, Column: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := policy.Parse([]byte(c.content))
			for _, f := range findings {
				at := policy.Position{Line: f.Line, Column: f.Column}
				if f.Code == c.code && at == c.at {
					return
				}
			}
			t.Errorf("no finding %s at %v in %v", c.code, c.at, findings[:min(len(findings), 5)])
		})
	}
}

// TestFindingsAreBounded: a document full of faults gets a list that a person can read, and says so.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	_, findings := policy.Parse([]byte(head + "rules:\n" + strings.Repeat("- {}\n", 1000)))
	last := findings[len(findings)-1]
	if len(findings) != 201 || last.Code != policy.CodeTooManyFindings || !strings.HasPrefix(last.Message, "2800 more") {
		t.Errorf("%d findings, the last is %+v", len(findings), last)
	}
}

// TestLineEnds: a line ends where editors and YAML end it.
func TestLineEnds(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r"} {
		for name, content := range map[string]string{
			"YAML": strings.ReplaceAll(head+"targetType: 1\nrules: []\n", "\n", end),
			"JSON": strings.ReplaceAll("{\"apiVersion\": \"ringfence/v1\",\n\"kind\": \"TrustDomainPolicy\",\n\n\"é\": 1}", "\n", end),
			"BOM":  "\ufeff" + strings.ReplaceAll(head+"targetType: 1\nrules: []\n", "\n", end),
		} {
			_, findings := policy.Parse([]byte(content))
			shown := policy.Format(findings, "f", []byte(content))
			want := map[string]string{
				"YAML": "f:4:13: ERROR WRONG_TYPE: found a number (1), expected a string: quote it\n    4 | targetType: 1\n      |             ^\n",
				"JSON": "f:4:1: ERROR UNKNOWN_FIELD: ",
			}
			want["BOM"] = want["YAML"]
			if !strings.Contains(shown, want[name]) {
				t.Errorf("%s with %q: expected %q in:\n%s", name, end, want[name], shown)
			}
		}
	}
}

func TestFindingNamesRuleAndPlace(t *testing.T) {
	t.Parallel()
	_, findings := policy.Parse([]byte(head + "rules:\n- id: R/~1\n  kind: location\n  \"a/b~c\": 1\n  params: {countries: [GB, 7]}\n  rationale: r\n"))
	want := []placement.Finding{
		{
			Severity: "ERROR", Code: policy.CodeValueForm, RuleIDs: []string{"R/~1"}, Pointer: "/rules/0/id", Line: 5, Column: 7,
			Message: `found the string "R/~1", expected an id of at most 64 letters, digits, dots, hyphens and underscores, starting with a letter`,
		},
		{
			Severity: "ERROR", Code: policy.CodeUnknownField, RuleIDs: []string{"R/~1"}, Pointer: "/rules/0/a~1b~0c", Line: 7, Column: 3,
			Message: `unknown field "a/b~c": expected one of exceptPairs, host, id, kind, message, mode, object, onViolation, params, ` +
				`provenance, rationale, scope, strength, subject, waiver`,
		},
		{
			Severity: "ERROR", Code: policy.CodeType, RuleIDs: []string{"R/~1"}, Pointer: "/rules/0/params/countries/1", Line: 8, Column: 28,
			Message: "found a number (7), expected a string: quote it",
		},
	}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestDocumentKeepsWhatDoesNotDecide: what is not compiled can be read from the document, with its place.
func TestDocumentKeepsWhatDoesNotDecide(t *testing.T) {
	t.Parallel()
	doc, findings := policy.Parse([]byte(head + `rules:
- id: R1
  kind: separate-nf
  rationale: why
  provenance: [{document: D, clause: "1.2"}, {document: E}]
exceptions:
- {ruleId: R1, hosts: [h1], expiresAt: "2027-01-31T00:00:00Z", approvedBy: a, ticket: t}
tests:
- {name: one, given: {trustDomains: [], hosts: [{count: 2, share: 0.10, any: [h1, ~, true]}], demand: {}}, expect: {hosts: [h1]}}
`))
	if len(findings) != 0 {
		t.Fatalf("findings %v", findings)
	}
	if doc.PolicyVersion != "1" || doc.TargetType != policy.TargetCommon {
		t.Errorf("version %q, target %q", doc.PolicyVersion, doc.TargetType)
	}
	rule := doc.Rules[0]
	if rule.Pointer != "/rules/0" || rule.ID != "R1" || rule.Kind != policy.SeparateNF || rule.Rationale != "why" {
		t.Errorf("rule %+v", rule)
	}
	if diff := cmp.Diff([]policy.Provenance{{Document: "D", Clause: "1.2"}, {Document: "E"}}, rule.Provenance); diff != "" {
		t.Errorf("provenance (-want +got):\n%s", diff)
	}
	if doc.Exceptions[0].RuleID != "R1" || doc.Exceptions[0].Pointer != "/exceptions/0" {
		t.Errorf("exception %+v", doc.Exceptions[0])
	}
	want := []policy.Test{{
		Pointer: "/tests/0", Name: "one", Given: map[string]any{"trustDomains": []any{}, "demand": map[string]any{}, "hosts": []any{
			map[string]any{"count": json.Number("2"), "share": json.Number("0.10"), "any": []any{"h1", nil, true}},
		}},
		Expect: map[string]any{"hosts": []any{"h1"}},
	}}
	if diff := cmp.Diff(want, doc.Tests); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	for ptr, want := range map[string]policy.Position{
		"": {Line: 1, Column: 1}, "/rules/0/provenance/1/document": {Line: 8, Column: 57}, "/tests/0/given/hosts/0/any/2": {Line: 12, Column: 86},
		"/rules/1": {}, "/rules/x": {}, "/kind/0": {},
	} {
		if got := doc.Position(ptr); got != want {
			t.Errorf("%s stands at %v, not at %v", ptr, want, got)
		}
	}
}

func TestFormatWithoutPlace(t *testing.T) {
	t.Parallel()
	got := policy.Format([]placement.Finding{
		{Severity: "WARNING", Code: "A", Message: "m\x1b"},
		{Severity: "ERROR", Code: "B", Line: 9, Message: "n"},
		{Severity: "ERROR", Code: "C", Line: 1, Column: 40, Message: "o"},
		{Severity: "ERROR", Code: "D", Line: 1, Column: 3, Message: "p"},
	}, "a\nb", []byte("\tx"))
	want := fmt.Sprintf("a%cb: WARNING A: m%[1]c\na%[1]cb:9: ERROR B: n\na%[1]cb:1:40: ERROR C: o\n    1 | \tx\n"+
		"a%[1]cb:1:3: ERROR D: p\n    1 | \tx\n      | \t ^\n", '\ufffd')
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("format (-want +got):\n%s", diff)
	}
}
