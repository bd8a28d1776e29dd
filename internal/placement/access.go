package placement

import "time"

// RefusalKind says at what a caller failed.
type RefusalKind string

// The kinds of refusal.
const (
	RefusedAuthentication RefusalKind = "AUTHENTICATION" // who calls was not shown
	RefusedAuthorization  RefusalKind = "AUTHORIZATION"  // who calls may not do that
)

// AccessRefusal is how often a caller was refused in the same way within some seconds. Nothing of what it sent is in it.
type AccessRefusal struct {
	ID                string // later ones are greater
	Kind              RefusalKind
	Reason            string // a sentence of the service
	ClientID          string // empty: not known
	Address           string // IP address; empty: several are counted together
	CertificateSHA256 string // of the certificate that was shown, in hexadecimal digits; empty: none
	Operation         string // its id in the contract; empty: several are counted together
	Count             int64
	FirstAt           time.Time
	LastAt            time.Time
	LastRequestID     string
	Cleared           bool // the client is cleared for lawful interception
}
