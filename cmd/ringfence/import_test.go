package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestImport(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /inventory/v1/imports", http.StatusOK, map[string]any{
		"policyEpoch": 3, "changeSeq": "1.2",
		"counts": map[string]any{
			"hosts":        map[string]int{"created": 10, "updated": 2, "unchanged": 0},
			"trustDomains": map[string]int{"created": 0, "updated": 0, "unchanged": 9},
			"images":       map[string]int{"created": 0, "updated": 0, "unchanged": 0},
		},
	})
	got := s.command(t, "kind: Inventory\n", "import", "-")
	if got.code != exitOK || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "import", got.stdout)
	if last := s.last(); last.header.Get("Content-Type") != typeYAML || last.body != "kind: Inventory\n" {
		t.Errorf("sent %q as %s", last.body, last.header.Get("Content-Type"))
	}
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var findings []any
	for i := range 52 {
		findings = append(findings, map[string]any{
			"severity": "ERROR", "code": "UNKNOWN_REFERENCE", "line": 3, "column": 5 + i, "pointer": "/hosts/0", "message": "there is no pool",
		})
	}
	s.json("POST /inventory/v1/imports", 422, map[string]any{"status": 422, "detail": "52 faults", "findings": findings})
	file := filepath.Join(t.TempDir(), "fleet.json")
	if err := os.WriteFile(file, []byte("{\n\"hosts\": [\n    {\"id\": 1}\n]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := s.command(t, "", "import", file)
	if got.code != exitRefused || got.stdout != "" {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{
		file + ":3:5: ERROR UNKNOWN_REFERENCE: there is no pool\n    3 |     {\"id\": 1}\n      |     ^\n",
		"... and 2 more; -o json shows all\n", "ringfence: " + file + " is refused: 52 faults\n",
	} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("no %q in %s", want, got.stderr)
		}
	}
	if last := s.last(); last.header.Get("Content-Type") != typeJSON {
		t.Errorf("sent as %s", last.header.Get("Content-Type"))
	}
	if got := s.command(t, "", "import", file, "-o", "json"); got.code != exitRefused || strings.Count(got.stdout, "UNKNOWN_REFERENCE") != 52 {
		t.Errorf("got %+v", got)
	}
}

func TestDocumentType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"a.json", "kind: Inventory", typeJSON},
		{"a.YML", "{}", typeYAML},
		{"-", " \n\t{\"kind\": 1}", typeJSON},
		{"-", "# {\nkind: Inventory", typeYAML},
		{"-", "", typeYAML},
	} {
		if got := documentType(tt.name, bufio.NewReader(strings.NewReader(tt.content))); got != tt.want {
			t.Errorf("%s with %q is %s", tt.name, tt.content, got)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("GET /inventory/v1/export", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintln(w, r.Header.Get("Accept")) })
	for form, accept := range map[string]string{"yaml": typeYAML, "json": typeJSON} {
		if got := s.command(t, "", "export", "-o", form); got.stdout != accept+"\n" {
			t.Errorf("%s: %+v", form, got)
		}
	}
	s.on("GET /inventory/v1/export", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "kind: Inventory\n")
	})
	if got := s.command(t, "", "export"); got.code != exitServer || !strings.Contains(got.stderr, "the export is not complete") {
		t.Errorf("half an export: %+v", got)
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	m := newMeter(&shown, strings.NewReader(strings.Repeat("x", 3<<10)), 4<<10)
	if _, err := io.ReadFull(m, make([]byte, 3<<10)); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if got := m.line(time.Time{}, now); got != "sending 3.0 KiB of 4.0 KiB (75%)" {
		t.Errorf("got %q", got)
	}
	m.total = -1
	if got := m.line(time.Time{}, now); got != "sending 3.0 KiB" {
		t.Errorf("got %q", got)
	}
	if got := m.line(now.Add(-12*time.Second), now); got != "sent 3.0 KiB, being checked and applied ... 12s" {
		t.Errorf("got %q", got)
	}
	m.stop()
	if shown.Len() > 0 {
		t.Errorf("shown where there is no terminal: %q", shown.String())
	}
	if got := size(5 << 20); got != "5.0 MiB" {
		t.Errorf("got %q", got)
	}
}
