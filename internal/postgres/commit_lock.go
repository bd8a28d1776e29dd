package postgres

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// hostsOfResidencies looks up where residencies are, before their hosts are locked. A residency never moves, so this
// decides nothing: what has become of it is read again under the lock.
func (s *Store) hostsOfResidencies(ctx context.Context, ids []string) ([]placement.HostKey, error) {
	const hostsSQL = `SELECT nfvi_pop_id, host_id FROM residency WHERE id = ANY($1)`
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.pool.Query(ctx, hostsSQL, ids)
	if err != nil {
		return nil, translate(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.HostKey])
	return keys, translate(err)
}

// lockAndRead takes the locks in the fixed order and reads what they protect, in one round trip. Each statement of the
// batch has a snapshot of its own, taken when its turn comes: those after the locks see what the locks waited for.
func (t *commitTx) lockAndRead(ctx context.Context, tx pgx.Tx) error {
	var b pgx.Batch
	queueEpoch(&b, &t.epoch)
	queueTurn(&b, t.keys)
	t.queueIdempotency(&b)
	t.queueScopes(&b)
	var overtaken bool
	queueLockHosts(&b, t.keys, &overtaken)
	t.queueFacts(&b)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	if overtaken {
		return errOvertaken
	}
	return nil
}

// queueIdempotency claims the key of the request. The row is complete from the start, because everything in it is known;
// it disappears with the transaction. When the key was claimed before, the row is locked as it is.
func (t *commitTx) queueIdempotency(b *pgx.Batch) {
	b.Queue(insertIdempotencySQL, t.row().args()...).Exec(func(tag pgconn.CommandTag) error {
		t.inserted = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(lockIdempotencySQL, t.Key.ClientID, t.Key.VNFLcmOpOccID).Query(func(rows pgx.Rows) (err error) {
		t.earlier, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[idempotencyRow])
		return err
	})
}

// row is the idempotency row of the grant.
func (t *commitTx) row() idempotencyRow {
	d := &t.Decision
	return idempotencyRow{
		ClientID: t.Key.ClientID, VNFLcmOpOccID: t.Key.VNFLcmOpOccID, BodySHA256: t.Key.BodySHA256[:], Outcome: string(placement.OutcomeGrant),
		NFVIPoPID: t.popID, DecisionID: d.ID, GrantPoPID: &t.popID, GrantID: &t.GrantID, PolicyEpoch: d.Inputs.PolicyEpoch,
		ChangeSeq: d.Inputs.Position.String(), GrantedBody: t.Key.BodySHA256[:],
	}
}

// queueEpoch holds the epoch, so that nothing that decides changes, and reads it in the next statement.
func queueEpoch(b *pgx.Batch, epoch *int64) {
	b.Queue(`SELECT pg_advisory_xact_lock_shared($1)`, int64(epochLock))
	b.Queue(`SELECT epoch FROM policy_epoch`).QueryRow(func(row pgx.Row) error { return row.Scan(epoch) })
}

// turnClass is the first key of the advisory locks by which decisions take turns on hosts.
const turnClass = 0x72696e67

// queueTurn lets decisions on the same host take turns before they get a transaction id. Without it the row locks below
// would be enough for safety, but a transaction that waits for a second host would often find it changed by a later id
// and have to start again (errOvertaken).
func queueTurn(b *pgx.Batch, keys []placement.HostKey) {
	const turnSQL = `SELECT pg_advisory_xact_lock($1, k.id) FROM unnest($2::int[]) AS k (id)`
	if len(keys) == 0 {
		return
	}
	turns := make([]int32, len(keys))
	for i, k := range keys {
		h := fnv.New32a()
		_, _ = h.Write([]byte(k.NFVIPoPID + "\x00" + k.HostID))
		turns[i] = int32(h.Sum32())
	}
	slices.Sort(turns)
	b.Queue(turnSQL, int32(turnClass), slices.Compact(turns))
}

// queueScopes locks the components whose replicas anywhere count, the NF instances that are held together, and what standing constraints
// compare, ascending. The rows are made when first needed.
func (t *commitTx) queueScopes(b *pgx.Batch) {
	const lockSQL = `
		INSERT INTO scope_lock AS l (id)
		SELECT i.id FROM unnest($1::text[]) AS i (id) ORDER BY i.id
		ON CONFLICT (id) DO UPDATE SET gen = l.gen + 1`
	ids := make([]string, 0, len(t.SiblingsOf)+len(t.TogetherOf))
	for _, k := range t.SiblingsOf {
		ids = append(ids, scopeID(placement.NFKey{VNFInstanceID: k.VNFInstanceID, InstanceKey: k.InstanceKey}, k.ComponentID))
	}
	for _, k := range t.TogetherOf {
		ids = append(ids, scopeID(k))
	}
	for i := range t.Standing {
		ids = append(ids, t.Standing[i].Lock)
	}
	if len(ids) > 0 {
		b.Queue(lockSQL, ids)
	}
}

// scopeID names an NF instance, or with its id a component of it.
func scopeID(k placement.NFKey, componentID ...string) string {
	nf := placement.NF{VNFInstanceID: k.VNFInstanceID, InstanceKey: k.InstanceKey}
	id, err := json.Marshal(append([]string{nf.Instance()}, componentID...))
	if err != nil {
		panic("postgres: strings have a JSON form: " + err.Error())
	}
	return string(id)
}

// queueLockHosts locks hosts, which are in lock order, one after the other.
func queueLockHosts(b *pgx.Batch, keys []placement.HostKey, overtaken *bool) {
	const lockSQL = `
		SELECT changed_txid > pg_current_xact_id() AS overtaken
		FROM host
		WHERE nfvi_pop_id = $1 AND id = $2
		FOR NO KEY UPDATE`
	for _, k := range keys {
		b.Queue(lockSQL, k.NFVIPoPID, k.HostID).Query(func(rows pgx.Rows) error {
			late, err := pgx.CollectRows(rows, pgx.RowTo[bool])
			*overtaken = *overtaken || slices.Contains(late, true)
			return err
		})
	}
}

// lockedHost is a host under lock with everything on it.
type lockedHost struct {
	key          placement.HostKey
	host         placement.Host
	used         placement.Resources
	directiveSeq int64
	mode         placement.Mode         // of its VIM connection
	heardAt      time.Time              // when somebody acknowledged or reported for it last
	residents    []*placement.Residency // every state, ascending by id
	cache        []placement.CacheEntry // of the artefacts that were asked for, ascending by digest

	// What the transaction makes of it.
	delta      placement.Resources // added to used
	changed    bool                // the record, by a dedication or by what is left
	directives []placement.Directive
	left       []placement.Residue // by who ends
}

type lockedHostRow struct {
	fullHostRow

	CPUMillisUsed           int64               `db:"cpu_millis_used"`
	MemoryMiBUsed           int64               `db:"memory_mib_used"`
	EphemeralStorageMiBUsed int64               `db:"ephemeral_storage_mib_used"`
	HugePages2MiUsed        int64               `db:"hugepages_2mi_used"`
	HugePages1GiUsed        int64               `db:"hugepages_1gi_used"`
	SRIOVVFsUsed            int64               `db:"sriov_vfs_used"`
	GPUsUsed                int64               `db:"gpus_used"`
	TEEGuestsUsed           int64               `db:"tee_guests_used"`
	ExtUsed                 placement.Resources `db:"ext_used"`
	DirectiveSeq            int64               `db:"directive_seq"`
	Mode                    string              `db:"mode"`
	HeardAt                 *time.Time          `db:"heard_at"`
}

// lockedHostSQL reads a host by its key. A host that was registered anew goes on with the numbers of its directives.
const lockedHostSQL = `
	SELECT ` + fullHostColumns + `,
	       cpu_millis_used, memory_mib_used, ephemeral_storage_mib_used, hugepages_2mi_used, hugepages_1gi_used, sriov_vfs_used,
	       gpus_used, tee_guests_used,
	       CASE WHEN directive_seq > 0 THEN directive_seq
	            ELSE (SELECT coalesce(max(d.seq), 0) FROM directive d WHERE d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id)
	       END AS directive_seq,
	       coalesce((SELECT m.mode FROM enforcement_mode m WHERE m.subject = 'VIM_CONNECTION' AND m.subject_id = h.vim_connection_id), 'ENFORCE') AS mode,
	       nullif(greatest((SELECT o.received_at FROM observed_state o WHERE o.nfvi_pop_id = h.nfvi_pop_id AND o.host_id = h.id),
	                       (SELECT f.heard_at FROM directive_follower f WHERE f.nfvi_pop_id = h.nfvi_pop_id AND f.host_id = h.id)), '-infinity') AS heard_at,
	       (SELECT jsonb_object_agg(e.dimension, e.used)
	        FROM host_ext_capacity e WHERE e.nfvi_pop_id = h.nfvi_pop_id AND e.host_id = h.id AND e.used > 0) AS ext_used
	FROM host h
	WHERE h.nfvi_pop_id = $1 AND h.id = $2`

// hostCacheSQL reads what lies in the cache of a host of the listed artefacts; null: of all.
const hostCacheSQL = `
	SELECT ` + cacheEntryColumns + `
	FROM cache_entry
	WHERE nfvi_pop_id = $1 AND host_id = $2 AND ($3::text[] IS NULL OR digest = ANY($3))`

// residentsSQL reads everything on a host.
const residentsSQL = `
	SELECT ` + residencyColumns + `
	FROM residency
	WHERE nfvi_pop_id = $1 AND host_id = $2`

func lockedHostFromRow(r *lockedHostRow) (*lockedHost, error) {
	h, err := hostFromRow(&r.fullHostRow)
	used := placement.Resources{}
	known := []int64{
		r.CPUMillisUsed, r.MemoryMiBUsed, r.EphemeralStorageMiBUsed, r.HugePages2MiUsed, r.HugePages1GiUsed, r.SRIOVVFsUsed, r.GPUsUsed, r.TEEGuestsUsed,
	}
	for i, dimension := range placement.Dimensions() {
		if known[i] > 0 {
			used[dimension] = known[i]
		}
	}
	maps.Copy(used, r.ExtUsed)
	return &lockedHost{
		key: placement.HostKey{NFVIPoPID: h.NFVIPoPID, HostID: h.ID}, host: h, used: used, directiveSeq: r.DirectiveSeq,
		mode: placement.Mode(r.Mode), heardAt: nullToZero(r.HeardAt),
	}, err
}

// queueReadHosts reads hosts, which the transaction has locked, with everything on them, and the database's time.
//
// Of their caches it reads the entries of the artefacts; nil: of all.
func queueReadHosts(b *pgx.Batch, keys []placement.HostKey, artefacts []string, hosts *[]*lockedHost, now *time.Time) {
	var residents []*placement.Residency
	var cache []placement.CacheEntry
	for _, k := range keys {
		queueCollect(b, hosts, lockedHostFromRow, lockedHostSQL, k.NFVIPoPID, k.HostID)
		queueCollect(b, &residents, addressOf(residencyFromRow), residentsSQL, k.NFVIPoPID, k.HostID)
		if artefacts == nil || len(artefacts) > 0 {
			queueCollect(b, &cache, cacheEntryFromRow, hostCacheSQL, k.NFVIPoPID, k.HostID, artefacts)
		}
	}
	b.Queue(`SELECT statement_timestamp()`).QueryRow(func(row pgx.Row) error {
		settle(*hosts, residents, cache)
		err := row.Scan(now)
		*now = now.UTC()
		return err
	})
}

// settle puts residents and cache entries onto their hosts and sorts all as the domain does, whatever the database's collation.
func settle(hosts []*lockedHost, residents []*placement.Residency, cache []placement.CacheEntry) {
	slices.SortFunc(hosts, func(a, b *lockedHost) int { return a.key.Compare(b.key) })
	byKey := make(map[placement.HostKey]*lockedHost, len(hosts))
	for _, h := range hosts {
		byKey[h.key] = h
	}
	for _, r := range residents {
		if h := byKey[placement.HostKey{NFVIPoPID: r.NFVIPoPID, HostID: r.HostID}]; h != nil {
			h.residents = append(h.residents, r)
		}
	}
	for _, e := range cache {
		if h := byKey[placement.HostKey{NFVIPoPID: e.NFVIPoPID, HostID: e.HostID}]; h != nil {
			h.cache = append(h.cache, e)
		}
	}
	for _, h := range hosts {
		slices.SortFunc(h.residents, byResidencyID)
		slices.SortFunc(h.cache, func(a, b placement.CacheEntry) int { return strings.Compare(a.Digest, b.Digest) })
	}
}

// queueCollect appends the converted rows of a query to a list when the batch runs.
func queueCollect[R, T any](b *pgx.Batch, into *[]T, from func(*R) (T, error), sql string, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t T, err error) {
			r, err := pgx.RowToStructByName[R](row)
			if err != nil {
				return t, err
			}
			return from(&r)
		})
		*into = append(*into, list...)
		return err
	})
}
