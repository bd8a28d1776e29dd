package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	remote "ringfence/api/client"
	wire "ringfence/api/inventory"
	"ringfence/internal/packages"
	"ringfence/internal/policy"
	"ringfence/internal/vnfd"
)

const (
	packagesPath = "/inventory/v1/vnf_packages"
	typeBytes    = "application/octet-stream"
)

func newVNFD(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "vnfd", Short: "Onboard VNF packages and make VNF profiles of them",
		Long: `Onboard VNF packages (CSARs, SOL004) or single VNFDs (TOSCA, SOL001) and make VNF profiles of them.

A VNFD says what a VNF consists of, what that uses, in which sizes it comes and what of it goes together or apart. It cannot say
which trust domain it belongs to, nor which roles its components have: until somebody completes the draft it decides nothing.`,
	}, newVNFDLint(p), newVNFDOnboard(p), newVNFDList(p), newVNFDShow(p), newVNFDComplete(p), newVNFDDelete(p))
}

func newVNFDLint(p process) *cobra.Command {
	var valuesFile string
	cmd := &cobra.Command{
		Use: "lint FILE...", Short: "Check VNF packages and VNFDs without a service", Args: takes("FILE..."),
		Long: `Read VNF packages or VNFDs as the service would, without talking to it, and print what is found with file, line and column. An
ERROR would refuse the package (exit code 3), a WARNING says what would not be read. Helm charts in it are rendered without a cluster,
each in a process of its own that can open nothing, with the values of the chart and those of --values over them.`,
		Example: "  ringfence vnfd lint upf.csar\n  ringfence vnfd lint vnfd.yaml\n  ringfence vnfd lint upf.csar --values site.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := readValues(p, valuesFile)
			if err != nil {
				return err
			}
			charts := vnfd.Charts{Values: values, Render: func(c vnfd.Chart) (vnfd.Rendered, error) { return renderChart(cmd.Context(), c) }}
			wrong := false
			for _, name := range args {
				bad, err := lintPackage(p, name, charts)
				if err != nil {
					return err
				}
				wrong = wrong || bad
			}
			if wrong {
				return &exitError{exitRefused, errShown}
			}
			return nil
		},
	}
	addValues(cmd, &valuesFile)
	return cmd
}

func addValues(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "values", "", "a YAML file of values for the Helm charts of the package")
}

// readValues reads the values for charts; nil: none are given.
func readValues(p process, file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	values, err := readInput(p, file)
	if err == nil && len(values) > packages.MaxValuesBytes {
		err = fmt.Errorf("%s: the values of charts have at most %d bytes", printable(file), packages.MaxValuesBytes)
	}
	if err == nil {
		_, err = jsonOf(values)
	}
	return values, err
}

func lintPackage(p process, name string, charts vnfd.Charts) (wrong bool, err error) {
	file, size, err := input(p, name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	at, seekable := file.(io.ReaderAt)
	if !seekable || size < 0 {
		content, err := io.ReadAll(io.LimitReader(file, vnfd.MaxPackageBytes+1))
		if err != nil {
			return false, err
		}
		at, size = bytes.NewReader(content), int64(len(content))
	}
	draft, findings := vnfd.Read(at, size, filepath.Base(name), charts)
	for _, f := range findings {
		if _, err := fmt.Fprintln(p.stdout, f); err != nil {
			return false, err
		}
	}
	if draft == nil || vnfd.HasErrors(findings) {
		return true, nil
	}
	_, err = fmt.Fprintf(p.stdout, "%s: good, VNFD %s, %s, %s, %s\n", printable(name), printable(draft.VNFDID), counted(len(draft.Components), "component"),
		counted(len(draft.AffinityRules), "affinity rule"), counted(len(draft.Flavours), "flavour"))
	return false, err
}

func newVNFDOnboard(p process) *cobra.Command {
	var valuesFile string
	cmd := &cobra.Command{
		Use: "onboard FILE|-", Short: "Send a VNF package or a VNFD to the service", Args: takes("FILE|-"),
		Long: `Send a VNF package or a single VNFD. The service reads it, refuses it with all findings (exit code 3), or keeps it and makes a draft
of its VNF profile: see ringfence vnfd show, and ringfence vnfd complete. Helm charts in it are rendered without a cluster, for what
their containers use; --values sets what the charts leave to whoever installs them.`,
		Example: "  ringfence vnfd onboard upf.csar\n  ringfence vnfd onboard upf.csar --values site.yaml",
	}
	addValues(cmd, &valuesFile)
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		file, size, err := input(p, args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		values, err := readValues(p, valuesFile)
		if err != nil {
			return err
		}
		meter := newMeter(p.stderr, file, size)
		body, contentType, err := packageBody(meter, values)
		if err != nil {
			return err
		}
		got, err := c.do(ctx, call{Method: http.MethodPost, Path: packagesPath, ContentType: contentType, Stream: body, Patient: true}, nil)
		meter.stop()
		if e := asAPIError(err); e != nil && len(e.problem.Findings) > 0 {
			if out.machine() {
				return refusedDocument(p, out, err, args[0])
			}
			fmt.Fprint(p.stderr, policy.Format(e.findings(), args[0], nil))
			return &exitError{exitRefused, fmt.Errorf("%s is refused: %s", printable(args[0]), printable(e.problem.Detail))}
		}
		if err != nil {
			return err
		}
		return showPackage(p, out, got.Body)
	})
	return cmd
}

