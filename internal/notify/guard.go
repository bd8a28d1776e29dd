package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"ringfence/internal/placement"
)

// Target is where callbacks of a client may go: any of the ports on any address of the prefix.
type Target struct {
	Prefix netip.Prefix
	Ports  []uint16 // empty: 443
}

// Rules are what a Guard goes by.
type Rules struct {
	// Targets are the allow-lists of the clients, by their id.
	Targets map[string][]Target
	// Own are addresses of this installation, its database's and its authorization server's among them. They are never called.
	Own []netip.AddrPort
	// Incomplete: not all of Own could be found out. Nothing passes until it is.
	Incomplete bool
}

// Guard decides where callbacks may go. The zero Guard lets nothing pass.
type Guard struct {
	Rules // at the start; Use takes others
	// Developing lets callbacks go to loopback addresses, to any port and without TLS: for a developer's machine only.
	Developing bool

	// Certificate is shown to subscribers that accept TLS_CERT, and to no other; nil: there is none.
	Certificate Certificate

	resolver *net.Resolver  // nil: the system's
	roots    *x509.CertPool // nil: the system's
	used     atomic.Pointer[Rules]
}

// Use has the guard go by other rules from now on. Connections that were made before may be used for a minute.
func (g *Guard) Use(r Rules) { g.used.Store(&r) }

func (g *Guard) rules() *Rules {
	if r := g.used.Load(); r != nil {
		return r
	}
	return &g.Rules
}

// The limits of one call. A subscriber that is slower is taken for silent.
const (
	dialTimeout   = 2 * time.Second
	callTimeout   = 5 * time.Second
	maxURILength  = 2048
	maxAnswerRead = 4 << 10
)

// never are addresses that no callback reaches, whatever an allow-list says: the host itself and its link (where clouds serve
// credentials), and the forms of IPv6 that carry an IPv4 address past a check.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
}

// CheckURI tells whether a URI has the form of a callback. That it does says nothing about where it leads.
func (g *Guard) CheckURI(raw string) error { return g.checkURI("callback URI", raw) }

// Check is CheckURI for another thing than a callback, which errors name.
func (g *Guard) Check(what, raw string) error { return g.checkURI(what, raw) }

func (g *Guard) checkURI(what, raw string) error {
	refuse := func(why string) error {
		return placement.Errorf(placement.Invalid, "the %s %s", what, why)
	}
	if len(raw) > maxURILength || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return refuse("is longer than 2048 characters, or has blanks, backslashes or characters beyond ASCII")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return refuse("is no URI")
	case u.Scheme != "https" && !(g.Developing && u.Scheme == "http"):
		return refuse("must start with https://")
	case u.Opaque != "" || u.Host == "" || u.Hostname() == "":
		return refuse("has no host")
	case u.User != nil:
		return refuse("must not carry a user or a password")
	case u.Fragment != "" || u.RawQuery != "" || u.ForceQuery:
		return refuse("must not have a query or a fragment")
	case strings.Contains(u.Host, "%"):
		return refuse("must not name an IPv6 zone")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return refuse("has a port that is none")
		}
	}
	return nil
}

// errForbidden is what a dial to a forbidden address returns. It does not say what is there.
type errForbidden struct{ address string }

func (e errForbidden) Error() string { return "callbacks to " + e.address + " are not allowed" }

// Forbidden tells it from what a network does.
func (e errForbidden) Forbidden() {}

// allows tells whether a client's callbacks may go to an address.
func (g *Guard) allows(clientID string, to netip.AddrPort) bool {
	addr := to.Addr()
	if addr.Zone() != "" {
		return false
	}
	if g.Developing && addr.Unmap().IsLoopback() {
		return true
	}
	if slices.ContainsFunc(never, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return false
	}
	rules := g.rules()
	if rules.Incomplete || slices.ContainsFunc(rules.Own, func(own netip.AddrPort) bool {
		return own.Port() == to.Port() && (own.Addr() == addr || own.Addr().IsUnspecified())
	}) {
		return false
	}
	return slices.ContainsFunc(rules.Targets[clientID], func(t Target) bool {
		return t.Prefix.Contains(addr) && (slices.Contains(t.Ports, to.Port()) || len(t.Ports) == 0 && to.Port() == 443)
	})
}

// DialContext connects to where callbacks of a client may go, and to nowhere else. The address is judged when it is dialled, after
// every resolution, so that neither spellings nor answers of name servers that change get past it.
func (g *Guard) DialContext(clientID string) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{
		Timeout: dialTimeout, Resolver: g.resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !strings.HasPrefix(network, "tcp") || !g.allows(clientID, to) {
				return errForbidden{address}
			}
			return nil
		},
	}
	return dialer.DialContext
}

// client returns an HTTP client that reaches only where callbacks of the client may go. A certificate is shown to whoever asks for
// one; nil: none is.
func (g *Guard) client(clientID string, cert Certificate) *http.Client {
	return &http.Client{
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: g.DialContext(clientID), TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: callTimeout,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: g.roots, GetClientCertificate: cert},
			MaxResponseHeaderBytes: maxAnswerRead, DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true, // no Proxy: the environment must not lead callbacks elsewhere
		},
	}
}

// ParseTarget reads an entry of an allow-list: a prefix or an address, and ports.
func ParseTarget(prefix string, ports []int) (Target, error) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		addr, addrErr := netip.ParseAddr(prefix)
		if addrErr != nil {
			return Target{}, fmt.Errorf("%q is neither an address nor a prefix such as 10.20.0.0/16", prefix)
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	if p.Masked() != p {
		return Target{}, fmt.Errorf("%q has bits beyond its length: write %s", prefix, p.Masked())
	}
	if i := slices.IndexFunc(never, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) }); i >= 0 {
		return Target{}, fmt.Errorf("%q is part of %s, to which no callback ever goes", prefix, never[i])
	}
	t := Target{Prefix: p}
	for _, n := range ports {
		if n < 1 || n > 65535 {
			return Target{}, fmt.Errorf("port %d of %s is none: ports are 1 to 65535", n, prefix)
		}
		t.Ports = append(t.Ports, uint16(n))
	}
	return t, nil
}
