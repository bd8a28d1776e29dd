package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc.
const tick = 10 * time.Millisecond

// usage is the processor time that the parts of a service used so far.
type usage struct {
	ringfence, database time.Duration
}

func (u usage) since(before usage) usage {
	return usage{u.ringfence - before.ringfence, u.database - before.database}
}

// usage reads the processor time of the service and of its database; not ok where there is no /proc.
func (s *service) usage() (u usage, ok bool) {
	own, ok := readStat(s.PID())
	if !ok {
		return usage{}, false
	}
	u.ringfence = own.used
	postmaster, _, err := s.postmaster()
	if err != nil {
		return usage{}, false
	}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return usage{}, false
	}
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		switch stat, alive := readStat(pid); {
		case !alive:
		case pid == postmaster:
			u.database += stat.used + stat.reaped
		case stat.parent == postmaster:
			u.database += stat.used
		}
	}
	return u, true
}

// processStat is what /proc says of a process.
type processStat struct {
	parent int
	used   time.Duration
	reaped time.Duration // by children that ended
}

func readStat(pid int) (processStat, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, false
	}
	_, rest, found := strings.Cut(string(text), ") ") // the name in parentheses may hold spaces
	fields := strings.Fields(rest)
	if !found || len(fields) < 15 {
		return processStat{}, false
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return n
	}
	ticks := func(i int) time.Duration { return time.Duration(number(i)+number(i+1)) * tick }
	return processStat{
		parent: int(number(1)), used: ticks(11), reaped: ticks(13),
	}, true
}

// resident is how much memory a process has now, and the most that it had, in MiB; not ok where there is no /proc.
func resident(pid int) (now, peak float64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, false
	}
	value := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kib, _ := strconv.ParseFloat(fields[0], 64)
		return kib / 1024
	}
	return value("VmRSS"), value("VmHWM"), true
}
