package server

import (
	"crypto/tls"
	"net/http"
	"path/filepath"
	"testing"

	"ringfence/test/pki"
)

// TLS is the TLS of a process: one authority vouches for the server and for its clients.
type TLS struct {
	// Authority vouches for both sides.
	Authority *pki.Authority
	// CertFile, KeyFile and ClientCAFile are what the process reads. CRLFile is none unless it is set.
	CertFile, KeyFile, ClientCAFile, CRLFile string
}

// NewTLS writes the files of a process that serves over TLS.
func NewTLS(t testing.TB) *TLS {
	t.Helper()
	dir := t.TempDir()
	s := &TLS{
		Authority: pki.New(t, "authority"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		ClientCAFile: filepath.Join(dir, "ca.pem"),
	}
	s.Authority.Server(t).Write(t, s.CertFile, s.KeyFile)
	pki.WriteFile(t, s.ClientCAFile, s.Authority.PEM())
	return s
}

// Client speaks HTTP with the process, and shows certificates.
func (s *TLS) Client(t testing.TB, certs ...*pki.Identity) *http.Client {
	t.Helper()
	client := s.client()
	transport, _ := client.Transport.(*http.Transport)
	for _, c := range certs {
		transport.TLSClientConfig.Certificates = append(transport.TLSClientConfig.Certificates, c.TLS())
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func (s *TLS) client() *http.Client {
	if s == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Authority.Pool()}, ForceAttemptHTTP2: true,
	}}
}

func (s *TLS) flags() []string {
	if s == nil {
		return nil
	}
	flags := []string{"--tls-cert-file", s.CertFile, "--tls-key-file", s.KeyFile, "--client-ca", s.ClientCAFile}
	if s.CRLFile != "" {
		flags = append(flags, "--tls-crl-file", s.CRLFile)
	}
	return flags
}

func (s *TLS) caFile() string {
	if s == nil {
		return ""
	}
	return s.ClientCAFile
}
