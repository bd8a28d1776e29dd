// Package auth tells who calls and what they may do: clients, tokens, roles. It knows HTTP headers but no
// routes; which operation needs which role is httpapi's business.
package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Role is a right to a group of operations.
type Role string

// The roles.
const (
	RoleVNFM     Role = "VNFM"
	RoleNFVO     Role = "NFVO"
	RoleAuthor   Role = "AUTHOR"
	RoleApprover Role = "APPROVER"
	RoleOperator Role = "OPERATOR"
	RoleAgent    Role = "AGENT"
	RoleVerifier Role = "VERIFIER"
	RoleScrubber Role = "SCRUBBER"
	RoleAuditor  Role = "AUDITOR"
	RoleLIAdmin  Role = "LI_ADMIN"
)

// Roles lists the vocabulary.
func Roles() []Role {
	return []Role{
		RoleVNFM, RoleNFVO, RoleAuthor, RoleApprover, RoleOperator, RoleAgent, RoleVerifier, RoleScrubber, RoleAuditor, RoleLIAdmin,
	}
}

// Principal is an authenticated caller.
type Principal struct {
	ClientID string
	Roles    []Role

	// What an AGENT stands for: every host listed or behind a VIM connection listed, or AllHosts. Nothing when empty.
	HostIDs          []string
	VIMConnectionIDs []string

	Delegations []Delegation // for whom an NFVO may speak
	PollsGrants bool         // its grant requests are taken (202) and decided afterwards
}

// Delegation lets an NFVO speak for a VNFM.
type Delegation struct {
	ClientID       string   `json:"clientId"`
	VNFInstanceIDs []string `json:"vnfInstanceIds"` // empty: all of the client's
}

// SpeaksFor tells whether the principal may speak for a client about a VNF instance: it is that client, or an NFVO with the
// delegation.
func (p Principal) SpeaksFor(clientID, vnfInstanceID string) bool {
	if clientID != "" && p.ClientID == clientID {
		return true
	}
	return p.Has(RoleNFVO) && slices.ContainsFunc(p.Delegations, func(d Delegation) bool {
		return d.ClientID == clientID && (len(d.VNFInstanceIDs) == 0 || slices.Contains(d.VNFInstanceIDs, vnfInstanceID))
	})
}

// AllHosts is the entry of HostIDs that stands for the whole fleet.
const AllHosts = "*"

// ActsFor tells whether the principal, as an AGENT, stands for a host that is behind a VIM connection.
func (p Principal) ActsFor(hostID, vimConnectionID string) bool {
	return p.everywhere() || slices.Contains(p.HostIDs, hostID) || p.ActsForVIM(vimConnectionID)
}

// ActsForVIM tells whether the principal, as an AGENT, stands for all hosts behind a VIM connection.
func (p Principal) ActsForVIM(vimConnectionID string) bool {
	return p.everywhere() || vimConnectionID != "" && slices.Contains(p.VIMConnectionIDs, vimConnectionID)
}

func (p Principal) everywhere() bool { return slices.Contains(p.HostIDs, AllHosts) }

