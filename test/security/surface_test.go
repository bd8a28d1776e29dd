package security

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"ringfence/test/pki"
)

// TestSurface: what every answer has and has not, over TLS, and what is answered to methods that there are not.
func TestSurface(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	client := s.tls.Client(t)
	for _, path := range []string{"/healthz", decisions, "/nowhere", "/grant/v1/grants/x"} {
		resp := s.send(t, client, http.MethodGet, path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
			"Server": "", "X-Powered-By": "", "Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, method := range []string{http.MethodTrace, http.MethodConnect, http.MethodOptions, "PROPFIND", http.MethodPut} {
		resp := s.send(t, client, method, decisions)
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD, POST" && method != http.MethodConnect {
			t.Errorf("%s: %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(s.URL, "https:", "http:", 1)+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered %d", resp.StatusCode)
	}
}

func (s *site) send(t *testing.T, client *http.Client, method, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

// TestClientsAreLimited: who asks more often than its entry allows is told when to come again, and others are answered.
func TestClientsAreLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pki.WriteFile(t, s.clientFile, []byte(strings.Replace(clients, `{"id": "vnfm",`, `{"id": "vnfm", "requestsPerSecond": 1,`, 1)))
	mutual := s.tls.Client(t, s.vnfm)
	token := "Bearer " + es256(s.issuer.ec256, head("ES256", "ec256"), s.issuer.claims(s.vnfm))
	limited := false
	for range 2000 {
		status, _, body := s.get(t, mutual, decisions, "Authorization", token)
		if limited = status == http.StatusTooManyRequests; limited {
			break
		}
		if status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	if !limited {
		t.Error("2000 requests of a client that may make one a second were answered")
	}
	prober := s.tls.Client(t, s.tls.Authority.Issue(t, pki.Leaf{Name: "x", DNS: []string{"prober.example"}}))
	if status, _, body := s.get(t, prober, decisions); status != http.StatusOK {
		t.Errorf("another client: %d %s", status, body)
	}
}

// TestSecretsStayOut: neither tokens nor what was wrong with them can be found in the log, the metrics or the answers.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mutual := s.tls.Client(t, s.vnfm)
	const canary = "canary-4f1c2a"
	good := es256(s.issuer.ec256, head("ES256", "ec256"), set(s.issuer.claims(s.vnfm), "jti", canary))
	tokens := []string{
		good, canary, es256(s.issuer.other, head("ES256", canary), s.issuer.claims(s.vnfm)),
		es256(s.issuer.ec256, head("ES256", "ec256"), set(s.issuer.claims(s.vnfm), "client_id", canary)),
		es256(s.issuer.ec256, head("ES256", "ec256"), set(s.issuer.claims(s.vnfm), "aud", canary)),
	}
	var seen strings.Builder
	for _, token := range tokens {
		_, challenge, body := s.get(t, mutual, decisions, "Authorization", "Bearer "+token, "Cookie", "session="+canary)
		seen.WriteString(challenge + body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Admin+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := seen.String() + string(metrics) + s.Log()
	for _, secret := range append(tokens, canary) {
		if strings.Contains(all, secret) {
			t.Errorf("%.20s... is found in the log, the metrics or an answer", secret)
		}
	}
}
