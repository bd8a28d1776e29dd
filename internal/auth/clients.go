package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// CallbackRange is where the callbacks of a client may go: the ports (none: 443) of the addresses of a prefix.
type CallbackRange struct {
	Prefix string `json:"prefix"`
	Ports  []int  `json:"ports"`
}

// entry is a client in the file.
type entry struct {
	ID       string `json:"id"`
	Disabled bool   `json:"disabled"`
	Roles    []Role `json:"roles"`

	// How the client shows who it is: the digest of its token; the client_id and, for a person, the subject of the tokens that an
	// authorization server gives it; its certificates, by digest or by a name in them (dns:NAME, uri:URI).
	TokenSHA256       string   `json:"tokenSha256"`
	OAuthClientID     string   `json:"oauthClientId"` // empty: the id
	OAuthSubject      string   `json:"oauthSubject"`  // empty: any
	UnboundTokens     bool     `json:"unboundTokens"` // tokens that are bound to no certificate are good too
	CertificateSHA256 []string `json:"certificateSha256"`
	CertificateNames  []string `json:"certificateNames"`

	HostIDs           []string        `json:"hostIds"`
	VIMConnectionIDs  []string        `json:"vimConnectionIds"`
	Callbacks         []CallbackRange `json:"callbacks"`
	RequestsPerSecond int             `json:"requestsPerSecond"`
	Delegations       []Delegation    `json:"delegations"`
	PollsGrants       bool            `json:"pollsGrants"`
}

// client is what is known of one client.
type client struct {
	Principal
	unboundTokens bool
}

// oauthName is how an authorization server names a client, and a person who uses it; without a subject: whoever does.
type oauthName struct{ clientID, subject string }

// clients are all of a file. The disabled ones are not among them.
type clients struct {
	byDigest      map[[sha256.Size]byte]client
	byOAuth       map[oauthName]client
	byCertificate map[string]client // sha256:HEX, dns:NAME, uri:URI
	callbacks     map[string][]CallbackRange
}

