package security

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/test/pki"
)

// TestDisabledClientIsOut: a client that the operator disables is refused within 5 s, with a token that is good for longer.
func TestDisabledClientIsOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mutual := s.tls.Client(t, s.vnfm)
	token := "Bearer " + es256(s.issuer.ec256, head("ES256", "ec256"), s.issuer.claims(s.vnfm))
	if status, _, body := s.get(t, mutual, decisions, "Authorization", token); status != http.StatusOK {
		t.Fatal(status, body)
	}
	pki.WriteFile(t, s.clientFile, []byte(strings.Replace(clients, `{"id": "vnfm",`, `{"id": "vnfm", "disabled": true,`, 1)))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(5 * time.Second); ; <-tick.C {
		status, challenge, body := s.get(t, mutual, decisions, "Authorization", token)
		if status == http.StatusUnauthorized && strings.Contains(challenge, "its client is not registered here") {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("5 s later: %d %s", status, body)
		}
	}
}

// TestUnknownKeysAreBounded: tokens that name keys which nobody has do not have the authorization server asked for each.
func TestUnknownKeysAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mutual := s.tls.Client(t, s.vnfm)
	before, began := s.issuer.asked.Load(), time.Now()
	const tokens = 300
	for range tokens {
		status, _, _ := s.get(t, mutual, decisions, "Authorization", "Bearer "+es256(s.issuer.other, head("ES256", rand.Text()), s.issuer.claims(s.vnfm)))
		if status != http.StatusUnauthorized {
			t.Fatalf("answered %d", status)
		}
	}
	asked, allowed := s.issuer.asked.Load()-before, 2+int64(time.Since(began)/(10*time.Second))
	if asked > allowed {
		t.Errorf("%d tokens had the keys fetched %d times, %d at most", tokens, asked, allowed)
	}
	t.Logf("%d tokens with unknown keys: the keys were fetched %d times", tokens, asked)
}
