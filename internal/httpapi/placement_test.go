package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ringfence/internal/placement"
)

// decide asks for a dry run.
func (a *api) decide(as string, question object) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: "/placement/v1/decisions", body: question})
}

// at walks into a decoded JSON value by member names and indices.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch s := step.(type) {
		case string:
			o, _ := v.(object)
			v = o[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				t.Fatalf("nothing at %v", path[:i+1])
			}
			v = l[s]
		}
	}
	return v
}

func TestDryRunExplains(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("secret-amf", "vnfd-a", "plain")).want(201)
	question := object{"grantRequest": instantiate("i2", "vnfd-a", "plain"), "explain": "FULL"}
	got := a.decide("operator", question).want(201)
	d := got.object()
	if got.header.Get("Location") != fmt.Sprint(a.url, "/placement/v1/decisions/", d["id"]) {
		t.Errorf("Location %s", got.header.Get("Location"))
	}
	if d["kind"] != "DRY_RUN" || d["outcome"] != "REFUSE" || d["placements"] != nil || len(d["policies"].([]any)) != 1 {
		t.Errorf("decision %s", got.body)
	}
	demand := at(t, d, "explanation", "demands", 0).(object)
	if demand["hostsTotal"] != 2.0 || demand["hostsFeasible"] != 0.0 || demand["feasible"] != nil {
		t.Errorf("demand %v", demand)
	}
	want := []any{
		object{"ruleId": "R-POOL", "in": 2.0, "out": 1.0}, object{"ruleId": "R-SEPNF", "in": 1.0, "out": 0.0},
	}
	if diff := cmp.Diff(want, demand["funnel"]); diff != "" {
		t.Error(diff)
	}
	reason := at(t, demand, "rejected", 0, "reasons", 0).(object)
	if reason["ruleId"] != "R-SEPNF" || reason["againstId"] == nil || !strings.Contains(fmt.Sprint(reason["message"]), "secret-amf") ||
		!strings.Contains(fmt.Sprint(reason["message"]), "host h1") {
		t.Errorf("reason %v", reason)
	}
	if miss := at(t, demand, "nearestMiss", "hostId"); miss != "h1" {
		t.Errorf("nearest miss %v", miss)
	}
	if diff := cmp.Diff(d, a.do(call{as: "auditor", path: "/placement/v1/decisions/" + fmt.Sprint(d["id"])}).want(200).object()); diff != "" {
		t.Errorf("read again (-answered +read):\n%s", diff)
	}
	// A VNFM asks the same and reads no names of others, nor where they are.
	asked := a.decide("vnfm-b", question).want(201)
	for _, name := range []string{"secret-amf", "vnfm-a", `"h1"`, "rejected", "nearestMiss", "againstId"} {
		if strings.Contains(string(asked.body), name) {
			t.Errorf("a VNFM reads %s: %s", name, asked.body)
		}
	}
	if diff := cmp.Diff(want, at(t, asked.object(), "explanation", "demands", 0, "funnel")); diff != "" {
		t.Error(diff)
	}
}

func TestDryRunLevels(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-b", "open")
	none := a.decide("operator", object{"grantRequest": request, "explain": "NONE"}).want(201).object()
	if none["explanation"] != nil || len(none["placements"].([]any)) != 1 || none["outcome"] != "GRANT" {
		t.Errorf("NONE: %v", none)
	}
	funnel := at(t, a.decide("operator", object{"grantRequest": request}).want(201).object(), "explanation", "demands", 0).(object)
	if funnel["hostsFeasible"] != 2.0 || funnel["feasible"] != nil {
		t.Errorf("FUNNEL: %v", funnel)
	}
	full := at(t, a.decide("operator", object{"grantRequest": request, "explain": "FULL"}).want(201).object(), "explanation", "demands", 0).(object)
	if list := full["feasible"].([]any); len(list) != 2 || at(t, list, 0, "hostId") != "h1" || at(t, list, 0, "cache", "*") == nil {
		t.Errorf("FULL: %v", full)
	}
	limited := at(t, a.decide("operator", object{"grantRequest": request, "explain": "FULL", "limit": 1}).want(201).object(), "explanation", "demands", 0).(object)
	if list := limited["feasible"].([]any); len(list) != 1 || limited["hostsFeasible"] != 2.0 {
		t.Errorf("limit 1: %v", limited)
	}
	only := a.decide("operator", object{"grantRequest": request, "hostIds": []string{"h2"}}).want(201).object()
	if at(t, only, "placements", 0, "hostId") != "h2" || at(t, only, "explanation", "demands", 0, "hostsTotal") != 1.0 {
		t.Errorf("only h2: %v", only)
	}
	unknown := a.decide("operator", object{"grantRequest": request, "hostIds": []string{"h1", "h9"}}).problem(422)
	if !strings.Contains(fmt.Sprint(unknown["detail"]), `"h9"`) {
		t.Errorf("unknown host: %v", unknown)
	}
	if reserved := a.do(call{as: "operator", path: "/placement/v1/reservations"}).want(200).list(); len(reserved) != 0 {
		t.Errorf("a dry run reserved %v", reserved)
	}
}

