package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const deliveriesPath = "/placement/v1/notification_deliveries"

func newNotification(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "notification", Short: "See what became of notifications",
		Long: "See what became of notifications to the subscribers of all clients.",
	}, newNotificationList(p))
}

func newNotificationList(p process) *cobra.Command {
	var state, clientID, subscription string
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest deliveries", Args: takes(),
		Long: `List deliveries of notifications, the newest first. PENDING ones are tried again, less and less often; DEAD ones were
given up, after a day or because their subscription is suspended: nothing reached it for a day. Its client resumes it by
subscribing to the same again.`,
		Example: `  ringfence notification list --state DEAD
  ringfence notification list --client soc -o wide`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&state, "state", "", "only these: PENDING, DELIVERED or DEAD")
	cmd.Flags().StringVar(&clientID, "client", "", "only those to this client")
	cmd.Flags().StringVar(&subscription, "subscription", "", "only those to this subscription")
	cmd.Flags().IntVar(&most, "limit", 50, "how many to list; 0: all")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		where := remote.Filter("state", state, "clientId", clientID, "subscriptionId", subscription)
		entries, more, err := list[wire.NotificationDelivery](ctx, c, deliveriesPath, where, most)
		if err != nil {
			return err
		}
		if more {
			fmt.Fprintf(p.stderr, "the newest %d; --limit shows more\n", most)
		}
		t := table{header: []string{"WHEN", "STATE", "WHAT", "POLICIES", "CLIENT", "TRIED", "NEXT", "ERROR"}}
		if out.value == formWide {
			t.header = append(t.header, "NOTIFICATION", "SUBSCRIPTION", "CALLBACK")
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(d *wire.NotificationDelivery) string { return d.ID }, t, func(d *wire.NotificationDelivery) []string {
			row := []string{
				instant(d.TimeStamp), string(d.State), orElse(string(d.ChangeType), string(d.NotificationType)), strings.Join(d.PolicyIDs, ","),
				d.ClientID, fmt.Sprint(d.Attempts), ago(now, d.NextAttemptAt), d.LastError,
			}
			if out.value == formWide {
				row = append(row, d.NotificationID, d.SubscriptionID, d.CallbackURI)
			}
			return row
		})
	})
	return cmd
}
