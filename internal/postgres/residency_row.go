package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// residencyRow is a row of residency.
type residencyRow struct {
	NFVIPoPID             string              `db:"nfvi_pop_id"`
	ID                    string              `db:"id"`
	HostID                string              `db:"host_id"`
	CISNodeID             string              `db:"cis_node_id"`
	PodID                 string              `db:"pod_id"`
	Kind                  string              `db:"kind"`
	State                 string              `db:"state"`
	VNFInstanceID         string              `db:"vnf_instance_id"`
	NFInstanceKey         string              `db:"nf_instance_key"`
	NFType                string              `db:"nf_type"`
	NFSetID               string              `db:"nf_set_id"`
	VNFDID                string              `db:"vnfd_id"`
	ComponentID           string              `db:"component_id"`
	TrustDomainID         string              `db:"trust_domain_id"`
	Roles                 []string            `db:"roles"`
	Exposed               bool                `db:"exposed"`
	ProtectedPeer         bool                `db:"protected_peer"`
	CutThrough            []string            `db:"cut_through"`
	Privileged            []string            `db:"privileged"`
	AdministersHostPools  []string            `db:"administers_host_pool_ids"`
	Images                []string            `db:"images"`
	Labels                map[string]string   `db:"labels"`
	SNSSAIs               []string            `db:"snssais"`
	Runtime               string              `db:"runtime"`
	Resources             placement.Resources `db:"resources"`
	UndeclaredPeers       bool                `db:"undeclared_peers"`
	ConflictingComponents bool                `db:"conflicting_components"`
	GrantID               *string             `db:"grant_id"`
	ResourceDefinitionID  string              `db:"resource_definition_id"`
	VIMResourceIDs        []string            `db:"vim_resource_ids"`
	ReservedAt            *time.Time          `db:"reserved_at"`
	ExpiresAt             *time.Time          `db:"expires_at"`
	StateSince            time.Time           `db:"state_since"`
	Revision              int64               `db:"revision"`
}

// residencyColumns are the columns of a residencyRow, in the order of residencyRow.values.
const residencyColumns = `
	nfvi_pop_id, id, host_id, cis_node_id, pod_id, kind, state, vnf_instance_id, nf_instance_key, nf_type, nf_set_id, vnfd_id,
	component_id, trust_domain_id, roles, exposed, protected_peer, cut_through, privileged, administers_host_pool_ids, images,
	labels, snssais, runtime, resources, undeclared_peers, conflicting_components, grant_id, resource_definition_id,
	vim_resource_ids, reserved_at, expires_at, state_since, revision`

// values are the row's values in the order of residencyColumns, for COPY.
func (r *residencyRow) values() []any {
	return []any{
		r.NFVIPoPID, r.ID, r.HostID, r.CISNodeID, r.PodID, r.Kind, r.State, r.VNFInstanceID, r.NFInstanceKey, r.NFType, r.NFSetID, r.VNFDID,
		r.ComponentID, r.TrustDomainID, r.Roles, r.Exposed, r.ProtectedPeer, r.CutThrough, r.Privileged, r.AdministersHostPools, r.Images,
		r.Labels, r.SNSSAIs, r.Runtime, r.Resources, r.UndeclaredPeers, r.ConflictingComponents, r.GrantID, r.ResourceDefinitionID,
		r.VIMResourceIDs, r.ReservedAt, r.ExpiresAt, r.StateSince, r.Revision,
	}
}

func residencyToRow(r *placement.Residency) residencyRow {
	w := &r.Workload
	return residencyRow{
		NFVIPoPID: r.NFVIPoPID, ID: r.ID, HostID: r.HostID, CISNodeID: r.CISNodeID, PodID: r.PodID, Kind: string(r.Kind), State: string(r.State),
		VNFInstanceID: w.NF.VNFInstanceID, NFInstanceKey: w.NF.InstanceKey, NFType: w.NF.Type, NFSetID: w.NF.SetID, VNFDID: w.VNFDID,
		ComponentID: w.ComponentID, TrustDomainID: w.TrustDomainID, Roles: w.Roles.Names(), Exposed: w.Exposed, ProtectedPeer: w.ProtectedPeer,
		CutThrough: w.CutThrough.Names(), Privileged: w.Privileged.Names(), AdministersHostPools: notNil(w.AdministersHostPools),
		Images: notNil(w.Images), Labels: notNilMap(w.Labels), SNSSAIs: notNil(w.SNSSAIs), Runtime: w.Runtime, Resources: notNilMap(w.Resources),
		UndeclaredPeers: w.UndeclaredPeers, ConflictingComponents: w.ConflictingComponents, GrantID: emptyToNull(r.GrantID),
		ResourceDefinitionID: r.ResourceDefinitionID, VIMResourceIDs: notNil(r.VIMResourceIDs), ReservedAt: zeroToNull(r.ReservedAt),
		ExpiresAt: zeroToNull(r.ExpiresAt), StateSince: r.StateSince, Revision: r.Revision,
	}
}

func residencyFromRow(r *residencyRow) (placement.Residency, error) {
	w := placement.Workload{
		NF:     placement.NF{VNFInstanceID: r.VNFInstanceID, InstanceKey: r.NFInstanceKey, Type: r.NFType, SetID: r.NFSetID},
		VNFDID: r.VNFDID, ComponentID: r.ComponentID, TrustDomainID: r.TrustDomainID, Exposed: r.Exposed, ProtectedPeer: r.ProtectedPeer,
		AdministersHostPools: nilIfEmpty(r.AdministersHostPools), Images: nilIfEmpty(r.Images), Labels: nilIfEmptyMap(r.Labels),
		SNSSAIs: nilIfEmpty(r.SNSSAIs), Runtime: r.Runtime, Resources: nilIfEmptyMap(r.Resources),
		UndeclaredPeers: r.UndeclaredPeers, ConflictingComponents: r.ConflictingComponents,
	}
	if err := parseSets(&w, r.Roles, r.CutThrough, r.Privileged); err != nil {
		return placement.Residency{}, err
	}
	return placement.Residency{
		ID: r.ID, NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, CISNodeID: r.CISNodeID, PodID: r.PodID, Workload: w,
		Kind: placement.ResidencyKind(r.Kind), State: placement.ResidencyState(r.State), GrantID: nullToEmpty(r.GrantID),
		ResourceDefinitionID: r.ResourceDefinitionID, VIMResourceIDs: nilIfEmpty(r.VIMResourceIDs), ReservedAt: nullToZero(r.ReservedAt),
		ExpiresAt: nullToZero(r.ExpiresAt), StateSince: r.StateSince.UTC(), Revision: r.Revision,
	}, nil
}

// collect runs a query and converts its rows.
func collect[R, T any](ctx context.Context, q queryer, from func(*R) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t T, err error) {
		r, err := pgx.RowToStructByName[R](row)
		if err != nil {
			return t, err
		}
		return from(&r)
	})
}