func TestDryRunOfACandidatePolicy(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	active := fmt.Sprint(a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies"}).want(200).list()[0]["id"])
	strict := strings.Replace(separation("2.0.0"), "rules:\n", "rules:\n  - {id: R-KATA, kind: require-isolation, params: {level: VM}, rationale: x}\n", 1)
	a.transfer(active, "2.0.0", strict, yamlPolicy).want(201)
	question := func(policy, version string) object {
		return object{
			"grantRequest": instantiate("i1", "vnfd-a", "plain"), "explain": "FULL", "candidatePolicy": object{"policyId": policy, "version": version},
		}
	}
	d := a.decide("author", question(active, "2.0.0")).want(201).object()
	if d["outcome"] != "REFUSE" || at(t, d, "policies", 0, "version") != "2.0.0" || len(d["policies"].([]any)) != 1 {
		t.Errorf("candidate of an active policy: %v", d)
	}
	if now := a.decide("author", object{"grantRequest": instantiate("i1", "vnfd-a", "plain")}).want(201).object(); now["outcome"] != "GRANT" {
		t.Errorf("the policy in force: %v", now)
	}
	// A policy that is not in force is judged beside those that are.
	other := a.policy("1", strings.Replace(strict, `"2.0.0"`, `"1"`, 1))
	both := a.decide("author", question(other, "1")).want(201).object()
	if both["outcome"] != "REFUSE" || len(both["policies"].([]any)) != 2 {
		t.Errorf("candidate beside an active policy: %v", both)
	}
	a.decide("vnfm-a", question(active, "2.0.0")).problem(403) // what is being prepared is none of a VNFM's business
	a.decide("vnfm-a", question("nobody", "1")).problem(403)
	a.decide("author", question(active, "9")).problem(404)
	a.decide("author", question("nobody", "1")).problem(404)
	for _, id := range []any{d["id"], both["id"]} {
		a.replayed(fmt.Sprint(id))
	}
}

// replayed checks that a decision replays to the same answer.
func (a *api) replayed(id string) {
	a.t.Helper()
	r := a.do(call{as: "auditor", method: "POST", path: "/placement/v1/decisions/" + id + "/replay"}).want(200).object()
	if fmt.Sprint(r["identical"]) != "true" || len(r["differences"].([]any)) != 0 {
		a.t.Errorf("replay of %s: %v", id, r["differences"])
	}
}

func TestEveryDecisionReplays(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	granted := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201).object()
	a.grant("vnfm-a", instantiate("i2", "vnfd-a", "plain")).want(403)
	a.grant("vnfm-a", instantiate("i3", "nobody", "plain")).want(403)
	a.decide("operator", object{"grantRequest": instantiate("i4", "vnfd-b", "open"), "explain": "FULL"}).want(201)
	a.decide("operator", object{"grantRequest": instantiate("i4", "vnfd-b", "plain"), "explain": "FULL", "hostIds": []string{"h1"}}).want(201)
	a.do(call{as: "agent", method: "POST", path: "/placement/v1/cache_decisions", body: cacheQuestion("h2", "TD-B")}).want(201)
	// The present differs from what the decisions saw.
	if _, err := a.store.Import(t.Context(), &placement.Inventory{HostPools: []placement.HostPool{{ID: "P1"}, {ID: "P2"}}}, true, placement.EndRules{}, "operator", nil); err != nil {
		t.Fatal(err)
	}
	all := a.do(call{as: "auditor", path: "/placement/v1/decisions"}).want(200).list()
	if len(all) != 6 {
		t.Errorf("%d decisions, want 6", len(all))
	}
	for _, d := range all {
		a.replayed(fmt.Sprint(d["id"]))
	}
	decision := fmt.Sprint(at(t, granted, "additionalParams", "ringfence", "decisionId"))
	a.do(call{as: "vnfm-a", method: "POST", path: "/placement/v1/decisions/" + decision + "/replay"}).problem(403)
	a.do(call{as: "auditor", method: "POST", path: "/placement/v1/decisions/nobody/replay"}).problem(404)
}

