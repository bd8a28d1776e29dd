package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/test/bench/synthetic"
)

// clients is how many connections ask for grants at the same time.
const clients = 32

// load asks a service for grants, each request once.
type load struct {
	made    *synthetic.Fleet
	address string       // of the service
	next    atomic.Int64 // number of the next request
	end     int64        // the first number that is not asked for: the fleet has no room for more
}

func newLoad(s *service, made *synthetic.Fleet) *load {
	return &load{made: made, address: strings.TrimPrefix(s.URL, "http://"), end: int64(float64(made.Hosts) * roomPerHost)}
}

// roomPerHost is how many requests the fleet takes without refusing any, for each host.
const roomPerHost = 1.1

// left is how many requests may still be made.
func (l *load) left() int { return int(max(l.end-l.next.Load(), 0)) }

// tally is how a run of requests went.
type tally struct {
	granted  latencies
	others   map[int]int // answers that are no grant, by status
	took     time.Duration
	requests int
	example  string // of an answer that is no grant
}

// pace says when a client may send its n-th request of all; the zero pace is at once.
type pace struct {
	start time.Time
	every time.Duration
}

// run makes up to count requests on all connections. Without a pace every client asks again as soon as it was answered; with one
// requests are due at fixed times, whoever is free takes the next, and what counts is the time from when it was due. A run ends
// early after limit.
func (l *load) run(ctx context.Context, count int, limit time.Duration, p pace) (tally, error) {
	count = min(count, l.left())
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var (
		mu    sync.Mutex
		all   = tally{others: map[int]int{}}
		errs  []error
		wg    sync.WaitGroup
		taken atomic.Int64
	)
	start := time.Now()
	for range clients {
		wg.Go(func() {
			mine, err := l.client(ctx, &taken, count, p)
			mu.Lock()
			defer mu.Unlock()
			all.merge(mine)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	all.took = time.Since(start)
	all.granted.sort()
	return all, errors.Join(errs...)
}

func (t *tally) merge(o tally) {
	t.granted = append(t.granted, o.granted...)
	t.requests += o.requests
	for status, n := range o.others {
		t.others[status] += n
	}
	if t.example == "" {
		t.example = o.example
	}
}

// client makes requests on one connection until enough were made by all.
func (l *load) client(ctx context.Context, taken *atomic.Int64, count int, p pace) (tally, error) {
	t := tally{others: map[int]int{}}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", l.address)
	if err != nil {
		return t, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		n := taken.Add(1)
		if n > int64(count) {
			return t, nil
		}
		due := time.Now()
		if p.every > 0 {
			due = p.start.Add(time.Duration(n-1) * p.every)
			if err := sleepUntil(ctx, due); err != nil {
				return t, err
			}
		}
		if err := ctx.Err(); err != nil {
			return t, err
		}
		request := l.request(int(l.next.Add(1) - 1))
		if p.every == 0 {
			due = time.Now()
		}
		status, example, err := ask(conn, reader, request)
		if err != nil {
			return t, err
		}
		t.requests++
		if status == http.StatusCreated {
			t.granted = append(t.granted, time.Since(due))
			continue
		}
		t.others[status]++
		t.example = example
	}
}

// request is the n-th request as it goes over the wire. It is made by hand: the load generator shares the processors with what it
// measures.
func (l *load) request(n int) []byte {
	q := l.made.Request(n)
	body := q.Body()
	head := fmt.Appendf(nil, "POST /grant/v1/grants HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		l.address, len(body))
	return append(head, body...)
}

func ask(conn net.Conn, reader *bufio.Reader, request []byte) (status int, example string, err error) {
	if _, err := conn.Write(request); err != nil {
		return 0, "", err
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusCreated {
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, "", err
	}
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
