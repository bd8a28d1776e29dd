package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/nfvpolicy"
)

const policiesPath = "/nfvpolicy/v1/policies"

func newPolicy(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "policy", Short: "Check, transfer and activate policies",
		Long: `Check, transfer and activate trust-domain policies.

A policy has versions, each a document that is transferred once and never changes. One version is selected; it
decides while the policy is in force. Nothing is placed while no policy is in force.`,
	}, newPolicyLint(p), newPolicyTest(p), newPolicyApply(p), newPolicyActivate(p), newPolicyList(p), newPolicyShow(p),
		newPolicyAnalysis(p), newPolicyDiff(p), newPolicySchema(p))
}

func newPolicyList(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the policies", Args: takes(),
		Long:    "List the policies in the order of their creation.",
		Example: "  ringfence policy list",
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, _, err := list[wire.Policy](ctx, c, policiesPath, nil, 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"NAME", "IN FORCE", "VERSION", "ID"}}
		if out.value == formWide {
			t.header = append(t.header, "VERSIONS", "DESIGNER", "ASSOCIATIONS")
		}
		return writeList(p.stdout, out, entries, func(v *wire.Policy) string { return v.ID }, t, func(v *wire.Policy) []string {
			row := []string{v.Name, yesNo(inForce(v)), v.SelectedVersion, v.ID}
			if out.value == formWide {
				row = append(row, strings.Join(v.Versions, ","), v.Designer, strings.Join(v.Associations, ","))
			}
			return row
		})
	})
	return cmd
}

func newPolicyShow(p process) *cobra.Command {
	var content bool
	cmd := &cobra.Command{
		Use: "show NAME|ID [VERSION]", Short: "Show a policy, or the document of a version", Args: takes("NAME|ID", "[VERSION]"),
		Long: `Show what is known about a policy. With --content, write the document of a version, of the selected one if none
is named, byte for byte as it was transferred.`,
		Example: `  ringfence policy show core-separation
  ringfence policy show core-separation 1.0.0 --content > policy.yaml`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().BoolVar(&content, "content", false, "write the document instead")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		found, err := findPolicy(ctx, c, args[0])
		if err != nil {
			return err
		}
		if content || len(args) == 2 {
			return writePolicyContent(ctx, p, c, &found.value, args[1:])
		}
		if out.machine() {
			return out.writeObject(p.stdout, found.raw)
		}
		_, err = fmt.Fprint(p.stdout, policyText(&found.value))
		return err
	})
	return cmd
}

// writePolicyContent writes the document of the version named, or of the selected one.
func writePolicyContent(ctx context.Context, p process, c *client, v *wire.Policy, version []string) error {
	path := policyPath(v.ID) + "/selected_versions"
	if len(version) == 1 {
		path = versionPath(v.ID, version[0])
	}
	got, err := c.do(ctx, call{Method: http.MethodGet, Path: path, Accept: "*/*"}, nil)
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(got.Body)
	return err
}

func newPolicyActivate(p process) *cobra.Command {
	var breakGlass string
	cmd := &cobra.Command{
		Use: "activate NAME|ID [VERSION]", Short: "Put a version of a policy in force", Args: takes("NAME|ID", "[VERSION]"),
		Long: `Put a version of a policy in force, the selected one if none is named. From the moment this returns every decision
uses it. The way back is the same command with the version from before.

Who transferred a version cannot put it in force; that takes a second person. In an emergency --break-glass does it
alone: the reason is recorded, and a second person confirms it in time by activating the same version again.`,
		Example: `  ringfence policy activate core-separation 1.1.0
  ringfence policy activate core-separation 1.0.0   # back again
  ringfence policy activate core-separation 1.1.1 --break-glass "INC-4711: emergency calls are refused"`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&breakGlass, "break-glass", "", "why the author of the version puts it in force alone, in an emergency")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		found, err := findPolicy(ctx, c, args[0])
		if err != nil {
			return err
		}
		version := found.value.SelectedVersion
		if len(args) == 2 {
			version = args[1]
		}
		if version == "" {
			return fmt.Errorf("policy %s has no version yet: transfer one with ringfence policy apply FILE --name %s", found.value.Name, found.value.Name)
		}
		if err := activatePolicy(ctx, p, c, &found.value, version, breakGlass); err != nil {
			return err
		}
		return showPolicy(ctx, p, c, out, found.value.ID)
	})
	return cmd
}

