// Package reference_test holds the documents of the reference deployment against the contract: what we show to
// newcomers must be what the service takes.
package reference_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"ringfence/openapi"
)

// inventory is the part of the document whose references are checked.
type inventory struct {
	TrustDomains   []object
	NfviPops       []object
	ResourceZones  []object
	HostPools      []object
	RuntimeClasses []object
	Hosts          []object
	Images         []object
	VnfProfiles    []object
	Residencies    []object
}

type object map[string]any

func (o object) str(key string) string {
	s, _ := o[key].(string)
	return s
}

// strs returns a list of strings; nothing for what is absent.
func (o object) strs(key string) []string {
	var out []string
	list, _ := o[key].([]any)
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

func (o object) objects(key string) []object {
	var out []object
	list, _ := o[key].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

// read decodes YAML or JSON as the wire has it.
func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(content, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := json.Unmarshal(asJSON, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func schema(t *testing.T, load func() (*openapi3.T, error), name string) *openapi3.Schema {
	t.Helper()
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	ref := doc.Components.Schemas[name]
	if ref == nil {
		t.Fatalf("the contract has no schema %s", name)
	}
	return ref.Value
}

func TestDeploymentMatchesContract(t *testing.T) {
	t.Parallel()
	var v any
	read(t, "deployment.yaml", &v)
	if err := schema(t, openapi.Inventory, "Inventory").VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Error(err)
	}
}

func ids(list []object, key string) []string {
	var out []string
	for _, o := range list {
		out = append(out, o.str(key))
	}
	return out
}

func TestDeploymentRefersToWhatItHas(t *testing.T) {
	t.Parallel()
	var d inventory
	read(t, "deployment.yaml", &d)
	refer := func(from string, known []string, names ...string) {
		for _, n := range names {
			if n != "" && !slices.Contains(known, n) {
				t.Errorf("%s refers to %q, which is none of %v", from, n, known)
			}
		}
	}
	domains, pools, runtimes := ids(d.TrustDomains, "id"), ids(d.HostPools, "id"), ids(d.RuntimeClasses, "name")
	for _, list := range [][]string{domains, pools, runtimes, ids(d.Hosts, "id"), ids(d.Residencies, "id"), ids(d.VnfProfiles, "vnfdId"), ids(d.Images, "digest")} {
		if slices.Sort(list); len(slices.Compact(slices.Clone(list))) != len(list) || len(list) == 0 {
			t.Errorf("ids are missing or not unique: %v", list)
		}
	}
	for _, z := range d.ResourceZones {
		refer(z.str("id"), ids(d.NfviPops, "id"), z.str("nfviPopId"))
	}
	for _, p := range d.HostPools {
		refer(p.str("id"), domains, p.strs("allowedTrustDomainIds")...)
	}
	for _, h := range d.Hosts {
		refer(h.str("id"), pools, h.str("hostPoolId"))
		refer(h.str("id"), runtimes, h.strs("runtimes")...)
		for _, r := range h.objects("residue") {
			refer(h.str("id"), domains, r.str("trustDomainId"))
		}
		zone := slices.IndexFunc(d.ResourceZones, func(z object) bool { return z.str("id") == h.str("resourceZoneId") })
		if zone < 0 || d.ResourceZones[zone].str("nfviPopId") != h.str("nfviPopId") {
			t.Errorf("%s stands in no zone of its site", h.str("id"))
		}
	}
	for _, r := range d.Residencies {
		refer(r.str("id"), ids(d.Hosts, "id"), r.str("hostId"))
		refer(r.str("id"), domains, r.str("trustDomainId"))
		refer(r.str("id"), runtimes, r.str("runtime"))
	}
	for _, p := range d.VnfProfiles {
		refer(p.str("vnfdId"), domains, p.str("trustDomainId"))
		for _, c := range p.objects("components") {
			from := p.str("vnfdId") + "/" + c.str("id")
			refer(from, runtimes, c.str("runtime"))
			refer(from, ids(d.Images, "digest"), c.strs("images")...)
			refer(from, pools, c.strs("administersHostPoolIds")...)
		}
	}
}

func TestRequestsMatchContract(t *testing.T) {
	t.Parallel()
	var d inventory
	read(t, "deployment.yaml", &d)
	paths, err := filepath.Glob(filepath.Join("requests", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	want := schema(t, openapi.Grant, "GrantRequest")
	occurrences := map[string]string{}
	for _, path := range paths {
		var v any
		read(t, path, &v)
		if err := want.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		var request object
		read(t, path, &request)
		if other, taken := occurrences[request.str("vnfLcmOpOccId")]; taken {
			t.Errorf("%s and %s are of one operation occurrence", path, other)
		}
		occurrences[request.str("vnfLcmOpOccId")] = path
		checkComponents(t, path, request, d.VnfProfiles)
	}
}

// checkComponents: a VM or pod names components of the VNFD's profile, by its VDU or by its templates.
func checkComponents(t *testing.T, path string, request object, profiles []object) {
	t.Helper()
	i := slices.IndexFunc(profiles, func(p object) bool { return p.str("vnfdId") == request.str("vnfdId") })
	if i < 0 {
		t.Errorf("%s: unknown VNFD %s", path, request.str("vnfdId"))
		return
	}
	components := ids(profiles[i].objects("components"), "id")
	for _, r := range append(request.objects("addResources"), request.objects("removeResources")...) {
		if r.str("type") != "COMPUTE" && r.str("type") != "OSCONTAINER" {
			continue
		}
		names := append(r.strs("resourceTemplateId"), r.str("resourceTemplateId"))
		if r.str("vduId") != "" {
			names = []string{r.str("vduId")}
		}
		for _, n := range names {
			if n != "" && !slices.Contains(components, n) {
				t.Errorf("%s: resource %s names %s, which is none of %v", path, r.str("id"), n, components)
			}
		}
	}
}
