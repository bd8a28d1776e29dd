package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
)

// checkReplay decides every stored decision again and fails the test for each difference. It returns what there is to say.
func (a *auditor) checkReplay(t *trial) string {
	t.Helper()
	all, err := a.decisions(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	differences, err := a.decideAgain(t.ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	report(t, "decided again", differences)
	return fmt.Sprintf("%d stored decisions decided again, %d differences", len(all), len(differences))
}

// checkReplayCanFail moves a decision to a place where it cannot have been made.
func (a *auditor) checkReplayCanFail(t *trial) {
	t.Helper()
	all, err := a.decisions(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	all[0].Inputs.Position = placement.FeedPosition{}
	if differences, err := a.decideAgain(t.ctx, all); err != nil || len(differences) == 0 {
		t.Errorf("a decision before there was a fleet decides the same: %q, %v", differences, err)
	}
}

// decideAgain decides on the fleet as the feed tells it at each decision's position, and lists what comes out differently.
func (a *auditor) decideAgain(ctx context.Context, left []placement.Decision) (differences []string, err error) {
	rebuilt := fleet.New()
	upTo := func(next placement.FeedPosition) error { // decides what was decided before a change
		if len(left) == 0 || left[0].Inputs.Position.Compare(next) >= 0 {
			return nil
		}
		view := rebuilt.Publish()
		for ; len(left) > 0 && left[0].Inputs.Position.Compare(next) < 0; left = left[1:] {
			again, err := grant.DecideAgain(view, &left[0])
			if err != nil {
				return err
			}
			for _, d := range again.Differences {
				differences = append(differences, fmt.Sprintf("decision %s at %s: %s", left[0].ID, left[0].Inputs.Position, d))
			}
		}
		return nil
	}
	end := placement.FeedPosition{TxID: math.MaxInt64, Row: math.MaxInt64}
	err = a.store.ReplayFeed(ctx, placement.FeedPosition{}, end, func(c placement.Change) error {
		if err := upTo(c.Position); err != nil {
			return err
		}
		return rebuilt.Apply(c)
	})
	if err == nil {
		err = upTo(end)
	}
	if len(left) > 0 {
		differences = append(differences, fmt.Sprintf("%d decisions are beyond the feed", len(left)))
	}
	return differences, err
}

// decisions reads all stored decisions, in the order of the positions that they were made at.
func (a *auditor) decisions(ctx context.Context) (all []placement.Decision, err error) {
	page := placement.Page{Limit: 500}
	for {
		list, err := a.store.ListDecisions(ctx, "", page)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < page.Limit {
			break
		}
		page.After = list[len(list)-1].ID
	}
	slices.SortStableFunc(all, func(x, y placement.Decision) int {
		return cmp.Or(x.Inputs.Position.Compare(y.Inputs.Position), cmp.Compare(x.ID, y.ID))
	})
	return all, nil
}
