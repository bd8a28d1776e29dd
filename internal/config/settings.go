package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting describes one setting for flags, help and documentation.
type Setting struct {
	Name    string // of the flag and of the key in the file; the variable is RINGFENCE_ and the name in capitals
	Default string // of the production profile
	Usage   string
	set     func(c *Config, v string) error
}

// Env is the environment variable of the setting.
func (s *Setting) Env() string {
	return "RINGFENCE_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Settings lists all settings in the order in which help shows them.
func Settings() []Setting {
	return slices.Concat(placesSettings(), tlsSettings(), callerSettings(), decisionSettings(), runningSettings())
}

// placesSettings are where the service is, and what it keeps where.
func placesSettings() []Setting {
	return []Setting{
		{"listen", "127.0.0.1:8443", "address of the APIs (with --dev: 127.0.0.1:8080)", str(func(c *Config) *string { return &c.Listen })},
		{"admin-listen", "127.0.0.1:9090", "address of health, metrics and profiles", str(func(c *Config) *string { return &c.AdminListen })},
		{"database-url", "", "PostgreSQL to use; empty: a private one in the data directory", str(func(c *Config) *string { return &c.DatabaseURL })},
		{"database-conns", "20", "connections to the database", num(4, func(c *Config) *int { return &c.DatabaseConns })},
		{"data-dir", "", "where the private database and keys are (default: the user's data directory; /var/lib/ringfence for root)", str(func(c *Config) *string { return &c.DataDir })},
		{"pg-bindir", "", "where PostgreSQL's programs are (default: found in PATH and the usual folders)", str(func(c *Config) *string { return &c.PGBinDir })},
		{"external-url", "", "absolute base of Location and links (default: from the request)", str(func(c *Config) *string { return &c.ExternalURL })},
	}
}

// tlsSettings are how its listener speaks TLS.
func tlsSettings() []Setting {
	return []Setting{
		{"tls-cert-file", "", "PEM file of the certificate, with its chain, of the APIs. It and the files below are read again when they change", str(func(c *Config) *string { return &c.TLSCertFile })},
		{"tls-key-file", "", "PEM file of its key, which nobody else may read", str(func(c *Config) *string { return &c.TLSKeyFile })},
		{"client-ca", "", "PEM file of the authorities of client certificates; empty: clients are asked for none", str(func(c *Config) *string { return &c.ClientCA })},
		{"tls-crl-file", "", "PEM file of revocation lists of these authorities", str(func(c *Config) *string { return &c.TLSCRLFile })},
		{"tls-client-cert", "optional", "whether clients have to show a certificate: optional or required", func(c *Config, v string) error {
			c.ClientCertNeeded = v == "required"
			if v != "required" && v != "optional" {
				return fmt.Errorf("%q is neither optional nor required", v)
			}
			return nil
		}},
	}
}

// callerSettings are who may call.
func callerSettings() []Setting {
	return []Setting{
		{"auth", "", "how callers are authenticated: oauth2 (the default), token, or none with --dev on a loopback address", str(func(c *Config) *string { return &c.Auth })},
		{"token-file", "", "JSON file of client ids, SHA-256 of tokens and roles, for --auth token", str(func(c *Config) *string { return &c.TokenFile })},
		{"connections-file", "", "JSON file of the VIM, registry and repository connections, resource groups and key spellings that grants tell VNFMs; it may hold credentials", str(func(c *Config) *string { return &c.ConnectionsFile })},
		{"client-file", "", "JSON file of client ids and roles, for --auth oauth2. It and the token file are read again when they change", str(func(c *Config) *string { return &c.ClientFile })},
		{"credentials-file", "", "JSON file of the credentials, by name, that this service and the VNFMs that it calls show each other", str(func(c *Config) *string { return &c.CredentialsFile })},
		{"upstream-nfvo", "", "API root of the NFVO that has to agree to each grant before it is answered; empty: there is none", str(func(c *Config) *string { return &c.Upstream.NFVO })},
		{"upstream-credentials", "", "name of the credentials, in the file of such, for the NFVO upstream", str(func(c *Config) *string { return &c.Upstream.Credentials })},
		{"upstream-timeout", "5s", "how long the NFVO upstream may take to answer, at most 6s", dur(func(c *Config) *time.Duration { return &c.Upstream.Timeout })},
		{"upstream-li", "withhold", "what the NFVO upstream is told of lawful interception: withhold (nothing, it is not asked) or tell", func(c *Config, v string) error {
			if c.Upstream.LI = v == "tell"; !c.Upstream.LI && v != "withhold" {
				return fmt.Errorf("%q is neither withhold nor tell", v)
			}
			return nil
		}},
		{"oidc-issuer", "", "authorization server whose tokens callers show, as these name it, for --auth oauth2", str(func(c *Config) *string { return &c.OAuth2.Issuer })},
		{"audience", "", "what this service is called in the audience of tokens", str(func(c *Config) *string { return &c.OAuth2.Audience })},
		{"oidc-jwks-url", "", "where the keys of the authorization server are (default: where its metadata say)", str(func(c *Config) *string { return &c.OAuth2.KeysURL })},
		{"oidc-ca-file", "", "PEM file of the authorities that vouch for the authorization server (default: the system's)", str(func(c *Config) *string { return &c.OAuth2.CAFile })},
		{"oidc-algorithms", "ES256,ES384,ES512,PS256,PS384,PS512,RS256,EdDSA", "what tokens may be signed with", func(c *Config, v string) error {
			c.OAuth2.Algorithms = strings.Split(v, ",")
			return nil
		}},
		{"oidc-max-lifetime", "1h", "tokens that are valid for longer are refused", dur(func(c *Config) *time.Duration { return &c.OAuth2.MaxLifetime })},
		{"introspection-url", "", "where to ask the authorization server about tokens (RFC 7662), instead of checking them as JWTs", str(func(c *Config) *string { return &c.OAuth2.IntrospectionURL })},
		{"introspection-client-id", "", "as whom to ask", str(func(c *Config) *string { return &c.OAuth2.IntrospectionClientID })},
		{"introspection-secret-file", "", "file of the secret to ask with", str(func(c *Config) *string { return &c.OAuth2.IntrospectionSecretFile })},
	}
}

// decisionSettings are what becomes of decisions, directives and changes.
func decisionSettings() []Setting {
	return []Setting{
		{"signing-key-file", "", "Ed25519 key that signs directives; made when absent (default: in the data directory); replicas share it", str(func(c *Config) *string { return &c.SigningKeyFile })},
		{"secrets-key-file", "", "keys that seal what the database holds of subscribers' secrets, one in base64 on a line, the first for what is new; made when absent (default: in the data directory); replicas share it", str(func(c *Config) *string { return &c.SecretsKeyFile })},
		{"reservation-ttl", "24h", "how long a grant reserves before it is UNCONFIRMED", dur(func(c *Config) *time.Duration { return &c.ReservationTTL })},
		{"host-mapping-max-age", "10m", "how old the mapping of a CIS-node VM to its host may be", dur(func(c *Config) *time.Duration { return &c.HostMappingMaxAge })},
		{"attestation-margin", "2s", "how much longer than the commit an attestation must be valid", dur(func(c *Config) *time.Duration { return &c.AttestationMargin })},
		{"break-glass-for", "24h", "how long a policy version that its author alone put in force, or a change of security-relevant inventory that one person alone applied, may stay so before a second person confirms it", dur(func(c *Config) *time.Duration { return &c.BreakGlassFor })},
		{"approval-for", "168h", "how long a proposed change of security-relevant inventory waits for a second person", dur(func(c *Config) *time.Duration { return &c.ApprovalFor })},
		{"evictions-per-minute", "10", "how many residencies rules with onViolation EVICT may evict in a minute, in the whole fleet; 0: none, all wait", num(0, func(c *Config) *int { return &c.EvictionsPerMin })},
		{"directive-overdue-after", "5m", "how long a directive may stay without an acknowledgement before that is a violation, on hosts that acknowledge directives; 0: for ever", dur(func(c *Config) *time.Duration { return &c.OverdueAfter })},
		{"keep-violations", "9600h", "how long violations are kept after they have ended; 0: for ever (default: 400 days, a year and what an audit of it takes)", dur(func(c *Config) *time.Duration { return &c.KeepViolations })},
		{"on-policy-conflict", "reject", "what becomes of putting a policy in force that contradicts another one: reject it, or notify subscribers and do it", func(c *Config, v string) error {
			c.NotifyConflicts = v == "notify"
			if v != "notify" && v != "reject" {
				return fmt.Errorf("%q is neither reject nor notify", v)
			}
			return nil
		}},
	}
}

// runningSettings are how the process tells, limits and ends.
func runningSettings() []Setting {
	return []Setting{
		{"notify-cert-file", "", "PEM file of the certificate that subscribers of notifications see who accept TLS_CERT; empty: none. It is read again for each connection", str(func(c *Config) *string { return &c.NotifyCertFile })},
		{"notify-key-file", "", "PEM file of its key", str(func(c *Config) *string { return &c.NotifyKeyFile })},
		{"requests-per-second", "1000", "how many requests a client may make, unless its entry says so; more are answered 429; 0: as many as it likes", num(0, func(c *Config) *int { return &c.RequestsPerSecond })},
		{"drain-timeout", "20s", "how long requests may take to end when the process stops", dur(func(c *Config) *time.Duration { return &c.DrainTimeout })},
		{"log-level", "info", "debug, info, warn or error", str(func(c *Config) *string { return &c.LogLevel })},
		{"log-format", "", "json or text (default: text on a terminal, else json)", str(func(c *Config) *string { return &c.LogFormat })},
	}
}

// str sets a text.
func str(p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error { *p(c) = v; return nil }
}

// dur sets a duration.
func dur(p func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is no duration such as 24h or 90s", v)
		}
		*p(c) = d
		return nil
	}
}

// num sets a number that is not below the least.
func num(least int, p func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least {
			return fmt.Errorf("%q is no number of at least %d", v, least)
		}
		*p(c) = n
		return nil
	}
}
