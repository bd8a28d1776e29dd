// Package config is the settings of a ringfence process: their names, defaults and checks. A setting comes
// from a flag, else the environment, else the configuration file, else its default. The package imports
// nothing of ours and starts nothing.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ways in which callers are authenticated.
const (
	AuthNone   = "none"
	AuthToken  = "token"
	AuthOAuth2 = "oauth2"
)

// Config is the settings of `ringfence serve`, checked.
type Config struct {
	Dev               bool
	Listen            string // address of the APIs
	AdminListen       string // address of health, metrics and profiles
	DatabaseURL       string // empty: a private PostgreSQL in DataDir
	DatabaseConns     int
	DataDir           string
	PGBinDir          string
	ExternalURL       string
	TLSCertFile       string // of the APIs; empty: plain HTTP, on a loopback address
	TLSKeyFile        string
	ClientCA          string // authorities of client certificates; empty: clients are asked for none
	TLSCRLFile        string
	ClientCertNeeded  bool // clients without a certificate are not even heard
	Auth              string
	TokenFile         string
	ConnectionsFile   string // empty: grants tell of no connections
	ClientFile        string
	OAuth2            OAuth2
	CredentialsFile   string // empty: VNFMs are shown no credentials
	SigningKeyFile    string
	ReservationTTL    time.Duration
	HostMappingMaxAge time.Duration
	AttestationMargin time.Duration
	BreakGlassFor     time.Duration
	ApprovalFor       time.Duration
	EvictionsPerMin   int           // residencies that rules may evict, in the whole fleet
	OverdueAfter      time.Duration // a directive without an answer is a violation after that; 0: never
	KeepViolations    time.Duration // after they have ended; 0: for ever
	NotifyCertFile    string        // shown to subscribers that accept TLS_CERT; empty: none
	NotifyKeyFile     string
	NotifyConflicts   bool // policies that contradict each other may be in force together; subscribers are told
	DrainTimeout      time.Duration
	RequestsPerSecond int // of each client; 0: as many as it likes
	LogLevel          string
	LogFormat         string
}

