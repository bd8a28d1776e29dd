package httpapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/httpapi"
	"ringfence/internal/placement"
)

// connected is what an operator may have configured for the fleet's VIM connection.
const connected = `{
	"vimConnectionInfo": {
		"vim-1": {"vimId": "lon", "vimType": "ETSINFV.OPENSTACK_KEYSTONE.V_3", "interfaceInfo": {"endpoint": "https://vim.example.com"}, "accessInfo": {"password": "hush"}},
		"vim-2": {"vimType": "ETSINFV.KUBERNETES.V_1"}
	},
	"cirConnectionInfo": {"cir": {"vimType": "ETSINFV.OCI_REGISTRY"}},
	"mciopRepositoryInfo": {"charts": {"vimType": "ETSINFV.HELM_REPOSITORY"}},
	"resourceGroupIds": {"vim-1": {"TD-A": "tenant-a", "*": "tenant-rest"}},
	"mcioConstraintKeys": "IFA011"
}`

func connections(t *testing.T) httpapi.Connections {
	t.Helper()
	c, err := httpapi.ParseConnections([]byte(connected))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask posts a grant request in a version of the API; empty: without the header.
func (a *api) ask(version string, request any) answer {
	a.t.Helper()
	c := call{as: "vnfm-a", method: "POST", path: "/grant/v1/grants", body: request}
	if version != "" {
		c.header = map[string]string{"Version": version}
	}
	return a.do(c)
}

func TestConnectionsInBothDialects(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.server.Connections = connections(t)
	want := object{"vimId": "lon", "vimType": "ETSINFV.OPENSTACK_KEYSTONE.V_3", "interfaceInfo": object{"endpoint": "https://vim.example.com"}, "accessInfo": object{"password": "hush"}}
	request := instantiate("i1", "vnfd-a", "open")
	newer := a.ask("1.4.0", request).want(201).object()
	if diff := cmp.Diff(object{"vim-1": want}, newer["vimConnectionInfo"]); diff != "" {
		t.Error(diff)
	}
	if _, there := newer["vimConnections"]; there {
		t.Error("the newer dialect has the array")
	}
	older := a.ask("", request).want(201).object()
	want["id"] = "vim-1"
	if diff := cmp.Diff([]any{want}, older["vimConnections"]); diff != "" {
		t.Error(diff)
	}
	if _, there := older["vimConnectionInfo"]; there {
		t.Error("the older dialect has the map")
	}
	info := newer["addResources"].([]any)[0].(object)
	if info["resourceGroupId"] != "tenant-a" || info["containerNamespace"] == nil {
		t.Errorf("a pod is granted %v", info)
	}
	if diff := cmp.Diff(object{"nodePool": "P1"}, info["mcioConstraints"]); diff != "" {
		t.Error(diff)
	}
	if fmt.Sprint(newer["cirConnectionInfo"]) != "map[cir:map[vimType:ETSINFV.OCI_REGISTRY]]" || newer["mciopRepositoryInfo"] == nil {
		t.Errorf("registries %v, repositories %v", newer["cirConnectionInfo"], newer["mciopRepositoryInfo"])
	}
	machine := instantiate("i2", "vnfd-b", "open")
	machine["addResources"] = []object{{"id": "vm", "type": "COMPUTE", "vduId": "open"}}
	g := a.ask("1.12.0", machine).want(201).object()
	info = g["addResources"].([]any)[0].(object)
	if info["mcioConstraints"] != nil || g["cirConnectionInfo"] != nil || info["resourceGroupId"] != "tenant-rest" {
		t.Errorf("a VM is granted %v", g)
	}
}

func TestConnectionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`{`, `{"vims": {}}`, `{"vimConnectionInfo": {"vim-1": {}}}`, `{"cirConnectionInfo": {"": {"vimType": "x"}}}`, `{"mcioConstraintKeys": "camel"}`,
	} {
		if _, err := httpapi.ParseConnections([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// sizes gives vnfd-a sizes, modules and names of VIMs.
func (a *api) sizes() {
	a.t.Helper()
	a.do(call{as: "operator", method: "PATCH", path: "/inventory/v1/vnf_profiles/vnfd-a", header: map[string]string{"Content-Type": "application/merge-patch+json"}, body: object{
		"deploymentFlavours": []object{{
			"id": "f", "initialDelta": []object{{"componentId": "open", "count": 1}}, "defaultInstantiationLevelId": "small",
			"scalingAspects":      []object{{"id": "out", "maxScaleLevel": 2, "steps": []object{{"components": []object{{"componentId": "open", "count": 1}}}}}},
			"instantiationLevels": []object{{"id": "small", "scaleLevels": []object{{"aspectId": "out", "scaleLevel": 0}}}, {"id": "large", "scaleLevels": []object{{"aspectId": "out", "scaleLevel": 1}}}},
		}},
		"vimAssets": object{
			"computeResourceFlavours": []object{{"vimConnectionId": "vim-1", "vnfdVirtualComputeDescId": "open", "vimFlavourId": "m1"}, {"vimConnectionId": "vim-2", "vnfdVirtualComputeDescId": "open", "vimFlavourId": "m2"}},
			"softwareImages":          []object{{"vnfdSoftwareImageId": "img", "vimSoftwareImageId": "uuid"}},
			"storageAssets":           []object{{"virtualStorageDescId": "disk", "storageClassName": "fast"}},
		},
	}}).want(200)
}

func TestSizesByLevel(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.sizes()
	unlisted := func(instance string, more object) object {
		r := instantiate(instance, "vnfd-a", "open")
		delete(r, "addResources")
		maps.Copy(r, more)
		return r
	}
	for instance, tc := range map[string]struct {
		more object
		want []string
	}{
		"level":   {object{"instantiationLevelId": "large"}, []string{"open-0", "open-1"}},
		"aspects": {object{"targetScaleLevelInfo": []object{{"aspectId": "out", "scaleLevel": 0}}}, []string{"open-0"}},
		"neither": {nil, []string{"open-0"}},
	} {
		g := a.ask("1.12.0", unlisted(instance, tc.more)).want(201).object()
		if _, there := g["addResources"]; there {
			t.Errorf("%s: answered %v about resources that nobody asked about", instance, g["addResources"])
		}
		var ids []string
		for _, p := range g["additionalParams"].(object)["ringfence"].(object)["placements"].([]any) {
			ids = append(ids, fmt.Sprint(p.(object)["resourceDefinitionId"]))
		}
		if !slices.Equal(ids, tc.want) {
			t.Errorf("%s: placed %v, want %v", instance, ids, tc.want)
		}
		held := a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId," + instance + ")"}).want(200).list()
		if len(held) != len(tc.want) {
			t.Errorf("%s: %d reservations, want %d", instance, len(held), len(tc.want))
		}
		for _, r := range held { // the next one needs the host
			a.do(call{as: "operator", method: "POST", path: fmt.Sprint("/placement/v1/reservations/", r["id"], "/release"), body: object{"reason": "test"}}).want(200)
		}
	}
	p := a.ask("1.12.0", unlisted("huge", object{"instantiationLevelId": "huge"})).problem(403)
	if !strings.Contains(fmt.Sprint(p["detail"]), "instantiation level huge") {
		t.Errorf("refused with %v", p["detail"])
	}
}

// TestEveryOperation asks for every operation of the standard; what places nothing is granted without a reservation.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	a.sizes()
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "open")).want(201)
	port := object{"id": "port", "type": "LINKPORT", "resourceTemplateId": "cp"}
	existing := object{"id": "old", "type": "COMPUTE", "vduId": "open", "resource": object{"resourceId": "server-1", "vimConnectionId": "vim-1"}}
	disk := object{"id": "disk", "type": "STORAGE", "snapshotResDef": object{
		"vnfSnapshotId": "s1", "vnfcSnapshotId": "c1", "storageSnapshotId": "d1", "snapshotResource": object{"resourceId": "image-7", "vimConnectionId": "vim-1"},
	}}
	requests := map[string]object{
		"SCALE":              {"addResources": []object{{"id": "more", "type": "OSCONTAINER", "resourceTemplateId": []string{"open"}}, port}},
		"SCALE_TO_LEVEL":     {"removeResources": []object{existing}},
		"CHANGE_FLAVOUR":     {"flavourId": "f", "updateResources": []object{existing}},
		"HEAL":               {"updateResources": []object{existing}},
		"OPERATE":            {"updateResources": []object{existing}},
		"CHANGE_EXT_CONN":    {"addResources": []object{port}, "removeResources": []object{{"id": "gone", "type": "LINKPORT", "resource": object{"resourceId": "p"}}}},
		"MODIFY_INFO":        {},
		"CHANGE_VNFPKG":      {"dstVnfdId": "vnfd-a", "updateResources": []object{existing}},
		"CREATE_SNAPSHOT":    {"updateResources": []object{disk}},
		"REVERT_TO_SNAPSHOT": {"updateResources": []object{disk}},
		"SELECT_DEPL_MODS":   {"selectedDeployableModule": []string{"mod"}, "removeResources": []object{existing}},
		"TERMINATE":          {},
	}
	for _, operation := range []string{
		"SCALE", "SCALE_TO_LEVEL", "CHANGE_FLAVOUR", "HEAL", "OPERATE", "CHANGE_EXT_CONN", "MODIFY_INFO", "CHANGE_VNFPKG", "CREATE_SNAPSHOT", "REVERT_TO_SNAPSHOT", "SELECT_DEPL_MODS", "TERMINATE",
	} {
		request := instantiate("i1", "vnfd-a", "open")
		delete(request, "addResources")
		request["operation"], request["vnfLcmOpOccId"] = operation, "op-"+operation
		maps.Copy(request, requests[operation])
		g := a.ask("1.12.0", request).want(201).object()
		for _, list := range []string{"addResources", "tempResources", "removeResources", "updateResources"} {
			asked, _ := request[list].([]object)
			answered, there := g[list].([]any)
			if there != (len(asked) > 0) || len(answered) != len(asked) {
				t.Errorf("%s: %s is answered %v, asked %v", operation, list, g[list], asked)
				continue
			}
			for i := range asked {
				if answered[i].(object)["resourceDefinitionId"] != asked[i]["id"] {
					t.Errorf("%s: %s is answered %v, asked %v", operation, list, answered, asked)
				}
			}
		}
		assets, _ := g["vimAssets"].(object)
		switch operation {
		case "CHANGE_VNFPKG":
			want := object{
				"computeResourceFlavours": []any{object{"vimConnectionId": "vim-1", "vnfdVirtualComputeDescId": "open", "vimFlavourId": "m1"}},
				"softwareImages":          []any{object{"vnfdSoftwareImageId": "img", "vimSoftwareImageId": "uuid"}},
				"storageAssets":           []any{object{"virtualStorageDescId": "disk", "storageClassName": "fast"}},
			}
			if diff := cmp.Diff(want, assets); diff != "" {
				t.Errorf("CHANGE_VNFPKG: %s", diff)
			}
		case "REVERT_TO_SNAPSHOT":
			want := []any{object{"vimConnectionId": "vim-1", "vnfSnapshotId": "s1", "vnfcSnapshotId": "c1", "storageSnapshotId": "d1", "vimSnapshotResourceId": "image-7"}}
			if diff := cmp.Diff(want, assets["snapshotResources"]); diff != "" {
				t.Errorf("REVERT_TO_SNAPSHOT: %s", diff)
			}
		default:
			if assets != nil {
				t.Errorf("%s: vimAssets %v", operation, assets)
			}
		}
	}
}