// parseClients reads the content of a file. Every fault is reported by the client that it is in. withTokens says that clients have
// tokens of their own, whose digests the file holds; else an authorization server gives them theirs.
func parseClients(what string, data []byte, withTokens bool) (*clients, error) {
	var f struct {
		Clients []entry `json:"clients"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: byte %d: something follows the object with the clients, which would be ignored: remove it", what, dec.InputOffset())
	}
	c := &clients{
		byDigest: map[[sha256.Size]byte]client{}, byOAuth: map[oauthName]client{}, byCertificate: map[string]client{},
		callbacks: map[string][]CallbackRange{},
	}
	for i := range f.Clients {
		e := &f.Clients[i]
		if e.ID == "" {
			return nil, fmt.Errorf("%s: clients[%d] has no id", what, i)
		}
		err := e.check()
		if err == nil && !e.Disabled {
			err = c.add(e, withTokens)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	if len(f.Clients) == 0 {
		return nil, errors.New(what + ": no clients, so nobody could call")
	}
	return c, nil
}

// check refuses an entry that could mean more or less than it says.
func (e *entry) check() error {
	agent := slices.Contains(e.Roles, RoleAgent)
	switch {
	case len(e.Roles) == 0:
		return fmt.Errorf("client %q has no roles, so it could do nothing", e.ID)
	case len(e.HostIDs)+len(e.VIMConnectionIDs) > 0 && !agent:
		return fmt.Errorf("client %q has hostIds or vimConnectionIds, which only the role %s has a use for", e.ID, RoleAgent)
	case len(e.HostIDs)+len(e.VIMConnectionIDs) == 0 && agent:
		return fmt.Errorf("client %q has the role %s and stands for no host: give it hostIds or vimConnectionIds; hostIds [%q] is the whole fleet",
			e.ID, RoleAgent, AllHosts)
	case len(e.Delegations) > 0 && !slices.Contains(e.Roles, RoleNFVO):
		return fmt.Errorf("client %q has delegations, which only the role %s has a use for", e.ID, RoleNFVO)
	case slices.ContainsFunc(e.Delegations, func(d Delegation) bool { return d.ClientID == "" || slices.Contains(d.VNFInstanceIDs, "") }):
		return fmt.Errorf("client %q has a delegation without clientId, or with an empty VNF instance id", e.ID)
	case slices.Contains(e.HostIDs, "") || slices.Contains(e.VIMConnectionIDs, ""):
		return fmt.Errorf("client %q has an empty entry in hostIds or vimConnectionIds", e.ID)
	case e.RequestsPerSecond < 0:
		return fmt.Errorf("client %q: requestsPerSecond is negative", e.ID)
	}
	for _, r := range e.Roles {
		if !slices.Contains(Roles(), r) {
			return fmt.Errorf("client %q: unknown role %q, expected one of %v", e.ID, r, Roles())
		}
	}
	return nil
}

func (c *clients) add(e *entry, withTokens bool) error {
	known := client{unboundTokens: e.UnboundTokens, Principal: Principal{
		ClientID: e.ID, Roles: e.Roles, HostIDs: e.HostIDs, VIMConnectionIDs: e.VIMConnectionIDs, RequestsPerSecond: e.RequestsPerSecond,
		Delegations: e.Delegations, PollsGrants: e.PollsGrants,
	}}
	if err := c.addCertificates(e, known); err != nil {
		return err
	}
	if len(e.Callbacks) > 0 {
		c.callbacks[e.ID] = append(c.callbacks[e.ID], e.Callbacks...)
	}
	if withTokens {
		return c.addToken(e, known)
	}
	if e.TokenSHA256 != "" {
		return fmt.Errorf("client %q: tokenSha256 is for --auth token; with oauth2 the authorization server gives tokens", e.ID)
	}
	name := oauthName{e.OAuthClientID, e.OAuthSubject}
	if name.clientID == "" {
		name.clientID = e.ID
	}
	if other, taken := c.byOAuth[name]; taken {
		return fmt.Errorf("clients %q and %q have the same oauthClientId and oauthSubject", other.ClientID, e.ID)
	}
	c.byOAuth[name] = known
	return nil
}

func (c *clients) addToken(e *entry, known client) error {
	if e.OAuthClientID != "" || e.OAuthSubject != "" || e.UnboundTokens {
		return fmt.Errorf("client %q: oauthClientId, oauthSubject and unboundTokens are for --auth oauth2", e.ID)
	}
	if e.TokenSHA256 == "" && len(e.CertificateSHA256)+len(e.CertificateNames) > 0 {
		return nil
	}
	digest, err := hex.DecodeString(e.TokenSHA256)
	if err != nil || len(digest) != sha256.Size {
		return fmt.Errorf("client %q: tokenSha256 is not the hexadecimal SHA-256 of a token", e.ID)
	}
	key := [sha256.Size]byte(digest)
	if other, taken := c.byDigest[key]; taken {
		return fmt.Errorf("clients %q and %q share a token", other.ClientID, e.ID)
	}
	c.byDigest[key] = known
	return nil
}

func (c *clients) addCertificates(e *entry, known client) error {
	var keys []string
	for _, text := range e.CertificateSHA256 {
		if digest, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err != nil || len(digest) != sha256.Size {
			return fmt.Errorf("client %q: certificateSha256 has an entry that is not the hexadecimal SHA-256 of a certificate", e.ID)
		}
		keys = append(keys, "sha256:"+strings.ToLower(strings.ReplaceAll(text, ":", "")))
	}
	for _, name := range e.CertificateNames {
		kind, value, _ := strings.Cut(name, ":")
		switch {
		case kind == "dns" && value != "" && !strings.Contains(value, "*"):
			keys = append(keys, "dns:"+strings.ToLower(value))
		case kind == "uri" && value != "":
			keys = append(keys, name)
		default:
			return fmt.Errorf("client %q: %q is no name in a certificate: write dns:NAME or uri:URI", e.ID, name)
		}
	}
	for _, key := range keys {
		if other, taken := c.byCertificate[key]; taken && other.ClientID != e.ID {
			return fmt.Errorf("clients %q and %q share the certificate %s", other.ClientID, e.ID, key)
		}
		c.byCertificate[key] = known
	}
	return nil
}

// withToken is the client that has a token.
func (c *clients) withToken(token string) (client, bool) {
	digest := sha256.Sum256([]byte(token))
	for known, of := range c.byDigest {
		if subtle.ConstantTimeCompare(known[:], digest[:]) == 1 {
			return of, true
		}
	}
	return client{}, false
}

// named is the client that an authorization server means.
func (c *clients) named(clientID, subject string) (client, bool) {
	if of, ok := c.byOAuth[oauthName{clientID, subject}]; ok && subject != "" {
		return of, true
	}
	of, ok := c.byOAuth[oauthName{clientID: clientID}]
	return of, ok
}

// withCertificate is the client that has a certificate; none when its names belong to several.
func (c *clients) withCertificate(cert *x509.Certificate) (client, bool) {
	digest := sha256.Sum256(cert.Raw)
	if of, ok := c.byCertificate["sha256:"+hex.EncodeToString(digest[:])]; ok {
		return of, true
	}
	var names []string
	for _, name := range cert.DNSNames {
		names = append(names, "dns:"+strings.ToLower(name))
	}
	for _, uri := range cert.URIs {
		names = append(names, "uri:"+uri.String())
	}
	var found client
	for _, name := range names {
		of, ok := c.byCertificate[name]
		if !ok {
			continue
		}
		if found.ClientID != "" && found.ClientID != of.ClientID {
			return client{}, false
		}
		found = of
	}
	return found, found.ClientID != ""
}
