package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/placement"
)

const violationsPath = "/placement/v1/violations"

func newViolation(p process) *cobra.Command {
	return subcommands(&cobra.Command{
		Use: "violation", Short: "See what runs against the rules in force",
		Long: `See what runs against the rules in force.

After every activation and every other change the service holds what runs against the rules and records what does
not meet them. It evicts only what violates an enforced rule that says onViolation: EVICT, and at most so many residencies
in a minute as the service's setting evictions-per-minute says.`,
	}, newViolationList(p))
}

func newViolationList(p process) *cobra.Command {
	var host, instance, domain, rule, enforcement, eviction, source string
	var ended bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what runs against the rules in force", Args: takes(),
		Long: `List what does not meet a rule in force, and with --ended what did not meet one once. ENFORCED rules refuse what would
come, SHOULD rules warn of it, and rules in AUDIT mode only record it. EVICTION says how far the eviction of the residency is:
it waits (PENDING), its host was told to release it (ORDERED), it is gone (DONE).`,
		Example: `  ringfence violation list --rule R-SEPNF
  ringfence violation list --enforcement AUDIT
  ringfence violation list --eviction PENDING
  ringfence violation list --host h04 --ended -o wide`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML, formName)
	cmd.Flags().StringVar(&host, "host", "", "only those on this host")
	cmd.Flags().StringVar(&instance, "vnf-instance", "", "only those of this VNF instance")
	cmd.Flags().StringVar(&domain, "trust-domain", "", "only those of this trust domain")
	cmd.Flags().StringVar(&rule, "rule", "", "only those of this rule")
	cmd.Flags().StringVar(&enforcement, "enforcement", "", "only those of rules that are ENFORCED, SHOULD or AUDIT")
	cmd.Flags().StringVar(&eviction, "eviction", "", "only those whose eviction is NONE, PENDING, ORDERED or DONE")
	cmd.Flags().StringVar(&source, "source", "", "only those that holding what is decided against the RULES found, an OBSERVATION of a host, or DIRECTIVES that were not carried out")
	cmd.Flags().BoolVar(&ended, "ended", false, "also those that have ended")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, _ []string) error {
		state := string(wire.RecordedViolationStateOPEN)
		if ended {
			state = ""
		}
		where := remote.Filter("hostId", host, "vnfInstanceId", instance, "trustDomainId", domain, "ruleId", rule, "enforcement", enforcement, "eviction", eviction, "source", source, "state", state)
		entries, _, err := list[wire.RecordedViolation](ctx, c, violationsPath, where, 0)
		if err != nil {
			return err
		}
		t := table{header: []string{"HOST", "VNF INSTANCE", "TRUST DOMAIN", "RULE", "ENFORCEMENT", "EVICTION", "SINCE", "WHY"}}
		if out.value == formWide {
			t.header = append(t.header, "ENDED", "ON VIOLATION", "RESIDENCY", "AGAINST", "ID")
		}
		now := time.Now()
		return writeList(p.stdout, out, entries, func(v *wire.RecordedViolation) string { return v.ID }, t, func(v *wire.RecordedViolation) []string {
			why := strings.TrimPrefix(v.Reason.Message, v.Reason.RuleID+": ")
			row := []string{v.HostID, v.VNFInstanceID, v.TrustDomainID, v.Reason.RuleID, string(v.Enforcement), string(v.Eviction), ago(now, v.Since), why}
			if out.value == formWide {
				row = append(row, ago(now, v.Until), string(v.OnViolation), v.ResidencyID, v.Reason.AgainstID, v.ID)
			}
			return row
		})
	})
	return cmd
}
