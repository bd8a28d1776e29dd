package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	directives "ringfence/api/directives"
	wire "ringfence/api/inventory"
)

func newHostScrub(p process) *cobra.Command {
	var order directives.ScrubOrder
	var level string
	cmd := &cobra.Command{
		Use: "scrub HOST", Short: "Have a host cleaned by its agent", Args: takes("HOST"),
		Long: `Have a host cleaned by its agent, which leaves the evidence as a scrub record.

CACHE_PURGE removes the images that nothing there uses, and may be ordered at any time. EPHEMERAL_WIPE also empties what workloads
wrote; REBOOT and REIMAGE, and resetting devices, are done by the program that the agent was given for it. They are for a host that is
out of service and has no workloads: cordon it first. What belongs to the host's own trusted base stays.`,
		Example: `  ringfence host cordon h11 --reason "the pool changes hands"
  ringfence host scrub h11 --level EPHEMERAL_WIPE --reason "the pool changes hands"`,
	}
	cmd.Flags().StringVar(&level, "level", "", "CACHE_PURGE, EPHEMERAL_WIPE, REBOOT or REIMAGE")
	cmd.Flags().BoolVar(&order.DeviceReset, "device-reset", false, "also reset devices that workloads were given")
	cmd.Flags().StringVar(&order.Reason, "reason", "", "why, for people")
	_ = cmd.MarkFlagRequired("level")
	_ = cmd.MarkFlagRequired("reason")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		order.Level = wire.ScrubLevel(level)
		body, err := json.Marshal(order)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		var ordered directives.ScrubOrdered
		_, err = c.do(ctx, call{
			Method: http.MethodPost, Path: "/directives/v1/hosts/" + url.PathEscape(args[0]) + "/scrub_orders", Content: body, ContentType: typeJSON,
		}, &ordered)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "host %s is told to clean itself: %s, directive %d\n", printable(args[0]), level, ordered.DirectiveSeq)
		return err
	})
	return cmd
}
