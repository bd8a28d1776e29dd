package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAdminOfAnAgentStaysOnItsHost refuses addresses that others reach.
func TestAdminOfAnAgentStaysOnItsHost(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	for address, works := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "localhost:0": false, "192.0.2.1:0": false, "nonsense": false, "unix:" + socket: true} {
		listener, err := listenAdmin(t.Context(), address)
		if (err == nil) != works {
			t.Errorf("%s: %v", address, err)
		}
		if listener == nil {
			continue
		}
		if info, err := os.Stat(socket); listener.Addr().Network() == "unix" && (err != nil || info.Mode().Perm() != 0o600) {
			t.Errorf("the socket is %v, %v", info, err)
		}
		_ = listener.Close()
	}
	if listener, err := listenAdmin(t.Context(), ""); listener != nil || err != nil {
		t.Errorf("nothing was asked: %v, %v", listener, err)
	}
}
