package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// modify changes a policy as an approver.
func (a *api) modify(id string, changes any) answer {
	a.t.Helper()
	return a.do(call{
		as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: changes,
		header: map[string]string{"Content-Type": "application/merge-patch+json"},
	})
}

func (a *api) transfer(id, version, content, mediaType string) answer {
	a.t.Helper()
	return a.do(call{
		as: "author", method: "PUT", path: "/nfvpolicy/v1/policies/" + id + "/versions/" + version, body: content,
		header: map[string]string{"Content-Type": mediaType},
	})
}

// The life of a policy as SOL012 has it, with every conflict on the way.
func TestPolicyLifeCycle(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	created := a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: object{"designer": "d", "name": "n"}}).want(201)
	p := created.object()
	id := fmt.Sprint(p["id"])
	self := a.url + "/nfvpolicy/v1/policies/" + id
	if created.header.Get("Location") != self || created.header.Get("ETag") == "" {
		t.Errorf("headers %v", created.header)
	}
	want := object{
		"id": id, "designer": "d", "name": "n", "activationStatus": "DEACTIVATED", "transferStatus": "CREATED",
		"_links": object{"self": object{"href": self}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id + "/selected_versions"}).problem(404)
	a.modify(id, object{"activationStatus": "ACTIVATED"}).problem(409)
	a.modify(id, object{"addAssociations": []string{"i1"}}).problem(409)

	first := a.transfer(id, "1.0.0", separation("1.0.0"), yamlPolicy).want(201)
	if len(first.body) != 0 || first.header.Get("Location") != self+"/versions/1.0.0" {
		t.Errorf("transferred: %v %s", first.header, first.body)
	}
	a.transfer(id, "1.0.0", separation("1.0.0"), yamlPolicy).problem(409)
	a.transfer(id, "2.0.0", separation("2.0.0"), yamlPolicy).want(201)
	p = a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object()
	if got := fmt.Sprintf("%v %v %v", p["versions"], p["selectedVersion"], p["transferStatus"]); got != "[1.0.0 2.0.0] 1.0.0 TRANSFERRED" {
		t.Errorf("policy %v", p)
	}
	a.modify(id, object{"activationStatus": "DEACTIVATED"}).problem(409)
	a.modify(id, object{"selectedVersion": "9.9.9"}).problem(422)
	a.modify(id, object{}).problem(422)
	a.modify(id, object{"selectedVersion": nil}).problem(422)
	a.modify(id, object{"removeAllAssociations": true, "addAssociations": []string{"i1"}}).problem(422)
	changes := object{"selectedVersion": "2.0.0", "activationStatus": "ACTIVATED"}
	if diff := cmp.Diff(changes, a.modify(id, changes).want(200).object()); diff != "" {
		t.Errorf("the answer is not the modifications:\n%s", diff)
	}
	a.modify(id, object{"activationStatus": "ACTIVATED"}).problem(409)
	version := func(method, v string) answer {
		return a.do(call{as: "author", method: method, path: "/nfvpolicy/v1/policies/" + id + "/versions/" + v})
	}
	version("DELETE", "2.0.0").problem(409)
	version("DELETE", "1.0.0").want(204)
	version("GET", "1.0.0").problem(404)
	version("DELETE", "1.0.0").problem(404)
	a.do(call{as: "author", method: "DELETE", path: "/nfvpolicy/v1/policies/" + id}).problem(409)
	a.modify(id, object{"activationStatus": "DEACTIVATED"}).want(200)
	if p := a.modify(id, object{"bogus": "9"}).problem(422); fmt.Sprint(pointers(p)) != "[/bogus]" {
		t.Errorf("unknown attribute: %v", p)
	}
	a.do(call{as: "author", method: "DELETE", path: "/nfvpolicy/v1/policies/" + id}).want(204)
	a.do(call{as: "author", path: "/nfvpolicy/v1/policies/" + id}).problem(404)
	a.modify(id, changes).problem(404)
	a.transfer(id, "3.0.0", separation("3.0.0"), yamlPolicy).problem(404)
}

func TestPolicyContentIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const asJSON = `{"apiVersion":"ringfence/v1",  "kind":"TrustDomainPolicy","policyVersion":"2","targetType":"COMMON","rules":[{"id":"R","kind":"domain-permit","rationale":"x"}]}`
	id := a.policy("1.0.0", separation("1.0.0"))
	for version, content := range map[string][2]string{
		"2": {asJSON, "application/json"}, "3": {strings.Replace(asJSON, `"2"`, `"3"`, 1), "application/vnd.ringfence.policy+json"},
		"4": {separation("4"), "application/yaml"}, "5": {separation("5") + "\n\n# end", "application/yaml; charset=utf-8"},
	} {
		a.transfer(id, version, content[0], content[1]).want(201)
		got := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id + "/versions/" + version}).want(200)
		if string(got.body) != content[0] || got.header.Get("Content-Type") != content[1] {
			t.Errorf("%s: %s\n%s", version, got.header.Get("Content-Type"), got.body)
		}
	}
	selected := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id + "/selected_versions"}).want(200)
	if string(selected.body) != separation("1.0.0") || selected.header.Get("Content-Type") != yamlPolicy {
		t.Errorf("selected: %s\n%s", selected.header.Get("Content-Type"), selected.body)
	}
	a.do(call{
		as: "auditor", path: "/nfvpolicy/v1/policies/" + id + "/selected_versions", header: map[string]string{"Accept": "application/json"},
	}).problem(406)
	a.do(call{
		as: "auditor", path: "/nfvpolicy/v1/policies/" + id + "/selected_versions", header: map[string]string{"Accept": "application/*;q=0.1"},
	}).want(200)
}

func TestFaultyPolicyIsRefusedWithPositions(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := a.policy("1.0.0", separation("1.0.0"))
	for name, c := range map[string]struct{ content, mediaType, want string }{
		"a kind that is none":    {strings.Replace(separation("2"), "separate-nf", "separate-nff", 1), yamlPolicy, "separate-nff"},
		"another version":        {separation("3"), yamlPolicy, "policyVersion"},
		"no YAML":                {"rules: [", yamlPolicy, ""},
		"no JSON":                {`{"rules": [`, "application/json", ""},
		"no document":            {"", yamlPolicy, ""},
		"a list":                 {"[]", "application/json", ""},
		"something binary":       {"\x00\xff\xfe", "application/yaml", ""},
		"a document of 1 byte":   {"x", "application/yaml", ""},
		"a rationale is missing": {strings.Replace(separation("2"), ", rationale: pools say who may run there", "", 1), yamlPolicy, "rationale"},
	} {
		got := a.transfer(id, "2", c.content, c.mediaType)
		p := got.problem(422)
		list, _ := p["findings"].([]any)
		if len(list) == 0 || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s: %s", name, got.body)
			continue
		}
		for _, f := range list {
			if f := f.(object); f["severity"] == nil || f["code"] == "" || f["message"] == "" {
				t.Errorf("%s: finding %v", name, f)
			}
		}
	}
	if p := a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object(); fmt.Sprint(p["versions"]) != "[1.0.0]" {
		t.Errorf("a refused document was kept: %v", p["versions"])
	}
	a.transfer(id, "not/fit", separation("2"), yamlPolicy).problem(404)
	a.transfer(id, "not%20fit", separation("2"), yamlPolicy).problem(400)
}

func TestPolicyConditions(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := a.policy("1.0.0", separation("1.0.0"))
	path := "/nfvpolicy/v1/policies/" + id
	tag := func() string { return a.do(call{as: "auditor", path: path}).want(200).header.Get("ETag") }
	before := tag()
	a.transfer(id, "2.0.0", separation("2.0.0"), yamlPolicy).want(201)
	after := tag()
	if before == after {
		t.Error("a transfer does not change the ETag")
	}
	patch := func(match string) answer {
		return a.do(call{
			as: "approver", method: "PATCH", path: path, body: object{"selectedVersion": "2.0.0"},
			header: map[string]string{"If-Match": match, "Content-Type": "application/merge-patch+json"},
		})
	}
	patch(before).problem(412)
	changed := patch(after).want(200)
	if changed.header.Get("ETag") != tag() {
		t.Errorf("PATCH answers ETag %s, GET %s", changed.header.Get("ETag"), tag())
	}
	remove := func(match string) answer {
		return a.do(call{as: "author", method: "DELETE", path: path, header: map[string]string{"If-Match": match}})
	}
	remove(after).problem(412)
	remove(`"abc"`).problem(412)
	remove(`"1", "2"`).problem(400)
	got := a.do(call{as: "auditor", path: path, header: map[string]string{"If-None-Match": tag()}})
	if got.status != 200 { // the contract of SOL012 has no 304
		t.Errorf("If-None-Match is answered %d", got.status)
	}
	remove(tag()).want(204)
}

