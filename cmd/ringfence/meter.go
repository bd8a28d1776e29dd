package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const meterInterval = 200 * time.Millisecond

// meter shows on a terminal how much of an upload is sent, and then for how long the answer is awaited. Elsewhere it
// shows nothing.
type meter struct {
	r     io.Reader
	total int64 // -1: not known
	read  atomic.Int64
	end   atomic.Bool
	done  chan struct{}
	wait  sync.WaitGroup
}

// newMeter begins to show how r is read. stop ends it.
func newMeter(w io.Writer, r io.Reader, total int64) *meter {
	m := &meter{r: r, total: total, done: make(chan struct{})}
	if !isTerminal(w) {
		return m
	}
	m.wait.Go(func() {
		tick := time.NewTicker(meterInterval)
		defer tick.Stop()
		var ended time.Time
		for {
			select {
			case <-m.done:
				fmt.Fprint(w, "\r\x1b[K")
				return
			case now := <-tick.C:
				if m.end.Load() && ended.IsZero() {
					ended = now
				}
				fmt.Fprint(w, "\r\x1b[K"+m.line(ended, now))
			}
		}
	})
	return m
}

// Read reads on and counts.
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.read.Add(int64(n))
	if err == io.EOF {
		m.end.Store(true)
	}
	return n, err
}

// stop takes what is shown away.
func (m *meter) stop() {
	close(m.done)
	m.wait.Wait()
}

// line is what is shown. ended is when the last byte was sent, or zero.
func (m *meter) line(ended, now time.Time) string {
	read := m.read.Load()
	switch {
	case !ended.IsZero():
		return fmt.Sprintf("sent %s, being checked and applied ... %s", size(read), now.Sub(ended).Round(time.Second))
	case m.total > 0:
		return fmt.Sprintf("sending %s of %s (%d%%)", size(read), size(m.total), 100*read/m.total)
	}
	return "sending " + size(read)
}

// size writes a number of bytes for a person.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
