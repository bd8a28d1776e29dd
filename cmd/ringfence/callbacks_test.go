package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/auth"
	"ringfence/internal/config"
	"ringfence/internal/notify"
)

var quiet = slog.New(slog.DiscardHandler)

// tokenFileWith is a token file of one client, with callbacks.
func tokenFileWith(t *testing.T, callbacks string) *auth.Callers {
	t.Helper()
	tokens, err := auth.ParseTokens(fmt.Appendf(nil, `{"clients": [{"id": "soc", "tokenSha256": "%064d", "roles": ["AUDITOR"], "callbacks": %s}]}`, 7, callbacks))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// TestGuardOfATokenFile refuses at the start what would let callbacks go nowhere, or where nobody means.
func TestGuardOfATokenFile(t *testing.T) {
	t.Parallel()
	const begin = `token file: client "soc": callbacks`
	for callbacks, want := range map[string]string{
		`[{"prefix": "10.20.0.0/33"}]`:                        begin + `[0]: "10.20.0.0/33" is neither an address nor a prefix such as 10.20.0.0/16`,
		`[{"prefix": "soc.example.net"}]`:                     begin + `[0]: "soc.example.net" is neither an address nor a prefix such as 10.20.0.0/16`,
		`[{}]`:                                                begin + `[0]: "" is neither an address nor a prefix such as 10.20.0.0/16`,
		`[{"prefix": "10.20.0.1/16"}]`:                        begin + `[0]: "10.20.0.1/16" has bits beyond its length: write 10.20.0.0/16`,
		`[{"prefix": "fe80::1%eth0"}]`:                        begin + `[0]: "fe80::1%eth0" is part of fe80::/10, to which no callback ever goes`,
		`[{"prefix": "10.20.0.0/16", "ports": [0]}]`:          begin + `[0]: port 0 of 10.20.0.0/16 is none: ports are 1 to 65535`,
		`[{"prefix": "10.20.0.0/16", "ports": [443, 65536]}]`: begin + `[0]: port 65536 of 10.20.0.0/16 is none: ports are 1 to 65535`,
		`[{"prefix": "127.0.0.1"}]`:                           begin + `[0]: "127.0.0.1" is part of 127.0.0.0/8, to which no callback ever goes`,
		`[{"prefix": "169.254.169.254/32"}]`:                  begin + `[0]: "169.254.169.254/32" is part of 169.254.0.0/16, to which no callback ever goes`,
		`[{"prefix": "::ffff:10.20.0.0/112"}]`:                begin + `[0]: "::ffff:10.20.0.0/112" is part of ::ffff:0.0.0.0/96, to which no callback ever goes`,
		`[{"prefix": "10.0.0.0/8"}, {"prefix": "x"}, {"prefix": "::1"}]`: begin + `[1]: "x" is neither an address nor a prefix such as 10.20.0.0/16` + "\n" +
			begin + `[2]: "::1" is part of ::/96, to which no callback ever goes`,
	} {
		_, err := newCallbacks(t.Context(), config.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}, tokenFileWith(t, callbacks), "", quiet)
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s:\n%s", callbacks, cmp.Diff(want, got))
		}
	}
	if _, err := auth.ParseTokens([]byte(strings.Replace(`{"clients": [{"id": "soc", "tokenSha256": "0", "roles": ["AUDITOR"], "callbacks": [{"cidr": "10.0.0.0/8"}]}]}`,
		`"0"`, `"`+strings.Repeat("0", 64)+`"`, 1))); err == nil || !strings.Contains(err.Error(), "cidr") {
		t.Errorf("an unknown member: %v", err)
	}
}

// TestGuardKnowsItsOwnAddresses reads the allow-list, and what is never called: the listeners and the database.
func TestGuardKnowsItsOwnAddresses(t *testing.T) {
	t.Parallel()
	c := config.Config{Listen: ":8443", AdminListen: "127.0.0.1:9090"}
	cb, err := newCallbacks(t.Context(), c, tokenFileWith(t, `[{"prefix": "10.20.0.0/16", "ports": [443, 8443]}, {"prefix": "2001:db8::7"}]`), "10.20.0.9:5432", quiet)
	if err != nil {
		t.Fatal(err)
	}
	want := notify.Rules{
		Targets: map[string][]notify.Target{"soc": {
			{Prefix: netip.MustParsePrefix("10.20.0.0/16"), Ports: []uint16{443, 8443}}, {Prefix: netip.MustParsePrefix("2001:db8::7/128")},
		}},
		Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8443"), netip.MustParseAddrPort("127.0.0.1:9090"), netip.MustParseAddrPort("10.20.0.9:5432")},
	}
	if diff := cmp.Diff(want, cb.guard.Rules, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if dev, err := newCallbacks(t.Context(), config.Config{Dev: true}, auth.Anyone{}, "", quiet); err != nil || !dev.guard.Developing || len(dev.guard.Targets) != 0 {
		t.Errorf("%+v, %v", dev, err)
	}
}

// TestNamesThatAreNotKnown: an authorization server that the name server does not know is no reason not to start, and callbacks go
// nowhere until it was known once. Then it stays known, and what is written into the file of clients is followed.
func TestNamesThatAreNotKnown(t *testing.T) {
	t.Parallel()
	c := config.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}
	c.OAuth2.Issuer = "https://as.invalid/realms/nfv"
	cb, err := newCallbacks(t.Context(), c, tokenFileWith(t, `[{"prefix": "10.20.0.0/16"}]`), "", quiet)
	if err != nil || !cb.guard.Incomplete || len(cb.guard.Targets["soc"]) != 1 {
		t.Fatalf("%+v, %v", cb, err)
	}
	own, one, other := netip.MustParseAddrPort("10.20.0.9:443"), netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("10.30.0.0/16")
	rules := func(incomplete bool, prefix netip.Prefix, own ...netip.AddrPort) notify.Rules {
		return notify.Rules{Targets: map[string][]notify.Target{"soc": {{Prefix: prefix}}}, Own: own, Incomplete: incomplete}
	}
	last := cb.guard.Rules
	for _, step := range []struct {
		read notify.Rules
		err  error
		want notify.Rules
	}{
		{read: rules(true, one), want: rules(true, one)},
		{read: rules(false, one, own), want: rules(false, one, own)},
		{read: rules(true, other), want: rules(false, other, own)},
		{err: fmt.Errorf("half a file"), want: rules(false, other, own)},
	} {
		cb.rules = func(context.Context) (notify.Rules, error) { return step.read, step.err }
		last = cb.refresh(t.Context(), last)
		if diff := cmp.Diff(step.want, last, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