func TestListPolicies(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if got := string(a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies"}).want(200).body); got != "[]\n" {
		t.Errorf("no policies are listed as %s", got)
	}
	first, second := a.policy("1.0.0", separation("1.0.0")), a.policy("7", separation("7"))
	a.modify(first, object{"activationStatus": "ACTIVATED"}).want(200)
	for filter, want := range map[string][]string{
		"(eq,activationStatus,ACTIVATED)":             {first},
		"(eq,versions,7)":                             {second},
		"(in,versions,7,1.0.0);(eq,designer,d)":       {first, second},
		"(eq,id," + second + ")":                      {second},
		"(eq,transferStatus,CREATED)":                 nil,
		"(cont,name,n);(neq,selectedVersion,'1.0.0')": {second},
		"(eq,associations,i1)":                        nil,
		"(eq,pfId,x)":                                 nil,
		"(cont,_links/self/href," + first + ")":       {first},
		"(cont,_links/selected/href,/versions/7)":     {second},
		"(cont,_links/versions/href,/versions/1.0)":   {first},
	} {
		var got []string
		for _, p := range a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies?filter=" + strings.NewReplacer("'", "%27").Replace(filter)}).want(200).list() {
			got = append(got, fmt.Sprint(p["id"]))
		}
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
}

