package postgres

import (
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueFacts reads what verification judges and what the writing needs.
func (t *commitTx) queueFacts(b *pgx.Batch) {
	queueReadHosts(b, t.keys, t.artefacts(), &t.hosts, &t.now)
	t.overheads = queueOverheads(b)
	t.queueSiblings(b)
	t.queueStanding(b)
	t.queueTogether(b)
	const existingSQL = `
		SELECT r.id, r.vnf_instance_id, r.vim_resource_ids, r.nfvi_pop_id, h.resource_zone_id, h.rack_id, h.vim_connection_id, r.host_id, r.cis_node_id, r.trust_domain_id
		FROM residency r
		JOIN host h ON h.nfvi_pop_id = r.nfvi_pop_id AND h.id = r.host_id
		WHERE r.id = ANY($1) OR r.vim_resource_ids && $1 AND r.vim_resource_ids <> '{}'
		ORDER BY r.id`
	if len(t.ExistingRefs) > 0 {
		queueCollect(b, &t.existing, existingFromRow, existingSQL, t.ExistingRefs)
	}
}

// artefacts are those whose entries in the hosts' caches matter: all (nil), where somebody ends; otherwise those that are ordered
// into a cache in another form than SHARED, the weakest.
func (t *commitTx) artefacts() []string {
	if len(t.Supersedes) > 0 {
		return nil
	}
	digests := []string{}
	for i := range t.Directives {
		if c := t.Directives[i].Cache; c != nil && c.Mode > placement.CacheShared {
			digests = append(digests, c.Digest)
		}
	}
	return digests
}

type existingRow struct {
	ResidencyID     string   `db:"id"`
	VNFInstanceID   string   `db:"vnf_instance_id"`
	VIMResourceIDs  []string `db:"vim_resource_ids"`
	NFVIPoPID       string   `db:"nfvi_pop_id"`
	ResourceZoneID  *string  `db:"resource_zone_id"`
	RackID          string   `db:"rack_id"`
	VIMConnectionID string   `db:"vim_connection_id"`
	HostID          string   `db:"host_id"`
	CISNodeID       string   `db:"cis_node_id"`
	TrustDomainID   string   `db:"trust_domain_id"`
}

func existingFromRow(r *existingRow) (placement.ExistingResource, error) {
	return placement.ExistingResource{
		ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, VIMResourceIDs: nilIfEmpty(r.VIMResourceIDs), NFVIPoPID: r.NFVIPoPID,
		ResourceZoneID: nullToEmpty(r.ResourceZoneID), RackID: r.RackID, VIMConnectionID: r.VIMConnectionID, HostID: r.HostID, CISNodeID: r.CISNodeID,
		TrustDomainID: r.TrustDomainID,
	}, nil
}

// queueOverheads reads what pods of runtime classes use beside their containers; a class that is not there uses nothing.
// The map is filled when the batch runs.
func queueOverheads(b *pgx.Batch) map[string]placement.Resources {
	const overheadsSQL = `SELECT name, overhead FROM runtime_class WHERE overhead <> '{}'`
	overheads := map[string]placement.Resources{}
	b.Queue(overheadsSQL).Query(func(rows pgx.Rows) error {
		var name string
		var overhead placement.Resources
		_, err := pgx.ForEachRow(rows, []any{&name, &overhead}, func() error {
			overheads[name], overhead = overhead, nil
			return nil
		})
		return err
	})
	return overheads
}

type siblingRow struct {
	ResidencyID    string  `db:"id"`
	VNFInstanceID  string  `db:"vnf_instance_id"`
	NFInstanceKey  string  `db:"nf_instance_key"`
	ComponentID    string  `db:"component_id"`
	NFVIPoPID      string  `db:"nfvi_pop_id"`
	ResourceZoneID *string `db:"resource_zone_id"`
	RackID         string  `db:"rack_id"`
	HostID         string  `db:"host_id"`
	CISNodeID      string  `db:"cis_node_id"`
	State          string  `db:"state"`
}

func siblingFromRow(r *siblingRow) (placement.Sibling, error) {
	nf := placement.NF{VNFInstanceID: r.VNFInstanceID, InstanceKey: r.NFInstanceKey}
	return placement.Sibling{
		ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, NF: nf.Instance(), ComponentID: r.ComponentID, NFVIPoPID: r.NFVIPoPID, ResourceZoneID: nullToEmpty(r.ResourceZoneID),
		RackID: r.RackID, HostID: r.HostID, CISNodeID: r.CISNodeID, State: placement.ResidencyState(r.State),
	}, nil
}

// queueSiblings reads the replicas of components in the whole fleet.
func (t *commitTx) queueSiblings(b *pgx.Batch) {
	const siblingsSQL = `
		SELECT r.id, r.vnf_instance_id, r.nf_instance_key, r.component_id, r.nfvi_pop_id, h.resource_zone_id, h.rack_id, r.host_id, r.cis_node_id, r.state
		FROM residency r
		JOIN host h ON h.nfvi_pop_id = r.nfvi_pop_id AND h.id = r.host_id
		JOIN unnest($1::text[], $2::text[], $3::text[]) AS k (vnf_instance_id, nf_instance_key, component_id)
		  ON k.vnf_instance_id = r.vnf_instance_id AND k.nf_instance_key = r.nf_instance_key AND k.component_id = r.component_id
		WHERE r.vnf_instance_id = ANY($1) AND r.kind = 'WORKLOAD'
		ORDER BY r.id`
	if len(t.SiblingsOf) == 0 {
		return
	}
	var instances, keys, components []string
	for _, k := range t.SiblingsOf {
		instances, keys, components = append(instances, k.VNFInstanceID), append(keys, k.InstanceKey), append(components, k.ComponentID)
	}
	queueCollect(b, &t.siblings, siblingFromRow, siblingsSQL, instances, keys, components)
}

// queueStanding reads the workloads that standing constraints compare.
func (t *commitTx) queueStanding(b *pgx.Batch) {
	const standingSQL = `
		SELECT r.id, r.vnf_instance_id, r.nf_instance_key, r.component_id, r.nfvi_pop_id, h.resource_zone_id, h.rack_id, r.host_id, r.cis_node_id, r.state
		FROM residency r
		JOIN host h ON h.nfvi_pop_id = r.nfvi_pop_id AND h.id = r.host_id
		WHERE r.vnf_instance_id = ANY($1) AND r.kind = 'WORKLOAD'
		ORDER BY r.id`
	var instances []string
	for i := range t.Standing {
		instances = append(instances, t.Standing[i].VNFInstanceIDs...)
	}
	if len(instances) > 0 {
		queueCollect(b, &t.standing, siblingFromRow, standingSQL, instances)
	}
}

// queueTogether reads the workloads of NF instances in the whole fleet.
func (t *commitTx) queueTogether(b *pgx.Batch) {
	const togetherSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE vnf_instance_id = $1 AND nf_instance_key = $2 AND kind = 'WORKLOAD'`
	for _, k := range t.TogetherOf {
		queueCollect(b, &t.together, addressOf(residencyFromRow), togetherSQL, k.VNFInstanceID, k.InstanceKey)
	}
}

// facts are what was read, without what this commit supersedes. A reason says that the plan cannot be judged.
func (t *commitTx) facts() (placement.CommitFacts, *placement.Reason) {
	for _, key := range t.keys {
		if t.host(key) == nil {
			return placement.CommitFacts{}, staleReason(staleHost, key.HostID)
		}
	}
	if id := t.gone(); id != "" {
		return placement.CommitFacts{}, staleReason(staleSupersede, id)
	}
	for _, h := range t.hosts {
		if id := t.takeOut(h); id != "" {
			return placement.CommitFacts{}, staleReason(staleSupersede, id)
		}
		t.markReleased(h)
	}
	facts := placement.CommitFacts{Now: t.now}
	for _, h := range t.hosts {
		facts.Hosts = append(facts.Hosts, placement.HostFacts{Host: h.asLeft(t.now), Used: h.used, Residents: h.residents, Cache: h.cache})
	}
	for _, s := range t.siblings {
		if !slices.Contains(t.Supersedes, s.ResidencyID) {
			facts.Siblings = append(facts.Siblings, s)
		}
	}
	slices.SortFunc(facts.Siblings, func(a, b placement.Sibling) int { return strings.Compare(a.ResidencyID, b.ResidencyID) })
	facts.Standing = slices.DeleteFunc(t.standing, func(s placement.Sibling) bool { return slices.Contains(t.Supersedes, s.ResidencyID) })
	slices.SortFunc(facts.Standing, func(a, b placement.Sibling) int { return strings.Compare(a.ResidencyID, b.ResidencyID) })
	facts.Together = slices.DeleteFunc(t.together, func(r *placement.Residency) bool { return slices.Contains(t.Supersedes, r.ID) })
	slices.SortFunc(facts.Together, byResidencyID)
	for i := range t.existing {
		if !slices.Contains(t.Supersedes, t.existing[i].ResidencyID) {
			facts.Existing = append(facts.Existing, t.existing[i])
		}
	}
	slices.SortFunc(facts.Existing, func(a, b placement.ExistingResource) int { return strings.Compare(a.ResidencyID, b.ResidencyID) })
	return facts, nil
}

// gone finds a residency that the plan ends and that has ended meanwhile: a directive for its host would be one too many, and
// the host need not even be locked.
func (t *commitTx) gone() string {
	for _, id := range slices.Concat(t.Supersedes, t.Decision.Plan.Releases) {
		there := func(h *lockedHost) bool {
			return slices.ContainsFunc(h.residents, func(r *placement.Residency) bool { return r.ID == id })
		}
		if !slices.ContainsFunc(t.hosts, there) {
			return id
		}
	}
	return ""
}

// takeOut removes what is superseded from a host. It returns the id of one that can no longer be superseded, because it
// was confirmed meanwhile.
func (t *commitTx) takeOut(h *lockedHost) (confirmed string) {
	var out []*placement.Residency
	for _, r := range h.residents {
		if slices.Contains(t.Supersedes, r.ID) {
			out = append(out, r)
		}
	}
	for _, r := range out {
		if r.State != placement.StateReserved && r.State != placement.StateUnconfirmed {
			return r.ID
		}
		h.remove(r, t.overheads[r.Workload.Runtime])
		h.leave(r, t.End)
	}
	t.superseded = append(t.superseded, out...)
	return ""
}

// leave notes what a residency that ends leaves behind; one that was only reserved never ran.
func (h *lockedHost) leave(r *placement.Residency, end placement.EndRules) {
	if end.Residue == nil || r.State == placement.StateReserved {
		return
	}
	if left := end.Residue(r, &h.host, h.residents, h.cache); len(left) > 0 {
		h.left, h.changed = append(h.left, left...), true
	}
}

// asLeft is the host's record with what is left there now.
func (h *lockedHost) asLeft(now time.Time) *placement.Host {
	next := h.host
	for _, r := range h.left {
		r.Since = now
		next.Residue = append(slices.Clip(next.Residue), r)
	}
	return &next
}

// markReleased makes the released residents of a host TERMINATING, as copies: the facts show what is.
func (t *commitTx) markReleased(h *lockedHost) {
	for _, r := range h.residents {
		if slices.Contains(t.Decision.Plan.Releases, r.ID) && r.State != placement.StateTerminating {
			next := *r
			next.State, next.StateSince, next.Revision = placement.StateTerminating, t.now, r.Revision+1
			t.released = append(t.released, &next)
		}
	}
}

func (t *commitTx) host(key placement.HostKey) *lockedHost {
	i, ok := slices.BinarySearchFunc(t.hosts, key, func(h *lockedHost, k placement.HostKey) int { return h.key.Compare(k) })
	if !ok {
		return nil
	}
	return t.hosts[i]
}

// remove takes a resident that ends off the host. With the last workload a dedication ends.
func (h *lockedHost) remove(r *placement.Residency, overhead placement.Resources) {
	freed := r.Workload.Resources.Plus(overhead)
	h.used = h.used.Minus(freed)
	h.delta = h.delta.Minus(freed)
	h.residents = slices.DeleteFunc(h.residents, func(o *placement.Residency) bool { return o.ID == r.ID })
	h.undedicate()
}

// undedicate ends a dedication that no workload rests on any more.
func (h *lockedHost) undedicate() {
	workload := func(o *placement.Residency) bool { return o.Kind == placement.ResidencyWorkload }
	if h.host.DedicatedTo != nil && !slices.ContainsFunc(h.residents, workload) {
		h.host.DedicatedTo, h.changed = nil, true
	}
}

func byResidencyID(a, b *placement.Residency) int { return strings.Compare(a.ID, b.ID) }
