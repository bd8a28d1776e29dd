package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	wire "ringfence/api/inventory"
)

func newHostQuarantine(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "quarantine HOST...", Short: "Take hosts out of service that are not trusted any more", Args: takes("HOST..."),
		Long: `Let nothing new start on hosts, what was granted there before included. What runs there stays. Role APPROVER.

A verdict of the attestation does not end it, only "ringfence host unquarantine" does.`,
		Example: `  ringfence host quarantine h05 --reason "INC-4711: a disk of the host was stolen"`,
	}
	return quarantineCommand(p, cmd, "quarantine")
}

func newHostUnquarantine(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "unquarantine HOST...", Short: "End the quarantine of hosts", Args: takes("HOST..."),
		Long: `End the quarantine of hosts. They are CORDONED then, and an operator puts them in service with "ringfence host uncordon".
Role APPROVER. The quarantine of a host that lost its attestation ends with a verdict that trusts it, and by nothing else.`,
		Example: `  ringfence host unquarantine h05 --reason "INC-4711: imaged anew"`,
	}
	return quarantineCommand(p, cmd, "unquarantine")
}

// quarantineCommand completes a command that asks for one operation on each host, for a reason.
func quarantineCommand(p process, cmd *cobra.Command, operation string) *cobra.Command {
	var reason string
	cmd.Flags().StringVar(&reason, "reason", "", "why, for people and for the audit trail")
	if err := cmd.MarkFlagRequired("reason"); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		body, err := json.Marshal(wire.QuarantineRequest{Reason: reason})
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		for _, id := range args {
			var h wire.Host
			_, err := c.do(ctx, call{Method: http.MethodPost, Path: hostPath(id) + "/" + operation, Content: body, ContentType: typeJSON}, &h)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(p.stdout, "host %s is %s\n", printable(id), h.Lifecycle); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}
