package cism

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	reviewTimeout     = 20 * time.Second // to read and to write; the API server waits for at most 30 s
	certificateAge    = 10 * time.Second // how long a certificate is used before the file is looked at again
)

// TLS names the files of the server's certificate, and whom it answers.
type TLS struct {
	CertFile, KeyFile string
	ClientCAFile      string // empty: whoever can connect is answered
}

// certificate is the server's, read again when its file has changed.
type certificate struct {
	files TLS

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	written time.Time
}

// get is the certificate to use now. One that cannot be read again leaves the one before in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && time.Since(c.looked) < certificateAge {
		return c.current, nil
	}
	c.looked = time.Now()
	info, err := os.Stat(c.files.CertFile)
	if err == nil && (c.current == nil || !info.ModTime().Equal(c.written)) {
		var read tls.Certificate
		if read, err = tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile); err == nil {
			c.current, c.written = &read, info.ModTime()
		}
	}
	if c.current == nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c.current, nil
}

func (t TLS) config() (*tls.Config, error) {
	c := &certificate{files: t}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("%w; --tls-cert-file and --tls-key-file name it", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	if t.ClientCAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("client CA file: %w", err)
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client CA file %s: it holds no certificate in PEM", t.ClientCAFile)
	}
	return config, nil
}

// serve answers on a listener until the context ends, and then lets running requests end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: reviewTimeout, WriteTimeout: reviewTimeout,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewTimeout)
		defer cancel()
		stopped <- server.Shutdown(bounded)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return <-stopped
}
