package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// tolerated is what real VNFMs send beyond and beside the letter of the standard.
func tolerated() map[string]func(object) {
	resource := func(r object) object { return r["addResources"].([]object)[0] }
	link := func(href any) func(object) {
		return func(r object) {
			r["_links"] = object{"vnfLcmOpOcc": object{"href": href}, "vnfInstance": object{"href": href}}
		}
	}
	template := func(id any) func(object) {
		return func(r object) {
			delete(resource(r), "vduId")
			resource(r)["resourceTemplateId"] = id
		}
	}
	member := func(r object) []object { return []object{{"idType": "GRANT", "resourceId": resource(r)["id"]}} }
	return map[string]func(object){
		"unknown attributes": func(r object) {
			r["vendor"] = object{"x": []any{1, nil}}
			resource(r)["osContainerDesc"] = object{"name": "x"}
		},
		"null members": func(r object) {
			r["flavourId"], r["instantiationLevelId"], r["placementConstraints"], r["additionalParams"] = nil, nil, nil, nil
			resource(r)["resource"] = nil
		},
		"empty arrays": func(r object) {
			r["tempResources"], r["removeResources"], r["updateResources"], r["placementConstraints"], r["vimConstraints"] = []any{}, []any{}, []any{}, []any{}, []any{}
		},
		"a placement constraint of one member": func(r object) {
			r["placementConstraints"] = []object{{"affinityOrAntiAffinity": "ANTI_AFFINITY", "scope": "ZONE", "resource": member(r)}}
		},
		"a VIM constraint of one member": func(r object) { r["vimConstraints"] = []object{{"sameResourceGroup": false, "resource": member(r)}} },
		"links that are text":            link("string"),
		"links that are relative":        link("/vnflcm/v2/vnf_instances/i1"),
		"links that are garbage":         link("http://[::1/%zz {}"),
		"links that are empty":           link(""),
		"a level beside the resources":   func(r object) { r["instantiationLevelId"] = "level-of-nobody" },
		"no size":                        func(r object) { delete(r, "addResources") },
		"a template as text":             template("open"),
		"a template as array":            template([]string{"open"}),
		"foreign parameters":             func(r object) { r["additionalParams"] = object{"nfv": object{"VDU": object{"a": 1}}} },
	}
}

// Each of these is granted, and answered to the letter.
//
//nolint:tparallel // Each asks for the same VNF instance: one after the other.
func TestRequestsAreReadLeniently(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	plain := instantiate("i1", "vnfd-a", "open")
	for name, change := range tolerated() {
		t.Run(name, func(t *testing.T) {
			r := instantiate("i1", "vnfd-a", "open")
			change(r)
			strictly(t, a, a.in(t).grant("vnfm-a", r))
		})
	}
	for name, c := range map[string]call{
		"no Version":                     {body: plain},
		"a Version with the product":     {body: plain, header: map[string]string{"Version": "1.4.0-impl:example.com:pp:1"}},
		"a body that is text of JSON":    {body: string(mustJSON(t, string(mustJSON(t, plain))))},
		"two slashes":                    {body: plain, path: "//grant//v1/grants"},
		"a charset":                      {body: plain, header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}},
		"an Accept of anything":          {body: plain, header: map[string]string{"Accept": "*/*"}},
		"an Accept of some and anything": {body: plain, header: map[string]string{"Accept": "text/html;q=0.5, application/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.as, c.method = "vnfm-a", http.MethodPost; c.path == "" {
				c.path = "/grant/v1/grants"
			}
			strictly(t, a, a.in(t).do(c))
		})
	}
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// strictly holds a grant to what strict clients read: an id that is a UUID, an absolute Location that ends in it, links that are absolute,
// one media type, the version used, and nothing that is null.
func strictly(t *testing.T, a *api, got answer) {
	t.Helper()
	if got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var g struct {
		ID, VnfInstanceID, VnfLcmOpOccID string
		Links                            map[string]struct{ Href string } `json:"_links"`
	}
	if err := json.Unmarshal(got.body, &g); err != nil {
		t.Fatal(err)
	}
	if !uuid4.MatchString(g.ID) || got.header.Get("Location") != a.url+"/grant/v1/grants/"+g.ID || g.Links["self"].Href != a.url+"/grant/v1/grants/"+g.ID {
		t.Errorf("grant %s is at %s, with links %v", g.ID, got.header.Get("Location"), g.Links)
	}
	if g.VnfInstanceID != "i1" || g.VnfLcmOpOccID != "op-i1" {
		t.Errorf("the grant is for %s of %s", g.VnfLcmOpOccID, g.VnfInstanceID)
	}
	if !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") || got.header.Get("Version") == "" {
		t.Errorf("headers %v", got.header)
	}
	if where := nulls(got.object(), ""); where != "" {
		t.Errorf("%s is null", where)
	}
}

// nulls is the path of a null in a document.
func nulls(v any, at string) string {
	switch v := v.(type) {
	case nil:
		return at
	case object:
		for name, member := range v {
			if where := nulls(member, at+"/"+name); where != "" {
				return where
			}
		}
	case []any:
		for i, item := range v {
			if where := nulls(item, fmt.Sprint(at, "/", i)); where != "" {
				return where
			}
		}
	}
	return ""
}
