package chaos

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"ringfence/internal/placement"
)

// occurrence is a VNF LCM operation occurrence that asks for a grant. What is sent for it never changes.
type occurrence struct {
	id, vnf, vnfd string
	operation     placement.Operation
	component     string
	resources     int  // that are added
	apart         bool // on different hosts
	body          []byte
}

// instantiate asks for resources of one component of a VNF.
func instantiate(id, vnf, vnfd, component string, resources int, apart bool) *occurrence {
	o := &occurrence{id: id, vnf: vnf, vnfd: vnfd, operation: placement.OpInstantiate, component: component, resources: resources, apart: apart}
	o.body = o.encode()
	return o
}

// terminate asks to remove everything of a VNF that was instantiated.
func terminate(id string, of *occurrence) *occurrence {
	o := &occurrence{id: id, vnf: of.vnf, vnfd: of.vnfd, operation: placement.OpTerminate}
	o.body = o.encode()
	return o
}

func (o *occurrence) resource(i int) string { return fmt.Sprintf("%s-%d", o.component, i) }

type constraintRef struct {
	IDType     string `json:"idType"`
	ResourceID string `json:"resourceId"`
}

// encode writes the SOL003 GrantRequest.
func (o *occurrence) encode() []byte {
	request := map[string]any{
		"vnfInstanceId": o.vnf, "vnfLcmOpOccId": o.id, "vnfdId": o.vnfd, "operation": o.operation, "isAutomaticInvocation": false,
		"_links": map[string]any{
			"vnfLcmOpOcc": map[string]string{"href": "http://127.0.0.1:9890/vnflcm/v2/vnf_lcm_op_occs/" + o.id},
			"vnfInstance": map[string]string{"href": "http://127.0.0.1:9890/vnflcm/v2/vnf_instances/" + o.vnf},
		},
	}
	var added []map[string]string
	var members []constraintRef
	for i := range o.resources {
		added = append(added, map[string]string{"id": o.resource(i), "type": "OSCONTAINER", "vduId": o.component})
		members = append(members, constraintRef{"GRANT", o.resource(i)})
	}
	if added != nil {
		request["flavourId"], request["addResources"] = "simple", added
	}
	if o.apart {
		request["placementConstraints"] = []map[string]any{{"affinityOrAntiAffinity": "ANTI_AFFINITY", "scope": "NFVI_NODE", "resource": members}}
	}
	body, err := json.Marshal(request)
	if err != nil {
		panic("a request of strings has a JSON form: " + err.Error())
	}
	return body
}

// digest is the digest of what is sent.
func (o *occurrence) digest() [sha256.Size]byte { return sha256.Sum256(o.body) }

// request is the same for a service in this process.
func (o *occurrence) request() placement.GrantRequest {
	r := placement.GrantRequest{VNFInstanceID: o.vnf, VNFLcmOpOccID: o.id, VNFDID: o.vnfd, Operation: o.operation}
	constraint := placement.PlacementConstraint{AntiAffinity: true, Scope: placement.ScopeNFVINode}
	for i := range o.resources {
		r.AddResources = append(r.AddResources, placement.ResourceDefinition{ID: o.resource(i), Type: placement.ResourceOSContainer, VDUID: o.component})
		constraint.Resources = append(constraint.Resources, placement.ConstraintResourceRef{ResourceID: o.resource(i)})
	}
	if o.apart {
		r.PlacementConstraints = append(r.PlacementConstraints, constraint)
	}
	return r
}
