package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ringfence/test/stub"
)

// ledger is what the books have to say, kept from what a Tacker was answered and did.
type ledger struct {
	grants, refusals []string
	order            []string          // the operations that were granted
	states           map[string]string // of operations
	stands           map[string]*stands
	told             map[string][]string // by host: what it was told
	profiles         map[string]map[string][2]int
}

// stands is a residency.
type stands struct{ component, vnfdID, host, state string }

func newLedger() *ledger {
	return &ledger{
		states: map[string]string{}, stands: map[string]*stands{}, told: map[string][]string{},
		profiles: map[string]map[string][2]int{ // by VNFD and component: cpuMillis, memoryMiB
			tackerVNFD:     {"VDU1": {1000, 1024}, "VDU2": {2000, 1024}},
			tackerNextVNFD: {"VDU1": {1000, 2048}, "VDU2": {2000, 1024}},
		},
	}
}

// begin enters what an operation was granted: on each host where something is to come, first the form in which images may lie there.
func (l *ledger) begin(op *stub.Operation) {
	l.order, l.states[op.ID] = append(l.order, op.ID), "PROCESSING"
	vnfdID := op.Request.VNFDID
	if op.Request.DstVNFDID != "" {
		vnfdID = op.Request.DstVNFDID
	}
	count, prepared := 0, map[string]bool{}
	for _, d := range op.Request.AddResources {
		if d.Type != "COMPUTE" {
			continue
		}
		count++
		host := strings.TrimPrefix(op.Grant.ZoneOf(d.ID), "nova:")
		if !prepared[host] {
			prepared[host] = true
			l.tell(host, "CACHE", "")
		}
	}
	for _, d := range op.Request.AddResources {
		if d.Type == "COMPUTE" {
			host := strings.TrimPrefix(op.Grant.ZoneOf(d.ID), "nova:")
			component, _ := d.ResourceTemplateID.(string)
			l.stands[d.ID] = &stands{component, vnfdID, host, "RESERVED"}
			l.tell(host, "PLACE", d.ID)
		}
	}
	for _, c := range op.Removed {
		r := l.stands[c.ResourceDefinitionID]
		r.state = "TERMINATING"
		l.tell(r.host, "RELEASE", c.ResourceDefinitionID)
	}
	l.grants = append(l.grants, fmt.Sprintf("%s %s %d", op.Name, op.ID, count))
}

// tell enters a directive.
func (l *ledger) tell(host, kind, about string) {
	l.told[host] = append(l.told[host], strings.TrimSpace(host+" "+kind+" "+about))
}

// refuse enters an operation that was refused.
func (l *ledger) refuse(op *stub.Operation) { l.refusals = append(l.refusals, op.Name+" "+op.ID) }

// fail enters that an operation failed; seen: what it was granted is seen running, because hosts follow directives.
func (l *ledger) fail(op *stub.Operation, seen bool) {
	l.states[op.ID] = "FAILED_TEMP"
	for _, d := range op.Request.AddResources {
		if r := l.stands[d.ID]; r != nil && seen {
			r.state = "RUNNING"
		}
	}
}

// complete enters that an operation is done: what came runs, what was to go is gone.
func (l *ledger) complete(op *stub.Operation) {
	l.states[op.ID] = "COMPLETED"
	for _, d := range op.Request.AddResources {
		if r := l.stands[d.ID]; r != nil {
			r.state = "RUNNING"
		}
	}
	for _, c := range op.Removed {
		l.leave(c.ResourceDefinitionID)
	}
}

// rollBack enters that an operation is undone: what it was granted is given back.
func (l *ledger) rollBack(op *stub.Operation) {
	l.states[op.ID] = "ROLLED_BACK"
	for _, d := range op.Request.AddResources {
		if r := l.stands[d.ID]; r != nil {
			l.tell(r.host, "RELEASE", d.ID)
			l.leave(d.ID)
		}
	}
}

// leave takes a residency away; the last one of a host takes with it what lies there.
func (l *ledger) leave(id string) {
	host := l.stands[id].host
	delete(l.stands, id)
	for _, r := range l.stands {
		if r.host == host {
			return
		}
	}
	l.tell(host, "PURGE", "")
}

// books is what the tables have to say.
func (l *ledger) books() books {
	b := books{Grants: slices.Clone(l.grants), Refusals: slices.Clone(l.refusals)}
	for _, id := range l.order {
		b.Operations = append(b.Operations, l.states[id]+" "+id)
	}
	for id, r := range l.stands {
		b.Residencies = append(b.Residencies, fmt.Sprintf("%s of %s on %s %s %s", r.component, r.vnfdID, r.host, r.state, id))
	}
	for _, host := range []string{"compute-1", "compute-2", "compute-3"} {
		var used [2]int
		for _, r := range l.stands {
			if r.host == host {
				used[0], used[1] = used[0]+l.profiles[r.vnfdID][r.component][0], used[1]+l.profiles[r.vnfdID][r.component][1]
			}
		}
		b.Used = append(b.Used, fmt.Sprintf("%s %d %d", host, used[0], used[1]))
	}
	for _, host := range slices.Sorted(maps.Keys(l.told)) {
		b.Directives = append(b.Directives, l.told[host]...)
	}
	b.normalise()
	return b
}
