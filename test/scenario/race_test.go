package scenario

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"ringfence/test/stub"
)

// TestRace lets eight network functions ask at once for the one host that could run any of them, but no two.
func TestRace(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	for round := range 3 {
		type answer struct {
			grant *stub.Grant
			err   error
		}
		answers := make([]answer, 8)
		var askers sync.WaitGroup
		for i := range answers {
			vnfm := d.vnfm(stub.SOL003Containers)
			r := instantiate(vnfm, "upf", fmt.Sprintf("upf-%d-%d", round, i), "pfe", "r0")
			askers.Go(func() {
				g, err := vnfm.Ask(t.Context(), r)
				answers[i] = answer{g, err}
			})
		}
		askers.Wait()
		winners := 0
		for i, a := range answers {
			var p *stub.Problem
			switch {
			case a.err == nil:
				winners++
			case !errors.As(a.err, &p) || !p.Refused():
				t.Errorf("asker %d: %v", i, a.err)
			case !slices.Contains(rules(p), "R-SEPNF"):
				t.Errorf("asker %d is refused for %v", i, rules(p))
			}
		}
		held := d.reservations("")
		if winners != 1 || len(held) != 1 || held[0].HostID != "h02" {
			t.Errorf("%d askers won: %v", winners, held)
		}
		for _, r := range held {
			d.release(r.ID)
		}
	}
}
