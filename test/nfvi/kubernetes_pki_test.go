package nfvi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// pki is a throw-away certificate authority in a folder, and what it signed.
type pki struct {
	folder string
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newPKI(t *testing.T, folder string) *pki {
	t.Helper()
	p := &pki{folder: folder}
	p.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ringfence test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &p.key.PublicKey, p.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.file("ca.crt"), "CERTIFICATE", der)
	p.issue(t, "apiserver", pkix.Name{CommonName: "kube-apiserver"})
	p.issue(t, "cism", pkix.Name{CommonName: "ringfence-cism"})
	account, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.file("sa.key"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(account))
	public, err := x509.MarshalPKIXPublicKey(&account.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.file("sa.pub"), "PUBLIC KEY", public)
	return p
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p *pki) file(name string) string { return filepath.Join(p.folder, name) }

// issue writes NAME.crt and NAME.key for a server on the loopback address or a client.
func (p *pki) issue(t *testing.T, name string, subject pkix.Name) {
	t.Helper()
	key := newKey(t)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}, p.ca, &key.PublicKey, p.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.file(name+".crt"), "CERTIFICATE", der)
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.file(name+".key"), "EC PRIVATE KEY", private)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// user is a client of the API server: a name, and the groups that it is in.
func (p *pki) user(t *testing.T, server, name string, groups ...string) *rest.Config {
	t.Helper()
	file := fmt.Sprintf("user-%x", name)
	p.issue(t, file, pkix.Name{CommonName: name, Organization: groups})
	return &rest.Config{Host: server, QPS: 1000, Burst: 2000, TLSClientConfig: rest.TLSClientConfig{
		CAFile: p.file("ca.crt"), CertFile: p.file(file + ".crt"), KeyFile: p.file(file + ".key"),
	}}
}

// kubeconfig writes the file by which a program finds the API server as a user.
func (p *pki) kubeconfig(t *testing.T, c *rest.Config, name string) string {
	t.Helper()
	path := p.file(name + ".kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: c.Host, CertificateAuthority: c.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {ClientCertificate: c.CertFile, ClientKey: c.KeyFile}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