// TestPackageChange judges what comes by the profile of the destination, and what goes by nothing: it is there.
func TestPackageChange(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	profile := fleet().VNFProfiles[1]
	profile.VNFDID, profile.Components = "vnfd-b2", []placement.Component{{ID: "fresh", Resources: placement.Resources{"cpuMillis": 500}}}
	if _, _, err := a.store.PutVNFProfile(t.Context(), profile, nil, "operator"); err != nil {
		t.Fatal(err)
	}
	a.grant("vnfm-b", instantiate("i1", "vnfd-b", "open")).want(201)
	request := instantiate("i1", "vnfd-b", "open")
	request["operation"], request["dstVnfdId"], request["vnfLcmOpOccId"] = "CHANGE_VNFPKG", "vnfd-b2", "op-change"
	request["removeResources"] = []object{{"id": "i1-open", "type": "OSCONTAINER", "vnfdId": "vnfd-b", "vduId": "open"}}
	request["addResources"] = []object{{"id": "new", "type": "OSCONTAINER", "vnfdId": "vnfd-b2", "vduId": "open"}}
	if p := a.grant("vnfm-b", request).problem(403); !strings.Contains(fmt.Sprint(p["detail"]), "component open of VNFD vnfd-b2") {
		t.Errorf("refused with %v", p["detail"])
	}
	request["addResources"] = []object{{"id": "new", "type": "OSCONTAINER", "vduId": "fresh"}}
	a.grant("vnfm-b", request).want(201)
	states := map[string]any{}
	for _, r := range a.do(call{as: "operator", path: "/placement/v1/reservations?filter=(eq,vnfInstanceId,i1)"}).want(200).list() {
		states[fmt.Sprint(r["resourceDefinitionId"])] = r["state"]
	}
	if diff := cmp.Diff(map[string]any{"i1-open": "TERMINATING", "new": "RESERVED"}, states); diff != "" {
		t.Error(diff)
	}
}

