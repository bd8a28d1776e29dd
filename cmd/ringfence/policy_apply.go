package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ringfence/api/common"
	wire "ringfence/api/nfvpolicy"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// The media types of policy documents.
const (
	typePolicyYAML = "application/vnd.ringfence.policy+yaml"
	typePolicyJSON = "application/vnd.ringfence.policy+json"
)

func newPolicyLint(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "lint FILE...|-", Short: "Check policy documents without a service", Args: takes("FILE...|-"),
		Long: `Check policy documents as the service would when they are transferred, without talking to it. What is found is
printed as compilers do, with file, line and column. An ERROR refuses a document (exit code 3), a WARNING does not.

With --inventory the document is analysed against a fleet too: rules that contradict or cover each other, names that nobody
has declared, and trust domains and components that no host is left for.`,
		Example: `  ringfence policy lint policy.yaml
  ringfence policy lint policy.yaml --inventory fleet.yaml
  git diff --name-only -- '*.yaml' | xargs ringfence policy lint`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	inventory := cmd.Flags().String("inventory", "", "inventory document to analyse against, as import takes it")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		against, err := survey(p, *inventory)
		if err != nil {
			return err
		}
		wrong := false
		var all []common.Finding
		for _, name := range args {
			content, err := readInput(p, name)
			if err != nil {
				return err
			}
			compiled, findings, err := against.lint(content)
			if err != nil {
				return err
			}
			wrong = wrong || compiled == nil
			if out.machine() {
				for _, f := range findings {
					all = append(all, findingToWire(f))
				}
				continue
			}
			if err := showLint(p, name, content, compiled, findings); err != nil {
				return err
			}
		}
		return endLint(p, out, all, wrong)
	}
	return cmd
}

// showLint prints what was found in one document, or that it is good.
func showLint(p process, name string, content []byte, compiled *policy.Policy, findings []placement.Finding) error {
	if name == "-" {
		name = "(standard input)"
	}
	if _, err := fmt.Fprint(p.stdout, policy.Format(findings, name, content)); err != nil || compiled == nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s: good, %s\n", printable(name), counted(len(compiled.Rules), "rule"))
	return err
}

func endLint(p process, out *form, all []common.Finding, wrong bool) error {
	if out.machine() {
		raw, err := json.Marshal(append([]common.Finding{}, all...))
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		if err := out.writeObject(p.stdout, raw); err != nil {
			return err
		}
	}
	if wrong {
		return &exitError{exitRefused, errShown}
	}
	return nil
}

// application is what policy apply is told beside the document.
type application struct {
	name     string
	designer string
	activate bool
}

func newPolicyApply(p process) *cobra.Command {
	var a application
	cmd := &cobra.Command{
		Use: "apply FILE|-", Short: "Transfer a policy document, and put it in force with --activate", Args: takes("FILE|-"),
		Long: `Transfer a policy document as a version of the policy with a name, which is created if there is none. The version is
the policyVersion of the document. A version is written once: applying the same document again changes nothing,
another document needs another policyVersion.

Without --activate nothing changes for decisions. With it the version is selected and put in force in one step.

A document with errors is not sent; they are shown like a compiler's (exit code 3).`,
		Example: `  ringfence policy apply policy.yaml --name core-separation
  ringfence policy apply policy.yaml --name core-separation --activate`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&a.name, "name", "", "name or id of the policy (default: the file's name without its ending)")
	cmd.Flags().StringVar(&a.designer, "designer", "ringfence command line", "who designed the policy, if it is created")
	cmd.Flags().BoolVar(&a.activate, "activate", false, "put the version in force")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if a.name == "" && args[0] == "-" {
			return fmt.Errorf("a document from standard input has no name; give the policy one with --name")
		}
		if a.name == "" {
			a.name = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
		}
		content, err := readInput(p, args[0])
		if err != nil {
			return err
		}
		version, findings := versionOf(content)
		writeFindings(p.stderr, findings, args[0])
		if policy.HasErrors(findings) {
			return &exitError{exitRefused, fmt.Errorf("%s was not sent", printable(args[0]))}
		}
		v, err := a.apply(ctx, p, c, version, content, func(id string) { warn(ctx, p, c, id, version, args[0], findings) })
		if err != nil {
			return refusedDocument(p, out, err, args[0])
		}
		return showPolicy(ctx, p, c, out, v.ID)
	})
	return cmd
}

// versionOf is the version that a document says it is, and what is to be said against it.
func versionOf(content []byte) (string, []placement.Finding) {
	doc, findings := policy.Parse(content)
	if policy.HasErrors(findings) {
		return "", findings
	}
	_, more := policy.Compile(doc, placement.PolicyRef{}, nil)
	return doc.PolicyVersion, append(findings, more...)
}

// apply creates the policy if there is none, transfers the version if it is not there, and activates it if asked to.
func (a application) apply(ctx context.Context, p process, c *client, version string, content []byte, transferred func(policyID string)) (
	wire.Policy, error,
) {
	v, err := a.findOrCreate(ctx, c)
	if err != nil {
		return v, err
	}
	if err := transfer(ctx, p, c, &v, version, content); err != nil {
		return v, err
	}
	transferred(v.ID)
	if !a.activate {
		return v, nil
	}
	if _, err := c.get(ctx, policyPath(v.ID), nil, &v); err != nil { // the transfer may have selected it
		return v, err
	}
	return v, activatePolicy(ctx, p, c, &v, version, "")
}

func (a application) findOrCreate(ctx context.Context, c *client) (wire.Policy, error) {
	named, err := policiesNamed(ctx, c, a.name)
	switch {
	case err != nil:
		return wire.Policy{}, err
	case len(named) == 1:
		return named[0].value, nil
	case len(named) > 1:
		return wire.Policy{}, ambiguous(a.name, named)
	}
	var v wire.Policy
	_, err = c.send(ctx, policiesPath, wire.CreatePolicyRequest{Name: a.name, Designer: a.designer}, &v)
	return v, err
}

// transfer writes the version, unless the same bytes are there already.
func transfer(ctx context.Context, p process, c *client, v *wire.Policy, version string, content []byte) error {
	path := versionPath(v.ID, version)
	contentType := typePolicyYAML
	if json.Valid(content) {
		contentType = typePolicyJSON
	}
	_, err := c.do(ctx, call{Method: http.MethodPut, Path: path, ContentType: contentType, Content: content}, nil)
	if e := asAPIError(err); e == nil || e.problem.Status != http.StatusConflict {
		return err
	}
	present, readErr := c.do(ctx, call{Method: http.MethodGet, Path: path, Accept: "*/*"}, nil)
	if readErr != nil {
		return err
	}
	if !bytes.Equal(present.Body, content) {
		return &exitError{exitServer, fmt.Errorf("version %s of policy %s is another document already; versions are written once, so give this one another policyVersion",
			version, v.Name)}
	}
	fmt.Fprintf(p.stderr, "version %s is there already, just so\n", printable(version))
	return nil
}
