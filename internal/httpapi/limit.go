package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ringfence/internal/auth"
)

// burst is for how many seconds a client may save its requests up.
const burst = 2

// limits are how many requests the clients may make. Only those that are known are counted, so there are as many as the operator has.
type limits struct {
	mu      sync.Mutex
	clients map[string]*rate.Limiter
}

// delay is how long a client has to wait before its request is welcome; 0: it is now.
func (l *limits) delay(clientID string, perSecond int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients == nil {
		l.clients = map[string]*rate.Limiter{}
	}
	of := l.clients[clientID]
	if of == nil || of.Limit() != rate.Limit(perSecond) {
		of = rate.NewLimiter(rate.Limit(perSecond), burst*perSecond)
		l.clients[clientID] = of
	}
	if of.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - of.TokensAt(now)) / float64(perSecond) * float64(time.Second))
}

// limit answers 429 to a client that asks more often than it may, so that it does not keep others from being answered.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := auth.FromContext(r.Context())
		perSecond := s.RequestsPerSecond
		if p.RequestsPerSecond > 0 {
			perSecond = p.RequestsPerSecond
		}
		if perSecond > 0 {
			if wait := s.limits.delay(p.ClientID, perSecond, time.Now()); wait > 0 {
				s.writeProblem(w, r, newProblem(http.StatusTooManyRequests, "this client may make "+strconv.Itoa(perSecond)+" requests a second").
					withHeader("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds())))))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
