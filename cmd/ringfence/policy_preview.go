package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ringfence/api/common"
	wire "ringfence/api/placement"
	"ringfence/internal/fleet"
	"ringfence/internal/httpapi"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/policy"
)

func newPolicySchema(p process) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of policy documents", Args: takes(),
		Long: `Print the JSON Schema of policy documents, for editors that check and complete while one writes. Most look for it in
the first line of a document: # yaml-language-server: $schema=policy.schema.json`,
		Example: "  ringfence policy schema > policy.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := p.stdout.Write(policies.Schema())
			return err
		},
	}
}

func newPolicyAnalysis(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "analysis NAME|ID [VERSION]", Short: "Show what a version would do before it is in force", Args: takes("NAME|ID", "[VERSION]"),
		Long: `Show what the analysis of a version finds, and what would become of the inventory as it is now if the version, the
selected one if none is named, were in force: the hosts of each trust domain and component before and after, and what runs
that would break a rule. Nothing is changed.`,
		Example: `  ringfence policy analysis core-separation 1.1.0
  ringfence policy analysis core-separation 1.1.0 -o json | jq '.impact.residencies.listed'`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		a, raw, err := analysisOf(ctx, c, args, "")
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, raw)
		}
		return writeAnalysis(p.stdout, a)
	})
	return cmd
}

func newPolicyDiff(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff NAME|ID OLD NEW", Short: "Show what became of each rule between two versions", Args: takes("NAME|ID", "OLD", "NEW"),
		Long: `Show which rules of a policy are stricter and which looser in the newer version, by what they mean and not by how they are
written. Rules are matched by their id. STRICTER and LOOSER are certain; OTHER says that neither is.`,
		Example: "  ringfence policy diff core-separation 1.0.0 1.1.0",
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		a, _, err := analysisOf(ctx, c, []string{args[0], args[2]}, args[1])
		if err != nil {
			return err
		}
		if !out.machine() {
			return writeChanges(p.stdout, a)
		}
		raw, err := json.Marshal(append([]wire.RuleChange{}, a.Changes...))
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return out.writeObject(p.stdout, raw)
	})
	return cmd
}

// analysisOf asks for the analysis of a version; args are the policy and, if any, the version.
func analysisOf(ctx context.Context, c *client, args []string, compareTo string) (*wire.PolicyAnalysis, json.RawMessage, error) {
	found, err := findPolicy(ctx, c, args[0])
	if err != nil {
		return nil, nil, err
	}
	version := found.value.SelectedVersion
	if len(args) > 1 {
		version = args[1]
	}
	if version == "" {
		return nil, nil, fmt.Errorf("policy %s has no version yet: transfer one with ringfence policy apply FILE --name %s", found.value.Name, found.value.Name)
	}
	query := url.Values{}
	if compareTo != "" {
		query.Set("compareTo", compareTo)
	}
	var a wire.PolicyAnalysis
	path := "/placement/v1/policies/" + url.PathEscape(found.value.ID) + "/versions/" + url.PathEscape(version) + "/analysis"
	got, err := c.do(ctx, call{Method: http.MethodGet, Path: path, Query: query, Patient: true}, &a)
	return &a, got.Body, err
}

// writeAnalysis shows an analysis to a person.
func writeAnalysis(w io.Writer, a *wire.PolicyAnalysis) error {
	var b bytes.Buffer
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "%s %s: %s%s\n", f.Severity, f.Code, printable(f.Message), lineOf(f))
	}
	if len(a.Findings) == 0 {
		fmt.Fprintf(&b, "The analysis finds nothing.\n")
	}
	writeImpact(&b, &a.Impact)
	if a.ComparedTo != "" {
		b.WriteByte('\n')
		_ = writeChanges(&b, a)
	}
	_, err := b.WriteTo(w)
	return err
}

func lineOf(f common.Finding) string {
	if f.Line == 0 {
		if len(f.RuleIDs) > 0 {
			return " (" + printable(strings.Join(f.RuleIDs, ", ")) + ")"
		}
		return ""
	}
	return fmt.Sprintf(" (line %d)", f.Line)
}

