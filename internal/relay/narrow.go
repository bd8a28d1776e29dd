package relay

import (
	"encoding/json"
	"slices"

	"ringfence/internal/placement"
)

// narrow is the request as it was sent, with what was decided: constraints that say who is together and who is apart, VIM constraints,
// and each placement in additionalParams, because SOL003 has no attribute of a request that names a place.
func narrow(body []byte, g *placement.Grant) (map[string]any, error) {
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, placement.Wrap(placement.Internal, err, "the request cannot be forwarded to the NFVO upstream")
	}
	placed := listed(g)
	constraints, _ := request["placementConstraints"].([]any)
	for _, level := range []struct {
		scope string
		of    func(*placement.GrantedPlacement) string
	}{
		{"NFVI_POP", func(p *placement.GrantedPlacement) string { return p.NFVIPoPID }},
		{"ZONE", func(p *placement.GrantedPlacement) string { return p.ResourceZoneID }},
		{"NFVI_NODE", func(p *placement.GrantedPlacement) string { return p.HostID }},
	} {
		constraints = append(constraints, constraintsOf(level.scope, grouped(placed, level.of))...)
	}
	vims, _ := request["vimConstraints"].([]any)
	for _, ids := range grouped(placed, func(p *placement.GrantedPlacement) string { return p.VIMConnectionID }) {
		if len(ids) > 1 {
			vims = append(vims, map[string]any{"resource": refs(ids)})
		}
	}
	if len(constraints) > 0 {
		request["placementConstraints"] = constraints
	}
	if len(vims) > 0 {
		request["vimConstraints"] = vims
	}
	params, ok := request["additionalParams"].(map[string]any)
	if !ok {
		params = map[string]any{}
		request["additionalParams"] = params
	}
	own, ok := params["ringfence"].(map[string]any)
	if !ok {
		own = map[string]any{}
		params["ringfence"] = own
	}
	own["decisionId"], own["grantId"], own["placements"] = g.DecisionID, g.ID, decided(g)
	return request, nil
}

// decided says where each resource was placed.
func decided(g *placement.Grant) []map[string]string {
	out := make([]map[string]string, 0, len(g.Placements))
	for i := range g.Placements {
		p := &g.Placements[i]
		entry := map[string]string{"resourceDefinitionId": p.ResourceDefinitionID, "hostId": p.HostID, "nfviPopId": p.NFVIPoPID}
		for name, value := range map[string]string{"resourceZoneId": p.ResourceZoneID, "zoneId": p.VIMZoneID, "vimConnectionId": p.VIMConnectionID} {
			if value != "" {
				entry[name] = value
			}
		}
		out = append(out, entry)
	}
	return out
}

// listed are the placements of resources that the request lists. Others came of a level, and no constraint of a request can name them.
func listed(g *placement.Grant) []*placement.GrantedPlacement {
	var out []*placement.GrantedPlacement
	for i := range g.Placements {
		p := &g.Placements[i]
		for _, list := range [][]placement.ResourceDefinition{g.Request.AddResources, g.Request.TempResources} {
			if slices.ContainsFunc(list, func(rd placement.ResourceDefinition) bool { return rd.ID == p.ResourceDefinitionID && !rd.Expanded }) {
				out = append(out, p)
			}
		}
	}
	return out
}

// grouped are the resources by what they have in common, in the order in which it appears. What has nothing of it is in no group.
func grouped(placed []*placement.GrantedPlacement, of func(*placement.GrantedPlacement) string) [][]string {
	var groups [][]string
	at := map[string]int{}
	for _, p := range placed {
		key := of(p)
		if key == "" {
			continue
		}
		i, known := at[key]
		if !known {
			i, at[key] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p.ResourceDefinitionID)
	}
	return groups
}

// constraintsOf say that the members of each group are together, and the groups apart.
func constraintsOf(scope string, groups [][]string) (out []any) {
	var first []string
	for _, ids := range groups {
		first = append(first, ids[0])
		if len(ids) > 1 {
			out = append(out, map[string]any{"affinityOrAntiAffinity": "AFFINITY", "scope": scope, "resource": refs(ids)})
		}
	}
	if len(first) > 1 {
		out = append(out, map[string]any{"affinityOrAntiAffinity": "ANTI_AFFINITY", "scope": scope, "resource": refs(first)})
	}
	return out
}

func refs(ids []string) []map[string]string {
	out := make([]map[string]string, len(ids))
	for i, id := range ids {
		out[i] = map[string]string{"idType": "GRANT", "resourceId": id}
	}
	return out
}
