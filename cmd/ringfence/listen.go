package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"ringfence/internal/config"
	"ringfence/internal/replica"
	"ringfence/internal/telemetry"
	"ringfence/internal/transport"
)

// profileTimeout is how long a profile of the process may be taken.
const profileTimeout = 5 * time.Minute

// listeners are the two addresses that the service serves at, and their servers.
type listeners struct {
	api, admin       net.Listener
	apiURL, adminURL string
	servers          [2]*http.Server // of the APIs, of what operations need
}

// openListeners takes the addresses and makes their servers. base is the parent of the contexts of all requests.
func openListeners(base context.Context, c config.Config, secure *transport.TLS, log *slog.Logger, handler, admin http.Handler) (*listeners, error) {
	l := &listeners{}
	var err error
	if l.api, err = net.Listen("tcp", c.Listen); err != nil { //nolint:noctx // a listener lives as long as the process
		return nil, fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	if l.admin, err = net.Listen("tcp", c.AdminListen); err != nil { //nolint:noctx // a listener lives as long as the process
		_ = l.api.Close()
		return nil, fmt.Errorf("admin listener: %w; choose another address with --admin-listen", err)
	}
	l.apiURL, l.adminURL = "http://"+l.api.Addr().String(), "http://"+l.admin.Addr().String()
	l.servers[0], l.servers[1] = transport.NewServer(base, handler, nil, log), transport.NewServer(base, admin, nil, log)
	if secure != nil {
		l.apiURL = "https://" + l.api.Addr().String()
		l.servers[0].TLSConfig = secure.Config(c.ClientCertNeeded)
	}
	if c.AdminTLS() {
		l.adminURL = "https://" + l.admin.Addr().String()
		l.servers[1].TLSConfig = secure.Config(true)
	}
	return l, nil
}

// run serves on both addresses until the servers are shut down, in the group.
func (l *listeners) run(group *errgroup.Group) {
	for i, listener := range []net.Listener{l.api, l.admin} {
		group.Go(func() error {
			if err := transport.Serve(l.servers[i], listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", listener.Addr(), err)
			}
			return nil
		})
	}
}

// newTLS reads the files of TLS; nil where the APIs are served over plain HTTP.
func newTLS(c config.Config, log *slog.Logger) (*transport.TLS, error) {
	if !c.TLS() {
		return nil, nil //nolint:nilnil // no TLS is an answer
	}
	return transport.LoadTLS(transport.Files{Cert: c.TLSCertFile, Key: c.TLSKeyFile, ClientCA: c.ClientCA, CRL: c.TLSCRLFile}, log)
}

// adminHandler serves what operations need, apart from the APIs.
func adminHandler(tel *telemetry.Telemetry, rep *replica.Replica) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := rep.Ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.Handle("GET /metrics", tel.Metrics())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", patiently(pprof.Profile))
	mux.HandleFunc("/debug/pprof/trace", patiently(pprof.Trace))
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	return mux
}

// patiently lets a handler take longer than requests usually may.
func patiently(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rc, until := http.NewResponseController(w), time.Now().Add(profileTimeout)
		_ = rc.SetReadDeadline(until)  // a server without deadlines has its own
		_ = rc.SetWriteDeadline(until) // likewise
		h(w, r)
	}
}

// scheme is how the APIs are called.
func scheme(c config.Config) string {
	if c.TLS() {
		return "https"
	}
	return "http"
}
