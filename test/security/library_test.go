package security

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/api/client"
	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/server"
)

// TestLibraryWithBoundTokens has the client library get its tokens from a real authorization server over mutual TLS, and show the
// same certificate to ringfence. Without the certificate its token is of no use, and no error tells the secret.
func TestLibraryWithBoundTokens(t *testing.T) {
	t.Parallel()
	s := &site{tls: server.NewTLS(t), clientFile: filepath.Join(t.TempDir(), "clients.json")}
	s.vnfm = s.tls.Authority.Issue(t, pki.Leaf{Name: "vnfm"})
	as := authserver.Start(t, s.tls.Authority, audience, authserver.Client{ID: "vnfm", Secret: "secret-of-vnfm", Certificate: s.vnfm.Certificate})
	s.run(t, as.Issuer)
	folder := t.TempDir()
	ca, cert, key, secret := filepath.Join(folder, "ca"), filepath.Join(folder, "cert"), filepath.Join(folder, "key"), filepath.Join(folder, "secret")
	pki.WriteFile(t, ca, s.tls.Authority.PEM())
	pki.WriteFile(t, secret, []byte("secret-of-vnfm\n"))
	s.vnfm.Write(t, cert, key)
	credentials := client.Credentials{TokenURL: as.TokenURL, ClientID: "vnfm", SecretFile: secret, CAFile: ca, CertFile: cert, KeyFile: key}
	for name, tt := range map[string]struct {
		credentials func(*client.Credentials)
		options     client.Options
		status      int // of the answer; 0: a success
	}{
		"secret and certificate": {func(*client.Credentials) {}, client.Options{CertFile: cert, KeyFile: key}, 0},
		"certificate alone":      {func(c *client.Credentials) { c.SecretFile = "" }, client.Options{CertFile: cert, KeyFile: key}, 0},
		"none shown here":        {func(*client.Credentials) {}, client.Options{}, 401},
		"none shown there":       {func(c *client.Credentials) { c.CertFile, c.KeyFile = "", "" }, client.Options{CertFile: cert, KeyFile: key}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := credentials
			tt.credentials(&given)
			tokens, err := client.ClientCredentials(given)
			if err != nil {
				t.Fatal(err)
			}
			o := tt.options
			o.URL, o.CAFile, o.Tokens = s.URL, ca, tokens
			c, err := client.New(o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.All(c.Decisions(t.Context(), nil))
			problem, answered := errors.AsType[*client.Problem](err)
			if tt.status == 0 && err != nil || tt.status != 0 && (!answered || problem.Status != tt.status) {
				t.Errorf("expected %d: %v", tt.status, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-of-vnfm") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}
