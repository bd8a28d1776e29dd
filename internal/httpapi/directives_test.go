package httpapi_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// directives reads the feed of a host.
func (a *api) directives(host, query string) answer {
	a.t.Helper()
	return a.do(call{as: "agent", path: "/directives/v1/hosts/" + host + "/directives" + query}).want(200)
}

func (a *api) ack(host string, seq any, outcome string) answer {
	a.t.Helper()
	return a.do(call{as: "agent", method: "POST", path: "/directives/v1/acks", body: object{"hostId": host, "seq": seq, "outcome": outcome}})
}

// canonical writes a decoded JSON value as the contract tells readers to.
func canonical(v any) string {
	switch v := v.(type) {
	case object:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		for i, name := range names {
			names[i] = canonical(name) + ":" + canonical(v[name])
		}
		return "{" + strings.Join(names, ",") + "}"
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = canonical(v[i])
		}
		return "[" + strings.Join(items, ",") + "]"
	case string:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(v)
		return strings.TrimSpace(b.String())
	default:
		return fmt.Sprint(v)
	}
}

// What an agent reads verifies with the published key, and only as it was sent.
func TestDirectivesAreSigned(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i<1>&", "vnfd-a", "plain")).want(201)
	keys := a.do(call{as: "agent", path: "/directives/v1/keys"}).want(200)
	jwk := at(t, keys.object(), "keys", 0).(object)
	x, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(jwk["x"]))
	if err != nil || len(x) != ed25519.PublicKeySize {
		t.Fatalf("key %v: %v", jwk, err)
	}
	a.do(call{as: "agent", path: "/directives/v1/keys", header: map[string]string{"If-None-Match": keys.header.Get("ETag")}}).want(304)
	got := a.directives("h1", "")
	dec := json.NewDecoder(bytes.NewReader(got.body))
	dec.UseNumber()
	var list []object
	if err := dec.Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 2 {
		t.Fatalf("directives %s", got.body)
	}
	for _, d := range list {
		parts := strings.Split(fmt.Sprint(d["signature"]), ".")
		if len(parts) != 3 || parts[1] != "" {
			t.Fatalf("signature %v", d["signature"])
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		verifies := func() bool {
			signed := object{}
			for name, value := range d {
				if name != "signature" {
					signed[name] = value
				}
			}
			payload := base64.RawURLEncoding.EncodeToString([]byte(canonical(signed)))
			return ed25519.Verify(x, []byte(parts[0]+"."+payload), signature)
		}
		if !verifies() {
			t.Errorf("the signature of %v does not verify", d)
		}
		d["hostId"] = "h2"
		if verifies() {
			t.Errorf("the signature of %v verifies for another host", d)
		}
	}
}

func TestHostDirectives(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	if got := a.directives("h1", ""); string(got.body) != "[]\n" {
		t.Errorf("no directives: %s", got.body)
	}
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201).object()
	list := a.directives("h1", "").list()
	for i, d := range list {
		if d["seq"] != float64(i+1) || d["hostId"] != "h1" || d["decisionId"] != at(t, granted, "additionalParams", "ringfence", "decisionId") {
			t.Errorf("directive %d: %v", i, d)
		}
	}
	last := list[len(list)-1]
	if last["kind"] != "PLACE" || at(t, last, "place", "workload", "vnfInstanceId") != "i1" || at(t, last, "place", "runtime") != "runc" {
		t.Errorf("last directive %v", last)
	}
	after := a.directives("h1", fmt.Sprintf("?after=%v", list[0]["seq"])).list()
	if diff := cmp.Diff(list[1:], after, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == `["signature"]` }, cmp.Ignore())); diff != "" {
		t.Errorf("after the first (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/hosts/h1/directives?after=-1", "/hosts/h1/directives?after=x", "/hosts/h1/directives?wait=1", "/hosts/h1/directives?wait=61s", "/hosts/h1/directives?wait=9999999h"} {
		a.do(call{as: "agent", path: "/directives/v1" + path}).problem(400)
	}
	a.do(call{as: "agent", path: "/directives/v1/hosts/h9/directives"}).problem(404)
	a.do(call{as: "vnfm-a", path: "/directives/v1/hosts/h1/directives"}).problem(403)
}

