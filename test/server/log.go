package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// place is where a process serves, as its log says.
type place struct{ URL, Admin string }

// log is what a process writes, read as it comes.
type log struct {
	serving chan place    // where the process says it serves, once
	ended   chan struct{} // closed when the process closed its end

	mu     sync.Mutex
	lines  strings.Builder
	failed []string
}

func follow(output io.Reader) *log {
	followed := &log{serving: make(chan place, 1), ended: make(chan struct{})}
	go func() {
		defer close(followed.ended)
		lines := bufio.NewScanner(output)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			followed.add(lines.Bytes())
		}
	}()
	return followed
}

func (l *log) add(line []byte) {
	var record struct{ Level, Msg, URL, Admin string }
	structured := json.Unmarshal(line, &record) == nil
	l.mu.Lock()
	_, _ = fmt.Fprintln(&l.lines, string(line))
	if structured && record.Level == "ERROR" {
		l.failed = append(l.failed, string(line))
	}
	l.mu.Unlock()
	if structured && record.Msg == "ringfence serves" {
		l.serving <- place{URL: record.URL, Admin: record.Admin}
	}
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

func (l *log) errors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failed)
}
