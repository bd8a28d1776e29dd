package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// TestNFVOAgrees: at once and when it is polled, in both dialects; what it adds reaches the VNFM, and it is asked once.
func TestNFVOAgrees(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		dialect stub.Dialect
		spec    string
		later   int
	}{
		"in the newer dialect": {stub.TackerV2, specGrant331, 0},
		"in the older dialect": {stub.TackerV1, specGrant241, 0},
		"when it is polled":    {stub.TackerV2, specGrant331, 2},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newNFVOWorld(t, nfvoWorldOptions{later: c.later, timeout: 5 * time.Second, decide: func(_ *http.Request, request map[string]any) (int, any) {
				g := stub.Agreed(request)
				g["extManagedVirtualLinks"] = []map[string]any{{"id": "net", "vnfVirtualLinkDescId": "vl", "vimConnectionId": "vim-north", "resourceId": "net-7"}}
				g["additionalParams"] = map[string]any{"licence": "L-7"}
				return http.StatusCreated, g
			}})
			w.vnfm.Dialect = c.dialect
			r := w.request()
			first := w.answered(r, http.StatusCreated)
			var g map[string]any
			if err := json.Unmarshal(first.Body, &g); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(g["extManagedVirtualLinks"]) == "<nil>" {
				t.Errorf("what the NFVO adds is missing: %s", first.Body)
			}
			if params, _ := g["additionalParams"].(map[string]any); params["licence"] != nil {
				t.Errorf("additionalParams of the NFVO are handed on: %v", params)
			}
			if again := w.answered(r, http.StatusCreated); string(again.Body) != string(first.Body) {
				t.Errorf("answered again:\n%s\nat first:\n%s", again.Body, first.Body)
			}
			if asked := w.nfvo.Asked(); len(asked) != 1 {
				t.Errorf("the NFVO was asked %d times", len(asked))
			}
			w.judge(c.spec)
			want := granted()
			want.Directives = []string{"PLACE a 1", "PLACE b 1"}
			w.holds("agreed", want)
		})
	}
}

// TestEveryAnswerOfAnNFVO: it is refused or to be asked for again, all is given back, and the same request is granted once the NFVO agrees.
func TestEveryAnswerOfAnNFVO(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		decide decideFunc
		status int
		state  string
	}{
		"refuses": {func(*http.Request, map[string]any) (int, any) {
			return http.StatusForbidden, map[string]any{"status": 403, "detail": "no licence left"}
		}, http.StatusForbidden, "REFUSED"},
		"narrows to another zone": {func(_ *http.Request, request map[string]any) (int, any) {
			g := stub.Agreed(request)
			g["zones"] = []map[string]any{{"id": "z", "zoneId": "nova:elsewhere", "vimConnectionId": "vim-north"}}
			g["addResources"].([]map[string]any)[0]["zoneId"] = "z"
			return http.StatusCreated, g
		}, http.StatusServiceUnavailable, "FAILED"},
		"narrows to one resource": {func(_ *http.Request, request map[string]any) (int, any) {
			g := stub.Agreed(request)
			g["addResources"] = g["addResources"].([]map[string]any)[:1]
			return http.StatusCreated, g
		}, http.StatusServiceUnavailable, "FAILED"},
		"is slow": {func(r *http.Request, _ map[string]any) (int, any) {
			<-r.Context().Done()
			return http.StatusCreated, nil
		}, http.StatusServiceUnavailable, "FAILED"},
		"goes down": {func(*http.Request, map[string]any) (int, any) {
			panic(http.ErrAbortHandler)
		}, http.StatusServiceUnavailable, "FAILED"},
		"talks nonsense": {func(*http.Request, map[string]any) (int, any) {
			return http.StatusCreated, []string{"granted"}
		}, http.StatusServiceUnavailable, "FAILED"},
		"talks too much": {func(_ *http.Request, request map[string]any) (int, any) {
			g := stub.Agreed(request)
			g["additionalParams"] = map[string]any{"novel": strings.Repeat("x", 8<<20)}
			return http.StatusCreated, g
		}, http.StatusServiceUnavailable, "FAILED"},
		"is broken": {func(*http.Request, map[string]any) (int, any) { return http.StatusInternalServerError, nil }, http.StatusServiceUnavailable, "FAILED"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newNFVOWorld(t, nfvoWorldOptions{timeout: 2 * time.Second, decide: c.decide})
			r := w.request()
			a := w.answered(r, c.status)
			if again := a.Header.Get("Retry-After"); (again != "") != (c.status == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After is %q", again)
			}
			nothing := relayBooks{Upstream: []string{c.state + " given back"}, Directives: []string{"PLACE a 1", "PLACE b 1", "RELEASE a 1", "RELEASE b 1"}}
			w.holds("not agreed", nothing)
			if asked := w.nfvo.Asked(); len(asked) != 1 {
				t.Errorf("the NFVO was asked %d times", len(asked))
			}
			w.nfvo.Decide = nil
			w.answered(r, http.StatusCreated)
			if b := w.books(); fmt.Sprint(b.Residencies) != "[a RESERVED b RESERVED]" || b.Upstream[len(b.Upstream)-1] != "AGREED kept" {
				t.Errorf("the NFVO agrees at last: %v", b)
			}
		})
	}
}

// TestNFVOIsNotWhoItWas: nothing is told to an NFVO whose certificate is another authority's, and nothing is granted.
func TestNFVOIsNotWhoItWas(t *testing.T) {
	t.Parallel()
	w := newNFVOWorld(t, nfvoWorldOptions{timeout: 2 * time.Second, stranger: true})
	w.answered(w.request(), http.StatusServiceUnavailable)
	w.holds("another certificate", relayBooks{Upstream: []string{"FAILED given back"}, Directives: []string{"PLACE a 1", "PLACE b 1", "RELEASE a 1", "RELEASE b 1"}})
	if asked := w.nfvo.Asked(); len(asked) != 0 {
		t.Errorf("it was told %v", asked)
	}
}
