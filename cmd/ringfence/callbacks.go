package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringfence/internal/auth"
	"ringfence/internal/config"
	"ringfence/internal/notify"
)

// rulesEvery is how often the file of clients and the names of the installation's servers are looked at again.
const rulesEvery = 10 * time.Second

// lookupTimeout is how long a name server may take.
const lookupTimeout = 3 * time.Second

// callbacks is where callbacks may go, and what keeps that current.
type callbacks struct {
	guard *notify.Guard
	rules func(ctx context.Context) (notify.Rules, error)
	log   *slog.Logger
}

// newCallbacks lets callbacks of clients go where the token file says, and never to this installation itself. A developer's machine has
// no token file; there they may go to loopback addresses. A server of the installation whose name is not known, because the name server does
// not answer, is no reason not to start: until it is, callbacks go nowhere.
func newCallbacks(ctx context.Context, c config.Config, a auth.Authenticator, database string, log *slog.Logger) (*callbacks, error) {
	g := &notify.Guard{Developing: c.Dev, Rules: notify.Rules{Targets: map[string][]notify.Target{}}}
	if c.NotifyCertFile != "" {
		cert, err := notify.LoadCertificate(c.NotifyCertFile, c.NotifyKeyFile)
		if err != nil {
			return nil, err
		}
		g.Certificate = cert
	}
	cb := &callbacks{guard: g, log: log}
	callers, ok := a.(*auth.Callers)
	if !ok {
		return cb, nil
	}
	own := append(serverAddresses(c), c.Listen, c.AdminListen, database)
	cb.rules = func(ctx context.Context) (notify.Rules, error) { return rulesOf(ctx, callers.Callbacks(), own, log) }
	rules, err := cb.rules(ctx)
	g.Rules = rules
	return cb, err
}

// run follows the file of clients and the name server until the context ends. What cannot be read leaves the rules as they are.
func (cb *callbacks) run(ctx context.Context) error {
	if cb.rules == nil {
		return nil
	}
	tick := time.NewTicker(rulesEvery)
	defer tick.Stop()
	for last := cb.guard.Rules; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			last = cb.refresh(ctx, last)
		}
	}
}

// refresh reads the rules again, and returns those that hold. Addresses that were known stay while the name server does not answer.
func (cb *callbacks) refresh(ctx context.Context, last notify.Rules) notify.Rules {
	rules, err := cb.rules(ctx)
	switch {
	case ctx.Err() != nil:
		return last
	case err != nil:
		cb.log.WarnContext(ctx, "where callbacks may go cannot be read; it stays as it was", "error", err.Error())
		return last
	case rules.Incomplete && !last.Incomplete:
		rules.Own, rules.Incomplete = last.Own, false
	}
	cb.guard.Use(rules)
	return rules
}

// rulesOf are the ranges of the clients, and the addresses of the installation's servers.
func rulesOf(ctx context.Context, ranges map[string][]auth.CallbackRange, own []string, log *slog.Logger) (notify.Rules, error) {
	g := notify.Rules{Targets: map[string][]notify.Target{}}
	var faults []error
	for _, client := range slices.Sorted(maps.Keys(ranges)) {
		for i, r := range ranges[client] {
			t, err := notify.ParseTarget(r.Prefix, r.Ports)
			if err != nil {
				faults = append(faults, fmt.Errorf("token file: client %q: callbacks[%d]: %w", client, i, err))
			}
			g.Targets[client] = append(g.Targets[client], t)
		}
	}
	if len(faults) > 0 {
		return g, errors.Join(faults...)
	}
	for _, address := range own {
		at, err := addresses(ctx, address)
		if _, unanswered := errors.AsType[*net.DNSError](err); unanswered {
			log.WarnContext(ctx, "the name of a server of this installation is not known; callbacks go nowhere until it was once", "address", address, "error", err.Error())
			g.Incomplete = true
			continue
		}
		if err != nil {
			return g, err
		}
		g.Own = append(g.Own, at...)
	}
	return g, nil
}

// addresses resolves host:port; an empty host stands for all addresses, an empty address or a socket's path for none.
func addresses(ctx context.Context, address string) ([]netip.AddrPort, error) {
	if address == "" || strings.HasPrefix(address, "/") {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n))}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	var out []netip.AddrPort
	for _, ip := range ips {
		out = append(out, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
	}
	return out, nil
}

// serverAddresses are host and port of the authorization server.
func serverAddresses(c config.Config) []string {
	var out []string
	for _, raw := range []string{c.OAuth2.Issuer, c.OAuth2.KeysURL, c.OAuth2.IntrospectionURL} {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = u.Scheme // LookupPort knows it by name
		}
		out = append(out, net.JoinHostPort(u.Hostname(), port))
	}
	return out
}
