package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// counted is an endpoint that counts the connections that are made to it.
type counted struct {
	addr        netip.AddrPort
	connections atomic.Int64
	requests    atomic.Int64
}

type countedListener struct {
	net.Listener

	n *atomic.Int64
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return c, err
}

// serveCounted answers 204 to everything, and ends the connection after each answer: the next call resolves the name again.
func serveCounted(t *testing.T, l net.Listener) *counted {
	t.Helper()
	c := &counted{addr: netip.MustParseAddrPort(l.Addr().String())}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.requests.Add(1)
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNoContent)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	_ = s.Listener.Close()
	s.Listener = countedListener{l, &c.connections}
	s.Start()
	t.Cleanup(s.Close)
	return c
}

// vectors are hosts, with or without a port, by which attackers have reached what they must not. PORT is that of an endpoint on
// loopback, which the allow-list permits: only the guard keeps them off.
func vectors() []string {
	return []string{
		// The host itself, in every notation.
		"https://127.0.0.1:PORT", "https://127.0.0.2:PORT", "https://127.255.255.254:PORT", "https://localhost:PORT", "https://localhost.:PORT",
		"https://LOCALHOST:PORT", "https://localhost6:PORT", "https://localhost.localdomain:PORT", "https://ip6-localhost:PORT", "https://anything.localhost:PORT",
		"https://127.1:PORT", "https://127.0.1:PORT", "https://2130706433:PORT", "https://0x7f000001:PORT", "https://0x7f.1:PORT", "https://0x7f.0x0.0x0.0x1:PORT",
		"https://017700000001:PORT", "https://0177.0.0.1:PORT", "https://0177.0.0.01:PORT", "https://127.0.0.1.:PORT", "https://00127.0.0.1:PORT",
		"https://0:PORT", "https://0.0.0.0:PORT", "https://0.0.0.1:PORT", "https://[::]:PORT", "https://[::1]:PORT", "https://[0:0:0:0:0:0:0:1]:PORT",
		"https://[::127.0.0.1]:PORT", "https://[::7f00:1]:PORT", "https://[::ffff:127.0.0.1]:PORT", "https://[::ffff:7f00:1]:PORT", "https://[0:0:0:0:0:ffff:7f00:1]:PORT",
		"https://[::ffff:0:127.0.0.1]:PORT", "https://[64:ff9b::7f00:1]:PORT", "https://[64:ff9b:1::7f00:1]:PORT", "https://[2002:7f00:1::]:PORT", "https://[2001:0:7f00:1::]:PORT",
		"https://[::1%25lo]:PORT", "https://[fe80::1%25lo]:PORT", "https://①②⑦.⓪.⓪.①:PORT", "https://127。0。0。1:PORT", "https://%31%32%37.0.0.1:PORT", "https://127.0.0.1%2f:PORT",
		"https://127.0.0.1.nip.example:PORT", "https://rebinds.example:PORT", "https://own.example:8443",
		// The link, and what clouds serve there.
		"https://169.254.169.254:PORT", "https://169.254.170.2:PORT", "https://metadata:PORT", "https://metadata.google.internal:PORT", "https://instance-data:PORT",
		"https://[::ffff:a9fe:a9fe]:PORT", "https://[64:ff9b::a9fe:a9fe]:PORT", "https://[fe80::a9fe:a9fe]:PORT", "https://[fec0::1]:PORT", "https://2852039166:PORT", "https://0xa9fea9fe:PORT",
		"https://link.example:PORT", "https://[2002:a9fe:a9fe::]:PORT",
		// Everybody.
		"https://224.0.0.1:PORT", "https://239.255.255.250:PORT", "https://255.255.255.255:PORT", "https://240.0.0.1:PORT", "https://[ff02::1]:PORT", "https://[ff0e::1]:PORT",
		"https://192.0.0.170:PORT", "https://[100::1]:PORT",
		// Ports that are nobody's callback.
		"https://10.1.2.3:22", "https://10.1.2.3:25", "https://10.1.2.3:53", "https://10.1.2.3:2379", "https://10.1.2.3:5432", "https://10.1.2.3:6379", "https://10.1.2.3:8500",
		"https://10.1.2.3:0", "https://10.1.2.3:-1", "https://10.1.2.3:65536", "https://10.1.2.3:443x",
		// What reads differently to two readers.
		"https://10.1.2.3@127.0.0.1:PORT", "https://user:pass@127.0.0.1:PORT", "https://127.0.0.1:PORT\\@10.1.2.3", "https://10.1.2.3\\.127.0.0.1:PORT",
		"https://127.0.0.1:PORT#@10.1.2.3", "https://127.0.0.1:PORT?@10.1.2.3", "https:127.0.0.1:PORT", "https:///127.0.0.1:PORT", "https:\\\\127.0.0.1:PORT",
		"https://127.0.0.1:PORT/\r\nHost: 10.1.2.3", "https://127.0.0.1:PORT /x", " https://127.0.0.1:PORT", "https://127.0.0.1:PORT\x00.example", "https://\t127.0.0.1:PORT",
		"//127.0.0.1:PORT", "http://127.0.0.1:PORT", "HTTP://127.0.0.1:PORT",
		// Other protocols.
		"file:///etc/passwd", "gopher://127.0.0.1:PORT/_x", "ftp://127.0.0.1:PORT", "dict://127.0.0.1:PORT", "ldap://127.0.0.1:PORT", "unix:///run/x", "http+unix://%2Frun%2Fx/y",
		"jar:https://127.0.0.1:PORT!/", "data:text/plain,x", "javascript:1",
	}
}

