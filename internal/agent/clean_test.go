package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	wire "ringfence/api/directives"
)

// TestPurgeOfADomainThatCameBack has a trust domain purged, whose volume is held by something. What was granted to the domain after
// the PURGE makes that void; what was granted before, or to another domain, or is on another CIS node, does not.
func TestPurgeOfADomainThatCameBack(t *testing.T) {
	t.Parallel()
	place := func(domain, node string) string {
		return fmt.Sprintf(`"place":{"cisNode":%q,"images":["sha256:aa"],"isolation":"OS_CONTAINER","runtime":"runc","trustDomainId":%q,"workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`, node, domain)
	}
	const (
		purgeA = `"purge":{"trustDomainId":"A"}`
		gone   = `"release":{"reason":"the end","workload":{"componentId":"c","residencyId":"r","resourceDefinitionId":"d","vnfInstanceId":"v"}}`
	)
	for _, tt := range []struct {
		name   string
		orders []string // PURGE, PLACE or RELEASE, and the body
		want   wire.AckOutcome
		seq    int64
	}{
		{"granted since", []string{"PURGE", purgeA, "PLACE", place("A", "")}, wire.AckOutcomeSUPERSEDED, 1},
		{"granted before", []string{"PLACE", place("A", ""), "PURGE", purgeA}, wire.AckOutcomeFAILED, 2},
		{"another domain", []string{"PURGE", purgeA, "PLACE", place("B", "")}, wire.AckOutcomeFAILED, 1},
		{"another CIS node", []string{"PURGE", purgeA, "PLACE", place("A", "vm-1")}, wire.AckOutcomeFAILED, 1},
		{"granted and released since", []string{"PURGE", purgeA, "PLACE", place("A", ""), "RELEASE", gone}, wire.AckOutcomeFAILED, 1},
		{"everything", []string{"PURGE", `"purge":{"all":true}`, "PLACE", place("A", "")}, wire.AckOutcomeFAILED, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, h := newFeed(t), &host{held: errors.New("it holds 2 layers")}
			a := newTestAgent(t, f, h)
			for i := 0; i < len(tt.orders); i += 2 {
				f.send(order(int64(i/2+1), tt.orders[i], tt.orders[i+1]))
			}
			if _, err := a.step(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			a.seen = &Observation{At: time.Now()}
			a.round(t.Context())
			var got wire.AckOutcome
			for _, ack := range f.acks {
				if ack.Seq == tt.seq {
					got = ack.Outcome
					if !strings.Contains(ack.Detail, "it holds 2 layers") {
						t.Errorf("the answer says %q", ack.Detail)
					}
				}
			}
			if got != tt.want {
				t.Errorf("answered %q, not %s: %+v", got, tt.want, f.acks)
			}
			h.held, f.acks = nil, nil
			for _, item := range a.journal.Open {
				item.next = time.Time{}
			}
			a.round(t.Context())
			again := len(f.acks) == 1 && f.acks[0].Seq == tt.seq && f.acks[0].Outcome == wire.AckOutcomeAPPLIED
			if again != (tt.want == wire.AckOutcomeFAILED) {
				t.Errorf("once nothing holds the volume the answers are %+v", f.acks)
			}
		})
	}
}
