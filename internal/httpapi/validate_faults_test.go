package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What is wrong with a request is said in words that a person can act on, without repeating what was sent.
func TestReasonsTellWhatToDo(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := func(change func(object)) object {
		r := instantiate("i1", "vnfd-a", "open")
		change(r)
		return r
	}
	for name, tc := range map[string]struct {
		call   call
		detail string
	}{
		"control character": {
			call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: request(func(r object) { r["vnfdId"] = "a\tb" })},
			"the request does not follow the contract at /vnfdId: this holds a control character (a line break, a tab, or the like), which is not allowed here",
		},
		"two faults in one place": {
			call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: request(func(r object) { r["vnfdId"] = strings.Repeat("\t", 300) })},
			"the request does not follow the contract at /vnfdId: maximum string length is 255; this holds a control character (a line break, a tab, or the like), which is not allowed here",
		},
		"two places": {
			call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: request(func(r object) { r["vnfdId"], r["vnfInstanceId"] = "", 5 })},
			"the request does not follow the contract in 2 places, such as /vnfInstanceId, /vnfdId",
		},
		"long enumeration": {
			call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: request(func(r object) { r["operation"] = "INSTANTIATED" })},
			"the request does not follow the contract at /operation: this is none of INSTANTIATE, SCALE, SCALE_TO_LEVEL, CHANGE_FLAVOUR, TERMINATE, HEAL, OPERATE, CHANGE_EXT_CONN, " +
				`MODIFY_INFO, CHANGE_VNFPKG, CREATE_SNAPSHOT, REVERT_TO_SNAPSHOT, SELECT_DEPL_MODS; did you mean "INSTANTIATE"?`,
		},
		"form with an example": {
			call{as: "operator", method: "PUT", path: "/inventory/v1/nfvi_pops/LON", body: object{"id": "LON", "country": "uk"}},
			"the request does not follow the contract at /country: this is not of the form ^[A-Z]{2}$, such as GB",
		},
		"number out of bounds": {
			call{as: "operator", method: "PUT", path: "/inventory/v1/runtime_classes/x", body: `{"name":"x","isolation":"VM","overhead":{"cpuMillis":9007199254740992}}`},
			"the request does not follow the contract at /overhead/cpuMillis: this is out of bounds: 0 to 9007199254740991",
		},
		"number beyond numbers": {
			call{as: "operator", method: "PUT", path: "/inventory/v1/runtime_classes/x", body: `{"name":"x","isolation":"VM","overhead":{"cpuMillis":1e999}}`},
			"the request does not follow the contract at /overhead/cpuMillis: this number is larger than a computer's numbers are",
		},
		"time": {
			call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h1/attestations", body: object{"state": "UNTRUSTED", "attestedAt": "yesterday"}},
			"the request does not follow the contract at /attestedAt: this is no time as RFC 3339 writes it, such as 2026-11-23T10:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p := a.in(t).do(tc.call).problem(http.StatusUnprocessableEntity); p["detail"] != tc.detail {
				t.Errorf("detail %q, want %q", p["detail"], tc.detail)
			}
		})
	}
}

// A refusal of many resources is still a sentence.
func TestRefusalsOfManyResources(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-a", "big")
	var resources []object
	for i := range 40 {
		resources = append(resources, object{"id": fmt.Sprintf("r%02d", i), "type": "OSCONTAINER", "vduId": "big"})
	}
	request["addResources"] = resources
	p := a.grant("vnfm-a", request).problem(http.StatusForbidden)
	if detail := fmt.Sprint(p["detail"]); !strings.HasPrefix(detail, "Refused: none of 2 hosts may run r00, r01, r02 and 37 more; ") {
		t.Errorf("detail %q", detail)
	}
}