// TestNoVectorConnects tries every vector with an allow-list of everything: no connection is made.
func TestNoVectorConnects(t *testing.T) { //nolint:tparallel // the connections are counted after all of them
	t.Parallel()
	four := listenOn(t, "127.0.0.1:0")
	port := fmt.Sprint(four.addr.Port())
	all := []*counted{four}
	if l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:"+port); err == nil {
		all = append(all, serveCounted(t, l))
	}
	g := &Guard{
		Rules: Rules{
			Targets: map[string][]Target{"vnfm": {
				{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Ports: []uint16{four.addr.Port(), 443, 8443}},
				{Prefix: netip.MustParsePrefix("::/0"), Ports: []uint16{four.addr.Port(), 443, 8443}},
			}},
			Own: []netip.AddrPort{netip.MustParseAddrPort("10.1.0.9:8443")},
		},
		resolver: newNames(map[string][][]string{
			"own.example": {{"10.1.0.9"}}, "rebinds.example": {{"127.0.0.1", "::1"}}, "link.example": {{"169.254.169.254", "fe80::1"}},
			"metadata": {{"169.254.169.254"}}, "metadata.google.internal": {{"169.254.169.254"}}, "instance-data": {{"169.254.169.254"}},
		}).resolver(),
	}
	if len(vectors()) < 100 {
		t.Errorf("only %d vectors", len(vectors()))
	}
	accepted := 0
	for _, v := range vectors() {
		uri := strings.ReplaceAll(v, "PORT", port)
		t.Run(v, func(t *testing.T) {
			if g.CheckURI(uri) != nil {
				return
			}
			_, err := NewCaller(g).call(t.Context(), http.MethodPost, new(to("vnfm", uri)), []byte("{}"))
			if !errors.As(err, new(errForbidden)) && !errors.As(err, new(*net.DNSError)) {
				accepted++
				t.Errorf("%q was not stopped by the guard: %v", uri, err)
			}
		})
	}
	t.Logf("callback vectors: %d tried, %d accepted", len(vectors()), accepted)
	for _, c := range all {
		if n := c.connections.Load(); n != 0 {
			t.Errorf("%d connections to %s", n, c.addr)
		}
	}
	// The same port, by somebody whom no guard stops: the endpoint is there.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// goodAndBad are two endpoints on one port: the one may be called, and the other is reached by an address that may not (0.0.0.0 leads
// to 127.0.0.1).
func goodAndBad(t *testing.T) (good, bad *counted) {
	t.Helper()
	bad = listenOn(t, "127.0.0.1:0")
	good = listenOn(t, fmt.Sprintf("127.0.0.2:%d", bad.addr.Port()))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("0.0.0.0:%d", bad.addr.Port()))
	if err != nil {
		t.Skipf("on this machine 0.0.0.0 leads nowhere: %v", err)
	}
	_ = conn.Close()
	return good, bad
}

// reached waits until what is connected to is counted, then tells what came beyond the connection that goodAndBad made itself.
func (c *counted) reached() int64 { return c.requests.Load() }

// TestOneGoodAndOneBadAddress reaches the good one of a name that has both, whichever comes first.
func TestOneGoodAndOneBadAddress(t *testing.T) {
	t.Parallel()
	good, bad := goodAndBad(t)
	for _, answer := range [][]string{{"127.0.0.2", "0.0.0.0"}, {"0.0.0.0", "127.0.0.2"}, {"0.0.0.0", "169.254.169.254", "127.0.0.2"}} {
		g := &Guard{Developing: true, resolver: newNames(map[string][][]string{"both.example": {answer}}).resolver()}
		before := good.reached()
		uri := fmt.Sprintf("http://both.example:%d/x", good.addr.Port())
		if err := NewCaller(g).Post(t.Context(), to("vnfm", uri), []byte("{}")); err != nil || good.reached() != before+1 {
			t.Errorf("%v: %v", answer, err)
		}
	}
	if bad.reached() != 0 {
		t.Errorf("the bad address was called %d times", bad.reached())
	}
}

