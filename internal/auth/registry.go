package auth

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is after how long the file of clients is looked at again, when a request comes: how long a client that was disabled may
// still call.
const lookAgain = 2 * time.Second

// Registry is the clients that the operator knows, read again when their file has changed. A file that cannot be read leaves the
// clients before in use: half a file must not lock everybody out.
type Registry struct {
	path, what string
	withTokens bool
	log        *slog.Logger
	now        func() time.Time

	mu      sync.Mutex
	current *clients
	looked  time.Time
	state   string // when the file in use was written
}

// LoadTokenFile reads a file of clients that have tokens of their own.
func LoadTokenFile(path string, log *slog.Logger) (*Registry, error) {
	return loadRegistry(&Registry{path: path, what: "token file", withTokens: true, log: log})
}

// LoadClientFile reads a file of clients to whom an authorization server gives tokens.
func LoadClientFile(path string, log *slog.Logger) (*Registry, error) {
	return loadRegistry(&Registry{path: path, what: "client file", log: log})
}

func loadRegistry(r *Registry) (*Registry, error) {
	r.now = time.Now
	state, _ := stateOf(r.path)
	current, err := r.read()
	if err != nil {
		return nil, err
	}
	r.current, r.state, r.looked = current, state, r.now()
	return r, nil
}

// clients are those to go by now.
func (r *Registry) clients() *clients {
	if r.path == "" {
		return r.current
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.looked) < lookAgain {
		return r.current
	}
	r.looked = now
	state, err := stateOf(r.path)
	if err == nil && state == r.state {
		return r.current
	}
	current, err := r.read()
	if err != nil {
		r.log.Error("the file of clients cannot be read; the clients that were read before stay", "error", err.Error())
		return r.current
	}
	r.current, r.state = current, state
	r.log.Info("the file of clients was read again", "file", r.path)
	return r.current
}

func (r *Registry) read() (*clients, error) {
	info, err := os.Stat(r.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.what, err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s: %s can be written by others (mode %04o), who could give themselves any role: chmod go-w it", r.what, r.path, info.Mode().Perm())
	}
	data, err := os.ReadFile(r.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.what, err)
	}
	return parseClients(r.what, data, r.withTokens)
}

func stateOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size(), info.Mode()), nil
}
