package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// setMode sets the mode of a client or VIM connection, as an approver.
func (a *api) setMode(id, mode string) answer {
	a.t.Helper()
	return a.do(call{as: "approver", method: "PUT", path: modePath(id), body: object{"mode": mode, "reason": "change 7120"}})
}

func modePath(id string) string { return "/placement/v1/enforcement_modes/" + url.PathEscape(id) }

// refused is a request that nothing can hold.
func refused(instance string) object { return instantiate(instance, "vnfd-a", "big") }

// TestObservedClient follows a refusal of an observed client: 201 with the echo and nothing else, recorded and reported, the same again
// for the same request, and 403 once the client is enforced.
func TestObservedClient(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	want := a.grant("vnfm-a", refused("i0")).problem(403)
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(201)
	request := refused("i1")
	request["addResources"] = append(request["addResources"].([]object), object{"id": "port", "type": "LINKPORT"})
	got := a.grant("vnfm-a", request).want(201)
	g := got.object()
	for _, name := range []string{"zones", "vimAssets", "placements"} {
		if g[name] != nil {
			t.Errorf("%s: %v", name, g[name])
		}
	}
	if diff := cmp.Diff([]any{object{"resourceDefinitionId": "i1-big"}, object{"resourceDefinitionId": "port"}}, g["addResources"]); diff != "" {
		t.Error(diff)
	}
	ours := g["additionalParams"].(object)["ringfence"].(object)
	if ours["enforcement"] != "OBSERVE" || ours["placements"] != nil || ours["validUntil"] != nil || ours["message"] != strings.ReplaceAll(fmt.Sprint(want["detail"]), "i0-big", "i1-big") {
		t.Errorf("ringfence %v, want the sentence %v", ours, want["detail"])
	}
	if len(ours["violations"].([]any)) != len(want["violations"].([]any)) {
		t.Errorf("violations %v, want those of the refusal %v", ours["violations"], want["violations"])
	}
	decision := a.do(call{as: "operator", path: "/placement/v1/decisions/" + fmt.Sprint(ours["decisionId"])}).want(200).object()
	if decision["outcome"] != "REFUSE" || decision["enforcement"] != "OBSERVE" || decision["clientId"] != "vnfm-a" {
		t.Errorf("decision %v", decision)
	}
	a.leavesNothing("i1")
	path := strings.TrimPrefix(got.header.Get("Location"), a.url)
	if diff := cmp.Diff(g, a.do(call{as: "vnfm-a", path: path}).want(200).object()); diff != "" {
		t.Errorf("read again (-answered +read):\n%s", diff)
	}
	a.do(call{as: "vnfm-b", path: path}).problem(404)
	if diff := cmp.Diff(g, a.grant("vnfm-a", request).want(201).object()); diff != "" {
		t.Errorf("the same request is answered otherwise:\n%s", diff)
	}
	a.grant("vnfm-b", refused("i2")).problem(403) // nobody else is observed
	a.setMode("CLIENT:vnfm-a", "ENFORCE").want(200)
	if p := a.grant("vnfm-a", request).problem(403); p["decisionId"] == ours["decisionId"] {
		t.Error("the refusal is the decision that was let pass: it was not decided anew")
	}
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(200)
	a.grant("vnfm-a", request).want(201)
}

// leavesNothing expects no trace of a VNF instance but decisions.
func (a *api) leavesNothing(instance string) {
	a.t.Helper()
	for _, path := range []string{"reservations", "residencies"} {
		if list := a.do(call{as: "operator", path: "/placement/v1/" + path + "?filter=" + url.QueryEscape("(eq,vnfInstanceId,"+instance+")")}).want(200).list(); len(list) > 0 {
			a.t.Errorf("%s of %s: %v", path, instance, list)
		}
	}
	for _, host := range []string{"h1", "h2"} {
		for _, d := range a.do(call{as: "operator", path: "/directives/v1/hosts/" + host + "/directives?after=0"}).want(200).list() {
			if strings.Contains(fmt.Sprint(d), instance) {
				a.t.Errorf("host %s was told %v", host, d)
			}
		}
	}
}

// TestObservedDecision expects a refusal that was let pass to be found by a filter and to replay identically.
func TestObservedDecision(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(201)
	a.grant("vnfm-a", refused("i1")).want(201)
	a.grant("vnfm-a", instantiate("i2", "vnfd-a", "open")).want(201)
	found := a.do(call{as: "auditor", path: "/placement/v1/decisions?filter=" + url.QueryEscape("(eq,enforcement,OBSERVE);(eq,clientId,vnfm-a)")}).want(200).list()
	if len(found) != 1 || found[0]["outcome"] != "REFUSE" {
		t.Fatalf("decisions %v", found)
	}
	replay := a.do(call{as: "auditor", method: "POST", path: "/placement/v1/decisions/" + fmt.Sprint(found[0]["id"]) + "/replay"}).want(200).object()
	if same, _ := replay["identical"].(bool); !same {
		t.Errorf("replay %v", replay)
	}
}