// activatePolicy selects a version and puts it in force, in one step. Nothing is sent when it is in force already, unless
// that has yet to be confirmed.
func activatePolicy(ctx context.Context, p process, c *client, v *wire.Policy, version, breakGlass string) error {
	var m wire.PolicyModifications
	if v.SelectedVersion != version || v.BreakGlass.By != "" {
		m.SelectedVersion = version
	}
	if !inForce(v) { // the standard has it that one that is in force cannot be activated
		m.ActivationStatus = wire.ActivationStatusACTIVATED
	}
	if m.SelectedVersion == "" && m.ActivationStatus == "" {
		return nil
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	got, err := c.do(ctx, call{
		Method: http.MethodPatch, Path: policyPath(v.ID), Content: body, ContentType: typeMergePatch, Header: remote.Write{BreakGlass: breakGlass}.Header(),
	}, nil)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(got.Header.Get("Ringfence-Evictions")); err == nil && n > 0 {
		fmt.Fprintf(p.stderr, "%d of what runs now is evicted, because it does not meet a rule that says onViolation: EVICT; ringfence violation list shows how far that is\n", n)
	}
	return nil
}

// showPolicy shows a policy as it is now.
func showPolicy(ctx context.Context, p process, c *client, out *form, id string) error {
	var v wire.Policy
	got, err := c.get(ctx, policyPath(id), nil, &v)
	if err != nil {
		return err
	}
	if out.machine() {
		return out.writeObject(p.stdout, got.Body)
	}
	_, err = fmt.Fprint(p.stdout, policyText(&v))
	return err
}

// policyText is a policy for a person.
func policyText(v *wire.Policy) string {
	var b strings.Builder
	fmt.Fprintf(&b, "policy     %s (%s)\n", printable(v.Name), printable(v.ID))
	fmt.Fprintf(&b, "designer   %s\n", printable(v.Designer))
	fmt.Fprintf(&b, "versions   %s\n", orElse(printable(strings.Join(v.Versions, ", ")), none))
	fmt.Fprintf(&b, "selected   %s\n", orElse(printable(v.SelectedVersion), none))
	fmt.Fprintf(&b, "in force   %s\n", yesNo(inForce(v)))
	if len(v.Associations) > 0 {
		fmt.Fprintf(&b, "only for   %s\n", printable(strings.Join(v.Associations, ", ")))
	}
	if g := v.BreakGlass; g.By != "" {
		fmt.Fprintf(&b, "alone      %s put it in force alone, which somebody else has to confirm until %s: %s\n",
			printable(g.By), g.Until.Format(time.RFC3339), printable(g.Reason))
	}
	return b.String()
}

// findPolicy is the policy with an id or, failing that, the only one with a name.
func findPolicy(ctx context.Context, c *client, ref string) (listed[wire.Policy], error) {
	named, err := policiesNamed(ctx, c, ref)
	if err != nil {
		return listed[wire.Policy]{}, err
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return listed[wire.Policy]{}, &exitError{exitServer, fmt.Errorf("there is no policy with the id or name %q; ringfence policy list shows them", ref)}
	}
	return listed[wire.Policy]{}, ambiguous(ref, named)
}

func ambiguous(name string, named []listed[wire.Policy]) error {
	var ids []string
	for i := range named {
		ids = append(ids, named[i].value.ID)
	}
	return fmt.Errorf("%d policies are named %q; say which one by its id: %s", len(named), name, strings.Join(ids, ", "))
}

// policiesNamed are the policy with that id, or all with that name.
func policiesNamed(ctx context.Context, c *client, ref string) ([]listed[wire.Policy], error) {
	all, _, err := list[wire.Policy](ctx, c, policiesPath, nil, 0)
	if err != nil {
		return nil, err
	}
	var named []listed[wire.Policy]
	for _, e := range all {
		if e.value.ID == ref {
			return []listed[wire.Policy]{e}, nil
		}
		if e.value.Name == ref {
			named = append(named, e)
		}
	}
	return named, nil
}

func policyPath(id string) string { return policiesPath + "/" + url.PathEscape(id) }

func versionPath(id, version string) string {
	return policyPath(id) + "/versions/" + url.PathEscape(version)
}

func inForce(v *wire.Policy) bool { return v.ActivationStatus == wire.ActivationStatusACTIVATED }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
