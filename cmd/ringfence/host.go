package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/inventory"
)

const hostsPath = "/inventory/v1/hosts"

func newHost(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "host", Short: "Look at hosts, take them out of service and back, have them cleaned",
		Long: "Look at hosts, take them out of service and back. Hosts are created and changed by import, or over the API.",
	}, newHostList(p), newHostShow(p), newHostCordon(p), newHostUncordon(p), newHostQuarantine(p), newHostUnquarantine(p), newHostScrub(p))
}

func newHostList(p process) *cobra.Command {
	var pool, pop, zone, lifecycle string
	cmd := &cobra.Command{
		Use: "list", Short: "List hosts", Args: takes(),
		Long: "List hosts in the order of their id. The time in ATTESTED is that since the newest verdict.\nCOUNTRY is the host's own, else its NFVI-PoP's.",
		Example: `  ringfence host list --pool pool-core -o wide
  ringfence host list --lifecycle CORDONED -o name`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&pool, "pool", "", "only those of this host pool")
	cmd.Flags().StringVar(&pop, "pop", "", "only those of this NFVI-PoP")
	cmd.Flags().StringVar(&zone, "zone", "", "only those of this resource zone")
	cmd.Flags().StringVar(&lifecycle, "lifecycle", "", "only those in this state, such as IN_SERVICE or CORDONED")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		where := remote.Filter("hostPoolId", pool, "nfviPopId", pop, "resourceZoneId", zone, "lifecycle", lifecycle)
		entries, _, err := list[wire.Host](ctx, c, hostsPath, where, 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"HOST", "POOL", "ZONE", "LIFECYCLE", "ATTESTED", "RUNTIMES", "CIS NODES"}}
		if out.value == formWide {
			t.header = append(t.header, "POP", "COUNTRY", "HYPERVISOR", "CPU", "MEMORY MIB", "CAPABILITIES")
		}
		country, err := countries(ctx, c, out.value == formWide)
		if err != nil {
			return err
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(h *wire.Host) string { return h.ID }, t, func(h *wire.Host) []string {
			row := []string{
				h.ID, h.HostPoolID, h.ResourceZoneID, orElse(string(h.Lifecycle), string(wire.LifecycleREGISTERED)), attested(now, &h.Attestation),
				strings.Join(h.Runtimes, ","), cisNodes(h),
			}
			if out.value == formWide {
				row = append(row, h.NFVIPoPID, orElse(h.Country, country[h.NFVIPoPID]), orElse(string(h.HypervisorClass), "NONE"), cores(h.Capacity["cpuMillis"]),
					fmt.Sprint(h.Capacity["memoryMiB"]), capabilities(h.Capabilities))
			}
			return row
		})
	})
	return cmd
}

// countries are those of the NFVI-PoPs, which decide for the hosts that say nothing else; none unless they are wanted.
func countries(ctx context.Context, c *client, wanted bool) (map[string]string, error) {
	byPoP := map[string]string{}
	if !wanted {
		return byPoP, nil
	}
	pops, _, err := list[wire.NFVIPoP](ctx, c, "/inventory/v1/nfvi_pops", nil, 0)
	if err != nil {
		return nil, err
	}
	for i := range pops {
		byPoP[pops[i].value.ID] = pops[i].value.Country
	}
	return byPoP, nil
}

// attested is the newest verdict and how old it is.
func attested(now time.Time, a *wire.Attestation) string {
	if a.State == "" {
		return ""
	}
	return strings.TrimSpace(string(a.State) + " " + ago(now, a.AttestedAt))
}

func cisNodes(h *wire.Host) string {
	var ids []string
	for i := range h.CISNodes {
		ids = append(ids, h.CISNodes[i].ID)
	}
	return strings.Join(ids, ",")
}

func cores(millis int64) string {
	if millis%1000 == 0 {
		return fmt.Sprint(millis / 1000)
	}
	return fmt.Sprintf("%.1f", float64(millis)/1000)
}

func capabilities(list []wire.Capability) string {
	var names []string
	for _, c := range list {
		names = append(names, string(c))
	}
	return strings.Join(names, ",")
}

func newHostShow(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show HOST", Short: "Show a host", Args: takes("HOST"),
		Long:    "Show everything that is recorded about a host.",
		Example: "  ringfence host show h05",
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		var h wire.Host
		got, err := c.get(ctx, hostPath(args[0]), nil, &h)
		if err != nil {
			return err
		}
		return showHost(p, out, &h, got.Body)
	})
	return cmd
}

func showHost(p process, out *form, h *wire.Host, raw json.RawMessage) error {
	if out.machine() {
		return out.writeObject(p.stdout, raw)
	}
	_, err := fmt.Fprint(p.stdout, hostText(h, time.Now()))
	return err
}

