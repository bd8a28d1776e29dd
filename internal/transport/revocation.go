package transport

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

// readAuthorities reads certificates of authorities.
func readAuthorities(path string) (*x509.CertPool, []*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("client CA file: %w", err)
	}
	pool := x509.NewCertPool()
	var all []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("client CA file %s: %w", path, err)
		case !cert.IsCA:
			return nil, nil, fmt.Errorf("client CA file %s: %s is no certificate of an authority", path, cert.Subject)
		}
		pool.AddCert(cert)
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("client CA file %s holds no certificate in PEM", path)
	}
	return pool, all, nil
}

// revocations are lists of revoked certificates by the authority (subject, DER) that issued both. nil: no lists, nothing is revoked.
type revocations struct {
	lists map[string]*list
}

type list struct {
	serials map[string]bool
	until   time.Time
}

// readRevocations reads lists, each of which must be signed by one of the authorities.
func readRevocations(path string, authorities []*x509.Certificate) (*revocations, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("CRL file: %w", err)
	}
	r := &revocations{lists: map[string]*list{}}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		if err := r.add(block.Bytes, authorities); err != nil {
			return nil, fmt.Errorf("CRL file %s: %w", path, err)
		}
	}
	if len(r.lists) == 0 {
		return nil, fmt.Errorf("CRL file %s holds no revocation list in PEM", path)
	}
	return r, nil
}

func (r *revocations) add(der []byte, authorities []*x509.Certificate) error {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return err
	}
	for _, ca := range authorities {
		if !bytes.Equal(ca.RawSubject, crl.RawIssuer) || crl.CheckSignatureFrom(ca) != nil {
			continue
		}
		l := &list{serials: map[string]bool{}, until: crl.NextUpdate}
		for _, entry := range crl.RevokedCertificateEntries {
			l.serials[entry.SerialNumber.String()] = true
		}
		r.lists[string(crl.RawIssuer)] = l
		return nil
	}
	return fmt.Errorf("the list of %s is not signed by an authority of the client CA file", crl.Issuer)
}

// checkChains refuses a client none of whose chains is free of revoked certificates. A client without a certificate has none.
func (r *revocations) checkChains(chains [][]*x509.Certificate, now time.Time) error {
	var refused error
	for _, chain := range chains {
		if refused = r.checkChain(chain, now); refused == nil {
			return nil
		}
	}
	return refused
}

func (r *revocations) checkChain(chain []*x509.Certificate, now time.Time) error {
	for _, cert := range chain[:max(0, len(chain)-1)] { // the last one is trusted as such
		if err := r.check(cert, now); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a certificate that its authority has revoked, and all of an authority whose list is out of date: what it revoked
// since is not known. An authority without a list revokes nothing.
func (r *revocations) check(cert *x509.Certificate, now time.Time) error {
	if r == nil {
		return nil
	}
	l := r.lists[string(cert.RawIssuer)]
	switch {
	case l == nil:
		return nil
	case !l.until.IsZero() && now.After(l.until):
		return fmt.Errorf("the revocation list of %s is out of date", cert.Issuer)
	case l.serials[cert.SerialNumber.String()]:
		return errors.New("the client certificate is revoked")
	}
	return nil
}
