package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const decisionsPath = "/placement/v1/decisions"

func newDecision(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "decision", Short: "Read what was decided, and decide it again",
		Long: `Read what was decided, and decide it again from the recorded inputs.

Every grant, refusal and dry run is recorded with the policy versions, the time and the state of the inventory
that it rests on.`,
	}, newDecisionList(p), newDecisionShow(p), newDecisionReplay(p))
}

func newDecisionList(p process) *cobra.Command {
	var kind, outcome string
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest decisions", Args: takes(),
		Long: "List decisions, the newest first.",
		Example: `  ringfence decision list --outcome REFUSE
  ringfence decision list --kind GRANT --limit 100 -o json`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&kind, "kind", "", "only these: GRANT, DRY_RUN or CACHE")
	cmd.Flags().StringVar(&outcome, "outcome", "", "only these: GRANT or REFUSE")
	cmd.Flags().IntVar(&most, "limit", 20, "how many to list; 0: all")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		entries, more, err := list[wire.Decision](ctx, c, decisionsPath, remote.Filter("kind", kind, "outcome", outcome), most)
		if err != nil {
			return err
		}
		if more {
			fmt.Fprintf(p.stderr, "the newest %d; --limit shows more\n", most)
		}
		t := table{header: []string{"DECISION", "KIND", "OUTCOME", "AT", "PLACED"}}
		if out.value == formWide {
			t.header = append(t.header, "EPOCH", "POLICIES", "CHANGE")
		}
		return writeList(p.stdout, out, entries, func(d *wire.Decision) string { return d.ID }, t, func(d *wire.Decision) []string {
			row := []string{d.ID, string(d.Kind), string(d.Outcome), instant(d.At), placedOn(d)}
			if out.value == formWide {
				row = append(row, fmt.Sprint(d.PolicyEpoch), policiesOf(d), d.ChangeSeq)
			}
			return row
		})
	})
	return cmd
}

// placedOn says what of a decision went where.
func placedOn(d *wire.Decision) string {
	var parts []string
	for i := range d.Placements {
		parts = append(parts, d.Placements[i].ResourceDefinitionID+" on "+d.Placements[i].HostID)
	}
	return strings.Join(parts, ", ")
}

func policiesOf(d *wire.Decision) string {
	var parts []string
	for _, ref := range d.Policies {
		parts = append(parts, ref.ID+" "+ref.Version)
	}
	return strings.Join(parts, ", ")
}

func newDecisionShow(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show DECISION", Short: "Show a recorded decision with its explanation", Args: takes("DECISION"),
		Long:    "Show a recorded decision with its explanation, as detailed as it was recorded.",
		Example: "  ringfence decision show 4f3c2b1a-6d5e-4f70-8a91-b2c3d4e5f607",
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		d, raw, err := storedDecision(ctx, c, args[0])
		if err != nil {
			return err
		}
		return showDecision(p.stdout, out, d, raw, explanation{hosts: true})
	})
	return cmd
}

func storedDecision(ctx context.Context, c *client, id string) (*wire.Decision, json.RawMessage, error) {
	var d wire.Decision
	got, err := c.get(ctx, decisionPath(id), nil, &d)
	return &d, got.Body, err
}

func decisionPath(id string) string { return decisionsPath + "/" + url.PathEscape(id) }

func newDecisionReplay(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "replay DECISION", Short: "Decide again from the recorded inputs, and compare", Args: takes("DECISION"),
		Long: `Decide again from the recorded inputs, and compare outcome, placements and explanation member by member. Nothing is
recorded or reserved. A difference is a fault of the service or of its records, and ends with exit code 3.`,
		Example: `  ringfence decision replay 4f3c2b1a-6d5e-4f70-8a91-b2c3d4e5f607
  ringfence decision list --kind GRANT -o name | xargs -n 1 ringfence decision replay`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		replayed, raw, err := replay(ctx, c, args[0])
		if err != nil {
			return err
		}
		if out.machine() {
			err = out.writeObject(p.stdout, raw)
		} else {
			err = writeReplay(p.stdout, args[0], replayed)
		}
		if err == nil && !replayed.Identical {
			err = &exitError{exitRefused, errShown}
		}
		return err
	})
	return cmd
}

func replay(ctx context.Context, c *client, id string) (*wire.Replay, json.RawMessage, error) {
	var r wire.Replay
	got, err := c.do(ctx, call{Method: http.MethodPost, Path: decisionPath(id) + "/replay"}, &r)
	return &r, got.Body, err
}

func writeReplay(w io.Writer, id string, r *wire.Replay) error {
	_, err := fmt.Fprintf(w, "decision %s (%s, policy epoch %d) replays with %s\n",
		printable(id), r.Decision.Outcome, r.Decision.PolicyEpoch, counted(len(r.Differences), "difference"))
	if err != nil || len(r.Differences) == 0 {
		return err
	}
	t := table{header: []string{"WHERE", "RECORDED", "REPLAYED"}}
	for _, d := range r.Differences {
		t.add(d.Pointer, d.Recorded, d.Replayed)
	}
	return t.write(w)
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// showDecision writes a decision in the form asked for.
func showDecision(w io.Writer, out *form, d *wire.Decision, raw json.RawMessage, e explanation) error {
	if out.machine() {
		return out.writeObject(w, raw)
	}
	_, err := fmt.Fprint(w, e.decisionText(d))
	return err
}
