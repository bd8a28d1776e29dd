package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	wire "ringfence/api/nfvpolicy"
)

const subscriptionsPath = "/nfvpolicy/v1/subscriptions"

func newSubscription(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "subscription", Short: "Be told of changes of policies, and of conflicts between them",
		Long: `Be told of changes of policies, and of conflicts between them, by HTTP.

Subscriptions belong to the client whose token is used; nobody else sees them. What became of the notifications of all
clients is in ringfence notification list.`,
	}, newSubscriptionCreate(p), newSubscriptionList(p), newSubscriptionDelete(p))
}

func newSubscriptionCreate(p process) *cobra.Command {
	var types, policies, changes []string
	var user, passwordFile string
	cmd := &cobra.Command{
		Use: "create CALLBACK-URI", Short: "Subscribe", Args: takes("CALLBACK-URI"),
		Long: `Subscribe. The callback URI is tested first: it must be https, lead to an address that the operator allows for this
client, and answer GET with 204. A subscription that is there already, to the same and with the same filter, is shown
instead, and resumed if it was suspended; from then on it has the credentials that are given here.`,
		Example: `  ringfence subscription create https://soc.example.net/ringfence --change MODIFY_POLICY --change DELETE_POLICY
  ringfence subscription create https://soc.example.net/ringfence --user ringfence --password-file secret.txt`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.Flags().StringArrayVar(&types, "type", nil, "only these notifications: PolicyChangeNotification or PolicyConflictNotification; may be repeated")
	cmd.Flags().StringArrayVar(&policies, "policy", nil, "only of this policy, by its id; may be repeated")
	cmd.Flags().StringArrayVar(&changes, "change", nil, "only of these changes: CREATE_POLICY, TRANSFER_POLICY, MODIFY_POLICY or DELETE_POLICY; may be repeated")
	cmd.Flags().StringVar(&user, "user", "", "user name that notifications carry (HTTP Basic)")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "file with its password; - is standard input")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		request := wire.PolicySubscriptionRequest{CallbackURI: args[0], Filter: wire.PolicyNotificationsFilter{
			PolicyIDs: policies, NotificationTypes: named[wire.PolicyNotificationType](types), ChangeTypes: named[wire.PolicyOperationType](changes),
		}}
		if err := addCredentials(p, &request, user, passwordFile); err != nil {
			return err
		}
		var made wire.PolicySubscription
		got, err := c.send(ctx, subscriptionsPath, request, &made)
		if err != nil {
			return err
		}
		if got.header.Get("Location") == "" { // led there by 303
			fmt.Fprintf(p.stderr, "subscription %s is there already\n", printable(made.ID))
		}
		return writeList(p.stdout, out, []listed[wire.PolicySubscription]{{got.body, made}}, subscriptionID, subscriptionTable(), subscriptionRow)
	})
	return cmd
}

// addCredentials reads the password from its file, so that it stands in no command line.
func addCredentials(p process, request *wire.PolicySubscriptionRequest, user, passwordFile string) error {
	if (user == "") != (passwordFile == "") {
		return fmt.Errorf("--user and --password-file go together")
	}
	if user == "" {
		return nil
	}
	password, err := readInput(p, passwordFile)
	if err != nil {
		return err
	}
	request.Authentication.AuthType = []wire.SubscriptionAuthenticationAuthType{wire.SubscriptionAuthenticationAuthTypeBASIC}
	request.Authentication.ParamsBasic.UserName = user
	request.Authentication.ParamsBasic.Password = strings.TrimRight(string(password), "\r\n")
	return nil
}

// named are the values of flags as names of the API; which ones there are is the service's business.
func named[N ~string](values []string) (names []N) {
	for _, v := range values {
		names = append(names, N(v))
	}
	return names
}

func newSubscriptionList(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List your subscriptions", Args: takes(),
		Long:    "List the subscriptions of the client whose token is used.",
		Example: "  ringfence subscription list -o json",
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, _, err := list[wire.PolicySubscription](ctx, c, subscriptionsPath, nil, 0)
		if err != nil {
			return err
		}
		return writeList(p.stdout, out, entries, subscriptionID, subscriptionTable(), subscriptionRow)
	})
	return cmd
}

func subscriptionID(s *wire.PolicySubscription) string { return s.ID }

func subscriptionTable() table {
	return table{header: []string{"SUBSCRIPTION", "CALLBACK", "NOTIFICATIONS", "CHANGES", "POLICIES"}}
}

func subscriptionRow(s *wire.PolicySubscription) []string {
	return []string{s.ID, s.CallbackURI, allOr(s.Filter.NotificationTypes), allOr(s.Filter.ChangeTypes), allOr(s.Filter.PolicyIDs)}
}

// allOr lists what a filter lets through.
func allOr[N ~string](names []N) string {
	var texts []string
	for _, n := range names {
		texts = append(texts, string(n))
	}
	return orElse(strings.Join(texts, ","), "all")
}

func newSubscriptionDelete(p process) *cobra.Command {
	return &cobra.Command{
		Use: "delete SUBSCRIPTION...", Short: "End subscriptions", Args: takes("SUBSCRIPTION..."),
		Long:    "End subscriptions of the client whose token is used. What is still on its way to them is not delivered any more.",
		Example: "  ringfence subscription delete 8c2f6e10-3d47-4b9a-a5e1-f07b9c6d2e38",
		RunE: withClient(p, func(ctx context.Context, c *client, args []string) error {
			for _, id := range args {
				if _, err := c.do(ctx, call{method: http.MethodDelete, path: subscriptionsPath + "/" + url.PathEscape(id)}, nil); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(p.stdout, "subscription %s is ended\n", printable(id)); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}
