package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/internal/postgres/embedded"
	"ringfence/test/bench/synthetic"
	"ringfence/test/server"
)

// patience is how long a start may take, and importPatience an import for each thousand hosts.
const (
	patience       = 2 * time.Minute
	importPatience = time.Minute
)

// service is the real ringfence with a fleet, on its private database.
type service struct {
	*server.Process

	program string
	dataDir string
}

// startService starts the program on a data directory, and says how long it took until it was ready.
func startService(ctx context.Context, program, dataDir string) (*service, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	process, err := server.Start(ctx, server.Options{Program: program, DataDir: dataDir})
	if err != nil {
		return nil, 0, err
	}
	return &service{Process: process, program: program, dataDir: dataDir}, time.Since(start), nil
}

// load imports a fleet over HTTP and puts the policy in force. It returns how long the import took.
func (s *service) load(ctx context.Context, made *synthetic.Fleet) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+importPatience*time.Duration(made.Hosts/1000))
	defer cancel()
	took, err := s.importFleet(ctx, made)
	if err != nil {
		return 0, fmt.Errorf("import of %d hosts: %w", made.Hosts, err)
	}
	apply := exec.CommandContext(ctx, s.program, "policy", "apply", policyFile, "--activate")
	apply.Env = append(os.Environ(), "RINGFENCE_URL="+s.URL)
	if output, err := apply.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("ringfence policy apply: %w\n%s", err, output)
	}
	return took, nil
}

func (s *service) importFleet(ctx context.Context, made *synthetic.Fleet) (time.Duration, error) {
	body, sink := io.Pipe()
	go func() { _ = sink.CloseWithError(made.WriteInventory(sink)) }() // the reader gets the error
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/inventory/v1/imports", body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	start := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", answer.Status, text)
	}
	return time.Since(start), nil
}

// openDatabase connects to the private database of the service as the owner of its tables, beside the service.
func (s *service) openDatabase(ctx context.Context, conns int) (*pgxpool.Pool, error) {
	_, socket, err := s.postmaster()
	if err != nil {
		return nil, err
	}
	return pgxpool.New(ctx, fmt.Sprintf("host=%s port=5432 user=%s dbname=%s pool_max_conns=%d", socket, embedded.OwnerRole, embedded.DatabaseName, conns))
}

// tidy brings the database into the state that it has some time after an import: with statistics, and without what autovacuum would
// clean up in the middle of a measurement.
func tidy(ctx context.Context, db *pgxpool.Pool) error {
	_, err := db.Exec(ctx, `VACUUM (ANALYZE) host, residency, change_feed, directory`)
	return err
}

// postmaster reads what the private server says of itself.
func (s *service) postmaster() (pid int, socket string, err error) {
	text, err := os.ReadFile(filepath.Join(s.dataDir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0, "", err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 5 {
		return 0, "", errors.New("postmaster.pid is shorter than expected")
	}
	pid, err = strconv.Atoi(lines[0])
	return pid, lines[4], err
}

// profileTime is how long a profile takes, unless the load ends before.
const profileTime = 5 * time.Second

// profile writes a CPU profile of the service to a file, beside what else goes on. Without a name it does nothing.
func (s *service) profile(ctx context.Context, name string) <-chan error {
	done := make(chan error, 1)
	if name == "" {
		close(done)
		return done
	}
	go func() { done <- s.writeProfile(ctx, name) }()
	return done
}

func (s *service) writeProfile(ctx context.Context, name string) error {
	address := fmt.Sprintf("%s/debug/pprof/profile?seconds=%.0f", s.Admin, profileTime.Seconds())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}

// withService runs fn on a fresh service, and ends the service and removes its data whatever happens.
func withService(ctx context.Context, program string, fn func(dataDir string, s *service) error) (err error) {
	dataDir, err := os.MkdirTemp("", "ringfence-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dataDir)) }()
	s, _, err := startService(ctx, program, dataDir)
	if err != nil {
		return err
	}
	return s.use(func(s *service) error { return fn(dataDir, s) })
}

// use runs fn and ends the service. What the service logged as errors is an error.
func (s *service) use(fn func(*service) error) error {
	err := fn(s)
	err = errors.Join(err, s.Stop())
	if logged := s.Errors(); len(logged) > 0 {
		err = errors.Join(err, fmt.Errorf("ringfence logged %d errors, the first: %s", len(logged), logged[0]))
	}
	return err
}
