package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	wire "ringfence/api/placement"
)

// question is a dry run, with the grant request as it was written.
type question struct {
	GrantRequest json.RawMessage   `json:"grantRequest"`
	Explain      wire.ExplainLevel `json:"explain"`
	Limit        int               `json:"limit,omitempty"`
	HostIDs      []string          `json:"hostIds,omitempty"`
}

func newExplain(p process) *cobra.Command {
	var e explanation
	cmd := &cobra.Command{
		Use: "explain FILE|-|DECISION", Short: "Say why a request is granted or refused, host by host", Args: takes("FILE|-|DECISION"),
		Long: `Say what a grant request would be answered at this moment, and why. Nothing is reserved.

Given the id of a decision instead of a file, show what was recorded with it.

The funnel says how many hosts each rule removed. The nearest miss is the rejected host with the fewest reasons
against it. --host asks about one host only, --full lists the rejected hosts with all their reasons.
A dry run that is refused ends with exit code 3.`,
		Example: `  ringfence explain request.json
  ringfence explain request.json --host h05
  ringfence explain 4f3c2b1a-6d5e-4f70-8a91-b2c3d4e5f607`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringVar(&e.host, "host", "", "only this host")
	cmd.Flags().BoolVar(&e.hosts, "full", false, "list the rejected hosts too, with all their reasons")
	cmd.Flags().IntVar(&e.limit, "limit", 1000, "how many hosts --full lists at most")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if isDecision(args[0]) {
			return e.stored(ctx, p, c, out, args[0])
		}
		request, err := readRequest(p, args[0])
		if err != nil {
			return err
		}
		d, raw, err := e.ask(ctx, c, request)
		if err != nil {
			return err
		}
		if err := showDecision(p.stdout, out, d, raw, e); err != nil {
			return err
		}
		if d.Outcome == wire.DecisionOutcomeREFUSE {
			return &exitError{exitRefused, errShown}
		}
		return nil
	})
	return cmd
}

// isDecision says whether an argument is the id of a decision: it is no file, and does not look like one.
func isDecision(arg string) bool {
	if arg == "-" || strings.ContainsAny(arg, "./\\") {
		return false
	}
	_, err := os.Stat(arg)
	return errors.Is(err, os.ErrNotExist)
}

// stored shows a recorded decision.
func (e explanation) stored(ctx context.Context, p process, c *client, out *form, id string) error {
	d, raw, err := storedDecision(ctx, c, id)
	if notFound(err) {
		return fmt.Errorf("%s is neither a file nor a decision: %w", id, err)
	}
	if err != nil {
		return err
	}
	e.recorded = true
	return showDecision(p.stdout, out, d, raw, e)
}

// explanation is how much of a decision is shown, and asked for.
type explanation struct {
	host     string // only this one
	hosts    bool   // the rejected hosts too
	limit    int    // of the hosts that are listed
	recorded bool   // the decision is not a new one
}

// fewHosts is how many feasible hosts are listed unless more are asked for.
const fewHosts = 10

// ask makes a dry run.
func (e explanation) ask(ctx context.Context, c *client, request json.RawMessage) (*wire.Decision, json.RawMessage, error) {
	q := question{GrantRequest: request, Explain: wire.ExplainLevelFULL, Limit: fewHosts}
	if e.hosts {
		q.Limit = e.limit
	}
	if e.host != "" {
		q.HostIDs = []string{e.host}
	}
	var d wire.Decision
	got, err := c.send(ctx, decisionsPath, q, &d)
	return &d, got.Body, err
}

// decisionText is a decision with its explanation, for a person.
func (e explanation) decisionText(d *wire.Decision) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-10s decision %s (%s), %s\n", d.Outcome, printable(d.ID), d.Kind, instant(d.At))
	fmt.Fprintf(&b, "policies   %s, epoch %d\n", orElse(printable(policiesOf(d)), none), d.PolicyEpoch)
	if len(d.Placements) > 0 {
		b.WriteByte('\n')
		_ = placementTable(d.Placements, nil, false).write(&b)
	}
	x := &d.Explanation
	reasons(&b, "\nagainst the request:", x.Reasons)
	for i := range x.Demands {
		e.demand(&b, &x.Demands[i])
	}
	if len(x.Conflict.Members) > 0 {
		fmt.Fprintf(&b, "\nconflict   %s: %s\n", printable(strings.Join(x.Conflict.Members, ", ")), printable(x.Conflict.Message))
	}
	reasons(&b, "\nwarnings, which refuse nothing:", x.Warnings)
	return b.String()
}

