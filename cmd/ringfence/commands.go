package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups in which help lists the commands.
const (
	groupDecide  = "decide"
	groupOperate = "operate"
	groupServe   = "serve"
)

// clientCommands are the commands that talk to a running service, and those that need none.
func clientCommands(p process) []*cobra.Command {
	groups := []struct {
		id       string
		commands []*cobra.Command
	}{
		{groupDecide, []*cobra.Command{newGrant(p), newExplain(p), newDecision(p), newPolicy(p)}},
		{groupOperate, []*cobra.Command{newImport(p), newExport(p), newChange(p), newVNFD(p), newHost(p), newReservation(p), newConstraint(p), newVNFM(p), newEnforcement(p), newViolation(p), newDirectives(p), newSubscription(p), newNotification(p), newAccess(p)}},
		{groupServe, []*cobra.Command{newDemo(p)}},
	}
	var all []*cobra.Command
	for _, g := range groups {
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			all = append(all, cmd)
		}
	}
	return all
}

// withClient is a command's body that talks to the service.
func withClient(p process, run func(ctx context.Context, c *client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := newClient(p.getenv)
		if err != nil {
			return err
		}
		return run(cmd.Context(), c, args)
	}
}

// takes says which arguments a command has, by the names that its usage gives them; a name in brackets may be left
// out, one that ends in dots may be repeated.
func takes(names ...string) cobra.PositionalArgs {
	least, most := 0, len(names)
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			least++
		}
		if strings.Contains(name, "...") {
			most = int(^uint(0) >> 1)
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		if least <= len(args) && len(args) <= most {
			return nil
		}
		what := strings.Join(names, " ")
		if what == "" {
			what = "no arguments"
		}
		return fmt.Errorf("%s takes %s, but %d were given; see %s --help", cmd.CommandPath(), what, len(args), cmd.CommandPath())
	}
}

// subcommands is a command that only holds others. Given something that it has not, it says what it has.
func subcommands(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subs...)
	cmd.DisableFlagsInUseLine = true
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, sub := range cmd.Commands() {
			names = append(names, sub.Name())
		}
		return fmt.Errorf("%s has no command %q; it has %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
	}
	return cmd
}
