package cism

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// claimFor is how long a residency is kept for a pod that was admitted or bound and is not seen yet.
const claimFor = 10 * time.Second

// claims are the residencies that pods were admitted or bound for, until the informer shows these pods. They keep two
// requests that are judged at the same time from taking one grant.
type claims struct {
	mu    sync.Mutex
	taken map[string]claim
}

type claim struct {
	holder string // uid of the pod; empty: of one that has none yet
	until  time.Time
}

func newClaims() *claims { return &claims{taken: map[string]claim{}} }

// take claims a residency for a pod, unless it is claimed for another one.
func (c *claims) take(residencyID, holder string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, taken := c.taken[residencyID]; taken && now.Before(old.until) && old.holder != "" && old.holder != holder {
		return false
	}
	for id, old := range c.taken { // few, and each stays for seconds
		if !now.Before(old.until) {
			delete(c.taken, id)
		}
	}
	c.taken[residencyID] = claim{holder, now.Add(claimFor)}
	return true
}

// open tells whether nobody claims a residency, not even a pod that has no uid yet.
func (c *claims) open(residencyID string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, taken := c.taken[residencyID]
	return !taken || !now.Before(old.until)
}

// release gives a residency back that a pod has claimed.
func (c *claims) release(residencyID, holder string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken[residencyID].holder == holder {
		delete(c.taken, residencyID)
	}
}

// deleted gives back what a pod has claimed that is gone.
func (a *admission) deleted(object any) {
	if last, is := object.(cache.DeletedFinalStateUnknown); is {
		object = last.Obj
	}
	if pod, is := object.(*corev1.Pod); is {
		a.claims.release(pod.Labels[labelResidency], string(pod.UID))
	}
}
