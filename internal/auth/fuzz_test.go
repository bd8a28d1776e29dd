package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzToken: of all texts only what was signed is a token.
func FuzzToken(f *testing.F) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize))) // the same in every process that fuzzes
	public, err := (&jose.JSONWebKey{Key: private.Public(), KeyID: "k", Algorithm: "EdDSA", Use: "sig"}).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	accept := map[string]bool{"EdDSA": true, "ES256": true}
	s := &AuthorizationServer{accept: accept}
	s.keys = newKeySet(func(context.Context) ([]byte, error) { return []byte(`{"keys": [` + string(public) + `]}`), nil }, accept, slog.New(slog.DiscardHandler))
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	signed := part(`{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`) + "." + part(`{"client_id":"vnfm","exp":4000000000}`)
	good := signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(signed)))
	if _, err := s.parse(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		good, signed + ".", signed, part(`{"alg":"none"}`) + "." + part(`{}`) + ".", part(`{"alg":"ES256","kid":"k"}`) + good[strings.Index(good, "."):], "....", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := s.parse(t.Context(), token); err == nil && (c == nil || !strings.HasPrefix(token, signed+".")) {
			t.Errorf("%q is a token of %+v", token, c)
		}
	})
}

// FuzzClients: a file of clients is read whole or not at all, and the same each time.
func FuzzClients(f *testing.F) {
	for _, seed := range []string{
		`{"clients": [{"id": "vnfm", "roles": ["VNFM"], "unboundTokens": true}]}`,
		`{"clients": [{"id": "a", "roles": ["AGENT"], "hostIds": ["*"], "certificateNames": ["dns:a.example"]}, {"id": "b", "roles": ["AUTHOR"], "oauthClientId": "p", "oauthSubject": "s"}]}`,
		`{"clients": [{"id": "n", "roles": ["NFVO"], "delegations": [{"clientId": "vnfm"}], "callbacks": [{"prefix": "10.0.0.0/8", "ports": [443]}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := parseClients("client file", data, false)
		if (read == nil) != (err != nil) {
			t.Fatalf("%v, %v", read, err)
		}
		if _, again := parseClients("client file", data, false); (again == nil) != (err == nil) || err != nil && again.Error() != err.Error() {
			t.Errorf("%v, then %v", err, again)
		}
	})
}
