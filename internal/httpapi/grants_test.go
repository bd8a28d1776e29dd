package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/grant"
	"ringfence/internal/placement"
	"ringfence/internal/postgres"
	"ringfence/internal/replica"
)

var lowerUUIDv4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestGrant(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-a", "open")
	request["addResources"] = append(request["addResources"].([]object), object{"id": "port", "type": "LINKPORT"}, object{"id": "disk", "type": "STORAGE"})
	got := a.grant("vnfm-a", request).want(201)
	g := got.object()
	id := fmt.Sprint(g["id"])
	if !lowerUUIDv4.MatchString(id) {
		t.Errorf("grant id %s is no lower-case UUID v4", id)
	}
	location := got.header.Get("Location")
	if want := a.url + "/grant/v1/grants/" + id; location != want {
		t.Errorf("Location %s, want %s", location, want)
	}
	if got.header.Get("Version") == "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", got.header)
	}
	infos := g["addResources"].([]any)
	if len(infos) != 3 || infos[0].(object)["zoneId"] != "zone-1" || infos[1].(object)["resourceDefinitionId"] != "port" {
		t.Errorf("addResources %v", infos)
	}
	if diff := cmp.Diff([]any{object{"id": "zone-1", "zoneId": "nova:h1", "vimConnectionId": "vim-1"}}, g["zones"]); diff != "" {
		t.Error(diff)
	}
	ours := g["additionalParams"].(object)["ringfence"].(object)
	placed := ours["placements"].([]any)[0].(object)
	if placed["hostId"] != "h1" || placed["runtimeClass"] != "runc" || ours["decisionId"] == "" {
		t.Errorf("ringfence %v", ours)
	}
	read := a.do(call{as: "vnfm-a", path: strings.TrimPrefix(location, a.url)}).want(200)
	if diff := cmp.Diff(g, read.object()); diff != "" {
		t.Errorf("read again (-answered +read):\n%s", diff)
	}
	a.do(call{as: "vnfm-b", path: strings.TrimPrefix(location, a.url)}).problem(404)
	a.do(call{as: "vnfm-a", path: "/grant/v1/grants/6fc3539c-e602-4afa-8e13-962fb5a7d81d"}).problem(404)
}

func TestGrantIsReplayed(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-a", "open")
	first := a.grant("vnfm-a", request).want(201).object()
	again := a.grant("vnfm-a", request).want(201)
	if diff := cmp.Diff(first, again.object()); diff != "" {
		t.Errorf("the same request is answered otherwise:\n%s", diff)
	}
	if again.header.Get("Location") != a.url+"/grant/v1/grants/"+fmt.Sprint(first["id"]) {
		t.Errorf("Location %s", again.header.Get("Location"))
	}
	// The encoding of the Tacker family's v1 API is the same request.
	inner, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if twice := a.grant("vnfm-a", string(mustJSON(t, string(inner)))).want(201).object(); twice["id"] != first["id"] {
		t.Errorf("encoded twice: grant %v, want %v", twice["id"], first["id"])
	}
	// Another client's request with the same operation occurrence is another request.
	theirs := instantiate("i2", "vnfd-b", "open")
	theirs["vnfLcmOpOccId"] = request["vnfLcmOpOccId"]
	if other := a.grant("vnfm-b", theirs).want(201).object(); other["id"] == first["id"] {
		t.Error("another client was given the same grant")
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("secret-amf", "vnfd-a", "plain")).want(201)
	got := a.grant("vnfm-b", instantiate("i2", "vnfd-a", "plain"))
	p := got.problem(403)
	if p["title"] != "Grant refused" || p["decisionId"] == nil || !strings.HasPrefix(fmt.Sprint(p["detail"]), "Refused: ") {
		t.Errorf("refusal %s", got.body)
	}
	rules := map[string]object{}
	for _, v := range p["violations"].([]any) {
		rules[fmt.Sprint(v.(object)["ruleId"])] = v.(object)
	}
	for _, rule := range []string{"R-POOL", "R-SEPNF"} {
		v := rules[rule]
		if v == nil || v["hostCount"] != 1.0 || v["message"] == "" || fmt.Sprint(v["resourceDefinitionIds"]) != "[i2-plain]" {
			t.Errorf("violation of %s: %v", rule, v)
		}
	}
	for _, name := range []string{"secret-amf", "vnfm-a", "h1", "h2", "TD-B"} {
		if strings.Contains(string(got.body), name) {
			t.Errorf("the refusal tells %q: %s", name, got.body)
		}
	}
	// Asking the same again is the same decision, and its reasons are the same.
	if again := a.grant("vnfm-b", instantiate("i2", "vnfd-a", "plain")).problem(403); again["detail"] != p["detail"] {
		t.Errorf("asked again: %v, want %v", again["detail"], p["detail"])
	}
}

