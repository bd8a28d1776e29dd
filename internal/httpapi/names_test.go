package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A name that the contract does not know and the decoder takes for one that it does know is refused, in every
// operation whose body the contract judges and at every depth.
func TestNamesInAnotherCaseAreRefused(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	policy := a.policy("2.0.0", separation("2.0.0"))
	valid := `{"vnfInstanceId":"i","vnfLcmOpOccId":"op","vnfdId":"vnfd-a","operation":"INSTANTIATE","isAutomaticInvocation":false,` +
		`"addResources":[{"id":"r1","type":"OSCONTAINER","vduId":"open"}],` +
		`"_links":{"vnfLcmOpOcc":{"href":"https://v.example.com/o"},"vnfInstance":{"href":"https://v.example.com/i"}}%s}`
	for name, tc := range map[string]struct {
		call call
		want []string
	}{
		"long text":        {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"VNFLCMOPOCCID":"`+strings.Repeat("x", 9000)+`"`)}, []string{"/VNFLCMOPOCCID"}},
		"enumeration":      {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"OPERATION":"NOPE"`)}, []string{"/OPERATION"}},
		"another type":     {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"OPERATION":5`)}, []string{"/OPERATION"}},
		"null":             {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"OPERATION":null`)}, []string{"/OPERATION"}},
		"list":             {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"ADDRESOURCES":[{"id":""}]`)}, []string{"/ADDRESOURCES"}},
		"within a list":    {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"removeResources":[{"id":"x","type":"COMPUTE","vDUId":"`+strings.Repeat("x", 9000)+`"}]`)}, []string{"/removeResources/0/vDUId"}},
		"within a map":     {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"additionalParams":{"ringfence":{"components":{"OPEN":{"ISOLATION":"NOPE"}}}}`)}, []string{"/additionalParams/ringfence/components/OPEN/ISOLATION"}},
		"Kelvin sign":      {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"_linKs":{}`)}, []string{"/_linKs"}},
		"written twice":    {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf("%q", fmt.Sprintf(valid, `,"OPERATION":"NOPE"`))}, []string{"/OPERATION"}},
		"several":          {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: fmt.Sprintf(valid, `,"OPERATION":"NOPE","VNFDID":""`)}, []string{"/OPERATION", "/VNFDID"}},
		"dry run":          {call{as: "vnfm-a", method: "POST", path: "/placement/v1/decisions", body: `{"grantRequest":` + fmt.Sprintf(valid, `,"Operation":"NOPE"`) + `}`}, []string{"/grantRequest/Operation"}},
		"policy":           {call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: `{"designer":"d","name":"n","NAME":"` + strings.Repeat("x", 9000) + `"}`}, []string{"/NAME"}},
		"policy patch":     {call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + policy, body: `{"ACTIVATIONSTATUS":"NOPE"}`, header: map[string]string{"Content-Type": "application/merge-patch+json"}}, []string{"/ACTIVATIONSTATUS"}},
		"inventory":        {call{as: "operator", method: "PUT", path: "/inventory/v1/nfvi_pops/LON", body: `{"id":"LON","country":"GB","COUNTRY":"nowhere"}`}, []string{"/COUNTRY"}},
		"inventory patch":  {call{as: "operator", method: "PATCH", path: "/inventory/v1/nfvi_pops/LON", body: `{"COUNTRY":"nowhere"}`, header: map[string]string{"Content-Type": "application/merge-patch+json"}}, []string{"/COUNTRY"}},
		"acknowledgement":  {call{as: "agent", method: "POST", path: "/directives/v1/acks", body: `{"hostId":"h1","seq":1,"outcome":"APPLIED","HOSTID":"h2"}`}, []string{"/HOSTID"}},
		"observed state":   {call{as: "agent", method: "PUT", path: "/directives/v1/hosts/h1/observed_state", body: `{"residencies":[],"cacheEntries":[],"RESIDENCIES":[]}`}, []string{"/RESIDENCIES"}},
		"attestation":      {call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h1/attestations", body: `{"state":"TRUSTED","attestedAt":"2026-11-23T10:00:00Z","STATE":"NOPE"}`}, []string{"/STATE"}},
		"cache decision":   {call{as: "operator", method: "POST", path: "/placement/v1/cache_decisions", body: `{"digest":"sha256:aa","hostId":"h1","trustDomainId":"TD-A","purpose":"START","Purpose":"NOPE"}`}, []string{"/Purpose"}},
		"reservation ends": {call{as: "operator", method: "POST", path: "/placement/v1/reservations/x/release", body: `{"reason":"r","Reason":""}`}, []string{"/Reason"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := a.in(t).do(tc.call).problem(http.StatusUnprocessableEntity)
			got := pointers(p)
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pointers (-want +got):\n%s\n%v", diff, p)
			}
		})
	}
}

