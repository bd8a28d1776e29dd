package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// changed asks to change the package of i1 and to update one resource with it.
func changed(occurrence, vnfdID string, resource object) object {
	r := instantiate("i1", "vnfd-b", "open")
	delete(r, "addResources")
	r["operation"], r["dstVnfdId"], r["vnfLcmOpOccId"] = "CHANGE_VNFPKG", vnfdID, occurrence
	r["updateResources"] = []object{resource}
	return r
}

// destination stores another version of vnfd-b, with its component open changed.
func (a *api) destination(vnfdID string, change func(*placement.VNFProfile, *placement.Component)) {
	a.t.Helper()
	profile := fleet().VNFProfiles[1]
	profile.VNFDID = vnfdID
	change(&profile, &profile.Components[0])
	if _, _, err := a.store.PutVNFProfile(a.t.Context(), profile, nil, "operator"); err != nil {
		a.t.Fatal(err)
	}
}

// TestResourcesAreUpdatedWhereTheyStand judges what a change of the package makes of a resource on the host where it is, and only there.
func TestResourcesAreUpdatedWhereTheyStand(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.destination("vnfd-same", func(*placement.VNFProfile, *placement.Component) {})
	a.destination("vnfd-more", func(_ *placement.VNFProfile, c *placement.Component) { c.Resources["cpuMillis"] = 2000 })
	a.destination("vnfd-most", func(_ *placement.VNFProfile, c *placement.Component) { c.Resources["cpuMillis"] = 3500 })
	a.destination("vnfd-none", func(_ *placement.VNFProfile, c *placement.Component) { c.ID = "closed" })
	granted := a.grant("vnfm-b", instantiate("i1", "vnfd-b", "open")).want(201).object()
	old := granted["addResources"].([]any)[0].(object)["reservationId"]
	here := object{"id": "u", "type": "OSCONTAINER", "vduId": "open", "resource": object{"resourceId": old}}
	before := map[string]any{"i1-open": "RESERVED"}
	update := func(g answer) object { return g.want(201).object()["updateResources"].([]any)[0].(object) }

	info := update(a.grant("vnfm-b", changed("op-same", "vnfd-same", here)))
	if diff := cmp.Diff(object{"resourceDefinitionId": "u"}, info); diff != "" {
		t.Errorf("the same workload: %s", diff)
	}
	a.holds("the same workload", "i1", before)

	for what, c := range map[string]struct {
		vnfdID   string
		resource object
		says     string
	}{
		"too large beside what it replaces": {"vnfd-most", here, "none of 1 host"},
		"no component of the destination":   {"vnfd-none", here, "component open of VNFD vnfd-none"},
		"nobody knows where": {
			"vnfd-more", object{"id": "u", "type": "OSCONTAINER", "vduId": "open", "resource": object{"resourceId": "server-1"}}, "unknown resource u, which the package change alters",
		},
	} {
		p := a.grant("vnfm-b", changed("op "+what, c.vnfdID, c.resource)).problem(403)
		if !strings.Contains(fmt.Sprint(p["detail"]), c.says) {
			t.Errorf("%s: refused with %v", what, p["detail"])
		}
		a.holds(what, "i1", before)
	}

	g := a.grant("vnfm-b", changed("op-more", "vnfd-more", here))
	if info := update(g); info["reservationId"] == nil || info["reservationId"] == old || info["zoneId"] == nil {
		t.Errorf("updated as %v", info)
	}
	a.holds("another workload", "i1", map[string]any{"i1-open": "TERMINATING", "u": "RESERVED"})
	hosts := map[any]int{}
	for _, r := range a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId,i1)"}).want(200).list() {
		hosts[r["hostId"]]++
	}
	if len(hosts) != 1 {
		t.Errorf("it is not updated where it stands: %v", hosts)
	}
	decision := g.object()["additionalParams"].(object)["ringfence"].(object)["decisionId"]
	replay := a.do(call{as: "auditor", method: "POST", path: fmt.Sprintf("/placement/v1/decisions/%v/replay", decision)}).want(200).object()
	if differences, _ := replay["differences"].([]any); len(differences) > 0 {
		t.Errorf("replayed with %v", differences)
	}
	a.tell("vnfm-b", event("i1", "COMPLETED", object{"vnfLcmOpOccId": "op-more", "operation": "CHANGE_VNFPKG"})).want(204)
	a.holds("COMPLETED", "i1", map[string]any{"u": "RUNNING"})
}

// TestUpdateIsBoundToItsHost: what may no longer run where it stands is refused, although it may elsewhere.
func TestUpdateIsBoundToItsHost(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.destination("vnfd-vm", func(_ *placement.VNFProfile, c *placement.Component) { c.Runtime = "kata" })
	a.destination("vnfd-plain", func(_ *placement.VNFProfile, c *placement.Component) { c.Runtime = "runc" })
	a.write("operator", "PATCH", "hosts/h2", object{"lifecycle": "CORDONED"}).want(200)
	a.grant("vnfm-b", instantiate("i1", "vnfd-vm", "open")).want(201)
	a.grant("vnfm-b", instantiate("i2", "vnfd-vm", "open")).want(201)
	a.write("operator", "PATCH", "hosts/h2", object{"lifecycle": "IN_SERVICE"}).want(200)
	request := changed("op-plain", "vnfd-plain", object{"id": "u", "type": "OSCONTAINER", "vduId": "open", "resource": object{"resourceId": "i1-open"}})
	request["vnfdId"] = "vnfd-vm"
	p := a.grant("vnfm-b", request).problem(403)
	if detail := fmt.Sprint(p["detail"]); !strings.Contains(detail, "R-SEPNF") || !strings.Contains(detail, "none of 1 host") {
		t.Errorf("refused with %s", detail)
	}
	a.holds("refused", "i1", map[string]any{"i1-open": "RESERVED"})
	a.grant("vnfm-b", instantiate("i3", "vnfd-plain", "open")).want(201) // h2 is free
}