// packageBody is what is sent: the package, or with values a form of them and it.
func packageBody(content io.Reader, values []byte) (body io.Reader, contentType string, err error) {
	if values == nil {
		return content, typeBytes, nil
	}
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	part, err := form.CreateFormField("values")
	if err == nil {
		_, err = part.Write(values)
	}
	if err == nil {
		_, err = form.CreateFormFile("package", "package")
	}
	if err != nil {
		return nil, "", err
	}
	tail := strings.NewReader("\r\n--" + form.Boundary() + "--\r\n")
	return io.MultiReader(&head, content, tail), form.FormDataContentType(), nil
}

func showPackage(p process, out *form, raw json.RawMessage) error {
	var v wire.VNFPackage
	if err := json.Unmarshal(raw, &v); err != nil {
		return &exitError{exitServer, fmt.Errorf("the service answers with something else than its API says: %w", err)}
	}
	return writeList(p.stdout, out, []listed[wire.VNFPackage]{{raw: raw, value: v}}, packageID, packageTable(), packageRow(time.Now()))
}

func packageID(v *wire.VNFPackage) string { return v.ID }

func packageTable() table {
	return table{header: []string{"PACKAGE", "VNFD", "PROVIDER", "PRODUCT", "VERSION", "DRAFT", "AGE"}}
}

func packageRow(now time.Time) func(*wire.VNFPackage) []string {
	return func(v *wire.VNFPackage) []string {
		return []string{v.ID, v.VNFDID, orElse(v.Provider, none), orElse(v.ProductName, none), orElse(v.SoftwareVersion, none), string(v.DraftState), ago(now, v.OnboardedAt)}
	}
}

func newVNFDList(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the onboarded VNF packages", Args: takes(),
		Long: "List the VNF packages that are onboarded, and whether their drafts are completed.", Example: "  ringfence vnfd list",
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, _, err := list[wire.VNFPackage](ctx, c, packagesPath, nil, 0)
		if err != nil {
			return err
		}
		return writeList(p.stdout, out, entries, packageID, packageTable(), packageRow(time.Now()))
	})
	return cmd
}

// packageOf finds a package by its own id or by its VNFD.
func packageOf(ctx context.Context, c *client, name string) (string, error) {
	found, _, err := list[wire.VNFPackage](ctx, c, packagesPath, remote.Filter("vnfdId", name), 1)
	if err == nil && len(found) > 0 {
		return packagesPath + "/" + url.PathEscape(found[0].value.ID), nil
	}
	return packagesPath + "/" + url.PathEscape(name), err
}

func newVNFDShow(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show PACKAGE|VNFD", Short: "Show the draft of a VNF package", Args: takes("PACKAGE|VNFD"),
		Long:    "Show what the VNFD of a package says of its VNF profile, what is missing until it is one, and what was found in the package.",
		Example: "  ringfence vnfd show upf\n  ringfence vnfd show upf -o yaml",
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		path, err := packageOf(ctx, c, args[0])
		if err != nil {
			return err
		}
		var draft wire.VNFDDraft
		got, err := c.get(ctx, path+"/draft", nil, &draft)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		_, err = io.WriteString(p.stdout, draftText(&draft))
		return err
	})
	return cmd
}

