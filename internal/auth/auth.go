// Package auth tells who calls and what they may do: clients, tokens, roles. It knows HTTP headers but no
// routes; which operation needs which role is httpapi's business.
//
// What a caller may do is what the operator's file of clients says. A token of an authorization server, or a certificate, says only
// which of these clients calls.
package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
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

	// Withheld are roles of the client that the scopes of its token leave out.
	Withheld []Role
	// RequestsPerSecond is how many requests the client may make; 0: as many as others.
	RequestsPerSecond int
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

// Delegated tells whether the principal, as an NFVO, has a delegation that covers a VNF instance, whosever it will be.
func (p Principal) Delegated(vnfInstanceID string) bool {
	return p.Has(RoleNFVO) && slices.ContainsFunc(p.Delegations, func(d Delegation) bool {
		return len(d.VNFInstanceIDs) == 0 || slices.Contains(d.VNFInstanceIDs, vnfInstanceID)
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
	ErrMissing     = errors.New("no bearer token was sent")
	ErrMalformed   = errors.New("the Authorization header is not of the form Bearer TOKEN")
	ErrInvalid     = errors.New("the token is not valid")
	ErrUnavailable = errors.New("tokens cannot be checked now")
)

// InvalidError is an ErrInvalid with its reason.
type InvalidError struct {
	// Reason is for the log. It says nothing of the token's content.
	Reason string
	// Tell says that the caller may know the reason: it holds a token that the authorization server did issue.
	Tell bool
	// ClientID is the client that a token was issued to; empty where a token shows none.
	ClientID string
	// Cleared says that this client has the role LI_ADMIN.
	Cleared bool
}

// Error is the reason.
func (e *InvalidError) Error() string { return ErrInvalid.Error() + ": " + e.Reason }

// Unwrap is ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

func invalid(reason string) error { return &InvalidError{Reason: reason} }

// of says whose token it was that is refused.
func (e *InvalidError) of(clientID string, cleared bool) *InvalidError {
	e.ClientID, e.Cleared = clientID, cleared
	return e
}

// told is a reason that the caller may know.
func told(reason string) error { return &InvalidError{Reason: reason, Tell: true} }

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
