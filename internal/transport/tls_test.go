package transport

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/test/pki"
)

// site is a server with its files, on loopback.
type site struct {
	ca    *pki.Authority
	files Files
	tls   *TLS
	url   string
	later atomic.Int64 // nanoseconds by which its clock is ahead
}

func newSite(t *testing.T, revoked ...*x509.Certificate) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{ca: pki.New(t, "authority"), files: Files{
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientCA: filepath.Join(dir, "ca.pem"), CRL: filepath.Join(dir, "crl.pem"),
	}}
	s.ca.Server(t).Write(t, s.files.Cert, s.files.Key)
	pki.WriteFile(t, s.files.ClientCA, s.ca.PEM())
	pki.WriteFile(t, s.files.CRL, s.ca.Revoke(t, 1, time.Hour, revoked...))
	s.serve(t)
	return s
}

func (s *site) serve(t *testing.T) {
	t.Helper()
	var err error
	if s.tls, err = LoadTLS(s.files, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s.tls.now = func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "https://" + l.Addr().String()
	server := NewServer(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, cert := range r.TLS.PeerCertificates {
			if err := s.tls.Check(cert); err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
		}
		_, _ = io.WriteString(w, r.Proto)
	}), s.tls.Config(false), slog.New(slog.DiscardHandler))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = Serve(server, l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
}

// client is one that shows certificates, on connections of its own.
func (s *site) client(t *testing.T, config *tls.Config, certs ...*pki.Identity) *http.Client {
	t.Helper()
	if config == nil {
		config = &tls.Config{}
	}
	config.RootCAs = s.ca.Pool()
	for _, c := range certs {
		config.Certificates = append(config.Certificates, c.TLS())
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: len(config.NextProtos) == 0}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get is what a client is answered; an error where there is no connection.
func (s *site) get(t *testing.T, c *http.Client) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(body)), err
}

// TestHandshakes: what may connect and what may not.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := pki.New(t, "authority")
	good := s.ca.Issue(t, pki.Leaf{Name: "vnfm"})
	for name, c := range map[string]struct {
		config *tls.Config
		cert   *pki.Identity
		want   string // empty: no connection
	}{
		"without a certificate": {want: "HTTP/2.0"},
		"with a certificate":    {cert: good, want: "HTTP/2.0"},
		"TLS 1.2":               {config: &tls.Config{MaxVersion: tls.VersionTLS12}, cert: good, want: "HTTP/2.0"},
		"HTTP/1.1":              {config: &tls.Config{NextProtos: []string{"http/1.1"}}, want: "HTTP/1.1"},
		"TLS 1.1":               {config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
		"no forward secrecy":    {config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}},
		"no AEAD":               {config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}},
		"another protocol":      {config: &tls.Config{NextProtos: []string{"ftp"}}},
		"another authority":     {cert: other.Issue(t, pki.Leaf{Name: "vnfm", Key: good.Key})},
		"expired":               {cert: s.ca.Issue(t, pki.Leaf{Name: "vnfm", Until: time.Now().Add(-time.Minute)})},
		"not yet valid":         {cert: s.ca.Issue(t, pki.Leaf{Name: "vnfm", From: time.Now().Add(time.Minute)})},
		"of a server":           {cert: s.ca.Issue(t, pki.Leaf{Name: "vnfm", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var certs []*pki.Identity
			config := c.config
			if c.cert != nil {
				certs = append(certs, c.cert)
			}
			client := s.client(t, config, certs...)
			if c.cert != nil { // shown whether or not the server's hint fits it
				client.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					shown := c.cert.TLS()
					return &shown, nil
				}
			}
			if got, err := s.get(t, client); got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestNothingIsResumed: every connection is a full handshake, so that revocation holds for each.
func TestNothingIsResumed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(2), RootCAs: s.ca.Pool()}
		for range 2 {
			conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "https://"))
			if err != nil {
				t.Fatal(err)
			}
			if conn.(*tls.Conn).ConnectionState().DidResume {
				t.Errorf("a session of version %x was resumed", version)
			}
			_ = conn.Close()
		}
	}
}

