package httpapi_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const lcmNotifications = "/placement/v1/vnf_lcm_notifications"

// event is a notification about the operation of instantiate.
func event(instance, state string, more object) object {
	n := object{
		"id": "n-" + instance + state, "notificationType": "VnfLcmOperationOccurrenceNotification", "notificationStatus": "RESULT", "operationState": state,
		"timeStamp": "2026-11-23T10:00:00Z", "vnfInstanceId": instance, "vnfLcmOpOccId": "op-" + instance, "operation": "INSTANTIATE", "isAutomaticInvocation": false, "affectedVnfcs": nil,
	}
	maps.Copy(n, more)
	return n
}

func (a *api) tell(as string, n object) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: lcmNotifications, body: n})
}

// held are the states of what is reserved for a VNF instance, by resource definition.
func (a *api) held(instance string) map[string]any {
	a.t.Helper()
	out := map[string]any{}
	for _, r := range a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId," + instance + ")"}).want(200).list() {
		out[fmt.Sprint(r["resourceDefinitionId"])] = r["state"]
	}
	return out
}

func (a *api) holds(when, instance string, want map[string]any) {
	a.t.Helper()
	if diff := cmp.Diff(want, a.held(instance)); diff != "" {
		a.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// temporary is a request with a resource to stay and one to exist during the operation only.
func temporary(instance string) object {
	r := instantiate(instance, "vnfd-b", "open")
	r["tempResources"] = []object{{"id": "helper", "type": "COMPUTE", "vduId": "open"}}
	return r
}

func TestOperationIsFollowed(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.do(call{as: "vnfm-a", path: lcmNotifications}).want(204)
	g := a.grant("vnfm-a", temporary("i1")).want(201).object()
	if infos := g["tempResources"].([]any); len(infos) != 1 || infos[0].(object)["reservationId"] == nil {
		t.Errorf("tempResources %v", infos)
	}
	reserved := map[string]any{"i1-open": "RESERVED", "helper": "RESERVED"}
	a.holds("granted", "i1", reserved)
	for _, state := range []string{"STARTING", "PROCESSING", "FAILED_TEMP", "PROCESSING"} {
		a.tell("vnfm-a", event("i1", state, nil)).want(204)
		a.holds(state, "i1", reserved)
	}
	a.tell("vnfm-b", event("i1", "ROLLED_BACK", nil)).problem(404)
	a.tell("operator", event("i1", "ROLLED_BACK", nil)).problem(403)
	a.holds("told by others", "i1", reserved)
	done := event("i1", "COMPLETED", object{"affectedVnfcs": []object{{"id": "c", "vduId": "open", "changeType": "ADDED", "resourceDefinitionId": "i1-open", "computeResource": object{"resourceId": "server-9", "vimConnectionId": "vim-1"}}}})
	a.tell("vnfm-a", done).want(204)
	running := map[string]any{"i1-open": "RUNNING"}
	a.holds("COMPLETED", "i1", running)
	a.tell("vnfm-a", done).want(204)
	a.tell("vnfm-a", event("i1", "PROCESSING", object{"timeStamp": "2026-11-23T09:00:00Z"})).want(204)
	a.tell("vnfm-a", event("i1", "ROLLED_BACK", nil)).want(204)
	a.holds("told again, late and otherwise", "i1", running)

	end := instantiate("i1", "vnfd-b", "open")
	delete(end, "addResources")
	end["operation"], end["vnfLcmOpOccId"] = "TERMINATE", "op-end"
	end["removeResources"] = []object{{"id": "gone", "type": "COMPUTE", "vduId": "open", "resource": object{"resourceId": "server-9", "vimConnectionId": "vim-1"}}}
	a.grant("vnfm-a", end).want(201)
	a.holds("terminated", "i1", map[string]any{"i1-open": "TERMINATING"})
	a.tell("vnfm-a", event("i1", "COMPLETED", object{"vnfLcmOpOccId": "op-end", "operation": "TERMINATE"})).want(204)
	a.holds("the termination is done", "i1", map[string]any{})
}

// TestOperationAsTackerTellsIt names VDUs, and the version of its own interface.
func TestOperationAsTackerTellsIt(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	version := map[string]string{"Version": "2.0.0"}
	if got := a.do(call{as: "vnfm-a", path: lcmNotifications, header: version}).want(204).header.Get("Version"); got != "2.0.0" {
		t.Errorf("answered in version %q", got)
	}
	a.do(call{as: "vnfm-a", path: lcmNotifications, header: map[string]string{"Version": "3.0.0"}}).problem(406)
	a.grant("vnfm-a", instantiate("i1", "vnfd-b", "open")).want(201)
	told := func(change, id string) []object {
		return []object{{"id": "c", "vduId": "open", "changeType": change, "computeResource": object{"resourceId": id, "vimLevelResourceType": "OS::Nova::Server"}}}
	}
	done := event("i1", "COMPLETED", object{"affectedVnfcs": append(told("REMOVED", "server-0"), told("ADDED", "server-1")...)})
	a.do(call{as: "vnfm-a", method: "POST", path: lcmNotifications, body: done, header: version}).want(204)
	a.holds("COMPLETED", "i1", map[string]any{"i1-open": "RUNNING"})

	scale := instantiate("i1", "vnfd-b", "open")
	delete(scale, "addResources")
	scale["operation"], scale["vnfLcmOpOccId"] = "SCALE", "op-in"
	remove := func(id string) []object {
		return []object{{"id": "gone-" + id, "type": "COMPUTE", "resourceTemplateId": "open", "resource": object{"resourceId": id}}}
	}
	scale["removeResources"] = remove("server-0")
	a.grant("vnfm-a", scale).want(201)
	a.holds("what was told of as removed is nobody's name", "i1", map[string]any{"i1-open": "RUNNING"})
	scale["vnfLcmOpOccId"], scale["removeResources"] = "op-in-2", remove("server-1")
	a.grant("vnfm-a", scale).want(201)
	a.holds("scaled in", "i1", map[string]any{"i1-open": "TERMINATING"})
	a.tell("vnfm-a", event("i1", "COMPLETED", object{"vnfLcmOpOccId": "op-in-2", "operation": "SCALE"})).want(204)
	a.holds("the operation is done", "i1", map[string]any{})
}

func TestFailedOperationGivesBack(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, state := range []string{"FAILED", "ROLLED_BACK"} {
		instance := "i-" + state
		a.grant("vnfm-a", temporary(instance)).want(201)
		a.tell("vnfm-a", event(instance, "PROCESSING", nil)).want(204)
		a.tell("vnfm-a", event(instance, state, nil)).want(204)
		a.holds(state, instance, map[string]any{})
		a.grant("vnfm-a", temporary(instance)).want(201) // the same request is decided anew
		a.tell("vnfm-a", event(instance, "ROLLED_BACK", nil)).want(204)
		a.holds(state+", granted anew", instance, map[string]any{})
	}
	// What was seen running ends when it is seen gone.
	a.grant("vnfm-a", instantiate("seen", "vnfd-b", "open")).want(201)
	for _, host := range []string{"h1", "h2"} {
		for _, r := range a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId,seen);(eq,hostId," + host + ")"}).want(200).list() {
			a.do(call{as: "agent", method: "PUT", path: "/directives/v1/hosts/" + host + "/observed_state", body: object{
				"observedAt": time.Now().UTC().Format(time.RFC3339), "cacheEntries": []object{}, "residencies": []object{{"residencyId": r["id"], "runtime": r["runtime"]}},
			}}).want(200)
		}
	}
	a.holds("seen", "seen", map[string]any{"seen-open": "RUNNING"})
	a.tell("vnfm-a", event("seen", "FAILED", nil)).want(204)
	a.holds("FAILED", "seen", map[string]any{"seen-open": "TERMINATING"})
}

