package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ringfence/api/common"
	"ringfence/internal/httpapi"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/policy"
)

func newPolicyTest(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test FILE...|-", Short: "Run the tests that policy documents carry, without a service", Args: takes("FILE...|-"),
		Long: `Run the tests that policy documents carry, as the service does when they are transferred, without talking to it. Each
test is a world of its own (given) with the one who asks (demand), and what must come out of it (expect). What fails
is printed as compilers do, with file, line and column (exit code 3).`,
		Example: `  ringfence policy test policy.yaml`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		wrong := false
		var all []common.Finding
		for _, name := range args {
			content, err := readInput(p, name)
			if err != nil {
				return err
			}
			compiled, findings := policy.Load(content, placement.PolicyRef{}, nil)
			ran := 0
			if compiled != nil {
				ran, findings = policies.RunTests(content, httpapi.ReadInventory)
			}
			wrong = wrong || policy.HasErrors(findings)
			for _, f := range findings {
				all = append(all, findingToWire(f))
			}
			if out.machine() {
				continue
			}
			if err := showTests(p, name, content, ran, findings); err != nil {
				return err
			}
		}
		return endLint(p, out, all, wrong)
	}
	return cmd
}

// showTests prints what failed of one document, or that all is well.
func showTests(p process, name string, content []byte, ran int, findings []placement.Finding) error {
	if name == "-" {
		name = "(standard input)"
	}
	if _, err := fmt.Fprint(p.stdout, policy.Format(findings, name, content)); err != nil || policy.HasErrors(findings) {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s: %s passed\n", printable(name), counted(ran, "test"))
	return err
}
