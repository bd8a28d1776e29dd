package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (a *api) attest(body object) answer {
	a.t.Helper()
	return a.do(call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h1/attestations", body: body})
}

func (a *api) host(id string) object {
	a.t.Helper()
	return a.do(call{as: "operator", path: "/inventory/v1/hosts/" + id}).want(200).object()
}

// TestAttestations proves that the newest verdict counts, that nobody changes history, and what a verdict needs.
func TestAttestations(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	now := time.Now().UTC().Truncate(time.Second)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	recorded := a.attest(object{
		"state": "TRUSTED", "attestedAt": at(0), "validUntil": at(time.Hour), "verifier": "keylime", "evidenceDigest": appDigest, "capabilities": []string{"ENC_STORAGE"},
	}).want(201).object()
	if recorded["id"] == "" || recorded["recordedAt"] == "" || recorded["verifier"] != "keylime" {
		t.Errorf("recorded %v", recorded)
	}
	want := object{
		"state": "TRUSTED", "attestedAt": at(0), "validUntil": at(time.Hour), "verifier": "keylime", "evidenceDigest": appDigest, "capabilities": []any{"ENC_STORAGE"},
	}
	if diff := cmp.Diff(any(want), a.host("h1")["attestation"]); diff != "" {
		t.Errorf("the host's attestation (-want +got):\n%s", diff)
	}
	// One that arrives late is kept, and hides nothing.
	a.attest(object{"state": "UNTRUSTED", "age": "1h"}).want(201)
	if diff := cmp.Diff(any(want), a.host("h1")["attestation"]); diff != "" {
		t.Errorf("after an older verdict (-want +got):\n%s", diff)
	}
	// Without a time it is of now, without a verifier of the client.
	lost := a.attest(object{"state": "UNTRUSTED"}).want(201).object()
	if lost["verifier"] != "verifier" {
		t.Errorf("the verifier is %v", lost["verifier"])
	}
	if h := a.host("h1"); h["lifecycle"] != "QUARANTINED" || h["lifecycleReason"] != "attestation" {
		t.Errorf("a host that is no longer trusted is %v, %v", h["lifecycle"], h["lifecycleReason"])
	}
	list := a.do(call{as: "auditor", path: "/inventory/v1/hosts/h1/attestations"}).want(200).list()
	if len(list) < 3 || list[0]["id"] != lost["id"] || list[1]["id"] != recorded["id"] {
		t.Errorf("history %v", list)
	}
	filter := url.QueryEscape(fmt.Sprintf("(eq,state,UNTRUSTED);(lt,attestedAt,%s)", at(-time.Minute)))
	if list := a.do(call{as: "auditor", path: "/inventory/v1/hosts/h1/attestations?filter=" + filter}).want(200).list(); len(list) != 1 {
		t.Errorf("filtered history %v", list)
	}
	for name, c := range map[string]struct {
		body    object
		status  int
		pointer []string
	}{
		"trust without evidence": {object{"state": "TRUSTED", "attestedAt": at(0)}, 422, []string{"/evidenceDigest"}},
		"trust without a time":   {object{"state": "TRUSTED", "evidenceDigest": appDigest}, 422, []string{"/attestedAt"}},
		"two times":              {object{"state": "UNTRUSTED", "attestedAt": at(0), "age": "1m"}, 422, []string{"/age"}},
		"the future":             {object{"state": "UNTRUSTED", "attestedAt": at(time.Hour)}, 422, []string{"/attestedAt"}},
		"an end before the time": {object{"state": "UNTRUSTED", "attestedAt": at(0), "validUntil": at(-time.Hour)}, 422, []string{"/validUntil"}},
		"an age without end":     {object{"state": "UNTRUSTED", "age": "99999999h"}, 422, []string{"/age"}},
	} {
		if diff := cmp.Diff(c.pointer, pointers(a.attest(c.body).problem(c.status))); diff != "" {
			t.Errorf("%s: pointers (-want +got):\n%s", name, diff)
		}
	}
	a.do(call{as: "verifier", method: "POST", path: "/inventory/v1/hosts/h99/attestations", body: object{"state": "UNTRUSTED"}}).problem(404)
	a.do(call{as: "auditor", path: "/inventory/v1/hosts/h99/attestations"}).problem(404)
	a.do(call{as: "root", method: "DELETE", path: "/inventory/v1/hosts/h1/attestations"}).problem(405)
}

// TestQuarantine proves that an approver, and nobody else, quarantines a host and ends that, for a reason, and that the host is told.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	ask := func(as, host, operation string, body object) answer {
		return a.do(call{as: as, method: "POST", path: "/inventory/v1/hosts/" + host + "/" + operation, body: body})
	}
	why := object{"reason": "a disk was stolen"}
	for _, as := range []string{"operator", "verifier", "author", "auditor", "agent", "vnfm-a"} {
		ask(as, "h1", "quarantine", why).problem(403)
		ask(as, "h1", "unquarantine", why).problem(403)
	}
	for _, operation := range []string{"quarantine", "unquarantine"} {
		ask("approver", "h1", operation, object{}).problem(422)
		for _, reason := range []string{" ", "attestation"} {
			if diff := cmp.Diff([]string{"/reason"}, pointers(ask("approver", "h1", operation, object{"reason": reason}).problem(422))); diff != "" {
				t.Errorf("%s for %q (-want +got):\n%s", operation, reason, diff)
			}
		}
		ask("approver", "h99", operation, why).problem(404)
	}
	ask("approver", "h1", "unquarantine", why).problem(409)
	done := ask("approver", "h1", "quarantine", why).want(200)
	if h := done.object(); h["lifecycle"] != "QUARANTINED" || h["lifecycleReason"] != "a disk was stolen" || done.header.Get("ETag") == "" {
		t.Errorf("quarantined: %v", h)
	}
	ask("approver", "h1", "quarantine", why).problem(409)
	a.write("operator", "PATCH", "hosts/h1", object{"lifecycle": "IN_SERVICE"}).problem(409)
	if h := ask("approver", "h1", "unquarantine", object{"reason": "imaged anew"}).want(200).object(); h["lifecycle"] != "CORDONED" {
		t.Errorf("after the quarantine: %v", h)
	}
	var told []string
	for _, d := range a.do(call{as: "agent", path: "/directives/v1/hosts/h1/directives?after=0"}).want(200).list() {
		told = append(told, fmt.Sprint(d["kind"], " ", d["quarantine"]))
	}
	if diff := cmp.Diff([]string{"QUARANTINE map[reason:a disk was stolen]", "UNQUARANTINE map[reason:imaged anew]"}, told); diff != "" {
		t.Errorf("the host's feed (-want +got):\n%s", diff)
	}
}

