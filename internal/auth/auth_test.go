package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/auth"
)

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// entry is a client of a token file, whose token is its id.
func entry(id, rest string) string {
	return fmt.Sprintf(`{"id": %q, "tokenSha256": %q, %s}`, id, digest(id), rest)
}

func file(entries ...string) []byte {
	return []byte(`{"clients": [` + strings.Join(entries, ",") + `]}`)
}

func authenticate(t *testing.T, a auth.Authenticator, header string) (auth.Principal, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return a.Authenticate(r)
}

// A token file that could mean more or less than it says is refused, with the client that is wrong.
func TestTokenFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"no JSON":             {`clients:`, "token file: invalid character"},
		"unknown attribute":   {`{"clients": [], "more": 1}`, `unknown field "more"`},
		"two documents":       {string(file(entry("a", `"roles": ["VNFM"]`))) + "{}", "something follows the object"},
		"no clients":          {`{"clients": []}`, "nobody could call"},
		"no id":               {string(file(entry("", `"roles": ["VNFM"]`))), "clients[0] has no id"},
		"no digest":           {`{"clients": [{"id": "a", "tokenSha256": "secret", "roles": ["VNFM"]}]}`, `client "a": tokenSha256 is not`},
		"digest too short":    {`{"clients": [{"id": "a", "tokenSha256": "00ff", "roles": ["VNFM"]}]}`, `client "a": tokenSha256 is not`},
		"no roles":            {string(file(entry("a", `"roles": []`))), `client "a" has no roles`},
		"unknown role":        {string(file(entry("a", `"roles": ["ROOT"]`))), `client "a": unknown role "ROOT"`},
		"hosts of no agent":   {string(file(entry("a", `"roles": ["VNFM"], "hostIds": ["h1"]`))), `client "a" has hostIds`},
		"shared token":        {string(file(entry("a", `"roles": ["VNFM"]`), strings.Replace(entry("a", `"roles": ["NFVO"]`), `"a"`, `"b"`, 1))), `clients "a" and "b" share a token`},
		"agent without hosts": {string(file(entry("a", `"roles": ["AGENT"]`))), `client "a" has the role AGENT and stands for no host`},
		"agent, empty lists":  {string(file(entry("a", `"roles": ["AUDITOR", "AGENT"], "hostIds": [], "vimConnectionIds": []`))), `stands for no host`},
		"agent, empty host":   {string(file(entry("a", `"roles": ["AGENT"], "hostIds": ["h1", ""]`))), `client "a" has an empty entry`},
		"agent, empty VIM":    {string(file(entry("a", `"roles": ["AGENT"], "vimConnectionIds": [""]`))), `client "a" has an empty entry`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.ParseTokens([]byte(tc.content))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want ...%s...", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), digest("a")) {
				t.Errorf("the error tells a digest: %v", err)
			}
		})
	}
}

// What an agent stands for is what its entry says.
func TestWhatAgentsStandFor(t *testing.T) {
	t.Parallel()
	tokens, err := auth.ParseTokens(file(
		entry("one", `"roles": ["AGENT"], "hostIds": ["h1"]`), entry("vim", `"roles": ["AGENT"], "vimConnectionIds": ["v1"]`),
		entry("all", `"roles": ["AGENT"], "hostIds": ["*"]`), entry("vnfm", `"roles": ["VNFM"]`),
		entry("star", `"roles": ["AGENT"], "vimConnectionIds": ["*"]`), // no host is behind a connection of this name
	))
	if err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string]map[string]bool{
		"one":  {"h1 of v1": true, "h1 of none": true, "v1": false},
		"vim":  {"h1 of v1": true, "h2 of v1": true, "v1": true},
		"all":  {"h1 of v1": true, "h1 of none": true, "h2 of v1": true, "h2 of none": true, "v1": true, "none": true},
		"vnfm": {}, "star": {}, "nobody": {},
	} {
		p, err := authenticate(t, tokens, "Bearer "+client)
		if (err == nil) == (client == "nobody") {
			t.Fatal(client, err)
		}
		for _, host := range []string{"h1", "h2"} {
			for name, vim := range map[string]string{"v1": "v1", "none": ""} {
				if got := p.ActsFor(host, vim); got != want[host+" of "+name] {
					t.Errorf("%s for %s behind %q: %v", client, host, vim, got)
				}
				if got := p.ActsForVIM(vim); got != want[name] {
					t.Errorf("%s for connection %q: %v", client, vim, got)
				}
			}
		}
	}
}

