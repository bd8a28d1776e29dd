package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/api/common"
	wire "ringfence/api/nfvpolicy"
	placementwire "ringfence/api/placement"
)

const goodPolicy = `apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1.1.0"
rules:
  - id: R-POOL
    kind: domain-permit
    rationale: hosts run what their pool permits
`

func policyFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "core.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func aPolicy(id, name string, active bool, versions ...string) wire.Policy {
	v := wire.Policy{
		ID: id, Name: name, Designer: "security", ActivationStatus: wire.ActivationStatusDEACTIVATED, TransferStatus: wire.TransferStatusCREATED,
		Versions: versions,
	}
	if active {
		v.ActivationStatus = wire.ActivationStatusACTIVATED
	}
	if len(versions) > 0 {
		v.SelectedVersion, v.TransferStatus = versions[0], wire.TransferStatusTRANSFERRED
	}
	return v
}

// answered is a service with policies, of which p1 is the first.
func answered(t *testing.T, policies ...wire.Policy) *service {
	t.Helper()
	s := newService(t)
	s.json("GET /nfvpolicy/v1/policies", http.StatusOK, policies)
	if len(policies) > 0 {
		s.json("GET /nfvpolicy/v1/policies/p1", http.StatusOK, policies[0])
	}
	s.json("PATCH /nfvpolicy/v1/policies/p1", http.StatusOK, map[string]any{})
	analysis := placementwire.PolicyAnalysis{
		PolicyID: "p1", Version: "1.1.0", ComparedTo: "1.0.0",
		Findings: []common.Finding{{Severity: common.FindingSeverityWARNING, Code: "NO_HOST_NOW", Message: "trust domain TD-A: no host"}},
		Changes:  []placementwire.RuleChange{{RuleID: "R-POOL", Direction: placementwire.ChangeDirectionSTRICTER, Message: "rule R-POOL is stricter: subject changed"}},
		Impact: placementwire.PolicyImpact{
			HostsTotal: 3, TrustDomains: []placementwire.TrustDomainImpact{{TrustDomainID: "TD-A", Eligible: placementwire.BeforeAfter{Before: 2}}},
			Components: []placementwire.ComponentImpact{{
				VNFDID: "amf", ComponentID: "sig", TrustDomainID: "TD-A", Eligible: placementwire.BeforeAfter{Before: 2}, Free: placementwire.BeforeAfter{Before: 1},
				NearestMiss: placementwire.RejectedHost{HostID: "h1", Reasons: []placementwire.Reason{{RuleID: "R-POOL"}}},
			}},
			Residencies: placementwire.ResidencyImpact{
				Checked: 9, New: 1, Violating: placementwire.BeforeAfter{After: 1},
				Listed: []placementwire.ResidencyViolation{{ResidencyID: "amf-1", HostID: "h1", Reason: placementwire.Reason{RuleID: "R-POOL", Message: "R-POOL: the pool does not permit it"}}},
			},
		},
	}
	s.json("GET /placement/v1/policies/p1/versions/1.1.0/analysis", http.StatusOK, analysis)
	s.json("GET /placement/v1/policies/p1/versions/1.1.0/analysis?compareTo=1.0.0", http.StatusOK, analysis)
	s.on("PUT /nfvpolicy/v1/policies/p1/versions/1.1.0", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	return s
}

func TestPolicyApply(t *testing.T) {
	t.Parallel()
	const (
		lists    = "GET /nfvpolicy/v1/policies"
		creates  = "POST /nfvpolicy/v1/policies"
		reads    = "GET /nfvpolicy/v1/policies/p1"
		puts     = "PUT /nfvpolicy/v1/policies/p1/versions/1.1.0"
		readsPut = "GET /nfvpolicy/v1/policies/p1/versions/1.1.0"
		patches  = "PATCH /nfvpolicy/v1/policies/p1"
		analyses = "GET /placement/v1/policies/p1/versions/1.1.0/analysis"
		found    = "name: WARNING NO_HOST_NOW: trust domain TD-A: no host\n"
	)
	for _, tt := range []struct {
		name   string
		have   []wire.Policy
		stored string // the version that is there already
		args   []string
		want   []string
		patch  string
		code   int
		stderr string
	}{
		{name: "a new policy", want: []string{lists, creates, puts, analyses, reads}},
		{name: "a new version", have: []wire.Policy{aPolicy("p1", "core", true, "1.0.0")}, want: []string{lists, puts, analyses, reads}},
		{
			name: "a new version is put in force", have: []wire.Policy{aPolicy("p1", "core", true, "1.0.0")}, args: []string{"--activate"},
			want: []string{lists, puts, analyses, reads, patches, reads}, patch: `{"selectedVersion":"1.1.0"}`,
		},
		{
			name: "a first version is put in force", have: []wire.Policy{aPolicy("p1", "core", false, "1.1.0")}, args: []string{"--activate"},
			want: []string{lists, puts, analyses, reads, patches, reads}, patch: `{"activationStatus":"ACTIVATED"}`,
		},
		{
			name: "named by its id", have: []wire.Policy{aPolicy("p1", "other", true, "1.1.0"), aPolicy("p2", "core", true)},
			args: []string{"--name", "p1", "--activate"}, want: []string{lists, puts, analyses, reads, reads},
		},
		{
			name: "the same document again", have: []wire.Policy{aPolicy("p1", "core", true, "1.1.0")}, stored: goodPolicy,
			want: []string{lists, puts, readsPut, analyses, reads}, stderr: "version 1.1.0 is there already, just so\n",
		},
		{
			name: "another document under the same version", have: []wire.Policy{aPolicy("p1", "core", true, "1.1.0")}, stored: "# another",
			want: []string{lists, puts, readsPut}, code: exitServer,
			stderr: "ringfence: version 1.1.0 of policy core is another document already; versions are written once, so give this one another policyVersion\n",
		},
		{
			name: "two of the same name", have: []wire.Policy{aPolicy("p1", "core", true), aPolicy("p2", "core", true)}, want: []string{lists},
			code: exitLocal, stderr: "ringfence: 2 policies are named \"core\"; say which one by its id: p1, p2\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := answered(t, tt.have...)
			if len(tt.have) == 0 {
				created := aPolicy("p1", "core", false)
				s.json(creates, http.StatusCreated, created)
				s.json(reads, http.StatusOK, created)
			}
			if tt.stored != "" {
				s.json(puts, http.StatusConflict, map[string]any{"status": 409, "detail": "version 1.1.0 was transferred already"})
				s.on(readsPut, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tt.stored)) })
			}
			got := s.command(t, "", append([]string{"policy", "apply", policyFile(t, goodPolicy)}, tt.args...)...)
			want := tt.stderr
			if slices.Contains(tt.want, analyses) {
				want += found
			}
			if stderr := regexp.MustCompile(`(?m)^/.*core\.yaml: `).ReplaceAllString(got.stderr, "name: "); got.code != tt.code || stderr != want {
				t.Errorf("exit code %d, stderr %q, want %q", got.code, stderr, want)
			}
			if diff := cmp.Diff(tt.want, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for _, r := range s.got {
				if strings.HasPrefix(r.line, "PATCH") && r.body != tt.patch {
					t.Errorf("patched with %s", r.body)
				}
				if strings.HasPrefix(r.line, "PUT") && (r.body != goodPolicy || r.header.Get("Content-Type") != typePolicyYAML) {
					t.Errorf("transferred %q as %s", r.body, r.header.Get("Content-Type"))
				}
			}
		})
	}
}

