package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
	wire "ringfence/api/directives"
)

const (
	pollWait  = 30 * time.Second // how long one poll waits
	pollPause = 2 * time.Second  // between polls that failed
)

// follower reads the directives of one host.
type follower struct {
	host   string
	after  int64
	follow bool
}

func newDirectives(p process) *cobra.Command {
	var f follower
	cmd := &cobra.Command{
		Use: "directives HOST", Short: "Read the directives of a host, and verify them", Args: takes("HOST"),
		Long: `Read what a host is told, in order. Every signature is verified against the keys of the service; one that does not
verify ends the command with an error.

With --follow new directives are shown as they come, until the command is interrupted; -o json then writes one
object per line.`,
		Example: `  ringfence directives h02
  ringfence directives h02 --after 41 --follow`,
	}
	out := addForms(cmd, formTable, formWide, formJSON, formYAML)
	cmd.Flags().Int64Var(&f.after, "after", 0, "only those with a higher number")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "wait for more")
	cmd.RunE = withClient(p, func(ctx context.Context, c *client, args []string) error {
		f.host = args[0]
		return f.run(ctx, p, c, out)
	})
	return cmd
}

func (f *follower) run(ctx context.Context, p process, c *client, out *form) error {
	verifier := remote.NewVerifier(c.remote)
	if !f.follow {
		batch, err := f.all(ctx, c, verifier)
		if err != nil {
			return err
		}
		return writeList(p.stdout, out, batch, directiveName, directiveTable(out), directiveRow(out))
	}
	for first := true; ctx.Err() == nil; {
		batch, err := f.next(ctx, c, verifier, pollWait)
		if err := tolerate(ctx, p, err); err != nil {
			return err
		}
		if err := writeFollowed(p.stdout, out, batch, first); err != nil {
			return err
		}
		first = first && len(batch) == 0
	}
	return nil // interrupted, which is how following ends
}

// tolerate waits a little after an error that may pass, and returns any other. Being interrupted is none.
func tolerate(ctx context.Context, p process, err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if !passing(err) {
		return err
	}
	fmt.Fprintln(p.stderr, "ringfence: "+err.Error()+"; trying again")
	pause(ctx, pollPause)
	return nil
}

