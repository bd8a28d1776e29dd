package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	wire "ringfence/api/placement"
)

func TestVNFMCommands(t *testing.T) {
	t.Parallel()
	s := newService(t)
	failed := wire.VNFM{ID: "lon", APIRoot: "https://vnfm.example.net", ClientID: "vnfm-a", State: wire.VNFMStateFAILED, Reason: "to subscribe: answered 401"}
	s.on("POST "+vnfmsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(failed)
	})
	s.on("GET "+vnfmsPath, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode([]wire.VNFM{failed}) })
	s.on("GET "+vnfmsPath+"/lon", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(failed) })
	s.on("DELETE "+vnfmsPath+"/lon", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

	got := s.command(t, "", "vnfm", "add", "lon", "--api-root", "https://vnfm.example.net", "--client", "vnfm-a", "--credentials", "lon")
	if got.code != exitOK {
		t.Errorf("add: %d %s", got.code, got.stderr)
	}
	if sent := s.last().body; sent != `{"apiRoot":"https://vnfm.example.net","clientId":"vnfm-a","credentials":"lon","id":"lon"}` {
		t.Errorf("sent %s", sent)
	}
	if got := s.command(t, "", "vnfm", "add", "lon", "--client", "vnfm-a"); got.code != exitLocal || !strings.Contains(got.stderr, "--api-root") {
		t.Errorf("add without an address: %d %s", got.code, got.stderr)
	}
	for _, args := range [][]string{{"list"}, {"show", "lon"}} {
		got := s.command(t, "", append([]string{"vnfm"}, args...)...)
		if got.code != exitOK || !strings.Contains(got.stdout, "FAILED") || !strings.Contains(got.stdout, "answered 401") || !strings.Contains(got.stdout, "never") {
			t.Errorf("%v: %d %s\n%s", args, got.code, got.stderr, got.stdout)
		}
	}
	if got := s.command(t, "", "vnfm", "delete", "lon"); got.code != exitOK || !strings.HasPrefix(s.last().line, "DELETE ") {
		t.Errorf("delete: %d %s", got.code, got.stderr)
	}
}
