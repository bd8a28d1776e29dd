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
	"ringfence/test/server"
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
	profile  string
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
	flags.StringVar(&o.profile, "profile", "", "file that a CPU profile of the service under the load of B4 is written to, of the largest fleet")
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
	policy, err := os.ReadFile(policyFile)
	if err != nil {
		return fmt.Errorf("%w; run it in the root of the checkout", err)
	}
	rep := report{Machine: describeMachine(ctx)}
	if err := o.measure(ctx, &rep, policy, stderr); err != nil {
		return err
	}
	rep.Machine.LoadAfter = load1()
	if _, err := io.WriteString(stdout, rep.table()); err != nil {
		return err
	}
	return rep.write(o.out)
}

// measure runs what is wanted, from small to large.
func (o *options) measure(ctx context.Context, rep *report, policy []byte, stderr io.Writer) error {
	saying := func(id string, hosts int) { _, _ = fmt.Fprintf(stderr, "%s: %d hosts\n", id, hosts) }
	if o.wants("B1") {
		for _, hosts := range o.hosts {
			saying("B1", hosts)
			r, err := solve(ctx, policy, hosts)
			if err != nil {
				return fmt.Errorf("B1 with %d hosts: %w", hosts, err)
			}
			rep.add(r)
		}
	}
	if !o.wants("B4", "B5", "B6") {
		return nil
	}
	folder, err := os.MkdirTemp("", "ringfence-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	program, err := server.Build(ctx, folder)
	if err != nil {
		return err
	}
	for _, hosts := range o.hosts {
		if !o.wants("B4", "B5") {
			break
		}
		saying("B4 and B5", hosts)
		results, err := grants(ctx, program, hosts, o)
		if err != nil {
			return fmt.Errorf("B4 and B5 with %d hosts: %w", hosts, err)
		}
		rep.add(results...)
	}
	for _, hosts := range o.hosts {
		if !o.wants("B6") {
			break
		}
		saying("B6", hosts)
		r, err := start(ctx, program, hosts)
		if err != nil {
			return fmt.Errorf("B6 with %d hosts: %w", hosts, err)
		}
		rep.add(r)
	}
	return nil
}

// policyFile is the policy that everything is decided under.
const policyFile = "deployments/policies/vm-equivalent.yaml"
