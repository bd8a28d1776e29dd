package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// again checks an answer that says to come back: the problem document, and when.
func (w answer) again(o operation, status int) {
	w.t.Helper()
	if p := w.problem(status); p["detail"] == "" || w.header.Get("Version") == "" {
		w.t.Errorf("%s: %v, %v", o.OperationID, p, w.header)
	}
	if seconds, err := strconv.Atoi(w.header.Get("Retry-After")); err != nil || seconds < 1 {
		w.t.Errorf("%s: Retry-After %q", o.OperationID, w.header.Get("Retry-After"))
	}
	if o.Responses.Value(strconv.Itoa(status)) == nil {
		w.t.Errorf("%s answers %d, which its contract does not have", o.OperationID, status)
	}
}

// plain is a call of an operation with nothing to work on.
func (o operation) plain(as string) call {
	c := call{as: as, method: o.method, path: o.url(), header: map[string]string{}}
	if o.required() != "" {
		c.path += "?" + o.required()
	}
	if o.RequestBody != nil {
		c.header["Content-Type"], c.body = o.mediaType(), "{}"
	}
	return c
}

// Every operation tells a client that asks too often when to come back.
func TestEveryOperationIsLimited(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.server.RequestsPerSecond = 1
	for _, o := range operations(t) {
		var got answer
		for range 50 { // the first are answered; who is quick gets another one in every second
			if got = a.do(o.plain("root")); got.status == http.StatusTooManyRequests {
				break
			}
		}
		got.again(o, http.StatusTooManyRequests)
	}
}

// stateless are the operations that need no database.
var stateless = []string{"getApiVersions", "getApiVersionsOfV1", "getApiVersionsOfV2", "getPolicySchema", "listKeys", "testVnfLcmNotification"}

// Every operation that reads something tells its client to come back when the database is away.
func TestEveryReaderOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.store.Close()
	for _, o := range operations(t) {
		if o.method != http.MethodGet {
			continue
		}
		got := a.do(o.plain("root"))
		if slices.Contains(stateless, o.OperationID) {
			if got.status >= 300 {
				t.Errorf("%s: %d %s", o.OperationID, got.status, got.body)
			}
			continue
		}
		got.again(o, http.StatusServiceUnavailable)
	}
}

// What does not exist is answered 404 with what it would be, by every operation that only reads or deletes it.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, o := range operations(t) {
		if !strings.Contains(o.path, "{") || o.method != http.MethodGet && o.method != http.MethodDelete {
			continue
		}
		p := a.do(o.plain("root")).problem(404)
		if detail := fmt.Sprint(p["detail"]); !strings.Contains(detail, "x1") && !strings.Contains(detail, "sha256:abc") {
			t.Errorf("%s: %q", o.OperationID, detail)
		}
	}
}
