package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"ringfence/internal/postgres/embedded"
)

// machine is what the figures were measured on.
type machine struct {
	CPU        string  `json:"cpu,omitempty"`
	Cores      int     `json:"cores"`
	LoadBefore float64 `json:"loadBefore"`
	LoadAfter  float64 `json:"loadAfter"`
	OS         string  `json:"os"`
	Go         string  `json:"go"`
	PostgreSQL string  `json:"postgresql"`
}

func describeMachine(ctx context.Context) machine {
	m := machine{
		CPU: processor(), Cores: runtime.GOMAXPROCS(0), LoadBefore: load1(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		PostgreSQL: "none",
	}
	if found, err := embedded.FindBinaries(ctx, ""); err == nil {
		m.PostgreSQL = found.Version
	}
	return m
}

func (m machine) String() string {
	cpu := m.CPU
	if cpu == "" {
		cpu = "unknown processor"
	}
	return fmt.Sprintf("machine: %d cores (%s), load %.2f before and %.2f after, %s, %s, PostgreSQL %s",
		m.Cores, cpu, m.LoadBefore, m.LoadAfter, m.OS, m.Go, m.PostgreSQL)
}

// load1 is the number of processes that wanted a processor, averaged over a minute; 0 where the system does not tell.
func load1() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	value, _ := strconv.ParseFloat(first, 64)
	return value
}

// processor is the name of the processor, where the system tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