// TestPutKeepsEvidence proves that the operator can send back what was read, and that leaving evidence out keeps it.
func TestPutKeepsEvidence(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.attest(object{"state": "TRUSTED", "age": "0s", "evidenceDigest": appDigest, "capabilities": []string{"ENC_STORAGE"}}).want(201)
	before := a.do(call{as: "operator", path: "/inventory/v1/hosts/h1"}).want(200)
	put := func(h object) answer {
		return a.do(call{as: "operator", method: "PUT", path: "/inventory/v1/hosts/h1", body: h})
	}
	if got := put(before.object()).want(200); got.header.Get("ETag") != before.header.Get("ETag") {
		t.Errorf("sending back what was read changes the ETag to %s", got.header.Get("ETag"))
	}
	without := before.object()
	delete(without, "attestation")
	if diff := cmp.Diff(before.object(), put(without).want(200).object()); diff != "" {
		t.Errorf("without the attestation (-before +after):\n%s", diff)
	}
	other := before.object()
	other["attestation"].(object)["validUntil"] = "2199-01-01T00:00:00Z"
	if diff := cmp.Diff([]string{"/attestation"}, pointers(put(other).problem(422))); diff != "" {
		t.Error(diff)
	}
	patch := func(body object) answer {
		return a.do(call{
			as: "operator", method: "PATCH", path: "/inventory/v1/hosts/h1", body: body, header: map[string]string{"Content-Type": "application/merge-patch+json"},
		})
	}
	patch(object{"attestation": object{"state": "UNTRUSTED"}}).problem(422)
	if diff := cmp.Diff([]string{"/attestation"}, pointers(patch(object{"attestation": nil, "rackId": "r7"}).problem(422))); diff != "" {
		t.Error(diff)
	}
	if got := patch(object{"rackId": "r7"}).want(200).object(); got["attestation"] == nil || got["rackId"] != "r7" {
		t.Errorf("patched %v", got)
	}
}

