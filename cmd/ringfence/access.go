package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const accessRefusalsPath = "/placement/v1/access_refusals"

func newAccess(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "access", Short: "See who was refused",
		Long: "See which callers were not authenticated, or not allowed what they asked for. It takes the role AUDITOR.",
	}, newAccessList(p))
}

func newAccessList(p process) *cobra.Command {
	var kind, clientID, address string
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest refusals", Args: takes(),
		Long: `List callers who were refused, the newest first. What is alike within ten seconds is one entry with a count.
AUTHENTICATION: the caller did not show who it is. AUTHORIZATION: it is known, and may not do that. What a policy refuses is a
decision: ringfence decision list.`,
		Example: `  ringfence access list --kind AUTHENTICATION
  ringfence access list --client vnfm-1 -o wide`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&kind, "kind", "", "only these: AUTHENTICATION or AUTHORIZATION")
	cmd.Flags().StringVar(&clientID, "client", "", "only those of this client")
	cmd.Flags().StringVar(&address, "address", "", "only those from this IP address")
	cmd.Flags().IntVar(&most, "limit", 50, "how many to list; 0: all")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, more, err := list[wire.AccessRefusal](ctx, c, accessRefusalsPath, remote.Filter("kind", kind, "clientId", clientID, "address", address), most)
		if err != nil {
			return err
		}
		if more {
			fmt.Fprintf(p.stderr, "the newest %d; --limit shows more\n", most)
		}
		t := table{header: []string{"LAST", "KIND", "CLIENT", "ADDRESS", "OPERATION", "COUNT", "REASON"}}
		if out.value == formWide {
			t.header = append(t.header, "FIRST", "CERTIFICATE", "REQUEST")
		}
		return writeList(p.stdout, out, entries, func(r *wire.AccessRefusal) string { return r.ID }, t, func(r *wire.AccessRefusal) []string {
			row := []string{instant(r.LastAt), string(r.Kind), r.ClientID, r.Address, r.Operation, fmt.Sprint(r.Count), r.Reason}
			if out.value == formWide {
				row = append(row, instant(r.FirstAt), r.CertificateSHA256, r.LastRequestID)
			}
			return row
		})
	})
	return cmd
}
