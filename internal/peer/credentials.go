package peer

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"ringfence/internal/transport"
)

// Client is how somebody gets tokens of an authorization server (RFC 6749, section 4.4).
type Client struct {
	TokenEndpoint string `json:"tokenEndpoint"`
	ClientID      string `json:"clientId"`
	// SecretFile holds the secret; empty: the client shows its certificate instead (RFC 8705).
	SecretFile string `json:"clientSecretFile"`
	Scope      string `json:"scope"`
}

// Notifications are how a VNFM shows this service who it is, as the subscription tells it.
type Notifications struct {
	// AuthType is OAUTH2_CLIENT_CREDENTIALS or TLS_CERT.
	AuthType string `json:"authType"`
	Client
}

// The ways in which a VNFM shows who it is.
const (
	AuthOAuth2 = "OAUTH2_CLIENT_CREDENTIALS"
	AuthTLS    = "TLS_CERT"
)

// Credentials are how this service and one other show each other who they are.
type Credentials struct {
	Name string `json:"name"`
	// APIRoots are what the credentials are for: to no other are they shown.
	APIRoots []string `json:"apiRoots"`
	// CAFile holds the authorities that vouch for the other side; empty: those of the system.
	CAFile string `json:"caFile"`
	// CertFile and KeyFile are what this service shows on connections; empty: nothing.
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	// OAuth2 is how this service gets the tokens that it shows; nil: it shows none.
	OAuth2 *Client `json:"oauth2"`
	// Notifications are for a VNFM only; nil: its notifications carry what it was configured with there.
	Notifications *Notifications `json:"notifications"`

	roots *x509.CertPool // nil: the system's
}

// Book is all credentials, by name.
type Book struct{ byName map[string]*Credentials }

// Load reads the file of credentials. Every fault names the credentials it is in. An empty path is an empty book.
func Load(path string) (*Book, error) {
	b := &Book{byName: map[string]*Credentials{}}
	if path == "" {
		return b, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("file of credentials: %w", err)
	}
	var f struct {
		Credentials []Credentials `json:"credentials"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("file of credentials: %w", err)
	}
	for i := range f.Credentials {
		c := &f.Credentials[i]
		if c.Name == "" || b.byName[c.Name] != nil {
			return nil, fmt.Errorf("file of credentials: credentials[%d] has no name, or that of another", i)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("file of credentials: %q: %w", c.Name, err)
		}
		b.byName[c.Name] = c
	}
	return b, nil
}

// For returns credentials for an API root. The errors say what the operator has to do about it.
func (b *Book) For(name, apiRoot string) (*Credentials, error) {
	if name == "" {
		return &Credentials{}, nil
	}
	c := b.byName[name]
	switch {
	case c == nil:
		return nil, fmt.Errorf("there are no credentials %q: add them to the file of credentials and start the service again", name)
	case !slices.Contains(c.APIRoots, apiRoot):
		return nil, fmt.Errorf("the credentials %q are not for this API root: add it to their apiRoots in the file of credentials and start the service again", name)
	}
	return c, nil
}

func (c *Credentials) check() error {
	if len(c.APIRoots) == 0 {
		return errors.New("there are no apiRoots, so they are for nobody")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("certFile and keyFile go together")
	}
	if c.KeyFile != "" {
		if err := transport.CheckKeyFile(c.KeyFile); err != nil {
			return err
		}
		if _, err := c.certificate(nil); err != nil {
			return err
		}
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return err
		}
		c.roots = x509.NewCertPool()
		if !c.roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificates in PEM", c.CAFile)
		}
	}
	if c.OAuth2 != nil {
		if err := c.OAuth2.check(c.CertFile != ""); err != nil {
			return fmt.Errorf("oauth2: %w", err)
		}
	}
	return c.checkNotifications()
}

func (c *Credentials) checkNotifications() error {
	n := c.Notifications
	switch {
	case n == nil:
		return nil
	case n.AuthType == AuthTLS && n.Client == (Client{}):
		return nil
	case n.AuthType != AuthOAuth2:
		return fmt.Errorf("notifications: authType is %s with tokenEndpoint, clientId and clientSecretFile, or %s alone", AuthOAuth2, AuthTLS)
	}
	if err := n.check(false); err != nil {
		return fmt.Errorf("notifications: %w", err)
	}
	return nil
}

// check refuses a client that could not get a token.
func (c *Client) check(hasCertificate bool) error {
	u, err := url.Parse(c.TokenEndpoint)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("tokenEndpoint %q is no https address", c.TokenEndpoint)
	case c.ClientID == "":
		return errors.New("clientId is missing")
	case c.SecretFile == "" && !hasCertificate:
		return errors.New("clientSecretFile is missing, and there is no certificate in its place")
	case c.SecretFile == "":
		return nil
	}
	_, err = c.secret()
	return err
}

// secret reads the secret. The file is read each time, so that it can be changed while the service runs.
func (c *Client) secret() (string, error) {
	if err := transport.CheckKeyFile(c.SecretFile); err != nil {
		return "", err
	}
	data, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return "", err
	}
	s := strings.TrimRight(string(data), "\r\n")
	if s == "" {
		return "", fmt.Errorf("%s is empty", c.SecretFile)
	}
	return s, nil
}

// Subscription is what a subscription tells the VNFM about how it is to show who it is (SubscriptionAuthentication of SOL003); nil:
// nothing. It holds the secret, and is for the VNFM's eyes alone.
func (c *Credentials) Subscription() (map[string]any, error) {
	n := c.Notifications
	if n == nil {
		return nil, nil
	}
	if n.AuthType == AuthTLS {
		return map[string]any{"authType": []string{AuthTLS}}, nil
	}
	secret, err := n.secret()
	if err != nil {
		return nil, err
	}
	return map[string]any{"authType": []string{AuthOAuth2}, "paramsOauth2ClientCredentials": map[string]string{
		"clientId": n.ClientID, "clientPassword": secret, "tokenEndpoint": n.TokenEndpoint,
	}}, nil
}