// TestScrubRecords proves that cleanings are recorded with their evidence, and clear residue only with an attestation
// after a new installation.
func TestScrubRecords(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.importDocument("operator", yamlMedia, "kind: Inventory\nhosts:\n  - {id: h1, nfviPopId: LON, resourceZoneId: LON-A, hostPoolId: P1, residue: [{trustDomainId: TD-B, vnfInstanceId: old-1}]}\n").want(200)
	residue, _ := a.host("h1")["residue"].([]any)
	if len(residue) != 1 || residue[0].(object)["vnfInstanceId"] != "old-1" || residue[0].(object)["since"] == nil {
		t.Fatalf("residue %v", residue)
	}
	scrub := func(body object) answer {
		return a.do(call{as: "scrubber", method: "POST", path: "/inventory/v1/hosts/h1/scrub_records", body: body})
	}
	evidence := "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
	done := scrub(object{"level": "REIMAGE", "evidence": evidence, "actor": "metal", "deviceReset": true}).want(201).object()
	if done["id"] == "" || done["evidence"] != evidence || done["actor"] != "metal" || done["deviceReset"] != any(true) {
		t.Errorf("recorded %v", done)
	}
	if a.host("h1")["residue"] == nil {
		t.Error("residue goes without an attestation after the scrub")
	}
	a.attest(object{"state": "TRUSTED", "age": "0s", "evidenceDigest": appDigest}).want(201)
	if left := a.host("h1")["residue"]; left != nil {
		t.Errorf("residue after the scrub and the attestation: %v", left)
	}
	second := scrub(object{"level": "CACHE_PURGE", "evidence": evidence, "at": "2026-01-01T00:00:00Z"}).want(201).object()
	if second["actor"] != "scrubber" {
		t.Errorf("the actor is %v", second["actor"])
	}
	list := a.do(call{as: "auditor", path: "/inventory/v1/hosts/h1/scrub_records"}).want(200).list()
	if len(list) != 2 || list[0]["id"] != done["id"] {
		t.Errorf("records %v", list)
	}
	if list := a.do(call{as: "auditor", path: "/inventory/v1/hosts/h1/scrub_records?filter=(eq,level,CACHE_PURGE)"}).want(200).list(); len(list) != 1 {
		t.Errorf("filtered records %v", list)
	}
	scrub(object{"level": "REBOOT", "evidence": evidence, "at": time.Now().Add(time.Hour).Format(time.RFC3339)}).problem(422)
	scrub(object{"level": "REBOOT"}).problem(422)
	scrub(object{"level": "DUST", "evidence": evidence}).problem(422)
	a.do(call{as: "scrubber", method: "POST", path: "/inventory/v1/hosts/h99/scrub_records", body: object{"level": "REBOOT", "evidence": "e"}}).problem(404)
}

// TestResidenciesOfGrants proves that what a grant decided belongs to the grant.
func TestResidenciesOfGrants(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).want(201)
	list := a.do(call{as: "operator", path: "/inventory/v1/residencies?filter=(eq,vnfInstanceId,i1)"}).want(200).list()
	if len(list) != 1 || list[0]["grantId"] == nil || list[0]["state"] != "RESERVED" || list[0]["expiresAt"] == nil {
		t.Fatalf("residencies %v", list)
	}
	path := "/inventory/v1/residencies/" + fmt.Sprint(list[0]["id"])
	a.do(call{as: "operator", method: "PUT", path: path, body: list[0]}).problem(409)
	a.do(call{as: "operator", method: "DELETE", path: path}).problem(409)
	p := a.do(call{
		as: "operator", method: "PATCH", path: path, body: object{"state": "RUNNING"}, header: map[string]string{"Content-Type": "application/merge-patch+json"},
	}).problem(409)
	if !strings.Contains(fmt.Sprint(p["detail"]), "grant") {
		t.Errorf("detail %v", p["detail"])
	}
}

// TestPaging reads a list that is longer than a page, whole and in its order.
func TestPaging(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var doc strings.Builder
	doc.WriteString("kind: Inventory\nnfviPops:\n")
	const sites = 1203
	for i := range sites {
		fmt.Fprintf(&doc, "  - {id: P%04d, country: %s}\n", sites-1-i, []string{"GB", "IE"}[i%2])
	}
	a.importDocument("operator", yamlMedia, doc.String()).want(200)
	for filter, want := range map[string]int{"": sites, "?filter=(eq,country,IE)": sites / 2} {
		var ids []string
		pages := 0
		for next := "/inventory/v1/nfvi_pops" + filter; next != ""; pages++ {
			page := a.do(call{as: "operator", path: next}).want(200)
			for _, o := range page.list() {
				ids = append(ids, fmt.Sprint(o["id"]))
			}
			link, _, _ := strings.Cut(strings.TrimPrefix(page.header.Get("Link"), "<"+a.url), ">")
			next = link
		}
		if len(ids) != want || pages < 2 {
			t.Errorf("%q: %d entries on %d pages, want %d", filter, len(ids), pages, want)
		}
		for i := 1; i < len(ids); i++ {
			if ids[i-1] >= ids[i] {
				t.Errorf("%q: %s comes before %s", filter, ids[i-1], ids[i])
			}
		}
	}
	a.do(call{as: "operator", path: "/inventory/v1/nfvi_pops?filter=(eq,colour,red)"}).problem(400)
	a.do(call{as: "operator", path: "/inventory/v1/nfvi_pops?nextpage_opaque_marker=eA"}).problem(400)
}

// TestPatchesAtTheSameTime proves that patches of different attributes, sent without a condition, all take effect.
func TestPatchesAtTheSameTime(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	const clients = 4
	answers := make(chan answer, clients)
	for i := range clients {
		go func() {
			answers <- a.do(call{
				as: "operator", method: "PATCH", path: "/inventory/v1/hosts/h1", body: object{"labels": object{fmt.Sprint("client-", i): "was here"}},
				header: map[string]string{"Content-Type": "application/merge-patch+json"},
			})
		}()
	}
	for range clients {
		(<-answers).want(200)
	}
	if labels, _ := a.host("h1")["labels"].(object); len(labels) != clients {
		t.Errorf("labels %v", labels)
	}
}
