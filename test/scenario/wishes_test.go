package scenario

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/test/stub"
)

// TestWishes asks for more isolation than the profile does, which is remembered for the VNF instance, and for less, which is
// not given.
func TestWishes(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	ask := func(operation, vnf, component string, wish map[string]any) *stub.GrantRequest {
		r := vnfm.NewRequest(operation, "open", vnf)
		r.AddResources = []stub.ResourceDefinition{vnfm.Resource(operation+"-r0", component)}
		if wish != nil {
			r.AdditionalParams = map[string]any{"ringfence": map[string]any{"components": map[string]any{component: wish}}, "vendor": "anything"}
		}
		return r
	}
	for name, c := range map[string]struct {
		component string
		wish      map[string]any
		runtime   string
	}{
		"the least that will do": {"any", nil, "runc"},
		"a wish for a VM":        {"any", map[string]any{"isolation": "VM"}, "kata"},
		"a wish for a runtime":   {"any", map[string]any{"runtime": "kata"}, "kata"},
		"a floor":                {"guarded", nil, "kata"},
		"a wish below it":        {"guarded", map[string]any{"isolation": "OS_CONTAINER"}, "kata"},
		"a wish that meets it":   {"guarded", map[string]any{"runtime": "kata"}, "kata"},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			first := d.granted(vnfm, ask("INSTANTIATE", name, c.component, c.wish))
			second := d.granted(vnfm, ask("SCALE", name, c.component, nil))
			for _, g := range []*stub.Grant{first, second} {
				if got := g.AdditionalParams.Ringfence.Placements[0].RuntimeClass; got != c.runtime {
					t.Errorf("granted with %s, want %s", got, c.runtime)
				}
			}
			d.releaseAll(name)
		})
	}
	_, err := vnfm.Ask(t.Context(), ask("INSTANTIATE", "weaker", "guarded", map[string]any{"runtime": "runc"}))
	if p := d.problem(http.StatusUnprocessableEntity, err); !strings.Contains(p.Detail, "runc") {
		t.Errorf("the answer does not name the weaker runtime: %v", p)
	}
}

// TestDedicated grants a border whose device leads past its VM: it is isolated enough only where it is alone, so its host is
// its own until it has gone.
func TestDedicated(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/hosts/h13", map[string]any{
		"id": "h13", "hostPoolId": "pool-border", "nfviPopId": "LON", "resourceZoneId": "LON-B", "physicallySecure": true, "hypervisorClass": "TYPE1",
		"runtimes": []string{"kata"}, "capabilities": []string{"CACHE_ENC", "ENC_STORAGE", "EPHEMERAL_ENC", "SRIOV"}, "vimConnectionId": "vim-london", "lifecycle": "IN_SERVICE",
	}, nil)
	d.attest("h13", "TRUSTED")
	vnfm, nfvi := d.vnfm(stub.SOL003Containers), d.nfvi("h13")
	other := func() string {
		return d.dryRun(instantiate(vnfm, "sepp", "sepp-2", "n32", "r0"), "h13").against("h13")
	}
	if why := other(); why != "" {
		t.Fatalf("against a SEPP on an empty host stands %q", why)
	}
	r := instantiate(vnfm, "sepp-sriov", "sepp-1", "n32", "r0")
	g := d.granted(vnfm, r)
	id := g.AddResources[0].ReservationID
	if host := g.Hosts()["r0"]; host != "h13" {
		t.Fatalf("granted on %s", host)
	}
	if why := other(); why != "R-SEPNF("+id+") DEDICATED" {
		t.Errorf("against another SEPP stands %q", why)
	}
	more := vnfm.NewRequest("SCALE", "sepp-sriov", "sepp-1")
	more.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "n32")}
	if why := d.dryRun(more, "h13").against("h13"); why != "R-BLAST-SHARE-HOST R-BLAST-SHARE-ZONE" {
		t.Errorf("against more of the same stands %q", why)
	}
	d.settle(nfvi)
	d.granted(vnfm, terminate(vnfm, r, g))
	if why := other(); why != "R-SEPNF("+id+") DEDICATED" {
		t.Errorf("while it terminates, against another SEPP stands %q", why)
	}
	d.settle(nfvi)
	d.expectState(id, "")
	if why := other(); why != "" {
		t.Errorf("once it has gone, against another SEPP of its trust domain stands %q", why)
	}
	var host struct{ DedicatedTo map[string]any }
	d.do("OPERATOR", http.MethodGet, "/inventory/v1/hosts/h13", nil, &host)
	if host.DedicatedTo != nil {
		t.Errorf("the empty host is dedicated to %v", host.DedicatedTo)
	}
}

// TestLostAttestation loses the trust in a host on which something runs: it stays, and nothing comes to it, not even what was granted
// before. What an approver quarantines no verdict brings back.
func TestLostAttestation(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	ask := func() string { return d.dryRun(instantiate(vnfm, "amf", "amf-2", "sig", "r0"), "h03").against("h03") }
	nfvi := d.nfvi("h03")
	obeys := func(after string, want bool) {
		t.Helper()
		if d.settle(nfvi); nfvi.Agent("h03").State().Quarantined != want {
			t.Errorf("after %s the host was told that its quarantine stands: %v, want %v", after, !want, want)
		}
	}
	got := []string{ask()}
	for _, state := range []string{"UNTRUSTED", "UNKNOWN", "TRUSTED"} {
		d.attest("h03", state)
		got = append(got, ask())
		obeys(state, state != "TRUSTED")
	}
	if diff := cmp.Diff([]string{"", "R-ATT-STATE", "R-ATT-STATE", ""}, got); diff != "" {
		t.Errorf("against h03 (-want +got):\n%s", diff)
	}
	d.do("APPROVER", http.MethodPost, "/inventory/v1/hosts/h03/quarantine", map[string]any{"reason": "a disk was stolen"}, nil)
	d.attest("h03", "TRUSTED")
	if obeys("an approver's word", true); ask() != "LIFECYCLE" {
		t.Errorf("against a quarantined host stands %q", ask())
	}
	d.do("APPROVER", http.MethodPost, "/inventory/v1/hosts/h03/unquarantine", map[string]any{"reason": "it was found"}, nil)
	obeys("the end of it", false)
	d.do("OPERATOR", http.MethodGet, "/inventory/v1/residencies/amf-1.sig-0", nil, nil)
	d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/h03", map[string]any{"lifecycle": "CORDONED"}, nil)
	if why := ask(); why != "LIFECYCLE" {
		t.Errorf("against a cordoned host stands %q", why)
	}
}
