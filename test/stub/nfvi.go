package stub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// NFVI is a set of hosts, each with its agent.
type NFVI struct{ agents map[string]*Agent }

// NewNFVI puts an agent on each host.
func NewNFVI(client Client, hostIDs ...string) *NFVI {
	n := &NFVI{agents: map[string]*Agent{}}
	for _, id := range hostIDs {
		n.agents[id] = NewAgent(client, id)
	}
	return n
}

// Agent is the agent of a host; nil for a host that the NFVI does not have.
func (n *NFVI) Agent(hostID string) *Agent { return n.agents[hostID] }

// Agents are all agents, in the order of their hosts.
func (n *NFVI) Agents() []*Agent {
	agents := make([]*Agent, 0, len(n.agents))
	for _, id := range slices.Sorted(maps.Keys(n.agents)) {
		agents = append(agents, n.agents[id])
	}
	return agents
}

// Settle lets every host follow the directives that there are, those which its acknowledgements bring about included. It
// returns how many there were.
func (n *NFVI) Settle(ctx context.Context) (int, error) {
	total := 0
	for _, agent := range n.Agents() {
		for {
			followed, err := agent.Step(ctx, 0)
			if err != nil {
				return total, err
			}
			if followed == 0 {
				break
			}
			total += followed
		}
	}
	return total, nil
}

// Report lets every host report what it sees.
func (n *NFVI) Report(ctx context.Context) error {
	for _, agent := range n.Agents() {
		if _, err := agent.Report(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run lets every host follow its directives as they come, until the context ends or one of them must not be followed.
func (n *NFVI) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var faults []error
	var hosts sync.WaitGroup
	for _, agent := range n.Agents() {
		hosts.Go(func() {
			if err := agent.Run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, fmt.Errorf("host %s: %w", agent.HostID(), err))
				stop()
			}
		})
	}
	hosts.Wait()
	return errors.Join(faults...)
}