func cacheQuestion(host, domain string) object {
	return object{"digest": "sha256:" + strings.Repeat("a", 64), "hostId": host, "trustDomainId": domain, "purpose": "PRE_PULL"}
}

func TestCacheDecisions(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	ask := func(as string, q object) answer {
		return a.do(call{as: as, method: "POST", path: "/placement/v1/cache_decisions", body: q})
	}
	got := ask("agent", cacheQuestion("h2", "TD-B")).want(201)
	yes := got.object()
	if yes["outcome"] != "ALLOW" || yes["mode"] == nil || yes["reasons"] != nil {
		t.Errorf("allowed: %s", got.body)
	}
	no := ask("agent", cacheQuestion("h2", "TD-A")).want(201).object()
	if no["outcome"] != "DENY" || no["mode"] != nil || at(t, no, "reasons", 0, "ruleId") != "R-POOL" {
		t.Errorf("denied: %v", no)
	}
	for _, q := range []object{cacheQuestion("h9", "TD-B"), cacheQuestion("h2", "TD-NOBODY")} {
		unknown := ask("agent", q).want(201).object()
		if unknown["outcome"] != "DENY" || at(t, unknown, "reasons", 0, "ruleId") != "UNKNOWN" {
			t.Errorf("unknown: %v", unknown)
		}
	}
	path := strings.TrimPrefix(got.header.Get("Location"), a.url)
	if d := a.do(call{as: "agent", path: path}).want(200).object(); d["kind"] != "CACHE" || d["outcome"] != "GRANT" {
		t.Errorf("decision %v", d)
	}
	a.do(call{as: "vnfm-a", path: path}).problem(404)
}

func TestListDecisions(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "plain")).want(201)
	a.grant("vnfm-a", instantiate("i2", "vnfd-a", "plain")).want(403)
	a.decide("vnfm-b", object{"grantRequest": instantiate("i3", "vnfd-b", "open")}).want(201)
	list := func(as, query string) []object {
		return a.do(call{as: as, path: "/placement/v1/decisions" + query}).want(200).list()
	}
	all := list("auditor", "")
	if len(all) != 3 || all[0]["kind"] != "DRY_RUN" || all[1]["outcome"] != "REFUSE" || all[2]["outcome"] != "GRANT" {
		t.Errorf("not newest first: %v", all)
	}
	for _, d := range all {
		if d["explanation"] != nil {
			t.Errorf("a list has explanations by default: %v", d)
		}
	}
	if d := list("auditor", "?all_fields")[0]; d["explanation"] == nil {
		t.Errorf("all_fields: %v", d)
	}
	if d := list("auditor", "?exclude_default&fields=explanation")[2]; d["explanation"] == nil || d["placements"] == nil {
		t.Errorf("exclude_default with fields: %v", d)
	}
	if d := list("auditor", "?exclude_fields=placements")[2]; d["explanation"] == nil || d["placements"] != nil || d["policies"] == nil {
		t.Errorf("exclude_fields: %v", d)
	}
	if n := len(list("vnfm-a", "")); n != 2 {
		t.Errorf("vnfm-a sees %d decisions, want its 2", n)
	}
	a.do(call{as: "vnfm-a", path: fmt.Sprint("/placement/v1/decisions/", all[0]["id"])}).problem(404)
	a.do(call{as: "vnfm-b", path: fmt.Sprint("/placement/v1/decisions/", all[0]["id"])}).want(200)
	now := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	for filter, want := range map[string]int{
		"(eq,kind,GRANT)": 2, "(eq,kind,GRANT);(eq,outcome,GRANT)": 1, "(gt,at," + now + ")": 3, "(lt,at," + now + ")": 0,
		"(gte,policyEpoch,1)": 3, "(eq,id," + fmt.Sprint(all[0]["id"]) + ")": 1,
	} {
		if got := len(list("auditor", "?filter="+url.QueryEscape(filter))); got != want {
			t.Errorf("%s: %d decisions, want %d", filter, got, want)
		}
	}
	first := a.do(call{as: "auditor", path: "/placement/v1/decisions"}).want(200)
	same := a.do(call{as: "auditor", path: "/placement/v1/decisions", header: map[string]string{"If-None-Match": first.header.Get("ETag")}}).want(304)
	if len(same.body) != 0 || same.header.Get("ETag") != first.header.Get("ETag") || same.header.Get("Content-Type") != "" {
		t.Errorf("304: %v %s", same.header, same.body)
	}
	a.decide("vnfm-b", object{"grantRequest": instantiate("i3", "vnfd-b", "open")}).want(201)
	a.do(call{as: "auditor", path: "/placement/v1/decisions", header: map[string]string{"If-None-Match": first.header.Get("ETag")}}).want(200)
}