// Only a known bearer token says who calls.
func TestTokensTellWhoCalls(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(name, file(entry("a", `"roles": ["VNFM", "AUDITOR"]`), entry("b", `"roles": ["NFVO"]`)), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err := auth.LoadTokenFile(name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	tokens := auth.NewTokens(registry)
	for header, want := range map[string]error{
		"": auth.ErrMissing, "a": auth.ErrMalformed, "Bearer": auth.ErrMalformed, "Bearer ": auth.ErrMalformed, "Bearer a b": auth.ErrMalformed,
		"Basic a": auth.ErrMalformed, "Bearer c": auth.ErrInvalid, "Bearer " + digest("a"): auth.ErrInvalid, "Bearer a": nil, "bearer b": nil,
	} {
		if p, err := authenticate(t, tokens, header); !errors.Is(err, want) || (err != nil) != (p.ClientID == "") {
			t.Errorf("%q: %v, %v; want %v", header, p, err, want)
		}
	}
	p, err := authenticate(t, tokens, "Bearer a")
	if diff := cmp.Diff(auth.Principal{ClientID: "a", Roles: []auth.Role{auth.RoleVNFM, auth.RoleAuditor}}, p); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !p.Has(auth.RoleNFVO, auth.RoleAuditor) || p.Has(auth.RoleOperator) || p.Has() {
		t.Errorf("roles of %v", p)
	}
	if _, err := auth.LoadTokenFile(name+".missing", slog.New(slog.DiscardHandler)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// A context without a principal is nobody; the dev profile's is everybody.
func TestPrincipalsOfContexts(t *testing.T) {
	t.Parallel()
	if p := auth.FromContext(t.Context()); p.Has(auth.Roles()...) || p.ActsFor("h1", "") {
		t.Errorf("nobody is %v", p)
	}
	dev, err := authenticate(t, auth.Anyone{}, "")
	if err != nil {
		t.Fatal(err)
	}
	p := auth.FromContext(auth.NewContext(t.Context(), dev))
	for _, r := range auth.Roles() {
		if !p.Has(r) {
			t.Errorf("dev has not %s", r)
		}
	}
	if !p.ActsFor("h1", "") || !p.ActsForVIM("v1") {
		t.Errorf("dev does not act for every host: %v", p)
	}
}

func TestDelegations(t *testing.T) {
	t.Parallel()
	nfvo := auth.Principal{ClientID: "nfvo", Roles: []auth.Role{auth.RoleNFVO}, Delegations: []auth.Delegation{{ClientID: "all"}, {ClientID: "some", VNFInstanceIDs: []string{"v1"}}}}
	vnfm := nfvo
	vnfm.ClientID, vnfm.Roles = "vnfm", []auth.Role{auth.RoleVNFM}
	for _, c := range []struct {
		who         auth.Principal
		client, vnf string
		want        bool
	}{
		{nfvo, "nfvo", "v9", true},
		{nfvo, "all", "v9", true},
		{nfvo, "some", "v1", true},
		{nfvo, "some", "v2", false},
		{nfvo, "none", "v1", false},
		{nfvo, "", "v1", false},
		{vnfm, "vnfm", "v1", true},
		{vnfm, "all", "v1", false},
		{auth.Principal{}, "", "v1", false},
	} {
		if got := c.who.SpeaksFor(c.client, c.vnf); got != c.want {
			t.Errorf("%s speaks for %q about %s: %t, want %t", c.who.ClientID, c.client, c.vnf, got, c.want)
		}
	}
	for _, bad := range []string{
		`{"id": "a", "tokenSha256": "` + strings.Repeat("0", 64) + `", "roles": ["VNFM"], "delegations": [{"clientId": "b"}]}`,
		`{"id": "a", "tokenSha256": "` + strings.Repeat("0", 64) + `", "roles": ["NFVO"], "delegations": [{}]}`,
		`{"id": "a", "tokenSha256": "` + strings.Repeat("0", 64) + `", "roles": ["NFVO"], "delegations": [{"clientId": "b", "vnfInstanceIds": [""]}]}`,
	} {
		if _, err := auth.ParseTokens([]byte(`{"clients": [` + bad + `]}`)); err == nil || !strings.Contains(err.Error(), "delegation") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
