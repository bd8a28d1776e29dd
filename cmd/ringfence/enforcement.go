package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const enforcementPath = "/placement/v1/enforcement_modes"

func newEnforcement(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "enforcement", Short: "Observe a client or a cluster before it is enforced",
		Long: `Observe a client or a cluster before it is enforced.

Everybody is enforced unless somebody with the role APPROVER says otherwise. Of a client that is observed every request is
decided as ever, but what would be refused is answered with an empty grant and recorded. Behind a VIM connection that is
observed, hosts only record what they are told, nothing is evicted, and the admission hooks of the cluster warn instead of
refusing. The report says what enforcing would change.`,
	}, newEnforcementList(p), newEnforcementObserve(p), newEnforcementEnforce(p), newEnforcementReport(p))
}

// enforcementSubject is whom a command is about.
type enforcementSubject struct{ client, vim string }

func (s *enforcementSubject) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.client, "client", "", "the client, as authentication names it")
	cmd.Flags().StringVar(&s.vim, "vim-connection", "", "the VIM connection, as the hosts behind it name it")
}

// path leads to the mode of the subject.
func (s *enforcementSubject) path() (string, error) {
	switch {
	case (s.client == "") == (s.vim == ""):
		return "", errors.New("say who it is about: either --client or --vim-connection")
	case s.client != "":
		return enforcementPath + "/" + url.PathEscape("CLIENT:"+s.client), nil
	}
	return enforcementPath + "/" + url.PathEscape("VIM_CONNECTION:"+s.vim), nil
}

func newEnforcementList(p process) *cobra.Command {
	var mode string
	cmd := &cobra.Command{
		Use: "list", Short: "List for whom a mode was set", Args: takes(),
		Long:    "List every client and VIM connection for which a mode was ever set. Whoever is not listed is enforced.",
		Example: "  ringfence enforcement list --mode OBSERVE",
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&mode, "mode", "", "only those that are OBSERVE or ENFORCE")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, _, err := list[wire.EnforcementMode](ctx, c, enforcementPath, remote.Filter("mode", mode), 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"SUBJECT", "ID", "MODE", "SINCE", "BY", "REASON"}}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(m *wire.EnforcementMode) string { return m.ID }, t, func(m *wire.EnforcementMode) []string {
			return []string{string(m.Subject), m.ClientID + m.VIMConnectionID, string(m.Mode), ago(now, m.Since), m.ActorID, m.Reason}
		})
	})
	return cmd
}

func newEnforcementObserve(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "observe {--client ID | --vim-connection ID} --reason WHY", Short: "Record what would be refused, and let it pass",
		Long: `Record what would be refused, and let it pass. Takes the role APPROVER. What is decided after the answer is decided so; the
hosts behind a VIM connection hear of it with their next directive.`,
		Example: `  ringfence enforcement observe --client tacker-lon --reason "first weeks of the new VNFM, change 7120"
  ringfence enforcement observe --vim-connection k8s-lon --reason "cluster taken over, change 7121"`,
	}
	return setsMode(p, cmd, wire.ModeOBSERVE)
}

func newEnforcementEnforce(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "enforce {--client ID | --vim-connection ID} --reason WHY", Short: "Refuse what is refused",
		Long: `Refuse what is refused. Takes the role OPERATOR or APPROVER. What is decided after the answer is decided so; the hosts behind a
VIM connection carry out what they only recorded. Read ringfence enforcement report before.`,
		Example: `  ringfence enforcement enforce --client tacker-lon --reason "the report has been empty for a week"`,
	}
	return setsMode(p, cmd, wire.ModeENFORCE)
}

// setsMode makes a command one that sets a mode.
func setsMode(p process, cmd *cobra.Command, mode wire.Mode) *cobra.Command {
	var who enforcementSubject
	var reason string
	cmd.Args = takes()
	out := addForms(cmd, formTable, formJSON, formYAML)
	who.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit trail")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		path, err := who.path()
		if err != nil {
			return err
		}
		if strings.TrimSpace(reason) == "" {
			return errors.New("say why with --reason: it goes into the audit trail")
		}
		var m wire.EnforcementMode
		body, err := json.Marshal(wire.EnforcementModeRequest{Mode: mode, Reason: reason})
		if err != nil {
			return err
		}
		got, err := c.do(ctx, call{Method: http.MethodPut, Path: path, Content: body, ContentType: typeJSON}, &m)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		_, err = fmt.Fprintf(p.stdout, "%s is in mode %s\n", printable(m.ID), m.Mode)
		return err
	})
	return cmd
}

func newEnforcementReport(p process) *cobra.Command {
	var who enforcementSubject
	var since string
	cmd := &cobra.Command{
		Use: "report {--client ID | --vim-connection ID}", Short: "See what enforcing would change", Args: takes(),
		Long: `See what observing has let pass, and what enforcing would change as things are now: requests that would have been refused,
violations that stand, workloads that nobody granted, directives that hosts have only recorded, and evictions.`,
		Example: `  ringfence enforcement report --client tacker-lon
  ringfence enforcement report --vim-connection k8s-lon --since 2026-11-23T00:00:00Z`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	who.flags(cmd)
	cmd.Flags().StringVar(&since, "since", "", "count refusals from this time on, such as 2026-11-23T00:00:00Z; left out: since the mode was set")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		path, err := who.path()
		if err != nil {
			return err
		}
		var query url.Values
		if since != "" {
			query = url.Values{"since": {since}}
		}
		var r wire.EnforcementReport
		got, err := c.get(ctx, path+"/report", query, &r)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		return writeEnforcementReport(p.stdout, &r)
	})
	return cmd
}

// writeEnforcementReport writes a report for people: first what enforcing would change, then what is behind it.
func writeEnforcementReport(w io.Writer, r *wire.EnforcementReport) error {
	var directives []string
	for _, kind := range slices.Sorted(maps.Keys(r.OnEnforce.Directives)) {
		directives = append(directives, fmt.Sprintf("%d %s", r.OnEnforce.Directives[kind], kind))
	}
	if directives == nil {
		directives = []string{"none"}
	}
	fmt.Fprintf(w, "%s is in mode %s since %s (%s, by %s)\n", printable(r.Mode.ID), r.Mode.Mode, r.Mode.Since.Format(time.RFC3339), printable(r.Mode.Reason), printable(r.Mode.ActorID))
	fmt.Fprintf(w, "\nEnforcing would change:\n  operations refused since %s: %d\n  directives to carry out: %s\n  evictions: %d\n",
		r.Since.Format(time.RFC3339), r.OnEnforce.Refusals, strings.Join(directives, ", "), r.OnEnforce.Evictions)
	fmt.Fprintf(w, "Workloads that nobody granted there: %d\n", r.WorkloadsWithoutGrant.Count)
	for _, e := range r.WorkloadsWithoutGrant.Examples {
		fmt.Fprintf(w, "  %s on %s\n", printable(e.Object), printable(e.HostID))
	}
	for _, part := range []struct {
		name  string
		rules []wire.CountedRule
	}{{"REFUSED BY", r.Refusals}, {"VIOLATED", r.Violations}} {
		if len(part.rules) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := table{header: []string{part.name, "COUNT", "NEWEST"}}
		for i := range part.rules {
			c := &part.rules[i]
			t.add(c.RuleID, strconv.FormatInt(c.Count, 10), strings.Join(slices.Concat(c.DecisionIDs, c.ViolationIDs), " "))
		}
		if err := t.write(w); err != nil {
			return err
		}
	}
	return nil
}