func TestRefusalNamesWhatIsUnknown(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for name, request := range map[string]object{
		"vnfd-of-nobody":   instantiate("i1", "vnfd-of-nobody", "open"),
		"comp-of-nobody":   instantiate("i1", "vnfd-a", "comp-of-nobody"),
		"handle-of-nobody": constrained("handle-of-nobody"),
	} {
		p := a.grant("vnfm-a", request).problem(403)
		if !strings.Contains(fmt.Sprint(p["detail"]), name) || fmt.Sprint(p["violations"].([]any)[0].(object)["ruleId"]) != "UNKNOWN" {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// TestRefusalNamesWhatItIsAbout expects the resources that an unknown object stops, and each object once.
func TestRefusalNamesWhatItIsAbout(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	two := instantiate("i1", "vnfd-a", "comp-of-nobody")
	two["addResources"] = append(two["addResources"].([]object), object{"id": "other", "type": "COMPUTE", "vduId": "comp-of-nobody"}, object{"id": "fine", "type": "COMPUTE", "vduId": "open"})
	wish := instantiate("i1", "vnfd-a", "open")
	wish["additionalParams"] = object{"ringfence": object{"components": object{"opne": object{"isolation": "VM"}, "open": object{"runtime": "kat"}}}}
	level := instantiate("i1", "vnfd-a", "open")
	level["instantiationLevelId"], level["flavourId"] = "il-1", "f"
	delete(level, "addResources")
	scale := instantiate("i1", "vnfd-a", "open")
	scale["targetScaleLevelInfo"] = []object{{"aspectId": "sessions", "scaleLevel": 2}}
	delete(scale, "addResources")
	for detail, c := range map[string]struct {
		request object
		ids     []any // of each violation
	}{
		"Refused: UNKNOWN: unknown component comp-of-nobody of VNFD vnfd-a.": {two, []any{[]any{"i1-comp-of-nobody", "other"}}},
		"Refused: UNKNOWN: unknown runtime class kat; UNKNOWN: unknown component opne of VNFD vnfd-a, named in additionalParams.ringfence.components.": {
			wish, []any{[]any{"i1-open"}, []any{}},
		},
		"Refused: UNKNOWN: unknown deployment flavour f in the VNF profile of vnfd-a, to expand the size by; list the resources in addResources.": {level, []any{[]any{}}},
		"Refused: UNKNOWN: unknown deployment flavour in the VNF profile of vnfd-a, to expand the size by; list the resources in addResources.":   {scale, []any{[]any{}}},
	} {
		p := a.grant("vnfm-a", c.request).problem(403)
		var ids []any
		for _, v := range p["violations"].([]any) {
			ids = append(ids, v.(object)["resourceDefinitionIds"])
		}
		if p["detail"] != detail {
			t.Errorf("detail %q, want %q", p["detail"], detail)
		}
		if diff := cmp.Diff(c.ids, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", detail, diff)
		}
	}
}

// TestMisspeltWishesAreFaults: what is ours and tightens must not be ignored.
func TestMisspeltWishesAreFaults(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for pointer, ringfence := range map[string]object{
		"/additionalParams/ringfence/component":                 {"component": object{}},
		"/additionalParams/ringfence/components/open/isolaton":  {"components": object{"open": object{"isolaton": "VM"}}},
		"/additionalParams/ringfence/components/open/isolation": {"components": object{"open": object{"isolation": "HARD"}}},
	} {
		r := instantiate("i1", "vnfd-a", "open")
		r["additionalParams"] = object{"ringfence": ringfence, "vendor": "anything"}
		if p := a.grant("vnfm-a", r).problem(422); fmt.Sprint(pointers(p)) != "["+pointer+"]" {
			t.Errorf("%s: %v", pointer, p)
		}
	}
}

func constrained(resource string) object {
	r := instantiate("i1", "vnfd-a", "open")
	r["placementConstraints"] = []object{{
		"affinityOrAntiAffinity": "ANTI_AFFINITY", "scope": "NFVI_NODE",
		"resource": []object{{"idType": "GRANT", "resourceId": "i1-open"}, {"idType": "RES_MGMT", "resourceId": resource}},
	}}
	return r
}

func TestNothingIsGrantedWithoutPolicy(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if _, err := a.store.Import(t.Context(), fleet(), true, placement.EndRules{}, "operator", nil); err != nil {
		t.Fatal(err)
	}
	p := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).problem(403)
	if !strings.Contains(fmt.Sprint(p["detail"]), "NO-POLICY") {
		t.Errorf("detail %v", p["detail"])
	}
}

func TestRefusalNamesTheNeededIsolationAndCapacity(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	p := a.grant("vnfm-a", instantiate("i1", "vnfd-a", "big")).problem(403)
	if !strings.Contains(string(mustJSON(t, p["violations"])), "CAPACITY") || !strings.Contains(fmt.Sprint(p["detail"]), "cpuMillis") {
		t.Errorf("refusal %v", p)
	}
}

// VNFMs of many releases: every version of the standard is answered, by MAJOR.MINOR.
func TestVersions(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for asked, want := range map[string]string{
		"": "1.1.1", "1.1.1": "1.1.1", "1.3.0": "1.3.0", "1.4.0": "1.4.0", "1.4.7": "1.4.0", "1.12.0": "1.12.0",
		"1.4.0-impl:example.com:pp:1": "1.4.0",
	} {
		header := map[string]string{}
		if asked != "" {
			header["Version"] = asked
		}
		got := a.do(call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: instantiate("i1", "vnfd-a", "open"), header: header}).want(201)
		if v := got.header.Get("Version"); v != want {
			t.Errorf("Version %q is answered %q, want %q", asked, v, want)
		}
	}
	for asked, status := range map[string]int{"1": 400, "1.4": 400, "v1.4.0": 400, "1.4.0 ": 201, "2.0.0": 406, "1.2.0": 406, "1.40.0": 406} {
		got := a.do(call{
			as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: instantiate("i1", "vnfd-a", "open"), header: map[string]string{"Version": asked},
		})
		if got.status != status || got.header.Get("Version") == "" {
			t.Errorf("Version %q: %d %q, want %d", asked, got.status, got.header.Get("Version"), status)
		}
	}
	versions := a.do(call{as: "agent", path: "/grant/api_versions", header: map[string]string{"Version": "nonsense"}}).want(200).object()
	if versions["uriPrefix"] != a.url+"/grant/v1/" || len(versions["apiVersions"].([]any)) < 5 {
		t.Errorf("api_versions %v", versions)
	}
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).want(201)
	r := instantiate("i1", "vnfd-a", "open")
	r["operation"], r["vnfLcmOpOccId"] = "TERMINATE", "op-end"
	r["removeResources"] = r["addResources"]
	delete(r, "addResources")
	g := a.grant("vnfm-a", r).want(201).object()
	if diff := cmp.Diff([]any{object{"resourceDefinitionId": "i1-open"}}, g["removeResources"]); diff != "" {
		t.Error(diff)
	}
}