// What the service finds in a document is shown as what this program finds.
func TestPolicyApplyRefusedByTheService(t *testing.T) {
	t.Parallel()
	s := answered(t, aPolicy("p1", "core", true, "1.0.0"))
	s.json("PUT /nfvpolicy/v1/policies/p1/versions/1.1.0", 422, map[string]any{
		"status": 422, "detail": "the policy document is refused",
		"findings": []any{map[string]any{"severity": "ERROR", "code": "NEWER", "line": 5, "column": 11, "message": "not so"}},
	})
	got := s.command(t, "", "policy", "apply", policyFile(t, goodPolicy))
	if got.code != exitRefused || !strings.Contains(got.stderr, "core.yaml:5:11: ERROR NEWER: not so\n    5 |   - id: R-POOL\n") {
		t.Errorf("got %+v", got)
	}
}

func TestPolicyActivate(t *testing.T) {
	t.Parallel()
	s := answered(t, aPolicy("p1", "core", false, "1.0.0", "1.1.0"))
	got := s.command(t, "", "policy", "activate", "core", "1.1.0")
	if got.code != exitOK || s.got[1].body != `{"activationStatus":"ACTIVATED","selectedVersion":"1.1.0"}` || s.got[1].header.Get("Content-Type") != typeMergePatch {
		t.Errorf("got %+v, sent %+v", got, s.got)
	}
	golden(t, "policy", got.stdout)
	if got := s.command(t, "", "policy", "activate", "core", "1.1.0", "--break-glass", "INC-1: all refused"); got.code != exitOK ||
		s.got[4].header.Get("Ringfence-Break-Glass") != "INC-1: all refused" {
		t.Errorf("got %+v, sent %+v", got, s.got)
	}
	if got := s.command(t, "", "policy", "activate", "cor"); got.code != exitServer || !strings.Contains(got.stderr, `no policy with the id or name "cor"`) {
		t.Errorf("got %+v", got)
	}
	broken := aPolicy("p1", "core", true, "1.0.0")
	broken.BreakGlass = wire.BreakGlass{By: "ann", Reason: "INC-1", Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	unconfirmed := answered(t, broken)
	if got := unconfirmed.command(t, "", "policy", "activate", "core"); unconfirmed.got[1].body != `{"selectedVersion":"1.0.0"}` ||
		!strings.Contains(got.stdout, "alone      ann put it in force alone, which somebody else has to confirm until 2026-01-02T03:04:05Z: INC-1\n") {
		t.Errorf("got %+v, sent %+v", got, unconfirmed.got)
	}
	empty := answered(t, aPolicy("p1", "core", false))
	if got := empty.command(t, "", "policy", "activate", "core"); got.code != exitLocal || !strings.Contains(got.stderr, "has no version yet") {
		t.Errorf("got %+v", got)
	}
}

func TestPolicyListAndShow(t *testing.T) {
	t.Parallel()
	s := answered(t, aPolicy("p1", "core", true, "1.0.0", "1.1.0"), aPolicy("p2", "edge", false))
	golden(t, "policies", s.command(t, "", "policy", "list", "-o", "wide").stdout)
	s.on("GET /nfvpolicy/v1/policies/p1/selected_versions", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(goodPolicy)) })
	if got := s.command(t, "", "policy", "show", "core", "--content"); got.stdout != goodPolicy {
		t.Errorf("got %+v", got)
	}
	s.on("GET /nfvpolicy/v1/policies/p1/versions/1.1.0", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(goodPolicy)) })
	if got := s.command(t, "", "policy", "show", "p1", "1.1.0"); got.stdout != goodPolicy {
		t.Errorf("got %+v", got)
	}
}