// TestObservedClientIsGrantedAsEver expects what can be granted to be granted with all that belongs to it.
func TestObservedClientIsGrantedAsEver(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(201)
	ours := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).want(201).object()["additionalParams"].(object)["ringfence"].(object)
	if ours["enforcement"] != nil || ours["violations"] != nil || len(ours["placements"].([]any)) != 1 {
		t.Errorf("ringfence %v", ours)
	}
}

// TestObservingAnswersNothingElse expects every answer that is no refusal of a policy to be as ever for an observed client.
func TestObservingAnswersNothingElse(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for id := range testClients {
		a.setMode("CLIENT:"+id, "OBSERVE").want(201)
	}
	a.setMode("CLIENT:", "OBSERVE").problem(404)
	twice := refused("i1")
	twice["addResources"] = append(twice["addResources"].([]object), twice["addResources"].([]object)[0])
	for name, c := range map[string]struct {
		as     string
		body   any
		status int
	}{
		"nobody":                   {"", refused("i1"), 401},
		"a token of nobody":        {"vnfm-z", refused("i1"), 401},
		"a role that may not ask":  {"operator", refused("i1"), 403},
		"no JSON":                  {"vnfm-a", "{", 400},
		"an attribute is missing":  {"vnfm-a", object{"vnfInstanceId": "i1"}, 422},
		"an operation of nobody":   {"vnfm-a", with(refused("i1"), "operation", "EXPLODE"), 422},
		"one id for two resources": {"vnfm-a", twice, 422},
	} {
		if p := a.grant(c.as, c.body).problem(c.status); p["decisionId"] != nil {
			t.Errorf("%s: decided: %v", name, p)
		}
	}
	a.store.Close() // the database has gone
	a.grant("vnfm-a", refused("i1")).problem(503)
}

// with is an object with another value of one member.
func with(o object, name string, value any) object {
	o[name] = value
	return o
}