func TestOperationProlongs(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.server.ReservationTTL = 5 * time.Hour // more than grants reserve for
	a.grant("vnfm-a", instantiate("i1", "vnfd-b", "open")).want(201)
	expires := func() time.Time {
		r := a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId,i1)"}).want(200).list()[0]
		at, err := time.Parse(time.RFC3339, fmt.Sprint(r["expiresAt"]))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	before := expires()
	a.tell("vnfm-a", event("i1", "PROCESSING", nil)).want(204)
	if after := expires(); after.Sub(before) < 3*time.Hour {
		t.Errorf("expires %s, before %s", after, before)
	}
}

func TestWhatIsNotFollowed(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.grant("vnfm-a", instantiate("i1", "vnfd-b", "open")).want(201)
	a.tell("vnfm-a", object{"id": "n", "notificationType": "VnfIdentifierDeletionNotification", "vnfInstanceId": "i1"}).want(204)
	a.tell("vnfm-a", event("i1", "ROLLED_BACK", object{"vnfLcmOpOccId": "op-of-nobody"})).want(204)
	a.tell("vnfm-a", event("nobody", "ROLLED_BACK", nil)).problem(404)
	a.tell("vnfm-a", event("nobody", "STARTING", nil)).want(204)
	refused := instantiate("refused", "vnfd-b", "open")
	refused["vnfdId"] = "unheard-of"
	a.grant("vnfm-a", refused).problem(403)
	a.tell("vnfm-b", event("refused", "ROLLED_BACK", nil)).problem(404)
	a.tell("vnfm-a", event("refused", "ROLLED_BACK", nil)).want(204)
	a.tell("vnfm-a", event("i1", "DONE", nil)).problem(422)
	a.tell("vnfm-a", event("i1", "FAILED", object{"vnfLcmOpOccId": nil})).problem(422)
	a.holds("afterwards", "i1", map[string]any{"i1-open": "RESERVED"})
}

