package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const reservationsPath = "/placement/v1/reservations"

func newReservation(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "reservation", Short: "See what grants hold, reserve without a grant, and let go of it",
		Long: `See what grants hold, and let go of it. An NFVO that grants itself reserves what a grant request lists, and confirms it or gives it
back when the operation is over.

A grant reserves one residency per placed resource. It is RESERVED until the NFVI reports it RUNNING; if nobody
does in time it becomes UNCONFIRMED and still counts in every rule until it is seen absent or released.`,
	}, newReservationList(p), newReservationReserve(p), newReservationConfirm(p), newReservationGiveBack(p), newReservationRelease(p))
}

func newReservationList(p process) *cobra.Command {
	var grantID, instance, host, state string
	cmd := &cobra.Command{
		Use: "list", Short: "List what grants hold", Args: takes(),
		Long: "List every residency that a grant decided and that has not ended.",
		Example: `  ringfence reservation list --host h05
  ringfence reservation list --state UNCONFIRMED -o wide`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&grantID, "grant", "", "only those of this grant")
	cmd.Flags().StringVar(&instance, "vnf-instance", "", "only those of this VNF instance")
	cmd.Flags().StringVar(&host, "host", "", "only those on this host")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: RESERVED, UNCONFIRMED, RUNNING or TERMINATING")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		where := remote.Filter("grantId", grantID, "vnfInstanceId", instance, "hostId", host, "state", state)
		entries, _, err := list[wire.Reservation](ctx, c, reservationsPath, where, 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"RESERVATION", "VNF INSTANCE", "COMPONENT", "HOST", "RUNTIME", "STATE", "EXPIRES"}}
		if out.value == formWide {
			t.header = append(t.header, "TRUST DOMAIN", "CIS NODE", "RESOURCE", "GRANT", "USES")
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(r *wire.Reservation) string { return r.ID }, t, func(r *wire.Reservation) []string {
			row := []string{r.ID, r.VNFInstanceID, r.ComponentID, r.HostID, r.Runtime, string(r.State), expires(now, r.ExpiresAt)}
			if out.value == formWide {
				row = append(row, r.TrustDomainID, r.CISNodeID, r.ResourceDefinitionID, r.GrantID, dimensions(r.Resources))
			}
			return row
		})
	})
	return cmd
}

// expires is in how long a reservation ends, or since when it has.
func expires(now, at time.Time) string {
	if at.IsZero() || at.After(now) {
		return ago(now, at)
	}
	return ago(now, at) + " ago"
}

func newReservationRelease(p process) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "release RESERVATION --reason WHY", Short: "Let go of a reservation under which nothing runs", Args: takes("RESERVATION"),
		Long: `Let go of a reservation. You vouch that nothing runs under it: its capacity is free and it separates no longer from
then on. The host is told with a RELEASE directive. One that is RUNNING is not released: its VNFM terminates it.`,
		Example: `  ringfence reservation release 31d5c0b7-2f0a-4a86-9f3c-6d2b1e0f9a8c --reason "operation failed, ticket 48213"`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if reason == "" {
			return fmt.Errorf("say why with --reason: it goes into the audit trail")
		}
		var r wire.Reservation
		path := reservationsPath + "/" + url.PathEscape(args[0]) + "/release"
		got, err := c.send(ctx, path, wire.ReleaseRequest{Reason: reason}, &r)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		_, err = fmt.Fprintf(p.stdout, "reservation %s of %s on %s is %s\n", printable(r.ID), printable(r.VNFInstanceID), printable(r.HostID), r.State)
		return err
	})
	return cmd
}
