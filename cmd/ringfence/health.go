package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// newHealth is for the health checks of container engines, which have no other HTTP client in the image.
func newHealth(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running service whether it is ready", Args: takes(),
		Long:    "Ask a running service whether it is ready: exit 0 if it is, 2 with its reason if not.\nThe address is RINGFENCE_URL, or the one that RINGFENCE_LISTEN names, on this machine.",
		Example: "  ringfence health && echo ready",
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, healthURL(p.getenv)+"/readyz", nil)
			if err != nil {
				return err
			}
			client := &http.Client{Timeout: 3 * time.Second}
			resp, err := client.Do(req)
			if err != nil {
				return &exitError{exitServer, err}
			}
			defer func() { _ = resp.Body.Close() }()
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
			if resp.StatusCode != http.StatusOK {
				return &exitError{exitServer, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))}
			}
			_, err = fmt.Fprintln(p.stdout, "ready")
			return err
		},
	}
	return cmd
}

func healthURL(getenv func(string) string) string {
	if url := getenv("RINGFENCE_URL"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	host, port, err := net.SplitHostPort(getenv("RINGFENCE_LISTEN"))
	if err != nil {
		return "http://127.0.0.1:8080"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
