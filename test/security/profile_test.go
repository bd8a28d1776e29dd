package security

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/server"
)

// TestSecuredProfile shows the production profile to a person (`make demo-secured`): mutual TLS, and tokens of a real authorization server
// that are bound to certificates.
func TestSecuredProfile(t *testing.T) {
	t.Parallel()
	s := &site{tls: server.NewTLS(t), clientFile: filepath.Join(t.TempDir(), "clients.json")}
	issue := func(name string) *pki.Identity { return s.tls.Authority.Issue(t, pki.Leaf{Name: name}) }
	s.vnfm = issue("vnfm")
	auditor, thief := issue("auditor"), issue("thief")
	as := authserver.Start(t, s.tls.Authority, audience,
		authserver.Client{ID: "vnfm", Secret: "secret-of-vnfm", Certificate: s.vnfm.Certificate},
		authserver.Client{ID: "auditor", Secret: "secret-of-auditor", Certificate: auditor.Certificate, Scopes: []string{"ringfence:auditor", "ringfence:approver"}},
		authserver.Client{ID: "gone", Secret: "secret-of-gone", Certificate: thief.Certificate})
	s.run(t, as.Issuer)
	const policies = "/nfvpolicy/v1/policies"
	ofVNFM, ofAuditor := as.Token(t, "vnfm", "", s.vnfm), as.Token(t, "auditor", "", auditor)
	narrow := as.Token(t, "auditor", "", auditor, "ringfence:approver")
	out := &strings.Builder{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHO\tASKS FOR\tANSWER\tWHY")
	for _, c := range []struct {
		who    string
		client *http.Client
		token  string
		path   string
		want   int
	}{
		{"nobody", s.tls.Client(t), "", decisions, 401},
		{"the VNFM, with its token over its certificate", s.tls.Client(t, s.vnfm), ofVNFM, decisions, 200},
		{"the VNFM's token without a certificate", s.tls.Client(t), ofVNFM, decisions, 401},
		{"a thief with the VNFM's token, over a certificate of its own", s.tls.Client(t, thief), ofVNFM, decisions, 401},
		{"a thief with a token of its own making", s.tls.Client(t, thief), strings.Repeat("a", 40), decisions, 401},
		{"the VNFM, which is no auditor", s.tls.Client(t, s.vnfm), ofVNFM, policies, 403},
		{"the auditor", s.tls.Client(t, auditor), ofAuditor, policies, 200},
		{"the auditor, about callers who were refused", s.tls.Client(t, auditor), ofAuditor, "/placement/v1/access_refusals", 200},
		{"the auditor, with a token for its other role alone", s.tls.Client(t, auditor), narrow, "/placement/v1/access_refusals", 403},
		{"a client that the operator has disabled", s.tls.Client(t, thief), as.Token(t, "gone", "", thief), decisions, 401},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", "Bearer " + c.token}
		}
		status, challenge, body := s.get(t, c.client, c.path, headers...)
		if status != c.want {
			t.Errorf("%s: %d %s %s, want %d", c.who, status, challenge, body, c.want)
		}
		var problem struct{ Detail string }
		if status >= http.StatusBadRequest && json.Unmarshal([]byte(body), &problem) != nil {
			t.Errorf("%s: %s", c.who, body)
		}
		_, _ = fmt.Fprintf(table, "%s\tGET %s\t%d %s\t%s\n", c.who, c.path, status, http.StatusText(status), problem.Detail)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		_, _ = fmt.Fprint(os.Stdout, out)
	}
}
