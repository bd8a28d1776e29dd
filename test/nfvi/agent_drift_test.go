package nfvi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWhatPeopleDoByHand has a person on the host pull an image and run a container: ringfence has it from the report within
// ten seconds, and that it is gone again as well.
func TestWhatPeopleDoByHand(t *testing.T) { onEveryContainerd(t, testWhatPeopleDoByHand) }

func testWhatPeopleDoByHand(t *testing.T, n *node) {
	image := pushImage(t, n, "byhand", "1", layerOf(t, map[string]string{"pause": n.program}))
	s := startSite(t, n, map[string]pushed{domainShared: pushImage(t, n, "other", "1", layerOf(t, map[string]string{"pause": "nothing"}))})
	s.pullByHand(image)
	s.lies(image, "SHARED", seen)
	id := "by-hand-" + strings.ToLower(rand.Text()) // runc knows the containers of all containerds by their names alone
	s.ctr("run", "--detach", s.at(image), id, "/pause")
	s.runs("default/"+id, "runc", seen)
	s.ctr("tasks", "kill", "--signal", "SIGKILL", id)
	s.runs("default/"+id, "", seen)
	s.ctr("tasks", "delete", id)
}

// TestReleasedWorkloadIsEnded lets the agent end what has no right any more.
func TestReleasedWorkloadIsEnded(t *testing.T) { onEveryContainerd(t, testReleasedWorkloadIsEnded) }

func testReleasedWorkloadIsEnded(t *testing.T, n *node) {
	image := pushImage(t, n, "released", "1", layerOf(t, map[string]string{"pause": n.program}))
	s := startSite(t, n, map[string]pushed{domainShared: image}, "--stop-released", "1s")
	labels := s.granted(domainShared, "vnf-1")
	if _, err := s.startPod("released", s.at(image), labels); err != nil {
		t.Fatal(err)
	}
	s.runs("uid-released", "runc", seen)
	s.settled(time.Minute)
	s.terminated(domainShared, "vnf-1")
	s.runs("uid-released", "", time.Minute)
	s.settled(time.Minute)
}

// runs waits until ringfence has it from the agent that a workload runs with a runtime class; empty: that it does not.
func (s *site) runs(id, runtime string, within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, fmt.Sprintf("%s runs with %q", id, runtime), func() error {
		var found string
		const query = `SELECT coalesce(string_agg(runtime, ' '), '') FROM observed_residency WHERE host_id = $1 AND vim_resource_id = $2`
		if err := s.pool.QueryRow(s.t.Context(), query, s.host, id).Scan(&found); err != nil {
			return err
		}
		if found != runtime {
			return errors.New("it runs with " + strings.TrimSpace("runtime "+found))
		}
		return nil
	})
}