// A poll that waits is answered by the grant that it waits for, and ends at once when the server is about to stop.
func TestPollsWait(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	poll := func(query string) <-chan string {
		answered := make(chan string, 1)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/directives/v1"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer agent")
		go func() {
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				answered <- err.Error()
				return
			}
			defer res.Body.Close()
			data, err := io.ReadAll(res.Body)
			answered <- fmt.Sprintf("%d %s %v", res.StatusCode, data, err)
		}()
		return answered
	}
	host, feed := poll("/hosts/h1/directives?wait=50s"), poll("/directives?vimConnectionId=vim-1&wait=50s")
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	for name, answered := range map[string]<-chan string{"host": host, "feed": feed} {
		if got := <-answered; !strings.HasPrefix(got, "200") || !strings.Contains(got, `"PLACE"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	start := time.Now()
	var idle []<-chan string
	for range 5 {
		idle = append(idle, poll("/hosts/h2/directives?wait=50s"))
	}
	a.delivery.Drain()
	for _, answered := range idle {
		if got := <-answered; got != "200 []\n <nil>" {
			t.Errorf("drained: %s", got)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("draining took %s", took)
	}
}

func TestFeedOfAVIM(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	read := func(path string) ([]object, string) {
		t.Helper()
		got := a.do(call{as: "agent", path: path}).want(200)
		link := strings.TrimSuffix(strings.TrimPrefix(got.header.Get("Link"), "<"), `>; rel="next"`)
		if u, err := url.Parse(link); err != nil || u.Query().Get("marker") == "" || u.Query().Get("vimConnectionId") == "" {
			t.Fatalf("Link %s", got.header.Get("Link"))
		}
		return got.list(), strings.TrimPrefix(link, a.url)
	}
	empty, next := read("/directives/v1/directives?vimConnectionId=vim-1")
	if len(empty) != 0 {
		t.Errorf("at first: %v", empty)
	}
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	a.grant("vnfm-b", instantiate("i2", "vnfd-b", "plain")).want(201)
	var all []object
	for range 5 { // all is there once no transaction is open, which the wait sees to
		list, after := read(next + "&wait=2s")
		all, next = append(all, list...), strings.Replace(after, "&wait=2s", "", 1)
		if hosts := seqs(all); len(hosts) == 2 {
			break
		}
	}
	for host, list := range seqs(all) {
		for i, seq := range list {
			if seq != float64(i+1) {
				t.Errorf("host %s: %v", host, list)
			}
		}
	}
	if len(seqs(all)) != 2 {
		t.Errorf("feed %v", all)
	}
	if list, same := read(next); len(list) != 0 || same != next {
		t.Errorf("at the end: %v, %s, want %s", list, same, next)
	}
	if other, _ := read("/directives/v1/directives?vimConnectionId=vim-2"); len(other) != 0 {
		t.Errorf("another VIM: %v", other)
	}
	for _, query := range []string{"", "?vimConnectionId=", "?vimConnectionId=v&marker=eHh4", "?vimConnectionId=v&marker=%2A", "?vimConnectionId=v&marker=MDEuMQ", "?vimConnectionId=v&wait=2m"} {
		a.do(call{as: "agent", path: "/directives/v1/directives" + query}).problem(400)
	}
}

func seqs(list []object) map[string][]any {
	out := map[string][]any{}
	for _, d := range list {
		host := fmt.Sprint(d["hostId"])
		out[host] = append(out[host], d["seq"])
	}
	return out
}

func TestAcks(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	seq := a.placeSeq("h1")
	a.ack("h1", seq, "FAILED").want(204)
	a.ack("h1", seq, "APPLIED").want(204)
	a.ack("h1", seq, "APPLIED").want(204)
	a.ack("h1", seq, "FAILED").problem(409)
	a.ack("h1", seq, "SUPERSEDED").problem(409)
	a.ack("h1", 99, "APPLIED").problem(422)
	a.ack("h1", 0, "APPLIED").problem(422)
	a.ack("h1", 1.5, "APPLIED").problem(422)
	a.ack("h1", seq, "DONE").problem(422)
	a.ack("h9", 1, "APPLIED").problem(404)
	a.do(call{as: "operator", method: "POST", path: "/directives/v1/acks", body: object{"hostId": "h1", "seq": 1, "outcome": "APPLIED"}}).problem(403)
	if state := a.do(call{as: "operator", path: "/placement/v1/reservations"}).want(200).list()[0]["state"]; state != "RUNNING" {
		t.Errorf("state %v", state)
	}
}

func (a *api) observe(host string, header map[string]string, at string, residencies ...object) answer {
	a.t.Helper()
	if residencies == nil {
		residencies = []object{}
	}
	return a.do(call{
		as: "agent", method: "PUT", path: "/directives/v1/hosts/" + host + "/observed_state", header: header,
		body: object{"observedAt": at, "residencies": residencies, "cacheEntries": []object{}},
	})
}

func TestObservedState(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	residency := fmt.Sprint(a.do(call{as: "operator", path: "/placement/v1/reservations"}).want(200).list()[0]["id"])
	seen := object{"residencyId": residency, "runtime": "runc"}
	stranger := object{"vnfInstanceId": "nobody", "runtime": "runc"}
	now := time.Now().UTC().Add(-time.Second)
	stamp := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339Nano) }

	a.observe("h1", map[string]string{"If-Match": "*"}, stamp(0), seen).problem(412)
	first := a.observe("h1", map[string]string{"If-None-Match": "*"}, stamp(0), seen, stranger).want(200)
	want := object{
		"changed": true, "confirmedResidencyIds": []any{residency}, "endedResidencyIds": []any{}, "missingResidencyIds": []any{}, "unmatched": 1.0,
	}
	if diff := cmp.Diff(want, first.object()); diff != "" {
		t.Error(diff)
	}
	tag := first.header.Get("ETag")
	same := a.observe("h1", nil, stamp(time.Millisecond), stranger, seen).want(200)
	if o := same.object(); fmt.Sprint(o["changed"]) != "false" || o["unmatched"] != 1.0 || same.header.Get("ETag") != tag {
		t.Errorf("in another order: %s %v", same.header.Get("ETag"), o)
	}
	a.observe("h1", map[string]string{"If-None-Match": "*"}, stamp(0), seen).problem(412)
	a.observe("h1", map[string]string{"If-Match": `"other"`}, stamp(0), seen).problem(412)
	a.observe("h1", map[string]string{"If-Match": "other"}, stamp(0), seen).problem(412)
	a.observe("h1", map[string]string{"If-Match": tag, "If-None-Match": "*"}, stamp(0), seen).problem(400)
	a.observe("h1", map[string]string{"If-Match": tag + `, "other"`}, stamp(0), seen).problem(400)
	a.observe("h1", map[string]string{"If-Match": "*"}, stamp(time.Millisecond), seen, stranger).want(200)
	gone := a.observe("h1", map[string]string{"If-Match": tag}, stamp(2*time.Millisecond)).want(200)
	if o := gone.object(); fmt.Sprint(o["missingResidencyIds"]) != "["+residency+"]" || fmt.Sprint(o["changed"]) != "true" || gone.header.Get("ETag") == tag {
		t.Errorf("not seen any more: %v", o)
	}
	a.observe("h1", nil, stamp(-time.Hour), seen).problem(409)
	a.observe("h9", nil, stamp(0)).problem(404)
	a.observe("h1", nil, "yesterday").problem(422)
	a.observe("h1", nil, stamp(0), object{}).problem(422)

	end := instantiate("i1", "vnfd-a", "plain")
	end["operation"], end["vnfLcmOpOccId"], end["removeResources"] = "TERMINATE", "op-end", end["addResources"]
	delete(end, "addResources")
	a.grant("vnfm-a", end).want(201)
	ended := a.observe("h1", nil, time.Now().UTC().Add(time.Hour).Format(time.RFC3339)).want(200).object()
	if fmt.Sprint(ended["endedResidencyIds"]) != "["+residency+"]" {
		t.Errorf("ended: %v", ended)
	}
	a.do(call{as: "operator", path: "/placement/v1/reservations/" + residency}).problem(404)
}

// Many readers of one host read the same order without gaps while grants are made.
func TestDirectivesUnderLoad(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range 5 {
				instance := fmt.Sprintf("i%d-%d", n, i)
				a.grant("vnfm-b", instantiate(instance, "vnfd-b", "open"))
				end := instantiate(instance, "vnfd-b", "open")
				end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "end-"+instance
				delete(end, "addResources")
				a.grant("vnfm-b", end)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, host := range []string{"h1", "h2"} {
		next := 1.0
		for {
			list := a.directives(host, fmt.Sprintf("?after=%d", int(next)-1)).list()
			for _, d := range list {
				if d["seq"] != next {
					t.Fatalf("host %s: directive %v, want %v", host, d["seq"], next)
				}
				next++
				total++
			}
			if len(list) == 0 {
				break
			}
		}
	}
	if total == 0 {
		t.Error("no directives")
	}
}
