package postgres

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/seal"
)

// keysOf are the keys of a file with these lines; without any it is a file that is made.
func keysOf(t *testing.T, lines ...string) (keys *seal.Keys, line string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets.key")
	if len(lines) > 0 {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys = must(seal.Load(path))(t)
	return keys, string(must(os.ReadFile(path))(t))
}

// secretsOf are the passwords and client secrets that deliveries of one change come with, by subscription; "?": unreadable.
func secretsOf(t *testing.T, s *Store) map[string]string {
	t.Helper()
	must(s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: rand.Text()}, tester))(t)
	got := map[string]string{}
	for _, d := range lease(t, s, 100, time.Hour) {
		p := &d.Subscription
		if got[p.ID] = p.Password + p.OAuthSecret; p.Unreadable {
			got[p.ID] += "?"
		}
	}
	return got
}

// TestSecretsAreSealed holds what stands in the database of a subscriber's secrets to be of no use without the key, nor to another
// subscription, and to be sealed with the first key from the next start on, wherever it came from.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	s, owner := newStoreAndOwner(t)
	ctx := t.Context()
	old, oldLine := keysOf(t)
	s.secrets = old
	subscribe(t, s, placement.PolicySubscription{ID: "basic", ClientID: "a", UserName: "me", Password: "canary-one"})
	subscribe(t, s, placement.PolicySubscription{ID: "oauth", ClientID: "a", OAuthClientID: "me", OAuthSecret: "canary-two", TokenEndpoint: "https://x/"})
	subscribe(t, s, placement.PolicySubscription{ID: "none", ClientID: "a"})
	subscribe(t, s, placement.PolicySubscription{ID: "before", ClientID: "a", UserName: "me"})
	root := connect(t, owner)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := root.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE policy_subscription SET password = 'canary-three' WHERE id = 'before'`)
	want := func(basic, oauth, before string) {
		t.Helper()
		got := secretsOf(t, s)
		if got["basic"] != basic || got["oauth"] != oauth || got["before"] != before || got["none"] != "" || len(got) != 4 {
			t.Errorf("deliveries come with %q", got)
		}
	}
	start := func(keys *seal.Keys, unreadable int) {
		t.Helper()
		s.secrets = keys
		if n, err := s.SealSecrets(ctx); err != nil || n != unreadable {
			t.Errorf("%d secrets are unreadable, %v; want %d", n, err, unreadable)
		}
	}
	want("canary-one", "canary-two", "canary-three")
	start(old, 0)
	want("canary-one", "canary-two", "canary-three")
	var stored string
	if err := root.QueryRow(ctx, `SELECT string_agg(s::text, ' ') FROM policy_subscription s`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stored, "canary") || strings.Contains(stored, hex.EncodeToString([]byte("canary"))) || !strings.Contains(stored, `\x`) {
		t.Errorf("in the database stands %s", stored)
	}

	_, newLine := keysOf(t)
	both, _ := keysOf(t, newLine, oldLine)
	start(both, 0)
	fresh, _ := keysOf(t, newLine) // the old one has gone
	start(fresh, 0)
	want("canary-one", "canary-two", "canary-three")

	start(old, 3)
	want("?", "?", "?")
	again := placement.PolicySubscription{ID: "another", ClientID: "a", CallbackURI: "https://subscriber.example.net/basic", UserName: "me", Password: "fresh"}
	if _, created, err := s.CreatePolicySubscription(ctx, again); err != nil || created {
		t.Fatalf("created %t, %v", created, err)
	}
	want("fresh", "?", "?")
	exec(`UPDATE policy_subscription SET secrets = (SELECT secrets FROM policy_subscription WHERE id = 'basic') WHERE id = 'none'`)
	if got := secretsOf(t, s); got["none"] != "?" {
		t.Errorf("sealed for one subscription, another has it as %q", got["none"])
	}
}