// demand writes how one group of equal resources fared.
func (e explanation) demand(b *bytes.Buffer, x *wire.DemandExplanation) {
	fmt.Fprintf(b, "\n%s: ", printable(strings.Join(x.ResourceDefinitionIDs, ", ")))
	if len(x.Reasons) > 0 {
		reasons(b, "no host was looked at", x.Reasons)
		return
	}
	fmt.Fprintf(b, "%d of %s would do\n", x.HostsFeasible, counted(x.HostsTotal, "host"))
	if e.host != "" {
		e.verdict(b, x)
		return
	}
	if len(x.Funnel) > 0 {
		t := table{header: []string{"  RULE", "HOSTS", "LEFT", "REMOVED"}}
		for _, s := range x.Funnel {
			t.add("  "+s.RuleID, fmt.Sprint(s.In), fmt.Sprint(s.Out), fmt.Sprint(s.In-s.Out))
		}
		_ = t.write(b)
	}
	feasibleHosts(b, x)
	if e.hosts && len(x.Rejected) > 0 {
		rejectedHosts(b, x.Rejected)
	} else if x.NearestMiss.HostID != "" {
		reasons(b, "  nearest miss "+printable(x.NearestMiss.HostID)+":", x.NearestMiss.Reasons)
	}
}

func feasibleHosts(b *bytes.Buffer, x *wire.DemandExplanation) {
	if len(x.Feasible) == 0 {
		return
	}
	t := table{header: []string{"  FEASIBLE", "CIS NODE", "RUNTIME", "ISOLATION", "IMAGES IN THE HOST'S CACHE"}}
	for i := range x.Feasible {
		h := &x.Feasible[i]
		t.add("  "+h.HostID, h.CISNodeID, h.Runtime, string(h.Isolation), feasibleCache(h))
	}
	_ = t.write(b)
	if n := x.HostsFeasible - len(x.Feasible); n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
}

func feasibleCache(h *wire.FeasibleHost) string {
	modes := map[string]string{}
	for digest, mode := range h.Cache {
		modes[digest] = string(mode)
	}
	return cacheModes(modes)
}

func rejectedHosts(b *bytes.Buffer, hosts []wire.RejectedHost) {
	t := table{header: []string{"  REJECTED", "RULE", "WHY"}}
	for i := range hosts {
		for _, r := range hosts[i].Reasons {
			t.add("  "+hosts[i].HostID, r.RuleID, withoutRule(r.Message, r.RuleID))
		}
	}
	_ = t.write(b)
}

// verdict says what is known about the one host that was asked about.
func (e explanation) verdict(b *bytes.Buffer, x *wire.DemandExplanation) {
	for i := range x.Feasible {
		if h := &x.Feasible[i]; h.HostID == e.host {
			fmt.Fprintf(b, "  %s would do: runtime %s, isolation %s, images in its cache %s\n",
				printable(e.host), printable(h.Runtime), h.Isolation, feasibleCache(h))
			return
		}
	}
	for _, h := range append([]wire.RejectedHost{x.NearestMiss}, x.Rejected...) {
		if h.HostID == e.host {
			reasons(b, "  "+printable(e.host)+" would not do:", h.Reasons)
			return
		}
	}
	fmt.Fprintf(b, "  nothing is said about %s", printable(e.host))
	if e.recorded {
		b.WriteString(" in this decision; give explain the request to ask about it now")
	}
	b.WriteByte('\n')
}

// reasons writes what stands against something; nothing when there is nothing.
func reasons(b *bytes.Buffer, title string, list []wire.Reason) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(b, title)
	t := table{}
	for _, r := range list {
		t.add("    "+r.RuleID, withoutRule(r.Message, r.RuleID))
	}
	_ = t.write(b)
}