func TestZoneGroupsAreAnswered(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	request := instantiate("i1", "vnfd-b", "open")
	request["addResources"] = []object{{"id": "x", "type": "COMPUTE", "vduId": "open"}, {"id": "y", "type": "COMPUTE", "vduId": "open"}}
	request["placementConstraints"] = []object{{"affinityOrAntiAffinity": "AFFINITY", "scope": "ZONE_GROUP", "resource": []object{{"idType": "GRANT", "resourceId": "x"}, {"idType": "GRANT", "resourceId": "y"}}}}
	a.grant("vnfm-b", request).problem(403) // the zone is in no group
	a.do(call{as: "operator", method: "PUT", path: "/inventory/v1/resource_zones/LON-A", body: object{"id": "LON-A", "nfviPopId": "LON", "zoneGroupIds": []string{"south"}}}).want(200)
	g := a.grant("vnfm-b", request).want(201).object()
	used := map[string]bool{}
	for _, info := range g["addResources"].([]any) {
		used[fmt.Sprint(info.(object)["zoneId"])] = true
	}
	groups := g["zoneGroups"].([]any)
	if len(groups) != 1 || len(groups[0].(object)["zoneId"].([]any)) != len(used) {
		t.Errorf("zones %v, groups %v", used, groups)
	}
}