// writeImpact shows where hosts are won and lost, and what would break a rule.
func writeImpact(b *bytes.Buffer, i *wire.PolicyImpact) {
	domains := table{header: []string{"TRUST DOMAIN", "HOSTS NOW", "THEN"}}
	for _, d := range i.TrustDomains {
		domains.add(d.TrustDomainID, fmt.Sprint(d.Eligible.Before), fmt.Sprint(d.Eligible.After))
	}
	components := table{header: []string{"VNFD", "COMPONENT", "TRUST DOMAIN", "HOSTS NOW", "THEN", "FREE NOW", "THEN", "NEAREST MISS"}}
	for _, c := range i.Components {
		if c.Eligible.Before == c.Eligible.After && c.Free.Before == c.Free.After && c.Eligible.After > 0 {
			continue // nothing to see
		}
		components.add(c.VNFDID, c.ComponentID, c.TrustDomainID, fmt.Sprint(c.Eligible.Before), fmt.Sprint(c.Eligible.After),
			fmt.Sprint(c.Free.Before), fmt.Sprint(c.Free.After), missText(&c.NearestMiss))
	}
	for _, t := range []*table{&domains, &components} {
		if len(t.rows) > 0 {
			b.WriteByte('\n')
			_ = t.write(b)
		}
	}
	if i.ComponentsLeftOut > 0 {
		fmt.Fprintf(b, "... and %d more components\n", i.ComponentsLeftOut)
	}
	r := &i.Residencies
	fmt.Fprintf(b, "\nOf %d residencies %d break a rule now, %d would then: %d new violations, %d resolved.\n",
		r.Checked, r.Violating.Before, r.Violating.After, r.New, r.Resolved)
	if r.Evicted > 0 {
		fmt.Fprintf(b, "%d would be evicted.\n", r.Evicted)
	}
	if len(r.Listed) > 0 {
		t := table{header: []string{"RULE", "HOST", "RESIDENCY", "WHY"}}
		for _, v := range r.Listed[:min(len(r.Listed), mostShown)] {
			t.add(v.Reason.RuleID, v.HostID, v.ResidencyID, withoutRule(v.Reason.Message, v.Reason.RuleID))
		}
		_ = t.write(b)
		if n := r.New - min(len(r.Listed), mostShown); n > 0 {
			fmt.Fprintf(b, "... and %d more\n", n)
		}
	}
}

func missText(m *wire.RejectedHost) string {
	if m.HostID == "" {
		return "-"
	}
	var rules []string
	for _, r := range m.Reasons {
		rules = append(rules, r.RuleID)
	}
	return m.HostID + ": " + strings.Join(rules, ", ")
}

// writeChanges shows what became of the rules.
func writeChanges(w io.Writer, a *wire.PolicyAnalysis) error {
	if len(a.Changes) == 0 {
		_, err := fmt.Fprintf(w, "No rule differs between %s and %s.\n", printable(a.ComparedTo), printable(a.Version))
		return err
	}
	t := table{header: []string{"RULE", "IS", "WHAT"}}
	for _, c := range a.Changes {
		t.add(c.RuleID, string(c.Direction), c.Message)
	}
	return t.write(w)
}

// surveyed is an inventory that documents are linted against.
type surveyed struct {
	view *fleet.View
	now  time.Time
}

// survey reads the inventory document that --inventory names.
func survey(p process, name string) (*surveyed, error) {
	if name == "" {
		return nil, nil
	}
	content, err := readInput(p, name)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	inv, findings, err := httpapi.ReadInventory(content, now)
	if err != nil {
		return nil, err
	}
	if policy.HasErrors(findings) {
		writeFindings(p.stderr, findings, name)
		return nil, &exitError{exitRefused, fmt.Errorf("%s is no inventory to lint against", printable(name))}
	}
	view, err := fleet.Of(inv, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &surveyed{view, now}, nil
}

// lint is what there is to say of a document: as it stands, or where there is an inventory, also against that.
func (s *surveyed) lint(content []byte) (*policy.Policy, []placement.Finding, error) {
	compiled, findings := policy.Load(content, placement.PolicyRef{}, nil)
	if s == nil || compiled == nil {
		return compiled, findings, nil
	}
	a, err := policies.Preview(s.view, s.now, 0, placement.ActivePolicy{Content: content}, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	if policy.HasErrors(a.Findings) {
		compiled = nil
	}
	return compiled, a.Findings, nil
}

// warn shows what the service finds about a version that was just transferred, beside what was shown already: it does not stand in
// the way. A service that has no analysis shows nothing.
func warn(ctx context.Context, p process, c *client, policyID, version, name string, shown []placement.Finding) {
	var a wire.PolicyAnalysis
	path := "/placement/v1/policies/" + url.PathEscape(policyID) + "/versions/" + url.PathEscape(version) + "/analysis"
	if _, err := c.do(ctx, call{Method: http.MethodGet, Path: path, Patient: true}, &a); err != nil {
		if e := asAPIError(err); e == nil || e.problem.Status != http.StatusNotFound {
			fmt.Fprintf(p.stderr, "what the analysis finds could not be read: %v\n", err)
		}
		return
	}
	var findings []placement.Finding
	for _, f := range a.Findings {
		if slices.ContainsFunc(shown, func(o placement.Finding) bool {
			return o.Code == f.Code && o.Pointer == f.Pointer && o.Message == f.Message
		}) {
			continue
		}
		findings = append(findings, placement.Finding{
			Severity: string(f.Severity), Code: f.Code, RuleIDs: f.RuleIDs, Pointer: f.Pointer, Line: f.Line, Column: f.Column, Message: f.Message,
		})
	}
	writeFindings(p.stderr, findings, name)
}
