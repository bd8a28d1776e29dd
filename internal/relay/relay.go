package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"ringfence/internal/peer"
	"ringfence/internal/placement"
)

const (
	apiVersion    = "1.4.0" // of /grant/v1: connections are maps from there on
	grantsPath    = "/grant/v1/grants"
	pollEvery     = 250 * time.Millisecond
	longestPoll   = 2 * time.Second
	giveBackTime  = 5 * time.Second
	sweepEvery    = 5 * time.Second
	sweepBatch    = 50
	maxDetail     = 500
	maxIdentifier = 255
)

// Store is what asking an NFVO needs of the database.
type Store interface {
	// UpstreamAnswer returns what the NFVO said of a grant; false: it need not be asked about it.
	UpstreamAnswer(ctx context.Context, grantID string) (placement.UpstreamAnswer, bool, error)
	// AskUpstream notes that it is asked about a grant now; with again also when it had not agreed before.
	AskUpstream(ctx context.Context, grantID string, again bool) error
	// RecordUpstream records what it said, and tells whether it did: another request for the same may have got an answer before.
	RecordUpstream(ctx context.Context, grantID string, a placement.UpstreamAnswer) (recorded bool, err error)
	// UpstreamGivenBack notes that what a grant reserved is given back.
	UpstreamGivenBack(ctx context.Context, grantID string) error
	// AbandonedUpstream are grants without agreement that nobody has given back since they were asked about so long ago.
	AbandonedUpstream(ctx context.Context, after time.Duration, n int) ([]string, error)
}

// Reservations give back what a grant reserved.
type Reservations interface {
	Settle(ctx context.Context, grantID string, state placement.OperationState, actor string, mayTell func(clientID, vnfInstanceID string) bool, ttl time.Duration) error
}

// Settings are the operator's choices.
type Settings struct {
	APIRoot, Credentials string
	Timeout              time.Duration // for an answer, polling included
	// Usable tells whether a grant of the NFVO can be merged into ours, as far as its form goes.
	Usable func(grant []byte) error
}

// Service asks.
type Service struct {
	store        Store
	reservations Reservations
	caller       *peer.Caller
	settings     Settings
	log          *slog.Logger
}

// New returns a service. The error says what of the settings cannot work.
func New(store Store, reservations Reservations, caller *peer.Caller, settings Settings, log *slog.Logger) (*Service, error) {
	s := &Service{store: store, reservations: reservations, caller: caller, settings: settings, log: log}
	u, err := url.Parse(settings.APIRoot)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(settings.APIRoot, "/") {
		return nil, fmt.Errorf("NFVO upstream: %q is no API root such as https://nfvo.example.com:8443, without a slash at the end", settings.APIRoot)
	}
	if _, err := caller.Credentials(s.peer()); err != nil {
		return nil, fmt.Errorf("NFVO upstream: %w", err)
	}
	return s, nil
}

func (s *Service) peer() *peer.Peer {
	return &peer.Peer{APIRoot: s.settings.APIRoot, Credentials: s.settings.Credentials, Trusted: true, Timeout: s.settings.Timeout}
}

// Answer is what the NFVO said of a grant; false: it need not be asked about this one.
func (s *Service) Answer(ctx context.Context, grantID string) (placement.UpstreamAnswer, bool, error) {
	return s.store.UpstreamAnswer(ctx, grantID)
}

// Consult asks about a request as it is. Unavailable when there is no answer that can be followed.
func (s *Service) Consult(ctx context.Context, body []byte) (placement.UpstreamAnswer, error) {
	a := s.ask(ctx, json.RawMessage(body))
	if a.State == placement.UpstreamFailed {
		return a, s.unavailable(ctx, "", a.Detail)
	}
	return a, nil
}

// Agree asks about a grant that is committed, unless it was asked before.
func (s *Service) Agree(ctx context.Context, g *placement.Grant, body []byte, before *placement.UpstreamAnswer) (placement.UpstreamAnswer, error) {
	known, _, err := s.store.UpstreamAnswer(ctx, g.ID)
	if err != nil || known.State == placement.UpstreamAgreed {
		return known, err
	}
	if known.State != placement.UpstreamAsking && len(g.Placements) > 0 {
		return s.conclude(ctx, g, known) // a process ended before it was given back
	}
	if err := s.store.AskUpstream(ctx, g.ID, len(g.Placements) == 0); err != nil {
		return placement.UpstreamAnswer{}, err
	}
	if before != nil && fits(before.Grant, g) == nil {
		return s.record(ctx, g, *before)
	}
	narrowed, err := narrow(body, g)
	if err != nil {
		return placement.UpstreamAnswer{}, err
	}
	a := s.ask(ctx, narrowed)
	if a.State == placement.UpstreamAgreed {
		if err := fits(a.Grant, g); err != nil {
			a = failed(err)
		}
	}
	return s.record(ctx, g, a)
}

// record records an answer, and follows the one that is recorded: an earlier one, where there is.
func (s *Service) record(ctx context.Context, g *placement.Grant, a placement.UpstreamAnswer) (placement.UpstreamAnswer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime) // also for a caller that has gone
	defer cancel()
	recorded, err := s.store.RecordUpstream(ctx, g.ID, a)
	if err != nil {
		return placement.UpstreamAnswer{}, err
	}
	if !recorded {
		if a, _, err = s.store.UpstreamAnswer(ctx, g.ID); err != nil {
			return placement.UpstreamAnswer{}, err
		}
	}
	return s.conclude(ctx, g, a)
}

