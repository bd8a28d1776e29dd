package httpapi_test

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"ringfence/internal/delivery"
	"ringfence/internal/placement"
	"ringfence/internal/postgres"
)

// TestFeedWithoutLI fills the feed of a VIM connection with more directives of hosts for lawful interception than a page has, before and
// after one that everybody may know: who is not cleared gets that one at once, and then waits as if there were no more.
func TestFeedWithoutLI(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	doc := fleet()
	addLI(doc)
	if _, err := a.store.Import(t.Context(), doc, true, placement.EndRules{}, "root", nil); err != nil {
		t.Fatal(err)
	}
	scrub := func(host string, times int) {
		for range times {
			a.do(call{as: "root", method: "POST", path: "/directives/v1/hosts/" + host + "/scrub_orders", body: object{"level": "CACHE_PURGE", "reason": "test"}}).want(201)
		}
	}
	scrub("li-1", delivery.Limit+1)
	scrub("h1", 1)
	scrub("li-1", 1)
	feed := func(as, more string) answer {
		return a.do(call{as: as, path: "/directives/v1/directives?vimConnectionId=vim-1" + more}).want(200)
	}
	// A directive is told when every transaction that began before its own has ended, those of other tests' databases too.
	cleared := feed("root", "").list()
	for deadline := time.Now().Add(30 * time.Second); len(cleared) < delivery.Limit && time.Now().Before(deadline); {
		<-time.After(20 * time.Millisecond)
		cleared = feed("root", "").list()
	}
	if len(cleared) != delivery.Limit {
		t.Fatalf("who is cleared is told %d directives", len(cleared))
	}
	got := feed("auditor", "&wait=30s")
	if list := got.list(); len(list) != 1 || list[0]["hostId"] != "h1" {
		t.Fatalf("who is not cleared is told %s", got.body)
	}
	marker := regexp.MustCompile(`marker=([^&>]+)`).FindStringSubmatch(got.header.Get("Link"))
	if marker == nil {
		t.Fatalf("Link %q", got.header.Get("Link"))
	}
	const wait = 700 * time.Millisecond
	began := time.Now()
	if list := feed("auditor", "&wait="+wait.String()+"&marker="+url.QueryEscape(marker[1])).list(); len(list) != 0 {
		t.Errorf("after the marker: %v", list)
	}
	if took := time.Since(began); took < wait {
		t.Errorf("the wait ended after %s: something happened that this caller may not know", took)
	}
}

// TestPendingChangeOfLI: a change that waits and is about lawful interception is not there for an approver who is not cleared.
func TestPendingChangeOfLI(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	id := a.write("root", "PUT", "trust_domains/TD-LI", object{
		"id": "TD-LI", "category": "LI", "sensitivity": 4, "exclusive": true, "requiresPhysicalSecurity": false,
	}).pending()
	for _, what := range []string{"", "/approve", "/reject", "/analysis"} {
		c := call{as: "approver", method: "POST", path: pendingPath + "/" + id + what}
		if what == "" {
			c.method = "GET"
		}
		if what == "/reject" {
			c.body = object{"reason": "test"}
		}
		if what == "/analysis" {
			c.method, c.path = "GET", "/placement/v1/pending_changes/"+id+what
		}
		a.do(c).problem(404)
	}
	if state := a.do(call{as: "root", path: pendingPath + "/" + id}).want(200).object()["state"]; state != "PENDING" {
		t.Errorf("it is %v now", state)
	}
}
