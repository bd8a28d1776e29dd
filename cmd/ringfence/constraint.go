package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const constraintsPath = "/placement/v1/constraints"

func newConstraint(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "constraint", Short: "State what every request must meet about VNF instances or VNFDs",
		Long: `State what every request must meet about VNF instances or VNFDs.

A standing constraint holds whatever a request says itself: together or apart, or in places that are named. New resources are compared
with what runs; nothing that runs is moved. A request that cannot meet it is refused, and names it as STANDING[id].`,
	}, newConstraintAdd(p), newConstraintList(p), newConstraintShow(p), newConstraintDelete(p))
}

func newConstraintAdd(p process) *cobra.Command {
	var ask wire.StandingConstraintRequest
	var kind, scope string
	cmd := &cobra.Command{
		Use:   "add {--vnf-instance ID... | --vnfd ID} --kind KIND --scope SCOPE --reason WHY",
		Short: "State a constraint", Args: takes(),
		Long: `State a constraint that every request from now on must meet. It is about one VNF instance, about each VNF instance of a VNFD, or about
several VNF instances together, such as those of an NS. Of several, ANTI_AFFINITY keeps each apart from the others. Takes the role
OPERATOR, or NFVO for VNF instances of its own.`,
		Example: `  ringfence constraint add --vnf-instance amf-1,amf-2 --ns ns-core-lon --kind ANTI_AFFINITY --scope ZONE --reason "change 7301"
  ringfence constraint add --vnfd upf-2.1 --component pfe --kind FIXED --scope NFVI_POP --unit LON,DUB --reason "licence 48-B"`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.Flags().StringSliceVar(&ask.VNFInstanceIDs, "vnf-instance", nil, "the VNF instances that it is about, together")
	cmd.Flags().StringVar(&ask.VNFDID, "vnfd", "", "the VNFD of which it is about each VNF instance")
	cmd.Flags().StringVar(&ask.NSInstanceID, "ns", "", "the NS that the VNF instances are of")
	cmd.Flags().StringSliceVar(&ask.ComponentIDs, "component", nil, "only these VDUs and OS containers")
	cmd.Flags().StringVar(&kind, "kind", "", "AFFINITY, ANTI_AFFINITY or FIXED")
	cmd.Flags().StringVar(&scope, "scope", "", "NFVI_NODE, CIS_NODE, ZONE, ZONE_GROUP or NFVI_POP; with FIXED one of the last three")
	cmd.Flags().StringSliceVar(&ask.UnitIDs, "unit", nil, "with FIXED: the zones, zone groups or NFVI-PoPs")
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why, for whoever is refused because of it")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		if strings.TrimSpace(ask.Reason) == "" {
			return errors.New("say why with --reason: whoever is refused because of it will ask")
		}
		ask.Kind, ask.Scope = wire.StandingKind(kind), wire.StandingScope(scope)
		var s wire.StandingConstraint
		got, err := c.send(ctx, constraintsPath, ask, &s)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		_, err = fmt.Fprintf(p.stdout, "constraint %s holds: %s\n", printable(s.ID), wants(&s))
		return err
	})
	return cmd
}

// wants is what a constraint wants, in a few words.
func wants(s *wire.StandingConstraint) string {
	what := string(s.Kind) + " " + string(s.Scope)
	if len(s.UnitIDs) > 0 {
		what += " " + strings.Join(s.UnitIDs, ",")
	}
	return printable(what)
}

// about is what a constraint is about.
func about(s *wire.StandingConstraint) string {
	if s.VNFDID != "" {
		return "VNFD " + s.VNFDID
	}
	return strings.Join(s.VNFInstanceIDs, ",")
}

func newConstraintList(p process) *cobra.Command {
	var instance, vnfd, ns string
	cmd := &cobra.Command{
		Use: "list", Short: "List what requests must meet", Args: takes(),
		Long: "List the standing constraints.",
		Example: `  ringfence constraint list --vnf-instance amf-1
  ringfence constraint list -o wide`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&instance, "vnf-instance", "", "only those that name this VNF instance")
	cmd.Flags().StringVar(&vnfd, "vnfd", "", "only those about this VNFD")
	cmd.Flags().StringVar(&ns, "ns", "", "only those about this NS")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		where := remote.Filter("vnfInstanceIds", instance, "vnfdId", vnfd, "nsInstanceId", ns)
		entries, _, err := list[wire.StandingConstraint](ctx, c, constraintsPath, where, 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"CONSTRAINT", "ABOUT", "COMPONENTS", "WANTS", "REASON"}}
		if out.value == formWide {
			t.header = append(t.header, "NS", "BY", "AGE")
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(s *wire.StandingConstraint) string { return s.ID }, t, func(s *wire.StandingConstraint) []string {
			row := []string{s.ID, about(s), orElse(strings.Join(s.ComponentIDs, ","), "all"), wants(s), s.Reason}
			if out.value == formWide {
				row = append(row, s.NSInstanceID, s.ActorID, ago(now, s.CreatedAt))
			}
			return row
		})
	})
	return cmd
}

func newConstraintShow(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show CONSTRAINT", Short: "Show one constraint", Args: takes("CONSTRAINT"),
		Long:    "Show one constraint: what it is about, what is to hold, who stated it and why.",
		Example: `  ringfence constraint show 5e0c9a51-7d2b-4c1f-8a36-b94f07e2d6c8`,
	}
	out := addForms(cmd, formTable, formJSON, formYAML)
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		var s wire.StandingConstraint
		got, err := c.get(ctx, constraintsPath+"/"+url.PathEscape(args[0]), nil, &s)
		if err != nil {
			return err
		}
		if out.machine() {
			return out.writeObject(p.stdout, got.Body)
		}
		t := table{}
		t.add("constraint", s.ID)
		t.add("about", about(&s))
		if s.NSInstanceID != "" {
			t.add("NS", s.NSInstanceID)
		}
		t.add("components", orElse(strings.Join(s.ComponentIDs, ","), "all"))
		t.add("wants", wants(&s))
		t.add("stated", "by "+s.ActorID+", "+instant(s.CreatedAt))
		t.add("why", s.Reason)
		return t.write(p.stdout)
	})
	return cmd
}

func newConstraintDelete(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete CONSTRAINT", Short: "Lift a constraint", Args: takes("CONSTRAINT"),
		Long:    "Lift a constraint: what is decided from now on need not meet it any more. An NFVO lifts what it stated itself, an OPERATOR any.",
		Example: `  ringfence constraint delete 5e0c9a51-7d2b-4c1f-8a36-b94f07e2d6c8`,
	}
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		if _, err := c.do(ctx, call{Method: http.MethodDelete, Path: constraintsPath + "/" + url.PathEscape(args[0])}, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "constraint %s is lifted\n", printable(args[0]))
		return err
	})
	return cmd
}
