package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const vnfmsPath = "/placement/v1/vnfms"

func newVNFM(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "vnfm", Short: "Have ringfence subscribe to VNFMs",
		Long: `Have ringfence subscribe to VNFMs, so that it hears what becomes of the operations that it granted.

The service keeps a subscription at each VNFM, and asks about operations whose reservations are about to expire. How they show
each other who they are is in the service's file of credentials, under a name.`,
	}, newVNFMAdd(p), newVNFMList(p), newVNFMShow(p), newVNFMDelete(p))
}

func newVNFMAdd(p process) *cobra.Command {
	var request wire.VNFMRequest
	cmd := &cobra.Command{
		Use: "add VNFM --api-root URI --client ID", Short: "Subscribe to a VNFM", Args: takes("VNFM"),
		Long: `Subscribe to a VNFM. VNFM is what it is called here. The answer does not wait for it: ringfence vnfm show says later
whether it is SUBSCRIBED, or what went wrong.`,
		Example: "  ringfence vnfm add tacker-lon --api-root https://tacker.lon.example.net:9890 --client tacker-lon --credentials tacker-lon",
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&request.APIRoot, "api-root", "", "API root of its /vnflcm/v2")
	cmd.Flags().StringVar(&request.ClientID, "client", "", "the client that its requests and notifications come from")
	cmd.Flags().StringVar(&request.Credentials, "credentials", "", "name of the credentials in the service's file; left out: none")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if request.APIRoot == "" || request.ClientID == "" {
			return errors.New("say where the VNFM is with --api-root, and which client it is with --client")
		}
		request.ID = args[0]
		var v wire.VNFM
		got, err := c.send(ctx, vnfmsPath, request, &v)
		if err != nil {
			return err
		}
		return writeVNFMs(p, out, []listed[wire.VNFM]{{got.Body, v}})
	})
	return cmd
}

func newVNFMList(p process) *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "list", Short: "List the VNFMs", Args: takes(),
		Long:    "List the VNFMs that the service subscribes to, and how far that is.",
		Example: "  ringfence vnfm list --state FAILED",
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&state, "state", "", "only those that are PENDING, SUBSCRIBED, FAILED or UNSUBSCRIBING")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, _, err := list[wire.VNFM](ctx, c, vnfmsPath, remote.Filter("state", state), 0)
		if err != nil {
			return err
		}
		return writeVNFMs(p, out, entries)
	})
	return cmd
}

func newVNFMShow(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show VNFM", Short: "Show a VNFM", Args: takes("VNFM"),
		Long:    "Show a VNFM, the state of the subscription, and what went wrong the last time.",
		Example: "  ringfence vnfm show tacker-lon",
	}
	out := addForms(cmd, formTable, formJSON, formYAML, formName)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		var v wire.VNFM
		got, err := c.get(ctx, vnfmsPath+"/"+url.PathEscape(args[0]), nil, &v)
		if err != nil {
			return err
		}
		return writeVNFMs(p, out, []listed[wire.VNFM]{{got.Body, v}})
	})
	return cmd
}

func newVNFMDelete(p process) *cobra.Command {
	return &cobra.Command{
		Use: "delete VNFM...", Short: "Unsubscribe from VNFMs", Args: takes("VNFM..."),
		Long:    "Unsubscribe from VNFMs. Each is listed as UNSUBSCRIBING until it has deleted the subscription, for at most an hour.",
		Example: "  ringfence vnfm delete tacker-lon",
		RunE: withClient(p, func(ctx context.Context, c *client, args []string) error {
			for _, id := range args {
				if _, err := c.do(ctx, call{Method: http.MethodDelete, Path: vnfmsPath + "/" + url.PathEscape(id)}, nil); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(p.stdout, "VNFM %s is being unsubscribed from\n", printable(id)); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func writeVNFMs(p process, out *form, entries []listed[wire.VNFM]) error {
	t := table{header: []string{"VNFM", "API ROOT", "CLIENT", "STATE", "SINCE", "CHECKED", "REASON"}}
	now := time.Now()
	return writeList(p.stdout, out, entries, func(v *wire.VNFM) string { return v.ID }, t, func(v *wire.VNFM) []string {
		checked := "never"
		if !v.CheckedAt.IsZero() {
			checked = ago(now, v.CheckedAt)
		}
		return []string{v.ID, v.APIRoot, v.ClientID, string(v.State), ago(now, v.Since), checked, v.Reason}
	})
}