func TestReservationsOfAnNFVO(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	reserve := func(instance, client string) answer {
		body := object{"grantRequest": temporary(instance)}
		if client != "" {
			body["onBehalfOf"] = client
		}
		return a.do(call{as: "nfvo", method: "POST", path: "/placement/v1/reservations", body: body})
	}
	settle := func(as, grantID, how string) answer {
		return a.do(call{as: as, method: "POST", path: "/placement/v1/reservation_sets/" + grantID + "/" + how})
	}
	set := reserve("i1", "vnfm-a").want(201).object()
	id := fmt.Sprint(set["grantId"])
	if len(set["placements"].([]any)) != 2 || len(set["reservationIds"].([]any)) != 2 {
		t.Errorf("reserved %v", set)
	}
	if again := reserve("i1", "vnfm-a").want(201).object(); again["grantId"] != id {
		t.Error("the same request reserved twice")
	}
	a.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + id}).want(200) // it is the VNFM's
	settle("nfvo", id, "confirm").want(204)
	settle("nfvo", id, "confirm").want(204)
	a.holds("confirmed", "i1", map[string]any{"i1-open": "RUNNING"})
	settle("nfvo", id, "release").problem(409)

	own := fmt.Sprint(reserve("mine", "").want(201).object()["grantId"])
	settle("nfvo", own, "release").want(204)
	a.holds("released", "mine", map[string]any{})
	settle("nfvo", own, "confirm").problem(409)

	reserve("theirs", "vnfm-b").want(201)
	a.tell("nfvo", event("theirs", "ROLLED_BACK", nil)).want(204)
	a.holds("told by the NFVO", "theirs", map[string]any{})
	reserve("another", "vnfm-b").problem(403)
	reserve("i3", "vnfm-c").problem(403)
	foreign := fmt.Sprint(a.grant("vnfm-b", instantiate("another", "vnfd-b", "open")).want(201).object()["id"])
	settle("nfvo", foreign, "release").problem(404)
	settle("nfvo", "6fc3539c-e602-4afa-8e13-962fb5a7d81d", "release").problem(404)
	settle("vnfm-b", foreign, "release").problem(403)
	a.holds("not delegated", "another", map[string]any{"another-open": "RESERVED"})
	a.do(call{as: "nfvo", method: "POST", path: "/placement/v1/reservations", body: object{"grantRequest": instantiate("i9", "vnfd-b", "big")}}).problem(403)
}