// What cannot be stored or referred to is refused where it stands, whether a schema knows the place or not.
func TestPlacesOfWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(http.StatusCreated).object()
	if granted["id"] == nil {
		t.Fatal(granted)
	}
	foreign := instantiate("i2", "vnfd-a", "open")
	foreign["additionalParams"] = object{"free": []any{object{"a": "\x00"}, object{"\x00": 1}}}
	long := strings.Repeat("k", 256)
	many := object{}
	for i := range 65 {
		many[fmt.Sprint("label-", i)] = "x"
	}
	host := func(change object) call {
		return call{as: "operator", method: "PATCH", path: "/inventory/v1/hosts/h1", body: change, header: map[string]string{"Content-Type": "application/merge-patch+json"}}
	}
	ack := func(seq int, detail string) call {
		return call{as: "agent", method: "POST", path: "/directives/v1/acks", body: object{"hostId": "h1", "seq": seq, "outcome": "APPLIED", "detail": detail}}
	}
	for name, tc := range map[string]struct {
		call call
		want []string
	}{
		"free parameters":     {call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: foreign}, []string{"/additionalParams/free/0/a", "/additionalParams/free/1/?"}},
		"capacity":            {host(object{"capacity": object{"ext.\x00": 1}}), []string{"/capacity/ext.?"}},
		"label's key":         {host(object{"labels": object{"a\x00": "x"}}), []string{"/labels/a?"}},
		"label's empty key":   {host(object{"labels": object{"": "x"}}), []string{"/labels/"}},
		"label's long key":    {host(object{"labels": object{long: "x"}}), []string{"/labels/" + long[:192] + "..."}},
		"label's value":       {host(object{"labels": object{"a": "x\x00"}}), []string{"/labels/a"}},
		"label's line":        {host(object{"labels": object{"a": "x\ny"}}), []string{"/labels/a"}},
		"many labels":         {host(object{"labels": many}), []string{"/labels"}},
		"acknowledgement":     {ack(1, "x\x00"), []string{"/detail"}},
		"unknown directive":   {ack(99, "x"), []string{"/seq"}},
		"unknown host":        {call{as: "operator", method: "POST", path: "/placement/v1/decisions", body: object{"grantRequest": instantiate("i3", "vnfd-a", "open"), "hostIds": []string{"h1", "nope"}}}, []string{"/hostIds/1"}},
		"verdict to come":     {call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h1/attestations", body: object{"state": "UNTRUSTED", "attestedAt": time.Now().Add(time.Hour)}}, []string{"/attestedAt"}},
		"cleaning to come":    {call{as: "scrubber", method: "POST", path: "/inventory/v1/hosts/h1/scrub_records", body: object{"level": "REBOOT", "at": time.Now().Add(time.Hour), "evidence": "x"}}, []string{"/at"}},
		"reason of a release": {call{as: "operator", method: "POST", path: "/placement/v1/reservations/x/release", body: object{"reason": "\x00"}}, []string{"/reason"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := a.in(t).do(tc.call).problem(http.StatusUnprocessableEntity)
			got := pointers(p)
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pointers (-want +got):\n%s\n%v", diff, p)
			}
		})
	}
}

// The keys of a map are data: they may be the names of attributes in any case.
func TestKeysOfMapsAreNoAttributes(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-a", "open")
	request["additionalParams"] = object{"VNFDID": 5, "operation": nil}
	a.grant("vnfm-a", request).want(http.StatusCreated)
	a.do(call{
		as: "operator", method: "PATCH", path: "/inventory/v1/hosts/h1", body: object{"labels": object{"Id": "1", "id": "2", "LABELS": "3"}},
		header: map[string]string{"Content-Type": "application/merge-patch+json"},
	}).want(http.StatusOK)
}

// A body that could be read in two ways is malformed, and the answer says where.
func TestBodiesOfTwoMeaningsAreRefused(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for name, tc := range map[string]struct{ path, as, body, want string }{
		"member twice":          {"/nfvpolicy/v1/policies", "author", "{\"designer\":\"d\",\n \"name\":\"n\", \"name\":\"m\"}", `line 2, column 14: "name": the attribute stands here a second time`},
		"member twice, escaped": {"/nfvpolicy/v1/policies", "author", `{"designer":"d","name":"n","n\u0061me":"m"}`, `line 1, column 28: "name": the attribute stands here a second time`},
		"deep within":           {"/grant/v1/grants", "vnfm-a", `{"additionalParams":{"x":[{"a":1,"a":2}]}}`, `line 1, column 34: "a": the attribute stands here a second time`},
		"within a string":       {"/grant/v1/grants", "vnfm-a", `"{\"vnfdId\":\"a\",\"vnfdId\":\"b\"}"`, `line 1, column 15: "vnfdId": the attribute stands here a second time`},
		"not UTF-8":             {"/nfvpolicy/v1/policies", "author", "{\"designer\":\"d\",\n\"name\":\"é\xff\"}", "line 2, column 10: found a byte that is not UTF-8"},
		"not UTF-8 in a string": {"/grant/v1/grants", "vnfm-a", "\"{\\\"vnfdId\\\":\\\"\xc3\\\"}\"", "line 1, column 16: found a byte that is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := a.in(t).do(call{as: tc.as, method: "POST", path: tc.path, body: tc.body}).problem(http.StatusBadRequest)
			if p["detail"] != tc.want {
				t.Errorf("detail %q, want %q", p["detail"], tc.want)
			}
		})
	}
}