// conclude gives back what was not agreed to.
func (s *Service) conclude(ctx context.Context, g *placement.Grant, a placement.UpstreamAnswer) (placement.UpstreamAnswer, error) {
	if a.State == placement.UpstreamAgreed {
		return a, nil
	}
	if err := s.giveBack(ctx, g.ID); err != nil {
		s.log.WarnContext(ctx, "what the NFVO upstream did not agree to is not given back yet", "grantId", g.ID, "error", err.Error())
	}
	if a.State == placement.UpstreamRefused {
		s.log.InfoContext(ctx, "the NFVO upstream refused", "grantId", g.ID)
		return a, nil
	}
	return a, s.unavailable(ctx, g.ID, a.Detail)
}

func (s *Service) unavailable(ctx context.Context, grantID, why string) error {
	s.log.WarnContext(ctx, "the NFVO upstream did not agree", "grantId", grantID, "reason", why)
	return placement.Errorf(placement.Unavailable, "the NFVO upstream has not agreed (%s), and nothing is reserved: try again", why)
}

func (s *Service) giveBack(ctx context.Context, grantID string) error {
	everybody := func(string, string) bool { return true }
	err := s.reservations.Settle(ctx, grantID, placement.OperationRolledBack, "upstream-nfvo", everybody, 0)
	if kind := placement.KindOf(err); err != nil && kind != placement.Conflict && kind != placement.NotFound { // it is given back, or another grant's
		return err
	}
	return s.store.UpstreamGivenBack(ctx, grantID)
}

// Run gives back, until the context ends, what processes that ended have left without an answer.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx, 2*s.settings.Timeout+sweepEvery); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "grants without an answer of the NFVO upstream could not be given back", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep gives back grants that were asked about so long ago, and that are still without agreement.
func (s *Service) Sweep(ctx context.Context, after time.Duration) error {
	ids, err := s.store.AbandonedUpstream(ctx, after, sweepBatch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := s.store.RecordUpstream(ctx, id, failed(errors.New("no answer was recorded"))); err != nil {
			return err
		}
		a, _, err := s.store.UpstreamAnswer(ctx, id)
		if err != nil {
			return err
		}
		if a.State == placement.UpstreamAgreed || a.State == placement.UpstreamAsking {
			continue // somebody asked meanwhile
		}
		if err := s.giveBack(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func failed(why error) placement.UpstreamAnswer {
	return placement.UpstreamAnswer{State: placement.UpstreamFailed, Detail: why.Error()}
}

// ask posts a request and waits for its answer, within the time limit.
func (s *Service) ask(ctx context.Context, request any) placement.UpstreamAnswer {
	ctx, cancel := context.WithTimeout(ctx, s.settings.Timeout)
	defer cancel()
	a, err := s.caller.Call(ctx, s.peer(), peer.Request{Method: http.MethodPost, Path: grantsPath, Version: apiVersion, Body: request})
	if err == nil && a.Status == http.StatusAccepted {
		a, err = s.poll(ctx, a.Location)
	}
	if err != nil {
		return failed(err)
	}
	return s.read(&a)
}

// poll asks for a grant-to-be until it is decided.
func (s *Service) poll(ctx context.Context, location string) (peer.Answer, error) {
	id := location[strings.LastIndex(location, "/")+1:]
	unfit := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/?#%", r) }
	if id == "" || id == "." || id == ".." || len(id) > maxIdentifier || strings.ContainsFunc(id, unfit) {
		return peer.Answer{}, errors.New("it answered 202 without a Location that ends in the id of a grant")
	}
	for {
		a, err := s.caller.Call(ctx, s.peer(), peer.Request{Method: http.MethodGet, Path: grantsPath + "/" + id, Version: apiVersion})
		if err != nil || a.Status != http.StatusAccepted {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("no decision within %s", s.settings.Timeout)
		case <-time.After(min(max(pollEvery, a.RetryAfter), longestPoll)):
		}
	}
}

// read tells what an answer says.
func (s *Service) read(a *peer.Answer) placement.UpstreamAnswer {
	switch a.Status {
	case http.StatusOK, http.StatusCreated:
		if err := s.settings.Usable(a.Body); err != nil {
			return failed(errors.New("its answer is no grant"))
		}
		return placement.UpstreamAnswer{State: placement.UpstreamAgreed, Grant: a.Body}
	case http.StatusForbidden:
		return placement.UpstreamAnswer{State: placement.UpstreamRefused, Detail: "Refused by the NFVO upstream: " + detailOf(a.Body)}
	}
	return failed(fmt.Errorf("it answered %d", a.Status))
}

// detailOf is the reason in a problem document, as text that can be shown.
func detailOf(body []byte) string {
	var p struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return "it gives no reason"
	}
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, p.Detail)
	if runes := []rune(clean); len(runes) > maxDetail {
		clean = string(runes[:maxDetail]) + "..."
	}
	return clean
}
