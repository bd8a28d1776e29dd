package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// list reads a list to its last page.
func list[T any](d *deployment, role, path string) []T {
	d.t.Helper()
	var all []T
	for path != "" {
		var page []T
		answer := d.do(role, http.MethodGet, path, nil, &page)
		all = append(all, page...)
		path = nextPage(d.t, answer.Header)
	}
	return all
}

// nextPage is the path that the Link header of a page leads to; empty on the last.
func nextPage(t testing.TB, header http.Header) string {
	t.Helper()
	link := header.Get("Link")
	if link == "" {
		return ""
	}
	target, rest, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	next, err := url.Parse(target)
	if err != nil || !next.IsAbs() || !strings.Contains(rest, `rel="next"`) {
		t.Fatalf("the Link header is %q", link)
	}
	return next.RequestURI()
}

// problem expects an error to be a problem document of a status.
func (d *deployment) problem(status int, err error) *stub.Problem {
	d.t.Helper()
	var p *stub.Problem
	if !errors.As(err, &p) {
		d.t.Fatalf("expected a problem of status %d, got: %v", status, err)
	}
	if p.Status != status {
		d.t.Fatalf("expected status %d, got: %v", status, p)
	}
	return p
}

// granted asks for a grant that must be given.
func (d *deployment) granted(v *stub.VNFM, r *stub.GrantRequest) *stub.Grant {
	d.t.Helper()
	g, err := v.Ask(d.t.Context(), r)
	if err != nil {
		d.t.Fatalf("%s of %s: %v", r.Operation, r.VNFInstanceID, err)
	}
	return g
}

// refused asks for a grant that must be refused.
func (d *deployment) refused(v *stub.VNFM, r *stub.GrantRequest) *stub.Problem {
	d.t.Helper()
	g, err := v.Ask(d.t.Context(), r)
	if err == nil {
		d.t.Fatalf("%s of %s is granted: %v", r.Operation, r.VNFInstanceID, g.Hosts())
	}
	p := d.problem(http.StatusForbidden, err)
	if !p.Refused() {
		d.t.Fatalf("the problem has no decision: %v", p)
	}
	return p
}

// rules are the ids of the rules that a refusal names.
func rules(p *stub.Problem) []string {
	ids := []string{}
	for _, v := range p.Violations {
		ids = append(ids, v.RuleID)
	}
	return ids
}

// instantiate is the request to instantiate a VNF with resources of one component; their ids are those given, after the
// VNF instance's.
func instantiate(v *stub.VNFM, vnfdID, vnfInstanceID, component string, ids ...string) *stub.GrantRequest {
	r := v.NewRequest("INSTANTIATE", vnfdID, vnfInstanceID)
	for _, id := range ids {
		r.AddResources = append(r.AddResources, v.Resource(id, component))
	}
	return r
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, within time.Duration, what string, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !yes() {
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("after %s still not so: %s", within, what)
		}
	}
}

// settle lets the NFVI follow its directives.
func (d *deployment) settle(n *stub.NFVI) {
	d.t.Helper()
	if _, err := n.Settle(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// report lets one host report what it sees.
func (d *deployment) report(n *stub.NFVI, hostID string) stub.Observation {
	d.t.Helper()
	o, err := n.Agent(hostID).Report(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return o
}

// encode is the JSON text of a value.
func encode(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// contextAfter is a context for what runs once the test's own has ended.
func contextAfter(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }
