package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	guard *Guard

	mu      sync.Mutex
	clients map[string]*http.Client
	tested  map[string][]time.Time // when a client had callbacks tested, within the window
}

// NewCaller returns a caller.
func NewCaller(g *Guard) *Caller {
	return &Caller{guard: g, clients: map[string]*http.Client{}, tested: map[string][]time.Time{}}
}

// client returns the connections of a client; nil for one whose callbacks may go nowhere.
func (c *Caller) client(id string) *http.Client {
	if !c.guard.Developing && len(c.guard.Targets[id]) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[id] == nil {
		c.clients[id] = c.guard.client(id)
	}
	return c.clients[id]
}

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
	status, err := c.call(ctx, http.MethodPost, &s, body)
	switch {
	case errors.As(err, new(errForbidden)):
		return errors.New("the operator does not allow callbacks to the address that the host resolves to")
	case err != nil:
		return errors.New("no answer") // what exactly went wrong is the network's business, not the subscriber's
	case status < 200 || status > 299:
		return fmt.Errorf("answered %d, 204 was expected", status)
	}
	return nil
}

func (c *Caller) call(ctx context.Context, method string, s *placement.PolicySubscription, body []byte) (status int, err error) {
	client := c.client(s.ClientID)
	if client == nil {
		return 0, errForbidden{"anywhere"}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.CallbackURI, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Version", "1.0.0")
	req.Header.Set("User-Agent", "ringfence")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.UserName != "" {
		req.SetBasicAuth(s.UserName, s.Password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswerRead)
	return resp.StatusCode, nil
}
