package scenario

import (
	"net/http"
)

// replay is the comparison of a recorded decision with the same decision taken anew.
type replay struct {
	Identical   bool
	Differences []struct{ Pointer, Recorded, Replayed string }
	Decision    decision
}

// replayAll replays every decision that the scenario left. There must be no difference.
func (d *deployment) replayAll() {
	d.t.Helper()
	// The test's own context has ended when this runs.
	client, ctx := d.as("AUDITOR"), contextAfter(d.t)
	path := "/placement/v1/decisions?exclude_default"
	count := 0
	for path != "" {
		var page []decision
		answer, err := client.Do(ctx, http.MethodGet, path, nil, &page)
		if err != nil {
			d.t.Errorf("GET %s: %v", path, err)
			return
		}
		for _, m := range page {
			count++
			var r replay
			if _, err := client.Do(ctx, http.MethodPost, "/placement/v1/decisions/"+m.ID+"/replay", nil, &r); err != nil {
				d.t.Errorf("replay of %s decision %s: %v", m.Kind, m.ID, err)
				continue
			}
			if !r.Identical || len(r.Differences) > 0 {
				d.t.Errorf("%s decision %s, %s, comes out differently: %v", m.Kind, m.ID, m.Outcome, r.Differences)
			}
		}
		path = nextPage(d.t, answer.Header)
	}
	d.t.Logf("%d decisions replayed", count)
}
