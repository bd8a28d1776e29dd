package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	remote "ringfence/api/client"
	wire "ringfence/api/directives"
	"ringfence/api/grant"
	"ringfence/openapi"
)

// feed is a service that delivers the directives of the contract's examples, which are signed with the key there.
func feed(t *testing.T, change func([]map[string]any)) *service {
	t.Helper()
	raw, err := json.Marshal(example(t, openapi.NameDirectives, "PlaceAndCache"))
	if err != nil {
		t.Fatal(err)
	}
	var batch []map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&batch); err != nil {
		t.Fatal(err)
	}
	change(batch)
	s := newService(t)
	s.json("GET /directives/v1/keys", http.StatusOK, example(t, openapi.NameDirectives, "OneKey"))
	s.json("GET /directives/v1/hosts/h02/directives?after=41", http.StatusOK, batch)
	s.json("GET /directives/v1/hosts/h02/directives?after=43", http.StatusOK, []any{})
	return s
}

func unchanged([]map[string]any) {}

func TestDirectives(t *testing.T) {
	t.Parallel()
	s := feed(t, unchanged)
	got := s.command(t, "", "directives", "h02", "--after", "41", "-o", "wide")
	if got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	golden(t, "directives", got.stdout)
	if got := s.command(t, "", "directives", "h02", "--after", "41", "-o", "json"); got.code != exitOK || strings.Count(got.stdout, `"signature"`) != 2 {
		t.Errorf("got %+v", got)
	}
}

// A reader rejects what it must not carry out. Each case is the sabotage of one check.
func TestDirectivesAreVerified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func([]map[string]any)
		want   string
	}{
		{"changed at depth", func(b []map[string]any) {
			place, _ := b[0]["place"].(map[string]any)
			place["runtime"] = "kata"
		}, "directive 42 of host h02 must not be carried out: the directive is not signed by ringfence: the signature does not verify"},
		{"a member more", func(b []map[string]any) { b[1]["extra"] = true }, "directive 43 of host h02 must not be carried out: the directive is not signed by ringfence: the signature does not verify"},
		{"no signature", func(b []map[string]any) { b[0]["signature"] = "" }, "is no detached JWS"},
		{"another's signature", func(b []map[string]any) { b[0]["signature"] = b[1]["signature"] }, "the signature does not verify"},
		{"an unknown key", func(b []map[string]any) { // {"alg":"EdDSA","kid":"x"}
			b[0]["signature"] = "eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ..AAAA"
		}, "the key is unknown"},
		{"no algorithm", func(b []map[string]any) { // {"alg":"none","kid":"2026-11"}
			b[0]["signature"] = "eyJhbGciOiJub25lIiwia2lkIjoiMjAyNi0xMSJ9..AAAA"
		}, `its header is "{\"alg\":\"none\"`},
		{"one is missing", func(b []map[string]any) { b[0], b[1] = b[1], b[0] }, "it is number 43 and follows 41, so directives are missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := feed(t, tt.change).command(t, "", "directives", "h02", "--after", "41")
			if got.code != exitServer || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("of another host", func(t *testing.T) {
		t.Parallel()
		s := feed(t, unchanged)
		s.answers["GET /directives/v1/hosts/h03/directives?after=41"] = s.answers["GET /directives/v1/hosts/h02/directives?after=41"]
		got := s.command(t, "", "directives", "h03", "--after", "41")
		if got.code != exitServer || !strings.Contains(got.stderr, `it is for host "h02"`) {
			t.Errorf("got %+v", got)
		}
	})
}

// Following polls on from the last directive until it is interrupted, which is no error.
func TestDirectivesFollow(t *testing.T) {
	t.Parallel()
	for _, form := range []string{formTable, formJSON, formYAML} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			s := feed(t, unchanged)
			s.answers["GET /directives/v1/hosts/h02/directives?after=41&wait=30s"] = s.answers["GET /directives/v1/hosts/h02/directives?after=41"]
			s.on("GET /directives/v1/hosts/h02/directives?after=43&wait=30s", func(_ http.ResponseWriter, r *http.Request) {
				interrupt()
				<-r.Context().Done()
			})
			var stdout, stderr bytes.Buffer
			code := run(ctx, process{
				args: []string{"directives", "h02", "--after", "41", "--follow", "-o", form}, stdout: &stdout, stderr: &stderr,
				getenv: func(name string) string { return map[string]string{"RINGFENCE_URL": s.url}[name] },
			})
			if code != exitOK || stderr.Len() > 0 {
				t.Fatalf("exit code %d, stderr %s", code, &stderr)
			}
			switch form {
			case formJSON:
				for line := range strings.Lines(stdout.String()) {
					if !json.Valid([]byte(line)) {
						t.Errorf("no JSON: %s", line)
					}
				}
				if n := strings.Count(stdout.String(), "\n"); n != 2 {
					t.Errorf("%d lines", n)
				}
			case formYAML:
				if n := strings.Count(stdout.String(), "---\n"); n != 2 {
					t.Errorf("%d documents", n)
				}
			default:
				golden(t, "directives-followed", stdout.String())
			}
		})
	}
}

