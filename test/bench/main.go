package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ringfence/test/bench/synthetic"
)

// seed makes the same fleets and requests in every run.
const seed = 20261123

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	hosts    []int
	only     []string
	duration time.Duration
	out      string
}

// ids are the benchmarks, in the order in which they run.
var ids = []string{"B1", "B4", "B5", "B6"}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var hosts, only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&hosts, "hosts", "1000,10000", "sizes of the fleet, separated by commas")
	flags.StringVar(&only, "only", "", "what to measure, of "+strings.Join(ids, ",")+" (default all)")
	flags.DurationVar(&o.duration, "duration", 15*time.Second, "how long the service is loaded for B4, and again for B5")
	flags.StringVar(&o.out, "out", "bench.json", "file that the results are written to as JSON")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: everything is a flag, see -help", flags.Arg(0))
	}
	for text := range strings.SplitSeq(hosts, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < synthetic.MinHosts {
			return o, fmt.Errorf("-hosts %q: a fleet has at least %d hosts", text, synthetic.MinHosts)
		}
		o.hosts = append(o.hosts, n)
	}
	slices.Sort(o.hosts)
	o.hosts = slices.Compact(o.hosts)
	o.only = ids
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	for _, id := range o.only {
		if !slices.Contains(ids, id) {
			return o, fmt.Errorf("-only %q: there are %s", id, strings.Join(ids, ", "))
		}
	}
	if o.duration <= 0 {
		return o, fmt.Errorf("-duration %s: give a positive one", o.duration)
	}
	return o, nil
}

func (o *options) wants(ids ...string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(o.only, id) })
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	rep := report{Machine: describeMachine(ctx)}
	policy, err := os.ReadFile(policyFile)
	if err != nil {
		return fmt.Errorf("%w; run it in the root of the checkout", err)
	}
	if o.wants("B1") {
		for _, hosts := range o.hosts {
			_, _ = fmt.Fprintf(stderr, "B1: %d hosts\n", hosts)
			r, err := solve(ctx, policy, hosts)
			if err != nil {
				return fmt.Errorf("B1 with %d hosts: %w", hosts, err)
			}
			rep.add(r)
		}
	}
	rep.Machine.LoadAfter = load()
	if _, err := io.WriteString(stdout, rep.table()); err != nil {
		return err
	}
	return rep.write(o.out)
}

// policyFile is the policy that everything is decided under.
const policyFile = "deployments/policies/vm-equivalent.yaml"
