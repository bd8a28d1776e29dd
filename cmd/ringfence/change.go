package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/inventory"
	wireplacement "ringfence/api/placement"
)

const pendingPath = "/inventory/v1/pending_changes"

func newChange(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "change", Short: "Approve what of the inventory takes two persons",
		Long: `Approve what of the inventory takes two persons.

From the first activation of a policy on, nobody alone changes what security rests on: trust domains and relations, what
host pools permit, the isolation of runtime classes, VNF profiles, images (public bases, secrets, layers), hypervisor
classes, labels of hosts that rules read. Such a write waits, as a whole, until another client with the role APPROVER
approves it.`,
	}, newChangeList(p), newChangeShow(p), newChangeApprove(p), newChangeReject(p))
}

func newChangeList(p process) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the changes that wait", Args: takes(),
		Long:    "List the changes of the inventory that wait for a second person, and with --all those that did.",
		Example: "  ringfence change list --all -o wide",
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().BoolVar(&all, "all", false, "also those that are decided or expired")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		state := string(wire.PendingStatePENDING)
		if all {
			state = ""
		}
		entries, _, err := list[wire.PendingChange](ctx, c, pendingPath, remote.Filter("state", state), 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"CHANGE", "STATE", "ASKED FOR BY", "AGE", "WHAT"}}
		if out.value == formWide {
			t.header = append(t.header, "EXPIRES", "DECIDED BY", "WHY")
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(v *wire.PendingChange) string { return v.ID }, t, func(v *wire.PendingChange) []string {
			row := []string{v.ID, string(v.State), v.ProposedBy, ago(now, v.ProposedAt), differencesText(v.Differences)}
			if out.value == formWide {
				row = append(row, expires(now, v.ExpiresAt), v.DecidedBy, v.Reason)
			}
			return row
		})
	})
	return cmd
}

// differencesText is what a change is about, on one line: the first difference, and how many others there are.
func differencesText(list []wire.SecurityDifference) string {
	if len(list) == 0 {
		return none
	}
	d := &list[0]
	text := string(d.Action) + " " + string(d.Kind) + " " + d.ID
	if d.Action == wire.SecurityDifferenceActionCHANGE && len(d.Attributes) > 0 {
		text += ": " + d.Attributes[0].Name + " " + fromTo(&d.Attributes[0])
	}
	if n := len(list) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

func fromTo(a *wire.AttributeDifference) string {
	return orElse(a.Before, none) + " -> " + orElse(a.After, none)
}

func newChangeShow(p process) *cobra.Command {
	var quick bool
	cmd := &cobra.Command{
		Use: "show CHANGE", Short: "Show a change and what would follow from it", Args: takes("CHANGE"),
		Long: `Show who asked for a change and why, what of it security rests on, and, while it waits, what would become of the fleet as
it is now: the hosts of each trust domain and component before and after, and what runs that would break a rule.`,
		Example: `  ringfence change show 01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e
  ringfence change show 01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e -o json | jq .change`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().BoolVar(&quick, "quick", false, "do not compute what would follow, which takes seconds on a large fleet")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		var v wire.PendingChange
		got, err := c.get(ctx, pendingPath+"/"+url.PathEscape(args[0]), nil, &v)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		b := bytes.NewBufferString(changeText(&v))
		if v.State == wire.PendingStatePENDING && !quick {
			var a wireplacement.PendingChangeAnalysis
			path := "/placement/v1/pending_changes/" + url.PathEscape(args[0]) + "/analysis"
			if _, err := c.do(ctx, call{Method: http.MethodGet, Path: path, Patient: true}, &a); err != nil {
				return err
			}
			writeImpact(b, &a.Impact)
		}
		_, err = b.WriteTo(p.stdout)
		return err
	})
	return cmd
}