func TestPassing(t *testing.T) {
	t.Parallel()
	for want, errs := range map[bool][]error{
		true: {&exitError{exitServer, &apiError{&remote.Problem{GrantRefusal: grant.GrantRefusal{Status: 503}}}}, &exitError{exitServer, &apiError{&remote.Problem{GrantRefusal: grant.GrantRefusal{Status: 429}}}}, &exitError{exitServer, http.ErrServerClosed}},
		false: {
			nil, http.ErrServerClosed, &exitError{exitServer, &apiError{&remote.Problem{GrantRefusal: grant.GrantRefusal{Status: 404}}}}, &exitError{exitServer, &unverifiedError{"h", 1, http.ErrServerClosed}},
		},
	} {
		for _, err := range errs {
			if got := passing(err); got != want {
				t.Errorf("passing(%v) = %v", err, got)
			}
		}
	}
}

func TestDirectiveText(t *testing.T) {
	t.Parallel()
	w := wire.WorkloadReference{ComponentID: "pfe", VNFInstanceID: "upf-2"}
	for want, d := range map[string]wire.Directive{
		"pfe of upf-2 may no longer run: terminated":                  {Kind: "RELEASE", Release: wire.ReleaseDirective{Workload: w, Reason: "terminated"}},
		"pfe of upf-2 may run on CIS node n1 with runc (VM)":          {Kind: "PLACE", Place: wire.PlaceDirective{Workload: w, Runtime: "runc", Isolation: "VM", CISNode: "n1"}},
		"images: NO_STORE, pull Always, purge on release":             {Kind: "CACHE", Cache: wire.CacheDirective{Digest: "*", Mode: "NO_STORE", PullPolicy: "Always", PurgeOnRelease: true}},
		"purge sha256:9f2c1d4e5a6b, other":                            {Kind: "PURGE", Purge: wire.PurgeDirective{Digests: []string{"sha256:9f2c1d4e5a6b7c8d", "other"}}},
		"purge the images of TD-UP":                                   {Kind: "PURGE", Purge: wire.PurgeDirective{TrustDomainID: "TD-UP"}},
		"purge all images":                                            {Kind: "PURGE", Purge: wire.PurgeDirective{All: true}},
		"clean the host, level REBOOT: why":                           {Kind: "SCRUB", Scrub: wire.ScrubDirective{Level: "REBOOT", Reason: "why"}},
		"start nothing new: why":                                      {Kind: "QUARANTINE", Quarantine: wire.QuarantineDirective{Reason: "why"}},
		"the quarantine is over: why":                                 {Kind: "UNQUARANTINE", Quarantine: wire.QuarantineDirective{Reason: "why"}},
		"this version of the command line does not know the kind NEW": {Kind: "NEW"},
	} {
		if got := directiveText(&d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
