// Package pki issues certificates for tests: of servers, of clients, expired ones and such for other purposes, and lists of revoked
// ones. It is a real authority in memory, and writes the files that programs read.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"testing"
	"time"
)

// Authority issues certificates.
type Authority struct {
	// Certificate is the authority's own.
	Certificate *x509.Certificate

	key *ecdsa.PrivateKey
}

// New is an authority. Two of one name have different keys.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return &Authority{Certificate: sign(t, template, template, key, key), key: key}
}

// Pool trusts the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.Certificate.Raw) }

// Revoke is a list of revoked certificates, good for a time from now on.
func (a *Authority) Revoke(t testing.TB, number int64, valid time.Duration, revoked ...*x509.Certificate) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(valid)}
	for _, cert := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: cert.SerialNumber, RevocationTime: time.Now().Add(-time.Minute),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.Certificate, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return encode("X509 CRL", der)
}

// Leaf says what a certificate is for.
type Leaf struct {
	// Name is the common name.
	Name string
	// DNS, IPs and URIs are the other names.
	DNS, IPs, URIs []string
	// Usages are what the certificate may be used for; nil: as a client.
	Usages []x509.ExtKeyUsage
	// From and Until are when it is good; zero: from an hour ago, until in an hour.
	From, Until time.Time
	// Key is the key to certify; nil: a new one.
	Key *ecdsa.PrivateKey
}

// Identity is a certificate with its key.
type Identity struct {
	// Certificate is what was issued.
	Certificate *x509.Certificate
	// Key is its private key.
	Key *ecdsa.PrivateKey
}

// Issue issues a certificate.
func (a *Authority) Issue(t testing.TB, l Leaf) *Identity {
	t.Helper()
	if l.Key == nil {
		l.Key = newKey(t)
	}
	if l.Usages == nil {
		l.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if l.From.IsZero() {
		l.From = time.Now().Add(-time.Hour)
	}
	if l.Until.IsZero() {
		l.Until = time.Now().Add(time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: l.Name}, NotBefore: l.From, NotAfter: l.Until, DNSNames: l.DNS,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: l.Usages,
	}
	for _, ip := range l.IPs {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	for _, uri := range l.URIs {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, parsed)
	}
	return &Identity{Certificate: sign(t, template, a.Certificate, l.Key, a.key), Key: l.Key}
}

// Server issues a certificate for a server on this machine.
func (a *Authority) Server(t testing.TB) *Identity {
	t.Helper()
	return a.Issue(t, Leaf{
		Name: "server", DNS: []string{"localhost"}, IPs: []string{"127.0.0.1", "::1"}, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// TLS is the identity as crypto/tls takes it.
func (i *Identity) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.Certificate.Raw}, PrivateKey: i.Key, Leaf: i.Certificate}
}

// Thumbprint is the digest of the certificate as tokens are bound to it (RFC 8705, x5t#S256).
func (i *Identity) Thumbprint() string {
	sum := sha256.Sum256(i.Certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Write writes the certificate and its key into files.
func (i *Identity) Write(t testing.TB, certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		t.Fatal(err)
	}
	WriteFile(t, keyFile, encode("PRIVATE KEY", key))
	WriteFile(t, certFile, encode("CERTIFICATE", i.Certificate.Raw))
}

// WriteFile puts a file of its owner's alone in place at once.
func WriteFile(t testing.TB, path string, content []byte) {
	t.Helper()
	staged := path + ".new"
	if err := os.WriteFile(staged, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(staged, path); err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	return n.Add(n, big.NewInt(1))
}

func sign(t testing.TB, template, parent *x509.Certificate, subject, issuer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &subject.PublicKey, issuer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
