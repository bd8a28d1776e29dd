package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// lookAgain is after how long the files are looked at again, when a connection is made or a request comes. It is also how long a
// revocation may take to be noticed.
const lookAgain = 10 * time.Second

// Files name what a listener's TLS is made of (PEM).
type Files struct {
	Cert, Key string
	ClientCA  string // authorities of client certificates; empty: no client is asked for one
	CRL       string // revocation lists of these authorities; empty: none
}

// TLS is the TLS of the listeners. It reads its files again when they have changed, and keeps what it had while they cannot be read.
type TLS struct {
	files Files
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	current *material
	looked  time.Time
	written string // when the files in use were written
}

// material is what the files held at one time.
type material struct {
	config  *tls.Config
	revoked *revocations // nil: no lists
}

// LoadTLS reads the files for the first time.
func LoadTLS(files Files, log *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, log: log, now: time.Now}
	written := t.state()
	m, err := t.read()
	if err != nil {
		return nil, err
	}
	t.current, t.looked, t.written = m, t.now(), written
	return t, nil
}

// Config is the configuration of a listener. Clients are asked for a certificate where there are authorities of such; one that does
// not verify ends the handshake. required refuses clients without.
func (t *TLS) Config(required bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := t.material().config.Clone()
			if required {
				config.ClientAuth = tls.RequireAndVerifyClientCert
			}
			return config, nil
		},
	}
}

// Check tells whether a client's certificate, which was good when the connection was made, still is.
func (t *TLS) Check(cert *x509.Certificate) error {
	now := t.now()
	switch {
	case now.After(cert.NotAfter):
		return errors.New("the client certificate has expired")
	case now.Before(cert.NotBefore):
		return errors.New("the client certificate is not valid yet")
	}
	return t.material().revoked.check(cert, now)
}

// protocols are what is spoken over TLS.
var protocols = []string{"h2", "http/1.1"}

// suites are the cipher suites of TLS 1.2: ephemeral keys and authenticated encryption only. Those of TLS 1.3 are all so.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// material is what is in use, read again when the files have changed.
func (t *TLS) material() *material {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.looked) >= lookAgain {
		t.looked = now
		if written := t.state(); written != t.written {
			m, err := t.read()
			if err != nil {
				t.log.Error("the TLS files cannot be read; what was read before stays in use", "error", err.Error())
				return t.current
			}
			t.current, t.written = m, written
			t.log.Info("the TLS files were read again")
		}
	}
	return t.current
}

// state tells the states of the files apart.
func (t *TLS) state() string {
	var state strings.Builder
	for _, path := range []string{t.files.Cert, t.files.Key, t.files.ClientCA, t.files.CRL} {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&state, info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	return state.String()
}

func (t *TLS) read() (*material, error) {
	if err := CheckKeyFile(t.files.Key); err != nil {
		return nil, fmt.Errorf("TLS key file: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(t.files.Cert, t.files.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	if t.now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("TLS certificate: %s expired at %s", t.files.Cert, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	m := &material{config: &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites(), NextProtos: protocols, Certificates: []tls.Certificate{pair},
		SessionTicketsDisabled: true, // so that every connection is verified anew
	}}
	if t.files.ClientCA == "" {
		return m, nil
	}
	pool, authorities, err := readAuthorities(t.files.ClientCA)
	if err != nil {
		return nil, err
	}
	if t.files.CRL != "" {
		if m.revoked, err = readRevocations(t.files.CRL, authorities); err != nil {
			return nil, err
		}
	}
	m.config.ClientCAs, m.config.ClientAuth = pool, tls.VerifyClientCertIfGiven
	m.config.VerifyConnection = func(state tls.ConnectionState) error { return m.revoked.checkChains(state.VerifiedChains, t.now()) }
	return m, nil
}