// TestObservedRequestsAtOnce expects one empty grant for requests that are the same.
func TestObservedRequestsAtOnce(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(201)
	ids := make([]string, 8)
	var all errgroup.Group
	for i := range ids {
		all.Go(func() error {
			ids[i] = fmt.Sprint(a.grant("vnfm-a", refused("i1")).want(201).object()["id"])
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("grants %v, want one", ids)
		}
	}
}

// TestEnforcementModes follows the resource: who may set what, conditions, bad input, the list.
func TestEnforcementModes(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	observe, enforce := object{"mode": "OBSERVE", "reason": "r"}, object{"mode": "ENFORCE", "reason": "r"}
	put := func(as, id string, body any, header map[string]string) answer {
		return a.do(call{as: as, method: "PUT", path: modePath(id), body: body, header: header})
	}
	if p := put("operator", "CLIENT:vnfm-a", observe, nil).problem(403); !strings.Contains(fmt.Sprint(p["detail"]), "APPROVER") {
		t.Errorf("refused with %v", p["detail"])
	}
	for _, as := range []string{"vnfm-a", "agent", "auditor", "author"} {
		put(as, "CLIENT:vnfm-a", enforce, nil).problem(403)
	}
	a.do(call{as: "auditor", path: modePath("CLIENT:vnfm-a")}).problem(404)
	created := put("approver", "CLIENT:a/b c", observe, map[string]string{"If-None-Match": "*"}).want(201)
	if created.header.Get("Location") != a.url+modePath("CLIENT:a/b c") || created.header.Get("ETag") != `"1"` {
		t.Errorf("headers %v", created.header)
	}
	m := created.object()
	if m["id"] != "CLIENT:a/b c" || m["clientId"] != "a/b c" || m["vimConnectionId"] != nil || m["mode"] != "OBSERVE" || m["actorId"] != "approver" {
		t.Errorf("mode %v", m)
	}
	if diff := cmp.Diff(m, a.do(call{as: "auditor", path: modePath("CLIENT:a/b c")}).want(200).object()); diff != "" {
		t.Error(diff)
	}
	put("approver", "CLIENT:a/b c", observe, map[string]string{"If-None-Match": "*"}).problem(412)
	put("operator", "CLIENT:a/b c", enforce, map[string]string{"If-Match": `"7"`}).problem(412)
	put("operator", "CLIENT:a/b c", enforce, map[string]string{"If-Match": `"1"`}).want(200)
	if again := put("operator", "CLIENT:a/b c", enforce, nil).want(200); again.header.Get("ETag") != `"2"` {
		t.Errorf("what was so already is a change: %v", again.header)
	}
	put("approver", "VIM_CONNECTION:vim-of-nobody", observe, nil).want(201)
	for id, body := range map[string]any{
		"CLIENT:x": object{"mode": "OBSERVE"}, "CLIENT:y": object{"mode": "OBSERVE", "reason": " "}, "CLIENT:z": object{"mode": "MAYBE", "reason": "r"},
	} {
		put("approver", id, body, nil).problem(422)
	}
	put("approver", "HOST:h1", observe, nil).problem(404)
	var ids []string
	for _, m := range a.do(call{as: "auditor", path: "/placement/v1/enforcement_modes"}).want(200).list() {
		ids = append(ids, fmt.Sprint(m["id"], " ", m["mode"]))
	}
	if diff := cmp.Diff([]string{"CLIENT:a/b c ENFORCE", "VIM_CONNECTION:vim-of-nobody OBSERVE"}, ids); diff != "" {
		t.Error(diff)
	}
	only := a.do(call{as: "auditor", path: "/placement/v1/enforcement_modes?filter=" + url.QueryEscape("(eq,mode,OBSERVE)")}).want(200).list()
	if len(only) != 1 || only[0]["vimConnectionId"] != "vim-of-nobody" {
		t.Errorf("observed %v", only)
	}
}

// TestEnforcementReportOfClient counts what an observed client was let pass, by rule.
func TestEnforcementReportOfClient(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", refused("i0")).problem(403) // before: not counted
	a.do(call{as: "auditor", path: modePath("CLIENT:vnfm-a") + "/report"}).problem(404)
	a.setMode("CLIENT:vnfm-a", "OBSERVE").want(201)
	a.grant("vnfm-a", refused("i1")).want(201)
	a.grant("vnfm-a", refused("i1")).want(201) // the same again
	a.grant("vnfm-a", refused("i2")).want(201)
	a.grant("vnfm-a", instantiate("i3", "vnfd-of-nobody", "open")).want(201)
	report := a.do(call{as: "auditor", path: modePath("CLIENT:vnfm-a") + "/report"}).want(200).object()
	counts := map[string]any{}
	for _, r := range report["refusals"].([]any) {
		counts[fmt.Sprint(r.(object)["ruleId"])] = r.(object)["count"]
		a.do(call{as: "auditor", path: "/placement/v1/decisions/" + fmt.Sprint(r.(object)["decisionIds"].([]any)[0])}).want(200)
	}
	if counts["CAPACITY"] != 2.0 || counts["UNKNOWN"] != 1.0 {
		t.Errorf("refusals %v", counts)
	}
	if change := report["onEnforce"].(object); change["refusals"] != 3.0 || change["evictions"] != 0.0 {
		t.Errorf("onEnforce %v", change)
	}
	later := url.QueryEscape(time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	if report := a.do(call{as: "auditor", path: modePath("CLIENT:vnfm-a") + "/report?since=" + later}).want(200).object(); len(report["refusals"].([]any)) > 0 {
		t.Errorf("since later: %v", report["refusals"])
	}
	a.do(call{as: "auditor", path: modePath("CLIENT:vnfm-a") + "/report?since=yesterday"}).problem(400)
	a.do(call{as: "vnfm-a", path: modePath("CLIENT:vnfm-a") + "/report"}).problem(403)
}

// TestObservedVIMConnection expects advisory directives behind an observed VIM connection, the change of the mode in the sequence of
// every host, and enforcement in grants where somebody has reported.
func TestObservedVIMConnection(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	enforcement := func(instance string) any {
		g := a.grant("vnfm-a", with(instantiate(instance, "vnfd-a", "open"), "vnfInstanceId", "amf")).want(201).object()
		return g["additionalParams"].(object)["ringfence"].(object)["placements"].([]any)[0].(object)["enforcement"]
	}
	if got := enforcement("i1"); got != "ADVISORY" {
		t.Errorf("nobody stands behind the host: %v", got)
	}
	report := object{"observedAt": time.Now().UTC().Format(time.RFC3339Nano), "residencies": []object{}, "cacheEntries": []object{}}
	a.do(call{as: "agent-h1", method: "PUT", path: "/directives/v1/hosts/h1/observed_state", body: report}).want(200)
	if got := enforcement("i2"); got != "ENFORCED" {
		t.Errorf("an agent has reported: %v", got)
	}
	a.setMode("VIM_CONNECTION:vim-1", "OBSERVE").want(201)
	if got := enforcement("i3"); got != "ADVISORY" {
		t.Errorf("the VIM connection is observed: %v", got)
	}
	a.setMode("VIM_CONNECTION:vim-1", "ENFORCE").want(200)
	var told []string
	for i, d := range a.do(call{as: "agent-h1", path: "/directives/v1/hosts/h1/directives?after=0"}).want(200).list() {
		if d["seq"] != float64(i+1) {
			t.Errorf("directive %d has the number %v", i+1, d["seq"])
		}
		if line := fmt.Sprint(d["kind"], " ", d["enforcement"]); len(told) == 0 || told[len(told)-1] != line {
			told = append(told, line)
		}
	}
	wantTold := []string{"CACHE <nil>", "PLACE <nil>", "CACHE <nil>", "PLACE <nil>", "ENFORCEMENT ADVISORY", "CACHE ADVISORY", "PLACE ADVISORY", "ENFORCEMENT <nil>"}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	other := a.do(call{as: "operator", path: "/directives/v1/hosts/h2/directives?after=0"}).want(200).list()
	if len(other) != 2 || other[0]["kind"] != "ENFORCEMENT" || other[0]["enforcement"] != "ADVISORY" || other[1]["enforcement"] != nil {
		t.Errorf("the other host was told %v", other)
	}
}