// Associations come from the API or, where it gave none, from the first content; a policy about all has none (SOL012, Policy).
func TestAssociationsOfContent(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	about := func(version, target string) string {
		return strings.Replace(separation(version), "targetType: COMMON", target, 1)
	}
	const ofContent = "targetType: VNF\ntargetObjectId: [i2, i1, i2]"
	for name, c := range map[string]struct {
		set  []string // over the API
		text string
		want string
	}{
		"of the content":                {nil, ofContent, "[i1 i2]"},
		"of the API":                    {[]string{"i9"}, ofContent, "[i9]"},
		"none":                          {nil, "targetType: VNF", "<nil>"},
		"a policy about all":            {nil, "targetType: COMMON", "<nil>"},
		"of the API, about all":         {[]string{"i9"}, "targetType: COMMON", "ASSOCIATIONS_NOT_ALLOWED /targetType"},
		"of the content, about all":     {nil, "targetType: COMMON\ntargetObjectId: [i1]", "ASSOCIATIONS_NOT_ALLOWED /targetObjectId"},
		"no list":                       {nil, "targetType: VNF\ntargetObjectId: i1", "WRONG_TYPE /targetObjectId"},
		"an empty list says too little": {nil, "targetType: VNF\ntargetObjectId: []", "SIZE /targetObjectId"},
	} {
		created := object{"designer": "d", "name": name}
		if c.set != nil {
			created["associations"] = c.set
		}
		id := fmt.Sprint(a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: created}).want(201).object()["id"])
		put := a.transfer(id, "1", about("1", c.text), yamlPolicy)
		var got string
		if put.status == 422 {
			got = strings.Join(findings(put.problem(422)), ", ")
		} else {
			put.want(201)
			got = fmt.Sprint(a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object()["associations"])
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Only PATCH changes the associations of a policy that has content, and only to what the selected version allows.
func TestAssociationsAreKept(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	about := func(version, target string) string {
		return strings.Replace(separation(version), "targetType: COMMON", "targetType: VNF\ntargetObjectId: ["+target+"]", 1)
	}
	id := a.policy("1", about("1", "i1"))
	associations := func() string {
		return fmt.Sprint(a.do(call{as: "auditor", path: "/nfvpolicy/v1/policies/" + id}).want(200).object()["associations"])
	}
	a.modify(id, object{"removeAllAssociations": true}).want(200)
	a.transfer(id, "2", about("2", "i2"), yamlPolicy).want(201)
	a.transfer(id, "3", separation("3"), yamlPolicy).want(201)
	if got := associations(); got != "<nil>" {
		t.Errorf("a later version changes the associations to %s", got)
	}
	a.modify(id, object{"addAssociations": []string{"i3", "i3"}, "removeAssociations": []string{"i4"}, "selectedVersion": "2"}).want(200)
	if got := associations(); got != "[i3]" {
		t.Errorf("associations %s", got)
	}
	a.modify(id, object{"selectedVersion": "3"}).problem(422) // it is about all
	a.modify(id, object{"selectedVersion": "3", "removeAllAssociations": true}).want(200)
	a.modify(id, object{"addAssociations": []string{"i3"}}).problem(422)
	if got := associations(); got != "<nil>" {
		t.Errorf("a refused change is made: %s", got)
	}
}

func TestActivationCountsAtOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	if _, err := a.store.Import(t.Context(), fleet(), true, placement.EndRules{}, "operator", nil); err != nil {
		t.Fatal(err)
	}
	id := a.policy("1.0.0", separation("1.0.0"))
	for n := range 2 { // one host each
		instance := fmt.Sprintf("i%d", n)
		a.grant("vnfm-a", instantiate(instance, "vnfd-b", "open")).problem(403)
		a.modify(id, object{"activationStatus": "ACTIVATED"}).want(200)
		a.grant("vnfm-a", instantiate(instance, "vnfd-b", "open")).want(201)
		a.modify(id, object{"activationStatus": "DEACTIVATED"}).want(200)
		if p := a.modify(id, object{"bogus": "9"}).problem(422); fmt.Sprint(pointers(p)) != "[/bogus]" {
			t.Errorf("unknown attribute: %v", p)
		}
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// TestFailingTestRefusesVersion: a version whose own test does not come out is not stored, with the place of what was expected.
func TestFailingTestRefusesVersion(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := a.policy("1.0.0", separation("1.0.0"))
	tested := separation("2.0.0") + `tests:
  - name: nobody is refused
    given:
      trustDomains: [{id: TD-A, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false}]
      runtimeClasses: [{name: runc, isolation: OS_CONTAINER}]
      hosts: [{id: h1, nfviPopId: L, resourceZoneId: L-A, physicallySecure: true, lifecycle: IN_SERVICE, runtimes: [runc], capabilities: [CACHE_ENC]}]
      demand: {vnfInstanceId: i, componentId: c, trustDomainId: TD-A, runtime: runc}
    expect:
      hosts: [h1]
`
	line := strings.Count(tested[:strings.Index(tested, "hosts: [h1]")], "\n") + 1
	p := a.transfer(id, "2.0.0", tested, yamlPolicy).problem(422)
	f, _ := p["findings"].([]any)
	f = slices.DeleteFunc(f, func(f any) bool { return f.(object)["severity"] == "WARNING" })
	if len(f) != 1 || f[0].(object)["code"] != "TEST_FAILED" || fmt.Sprint(f[0].(object)["line"]) != fmt.Sprint(line) ||
		!strings.HasSuffix(fmt.Sprint(f[0].(object)["message"]), "expected hosts h1, got none; against h1: R-POOL") {
		t.Errorf("findings %v", f)
	}
	a.transfer(id, "2.0.0", strings.Replace(tested, "hosts: [h1]\n", "hosts: []\n", 1), yamlPolicy).want(201)
	a.modify(id, object{"selectedVersion": "2.0.0", "activationStatus": "ACTIVATED"}).want(200)

	// One that an earlier release took and this one decides otherwise is not put in force.
	if err := a.store.PutPolicyVersion(t.Context(), placement.PolicyVersion{
		PolicyID: id, Version: "3.0.0", MediaType: yamlPolicy, TransferredBy: "author", Content: []byte(strings.Replace(tested, `"2.0.0"`, `"3.0.0"`, 1)),
	}); err != nil {
		t.Fatal(err)
	}
	p = a.modify(id, object{"selectedVersion": "3.0.0"}).problem(409)
	if f, _ := p["findings"].([]any); len(f) != 1 || f[0].(object)["code"] != "TEST_FAILED" {
		t.Errorf("put in force: %v", p)
	}
}