// Has tells whether the principal has one of the roles.
func (p Principal) Has(any ...Role) bool {
	return slices.ContainsFunc(any, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// The reasons for which a caller is not authenticated.
var (
	ErrMissing   = errors.New("no bearer token was sent")
	ErrMalformed = errors.New("the Authorization header is not of the form Bearer TOKEN")
	ErrInvalid   = errors.New("the token is not valid")
)

// Authenticator tells who sends a request. Its errors are the ones above.
type Authenticator interface {
	Authenticate(r *http.Request) (Principal, error)
}

type contextKey struct{}

// NewContext returns a context that carries the principal.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns the principal of a request; nobody, without roles, when there is none.
func FromContext(ctx context.Context) Principal {
	p, _ := ctx.Value(contextKey{}).(Principal)
	return p
}

// Anyone is the authenticator of the dev profile: every caller is one all-powerful principal.
type Anyone struct{}

// Authenticate accepts the request.
func (Anyone) Authenticate(*http.Request) (Principal, error) {
	return Principal{ClientID: "dev", Roles: Roles(), HostIDs: []string{AllHosts}}, nil
}

// CallbackRange is where the callbacks of a client may go: the ports (none: 443) of the addresses of a prefix.
type CallbackRange struct {
	Prefix string `json:"prefix"`
	Ports  []int  `json:"ports"`
}

// Tokens authenticates by the digests of bearer tokens, for labs and the compose file. It never holds a token.
type Tokens struct {
	byDigest  map[[sha256.Size]byte]Principal
	callbacks map[string][]CallbackRange
}

// Callbacks tells where the callbacks of each client may go; of a client that is missing, nowhere.
func (t *Tokens) Callbacks() map[string][]CallbackRange { return t.callbacks }

// tokenFile is the shape of the file: clients with the SHA-256 of their token, hexadecimal, and their roles; agents
// also with what they stand for.
type tokenFile struct {
	Clients []struct {
		ID               string          `json:"id"`
		TokenSHA256      string          `json:"tokenSha256"`
		Roles            []Role          `json:"roles"`
		HostIDs          []string        `json:"hostIds"`
		VIMConnectionIDs []string        `json:"vimConnectionIds"`
		Callbacks        []CallbackRange `json:"callbacks"`
		Delegations      []Delegation    `json:"delegations"`
		PollsGrants      bool            `json:"pollsGrants"`
	} `json:"clients"`
}

// LoadTokens reads a token file (JSON).
func LoadTokens(path string) (*Tokens, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	return ParseTokens(data)
}

// ParseTokens reads the content of a token file. Every fault is reported by the client that it is in.
func ParseTokens(data []byte) (*Tokens, error) {
	var f tokenFile
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	t := &Tokens{byDigest: map[[sha256.Size]byte]Principal{}, callbacks: map[string][]CallbackRange{}}
	for i, c := range f.Clients {
		digest, err := hex.DecodeString(c.TokenSHA256)
		switch {
		case c.ID == "":
			return nil, fmt.Errorf("token file: clients[%d] has no id", i)
		case err != nil || len(digest) != sha256.Size:
			return nil, fmt.Errorf("token file: client %q: tokenSha256 is not the hexadecimal SHA-256 of a token", c.ID)
		case len(c.Roles) == 0:
			return nil, fmt.Errorf("token file: client %q has no roles, so it could do nothing", c.ID)
		case len(c.HostIDs)+len(c.VIMConnectionIDs) > 0 && !slices.Contains(c.Roles, RoleAgent):
			return nil, fmt.Errorf("token file: client %q has hostIds or vimConnectionIds, which only the role %s has a use for", c.ID, RoleAgent)
		case len(c.HostIDs)+len(c.VIMConnectionIDs) == 0 && slices.Contains(c.Roles, RoleAgent):
			return nil, fmt.Errorf("token file: client %q has the role %s and stands for no host: give it hostIds or vimConnectionIds; hostIds [%q] is the whole fleet",
				c.ID, RoleAgent, AllHosts)
		case len(c.Delegations) > 0 && !slices.Contains(c.Roles, RoleNFVO):
			return nil, fmt.Errorf("token file: client %q has delegations, which only the role %s has a use for", c.ID, RoleNFVO)
		case slices.ContainsFunc(c.Delegations, func(d Delegation) bool { return d.ClientID == "" || slices.Contains(d.VNFInstanceIDs, "") }):
			return nil, fmt.Errorf("token file: client %q has a delegation without clientId, or with an empty VNF instance id", c.ID)
		case slices.Contains(c.HostIDs, "") || slices.Contains(c.VIMConnectionIDs, ""):
			return nil, fmt.Errorf("token file: client %q has an empty entry in hostIds or vimConnectionIds", c.ID)
		}
		for _, r := range c.Roles {
			if !slices.Contains(Roles(), r) {
				return nil, fmt.Errorf("token file: client %q: unknown role %q, expected one of %v", c.ID, r, Roles())
			}
		}
		key := [sha256.Size]byte(digest)
		if other, taken := t.byDigest[key]; taken {
			return nil, fmt.Errorf("token file: clients %q and %q share a token", other.ClientID, c.ID)
		}
		if len(c.Callbacks) > 0 {
			t.callbacks[c.ID] = append(t.callbacks[c.ID], c.Callbacks...)
		}
		t.byDigest[key] = Principal{ClientID: c.ID, Roles: c.Roles, HostIDs: c.HostIDs, VIMConnectionIDs: c.VIMConnectionIDs, Delegations: c.Delegations, PollsGrants: c.PollsGrants}
	}
	if len(t.byDigest) == 0 {
		return nil, errors.New("token file: no clients, so nobody could call")
	}
	return t, nil
}

// Authenticate looks for the digest of the bearer token.
func (t *Tokens) Authenticate(r *http.Request) (Principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return Principal{}, ErrMissing
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t") {
		return Principal{}, ErrMalformed
	}
	digest := sha256.Sum256([]byte(token))
	for known, p := range t.byDigest {
		if subtle.ConstantTimeCompare(known[:], digest[:]) == 1 {
			return p, nil
		}
	}
	return Principal{}, ErrInvalid
}
