package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

const (
	refusalsEvery = 10 * time.Second // how often refused callers are recorded, what is alike counted together
	maxRefusals   = 100              // how many are told apart in that time, so that a flood neither hides nor fills anything
)

// Why a caller who is known is refused. Which object it was about is not recorded: it may be one that the reader may not know.
var (
	errNoRole     = errors.New("the client has no role for the operation")
	errNotAllowed = errors.New("the client may not do this, or not with this object")
)

// refusedCaller is what refused callers have in common who are counted together. Nothing of what they sent is in it.
type refusedCaller struct {
	kind                                              placement.RefusalKind // empty: nobody could be let in, which is no fault of the caller
	reason, clientID, address, certificate, operation string
	cleared                                           bool
}

// tally is how often it happened.
type tally struct {
	count         int64
	first, last   time.Time
	lastRequestID string
}

// refusals counts callers who were refused until they are recorded.
type refusals struct {
	mu     sync.Mutex
	counts map[refusedCaller]tally
}

func (f *refusals) add(of refusedCaller, by tally) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[refusedCaller]tally{}
	}
	if _, known := f.counts[of]; !known && len(f.counts) >= maxRefusals {
		of = refusedCaller{kind: of.kind, reason: of.reason, cleared: of.cleared}
	}
	if _, known := f.counts[of]; !known && len(f.counts) >= 2*maxRefusals {
		of.reason = "different reasons"
	}
	t, known := f.counts[of]
	if !known || by.first.Before(t.first) {
		t.first = by.first
	}
	if !by.last.Before(t.last) {
		t.last, t.lastRequestID = by.last, by.lastRequestID
	}
	t.count += by.count
	f.counts[of] = t
}

func (f *refusals) take() map[refusedCaller]tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := f.counts
	f.counts = nil
	return counts
}

// unauthenticated notes a caller who did not show who it is.
func (s *Server) unauthenticated(r *http.Request, err error) {
	of := s.refusalOf(r)
	of.kind = placement.RefusedAuthentication
	if reason, ok := errors.AsType[*auth.InvalidError](err); ok {
		of.reason, of.clientID, of.cleared = printable(reason.Error()), printable(reason.ClientID), reason.Cleared
	}
	for _, known := range []error{auth.ErrMissing, auth.ErrMalformed, auth.ErrUnavailable} {
		if errors.Is(err, known) {
			of.reason = known.Error()
		}
	}
	if errors.Is(err, auth.ErrUnavailable) {
		of.kind = ""
	}
	s.note(r, of)
}

// unauthorized notes a caller who may not do what it asked for.
func (s *Server) unauthorized(r *http.Request, p *auth.Principal, why error) {
	of := s.refusalOf(r)
	of.kind, of.reason, of.clientID, of.cleared = placement.RefusedAuthorization, why.Error(), p.ClientID, p.Has(auth.RoleLIAdmin)
	s.note(r, of)
}

// refusalOf is what a request shows of its caller before anything is believed.
func (s *Server) refusalOf(r *http.Request) (of refusedCaller) {
	of.address, _, _ = net.SplitHostPort(r.RemoteAddr)
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		digest := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
		of.certificate = hex.EncodeToString(digest[:])
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if c := s.apis[name]; c != nil {
		if op := c.operation(r); op != nil {
			of.operation = op.OperationID
		}
	}
	return of
}

func (s *Server) note(r *http.Request, of refusedCaller) {
	now := time.Now().UTC()
	s.refusals.add(of, tally{count: 1, first: now, last: now, lastRequestID: requestID(r.Context())})
	if s.Refused != nil && of.kind != "" {
		s.Refused(string(of.kind), 1)
	}
}

// RecordRefusals records and logs until the context ends which callers were refused, and once more then.
func (s *Server) RecordRefusals(ctx context.Context) error {
	tick := time.NewTicker(refusalsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.recordRefusals(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			s.recordRefusals(ctx)
		}
	}
}

// recordRefusals records them; those that the database does not take are counted with the next.
func (s *Server) recordRefusals(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refusalsEvery)
	defer cancel()
	counts := s.refusals.take()
	var list []placement.AccessRefusal
	for of, by := range counts {
		s.log.LogAttrs(ctx, slog.LevelWarn, "callers were refused", slog.String("kind", string(of.kind)), slog.String("reason", of.reason),
			slog.String("clientId", of.clientID), slog.String("address", of.address), slog.String("certificateSha256", of.certificate),
			slog.String("operation", of.operation), slog.Int64("count", by.count), slog.String("lastRequestId", by.lastRequestID))
		if of.kind == "" {
			continue
		}
		list = append(list, placement.AccessRefusal{
			Kind: of.kind, Reason: of.reason, ClientID: of.clientID, Address: of.address, CertificateSHA256: of.certificate, Operation: of.operation,
			Cleared: of.cleared, Count: by.count, FirstAt: by.first, LastAt: by.last, LastRequestID: by.lastRequestID,
		})
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b placement.AccessRefusal) int { return a.FirstAt.Compare(b.FirstAt) })
	if err := s.Records.RecordAccessRefusals(ctx, list); err != nil {
		s.log.ErrorContext(ctx, "refused callers are not recorded yet", "error", err.Error())
		for of, by := range counts {
			if of.kind != "" {
				s.refusals.add(of, by)
			}
		}
	}
}