// hostText is a host for a person; what is absent is left out.
func hostText(h *wire.Host, now time.Time) string {
	t := table{}
	row := func(name, value string) {
		if value != "" {
			t.add(name, value)
		}
	}
	row("host", h.ID)
	row("place", strings.Join(slices.DeleteFunc([]string{h.Country, h.NFVIPoPID, h.ResourceZoneID, h.RackID}, func(s string) bool { return s == "" }), ", "))
	row("pool", h.HostPoolID)
	row("lifecycle", strings.TrimSpace(orElse(string(h.Lifecycle), string(wire.LifecycleREGISTERED))+" "+h.LifecycleReason))
	row("attested", strings.TrimSpace(attested(now, &h.Attestation)+" "+h.Attestation.Verifier))
	row("vim", strings.TrimSpace(h.VIMConnectionID+" "+h.VIMZoneID))
	row("hypervisor", string(h.HypervisorClass))
	row("runtimes", strings.Join(h.Runtimes, ", "))
	row("capabilities", capabilities(h.Capabilities))
	row("physically secure", yesNo(h.PhysicallySecure))
	row("capacity", dimensions(h.Capacity))
	row("labels", labels(h.Labels))
	row("dedicated to", strings.TrimSpace(string(h.DedicatedTo.Identity)+" "+h.DedicatedTo.ID))
	for i := range h.CISNodes {
		n := &h.CISNodes[i]
		row("CIS node", strings.TrimSpace(n.ID+" "+string(n.Form)+" "+strings.Join(n.Runtimes, ",")))
	}
	for i := range h.Residue {
		r := &h.Residue[i]
		row("residue of", r.TrustDomainID+" "+r.VNFInstanceID+" since "+instant(r.Since))
	}
	var b bytes.Buffer
	_ = t.write(&b)
	return b.String()
}

func dimensions(d wire.Dimensions) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, d[name]))
	}
	return strings.Join(parts, ", ")
}

func hostPath(id string) string { return hostsPath + "/" + url.PathEscape(id) }

func newHostCordon(p process) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cordon HOST...", Short: "Take hosts out of service for now", Args: takes("HOST..."),
		Long:    "Let hosts take no new workloads. What runs there stays. Only a host in service, or one not yet in use, is cordoned.",
		Example: `  ringfence host cordon h05 --reason "firmware update, change 48213"`,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for people")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		change := map[string]any{"lifecycle": wire.LifecycleCORDONED, "lifecycleReason": nil}
		if reason != "" {
			change["lifecycleReason"] = reason
		}
		return eachHost(ctx, p, c, args, change, wire.LifecycleINSERVICE, wire.LifecycleREGISTERED)
	})
	return cmd
}

func newHostUncordon(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "uncordon HOST...", Short: "Put cordoned hosts back in service", Args: takes("HOST..."),
		Long: `Put hosts in service that were cordoned, or that are new. A host that is quarantined, being scrubbed or retired is
left alone: what it waits for is more than a word of the operator.`,
		Example: "  ringfence host uncordon h05",
	}
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		change := map[string]any{"lifecycle": wire.LifecycleINSERVICE, "lifecycleReason": nil}
		return eachHost(ctx, p, c, args, change, wire.LifecycleCORDONED, wire.LifecycleREGISTERED)
	})
	return cmd
}

// eachHost changes the state of hosts that are in one of the states from; hosts in the wanted state already stay.
func eachHost(ctx context.Context, p process, c *client, ids []string, change map[string]any, from ...wire.Lifecycle) error {
	for _, id := range ids {
		var h wire.Host
		got, err := c.get(ctx, hostPath(id), nil, &h)
		if err != nil {
			return err
		}
		if h.Lifecycle == "" {
			h.Lifecycle = wire.LifecycleREGISTERED
		}
		if h.Lifecycle == change["lifecycle"] {
			fmt.Fprintf(p.stderr, "host %s is %s already\n", printable(id), h.Lifecycle)
			continue
		}
		if !slices.Contains(from, h.Lifecycle) {
			return &exitError{exitServer, fmt.Errorf("host %s is %s, so it cannot become %s: only hosts that are %s can", id, h.Lifecycle, change["lifecycle"], oneOf(from))}
		}
		if err := patchHost(ctx, c, id, got.Header.Get("ETag"), change); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.stdout, "host %s is %s\n", printable(id), change["lifecycle"]); err != nil {
			return err
		}
	}
	return nil
}

// patchHost changes a host if it is still what was read.
func patchHost(ctx context.Context, c *client, id, etag string, change map[string]any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	_, err = c.do(ctx, call{
		Method: http.MethodPatch, Path: hostPath(id), Content: body, ContentType: typeMergePatch, Header: remote.Write{IfMatch: etag}.Header(),
	}, nil)
	return err
}

func oneOf(states []wire.Lifecycle) string {
	var names []string
	for _, s := range states {
		names = append(names, string(s))
	}
	return strings.Join(names, " or ")
}
