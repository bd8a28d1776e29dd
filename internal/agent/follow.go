package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringfence/api/client"
	wire "ringfence/api/directives"
)

const (
	feedWait = 30 * time.Second
	retry    = time.Second      // after a feed that did not answer
	refused  = 10 * time.Second // after a directive that must not be followed
)

// errRefused says that a directive must not be followed, nor any after it.
var errRefused = errors.New("refused")

// follow reads the feed and enters what it brings, until the context ends.
func (a *Agent) follow(ctx context.Context) {
	for ctx.Err() == nil {
		switch _, err := a.step(ctx, feedWait); {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, errRefused):
			a.log.Error("a directive is refused, and nothing after it is followed", "error", err)
			pause(ctx, refused)
		default:
			a.log.Warn("the directives cannot be read", "error", err)
			pause(ctx, retry)
		}
	}
}

// step reads the directives that follow and enters each. It returns how many there were.
func (a *Agent) step(ctx context.Context, wait time.Duration) (int, error) {
	after := a.last()
	texts, err := a.service.HostFeed(ctx, a.config.HostID, after, wait)
	if err != nil {
		return 0, err
	}
	a.status.read(a.now())
	a.entering.Lock()
	defer a.entering.Unlock()
	if a.last() != after { // another reader entered some of them meanwhile
		return len(texts), nil
	}
	for _, text := range texts {
		if err := a.enter(ctx, text); err != nil {
			return 0, err
		}
	}
	return len(texts), nil
}

// last is the number of the last directive that was entered.
func (a *Agent) last() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.journal.Seq
}

// enter verifies a directive and takes it into the journal.
func (a *Agent) enter(ctx context.Context, text json.RawMessage) error {
	d, err := a.verifier.Verify(ctx, text)
	if err != nil {
		return a.refuse(ctx, text, err)
	}
	last := a.last()
	switch {
	case d.HostID != a.config.HostID:
		return fmt.Errorf("%w: directive %d is for host %q", errRefused, d.Seq, d.HostID)
	case d.Seq <= last:
		return fmt.Errorf("%w: directive %d is older than %d, which this host has: the feed was replayed, or ringfence was set back. If an operator did that on purpose, remove the journal", errRefused, d.Seq, last)
	case d.Seq != last+1:
		return fmt.Errorf("%w: directive %d follows on %d: there is a gap", errRefused, d.Seq, last)
	}
	before := a.advisory()
	if err := a.change(func(j *Journal) { j.take(d, a.config.CISNodeID, a.now()) }); err != nil {
		return err
	}
	if now := a.advisory(); now != before {
		a.log.Warn("whether directives bind has changed", "seq", d.Seq, "advisory", now)
	}
	a.log.Info("directive", "seq", d.Seq, "kind", d.Kind, "decisionId", d.DecisionID)
	signal(a.work)
	signal(a.look)
	return nil
}

// refuse answers a directive that does not verify FAILED, if it is the one that was to come: so that it is seen at the other
// end as well. An error of the network is none of the directive.
func (a *Agent) refuse(ctx context.Context, text json.RawMessage, reason error) error {
	if !errors.Is(reason, client.ErrUnsigned) {
		return reason
	}
	var claimed struct {
		Seq int64 `json:"seq"`
	}
	_ = json.Unmarshal(text, &claimed) // what is no JSON claims no number
	next := a.last() + 1
	if claimed.Seq == next {
		ack := wire.Ack{HostID: a.config.HostID, Seq: next, Outcome: wire.AckOutcomeFAILED, Detail: shorten("refused: " + reason.Error())}
		if err := a.service.Acknowledge(ctx, ack); err != nil {
			a.log.Warn("the refusal cannot be reported", "seq", next, "error", err)
		}
	}
	return fmt.Errorf("%w: directive %d: %w", errRefused, claimed.Seq, reason)
}

// maxDetail is how long the contract lets the detail of an acknowledgement be.
const maxDetail = 1024

// shorten cuts a sentence to what an acknowledgement takes, between characters.
func shorten(detail string) string {
	runes := []rune(detail)
	if len(runes) > maxDetail {
		return string(runes[:maxDetail-1]) + "…"
	}
	return detail
}