// changeText is a change for a person.
func changeText(v *wire.PendingChange) string {
	t := table{}
	row := func(name, value string) {
		if value != "" {
			t.add(name, value)
		}
	}
	row("change", v.ID)
	row("state", string(v.State))
	row("asked for", "by "+v.ProposedBy+", "+instant(v.ProposedAt))
	row("why", v.Reason)
	if v.State == wire.PendingStatePENDING {
		row("expires", instant(v.ExpiresAt))
	}
	if v.DecidedBy != "" {
		row("decided", strings.TrimSpace("by "+v.DecidedBy+", "+instant(v.DecidedAt)+" "+v.DecisionReason))
	}
	if g := v.BreakGlass; g.Reason != "" {
		confirmed := "which somebody else has to confirm until " + instant(g.Until)
		if g.ConfirmedBy != "" {
			confirmed = "which " + g.ConfirmedBy + " has confirmed"
		}
		row("alone", "applied by who asked for it, "+confirmed+": "+g.Reason)
	}
	for i := range v.Differences {
		d := &v.Differences[i]
		row(strings.ToLower(string(d.Action)), string(d.Kind)+" "+d.ID)
		for j := range d.Attributes {
			t.add("  "+d.Attributes[j].Name, fromTo(&d.Attributes[j]))
		}
	}
	var b bytes.Buffer
	_ = t.write(&b)
	return b.String()
}

func newChangeApprove(p process) *cobra.Command {
	var breakGlass string
	cmd := &cobra.Command{
		Use: "approve CHANGE", Short: "Apply a change that somebody else asked for", Args: takes("CHANGE"),
		Long: `Apply a change that somebody else asked for: all of it, or nothing if what it changes has moved meanwhile. From the moment
this returns every decision has used it. There is no way back but another change.

Who asked for a change cannot approve it. In an emergency --break-glass does it alone: the reason is recorded, and a
second person confirms it in time by approving the same change once more.`,
		Example: `  ringfence change approve 01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e
  ringfence change approve 01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e --break-glass "INC-4711: keys leak"`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&breakGlass, "break-glass", "", "why who asked for the change applies it alone, in an emergency")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		return decideChange(ctx, p, c, out, call{Method: http.MethodPost, Path: pendingPath + "/" + url.PathEscape(args[0]) + "/approve", Header: remote.Write{BreakGlass: breakGlass}.Header()})
	})
	return cmd
}

func newChangeReject(p process) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "reject CHANGE --reason WHY", Short: "End a change that waits; nothing is applied", Args: takes("CHANGE"),
		Long:    "End a change that waits; nothing is applied. Who asked for a change takes it back this way.",
		Example: `  ringfence change reject 01971c3e-7b2a-7c40-9d5e-6f1a2b3c4d5e --reason "the AUSF still keeps keys there"`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for who asked for it and for the audit trail")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if reason == "" {
			return errors.New("say why with --reason: it goes into the audit trail")
		}
		body, err := json.Marshal(wire.RejectRequest{Reason: reason})
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		return decideChange(ctx, p, c, out, call{
			Method: http.MethodPost, Path: pendingPath + "/" + url.PathEscape(args[0]) + "/reject", Content: body, ContentType: typeJSON,
		})
	})
	return cmd
}

func decideChange(ctx context.Context, p process, c *client, out *form, request call) error {
	var v wire.PendingChange
	request.Patient = true
	got, err := c.do(ctx, request, &v)
	if err != nil {
		return err
	}
	if out.machine() {
		return out.writeObject(p.stdout, got.Body)
	}
	_, err = fmt.Fprint(p.stdout, changeText(&v))
	return err
}

// waits says that a write was taken and not done, and who has to do what. It ends the process with a code of its own, so that no
// script takes it for done.
func waits(p process, out *form, body json.RawMessage) error {
	if out.machine() {
		if err := out.writeObject(p.stdout, body); err != nil {
			return err
		}
		return &exitError{exitWaits, errShown}
	}
	var v wire.PendingChange
	if err := json.Unmarshal(body, &v); err != nil {
		return &exitError{exitServer, fmt.Errorf("the service answers with something else than its API says: %w", err)}
	}
	if _, err := fmt.Fprint(p.stdout, changeText(&v)); err != nil {
		return err
	}
	return &exitError{exitWaits, fmt.Errorf(
		"nothing is applied yet: the document changes what takes two persons. Another client with the role APPROVER than %s approves it with: ringfence change approve %s",
		printable(v.ProposedBy), printable(v.ID))}
}
