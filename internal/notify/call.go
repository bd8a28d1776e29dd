package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ringfence/internal/placement"
)

// maxTests is how many callbacks one client may have tested in testWindow.
const (
	maxTests   = 10
	testWindow = time.Minute
)

// Caller calls callbacks, those of each client through connections of their own that reach only where that client's callbacks may
// go. It is safe for concurrent use.
type Caller struct {
	guard  *Guard
	tokens tokens

	mu      sync.Mutex
	clients map[connections]*http.Client
	tested  map[string][]time.Time // when a client had callbacks tested, within the window
}

// connections are those of one client, on which a certificate is shown or not.
type connections struct {
	clientID string
	cert     bool
}

// NewCaller returns a caller.
func NewCaller(g *Guard) *Caller {
	return &Caller{guard: g, clients: map[connections]*http.Client{}, tested: map[string][]time.Time{}}
}

// client returns the connections of a client; nil for one whose callbacks may go nowhere.
func (c *Caller) client(id string, way placement.AuthType) *http.Client {
	if !c.guard.Developing && len(c.guard.rules().Targets[id]) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	to := connections{id, way == placement.AuthTLS}
	if c.clients[to] == nil {
		var cert Certificate
		if to.cert {
			cert = c.guard.Certificate
		}
		c.clients[to] = c.guard.client(id, cert)
	}
	return c.clients[to]
}

// way is how notifications show the subscriber who sends them: of the ways that it accepts the strongest that there is here. ok is
// false when there is none.
func (c *Caller) way(s *placement.PolicySubscription) (way placement.AuthType, ok bool) {
	accepted := s.AuthTypes
	if len(accepted) == 0 && s.UserName != "" {
		accepted = []placement.AuthType{placement.AuthBasic}
	}
	switch {
	case len(accepted) == 0:
		return "", true
	case slices.Contains(accepted, placement.AuthTLS) && c.guard.Certificate != nil && strings.HasPrefix(s.CallbackURI, "https:"):
		return placement.AuthTLS, true
	case slices.Contains(accepted, placement.AuthOAuth2):
		return placement.AuthOAuth2, true
	case slices.Contains(accepted, placement.AuthBasic):
		return placement.AuthBasic, true
	}
	return "", false
}

// errUnreadable is in the record of a delivery whose credentials cannot be had.
var errUnreadable = errors.New("the credentials of the subscription cannot be read: they are sealed with a key that this service does not have. " +
	"The operator brings that key back (RINGFENCE_SECRETS_KEY_FILE), or the subscriber subscribes again")

// errNoWay is what a client learns, and the record of a delivery, when the subscriber accepts only what is not configured here.
var errNoWay = placement.Errorf(placement.Invalid, "the subscriber accepts TLS_CERT alone, and this service has no certificate for it: "+
	"add another way, or have the operator set notify-cert-file and notify-key-file")

// mayTest counts a test of a client, unless it had too many lately.
func (c *Caller) mayTest(clientID string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	lately := slices.DeleteFunc(c.tested[clientID], func(at time.Time) bool { return now.Sub(at) > testWindow })
	ok := len(lately) < maxTests
	if ok {
		lately = append(lately, now)
	}
	c.tested[clientID] = lately
	return ok
}

// errUntested is what a client learns of a callback that did not pass its test. It is the same whatever was found, so that nobody
// can look around in the network with it.
func errUntested() error {
	return placement.Errorf(placement.Invalid, "the callback URI was not accepted: it must be https, lead to an address that the operator "+
		"allows for this client, and answer GET with 204 within %s", callTimeout)
}

// Test checks the form of a callback URI, then calls it as SOL013 has it: GET, answered with 204.
func (c *Caller) Test(ctx context.Context, s placement.PolicySubscription) error {
	if err := c.guard.CheckURI(s.CallbackURI); err != nil {
		return err
	}
	if _, ok := c.way(&s); !ok {
		return errNoWay
	}
	if s.TokenEndpoint != "" {
		if err := c.guard.checkURI("token endpoint", s.TokenEndpoint); err != nil {
			return err
		}
	}
	if !c.mayTest(s.ClientID, time.Now()) {
		return placement.Errorf(placement.Unavailable, "too many callback URIs were tested lately: try again in a minute")
	}
	if status, err := c.call(ctx, http.MethodGet, &s, nil); err != nil || status != http.StatusNoContent {
		return errUntested()
	}
	return nil
}

// Post delivers a notification. The error says what to write into the record of the delivery.
func (c *Caller) Post(ctx context.Context, s placement.PolicySubscription, body []byte) error {
	if err := c.guard.CheckURI(s.CallbackURI); err != nil {
		return err
	}
	if s.Unreadable {
		return errUnreadable
	}
	status, err := c.call(ctx, http.MethodPost, &s, body)
	switch {
	case errors.As(err, new(errForbidden)):
		return errors.New("the operator does not allow callbacks to the address that the host resolves to")
	case errors.Is(err, errNoToken), errors.Is(err, errNoWay):
		return err
	case err != nil:
		return errors.New("no answer") // what exactly went wrong is the network's business, not the subscriber's
	case status < 200 || status > 299:
		return fmt.Errorf("answered %d, 204 was expected", status)
	}
	return nil
}

// call calls a callback. A token that is not accepted is asked for anew, once.
func (c *Caller) call(ctx context.Context, method string, s *placement.PolicySubscription, body []byte) (status int, err error) {
	way, ok := c.way(s)
	if !ok {
		return 0, errNoWay
	}
	client := c.client(s.ClientID, way)
	if client == nil {
		return 0, errForbidden{"anywhere"}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	status, err = c.send(ctx, client, method, s, way, body)
	if err == nil && status == http.StatusUnauthorized && way == placement.AuthOAuth2 {
		c.tokens.drop(keyOf(s))
		status, err = c.send(ctx, client, method, s, way, body)
	}
	return status, err
}

func (c *Caller) send(ctx context.Context, client *http.Client, method string, s *placement.PolicySubscription, way placement.AuthType, body []byte) (
	status int, err error,
) {
	req, err := http.NewRequestWithContext(ctx, method, s.CallbackURI, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Version", "1.0.0")
	req.Header.Set("User-Agent", "ringfence")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	switch way {
	case placement.AuthBasic:
		req.SetBasicAuth(s.UserName, s.Password)
	case placement.AuthOAuth2:
		token, err := c.token(ctx, client, s)
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case placement.AuthTLS: // the connection shows it
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswerRead)
	return resp.StatusCode, nil
}
