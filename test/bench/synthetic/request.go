package synthetic

import (
	"fmt"
	"time"

	"ringfence/internal/placement"
)

// asked are the functions that requests ask for, by how much room their pools have for one more network function: a fleet takes one
// request for each of its hosts, and some.
var asked = []struct {
	share    int
	function function
}{
	{16, amf}, {16, smf}, {3, nef}, {3, pcf}, {18, upfVM}, {3, upf}, {11, cu}, {2, du}, {4, sepp}, {2, udm}, {1, mdf},
}

// Request is what the n-th request asks for: one container of a VNF instance of its own.
type Request struct {
	VNFInstanceID string
	VNFLcmOpOccID string
	VNFDID        string
	ComponentID   string
	ResourceID    string
	demand        placement.Demand
}

// Request makes the n-th request.
func (f *Fleet) Request(n int) Request {
	r := f.random(ofRequest, n)
	sum := 0
	for i := range asked {
		sum += asked[i].share
	}
	draw, chosen := r.IntN(sum), &asked[0].function
	for i := range asked {
		if draw -= asked[i].share; draw < 0 {
			chosen = &asked[i].function
			break
		}
	}
	size := 1 + r.IntN(sizes)
	q := Request{
		VNFInstanceID: uuid(f.Seed, 1, n), VNFLcmOpOccID: uuid(f.Seed, 2, n), VNFDID: chosen.profileID(size), ComponentID: chosen.component,
		ResourceID: "res-0",
	}
	q.demand = placement.Demand{
		ResourceDefinitionIDs: []string{q.ResourceID}, Workload: chosen.workload(q.VNFInstanceID, size), Isolation: chosen.isolation,
	}
	return q
}

// uuid is no random one, but has the form of one and is different for every number.
func uuid(seed uint64, what, n int) string {
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", uint32(seed), what, n)
}

// Body is the request as a VNFM sends it (SOL003 4.5.1, GrantRequest).
func (q *Request) Body() []byte {
	return fmt.Appendf(nil, `{"vnfInstanceId":%[1]q,"vnfLcmOpOccId":%[2]q,"vnfdId":%[3]q,"flavourId":"default","operation":"INSTANTIATE",`+
		`"isAutomaticInvocation":false,"addResources":[{"id":%[4]q,"type":"OSCONTAINER","vduId":%[5]q}],`+
		`"_links":{"vnfLcmOpOcc":{"href":"http://127.0.0.1/vnflcm/v2/vnf_lcm_op_occs/%[2]s"},`+
		`"vnfInstance":{"href":"http://127.0.0.1/vnflcm/v2/vnf_instances/%[1]s"}}}`,
		q.VNFInstanceID, q.VNFLcmOpOccID, q.VNFDID, q.ResourceID, q.ComponentID)
}

// Inputs are the request as the solver sees it.
func (q *Request) Inputs(now time.Time, seed uint64) *placement.Inputs {
	return &placement.Inputs{
		Request: placement.GrantRequest{
			VNFInstanceID: q.VNFInstanceID, VNFLcmOpOccID: q.VNFLcmOpOccID, VNFDID: q.VNFDID, Operation: placement.OpInstantiate,
			AddResources: []placement.ResourceDefinition{{ID: q.ResourceID, Type: placement.ResourceOSContainer, VDUID: q.ComponentID}},
		},
		Demands: []placement.Demand{q.demand}, Now: now, Seed: seed, ExplainLevel: placement.ExplainNone, MappingMaxAge: 10 * time.Minute,
	}
}
