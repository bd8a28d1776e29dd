package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// A CIS node that is a VM has a kernel of its own. Which residents share one is told by the node that each of them names,
// so a node stays where it is while somebody is in it, and is on one host only.

// checkNodesKept refuses to take a CIS node from a locked host, or to put it into another VM, while a residency is in it.
// What moves with it would be in a kernel that nobody records.
func checkNodesKept(ctx context.Context, tx pgx.Tx, hosts []placement.Host, stored map[string]*placement.Host) error {
	const residentsSQL = `
		SELECT host_id, cis_node_id, min(id)
		FROM residency
		WHERE nfvi_pop_id = $1 AND host_id = ANY($2) AND cis_node_id <> ''
		GROUP BY host_id, cis_node_id
		ORDER BY host_id, cis_node_id`
	next := map[string]*placement.Host{}
	var keys []placement.HostKey
	for i := range hosts {
		h := &hosts[i]
		if old := stored[h.ID]; old != nil && nodesMove(old, h) {
			next[h.ID], keys = h, append(keys, placement.HostKey{NFVIPoPID: old.NFVIPoPID, HostID: h.ID})
		}
	}
	for _, p := range byPoP(keys) {
		rows, err := tx.Query(ctx, residentsSQL, p.id, p.hostIDs)
		if err != nil {
			return err
		}
		var hostID, node, resident string
		_, err = pgx.ForEachRow(rows, []any{&hostID, &node, &resident}, func() error {
			if slices.Equal(path(stored[hostID], node), path(next[hostID], node)) {
				return nil
			}
			return placement.Errorf(placement.Conflict,
				"the CIS node %q of host %q cannot be removed, renamed or moved while the residency %q is in it: end what runs there first", node, hostID, resident)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// nodesMove tells whether a CIS node of a host is no longer where it was.
func nodesMove(before, after *placement.Host) bool {
	return slices.ContainsFunc(before.CISNodes, func(n placement.CISNode) bool {
		return !slices.Equal(path(before, n.ID), path(after, n.ID))
	})
}

// path lists a CIS node of a host and those in whose VMs it runs, innermost first; nothing for a node that is not there.
func path(h *placement.Host, nodeID string) []string {
	var out []string
	for n := h.Node(nodeID); n != nil && len(out) < len(h.CISNodes); n = h.Node(n.ParentID) {
		out = append(out, n.ID)
	}
	return out
}

// checkNodesFree refuses CIS nodes that are new to their host and are the same VM as one that is on another stored host. The
// inventory's writers exclude each other. A cluster and a node name in it tell which VM a node is. An id is one on its
// host only; where it is all that is known, it counts as the same VM as long as somebody is recorded in that one.
func checkNodesFree(ctx context.Context, tx pgx.Tx, hosts []placement.Host, stored map[string]*placement.Host) error {
	const sameSQL = `
		SELECT h.id, n ->> 'id'
		FROM host h
		CROSS JOIN jsonb_array_elements(h.cis_nodes) AS n
		JOIN unnest($1::text[], $2::text[]) AS a (cluster_id, node_name) ON a.cluster_id = n ->> 'clusterId' AND a.node_name = n ->> 'nodeName'
		UNION ALL
		SELECT h.id, n ->> 'id'
		FROM host h
		CROSS JOIN jsonb_array_elements(h.cis_nodes) AS n
		WHERE (n ->> 'id' = ANY($3) AND (n ->> 'clusterId' IS NULL OR n ->> 'nodeName' IS NULL) OR n ->> 'id' = ANY($4))
		  AND EXISTS (SELECT FROM residency r WHERE r.nfvi_pop_id = h.nfvi_pop_id AND r.host_id = h.id AND r.cis_node_id = n ->> 'id')`
	next := make(map[string]*placement.Host, len(hosts))
	clusters, names := []string{}, []string{}
	known, unknown := map[string]bool{}, map[string]bool{} // ids of nodes that are known by their names too, and of others
	for i := range hosts {
		h := &hosts[i]
		next[h.ID] = h
		for j := range h.CISNodes {
			n := &h.CISNodes[j]
			if old := storedNode(stored[h.ID], n.ID); old != nil && old.ClusterID == n.ClusterID && old.NodeName == n.NodeName {
				continue
			}
			if n.ClusterID == "" || n.NodeName == "" {
				unknown[n.ID] = true
				continue
			}
			known[n.ID] = true
			clusters, names = append(clusters, n.ClusterID), append(names, n.NodeName)
		}
	}
	if len(known)+len(unknown) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, sameSQL, clusters, names, slices.Collect(maps.Keys(known)), slices.Collect(maps.Keys(unknown)))
	if err != nil {
		return err
	}
	var other, node string
	_, err = pgx.ForEachRow(rows, []any{&other, &node}, func() error {
		if h := next[other]; h != nil && h.Node(node) == nil {
			return nil // it leaves there
		}
		return placement.Errorf(placement.Conflict,
			"the CIS node %q is on host %q: a VM is on one host at a time, so remove it there first, or tell the two apart by clusterId and nodeName", node, other)
	})
	return err
}

func storedNode(h *placement.Host, id string) *placement.CISNode {
	if h == nil {
		return nil
	}
	return h.Node(id)
}
