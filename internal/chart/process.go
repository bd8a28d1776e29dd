package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"ringfence/internal/vnfd"
)

// Limits bound the process that renders a chart.
type Limits struct {
	Seconds     uint64 // of processor time
	MemoryBytes uint64 // of data
}

// DefaultLimits are far above what charts need.
var DefaultLimits = Limits{Seconds: 20, MemoryBytes: 768 << 20}

const (
	mostStackBytes  = 64 << 20 // of a goroutine
	mostOutputBytes = 32 << 20 // of the answer
	mostWait        = 90 * time.Second
)

// Process renders charts in processes of their own.
type Process struct {
	// Command is what is executed: a program that calls Serve with its standard input and output.
	Command []string
	Limits  Limits
}

// question is what the process is asked.
type question struct {
	Limits Limits
	Chart  vnfd.Chart
}

// Render renders a chart. An error says that no process could be started; what a chart does to its process is a problem of the chart.
func (p Process) Render(ctx context.Context, source vnfd.Chart) (vnfd.Rendered, error) {
	asked, err := json.Marshal(question{p.Limits, source})
	if err != nil {
		return vnfd.Rendered{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, mostWait)
	defer cancel()
	//nolint:gosec // G204: the command is this program's own.
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	answer := &limited{most: mostOutputBytes}
	cmd.Env, cmd.Dir = []string{"TZ=UTC"}, "/"
	cmd.Stdin, cmd.Stdout = bytes.NewReader(asked), answer
	if err := cmd.Start(); err != nil {
		return vnfd.Rendered{}, err
	}
	if err := cmd.Wait(); err != nil || answer.over {
		return p.exceeded(), nil
	}
	var out vnfd.Rendered
	if err := json.Unmarshal(answer.kept.Bytes(), &out); err != nil {
		return vnfd.Rendered{}, fmt.Errorf("the process that renders charts answers something else: %w", err)
	}
	return out, nil
}

func (p Process) exceeded() vnfd.Rendered {
	return vnfd.Rendered{Problems: []vnfd.ChartProblem{{
		TooLarge: true,
		Message: fmt.Sprintf("rendering it takes more than %d s of a processor, %d MiB of memory or %d MiB of output: it loops, or includes itself",
			p.Limits.Seconds, p.Limits.MemoryBytes>>20, mostOutputBytes>>20),
	}}}
}

// limited keeps what is written, up to a bound; beyond it writing fails, which ends who writes.
type limited struct {
	kept bytes.Buffer
	most int
	over bool
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.kept.Len()+len(p) > l.most {
		l.over = true
		return 0, errors.New("the answer is too long")
	}
	return l.kept.Write(p)
}

// Serve renders the one chart that it reads and writes what became of it. Before it does it binds the whole process to the limits of
// rendering: call it in a process that does nothing else.
func Serve(in io.Reader, out io.Writer) error {
	var asked question
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return fmt.Errorf("no chart to render: %w", err)
	}
	if err := asked.Limits.bind(); err != nil {
		return fmt.Errorf("the process cannot be bound: %w", err)
	}
	answer, err := json.Marshal(Render(asked.Chart))
	if err != nil {
		return err
	}
	_, err = out.Write(answer)
	return err
}

// bind takes from the process what templates do not need. A process that meets a limit is ended by the kernel or by the runtime.
func (l Limits) bind() error {
	debug.SetMaxStack(mostStackBytes)
	for _, limit := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_CPU, l.Seconds},
		{unix.RLIMIT_DATA, l.MemoryBytes},
		{unix.RLIMIT_FSIZE, 0},
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NOFILE, 0}, // no file and no connection can be opened any more; those that are open stay
	} {
		if err := unix.Setrlimit(limit.resource, &unix.Rlimit{Cur: limit.most, Max: limit.most}); err != nil {
			return err
		}
	}
	return nil
}
