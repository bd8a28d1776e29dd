package client

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// Retry says how often and when a call that may be sent twice is sent again.
type Retry struct {
	// Attempts is how often it is sent at most; 0: 5, 1: never again.
	Attempts int
	// First is the pause after the first attempt, of which chance takes up to half; it doubles with each. 0: 200 ms.
	First time.Duration
	// Longest bounds a pause; 0: 30 s. Where Retry-After asks for more, the call is not sent again.
	Longest time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 5
	}
	if r.First <= 0 {
		r.First = 200 * time.Millisecond
	}
	if r.Longest <= 0 {
		r.Longest = 30 * time.Second
	}
	return r
}

// repeat makes attempts until one succeeds, or what it says will not pass, or nothing is gained by waiting.
func (c *Client) repeat(ctx context.Context, r Request, attempt func(body io.Reader) error) error {
	body, err := r.bodies()
	if err != nil {
		return err
	}
	pause := min(c.o.Retry.First, c.o.Retry.Longest)
	for n := 1; ; n++ {
		err := attempt(body())
		if err == nil || n >= c.o.Retry.Attempts || !r.repeatable() || !passes(err) {
			return err
		}
		wait := jittered(pause)
		if problem, is := errors.AsType[*Problem](err); is {
			if problem.RetryAfter > c.o.Retry.Longest {
				return err
			}
			wait += problem.RetryAfter
		}
		if !sleep(ctx, wait) {
			return err
		}
		pause = min(2*pause, c.o.Retry.Longest)
	}
}

// repeatable tells whether the call may be sent twice.
func (r Request) repeatable() bool {
	if r.Stream != nil {
		return false
	}
	switch r.method() {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return r.Idempotent
}

// passes tells whether an error may go away by itself. What took as long as it may will not be quicker at once.
func passes(err error) bool {
	if problem, is := errors.AsType[*Problem](err); is {
		switch problem.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	_, unanswered := errors.AsType[*UnansweredError](err)
	return unanswered && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func jittered(pause time.Duration) time.Duration { return pause/2 + rand.N(pause/2+1) }

// sleep waits, and says whether there is still somebody who wants the answer. It does not begin to wait for longer than they do.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) <= d || ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
