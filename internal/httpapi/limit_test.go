package httpapi

import (
	"testing"
	"time"
)

// TestClientsAreLimited: a client may save up two seconds, waits then, and does not take from another.
func TestClientsAreLimited(t *testing.T) {
	t.Parallel()
	var l limits
	now := time.Now()
	for i := range 21 {
		if wait := l.delay("a", 10, now); (wait > 0) != (i == 20) || wait > 100*time.Millisecond {
			t.Errorf("request %d waits %s", i, wait)
		}
	}
	if l.delay("b", 10, now) > 0 || l.delay("a", 10, now.Add(101*time.Millisecond)) > 0 {
		t.Error("another client, or a later moment, waits")
	}
	if l.delay("a", 10, now.Add(101*time.Millisecond)) == 0 {
		t.Error("what was used up is there again")
	}
}
