package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// nameless is a residency that nobody has told the VIM's name of.
type nameless struct {
	ResourceDefinitionID string
	ComponentID          string
	HostID               string
	CISNodeID            string
	VIMConnectionID      string
}

// nameAdded adds to an event what follows from the components that it names no resource definition for.
func (s *Store) nameAdded(ctx context.Context, op *operation, ev *placement.OperationEvent) error {
	const namelessSQL = `
		SELECT r.resource_definition_id, r.component_id, r.host_id, r.cis_node_id, h.vim_connection_id
		FROM residency r
		JOIN host h ON h.nfvi_pop_id = r.nfvi_pop_id AND h.id = r.host_id
		WHERE r.id = ANY($1) AND r.vim_resource_ids = '{}' AND r.resource_definition_id <> ALL ($2)
		ORDER BY r.id`
	if ev.State != placement.OperationCompleted || len(ev.Unnamed) == 0 {
		return nil
	}
	rows, err := s.pool.Query(ctx, namelessSQL, op.residencyIDs, notNil(op.temporary))
	if err != nil {
		return translate(err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByPos[nameless])
	if err != nil {
		return translate(err)
	}
	names := maps.Clone(ev.VIMResourceID)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, namesOf(waiting, ev.Unnamed))
	ev.VIMResourceID = names
	return nil
}

// namesOf gives the residencies of a component the names that a VNFM told without saying which is whose, where a mistake can make no
// difference: there is one, or all are on one host. What is on different hosts stays nameless, because the wrong one would be given
// back under its name. By resource definition.
func namesOf(waiting []nameless, added []placement.AddedVNFC) map[string]string {
	names := map[string]string{}
	byComponent := map[string][]placement.AddedVNFC{}
	for _, a := range added {
		byComponent[a.ComponentID] = append(byComponent[a.ComponentID], a)
	}
	for id, told := range byComponent {
		own := slices.DeleteFunc(slices.Clone(waiting), func(n nameless) bool { return n.ComponentID != id })
		if len(own) != len(told) {
			continue
		}
		first := own[0]
		alike := !slices.ContainsFunc(own, func(n nameless) bool { return n.HostID != first.HostID || n.CISNodeID != first.CISNodeID })
		there := !slices.ContainsFunc(told, func(a placement.AddedVNFC) bool {
			return !placement.SameVIM(a.VIMConnectionID, first.VIMConnectionID)
		})
		if !alike || !there {
			continue
		}
		for i := range own {
			names[own[i].ResourceDefinitionID] = told[i].VIMResourceID
		}
	}
	return names
}
