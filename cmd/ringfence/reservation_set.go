package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	wire "ringfence/api/placement"
)

const reservationSetsPath = "/placement/v1/reservation_sets"

func newReservationReserve(p process) *cobra.Command {
	var onBehalfOf string
	cmd := &cobra.Command{
		Use: "reserve FILE|-", Short: "Reserve what a grant request lists, without a grant", Args: takes("FILE|-"),
		Long: `Send a SOL003 grant request (JSON) as an NFVO that grants itself, and show where each resource goes. Takes the role NFVO.

The same request again is answered with the same reservations. A refusal ends with exit code 3, as that of ringfence grant. When the operation
is over, confirm what was reserved or give it back, under the id that is shown.`,
		Example: `  ringfence reservation reserve request.json
  ringfence reservation reserve request.json --on-behalf-of tacker-lon -o name`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&onBehalfOf, "on-behalf-of", "", "the VNFM whose VNF instance it is; it takes a delegation")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		request, err := readRequest(p, args[0])
		if err != nil {
			return err
		}
		body := struct {
			GrantRequest json.RawMessage `json:"grantRequest"`
			OnBehalfOf   string          `json:"onBehalfOf,omitempty"`
		}{request, onBehalfOf}
		var set wire.ReservationSet
		got, err := c.send(ctx, reservationsPath, body, &set)
		if e := asAPIError(err); e != nil && e.problem.Refused() {
			return showRefusal(p, out, e)
		}
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		return showReservations(p.stdout, out, &set)
	})
	return cmd
}

func showReservations(w io.Writer, out *form, set *wire.ReservationSet) error {
	if out.value == formName {
		_, err := fmt.Fprintln(w, printable(set.GrantID))
		return err
	}
	fmt.Fprintf(w, "reserved   %s\n", printable(set.GrantID))
	fmt.Fprintf(w, "decision   %s\n", printable(set.DecisionID))
	if !set.ValidUntil.IsZero() {
		fmt.Fprintf(w, "until      %s\n", instant(set.ValidUntil))
	}
	if len(set.Placements) == 0 {
		_, err := fmt.Fprintln(w, "nothing to place")
		return err
	}
	fmt.Fprintln(w)
	return placementTable(set.Placements, nil, out.value == formWide).write(w)
}

func newReservationConfirm(p process) *cobra.Command {
	return settles(p, "confirm", "is confirmed: it runs", &cobra.Command{
		Use: "confirm GRANT", Short: "Say that what was reserved runs", Args: takes("GRANT"),
		Long:    "Say that what was reserved together runs: it does not expire any more.",
		Example: `  ringfence reservation confirm 0d6a5c7e-9b1f-4c59-8f59-3f6e9c3f7b11`,
	})
}

func newReservationGiveBack(p process) *cobra.Command {
	return settles(p, "release", "is given back", &cobra.Command{
		Use: "give-back GRANT", Short: "Give back what was reserved together", Args: takes("GRANT"),
		Long:    "Give back what was reserved together, because the operation failed or was rolled back. Hosts that may have begun are told to end it.",
		Example: `  ringfence reservation give-back 0d6a5c7e-9b1f-4c59-8f59-3f6e9c3f7b11`,
	})
}

// settles makes a command one that ends what was reserved under one id.
func settles(p process, action, done string, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		path := reservationSetsPath + "/" + url.PathEscape(args[0]) + "/" + action
		if _, err := c.do(ctx, call{Method: http.MethodPost, Path: path}, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "what was reserved under %s %s\n", printable(args[0]), done)
		return err
	})
	return cmd
}
