package grant

import (
	"context"
	"fmt"
	"reflect"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// Feed reads the retained change feed from its beginning.
type Feed interface {
	// ReplayFeed calls fn with every change after from, up to and including to, in order.
	ReplayFeed(ctx context.Context, from, to placement.FeedPosition, fn func(placement.Change) error) error
}

// Replay is the result of deciding a recorded decision again from its inputs and the feed.
type Replay struct {
	Decision    placement.Decision // as it comes out now
	Differences []string           // empty: identical
}

// ReplayDecision rebuilds the fleet at the decision's position of the feed and decides again.
func (s *Service) ReplayDecision(ctx context.Context, feed Feed, id string) (Replay, error) {
	d, err := s.store.GetDecision(ctx, id)
	if err != nil {
		return Replay{}, err
	}
	f := fleet.New()
	err = feed.ReplayFeed(ctx, placement.FeedPosition{}, d.Inputs.Position, func(c placement.Change) error { return f.Apply(c) })
	if err != nil {
		return Replay{}, err
	}
	return DecideAgain(f.Publish(), &d)
}

// DecideAgain decides a recorded decision on a view at its position and compares.
func DecideAgain(view *fleet.View, d *placement.Decision) (Replay, error) {
	in := d.Inputs
	if len(in.Candidates) > 0 {
		set, err := policy.CompileSet(in.Candidates)
		if err != nil {
			return Replay{}, err
		}
		view = view.With(set)
	}
	again := *d
	if d.Kind == placement.DecisionCache {
		again.Explanation = placement.Explanation{}
		_, again.Explanation.Reasons = solver.SolveCache(view, &in)
	} else {
		again.Plan, again.Explanation = solver.Solve(view, &in)
	}
	again.Outcome = outcome(again.Plan != nil || d.Kind == placement.DecisionCache && len(again.Explanation.Reasons) == 0)
	r := Replay{Decision: again}
	if again.Outcome != d.Outcome {
		r.Differences = append(r.Differences, fmt.Sprintf("outcome: recorded %s, now %s", d.Outcome, again.Outcome))
	}
	r.Differences = append(r.Differences, comparePlans(d.Plan, again.Plan)...)
	if !reflect.DeepEqual(normalised(d.Explanation), normalised(again.Explanation)) {
		r.Differences = append(r.Differences, "explanation: the reasons differ")
	}
	return r, nil
}

// comparePlans compares what was decided; the ids of residencies are given at commit.
func comparePlans(was, now *placement.Plan) []string {
	if was == nil || now == nil {
		if was == now {
			return nil
		}
		return []string{"plan: only one of the two decisions has one"}
	}
	if len(was.Placements) != len(now.Placements) {
		return []string{fmt.Sprintf("placements: recorded %d, now %d", len(was.Placements), len(now.Placements))}
	}
	var out []string
	for i := range was.Placements {
		a, b := was.Placements[i], now.Placements[i]
		if a.HostID != b.HostID || a.CISNodeID != b.CISNodeID || a.Runtime != b.Runtime || a.Isolation != b.Isolation || fmt.Sprint(a.Cache) != fmt.Sprint(b.Cache) {
			out = append(out, fmt.Sprintf("placement of %s: recorded %s %s, now %s %s", a.ResourceDefinitionID, a.HostID, a.Runtime, b.HostID, b.Runtime))
		}
	}
	return out
}

// normalised makes empty and absent lists equal, as a round trip through the database does.
func normalised(e placement.Explanation) string { return fmt.Sprintf("%+v", explain(e)) }

// explain flattens an explanation for comparison; pointers are followed.
func explain(e placement.Explanation) []any {
	out := []any{keys(e.Reasons), keys(e.Warnings)}
	if e.Conflict != nil {
		out = append(out, e.Conflict.Members)
	}
	for i := range e.Demands {
		d := &e.Demands[i]
		out = append(out, d.ResourceDefinitionIDs, keys(d.Reasons), d.HostsTotal, d.HostsFeasible, d.Funnel, d.Feasible)
		for _, r := range d.Rejected {
			out = append(out, r.HostID, keys(r.Reasons))
		}
		if d.NearestMiss != nil {
			out = append(out, d.NearestMiss.HostID)
		}
	}
	return out
}

func keys(rs []placement.Reason) []string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.PolicyID + "/" + r.Key()
	}
	return out
}
