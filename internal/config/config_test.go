package config

import (
	"maps"
	"strings"
	"testing"
)

// TestListenersAreChecked: nothing that others can reach is served in the clear, and half of a setting is a fault.
func TestListenersAreChecked(t *testing.T) {
	t.Parallel()
	tls := map[string]string{"tls-cert-file": "c", "tls-key-file": "k"}
	for name, c := range map[string]struct {
		dev  bool
		set  map[string]string
		tls  map[string]string
		want string // of the error; empty: none
	}{
		"loopback":                      {set: map[string]string{"listen": "127.0.0.1:8443"}},
		"another address, in the clear": {set: map[string]string{"listen": "10.0.0.1:8443"}, want: "can be reached by others"},
		"all addresses, in the clear":   {set: map[string]string{"listen": ":8443"}, want: "can be reached by others"},
		"all addresses of a developer":  {dev: true, set: map[string]string{"listen": ":8443"}},
		"all addresses, over TLS":       {set: map[string]string{"listen": ":8443"}, tls: tls},
		"a certificate without a key":   {set: map[string]string{"tls-cert-file": "c"}, want: "needs its key"},
		"client certificates, no TLS":   {set: map[string]string{"client-ca": "c"}, want: "client certificates need TLS"},
		"a list without authorities":    {set: map[string]string{"tls-crl-file": "c"}, tls: tls, want: "set RINGFENCE_CLIENT_CA"},
		"required of nobody":            {set: map[string]string{"tls-client-cert": "required"}, tls: tls, want: "set RINGFENCE_CLIENT_CA"},
		"perhaps required":              {set: map[string]string{"tls-client-cert": "maybe"}, want: "neither optional nor required"},
		"admin for others":              {set: map[string]string{"admin-listen": ":9090"}, tls: tls, want: "the admin listener :9090 can be reached by others"},
		"admin with certificates":       {set: map[string]string{"admin-listen": ":9090", "client-ca": "c"}, tls: tls},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := map[string]string{"auth": "token", "token-file": "tokens.json"}
			maps.Copy(given, c.set)
			maps.Copy(given, c.tls)
			_, err := Load(c.dev, given, nil, func(name string) string { return map[string]string{"HOME": "/home"}[name] })
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
