package policy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ringfence/internal/placement"
)

// TestSchemaVocabulary compares the enumerations of the schema with those of the domain types.
func TestSchemaVocabulary(t *testing.T) {
	t.Parallel()
	schema, err := loadSchema()
	if err != nil {
		t.Fatal(err)
	}
	kinds := names(Kinds())
	categories := names(placement.Categories())
	var modes []string
	for m := placement.CacheShared; m <= placement.CacheNoStore; m++ {
		modes = append(modes, m.String())
	}
	for at, want := range map[string][]string{
		"/$defs/rule/properties/kind": kinds,
		"/$defs/category":             categories,
		"/$defs/role":                 (^placement.Roles(0)).Names(),
		"/$defs/capability":           (^placement.Capabilities(0)).Names(),
		"/$defs/params-forbid-cut-through/properties/allow/items":  (^placement.CutThroughs(0)).Names(),
		"/$defs/params-forbid-privileged/properties/allow/items":   (^placement.Privileges(0)).Names(),
		"/$defs/params-forbid-acceleration/properties/kinds/items": (^placement.Accelerations(0)).Names(),
		"/$defs/params-cache-mode/properties/mode":                 modes,
	} {
		values, _ := lookup(schema.text, "#"+at)["enum"].([]any)
		if diff := cmp.Diff(want, words(values)); diff != "" {
			t.Errorf("%s (-domain +schema):\n%s", at, diff)
		}
	}
	if from := lookup(schema.text, "#/$defs/sensitivity")["maximum"]; plain(from) != fmt.Sprint(placement.MaxSensitivity) {
		t.Errorf("the highest sensitivity of the schema is %v, of the domain %d", from, placement.MaxSensitivity)
	}
}

func names[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// TestSchemaStandsAlone compiles what Schema gives out without our formats, as an editor does, and checks a
// document with it.
func TestSchemaStandsAlone(t *testing.T) {
	t.Parallel()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	document := func(rule string) any {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(
			`{"apiVersion": "ringfence/v1", "kind": "TrustDomainPolicy", "policyVersion": "1", "rules": [` + rule + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := schema.Validate(document(`{"id": "R1", "kind": "domain-permit", "rationale": "r"}`)); err != nil {
		t.Errorf("a good document is refused: %v", err)
	}
	if schema.Validate(document(`{"id": "R1", "kind": "domain-permit"}`)) == nil {
		t.Error("a rule without rationale is taken")
	}
}

// TestEveryKindIsClosed shows for every kind that the schema knows what belongs to it: nothing foreign is taken.
func TestEveryKindIsClosed(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		rule := fmt.Sprintf(`{id: R1, kind: %s, params: {check: X, foreign: 1}, scope: CIS_CLUSTER, rationale: r, alien: 1}`, k)
		codes := map[string]bool{}
		_, findings := Parse([]byte("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: '1'\nrules: [" + rule + "]\n"))
		for _, f := range findings {
			codes[f.Code] = true
		}
		// The scopes of kinds with checks depend on the check, which is wrong here.
		if !codes[CodeUnknownParam] || !codes[CodeUnknownField] || !codes[CodeScopeNotSupported] && k != Oversight && k != MaxBlastRadius {
			t.Errorf("%s: codes %v", k, codes)
		}
	}
}

func TestReservedRuleIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		placement.RuleNoPolicy, placement.RuleUnknown, placement.RuleTimeout, placement.RuleLifecycle, placement.RuleDedicated,
		placement.RuleCapacity, placement.RuleCacheDefault, placement.RuleConstraint(0), placement.RuleVIM(17),
	} {
		_, findings := Parse(fmt.Appendf(nil, `{"apiVersion": "ringfence/v1", "kind": "TrustDomainPolicy", "policyVersion": "1",
			"rules": [{"id": %q, "kind": "domain-permit", "rationale": "r"}]}`, id))
		if len(findings) != 1 || findings[0].Code != CodeRuleIDReserved {
			t.Errorf("%s: findings %v", id, findings)
		}
	}
}
