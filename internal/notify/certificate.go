package notify

import (
	"crypto/tls"
	"fmt"
)

// Certificate gives the certificate by which this service shows subscribers who it is.
type Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

// LoadCertificate reads a certificate and its key from PEM files. They are read again for each connection, so that they can be
// renewed while the service runs.
func LoadCertificate(certFile, keyFile string) (Certificate, error) {
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate of notifications: %w", err)
		}
		return &cert, nil
	}
	if _, err := load(nil); err != nil {
		return nil, err
	}
	return load, nil
}
