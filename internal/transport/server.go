package transport

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// The limits of a connection. What takes longer (long polls, imports, answers that are read slowly) lifts them for itself.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10
	maxStreams        = 100  // of one HTTP/2 connection
	maxConnections    = 4096 // of one listener; more wait
)

// NewServer is an HTTP server within the limits. base is the parent of the contexts of its requests. What clients do wrong below
// HTTP is logged at debug, so that a scan does not fill the log.
func NewServer(base context.Context, handler http.Handler, config *tls.Config, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, TLSConfig: config, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
	}
}

// Serve serves on a listener, over TLS where the server has a configuration for it. It returns as http.Server does.
func Serve(s *http.Server, l net.Listener) error {
	l = netutil.LimitListener(l, maxConnections)
	if s.TLSConfig == nil {
		return s.Serve(l)
	}
	return s.ServeTLS(l, "", "")
}
