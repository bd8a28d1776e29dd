package postgres

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// vmWorld is a database with hosts that each have one CIS-node VM, and a view whose policy holds network functions together in one.
func vmWorld(t *testing.T, hosts ...string) (*world, *fleet.View) {
	t.Helper()
	w := newWorld(t, hosts...)
	w.exec(`UPDATE host SET runtimes = '{}', capabilities = '{CACHE_ENC}', hypervisor_class = 'TYPE1', cis_nodes = '[{"id": "vm", "form": "VM", "runtimes": ["kata"]}]'`)
	const text = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - {id: R-VM, kind: co-locate-in-vm, rationale: r}\n"
	f := fleet.New()
	err := f.Apply(
		placement.Change{Kind: placement.ChangeTrustDomain, ID: "TD-A", TrustDomain: &placement.TrustDomain{ID: "TD-A"}},
		placement.Change{Kind: placement.ChangeRuntimeClass, ID: "kata", RuntimeClass: &placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM}},
		placement.Change{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(text)}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return w, f.Publish()
}

// inVM asks for one replica of a VNF instance in the VM of a host, as the solver would plan it.
func inVM(view *fleet.View, vnf, host string) request {
	return request{vnf: vnf, occ: vnf + " on " + host, hosts: []string{host}, edit: func(c *placement.Commit) {
		pl := &c.Decision.Plan.Placements[0]
		pl.CISNodeID, pl.Cache = "vm", []placement.CacheChoice{{Digest: "*", Mode: placement.CacheEncrypted}}
		c.TogetherOf = solver.TogetherOf(view, &c.Decision.Inputs)
	}}
}

// raceIntoVMs lets two stores commit two requests at the same time that may not both be granted, so many times. It returns how often
// exactly one of them won, and how often both.
func raceIntoVMs(t *testing.T, w *world, view *fleet.View, rounds int, racers func(round int) [2]request) (one, both int) {
	t.Helper()
	stores := []*Store{w.Store, w.secondStore()}
	for round := range rounds {
		var won [2]bool
		var g errgroup.Group
		start := make(chan struct{})
		for i, q := range racers(round) {
			c := w.commitOf(q)
			verify := solver.Verify(view, &c.Decision.Inputs, c.Decision.Plan)
			g.Go(func() error {
				<-start
				res, err := stores[(i+round)%2].Commit(t.Context(), c, verify)
				won[i] = res.Status == placement.CommitDone
				return err
			})
		}
		close(start)
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		switch {
		case won[0] && won[1]:
			both++
		case won[0] || won[1]:
			one++
		}
	}
	return one, both
}

// twoVMs counts the VNF instances that are in more than one VM, and sharedVMs the VMs of more than one.
const (
	twoVMs    = `SELECT count(*) FROM (SELECT FROM residency GROUP BY vnf_instance_id HAVING count(DISTINCT (host_id, cis_node_id)) > 1) AS v`
	sharedVMs = `SELECT count(*) FROM (SELECT FROM residency GROUP BY host_id, cis_node_id HAVING count(DISTINCT vnf_instance_id) > 1) AS v`
)

// twoHosts are those of a round, of which each request wants another.
func twoHosts(view *fleet.View) func(round int) [2]request {
	return func(round int) [2]request {
		vnf, hosts := fmt.Sprintf("vnf-%d", round), hostNames(2*round + 2)[2*round:]
		return [2]request{inVM(view, vnf, hosts[0]), inVM(view, vnf, hosts[1])}
	}
}

// TestOneNetworkFunctionOpensOneVM: of two requests of one NF instance for VMs on different hosts, which share no lock but that of
// the NF instance, exactly one is granted.
func TestOneNetworkFunctionOpensOneVM(t *testing.T) {
	t.Parallel()
	const rounds = 100
	w, view := vmWorld(t, hostNames(2*rounds)...)
	one, both := raceIntoVMs(t, w, view, rounds, twoHosts(view))
	if one != rounds || both != 0 || w.count(twoVMs) != 0 {
		t.Errorf("exactly one won in %d of %d rounds, both in %d; %d network functions are in two VMs", one, rounds, both, w.count(twoVMs))
	}
	if n := w.count(`SELECT count(*) FROM scope_lock`); n != rounds {
		t.Errorf("%d scopes were locked", n)
	}
	w.checkBooks()
}

// TestOneVMTakesOneNetworkFunction: of two network functions that want the same VM, exactly one has it.
func TestOneVMTakesOneNetworkFunction(t *testing.T) {
	t.Parallel()
	const rounds = 100
	w, view := vmWorld(t, hostNames(rounds)...)
	one, both := raceIntoVMs(t, w, view, rounds, func(round int) [2]request {
		host := hostNames(round + 1)[round]
		return [2]request{inVM(view, fmt.Sprintf("a-%d", round), host), inVM(view, fmt.Sprintf("b-%d", round), host)}
	})
	if one != rounds || both != 0 || w.count(sharedVMs) != 0 {
		t.Errorf("exactly one won in %d of %d rounds, both in %d; %d VMs are shared", one, rounds, both, w.count(sharedVMs))
	}
	w.checkBooks()
}

// The negative control: a commit that is not told to lock and read the NF instance opens a second VM.
func TestOneNetworkFunctionUnlockedOpensTwoVMs(t *testing.T) {
	t.Parallel()
	const rounds = 10
	w, view := vmWorld(t, hostNames(2*rounds)...)
	_, both := raceIntoVMs(t, w, view, rounds, func(round int) [2]request {
		racers := twoHosts(view)(round)
		for i := range racers {
			told := racers[i].edit
			racers[i].edit = func(c *placement.Commit) { told(c); c.TogetherOf = nil }
		}
		return racers
	})
	if both != rounds || w.count(twoVMs) != rounds {
		t.Errorf("both won in %d of %d rounds; %d network functions are in two VMs", both, rounds, w.count(twoVMs))
	}
}

// TestCommitReadsWhatIsHeldTogether: the workloads of the NF instance, wherever they are, and of no other.
func TestCommitReadsWhatIsHeldTogether(t *testing.T) {
	t.Parallel()
	w, view := vmWorld(t, "h1", "h2", "h3")
	w.grant(inVM(view, "vnf", "h1"))
	w.grant(inVM(view, "another", "h2"))
	q := inVM(view, "vnf", "h2")
	edit := q.edit
	q.edit = func(c *placement.Commit) { c.Decision.Inputs.Demands[0].Workload.NF.InstanceKey = "second"; edit(c) }
	w.grant(q)
	q = inVM(view, "vnf", "h3")
	var got []string
	res, err := w.Commit(t.Context(), w.commitOf(q), func(f placement.CommitFacts) []placement.Reason {
		for _, r := range f.Together {
			got = append(got, r.Workload.NF.Instance()+" "+r.HostID+" "+r.CISNodeID+" "+r.Workload.ComponentID)
		}
		return []placement.Reason{{RuleID: "R"}}
	})
	if err != nil || res.Status != placement.CommitStale || len(got) != 1 || got[0] != "vnf h1 vm sig" {
		t.Errorf("read %q: %+v, %v", got, res, err)
	}
}
