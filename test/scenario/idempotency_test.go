package scenario

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"

	"ringfence/test/stub"
)

// post sends a grant request as a VNFM does, once, and returns whatever is answered.
func (d *deployment) post(v *stub.VNFM, r *stub.GrantRequest) stub.Answer {
	d.t.Helper()
	body, err := v.Encode(r)
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := v.Send(d.t.Context(), http.MethodPost, "/grant/v1/grants", http.Header{"Content-Type": {stub.TypeJSON}}, body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer
}

// TestRepeatedGrant sends one request again and again, also at the same time: one grant, one reservation, equal answers.
func TestRepeatedGrant(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	r := instantiate(vnfm, "amf", "amf-2", "sig", "r0", "r1")
	answers := make([]stub.Answer, 8)
	var clients sync.WaitGroup
	for i := range answers {
		clients.Go(func() { answers[i] = d.post(vnfm, r) })
	}
	clients.Wait()
	var first stub.Grant
	for i, answer := range answers {
		if err := answer.Decode(nil); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if !bytes.Equal(answer.Body, answers[0].Body) || answer.Header.Get("Location") != answers[0].Header.Get("Location") {
			t.Errorf("request %d is answered\n%s\nand request 0\n%s", i, answer.Body, answers[0].Body)
		}
	}
	if err := answers[0].Decode(&first); err != nil {
		t.Fatal(err)
	}
	if held := d.reservations("amf-2"); len(held) != 2 || held[0].GrantID != first.ID || held[1].GrantID != first.ID {
		t.Errorf("grant %s holds %v", first.ID, held)
	}
	d.settle(d.nfvi("h03", "h10"))
	if again := d.granted(vnfm, r); again.ID != first.ID {
		t.Errorf("once it runs, the same request is granted as %s, was %s", again.ID, first.ID)
	}
	read, err := vnfm.Read(t.Context(), first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := encode(t, read), encode(t, first); !bytes.Equal(a, b) {
		t.Errorf("read again the grant is\n%s\nand was\n%s", a, b)
	}
	other := *vnfm
	other.Token = "token-of-other-vnfm"
	if _, err := other.Read(t.Context(), first.ID); d.problem(http.StatusNotFound, err) == nil {
		t.Error("another VNFM reads the grant")
	}
	same := *r
	same.VNFInstanceID, same.AddResources, same.PlacementConstraints = "theirs", r.AddResources[:1], nil
	if theirs := d.granted(&other, &same); theirs.ID == first.ID {
		t.Error("another VNFM is given the grant of the first one")
	}
}

// TestReplacedGrant sends another body for the same operation occurrence: what the first one reserved goes, in the same
// transaction.
func TestReplacedGrant(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	nfvi, vnfm := d.nfvi("h02"), d.vnfm(stub.SOL003Containers)
	r := instantiate(vnfm, "upf", "upf-2", "pfe", "r0") // h02 is the only host for it
	first := d.granted(vnfm, r)
	r.AddResources[0].ID = "r1"
	second := d.granted(vnfm, r)
	if first.ID == second.ID {
		t.Errorf("two bodies are answered with one grant")
	}
	held := d.reservations("upf-2")
	if len(held) != 1 || held[0].GrantID != second.ID || held[0].ResourceDefinitionID != "r1" {
		t.Errorf("the second one holds %v", held)
	}
	d.settle(nfvi)
	if w := nfvi.Agent("h02").State().Workloads; len(w) != 1 || w[held[0].ID].ResourceDefinitionID != "r1" {
		t.Errorf("on h02 runs %v", w)
	}
	r.AddResources[0].ID = "r2"
	_ = d.refused(vnfm, r) // r1 runs, so it is not superseded, and a second replica beside it would be more than half
	if held := d.reservations("upf-2"); len(held) != 1 || held[0].ResourceDefinitionID != "r1" {
		t.Errorf("what runs was superseded: %v", held)
	}
}

// TestRepeatedAfterRelease asks again for what an operator has let go of: the answer is a new one.
func TestRepeatedAfterRelease(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	r := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
	first := d.granted(vnfm, r)
	d.releaseAll("amf-2")
	second := d.granted(vnfm, r)
	if first.ID == second.ID {
		t.Error("a grant whose reservation is gone is answered again")
	}
	if held := d.reservations("amf-2"); len(held) != 1 || held[0].GrantID != second.ID {
		t.Errorf("grant %s holds %v", second.ID, held)
	}
}

// TestRepeatedRefusal sends a refused request again: the same refusal as long as nothing has changed, and a new decision,
// here a grant, once something has.
func TestRepeatedRefusal(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	d.attest("h12", "UNTRUSTED")
	r := instantiate(vnfm, "mdf", "mdf-1", "mdf2", "r0")
	first := d.refused(vnfm, r)
	if again := d.refused(vnfm, r); again.DecisionID != first.DecisionID || again.Detail != first.Detail {
		t.Errorf("nothing has changed, and the refusal is %s, was %s", again.DecisionID, first.DecisionID)
	}
	d.attest("h06", "UNTRUSTED")
	second := d.refused(vnfm, r)
	if second.DecisionID == first.DecisionID {
		t.Error("a host has changed, and the old refusal is repeated")
	}
	d.attest("h12", "TRUSTED")
	if g := d.granted(vnfm, r); g.Hosts()["r0"] != "h12" {
		t.Errorf("granted on %v", g.Hosts())
	}

	hidden := instantiate(vnfm, "udm-plain-vm", "udm-2", "arpf", "r0")
	first = d.refused(vnfm, hidden)
	d.do("OPERATOR", http.MethodPut, "/inventory/v1/trust_domains/TD-NEW", map[string]any{
		"id": "TD-NEW", "category": "TEST", "sensitivity": 0, "exclusive": false, "requiresPhysicalSecurity": false,
	}, nil)
	if again := d.refused(vnfm, hidden); again.DecisionID == first.DecisionID {
		t.Error("the epoch has changed, and the old refusal is repeated")
	}
}

// TestDialects sends one request in each dialect, each with a resource that is placed and one that is echoed.
func TestDialects(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]stub.Dialect{"containers": stub.SOL003Containers, "tacker v2": stub.TackerV2, "tacker v1": stub.TackerV1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startReference(t)
			vnfm := d.vnfm(dialect)
			r := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
			r.AddResources = append(r.AddResources,
				stub.ResourceDefinition{ID: "port-r0", Type: "LINKPORT", ResourceTemplateID: "port"},
				stub.ResourceDefinition{ID: "net", Type: "VL", ResourceTemplateID: "internal"})
			g := d.granted(vnfm, r)
			if zone := g.Zones[0].ZoneID; zone != "nova:"+g.Hosts()["r0"] {
				t.Errorf("the zone is %q, the host %s", zone, g.Hosts()["r0"])
			}
			read, err := vnfm.Read(t.Context(), g.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := vnfm.Check(r, read); err != nil {
				t.Errorf("read again: %v", err)
			}
			if n := len(g.AdditionalParams.Ringfence.Placements); n != 1 {
				t.Errorf("the grant has %d placements", n)
			}
			if !slices.Contains([]string{"h03", "h10"}, g.Hosts()["r0"]) {
				t.Errorf("granted on %v", g.Hosts())
			}
		})
	}
}
