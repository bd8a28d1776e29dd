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
	Upstream          Upstream
	SigningKeyFile    string
	SecretsKeyFile    string
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

// Upstream is the NFVO that has to agree to grants.
type Upstream struct {
	NFVO        string // its API root; empty: nobody else has to agree
	Credentials string // their name
	Timeout     time.Duration
	LI          bool // it is told of lawful interception, too
}

// maxUpstreamTimeout leaves a request the time to be decided, asked upstream about twice, and answered: VNFMs give up after 20 s.
const maxUpstreamTimeout = 6 * time.Second

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
	if c.SecretsKeyFile == "" {
		c.SecretsKeyFile = filepath.Join(c.DataDir, "keys", "secrets.key")
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
	if c.Upstream.Timeout <= 0 || c.Upstream.Timeout > maxUpstreamTimeout {
		return fmt.Errorf("RINGFENCE_UPSTREAM_TIMEOUT is %s: VNFMs wait for as long, so it may be at most %s, and must not be 0", c.Upstream.Timeout, maxUpstreamTimeout)
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