// OAuth2 is whose tokens callers show.
type OAuth2 struct {
	Issuer, Audience        string
	KeysURL, CAFile         string
	Algorithms              []string
	MaxLifetime             time.Duration
	IntrospectionURL        string // empty: tokens are JWTs and are checked here
	IntrospectionClientID   string
	IntrospectionSecretFile string
}

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
	str := func(p func(*Config) *string) func(*Config, string) error {
		return func(c *Config, v string) error { *p(c) = v; return nil }
	}
	dur := func(p func(*Config) *time.Duration) func(*Config, string) error {
		return func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 {
				return fmt.Errorf("%q is no duration such as 24h or 90s", v)
			}
			*p(c) = d
			return nil
		}
	}
	return []Setting{
		{"listen", "127.0.0.1:8443", "address of the APIs (with --dev: 127.0.0.1:8080)", str(func(c *Config) *string { return &c.Listen })},
		{"admin-listen", "127.0.0.1:9090", "address of health, metrics and profiles", str(func(c *Config) *string { return &c.AdminListen })},
		{"database-url", "", "PostgreSQL to use; empty: a private one in the data directory", str(func(c *Config) *string { return &c.DatabaseURL })},
		{"database-conns", "20", "connections to the database", func(c *Config, v string) error {
			_, err := fmt.Sscanf(v, "%d", &c.DatabaseConns)
			if err != nil || c.DatabaseConns < 4 {
				return fmt.Errorf("%q is no number of at least 4", v)
			}
			return nil
		}},
		{"data-dir", "", "where the private database and keys are (default: the user's data directory; /var/lib/ringfence for root)", str(func(c *Config) *string { return &c.DataDir })},
		{"pg-bindir", "", "where PostgreSQL's programs are (default: found in PATH and the usual folders)", str(func(c *Config) *string { return &c.PGBinDir })},
		{"external-url", "", "absolute base of Location and links (default: from the request)", str(func(c *Config) *string { return &c.ExternalURL })},
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
		{"auth", "", "how callers are authenticated: oauth2 (the default), token, or none with --dev on a loopback address", str(func(c *Config) *string { return &c.Auth })},
		{"token-file", "", "JSON file of client ids, SHA-256 of tokens and roles, for --auth token", str(func(c *Config) *string { return &c.TokenFile })},
		{"connections-file", "", "JSON file of the VIM, registry and repository connections, resource groups and key spellings that grants tell VNFMs; it may hold credentials", str(func(c *Config) *string { return &c.ConnectionsFile })},
		{"client-file", "", "JSON file of client ids and roles, for --auth oauth2. It and the token file are read again when they change", str(func(c *Config) *string { return &c.ClientFile })},
		{"credentials-file", "", "JSON file of the credentials, by name, that this service and the VNFMs that it calls show each other", str(func(c *Config) *string { return &c.CredentialsFile })},
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
		{"signing-key-file", "", "Ed25519 key that signs directives; made when absent (default: in the data directory); replicas share it", str(func(c *Config) *string { return &c.SigningKeyFile })},
		{"reservation-ttl", "24h", "how long a grant reserves before it is UNCONFIRMED", dur(func(c *Config) *time.Duration { return &c.ReservationTTL })},
		{"host-mapping-max-age", "10m", "how old the mapping of a CIS-node VM to its host may be", dur(func(c *Config) *time.Duration { return &c.HostMappingMaxAge })},
		{"attestation-margin", "2s", "how much longer than the commit an attestation must be valid", dur(func(c *Config) *time.Duration { return &c.AttestationMargin })},
		{"break-glass-for", "24h", "how long a policy version that its author alone put in force, or a change of security-relevant inventory that one person alone applied, may stay so before a second person confirms it", dur(func(c *Config) *time.Duration { return &c.BreakGlassFor })},
		{"approval-for", "168h", "how long a proposed change of security-relevant inventory waits for a second person", dur(func(c *Config) *time.Duration { return &c.ApprovalFor })},
		{"evictions-per-minute", "10", "how many residencies rules with onViolation EVICT may evict in a minute, in the whole fleet; 0: none, all wait", func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return fmt.Errorf("%q is no number of at least 0", v)
			}
			c.EvictionsPerMin = n
			return nil
		}},
		{"directive-overdue-after", "5m", "how long a directive may stay without an acknowledgement before that is a violation, on hosts that acknowledge directives; 0: for ever", dur(func(c *Config) *time.Duration { return &c.OverdueAfter })},
		{"keep-violations", "9600h", "how long violations are kept after they have ended; 0: for ever (default: 400 days, a year and what an audit of it takes)", dur(func(c *Config) *time.Duration { return &c.KeepViolations })},
		{"on-policy-conflict", "reject", "what becomes of putting a policy in force that contradicts another one: reject it, or notify subscribers and do it", func(c *Config, v string) error {
			c.NotifyConflicts = v == "notify"
			if v != "notify" && v != "reject" {
				return fmt.Errorf("%q is neither reject nor notify", v)
			}
			return nil
		}},
		{"notify-cert-file", "", "PEM file of the certificate that subscribers of notifications see who accept TLS_CERT; empty: none. It is read again for each connection", str(func(c *Config) *string { return &c.NotifyCertFile })},
		{"notify-key-file", "", "PEM file of its key", str(func(c *Config) *string { return &c.NotifyKeyFile })},
		{"requests-per-second", "1000", "how many requests a client may make, unless its entry says so; more are answered 429; 0: as many as it likes", func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return fmt.Errorf("%q is no number of at least 0", v)
			}
			c.RequestsPerSecond = n
			return nil
		}},
		{"drain-timeout", "20s", "how long requests may take to end when the process stops", dur(func(c *Config) *time.Duration { return &c.DrainTimeout })},
		{"log-level", "info", "debug, info, warn or error", str(func(c *Config) *string { return &c.LogLevel })},
		{"log-format", "", "json or text (default: text on a terminal, else json)", str(func(c *Config) *string { return &c.LogFormat })},
	}
}

// Load combines the sources. given are the flags that were set; file is the content of the configuration file by
// key. Every fault is reported, not only the first.
func Load(dev bool, given, file map[string]string, getenv func(string) string) (Config, error) {
	c := Config{Dev: dev}
	var errs []error
	settings := Settings()
	for i := range settings {
		s := &settings[i]
		value, from := s.Default, "default"
		if v, ok := file[s.Name]; ok {
			value, from = v, "configuration file, "+s.Name
		}
		if v := getenv(s.Env()); v != "" {
			value, from = v, s.Env()
		}
		if v, ok := given[s.Name]; ok {
			value, from = v, "--"+s.Name
		}
		if dev && s.Name == "listen" && from == "default" {
			value = "127.0.0.1:8080"
		}
		if err := s.set(&c, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", from, err))
		}
	}
	for name := range file {
		if !slices.ContainsFunc(settings, func(s Setting) bool { return s.Name == name }) {
			errs = append(errs, fmt.Errorf("configuration file: unknown setting %q", name))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, c.complete(getenv), c.check())
	}
	return c, errors.Join(errs...)
}

