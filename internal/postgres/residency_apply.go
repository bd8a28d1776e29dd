package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// residencyPlaces returns where residencies are, before the transaction has an id and any lock on a host. What ended
// before this did so in an earlier transaction than this one, in the order of the feed.
func residencyPlaces(ctx context.Context, tx pgx.Tx, residencies []placement.Residency) (map[string]placement.HostKey, error) {
	const placesSQL = `SELECT id, nfvi_pop_id, host_id FROM residency WHERE id = ANY($1)`
	ids := make([]string, len(residencies))
	for i := range residencies {
		ids[i] = residencies[i].ID
	}
	rows, err := tx.Query(ctx, placesSQL, ids)
	if err != nil {
		return nil, err
	}
	places := map[string]placement.HostKey{}
	var id string
	var key placement.HostKey
	_, err = pgx.ForEachRow(rows, []any{&id, &key.NFVIPoPID, &key.HostID}, func() error {
		places[id] = key
		return nil
	})
	return places, err
}

// applyResidencies stores residencies that no grant decided, which hold no two of the same id, and returns the changes
// that this made. What a grant decided stays as it is; a document that has it on another host is refused. One that is on
// another host than before has ended where it was.
func applyResidencies(ctx context.Context, tx pgx.Tx, residencies []placement.Residency, places map[string]placement.HostKey, end placement.EndRules,
) ([]placement.Change, tally, error) {
	var keys []placement.HostKey
	for i := range residencies {
		r := &residencies[i]
		keys = append(keys, placement.HostKey{NFVIPoPID: r.NFVIPoPID, HostID: r.HostID})
		if at, ok := places[r.ID]; ok {
			keys = append(keys, at)
		}
	}
	keys = placement.SortHostKeys(keys)
	if err := lockExisting(ctx, tx, keys); err != nil {
		return nil, tally{}, err
	}
	old, now, err := placedResidencies(ctx, tx, places)
	if err != nil {
		return nil, tally{}, err
	}
	w := residencyWrites{now: now}
	for i := range residencies {
		if err := w.add(old[residencies[i].ID], &residencies[i]); err != nil {
			return nil, tally{}, err
		}
	}
	if err := w.write(ctx, tx); err != nil {
		return nil, tally{}, err
	}
	for _, p := range byPoP(w.hosts) {
		if err := recomputeUsage(ctx, tx, p.id, p.hostIDs); err != nil {
			return nil, tally{}, err
		}
	}
	left, err := w.leave(ctx, tx, end)
	return append(w.changes(), left...), w.count, err
}

// leave lets follow what follows from the end of the residencies that moved, on the hosts that they left, which are locked.
// It returns the changes of those hosts.
func (w *residencyWrites) leave(ctx context.Context, tx pgx.Tx, end placement.EndRules) ([]placement.Change, error) {
	movedFrom := map[placement.HostKey][]*placement.Residency{}
	for i := range w.moved {
		key := placement.HostKey{NFVIPoPID: w.moved[i].NFVIPoPID, HostID: w.moved[i].HostID}
		movedFrom[key] = append(movedFrom[key], &w.moved[i])
	}
	if len(movedFrom) == 0 {
		return nil, nil
	}
	var b pgx.Batch
	var hosts []*lockedHost
	var now time.Time
	queueReadHosts(&b, placement.SortHostKeys(slices.Collect(maps.Keys(movedFrom))), nil, &hosts, &now)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	var changed []placement.Host
	for _, h := range hosts {
		work := hostWork{lockedHost: h, tx: tx, now: now}
		work.undedicate()
		for _, r := range movedFrom[h.key] {
			work.follows(r, end)
		}
		if err := work.flush(ctx); err != nil {
			return nil, err
		}
		if work.changed {
			changed = append(changed, h.host)
		}
	}
	return hostChanges(ctx, tx, changed)
}

// placedResidencies reads residencies whose hosts are locked now. One that ended meanwhile may be written anew only
// by a later transaction, or the feed would have its end after its beginning.
func placedResidencies(ctx context.Context, tx pgx.Tx, places map[string]placement.HostKey) (map[string]*placement.Residency, time.Time, error) {
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now); err != nil {
		return nil, now, err
	}
	ids := make([]string, 0, len(places))
	for id := range places {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, now.UTC(), nil
	}
	list, err := readResidencies(ctx, tx, ids)
	if err != nil {
		return nil, now, err
	}
	if len(list) != len(places) {
		return nil, now, errOvertaken
	}
	old := make(map[string]*placement.Residency, len(list))
	for i := range list {
		old[list[i].ID] = &list[i]
	}
	return old, now.UTC(), nil
}

