package httpapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReservations(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201).object()
	a.grant("vnfm-b", instantiate("i2", "vnfd-b", "plain")).want(201)
	list := func(as, query string) []object {
		return a.do(call{as: as, path: "/placement/v1/reservations" + query}).want(200).list()
	}
	if n := len(list("operator", "")); n != 2 {
		t.Fatalf("%d reservations", n)
	}
	own := list("vnfm-a", "")
	if len(own) != 1 || own[0]["vnfInstanceId"] != "i1" || own[0]["state"] != "RESERVED" || own[0]["expiresAt"] == nil ||
		own[0]["grantId"] != granted["id"] {
		t.Errorf("of vnfm-a: %v", own)
	}
	for filter, want := range map[string]int{
		"(eq,hostId,h1)": 1, "(eq,hostId,h1);(eq,hostId,h2)": 0, "(eq,vnfInstanceId,i2)": 1, "(in,state,RESERVED,RUNNING)": 2, "(eq,state,RUNNING)": 0,
		"(eq,grantId," + fmt.Sprint(granted["id"]) + ")": 1, "(neq,hostId,h1)": 1, "(eq,id," + fmt.Sprint(own[0]["id"]) + ")": 1,
	} {
		if got := len(list("operator", "?filter="+url.QueryEscape(filter))); got != want {
			t.Errorf("%s: %d reservations, want %d", filter, got, want)
		}
	}
	path := fmt.Sprint("/placement/v1/reservations/", own[0]["id"])
	one := a.do(call{as: "vnfm-a", path: path}).want(200)
	if diff := cmp.Diff(own[0], one.object()); diff != "" {
		t.Error(diff)
	}
	a.do(call{as: "vnfm-a", path: path, header: map[string]string{"If-None-Match": one.header.Get("ETag")}}).want(304)
	a.do(call{as: "vnfm-b", path: path}).problem(404)

	for as, want := range map[string]int{"operator": 1, "vnfm-a": 1, "vnfm-b": 0} {
		if got := a.do(call{as: as, path: fmt.Sprint("/placement/v1/residencies?grantId=", granted["id"])}).want(200).list(); len(got) != want {
			t.Errorf("%s sees %d residencies of the grant, want %d", as, len(got), want)
		}
	}
	for as, want := range map[string]int{"operator": 2, "vnfm-a": 1, "vnfm-b": 1} {
		if got := a.do(call{as: as, path: "/placement/v1/residencies"}).want(200).list(); len(got) != want {
			t.Errorf("%s sees %d residencies, want %d", as, len(got), want)
		}
	}
}

// What is another client's is answered as what does not exist: byte for byte, but for the ids that were asked for.
func TestWithheldIsAnsweredAsMissing(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201).object()
	decision := a.decide("vnfm-a", object{"grantRequest": instantiate("i2", "vnfd-a", "open")}).want(201).object()
	reservations := a.do(call{as: "vnfm-a", path: "/placement/v1/reservations"}).want(200).list()
	missing := "0d6a5c7e-9b1f-4c59-8f59-3f6e9c3f7b11"
	instance := regexp.MustCompile(`urn:uuid:[0-9a-f-]+`)
	for collection, id := range map[string]any{
		"/grant/v1/grants/": granted["id"], "/placement/v1/decisions/": decision["id"], "/placement/v1/reservations/": reservations[0]["id"],
	} {
		read := func(id string) string {
			got := a.do(call{as: "vnfm-b", path: collection + id})
			got.problem(404)
			return instance.ReplaceAllString(strings.ReplaceAll(string(got.body), id, "ID"), "INSTANCE")
		}
		a.do(call{as: "vnfm-a", path: collection + fmt.Sprint(id)}).want(200)
		if diff := cmp.Diff(read(missing), read(fmt.Sprint(id))); diff != "" {
			t.Errorf("%s (-missing +withheld):\n%s", collection, diff)
		}
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	a.grant("vnfm-b", instantiate("i2", "vnfd-b", "plain")).want(201)
	list := a.do(call{as: "operator", path: "/placement/v1/reservations"}).want(200).list()
	slices.SortFunc(list, func(x, y object) int { return strings.Compare(fmt.Sprint(x["hostId"]), fmt.Sprint(y["hostId"])) })
	path := func(i int) string { return fmt.Sprint("/placement/v1/reservations/", list[i]["id"]) }
	release := func(i int, body object, match string) answer {
		c := call{as: "operator", method: "POST", path: path(i) + "/release", body: body}
		if match != "" {
			c.header = map[string]string{"If-Match": match}
		}
		return a.do(c)
	}
	release(0, object{}, "").problem(422)
	release(0, object{"reason": "r"}, `"99"`).problem(412)
	tag := a.do(call{as: "operator", path: path(0)}).want(200).header.Get("ETag")
	released := release(0, object{"reason": "the operation failed (ticket 1)"}, tag).want(200).object()
	if released["state"] != "RELEASED" || released["id"] != list[0]["id"] {
		t.Errorf("released: %v", released)
	}
	release(0, object{"reason": "r"}, "").problem(404)
	a.do(call{as: "operator", path: path(0)}).problem(404)
	// The host is free again.
	a.grant("vnfm-a", instantiate("i3", "vnfd-a", "plain")).want(201)
	// What runs is not released.
	a.do(call{as: "agent", method: "POST", path: "/directives/v1/acks", body: object{"hostId": "h2", "seq": a.placeSeq("h2"), "outcome": "APPLIED"}}).want(204)
	release(1, object{"reason": "r"}, "").problem(409)
	running := a.do(call{as: "operator", path: path(1)}).want(200).object()
	if running["state"] != "RUNNING" || running["expiresAt"] != nil {
		t.Errorf("running: %v", running)
	}
}

// placeSeq is the number of the first PLACE directive of a host.
func (a *api) placeSeq(host string) any {
	a.t.Helper()
	for _, d := range a.do(call{as: "agent", path: "/directives/v1/hosts/" + host + "/directives"}).want(200).list() {
		if d["kind"] == "PLACE" {
			return d["seq"]
		}
	}
	a.t.Fatalf("host %s has no PLACE directive", host)
	return nil
}
