package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	"ringfence/api/inventory"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

const (
	importPath = "/inventory/v1/imports"
	exportPath = "/inventory/v1/export"

	formRingfence = "ringfence"
	formOpenStack = "openstack"
	// mostExcerpt is the size of a document up to which findings show the line that they are about.
	mostExcerpt = 64 << 20
)

func newImport(p process) *cobra.Command {
	var out *form
	var reason string
	cmd := &cobra.Command{
		Use: "import FILE|-", Short: "Load a fleet from an inventory document", Args: takes("FILE|-"),
		Long: `Load trust domains, hosts, VNF profiles and the like from one inventory document, YAML or JSON.

The service checks the whole document before it applies anything: one fault refuses it all, and every fault
is shown with its place (exit code 3). Then each entry is created or replaced by its key; what the document
does not mention stays. If the connection breaks, import the same document again: that completes the work.

From the first activation of a policy on, a document that changes what security rests on, such as the sensitivity of a
trust domain, is not applied but waits as a whole for a second person (exit code 4): see ringfence change.`,
		Example: `  ringfence import deployments/reference/deployment.yaml
  zcat fleet.json.gz | ringfence import -`,
	}
	out = addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the second person if it takes one")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		result, got, err := importDocument(ctx, p, c, args[0], reason)
		if err != nil {
			return refusedDocument(p, out, err, args[0])
		}
		if got.Status == http.StatusAccepted {
			return waits(p, out, got.Body)
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		return importTable(result).write(p.stdout)
	})
	return cmd
}

// importDocument sends a document, showing on a terminal how far it is.
func importDocument(ctx context.Context, p process, c *client, name, reason string) (inventory.ImportResult, remote.Response, error) {
	var result inventory.ImportResult
	file, size, err := input(p, name)
	if err != nil {
		return result, remote.Response{}, err
	}
	defer file.Close()
	body := bufio.NewReaderSize(file, 1<<20)
	meter := newMeter(p.stderr, body, size)
	got, err := c.do(ctx, call{
		Method: http.MethodPost, Path: importPath, ContentType: documentType(name, body), Stream: meter, Header: remote.Write{Reason: reason}.Header(), Patient: true,
	}, &result)
	meter.stop()
	return result, got, err
}

// documentType is the media type of an inventory document: by its name, or by how it begins.
func documentType(name string, r *bufio.Reader) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return typeJSON
	case ".yaml", ".yml":
		return typeYAML
	}
	head, _ := r.Peek(512)
	if strings.HasPrefix(strings.TrimLeftFunc(string(head), unicode.IsSpace), "{") {
		return typeJSON
	}
	return typeYAML
}

// importTable counts what an import did, list by list.
func importTable(result inventory.ImportResult) *table {
	t := &table{header: []string{"LIST", "CREATED", "UPDATED", "UNCHANGED"}}
	for _, name := range slices.Sorted(maps.Keys(result.Counts)) {
		n := result.Counts[name]
		if n.Created+n.Updated+n.Unchanged > 0 {
			t.add(name, fmt.Sprint(n.Created), fmt.Sprint(n.Updated), fmt.Sprint(n.Unchanged))
		}
	}
	return t
}

// refusedDocument shows the findings against a document that was sent, like a compiler. Any other error is returned as
// it is.
func refusedDocument(p process, out *form, err error, name string) error {
	e := asAPIError(err)
	if e == nil || len(e.problem.Findings) == 0 {
		return err
	}
	if out.machine() {
		if err := out.writeObject(p.stdout, e.problem.Document); err != nil {
			return err
		}
		return &exitError{exitRefused, errShown}
	}
	writeFindings(p.stderr, e.findings(), name)
	return &exitError{exitRefused, fmt.Errorf("%s is refused: %s", printable(name), printable(e.problem.Detail))}
}

// writeFindings shows the first findings, with the lines of the document that they are about.
func writeFindings(w io.Writer, findings []placement.Finding, name string) {
	var content []byte
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Size() <= mostExcerpt {
		content, _ = os.ReadFile(name)
	}
	if name == "-" {
		name = "(standard input)"
	}
	shown := findings[:min(len(findings), mostShown)]
	fmt.Fprint(w, policy.Format(shown, name, content))
	if n := len(findings) - len(shown); n > 0 {
		fmt.Fprintf(w, "... and %d more; -o json shows all\n", n)
	}
}

func newExport(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "export", Short: "Write the inventory as one document", Args: takes(),
		Long: `Write the whole inventory, as of one moment, to standard output, as the document that import takes.

Two exports of the same inventory are equal byte for byte. Decisions and policies are not part of it: a copy
of everything is what backup writes.

With --format openstack write instead what Nova and Placement must be told so that host pools and trust domains hold
there: traits, host aggregates, the traits of compute hosts, and what flavors must require. Nova must run with
enable_isolated_aggregate_filtering. What this can not do is in the operator's guide.`,
		Example: `  ringfence export > fleet.yaml
  ringfence export -o json | jq '.hosts | length'
  ringfence export --format openstack --vim-connection vim-lon`,
	}
	format := formRingfence
	var connections []string
	cmd.Flags().StringVar(&format, "format", formRingfence, "what to write: "+formRingfence+" or "+formOpenStack)
	cmd.Flags().StringArrayVar(&connections, "vim-connection", nil, "with --format openstack: only these VIM connections")
	out := addForms(cmd, formYAML, formJSON)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		switch {
		case format == formOpenStack:
			return exportOpenStack(ctx, p, c, out, connections)
		case format != formRingfence:
			return &exitError{exitLocal, fmt.Errorf("there is no format %q: expected %s or %s", printable(format), formRingfence, formOpenStack)}
		case len(connections) > 0:
			return &exitError{exitLocal, errors.New("--vim-connection goes with --format openstack")}
		}
		accept := typeYAML
		if out.value == formJSON {
			accept = typeJSON
		}
		resp, err := c.open(ctx, call{Method: http.MethodGet, Path: exportPath, Accept: accept})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(p.stdout, resp.Body); err != nil {
			return &exitError{exitServer, fmt.Errorf("the export is not complete: %w", err)}
		}
		return nil
	})
	return cmd
}