// complete fills the defaults that depend on the environment.
func (c *Config) complete(getenv func(string) string) error {
	if c.DataDir == "" {
		dir, err := defaultDataDir(getenv)
		if err != nil {
			return err
		}
		c.DataDir = dir
	}
	abs, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	c.DataDir = abs
	if c.SigningKeyFile == "" {
		c.SigningKeyFile = filepath.Join(c.DataDir, "keys", "directives.pem")
	}
	if c.Auth == "" {
		c.Auth = AuthOAuth2
		if c.Dev {
			c.Auth = AuthNone
		}
	}
	return nil
}

func defaultDataDir(getenv func(string) string) (string, error) {
	if os.Getuid() == 0 {
		return "/var/lib/ringfence", nil
	}
	if dir := getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "ringfence"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", errors.New("there is no home directory to keep data in: set RINGFENCE_DATA_DIR")
	}
	return filepath.Join(home, ".local", "share", "ringfence"), nil
}

// check refuses what would be unsafe.
func (c *Config) check() error {
	if (c.NotifyCertFile == "") != (c.NotifyKeyFile == "") {
		return errors.New("a certificate for notifications needs its key: set both RINGFENCE_NOTIFY_CERT_FILE and RINGFENCE_NOTIFY_KEY_FILE, or neither")
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	switch c.Auth {
	case AuthToken:
		if c.TokenFile == "" {
			return errors.New("authentication by token needs RINGFENCE_TOKEN_FILE: client ids, SHA-256 of tokens, roles")
		}
	case AuthNone:
		if !c.Dev || !loopback(c.Listen) {
			return errors.New("authentication none is for --dev on a loopback address only: set RINGFENCE_AUTH=token and RINGFENCE_TOKEN_FILE")
		}
	case AuthOAuth2:
		return c.checkOAuth2()
	default:
		return fmt.Errorf("authentication %q is not known: use oauth2, token, or none with --dev", c.Auth)
	}
	return nil
}

// checkOAuth2 names what is missing, and the other ways in.
func (c *Config) checkOAuth2() error {
	o := &c.OAuth2
	switch {
	case o.Issuer == "" || o.Audience == "" || c.ClientFile == "":
		return errors.New("callers are authenticated by tokens of an authorization server: set RINGFENCE_OIDC_ISSUER, RINGFENCE_AUDIENCE and RINGFENCE_CLIENT_FILE; " +
			"or set RINGFENCE_AUTH=token and RINGFENCE_TOKEN_FILE, or start with --dev")
	case o.IntrospectionURL != "" && (o.IntrospectionClientID == "" || o.IntrospectionSecretFile == ""):
		return errors.New("introspection needs RINGFENCE_INTROSPECTION_CLIENT_ID and RINGFENCE_INTROSPECTION_SECRET_FILE: as whom to ask")
	}
	return nil
}

// checkTLS refuses listeners that others can reach and that do not speak TLS. A developer may listen as they like.
func (c *Config) checkTLS() error {
	switch {
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return errors.New("a certificate needs its key: set both RINGFENCE_TLS_CERT_FILE and RINGFENCE_TLS_KEY_FILE, or neither")
	case c.ClientCA != "" && !c.TLS():
		return errors.New("client certificates need TLS: set RINGFENCE_TLS_CERT_FILE and RINGFENCE_TLS_KEY_FILE beside RINGFENCE_CLIENT_CA")
	case c.ClientCA == "" && (c.TLSCRLFile != "" || c.ClientCertNeeded):
		return errors.New("RINGFENCE_TLS_CRL_FILE and RINGFENCE_TLS_CLIENT_CERT are about client certificates: set RINGFENCE_CLIENT_CA, the authorities of such")
	case c.Dev:
		return nil
	case !c.TLS() && !loopback(c.Listen):
		return fmt.Errorf("%s can be reached by others: set RINGFENCE_TLS_CERT_FILE and RINGFENCE_TLS_KEY_FILE, or listen on a loopback address behind a proxy that speaks TLS", c.Listen)
	case c.ClientCA == "" && !loopback(c.AdminListen):
		return fmt.Errorf("the admin listener %s can be reached by others: set RINGFENCE_CLIENT_CA and the files of TLS, by which it then asks for a certificate, or let it listen on a loopback address", c.AdminListen)
	}
	return nil
}

// TLS tells whether the APIs are served over TLS.
func (c *Config) TLS() bool { return c.TLSCertFile != "" }

// AdminTLS tells whether the admin listener speaks TLS, and admits only who shows a certificate.
func (c *Config) AdminTLS() bool { return c.ClientCA != "" && !loopback(c.AdminListen) }

func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