// TestRevocation: a certificate that is revoked while its connection is up is refused on it, and gets no other; so does everyone
// when the list is out of date.
func TestRevocation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bad, good := s.ca.Issue(t, pki.Leaf{Name: "bad"}), s.ca.Issue(t, pki.Leaf{Name: "good"})
	before, fine := s.client(t, nil, bad), s.client(t, nil, good)
	for _, c := range []*http.Client{before, fine} {
		if got, err := s.get(t, c); err != nil || got != "HTTP/2.0" {
			t.Fatal(got, err)
		}
	}
	pki.WriteFile(t, s.files.CRL, s.ca.Revoke(t, 2, time.Hour, bad.Certificate))
	s.later.Store(int64(lookAgain))
	if got, err := s.get(t, before); err != nil || got != "the client certificate is revoked" {
		t.Errorf("on the connection: %q, %v", got, err)
	}
	if got, err := s.get(t, s.client(t, nil, bad)); err == nil {
		t.Errorf("on a new connection: %q", got)
	}
	if got, err := s.get(t, s.client(t, nil, good)); err != nil || got != "HTTP/2.0" {
		t.Errorf("another certificate: %q, %v", got, err)
	}
	s.later.Store(int64(90 * time.Minute))
	if got, err := s.get(t, fine); err != nil || !strings.Contains(got, "expired") && !strings.Contains(got, "out of date") {
		t.Errorf("when the list is out of date: %q, %v", got, err)
	}
	if got, err := s.get(t, s.client(t, nil)); err != nil || got != "HTTP/2.0" {
		t.Errorf("without a certificate: %q, %v", got, err)
	}
}

// TestReload: new files are taken without a restart; files that cannot be read leave the old ones in use.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	shown := func() string {
		conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: s.ca.Pool()}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := shown()
	renewed := s.ca.Server(t)
	renewed.Write(t, s.files.Cert, s.files.Key)
	if got := shown(); got != first {
		t.Error("the files are read for each connection")
	}
	s.later.Add(int64(lookAgain))
	if got := shown(); got != renewed.Certificate.SerialNumber.String() {
		t.Error("the renewed certificate is not shown")
	}
	pki.WriteFile(t, s.files.Key, []byte("no key"))
	s.later.Add(int64(lookAgain))
	if got := shown(); got != renewed.Certificate.SerialNumber.String() {
		t.Error("without a readable key the one before is not used")
	}
}

// TestFilesAreChecked: what is no good stops the start, with a sentence about it.
func TestFilesAreChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := pki.New(t, "another")
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "file.pem")
		pki.WriteFile(t, path, content)
		return path
	}
	open := filepath.Join(t.TempDir(), "open.pem")
	key, err := os.ReadFile(s.files.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil { // #nosec G302 -- what is refused
		t.Fatal(err)
	}
	oldCert, oldKey := file(nil), file(nil)
	s.ca.Issue(t, pki.Leaf{Name: "old", Until: time.Now().Add(-time.Minute)}).Write(t, oldCert, oldKey)
	for want, change := range map[string]func(f *Files){
		"no such file":                            func(f *Files) { f.Cert += "x" },
		"can be read or written by others":        func(f *Files) { f.Key = open },
		"expired at":                              func(f *Files) { f.Cert, f.Key = oldCert, oldKey },
		"TLS certificate: tls":                    func(f *Files) { f.Key = file([]byte("no key")) },
		"holds no certificate in PEM":             func(f *Files) { f.ClientCA = file([]byte("x")) },
		"is no certificate of an authority":       func(f *Files) { f.ClientCA = f.Cert },
		"holds no revocation list":                func(f *Files) { f.CRL = f.Cert },
		"is not signed by an authority of the cl": func(f *Files) { f.CRL = file(other.Revoke(t, 1, time.Hour)) },
	} {
		f := s.files
		change(&f)
		if _, err := LoadTLS(f, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
