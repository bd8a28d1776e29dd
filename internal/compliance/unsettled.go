package compliance

import (
	"context"
	"fmt"
	"time"

	"ringfence/internal/placement"
)

const (
	unsettledEvery = 5 * time.Second // how often directives are looked at that are not carried out
	unsettledLines = 10              // of them that have a line of their own in the log when many come at once
)

// recordUnsettled records the directives that hosts failed to carry out, or do not answer. Before that it tells hosts that came behind
// another VIM connection whether directives bind there.
func (s *Service) recordUnsettled(ctx context.Context, policyEpoch int64) error {
	if time.Since(s.unsettled) < unsettledEvery {
		return nil
	}
	told, err := s.store.TellEnforcement(ctx)
	if err != nil {
		return fmt.Errorf("tell hosts whether directives bind: %w", err)
	}
	if told > 0 {
		s.log.InfoContext(ctx, "hosts were told whether directives bind", "hosts", told)
	}
	done, err := s.store.RecordUnsettled(ctx, s.name, s.settings.OverdueAfter, policyEpoch)
	if err != nil {
		return fmt.Errorf("record directives that are not carried out: %w", err)
	}
	s.unsettled = time.Now()
	for i := range done.Opened[:min(len(done.Opened), unsettledLines)] {
		v := &done.Opened[i]
		s.log.WarnContext(ctx, "a directive is not carried out", "ruleId", v.Reason.RuleID, "hostId", v.HostID,
			"seq", v.Reason.Params["seq"], "kind", v.Reason.Params["kind"], "detail", v.Reason.Params["detail"])
	}
	if more := len(done.Opened) - unsettledLines; more > 0 {
		s.log.WarnContext(ctx, "more directives are not carried out", "count", more)
	}
	if len(done.Opened)+done.Ended == 0 {
		return nil
	}
	if done.Ended > 0 {
		s.observer.ViolationsEnded(string(placement.Enforced), done.Ended)
	}
	return s.count(ctx)
}
