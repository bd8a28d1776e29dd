package security

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/server"
)

const audience = "https://ringfence.example"

// site is a ringfence in its production profile, and the certificates of its clients.
type site struct {
	*server.Process

	tls        *server.TLS
	issuer     *issuer
	clientFile string
	vnfm       *pki.Identity // of the client vnfm
}

// newSite runs ringfence with clients who get their tokens from an issuer of the test's own.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{tls: server.NewTLS(t), clientFile: filepath.Join(t.TempDir(), "clients.json")}
	s.issuer = newIssuer(t, s.tls.Authority)
	s.vnfm = s.tls.Authority.Issue(t, pki.Leaf{Name: "vnfm"})
	s.run(t, s.issuer.URL)
	return s
}

// clients are those of every site.
const clients = `{"clients": [
	{"id": "vnfm", "roles": ["VNFM"]},
	{"id": "auditor", "roles": ["AUDITOR", "APPROVER"]},
	{"id": "plain", "roles": ["VNFM"], "unboundTokens": true},
	{"id": "person", "roles": ["AUTHOR"], "oauthClientId": "portal", "oauthSubject": "person-1"},
	{"id": "prober", "roles": ["AUDITOR"], "certificateNames": ["dns:prober.example"]},
	{"id": "gone", "roles": ["VNFM"], "disabled": true}
]}`

func (s *site) run(t *testing.T, issuer string) {
	t.Helper()
	pki.WriteFile(t, s.clientFile, []byte(clients))
	_, appURL := database.NewDatabase(t)
	s.tls.CRLFile = filepath.Join(t.TempDir(), "crl.pem")
	pki.WriteFile(t, s.tls.CRLFile, s.tls.Authority.Revoke(t, 1, 3600e9))
	s.Process = server.Run(t.Context(), t, server.Options{
		Program: program, DatabaseURL: appURL, TLS: s.tls, Production: true,
		Flags: []string{"--oidc-issuer", issuer, "--audience", audience, "--client-file", s.clientFile, "--oidc-ca-file", s.tls.ClientCAFile},
	})
}

// get makes a request and returns status, WWW-Authenticate and body.
func (s *site) get(t *testing.T, client *http.Client, path string, headers ...string) (status int, challenge, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(data)
}

// decisions is what a VNFM and an auditor may read.
const decisions = "/placement/v1/decisions"

// TestRealAuthorizationServer: tokens as a kept library issues them are good, with a secret and with a certificate, and are bound.
func TestRealAuthorizationServer(t *testing.T) {
	t.Parallel()
	s := &site{tls: server.NewTLS(t), clientFile: filepath.Join(t.TempDir(), "clients.json")}
	s.vnfm = s.tls.Authority.Issue(t, pki.Leaf{Name: "vnfm"})
	as := authserver.Start(t, s.tls.Authority, audience,
		authserver.Client{ID: "vnfm", Secret: "secret-of-vnfm", Certificate: s.vnfm.Certificate, Scopes: []string{"ringfence:vnfm"}},
		authserver.Client{ID: "plain", Secret: "secret-of-plain"}, authserver.Client{ID: "auditor", Secret: "secret-of-auditor"},
		authserver.Client{ID: "unknown", Secret: "secret-of-unknown"})
	s.run(t, as.Issuer)
	mutual, none := s.tls.Client(t, s.vnfm), s.tls.Client(t)
	for name, c := range map[string]struct {
		client *http.Client
		token  string
		want   int
		says   string
	}{
		"certificate at both":       {mutual, as.Token(t, "vnfm", "", s.vnfm), 200, ""},
		"secret, certificate":       {mutual, as.Token(t, "vnfm", "secret-of-vnfm", s.vnfm, "ringfence:vnfm"), 200, ""},
		"bound, none shown":         {none, as.Token(t, "vnfm", "", s.vnfm), 401, "bound to a certificate, and none was shown"},
		"unbound":                   {mutual, as.Token(t, "vnfm", "secret-of-vnfm", nil), 401, "bound to no certificate"},
		"unbound, as is allowed":    {none, as.Token(t, "plain", "secret-of-plain", nil), 200, ""},
		"unbound, as is not":        {none, as.Token(t, "auditor", "secret-of-auditor", nil), 401, "bound to no certificate"},
		"of a client nobody knows":  {none, as.Token(t, "unknown", "secret-of-unknown", nil), 401, "not registered"},
		"a token of its own making": {mutual, strings.Repeat("a", 40), 401, "not valid"},
	} {
		status, challenge, body := s.get(t, c.client, decisions, "Authorization", "Bearer "+c.token)
		if status != c.want || !strings.Contains(body, c.says) || (status == 401) != strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("%s: %d %s %s", name, status, challenge, body)
		}
	}
}

// TestScopesAndRoles: scopes narrow what a client may do; what its roles do not give, no scope does.
func TestScopesAndRoles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mutual := s.tls.Client(t, s.vnfm)
	get := func(client, scope, path string) (int, string) {
		claims := set(s.issuer.claims(s.vnfm), "client_id", client, "sub", client, "scope", scope)
		status, challenge, _ := s.get(t, mutual, path, "Authorization", "Bearer "+es256(s.issuer.ec256, head("ES256", "ec256"), claims))
		return status, challenge
	}
	const policies, needs = "/nfvpolicy/v1/policies", `Bearer realm="ringfence", error="insufficient_scope", scope="ringfence:operator ringfence:auditor ringfence:author ringfence:approver"`
	for _, c := range []struct {
		client, scope, path string
		want                int
		challenge           string
	}{
		{"vnfm", "", decisions, 200, ""},
		{"vnfm", "openid email", decisions, 200, ""},
		{"vnfm", "email ringfence:vnfm", decisions, 200, ""},
		{"vnfm", "", policies, 403, needs},
		{"vnfm", "ringfence:auditor", policies, 403, needs},
		{"auditor", "", policies, 200, ""},
		{"auditor", "ringfence:approver", policies, 200, ""},
		{"auditor", "ringfence:vnfm", policies, 403, needs},
		{"auditor", "ringfence:Auditor", policies, 403, needs},
	} {
		if status, challenge := get(c.client, c.scope, c.path); status != c.want || challenge != c.challenge {
			t.Errorf("%s with %q reads %s: %d %s", c.client, c.scope, c.path, status, challenge)
		}
	}
}

// TestWithoutTokens: a certificate that is registered is enough; no other is.
func TestWithoutTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	prober := s.tls.Authority.Issue(t, pki.Leaf{Name: "x", DNS: []string{"other.example", "prober.example"}})
	if status, _, body := s.get(t, s.tls.Client(t, prober), decisions); status != 200 {
		t.Errorf("registered by its name: %d %s", status, body)
	}
	if status, challenge, _ := s.get(t, s.tls.Client(t, s.vnfm), decisions); status != 401 || !strings.Contains(challenge, "no client is registered for the certificate") {
		t.Errorf("not registered: %d %s", status, challenge)
	}
	if status, challenge, _ := s.get(t, s.tls.Client(t), decisions); status != 401 || challenge != `Bearer realm="ringfence"` {
		t.Errorf("nothing shown: %d %s", status, challenge)
	}
	var problem struct {
		Status int
		Detail string
	}
	if _, _, body := s.get(t, s.tls.Client(t), decisions); json.Unmarshal([]byte(body), &problem) != nil || problem.Status != 401 || problem.Detail == "" {
		t.Errorf("no problem document: %s", body)
	}
}
