package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		example string
		args    []string
		code    int
		asked   string
	}{
		{"explain-grant", "DecisionGrant", nil, exitOK, `{"explain":"FULL","limit":10}`},
		{"explain-grant-full", "DecisionGrant", []string{"--full", "--limit", "7"}, exitOK, `{"explain":"FULL","limit":7}`},
		{"explain-host", "DecisionGrant", []string{"--host", "h01"}, exitOK, `{"explain":"FULL","limit":10,"hostIds":["h01"]}`},
		{"explain-host-feasible", "DecisionGrant", []string{"--host", "h02"}, exitOK, `{"explain":"FULL","limit":10,"hostIds":["h02"]}`},
		{"explain-refuse", "DecisionRefuse", nil, exitRefused, `{"explain":"FULL","limit":10}`},
		{"explain-unknown", "DecisionUnknown", nil, exitRefused, `{"explain":"FULL","limit":10}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.json("POST /placement/v1/decisions", http.StatusCreated, example(t, openapi.NamePlacement, tt.example))
			got := s.command(t, aRequest, append([]string{"explain", "-"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d; stderr: %s", got.code, tt.code, got.stderr)
			}
			golden(t, tt.name, got.stdout)
			var asked, want map[string]any
			_ = json.Unmarshal([]byte(s.last().body), &asked)
			_ = json.Unmarshal([]byte(tt.asked), &want)
			_ = json.Unmarshal([]byte(`{"r":`+aRequest+`}`), &want)
			want["grantRequest"] = want["r"]
			delete(want, "r")
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainStored(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const id = "9a8b7c6d-5e4f-4321-8fed-cba987654321"
	s.json("GET /placement/v1/decisions/"+id, http.StatusOK, example(t, openapi.NamePlacement, "DecisionRefuse"))
	s.json("GET /placement/v1/decisions/nix", http.StatusNotFound, map[string]any{"status": 404, "detail": `there is no decision "nix"`})

	got := s.command(t, "", "explain", id, "--host", "h07")
	if got.code != exitOK || !strings.Contains(got.stdout, "nothing is said about h07 in this decision; give explain the request to ask about it now") {
		t.Errorf("got %+v", got)
	}
	got = s.command(t, "", "explain", "nix")
	if got.code != exitServer || !strings.Contains(got.stderr, "nix is neither a file nor a decision") {
		t.Errorf("got %+v", got)
	}
}

func TestIsDecision(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "request")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]bool{
		"4f3c2b1a-6d5e-4f70-8a91-b2c3d4e5f607": true, "-": false, "request.json": false, "./request": false, file: false,
	} {
		if got := isDecision(arg); got != want {
			t.Errorf("isDecision(%q) = %v", arg, got)
		}
	}
}

func TestDecisionReplay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, example string
		code          int
	}{
		{"replay-identical", "ReplayIdentical", exitOK},
		{"replay-different", "ReplayDifferent", exitRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.json("POST /placement/v1/decisions/d1/replay", http.StatusOK, example(t, openapi.NamePlacement, tt.example))
			got := s.command(t, "", "decision", "replay", "d1")
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d; stderr: %s", got.code, tt.code, got.stderr)
			}
			golden(t, tt.name, got.stdout)
		})
	}
}

func TestDecisionList(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("GET /placement/v1/decisions?filter=%28eq%2Ckind%2CGRANT%29%3B%28eq%2Coutcome%2CREFUSE%29", http.StatusOK, []any{
		example(t, openapi.NamePlacement, "DecisionRefuse"), example(t, openapi.NamePlacement, "DecisionGrant"),
	})
	got := s.command(t, "", "decision", "list", "--kind", "GRANT", "--outcome", "REFUSE", "-o", "wide")
	if got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	golden(t, "decisions", got.stdout)
	got = s.command(t, "", "decision", "list", "--kind", "GRANT", "--outcome", "REFUSE", "--limit", "1", "-o", "name")
	if got.stdout != "9a8b7c6d-5e4f-4321-8fed-cba987654321\n" || got.stderr != "the newest 1; --limit shows more\n" {
		t.Errorf("got %+v", got)
	}
}
