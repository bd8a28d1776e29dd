package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"ringfence/openapi"
)

const aRequest = `{"vnfInstanceId": "upf-2", "kept": [1.50, "as it is"]}`

func TestGrant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		example string
		status  int
		args    []string
		code    int
	}{
		{"grant-vms", "VirtualMachineGrant", http.StatusCreated, nil, exitOK},
		{"grant-pod-wide", "ContainerGrant", http.StatusCreated, []string{"-o", "wide"}, exitOK},
		{"grant-name", "ContainerGrant", http.StatusCreated, []string{"-o", "name"}, exitOK},
		{"grant-yaml", "ContainerGrant", http.StatusCreated, []string{"-o", "yaml"}, exitOK},
		{"grant-terminate", "TerminateGrant", http.StatusCreated, nil, exitOK},
		{"refused-isolation", "RefusedForIsolation", http.StatusForbidden, nil, exitRefused},
		{"refused-conflict", "RefusedForConflict", http.StatusForbidden, nil, exitRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.json("POST /grant/v1/grants", tt.status, example(t, openapi.NameGrant, tt.example))
			got := s.command(t, aRequest, append([]string{"grant", "-"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d; stderr: %s", got.code, tt.code, got.stderr)
			}
			golden(t, tt.name, got.stdout)
		})
	}
}

func TestGrantSendsTheRequestAsItIs(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /grant/v1/grants", http.StatusCreated, example(t, openapi.NameGrant, "ContainerGrant"))
	s.command(t, aRequest, "grant", "-")
	got := s.last()
	if want := strings.ReplaceAll(strings.ReplaceAll(aRequest, ": ", ":"), ", ", ","); got.body != want {
		t.Errorf("sent %s, want %s", got.body, want)
	}
	if got.header.Get("Authorization") != "Bearer s3cret" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
}

func TestRefusalAsJSONIsTheProblemDocument(t *testing.T) {
	t.Parallel()
	s := newService(t)
	want := example(t, openapi.NameGrant, "RefusedForConflict")
	s.json("POST /grant/v1/grants", http.StatusForbidden, want)
	got := s.command(t, aRequest, "grant", "-", "-o", "json")
	if got.code != exitRefused || !strings.Contains(got.stdout, `"CONSTRAINT[0]"`) || !json.Valid([]byte(got.stdout)) {
		t.Errorf("got %+v", got)
	}
	if got.stderr != "" {
		t.Errorf("stderr %q", got.stderr)
	}
}

// A caller who may not ask is not refused by decision: that is an error.
func TestForbiddenIsNoRefusal(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /grant/v1/grants", http.StatusForbidden, map[string]any{"status": 403, "detail": "this operation needs the role VNFM"})
	got := s.command(t, aRequest, "grant", "-")
	if got.code != exitServer || got.stderr != "ringfence: the server answers 403: this operation needs the role VNFM\n" {
		t.Errorf("got %+v", got)
	}
}