// A list of more than a page is read to its end by its links, every entry once, with a filter too.
func TestPages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const entries = 203
	for i := range entries {
		kind := placement.DecisionDryRun
		if i%2 == 0 {
			kind = placement.DecisionCache
		}
		err := a.store.RecordDecision(t.Context(), placement.Decision{
			ID: uuid.NewString(), NFVIPoPID: placement.DecisionPoP, Kind: kind, Outcome: placement.OutcomeRefuse, ClientID: "vnfm-a",
			At: time.Date(2026, 1, 1, 0, 0, i/2, 0, time.UTC), // two of one time
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]int{"": entries, "?filter=%28eq%2Ckind%2CCACHE%29": 102, "?filter=%28eq%2Ckind%2CGRANT%29": 0} {
		seen := map[string]bool{}
		pages := 0
		for path := "/placement/v1/decisions" + query; path != ""; pages++ {
			got := a.do(call{as: "auditor", path: path}).want(200)
			for _, d := range got.list() {
				if id := fmt.Sprint(d["id"]); seen[id] {
					t.Fatalf("%s is listed twice", id)
				} else {
					seen[id] = true
				}
			}
			link := got.header.Get("Link")
			next, isNext := strings.CutSuffix(link, `>; rel="next"`)
			if link != "" && !isNext {
				t.Fatalf("Link %s", link)
			}
			path = strings.TrimPrefix(strings.TrimPrefix(next, "<"), a.url)
		}
		if len(seen) != want {
			t.Errorf("%q: %d entries on %d pages, want %d", query, len(seen), pages, want)
		}
		if full := max(1, (want+49)/50); pages != full {
			t.Errorf("%q: %d entries on %d pages, want %d full ones", query, len(seen), pages, full)
		}
	}
	link := a.do(call{as: "auditor", path: "/placement/v1/decisions?filter=%28eq%2Ckind%2CCACHE%29"}).want(200).header.Get("Link")
	next, err := url.Parse(strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`))
	if err != nil {
		t.Fatal(err)
	}
	marker := next.Query().Get("nextpage_opaque_marker")
	follow := func(as, list, filter, marker string) answer {
		return a.do(call{as: as, path: list + "?" + url.Values{"filter": {filter}, "nextpage_opaque_marker": {marker}}.Encode()})
	}
	const decisions, filter = "/placement/v1/decisions", "(eq,kind,CACHE)"
	follow("auditor", decisions, filter, marker).want(200)
	for what, got := range map[string]answer{
		"another list":   follow("auditor", "/placement/v1/reservations", filter, marker),
		"another filter": follow("auditor", decisions, "(eq,kind,GRANT)", marker),
		"no filter":      a.do(call{as: "auditor", path: decisions + "?nextpage_opaque_marker=" + marker}),
		"another client": follow("operator", decisions, filter, marker),
		"a changed one":  follow("auditor", decisions, filter, marker[:len(marker)-1]+map[bool]string{true: "B", false: "A"}[strings.HasSuffix(marker, "A")]),
		"a longer one":   follow("auditor", decisions, filter, marker+"AAAA"),
		"a shorter one":  follow("auditor", decisions, filter, marker[:len(marker)-8]),
	} {
		if p := got.problem(400); !slices.Equal(pointers(p), []string{"nextpage_opaque_marker"}) {
			t.Errorf("%s: %s", what, got.body)
		}
	}
	if got := a.do(call{as: "auditor", path: next.RequestURI() + "&all_fields"}); got.status != 200 {
		t.Errorf("with another choice of attributes: %d %s", got.status, got.body)
	}
}
