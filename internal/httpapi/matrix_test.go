package httpapi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"ringfence/internal/auth"
	"ringfence/internal/httpapi"
)

var update = flag.Bool("update", false, "write testdata/roles.txt anew")

// tokenIssuer is an authorization server whose clients are named after their roles.
type tokenIssuer struct {
	*httptest.Server

	key *ecdsa.PrivateKey
}

func newTokenIssuer(t *testing.T) *tokenIssuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &tokenIssuer{key: key}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Use: "sig"}}})
	}))
	t.Cleanup(i.Close)
	return i
}

// token is one of a client, good for a time.
func (i *tokenIssuer) token(t *testing.T, client, scope string, lasts time.Duration) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": i.URL, "aud": "ringfence", "client_id": client, "scope": scope, "iat": now.Add(min(0, lasts)).Unix(), "exp": now.Add(lasts).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// withTokensOf is the server again, for callers with tokens of an issuer. Each role has a client of its name; root has them all.
func (a *api) withTokensOf(i *tokenIssuer) string {
	a.t.Helper()
	var entries []string
	for _, r := range auth.Roles() {
		entries = append(entries, fmt.Sprintf(`{"id": %q, "roles": [%q], "unboundTokens": true %s}`, r, r, map[auth.Role]string{auth.RoleAgent: `, "hostIds": ["*"]`}[r]))
	}
	all, err := json.Marshal(auth.Roles())
	if err != nil {
		a.t.Fatal(err)
	}
	entries = append(entries, fmt.Sprintf(`{"id": "root", "roles": %s, "unboundTokens": true, "hostIds": ["*"]}`, all))
	file := filepath.Join(a.t.TempDir(), "clients.json")
	if err := os.WriteFile(file, []byte(`{"clients": [`+strings.Join(entries, ",")+`]}`), 0o600); err != nil {
		a.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	registry, err := auth.LoadClientFile(file, log)
	if err != nil {
		a.t.Fatal(err)
	}
	client, err := auth.NewHTTPClient("")
	if err != nil {
		a.t.Fatal(err)
	}
	issuer, err := auth.NewAuthorizationServer(auth.OAuth2{
		Issuer: i.URL, Audience: "ringfence", KeysURL: i.URL + "/keys", Algorithms: []string{"ES256"}, MaxLifetime: time.Hour, HTTP: client, Plain: true, Log: log,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	config := a.server.Config
	config.Auth = auth.NewOAuth2(registry, issuer)
	server, err := httpapi.New(config)
	if err != nil {
		a.t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	a.t.Cleanup(listener.Close)
	return listener.URL
}

// cell is what a caller is told of an operation: "yes" (whatever comes of the request), "401" or "403".
func (o operation) cell(t *testing.T, base, token string) string {
	t.Helper()
	var body io.Reader = http.NoBody
	if o.RequestBody != nil {
		body = bytes.NewReader([]byte(`{"no": "such attribute"}`))
	}
	req, err := http.NewRequestWithContext(t.Context(), o.method, base+o.url()+"?"+o.required(), body)
	if err != nil {
		t.Fatal(err)
	}
	if o.RequestBody != nil {
		req.Header.Set("Content-Type", o.mediaType())
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	challenge := resp.Header.Get("WWW-Authenticate")
	switch {
	case resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(challenge, `Bearer realm="ringfence"`):
		return "401"
	case resp.StatusCode == http.StatusForbidden && strings.Contains(challenge, `error="insufficient_scope", scope="ringfence:`):
		return "403"
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusUnauthorized || challenge != "":
		return fmt.Sprint(resp.StatusCode, challenge)
	}
	return "yes"
}

// TestRoleMatrix calls every operation as every role, as nobody, with an expired token, with one of no scope here, and with one narrowed to
// the role VNFM. What comes of it is testdata/roles.txt, which people read.
func TestRoleMatrix(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	i := newTokenIssuer(t)
	base := a.withTokensOf(i)
	type caller struct{ name, token string }
	callers := []caller{{"nobody", ""}, {"expired", i.token(t, "root", "", -time.Minute)}, {"no scope", i.token(t, "root", "ringfence:none", time.Minute*50)}}
	for _, r := range auth.Roles() {
		callers = append(callers, caller{string(r), i.token(t, string(r), "", 50*time.Minute)})
	}
	callers = append(callers, caller{"root as VNFM", i.token(t, "root", "ringfence:vnfm", 50*time.Minute)})
	var table strings.Builder
	fmt.Fprintf(&table, "%-96s", "")
	for _, c := range callers {
		fmt.Fprintf(&table, " %-*s", max(4, len(c.name)), c.name)
	}
	table.WriteString("\n")
	cells := 0
	for _, o := range operations(t) {
		fmt.Fprintf(&table, "%-6s %-89s", o.method, o.path)
		for _, c := range callers {
			fmt.Fprintf(&table, " %-*s", max(4, len(c.name)), o.cell(t, base, c.token))
			cells++
		}
		table.WriteString("\n")
	}
	got := strings.ReplaceAll(table.String(), " \n", "\n")
	for strings.Contains(got, " \n") {
		got = strings.ReplaceAll(got, " \n", "\n")
	}
	golden := filepath.Join("testdata", "roles.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("who may do what differs from testdata/roles.txt; read the difference before you run with -update (-want +got):\n%s", diff)
	}
	t.Logf("role matrix: %d operations x %d callers = %d cells\n%s", cells/len(callers), len(callers), cells, got)
}