// passing says whether the same request may succeed later.
func passing(err error) bool {
	if e := asAPIError(err); e != nil {
		return e.problem.Status == http.StatusTooManyRequests || e.problem.Status >= http.StatusInternalServerError
	}
	if _, unverified := errors.AsType[*unverifiedError](err); unverified {
		return false
	}
	exit, ok := errors.AsType[*exitError](err)
	return ok && exit.code == exitServer
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// all reads to the end of the feed.
func (f *follower) all(ctx context.Context, c *client, verifier *remote.Verifier) ([]listed[wire.Directive], error) {
	var all []listed[wire.Directive]
	for {
		batch, err := f.next(ctx, c, verifier, 0)
		if err != nil || len(batch) == 0 {
			return all, err
		}
		all = append(all, batch...)
	}
}

// unverifiedError is about a directive that must not be carried out.
type unverifiedError struct {
	host string
	seq  int64
	err  error
}

func (e *unverifiedError) Error() string {
	return fmt.Sprintf("what comes as directive %d of host %s must not be carried out: %v", e.seq, e.host, e.err)
}
func (e *unverifiedError) Unwrap() error { return e.err }

// next reads what follows, in order, waiting for the first if there is none yet, and verifies it.
func (f *follower) next(ctx context.Context, c *client, verifier *remote.Verifier, wait time.Duration) ([]listed[wire.Directive], error) {
	raws, err := c.remote.HostFeed(ctx, f.host, f.after, wait)
	if err != nil {
		return nil, c.explained(ctx, err)
	}
	var batch []listed[wire.Directive]
	after := f.after
	for _, raw := range raws {
		d, err := verifier.Verify(ctx, raw)
		if err != nil && !errors.Is(err, remote.ErrUnsigned) {
			return nil, c.explained(ctx, err) // the keys could not be read
		}
		if err == nil {
			err = f.check(&d, after)
		}
		if err != nil {
			return nil, &exitError{exitServer, &unverifiedError{f.host, after + 1, err}}
		}
		after = d.Seq
		batch = append(batch, listed[wire.Directive]{raw, d})
	}
	f.after = after
	return batch, nil
}

// check holds a directive, which comes after the one with that number, against what a reader must reject beside what is not signed.
func (f *follower) check(d *wire.Directive, after int64) error {
	switch {
	case d.HostID != f.host:
		return fmt.Errorf("it is for host %q", d.HostID)
	case d.Seq != after+1:
		return fmt.Errorf("it is number %d and follows %d, so directives are missing", d.Seq, after)
	}
	return nil
}

// writeFollowed writes what has come. A table has its header once.
func writeFollowed(w io.Writer, out *form, batch []listed[wire.Directive], first bool) error {
	for i := range batch {
		switch out.value {
		case formJSON:
			if _, err := fmt.Fprintf(w, "%s\n", batch[i].raw); err != nil {
				return err
			}
			continue
		case formYAML:
			if _, err := fmt.Fprintln(w, "---"); err != nil {
				return err
			}
			if err := out.writeObject(w, batch[i].raw); err != nil {
				return err
			}
			continue
		}
		t := directiveTable(out)
		if !first || i > 0 {
			t.header = nil
		}
		if err := writeList(w, out, batch[i:i+1], directiveName, t, directiveRow(out)); err != nil {
			return err
		}
	}
	return nil
}

func directiveName(d *wire.Directive) string { return strconv.FormatInt(d.Seq, 10) }

func directiveTable(out *form) table {
	t := table{header: []string{"SEQ", "KIND     ", "ISSUED", "WHAT"}}
	if out.value == formWide {
		t.header = append(t.header, "DECISION")
	}
	return t
}

func directiveRow(out *form) func(*wire.Directive) []string {
	return func(d *wire.Directive) []string {
		row := []string{fmt.Sprintf("%3d", d.Seq), fmt.Sprintf("%-9s", d.Kind), instant(d.IssuedAt), advice(d) + directiveText(d)}
		if out.value == formWide {
			row = append(row, d.DecisionID)
		}
		return row
	}
}

// advice marks a directive that the host only records.
func advice(d *wire.Directive) string {
	if d.Enforcement == wire.DirectiveEnforcementADVISORY && d.Kind != wire.DirectiveKindENFORCEMENT {
		return "(advisory) "
	}
	return ""
}

// directiveText says in a line what a directive orders.
func directiveText(d *wire.Directive) string {
	switch d.Kind {
	case wire.DirectiveKindPLACE:
		where := ""
		if d.Place.CISNode != "" {
			where = " on CIS node " + d.Place.CISNode
		}
		return fmt.Sprintf("%s may run%s with %s (%s)", workload(d.Place.Workload), where, d.Place.Runtime, d.Place.Isolation)
	case wire.DirectiveKindRELEASE:
		return fmt.Sprintf("%s may no longer run: %s", workload(d.Release.Workload), d.Release.Reason)
	case wire.DirectiveKindCACHE:
		return cacheText(&d.Cache)
	case wire.DirectiveKindPURGE:
		return purgeText(&d.Purge)
	case wire.DirectiveKindSCRUB:
		return fmt.Sprintf("clean the host, level %s: %s", d.Scrub.Level, d.Scrub.Reason)
	case wire.DirectiveKindQUARANTINE:
		return "start nothing new: " + d.Quarantine.Reason
	case wire.DirectiveKindUNQUARANTINE:
		return "the quarantine is over: " + d.Quarantine.Reason
	case wire.DirectiveKindENFORCEMENT:
		if d.Enforcement == wire.DirectiveEnforcementADVISORY {
			return "directives do not bind from now on: " + d.Change.Reason
		}
		return "directives bind from now on: " + d.Change.Reason
	}
	return "this version of the command line does not know the kind " + string(d.Kind)
}

func workload(w wire.WorkloadReference) string {
	return w.ComponentID + " of " + w.VNFInstanceID
}

func cacheText(c *wire.CacheDirective) string {
	what := "image " + shortDigest(c.Digest)
	if c.Digest == "*" {
		what = "images"
	}
	text := fmt.Sprintf("%s: %s, pull %s", what, c.Mode, c.PullPolicy)
	if c.PurgeOnRelease {
		text += ", purge on release"
	}
	if len(c.VisibleToTrustDomainIDs) > 0 {
		text += ", only for " + strings.Join(c.VisibleToTrustDomainIDs, ", ")
	}
	return text
}

func purgeText(p *wire.PurgeDirective) string {
	switch {
	case p.All:
		return "purge all images"
	case p.TrustDomainID != "":
		return "purge the images of " + p.TrustDomainID
	}
	var short []string
	for _, d := range p.Digests {
		short = append(short, shortDigest(d))
	}
	return "purge " + strings.Join(short, ", ")
}
