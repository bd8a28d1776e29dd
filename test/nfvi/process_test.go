package nfvi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test runs, and its log in a file.
type process struct {
	name    string
	log     string
	command *exec.Cmd
	done    chan struct{}
}

// startProcess runs a program until the test ends. Its log is shown when the test fails, that of a program which is not ours
// only when it ended by itself.
func startProcess(t *testing.T, name, path string, arguments ...string) *process {
	t.Helper()
	p := &process{name: name, log: filepath.Join(t.TempDir(), name+".log"), done: make(chan struct{})}
	file, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.command = exec.CommandContext(context.WithoutCancel(t.Context()), path, arguments...)
	p.command.Stdout, p.command.Stderr = file, file
	started := make(chan error)
	go func() {
		// Nothing is left when the tests are killed: the program ends with the thread that started it, which is kept for that.
		runtime.LockOSThread()
		p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait()
			_ = file.Close()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		fell := p.ended()
		p.stop(t)
		if t.Failed() && (fell || path == program) {
			t.Logf("log of %s ends with:\n%s", name, p.tail())
		}
	})
	return p
}

// stop asks the process to end, and waits.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Errorf("%s did not end within 30 s of being asked to", p.name)
		p.kill()
	}
}

// kill ends the process at once, as a power failure does.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-60000):])
}

// eventually waits until a condition holds: nil. It fails the test with the last error when it does not within the time.
func eventually(t *testing.T, within time.Duration, what string, condition func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(within)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true within %s: %v", what, within, err)
		}
		<-tick.C
	}
}

// answers waits until a URL is answered 200.
func (p *process) answers(t *testing.T, client *http.Client, url string) {
	t.Helper()
	eventually(t, 2*time.Minute, p.name+" at "+url, func() error {
		if p.ended() {
			t.Fatalf("%s ended:\n%s", p.name, p.tail())
		}
		answer, err := client.Get(url)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status + ": " + string(content))
		}
		return err
	})
}

// freeAddress is an address of the loopback interface that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.Atoi(port)
	}
	if err != nil {
		t.Fatal(err)
	}
	return port
}