// TestRebinding tests a callback at a good address; when the notification is posted, its name leads to a bad one.
func TestRebinding(t *testing.T) {
	t.Parallel()
	good, bad := goodAndBad(t)
	server := newNames(map[string][][]string{"rebinds.example": {{"127.0.0.2"}, {"0.0.0.0"}}})
	caller := NewCaller(&Guard{Developing: true, resolver: server.resolver()})
	s := to("vnfm", fmt.Sprintf("http://rebinds.example:%d/x", good.addr.Port()))
	if err := caller.Test(t.Context(), s); err != nil || good.reached() != 1 {
		t.Fatalf("the test of the callback: %v", err)
	}
	for range 20 {
		if err := caller.Post(t.Context(), s, []byte("{}")); err == nil || !strings.Contains(err.Error(), "does not allow") {
			t.Fatalf("the notification: %v", err)
		}
	}
	if server.asked < 2 || good.reached() != 1 || bad.reached() != 0 {
		t.Errorf("asked %d times; %d calls to the good address, %d to the bad one", server.asked, good.reached(), bad.reached())
	}
}

// TestRedirectsElsewhere leaves every other place alone that an answer names.
func TestRedirectsElsewhere(t *testing.T) {
	t.Parallel()
	target, calls := subscriber(t, noContent)
	for _, location := range []string{target, "file:///etc/passwd", "gopher://127.0.0.1/_x", "http+unix://%2Frun%2Fx/y", "//169.254.169.254/", "/elsewhere", "\x00", ""} {
		uri, here := subscriber(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		if err := NewCaller(&Guard{Developing: true}).Post(t.Context(), to("vnfm", uri), []byte("{}")); err == nil || here.Load() != 1 {
			t.Errorf("%q: %v after %d calls", location, err, here.Load())
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d redirects were followed", calls.Load())
	}
}

// TestCertificatesAreVerified delivers over TLS to whom the certificate names, and to nobody else.
func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	requests := map[string]*atomic.Int64{}
	serve := func(name string, change func(*tls.Config)) (*httptest.Server, string) {
		n := &atomic.Int64{}
		requests[name] = n
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			noContent(w, r)
		}))
		s.TLS, s.Config.ErrorLog = &tls.Config{MinVersion: tls.VersionTLS10}, log.New(io.Discard, "", 0)
		change(s.TLS)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s, s.URL[strings.LastIndex(s.URL, ":"):]
	}
	plain, port := serve("good", func(*tls.Config) {})
	_, old := serve("old", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	_, alpn := serve("another protocol", func(c *tls.Config) { c.NextProtos = []string{"smtp"} })
	roots := x509.NewCertPool()
	roots.AddCert(plain.Certificate()) // of example.com, 127.0.0.1 and ::1
	resolver := newNames(map[string][][]string{"example.com": {{"127.0.0.1"}}, "another.example": {{"127.0.0.1"}}}).resolver()
	for _, c := range []struct {
		name, uri string
		roots     *x509.CertPool
		ok        bool
	}{
		{"the name of the certificate", "https://example.com" + port, roots, true},
		{"the address of the certificate", "https://127.0.0.1" + port, roots, true},
		{"another name", "https://another.example" + port, roots, false},
		{"another address", "https://127.0.0.2" + port, roots, false},
		{"a certificate of nobody known", "https://example.com" + port, x509.NewCertPool(), false},
		{"a certificate that the system does not know", "https://example.com" + port, nil, false},
		{"TLS 1.1", "https://example.com" + old, roots, false},
		{"another protocol", "https://example.com" + alpn, roots, false},
	} {
		before := requests["good"].Load()
		g := &Guard{Developing: true, roots: c.roots, resolver: resolver}
		err := NewCaller(g).Post(t.Context(), to("vnfm", c.uri+"/x"), []byte("{}"))
		if (err == nil) != c.ok || requests["good"].Load() != before+map[bool]int64{true: 1}[c.ok] {
			t.Errorf("%s: %v, %d requests", c.name, err, requests["good"].Load()-before)
		}
	}
	if n := requests["old"].Load() + requests["another protocol"].Load(); n != 0 {
		t.Errorf("%d requests over what is not spoken", n)
	}
}

// TestHeadersAreBounded takes no answer for one whose headers never end.
func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	uri, _ := subscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
		w.WriteHeader(http.StatusNoContent)
	})
	if err := NewCaller(&Guard{Developing: true}).Post(t.Context(), to("vnfm", uri), []byte("{}")); err == nil {
		t.Error("an answer with headers of 1 MiB counts as delivered")
	}
}

// TestEnvironmentLeadsNowhere ignores the proxies of the environment.
func TestEnvironmentLeadsNowhere(t *testing.T) {
	proxy, calls := subscriber(t, noContent)
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("HTTPS_PROXY", proxy)
	resolver := newNames(map[string][][]string{"subscriber.example": {{"169.254.1.1"}}}).resolver()
	g := &Guard{Developing: true, resolver: resolver}
	if err := NewCaller(g).Post(t.Context(), to("vnfm", "http://subscriber.example/x"), []byte("{}")); err == nil || calls.Load() != 0 {
		t.Errorf("%v, %d calls to the proxy", err, calls.Load())
	}
}
