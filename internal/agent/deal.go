package agent

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"ringfence/api/client"
	wire "ringfence/api/directives"
)

// The pauses between attempts to do what failed.
const (
	firstRetry   = time.Second
	longestRetry = time.Minute
	eraseRetry   = 5 * time.Second
)

// result is what became of one attempt at a directive. The zero value says that there is nothing to say yet.
type result struct {
	outcome wire.AckOutcome
	detail  string
	open    bool // it is tried again
}

func applied(detail string) result { return result{outcome: wire.AckOutcomeAPPLIED, detail: detail} }

func superseded(detail string) result {
	return result{outcome: wire.AckOutcomeSUPERSEDED, detail: detail}
}
func failed(detail string) result { return result{outcome: wire.AckOutcomeFAILED, detail: detail} }
func waiting() result             { return result{open: true} }

// failing is failed, and tried again.
func failing(err error) result {
	return result{outcome: wire.AckOutcomeFAILED, detail: err.Error(), open: true}
}

// deal carries out what is open and tells ringfence, until the context ends.
func (a *Agent) deal(ctx context.Context) {
	tick := time.NewTicker(firstRetry)
	defer tick.Stop()
	for {
		a.round(ctx)
		select {
		case <-a.work:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// round tries every open directive once, in their order, cleans up what has lost its right, and tells what is new.
func (a *Agent) round(ctx context.Context) {
	a.mu.Lock()
	items := append([]*Item(nil), a.journal.Open...)
	seen := a.seen
	a.mu.Unlock()
	if seen == nil { // whoever does not know what is there must not remove any of it
		return
	}
	if !a.recovered {
		a.recovered = a.recover(ctx)
	}
	for _, item := range items {
		if ctx.Err() != nil {
			return
		}
		if !item.Closed && !a.now().Before(item.next) {
			a.try(ctx, item, *seen)
		}
	}
	a.expire(ctx, *seen)
	a.tell(ctx)
}

// try attempts one directive and keeps what became of it.
func (a *Agent) try(ctx context.Context, item *Item, seen Observation) {
	r := a.carryOut(ctx, item, seen)
	if ctx.Err() != nil { // what was interrupted has no outcome
		return
	}
	if r.open && r.outcome != "" && r.outcome != wire.AckOutcomeRECORDED { // what is recorded waits for the mode, not for luck
		item.tries++
		item.next = a.now().Add(min(firstRetry<<min(item.tries-1, 10), longestRetry))
	}
	r.detail = shorten(r.detail)
	if r.open && (r.outcome == "" || r.outcome == item.Outcome && r.detail == item.Detail) {
		return
	}
	a.status.dealt(r.outcome)
	if r.outcome == wire.AckOutcomeFAILED {
		a.log.Error("a directive cannot be carried out", "seq", item.Directive.Seq, "kind", item.Directive.Kind, "reason", r.detail, "again", r.open)
	}
	err := a.change(func(*Journal) {
		item.Outcome, item.Detail, item.Told, item.Closed = r.outcome, r.detail, false, !r.open
	})
	if err != nil {
		a.log.Error("the journal cannot be written", "error", err)
	}
}

func (a *Agent) carryOut(ctx context.Context, item *Item, seen Observation) result {
	d := &item.Directive
	if a.advisory() && changesHost(d.Kind) {
		return a.record(d)
	}
	switch d.Kind {
	case wire.DirectiveKindPLACE:
		return a.place(d, seen)
	case wire.DirectiveKindRELEASE:
		return a.release(ctx, item, seen)
	case wire.DirectiveKindCACHE:
		return a.cache(ctx, d, seen)
	case wire.DirectiveKindPURGE:
		return a.purge(ctx, d, seen)
	case wire.DirectiveKindSCRUB:
		return a.scrub(ctx, d, seen)
	case wire.DirectiveKindQUARANTINE, wire.DirectiveKindUNQUARANTINE, wire.DirectiveKindENFORCEMENT:
		return applied("")
	}
	return failed(fmt.Sprintf("this agent does not know directives of kind %q: replace it by a newer one", d.Kind))
}

// place waits until the workload is seen: others start it.
func (a *Agent) place(d *wire.Directive, seen Observation) result {
	id := d.Place.Workload.ResidencyID
	a.mu.Lock()
	place, stands := a.journal.Places[id]
	a.mu.Unlock()
	switch {
	case !stands || place.Seq != d.Seq:
		return superseded("a later directive ended the right to run or gave it anew")
	case d.Place.CISNode != a.config.CISNodeID:
		return result{} // whoever enforces on that node answers; nothing of it can be seen here
	case seen.running(id) != nil:
		if got := seen.running(id).Runtime; got != d.Place.Runtime {
			return failing(fmt.Errorf("it runs with the runtime class %s, and may run with %s only", got, d.Place.Runtime))
		}
		return applied("")
	case !d.Place.ExpiresAt.IsZero() && a.now().After(d.Place.ExpiresAt):
		return failed("nothing with its residency started before the right expired")
	}
	return waiting()
}

// release waits until the workload is gone, and ends it if that is this agent's to do.
func (a *Agent) release(ctx context.Context, item *Item, seen Observation) result {
	if item.Elsewhere {
		return result{} // whoever enforces on that node answers
	}
	if seen.At.Before(item.taken) {
		return waiting()
	}
	w := seen.running(item.Directive.Release.Workload.ResidencyID)
	if w == nil {
		return applied("")
	}
	if a.config.StopReleased == 0 || a.now().Sub(item.Directive.IssuedAt) < a.config.StopReleased {
		return waiting()
	}
	if a.advisory() {
		return recorded()
	}
	if err := a.images.Stop(ctx, *w); err != nil {
		return failing(fmt.Errorf("end %s: %w", w.ID, err))
	}
	signal(a.look)
	return waiting()
}

// tell delivers the answers that ringfence does not have.
func (a *Agent) tell(ctx context.Context) {
	a.mu.Lock()
	items := append([]*Item(nil), a.journal.Open...)
	a.mu.Unlock()
	var told []*Item
	for _, item := range items {
		if item.Told || item.Outcome == "" && !item.Closed {
			continue
		}
		if err := a.acknowledge(ctx, item); err != nil {
			a.log.Warn("an acknowledgement cannot be delivered", "seq", item.Directive.Seq, "error", err)
			break
		}
		told = append(told, item)
	}
	if len(told) == 0 {
		return
	}
	err := a.change(func(j *Journal) {
		for _, item := range told {
			item.Told = true
		}
		j.prune()
	})
	if err != nil {
		a.log.Error("the journal cannot be written", "error", err)
	}
}

// acknowledge delivers one answer. One that contradicts what ringfence knows already (409) stays with that: it was settled by
// what was observed, or by another agent of the host.
func (a *Agent) acknowledge(ctx context.Context, item *Item) error {
	if item.Outcome == "" {
		return nil
	}
	err := a.service.Acknowledge(ctx, wire.Ack{HostID: a.config.HostID, Seq: item.Directive.Seq, Outcome: item.Outcome, Detail: item.Detail})
	if client.HasStatus(err, http.StatusConflict) {
		a.log.Warn("ringfence has another answer to a directive already", "seq", item.Directive.Seq, "outcome", item.Outcome, "error", err)
		return nil
	}
	return err
}