// confirming is a store in which a host confirms what a request supersedes just before the request is committed.
type confirming struct {
	*postgres.Store
	confirm func() error
}

func (s confirming) Commit(ctx context.Context, c placement.Commit, verify placement.Verify) (placement.CommitResult, error) {
	if len(c.Supersedes) > 0 {
		if err := s.confirm(); err != nil {
			return placement.CommitResult{}, err
		}
	}
	return s.Store.Commit(ctx, c, verify)
}

// TestWhatIsSupersededIsConfirmedMeanwhile asks with another body while the host takes up what was granted first: that stays, and
// the request is answered all the same.
func TestWhatIsSupersededIsConfirmedMeanwhile(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	log := slog.New(slog.DiscardHandler)
	rep := replica.New(a.store, log)
	if err := rep.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	follow(t, rep)
	commits := 0
	store := confirming{a.store, func() error {
		commits++
		return a.store.RecordAck(t.Context(), placement.Ack{HostID: "h1", Seq: 2, Outcome: placement.AckApplied}, "agent", placement.EndRules{})
	}}
	grants := grant.New(store, rep, grant.Settings{ReservationTTL: time.Hour, AttestationMargin: 2 * time.Second}, unobserved{}, log)
	ask := func(body string) grant.Result {
		t.Helper()
		res, err := grants.Grant(t.Context(), grant.Ask{ClientID: "vnfm-a", BodySHA256: sha256.Sum256([]byte(body)), Request: placement.GrantRequest{
			VNFInstanceID: "i1", VNFLcmOpOccID: "occ", VNFDID: "vnfd-a", Operation: placement.OpInstantiate,
			AddResources: []placement.ResourceDefinition{{ID: body, Type: placement.ResourceCompute, VDUID: "open"}},
		}})
		if err != nil || !res.Granted {
			t.Fatalf("%s: %+v, %v", body, res.Decision.Explanation, err)
		}
		return res
	}
	first := ask("first")
	second := ask("second")
	if commits != 1 || first.Grant.ID == second.Grant.ID || len(second.Decision.Inputs.Superseded) != 0 {
		t.Errorf("after %d commits that supersede, superseded are %v", commits, second.Decision.Inputs.Superseded)
	}
	list, err := a.store.ListPlacedResidencies(t.Context(), "", first.Grant.ID, placement.Page{Limit: 10})
	if err != nil || len(list) != 1 || list[0].State != placement.StateRunning {
		t.Errorf("what was confirmed: %+v, %v", list, err)
	}
}
