package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// adminTimeout bounds a request for health or metrics.
const adminTimeout = 10 * time.Second

// listenAdmin opens where an agent tells how it fares; nil: nowhere. Nobody beyond the host gets there: it is a loopback address, or a
// socket that only root opens. A socket that a killed agent left is replaced.
func listenAdmin(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	socket, isSocket := strings.CutPrefix(address, "unix:")
	switch {
	case address == "":
		return nil, nil
	case !isSocket:
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("--admin-listen: %w", err)
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return nil, fmt.Errorf("--admin-listen %s: health and metrics have no authentication, so they are on a loopback address only, such as 127.0.0.1:9091, or on unix:/path", address)
		}
		return config.Listen(ctx, "tcp", address)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--admin-listen: %w", err)
	}
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("--admin-listen: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("--admin-listen: %w", err), listener.Close())
	}
	return listener, nil
}

// serveAdmin answers until the context ends.
func serveAdmin(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: adminTimeout, ReadTimeout: adminTimeout, WriteTimeout: adminTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health and metrics: %w", err)
	}
	return nil
}
