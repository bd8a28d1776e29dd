// Package agent stands on one host of the NFVI: it follows the host's directives, makes the container runtime obey those about
// images, and reports what runs and lies there. It starts no workload; that is the CISM's or the VIM's part.
//
// A directive is first entered in a journal on disk, in its order, and then dealt with: it stays open until what it orders can
// be seen on the host, however often the agent, the runtime or ringfence restart meanwhile. Carrying one out twice does no
// harm. What cannot be carried out is answered FAILED with the reason, and tried again where that can help.
//
// The package must not know containerd or the kernel: the container runtime and the volumes are interfaces of its own.
package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	wire "ringfence/api/directives"
	inventory "ringfence/api/inventory"
)

// Service is what the agent asks of ringfence.
type Service interface {
	HostFeed(ctx context.Context, hostID string, after int64, wait time.Duration) ([]json.RawMessage, error)
	Acknowledge(ctx context.Context, ack wire.Ack) error
	Report(ctx context.Context, hostID string, state wire.ObservedState, etag string) (wire.ObservationResult, string, error)
	RecordScrub(ctx context.Context, hostID string, report inventory.ScrubReport) (inventory.ScrubRecord, error)
}

// Verifier verifies the signature of a directive and reads it.
type Verifier interface {
	Verify(ctx context.Context, text json.RawMessage) (wire.Directive, error)
}

// Config is how an agent is to behave.
type Config struct {
	// HostID is the host's id in the inventory.
	HostID string
	// CISNodeID is set on a host whose containers all run on this CIS node.
	CISNodeID string
	// OnlyDomain is the one trust domain that the host serves, if it is dedicated to one.
	OnlyDomain string
	// JournalFile is where the journal lies.
	JournalFile string
	// PullTimeout bounds the fetching of one image.
	PullTimeout time.Duration
	// StopReleased lets the agent end a workload that still runs this long after its right ended; 0: never.
	StopReleased time.Duration
	// EphemeralFolders are emptied by a SCRUB of level EPHEMERAL_WIPE.
	EphemeralFolders []string
	// ScrubHook is a program for what the agent cannot do itself: it is called with the level and whether devices must be
	// reset. Empty: such a SCRUB fails and says that it needs an operator.
	ScrubHook string
	// ReportInterval is how often the host is looked at and reported without a change.
	ReportInterval time.Duration
}

// Agent is one host's.
type Agent struct {
	config   Config
	service  Service
	verifier Verifier
	images   ImageStore
	volumes  Volumes
	log      *slog.Logger
	now      func() time.Time
	status   status

	entering sync.Mutex // directives are entered by one reader of the feed at a time

	mu      sync.Mutex
	journal *Journal
	seen    *Observation // the newest; nil: none yet

	recovered bool      // what a restart of the host destroyed is removed
	nextErase time.Time // when to try again to erase volumes that are in use

	work chan struct{} // there may be something to do
	look chan struct{} // the host may have changed
}

// New is an agent with the journal of its host.
func New(config Config, journal *Journal, service Service, verifier Verifier, images ImageStore, volumes Volumes, log *slog.Logger) *Agent {
	return &Agent{
		config: config, service: service, verifier: verifier, images: images, volumes: volumes, log: log, now: time.Now,
		journal: journal, work: make(chan struct{}, 1), look: make(chan struct{}, 1),
	}
}

// Run works until the context ends. changes tells when something may have changed on the host.
func (a *Agent) Run(ctx context.Context, changes <-chan struct{}) error {
	a.status.start(a.now())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { a.follow(ctx); return nil })
	group.Go(func() error { a.watch(ctx, changes); return nil })
	group.Go(func() error { a.deal(ctx); return nil })
	return group.Wait()
}

// signal wakes a loop; one that is awake already sees what changed.
func signal(loop chan struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}

// change changes the journal durably. What is not on disk has not happened.
func (a *Agent) change(change func(j *Journal)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.journal)
	return a.journal.save(a.config.JournalFile)
}

// pause waits, or ends early with the context.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
