package scenario

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// TestVNFInstancesHaveOwners lets one VNFM ask for everything that could touch the VNF instance of another: it is told that there is
// none, and nothing happens.
func TestVNFInstancesHaveOwners(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	other := *vnfm
	other.Token = "token-of-other-vnfm"
	g := d.granted(vnfm, instantiate(vnfm, "amf", "amf-2", "sig", "r0"))
	id := g.AddResources[0].ReservationID
	handle := &stub.ResourceHandle{ResourceID: id}

	end := other.NewRequest("TERMINATE", "amf", "amf-2")
	heal := other.NewRequest("HEAL", "amf", "amf-2")
	heal.RemoveResources = []stub.ResourceDefinition{{ID: "r0", Type: "OSCONTAINER", VDUID: "sig", Resource: handle}}
	replace := other.NewRequest("HEAL", "amf", "amf-2")
	replace.RemoveResources = heal.RemoveResources
	replace.AddResources = []stub.ResourceDefinition{other.Resource("r1", "sig")}
	scale := other.NewRequest("SCALE", "amf", "amf-2")
	scale.AddResources = []stub.ResourceDefinition{other.Resource("r1", "sig")}
	requests := map[string]*stub.GrantRequest{
		"TERMINATE": end, "HEAL that removes": heal, "HEAL that replaces": replace, "SCALE": scale, "INSTANTIATE": instantiate(&other, "amf", "amf-2", "sig", "r1"),
	}
	for name, r := range requests {
		p := d.refused(&other, r)
		if !slices.Equal(rules(p), []string{"UNKNOWN"}) || !strings.Contains(p.Detail, "unknown VNF instance amf-2") {
			t.Errorf("%s of another's VNF instance: %v", name, p)
		}
		for _, theirs := range append([]string{id, g.Hosts()["r0"]}, "vnfm") {
			if strings.Contains(p.Detail, theirs) {
				t.Errorf("%s tells %q: %s", name, theirs, p.Detail)
			}
		}
		var made decision
		question := map[string]any{"grantRequest": r, "explain": "FULL"}
		if _, err := other.Do(t.Context(), http.MethodPost, "/placement/v1/decisions", question, &made); err != nil {
			t.Fatal(err)
		}
		if made.Outcome != "REFUSE" || len(made.Explanation.Demands) != 0 {
			t.Errorf("a dry run of %s of another's VNF instance: %s, %+v", name, made.Outcome, made.Explanation)
		}
	}
	if held := d.reservations("amf-2"); len(held) != 1 || held[0].ID != id || held[0].State != "RESERVED" {
		t.Errorf("after the other VNFM's requests, the VNF instance holds %v", held)
	}

	// The owner goes on, and an operator may ask about anybody's.
	more := vnfm.NewRequest("SCALE", "amf", "amf-2")
	more.AddResources = []stub.ResourceDefinition{vnfm.Resource("r1", "sig")}
	if made := d.dryRun(more); made.Outcome != "GRANT" {
		t.Errorf("an operator's dry run: %+v", made)
	}
	d.granted(vnfm, more)
	d.granted(vnfm, terminate(vnfm, instantiate(vnfm, "amf", "amf-2", "sig", "r0"), g))

	// What was imported is nobody's, until somebody gets a grant for it.
	d.granted(&other, other.NewRequest("OPERATE", "amf", "amf-1"))
	p := d.refused(vnfm, vnfm.NewRequest("TERMINATE", "amf", "amf-1"))
	if !strings.Contains(p.Detail, "unknown VNF instance amf-1") {
		t.Errorf("an imported VNF instance that another VNFM has: %v", p)
	}
}
