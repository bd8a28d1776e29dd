package chaos

import (
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestOfTwoRacingRequestsExactlyOneWins lets two ringfences on one database decide two requests at once that fit host
// h02 of the reference deployment only, and not both: the second UPF as plain containers on bare metal, and the
// management of the first in a container.
func TestOfTwoRacingRequestsExactlyOneWins(t *testing.T) {
	c := newTrial(t)
	db := newDatabase(c)
	replicas := newReplicas(c, db)
	replicas[0].load(c, referenceDeployment, referencePolicy)
	a := newAuditor(c, db)
	rounds := length{10, 200}.value()
	retries := 0
	for round := range rounds {
		racers := []*occurrence{
			instantiate(fmt.Sprintf("pfe-%d", round), "upf-2", "upf", "pfe", 1, false),
			instantiate(fmt.Sprintf("oam-%d", round), "upf-1", "upf", "oam", 1, false),
		}
		answers, again := race(c, replicas, racers, round)
		retries += again
		winner := judgeRace(c, round, answers)
		now, err := a.shared(c.ctx, "nf")
		if err != nil {
			t.Fatal(err)
		}
		report(t, fmt.Sprintf("round %d", round), now)
		if round == rounds-1 || t.Failed() {
			break // the last winner stays for the audits
		}
		if n, err := replicas[round%2].release(c.ctx, racers[winner].vnf); err != nil || n != 1 {
			t.Fatalf("round %d: %d released, %v", round, n, err)
		}
	}
	for _, r := range replicas {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	separation := a.checkSeparation(c, "nf")
	a.checkBooks(c)
	c.Log(a.checkReplay(c))
	a.checkAuditCanFail(c, "nf")
	t.Logf("%d rounds, exactly one won in each; %s; %d answers 503 on the way", rounds, separation, retries)
}

// race sends two requests at the same time, each to one of the replicas, which change sides from round to round.
func race(c *trial, replicas []*replica, racers []*occurrence, round int) (answers [2]answer, retries int) {
	c.Helper()
	var g errgroup.Group
	var again [2]int
	start := make(chan struct{})
	for i, o := range racers {
		g.Go(func() error {
			<-start
			for attempt := i + round; ; attempt++ {
				a, err := vnfm{replicas}.ask(c.ctx, o, attempt)
				if err == nil {
					answers[i] = a
					return nil
				}
				if c.ctx.Err() != nil {
					return err
				}
				again[i]++
			}
		})
	}
	close(start)
	if err := g.Wait(); err != nil {
		c.Fatal(err)
	}
	return answers, again[0] + again[1]
}

// judgeRace fails the test unless one request was granted h02 and the other refused. It returns which was granted.
func judgeRace(c *trial, round int, answers [2]answer) (winner int) {
	c.Helper()
	if answers[1].granted() {
		winner = 1
	}
	won, lost := answers[winner], answers[1-winner]
	if won.status != http.StatusCreated || lost.status != http.StatusForbidden {
		c.Fatalf("round %d: want one 201 and one 403, got %+v", round, answers)
	}
	for _, host := range won.hosts {
		if host != "h02" {
			c.Fatalf("round %d: granted on %s, which is not where the two contend", round, host)
		}
	}
	return winner
}
