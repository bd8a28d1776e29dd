package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"ringfence/internal/auth"
	"ringfence/internal/config"
	"ringfence/internal/notify"
)

// newGuard lets callbacks of clients go where the token file says, and never to this installation itself. A developer's machine has
// no token file; there they may go to loopback addresses.
func newGuard(ctx context.Context, c config.Config, a auth.Authenticator, database string) (*notify.Guard, error) {
	g := &notify.Guard{Developing: c.Dev, Targets: map[string][]notify.Target{}}
	if c.NotifyCertFile != "" {
		cert, err := notify.LoadCertificate(c.NotifyCertFile, c.NotifyKeyFile)
		if err != nil {
			return nil, err
		}
		g.Certificate = cert
	}
	tokens, ok := a.(*auth.Callers)
	if !ok {
		return g, nil
	}
	callbacks := tokens.Callbacks()
	var faults []error
	for _, client := range slices.Sorted(maps.Keys(callbacks)) {
		for i, r := range callbacks[client] {
			t, err := notify.ParseTarget(r.Prefix, r.Ports)
			if err != nil {
				faults = append(faults, fmt.Errorf("token file: client %q: callbacks[%d]: %w", client, i, err))
			}
			g.Targets[client] = append(g.Targets[client], t)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	for _, address := range append(serverAddresses(c), c.Listen, c.AdminListen, database) {
		own, err := addresses(ctx, address)
		if err != nil {
			return nil, err
		}
		g.Own = append(g.Own, own...)
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
