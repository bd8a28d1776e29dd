package openapi_test

import (
	"encoding/json"
	"testing"

	"ringfence/openapi"
)

// The smallest request that the standard allows.
const smallestRequest = `{
	"vnfInstanceId": "i1", "vnfLcmOpOccId": "o1", "vnfdId": "d1", "operation": "INSTANTIATE", "isAutomaticInvocation": false,
	"_links": {"vnfLcmOpOcc": {"href": "https://vnfm.example.com/o1"}, "vnfInstance": {"href": "https://vnfm.example.com/i1"}}
}`

// Real VNFMs of several SOL003 releases break the letter of the standard in known ways. They are taken
// all the same; what cannot be understood is not.
func TestGrantRequestLeniency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, member, value string // set this member of the smallest request; an empty value removes it
		refused             bool
	}{
		{name: "neither level nor resources"},
		{name: "template as string", member: "addResources", value: `[{"id": "r1", "type": "COMPUTE", "resourceTemplateId": "VDU_1"}]`},
		{name: "template as array", member: "addResources", value: `[{"id": "r1", "type": "OSCONTAINER", "resourceTemplateId": ["a", "b"]}]`},
		{name: "no template", member: "addResources", value: `[{"id": "r1", "type": "COMPUTE"}]`},
		{
			name: "unknown attributes", member: "addResources",
			value: `[{"id": "r1", "type": "OSCONTAINER", "osContainerDesc": {"name": "x"}}]`,
		},
		{name: "unknown attribute of the request", member: "vendorExtension", value: `{"a": [1, null]}`},
		{
			name: "constraint on one resource", member: "placementConstraints",
			value: `[{"affinityOrAntiAffinity": "ANTI_AFFINITY", "scope": "ZONE", "resource": [{"idType": "GRANT", "resourceId": "r1"}]}]`,
		},
		{name: "VIM constraint on none", member: "vimConstraints", value: `[{"resource": []}]`},
		{name: "links that are no URI", member: "_links", value: `{"vnfLcmOpOcc": {"href": "string"}, "vnfInstance": {"href": "../i 1"}}`},
		{name: "level and resources", member: "instantiationLevelId", value: `"level-2"`},
		{name: "handle without VIM connection", member: "removeResources", value: `[{"id": "r1", "type": "COMPUTE", "resource": {"resourceId": "s1"}}]`},
		{name: "free parameters", member: "additionalParams", value: `{"nfv": {"VDU": {"a": 1}}, "lcm-operation-user-data": "x.py"}`},
		{name: "our parameters", member: "additionalParams", value: `{"ringfence": {"components": {"oam": {"isolation": "VM"}}, "plmn": "234-15"}}`},

		{name: "no VNF descriptor", member: "vnfdId", refused: true},
		{name: "no links", member: "_links", refused: true},
		{name: "unknown operation", member: "operation", value: `"DESTROY"`, refused: true},
		{name: "unknown resource type", member: "addResources", value: `[{"id": "r1", "type": "FIREWALL"}]`, refused: true},
		{name: "template as number", member: "addResources", value: `[{"id": "r1", "type": "COMPUTE", "resourceTemplateId": 1}]`, refused: true},
		{name: "control character", member: "vnfInstanceId", value: `"a\u0000b"`, refused: true},
		{name: "empty identifier", member: "vnfInstanceId", value: `""`, refused: true},
		{
			name: "unknown scope", member: "placementConstraints",
			value: `[{"affinityOrAntiAffinity": "AFFINITY", "scope": "RACK", "resource": []}]`, refused: true,
		},
		{name: "isolation that is a result", member: "additionalParams", value: `{"ringfence": {"components": {"oam": {"isolation": "PHYSICAL"}}}}`, refused: true},
		{name: "operator in words", member: "additionalParams", value: `{"ringfence": {"plmn": "any"}}`, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc, err := openapi.Grant()
			if err != nil {
				t.Fatal(err)
			}
			err = doc.Components.Schemas["GrantRequest"].Value.VisitJSON(requestWith(t, c.member, c.value))
			if c.refused && err == nil {
				t.Error("accepted")
			}
			if !c.refused && err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func requestWith(t *testing.T, member, value string) map[string]any {
	t.Helper()
	var request map[string]any
	if err := json.Unmarshal([]byte(smallestRequest), &request); err != nil {
		t.Fatal(err)
	}
	switch {
	case member == "":
	case value == "":
		delete(request, member)
	default:
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatal(err)
		}
		request[member] = v
	}
	return request
}
