package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	remote "ringfence/api/client"
)

// newHealth is for the health checks of container engines, which have no other HTTP client in the image.
func newHealth(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running service whether it is ready", Args: takes(),
		Long:    "Ask a running service whether it is ready: exit 0 if it is, 2 with its reason if not.\nThe address is RINGFENCE_URL, or the one that RINGFENCE_LISTEN names, on this machine.",
		Example: "  ringfence health && echo ready",
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, healthURL(p.getenv)+"/readyz", nil)
			if err != nil {
				return err
			}
			transport, err := healthTransport(p.getenv)
			if err != nil {
				return err
			}
			client := &http.Client{Timeout: 3 * time.Second, Transport: transport}
			resp, err := client.Do(req)
			if err != nil {
				return &exitError{exitServer, err}
			}
			defer func() { _ = resp.Body.Close() }()
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
			if resp.StatusCode != http.StatusOK {
				return &exitError{exitServer, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))}
			}
			_, err = fmt.Fprintln(p.stdout, "ready")
			return err
		},
	}
	return cmd
}

func healthURL(getenv func(string) string) string {
	if url := getenv("RINGFENCE_URL"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	scheme, at := "http", "127.0.0.1:8080"
	if getenv("RINGFENCE_TLS_CERT_FILE") != "" {
		scheme, at = "https", "127.0.0.1:8443"
	}
	if host, port, err := net.SplitHostPort(getenv("RINGFENCE_LISTEN")); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		at = net.JoinHostPort(host, port)
	}
	return scheme + "://" + at
}

// healthTransport trusts, for a service on this machine, the very certificate that it was given, whatever name that is for.
func healthTransport(getenv func(string) string) (*http.Transport, error) {
	config, err := remote.TLSConfig(getenv("RINGFENCE_CA_FILE"), getenv("RINGFENCE_CERT_FILE"), getenv("RINGFENCE_KEY_FILE"))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true}
	certFile := getenv("RINGFENCE_TLS_CERT_FILE")
	if certFile == "" || getenv("RINGFENCE_URL") != "" {
		return transport, nil
	}
	data, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("RINGFENCE_TLS_CERT_FILE: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("RINGFENCE_TLS_CERT_FILE: %s holds no certificate in PEM", certFile)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("RINGFENCE_TLS_CERT_FILE: %s: %w", certFile, err)
	}
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AddCert(cert)
	switch {
	case len(cert.DNSNames) > 0:
		transport.TLSClientConfig.ServerName = strings.Replace(cert.DNSNames[0], "*", "any", 1)
	case len(cert.IPAddresses) > 0:
		transport.TLSClientConfig.ServerName = cert.IPAddresses[0].String()
	}
	return transport, nil
}
