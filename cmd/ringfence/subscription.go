package main

import (
	"context"
	"encoding/json"
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
	var auth credentials
	cmd := &cobra.Command{
		Use: "create CALLBACK-URI", Short: "Subscribe", Args: takes("CALLBACK-URI"),
		Long: `Subscribe. The callback URI is tested first: it must be https, lead to an address that the operator allows for this
client, and answer GET with 204. A subscription that is there already, to the same and with the same filter, is shown
instead, and resumed if it was suspended; from then on it has the credentials that are given here.

Notifications show who sends them in the strongest of the ways that are given here: the service's certificate (--tls-cert), a
token that it asks for (--token-endpoint), or a user name and password.`,
		Example: `  ringfence subscription create https://soc.example.net/ringfence --change MODIFY_POLICY --change DELETE_POLICY
  ringfence subscription create https://soc.example.net/ringfence --user ringfence --password-file secret.txt
  ringfence subscription create https://soc.example.net/ringfence --token-endpoint https://soc.example.net/token --client-id ringfence --client-secret-file secret.txt`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.Flags().StringArrayVar(&types, "type", nil, "only these notifications: PolicyChangeNotification or PolicyConflictNotification; may be repeated")
	cmd.Flags().StringArrayVar(&policies, "policy", nil, "only of this policy, by its id; may be repeated")
	cmd.Flags().StringArrayVar(&changes, "change", nil, "only of these changes: CREATE_POLICY, TRANSFER_POLICY, MODIFY_POLICY or DELETE_POLICY; may be repeated")
	cmd.Flags().StringVar(&auth.user, "user", "", "user name that notifications carry (HTTP Basic)")
	cmd.Flags().StringVar(&auth.passwordFile, "password-file", "", "file with its password; - is standard input")
	cmd.Flags().StringVar(&auth.tokenEndpoint, "token-endpoint", "", "where the service asks for tokens that notifications carry (OAuth 2.0 client credentials)")
	cmd.Flags().StringVar(&auth.clientID, "client-id", "", "as whom it asks for them")
	cmd.Flags().StringVar(&auth.secretFile, "client-secret-file", "", "file with the secret of that; - is standard input")
	cmd.Flags().BoolVar(&auth.certificate, "tls-cert", false, "the service may show the certificate that its operator has configured")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		request := wire.PolicySubscriptionRequest{CallbackURI: args[0], Filter: wire.PolicyNotificationsFilter{
			PolicyIDs: policies, NotificationTypes: named[wire.PolicyNotificationType](types), ChangeTypes: named[wire.PolicyOperationType](changes),
		}}
		if err := auth.add(p, &request.Authentication); err != nil {
			return err
		}
		subscription, made, err := c.remote.CreatePolicySubscription(ctx, request)
		if err != nil {
			return c.explained(ctx, err)
		}
		if !made {
			fmt.Fprintf(p.stderr, "subscription %s is there already\n", printable(subscription.ID))
		}
		raw, err := json.Marshal(subscription)
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return writeList(p.stdout, out, []listed[wire.PolicySubscription]{{raw, subscription}}, subscriptionID, subscriptionTable(), subscriptionRow)
	})
	return cmd
}

// credentials are how notifications shall show who sends them.
type credentials struct {
	user, passwordFile                  string
	tokenEndpoint, clientID, secretFile string
	certificate                         bool
}

// add reads the secrets from their files, so that they stand in no command line.
func (c *credentials) add(p process, to *wire.SubscriptionAuthentication) error {
	switch {
	case (c.user == "") != (c.passwordFile == ""):
		return fmt.Errorf("--user and --password-file go together")
	case (c.tokenEndpoint == "") != (c.clientID == "") || (c.clientID == "") != (c.secretFile == ""):
		return fmt.Errorf("--token-endpoint, --client-id and --client-secret-file go together")
	case c.passwordFile == "-" && c.secretFile == "-":
		return fmt.Errorf("standard input holds one secret: give the other one in a file")
	}
	if c.certificate {
		to.AuthType = append(to.AuthType, wire.SubscriptionAuthenticationAuthTypeTLSCERT)
	}
	if c.tokenEndpoint != "" {
		secret, err := readSecret(p, c.secretFile)
		if err != nil {
			return err
		}
		to.AuthType = append(to.AuthType, wire.SubscriptionAuthenticationAuthTypeOAUTH2CLIENTCREDENTIALS)
		oauth := &to.ParamsOauth2ClientCredentials
		oauth.TokenEndpoint, oauth.ClientID, oauth.ClientPassword = c.tokenEndpoint, c.clientID, secret
	}
	if c.user != "" {
		password, err := readSecret(p, c.passwordFile)
		if err != nil {
			return err
		}
		to.AuthType = append(to.AuthType, wire.SubscriptionAuthenticationAuthTypeBASIC)
		to.ParamsBasic.UserName, to.ParamsBasic.Password = c.user, password
	}
	return nil
}

func readSecret(p process, file string) (string, error) {
	secret, err := readInput(p, file)
	return strings.TrimRight(string(secret), "\r\n"), err
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
				if _, err := c.do(ctx, call{Method: http.MethodDelete, Path: subscriptionsPath + "/" + url.PathEscape(id)}, nil); err != nil {
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