// residencyWrites sorts residencies by what has to be written.
type residencyWrites struct {
	now              time.Time
	created, updated []placement.Residency
	moved            []placement.Residency // to another host: as they were
	gone             []placement.Residency // of those, to another NFVI-PoP: the old row
	hosts            []placement.HostKey   // whose use changes
	count            tally
}

func (w *residencyWrites) add(old, given *placement.Residency) error {
	r := *given
	r.Kind, r.State = cmp.Or(r.Kind, placement.ResidencyWorkload), cmp.Or(r.State, placement.StateRunning)
	r.GrantID, r.ResourceDefinitionID, r.ReservedAt, r.ExpiresAt = "", "", time.Time{}, time.Time{}
	r.StateSince, r.Revision = w.now, 1
	key := placement.HostKey{NFVIPoPID: r.NFVIPoPID, HostID: r.HostID}
	if old == nil {
		w.count.Created++
		w.created, w.hosts = append(w.created, r), append(w.hosts, key)
		return nil
	}
	was := placement.HostKey{NFVIPoPID: old.NFVIPoPID, HostID: old.HostID}
	if old.GrantID != "" {
		if was != key {
			return decidedResidency(old)
		}
		w.count.Unchanged++
		return nil
	}
	if r.State == old.State {
		r.StateSince = old.StateSince
	}
	if r.VIMResourceIDs == nil {
		r.VIMResourceIDs = old.VIMResourceIDs
	}
	r.Revision = old.Revision
	if same(residencyChange(old), residencyChange(&r)) {
		w.count.Unchanged++
		return nil
	}
	r.Revision++
	w.count.Updated++
	w.hosts = append(w.hosts, key, was)
	if was != key {
		w.moved = append(w.moved, *old)
	}
	if was.NFVIPoPID == key.NFVIPoPID {
		w.updated = append(w.updated, r)
		return nil
	}
	w.gone, w.created = append(w.gone, *old), append(w.created, r)
	return nil
}

func (w *residencyWrites) write(ctx context.Context, tx pgx.Tx) error {
	const goneSQL = `DELETE FROM residency WHERE nfvi_pop_id = $1 AND id = $2`
	var b pgx.Batch
	for i := range w.gone {
		b.Queue(goneSQL, w.gone[i].NFVIPoPID, w.gone[i].ID)
	}
	for i := range w.updated {
		b.Queue(updateResidencySQL, pgx.StrictStructArgs(residencyToRow(&w.updated[i])))
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil || len(w.created) == 0 {
		return err
	}
	slices.SortFunc(w.created, func(a, b placement.Residency) int {
		return cmp.Or(cmp.Compare(a.NFVIPoPID, b.NFVIPoPID), cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.ID, b.ID))
	})
	return insertRows(ctx, tx, "residency", columnNames(residencyColumns), len(w.created), func(i int) ([]any, error) {
		r := residencyToRow(&w.created[i])
		return r.values(), nil
	})
}

// updateResidencySQL replaces everything of a residency that its writer sets, on a locked host.
const updateResidencySQL = `
	UPDATE residency SET
		host_id = @host_id, cis_node_id = @cis_node_id, pod_id = @pod_id, kind = @kind, state = @state, vnf_instance_id = @vnf_instance_id,
		nf_instance_key = @nf_instance_key, nf_type = @nf_type, nf_set_id = @nf_set_id, vnfd_id = @vnfd_id, component_id = @component_id,
		trust_domain_id = @trust_domain_id, roles = @roles, exposed = @exposed, protected_peer = @protected_peer,
		cut_through = @cut_through, privileged = @privileged, administers_host_pool_ids = @administers_host_pool_ids, images = @images,
		labels = @labels, snssais = @snssais, runtime = @runtime, resources = @resources, undeclared_peers = @undeclared_peers,
		conflicting_components = @conflicting_components, grant_id = @grant_id, resource_definition_id = @resource_definition_id,
		vim_resource_ids = @vim_resource_ids, reserved_at = @reserved_at, expires_at = @expires_at, state_since = @state_since,
		revision = @revision
	WHERE nfvi_pop_id = @nfvi_pop_id AND id = @id`

// changes are what the writes did, in the order of the feed. They hold the records as the database returns them.
func (w *residencyWrites) changes() []placement.Change {
	changes := make([]placement.Change, 0, len(w.gone)+len(w.updated)+len(w.created))
	for i := range w.gone {
		changes = append(changes, residencyGone(w.gone[i].NFVIPoPID, w.gone[i].ID))
	}
	for i := range w.updated {
		changes = append(changes, residencyChange(&w.updated[i]))
	}
	for i := range w.created {
		changes = append(changes, residencyChange(&w.created[i]))
	}
	return changes
}