// draftText is a draft for a person.
func draftText(d *wire.VNFDDraft) string {
	var b strings.Builder
	fmt.Fprintf(&b, "VNFD %s, package %s: %s\n", printable(d.VNFDID), printable(d.VNFPackageID), d.State)
	for i := range d.Components {
		c := &d.Components[i]
		fmt.Fprintf(&b, "  %s  %s  %d to %d instances", printable(c.ID), c.Kind, c.MinInstances, c.MaxInstances)
		if len(c.PartOf) > 0 {
			fmt.Fprintf(&b, "  part of %s", printable(strings.Join(c.PartOf, ", ")))
		}
		b.WriteString("\n")
		for _, img := range c.SoftwareImages {
			fmt.Fprintf(&b, "    image %s %s %s\n", printable(img.Name), printable(img.Version), printable(orElse(img.Digest, "without a digest")))
		}
	}
	if d.State == wire.DraftStateDRAFT {
		b.WriteString("To be completed:\n")
		for _, m := range d.Missing {
			fmt.Fprintf(&b, "  %s: %s\n", printable(m.Pointer), printable(m.Reason))
		}
	}
	for _, f := range d.Findings {
		fmt.Fprintln(&b, vnfd.Finding{Severity: vnfd.Severity(f.Severity), Code: f.Code, File: f.File, Line: f.Line, Column: f.Column, Message: f.Message})
	}
	return b.String()
}

func newVNFDComplete(p process) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "complete PACKAGE|VNFD FILE|-", Short: "Complete a draft and make it the VNF profile", Args: takes("PACKAGE|VNFD", "FILE|-"),
		Long: `Add to a draft what no VNFD says, and make it the VNF profile. The document, YAML or JSON, has nfType, trustDomainId and components: for each
component what is to be added, its roles at least. From the first activation of a policy on it takes a second person (exit code 4).`,
		Example: `  ringfence vnfd complete upf completion.yaml
  echo '{nfType: UPF, trustDomainId: TD-UP, components: {upf-u: {roles: [USER_HANDLING]}}}' | ringfence vnfd complete upf -`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the second person if it takes one")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		content, err := readInput(p, args[1])
		if err != nil {
			return err
		}
		body, err := jsonOf(content)
		if err != nil {
			return fmt.Errorf("%s: %w", printable(args[1]), err)
		}
		path, err := packageOf(ctx, c, args[0])
		if err != nil {
			return err
		}
		got, err := c.do(ctx, call{Method: http.MethodPost, Path: path + "/profile", Content: body, ContentType: typeJSON, Header: remote.Write{Reason: reason}.Header()}, nil)
		switch {
		case err != nil:
			return err
		case got.Status == http.StatusAccepted:
			return waits(p, out, got.Body)
		case out.machine():
			return out.writeObject(p.stdout, got.Body)
		}
		_, err = fmt.Fprintf(p.stdout, "%s has its VNF profile\n", printable(args[0]))
		return err
	})
	return cmd
}

// jsonOf is the JSON of a document in YAML or JSON.
func jsonOf(content []byte) ([]byte, error) {
	var v map[string]any
	if err := yaml.Unmarshal(content, &v); err != nil {
		return nil, fmt.Errorf("no document in YAML or JSON: %w", err)
	}
	return json.Marshal(v)
}

func newVNFDDelete(p process) *cobra.Command {
	return &cobra.Command{
		Use: "delete PACKAGE|VNFD", Short: "Delete a VNF package", Args: takes("PACKAGE|VNFD"),
		Long: "Delete a VNF package with its draft. The VNF profile that was made of it stays.", Example: "  ringfence vnfd delete upf",
		RunE: withClient(p, func(ctx context.Context, c *client, args []string) error {
			path, err := packageOf(ctx, c, args[0])
			if err != nil {
				return err
			}
			_, err = c.do(ctx, call{Method: http.MethodDelete, Path: path}, nil)
			return err
		}),
	}
}
