package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// defaultApproval is for how long a proposed change can be approved, unless the options say otherwise.
const defaultApproval = 7 * 24 * time.Hour

// guarded tells whether the inventory is: two persons, from the first activation of a policy on. The transaction holds the
// epoch, so that no policy is put in force meanwhile.
func (s *Store) guarded(ctx context.Context, tx pgx.Tx) (bool, error) {
	if s.onePerson {
		return false, nil
	}
	const guardedSQL = `SELECT first_activated_at IS NOT NULL OR EXISTS (SELECT FROM policy WHERE activated) FROM policy_epoch`
	var guarded bool
	err := tx.QueryRow(ctx, guardedSQL).Scan(&guarded)
	return guarded, err
}

// holdOne proposes the write of one object where it changes what security rests on, instead of doing it. It returns nil for one
// that may be done. The trial does the write, so that nothing is proposed that cannot be done.
func (s *Store) holdOne(ctx context.Context, tx pgx.Tx, actor string, before, after placement.Change, trial func(pgx.Tx) error) (*placement.PendingChange, error) {
	labels, err := labelsRead(ctx, tx, after.Host != nil)
	if err != nil {
		return nil, err
	}
	d, counts := placement.SecurityDifferenceOf(&before, &after, labels)
	if !counts {
		return nil, nil //nolint:nilnil // nothing to hold is no error
	}
	guarded, err := s.guarded(ctx, tx)
	if err != nil || !guarded {
		return nil, err
	}
	if err := tried(ctx, tx, trial); err != nil {
		return nil, err
	}
	return s.propose(ctx, tx, actor, []placement.Change{after}, []placement.SecurityDifference{d})
}

// labelsRead are the keys of the labels of hosts that rules of policies read, of any version, so that nobody sets one alone before a
// version comes into force; none where it is not about hosts.
func labelsRead(ctx context.Context, tx pgx.Tx, hosts bool) ([]string, error) {
	if !hosts {
		return nil, nil
	}
	const labelsSQL = `SELECT DISTINCT unnest(host_labels) COLLATE "C" AS key FROM policy_version ORDER BY key`
	rows, err := tx.Query(ctx, labelsSQL)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// tried does something in a transaction and undoes it.
func tried(ctx context.Context, tx pgx.Tx, trial func(pgx.Tx) error) error {
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if err := trial(savepoint); err != nil {
		return err // which ends the transaction
	}
	return savepoint.Rollback(ctx)
}

// propose stores a write for a second person. One that the same client has asked for already, and that can still be approved, is
// not stored twice.
func (s *Store) propose(ctx context.Context, tx pgx.Tx, actor string, changes []placement.Change, differences []placement.SecurityDifference) (*placement.PendingChange, error) {
	const sameSQL = `
		SELECT id FROM pending_change
		WHERE state = 'PENDING' AND expires_at > statement_timestamp() AND proposed_by = $1 AND content_sha256 = $2 AND base = $3
		ORDER BY id LIMIT 1`
	const insertSQL = `
		INSERT INTO pending_change (id, proposed_by, expires_at, reason, changes, differences, base, content_sha256)
		VALUES ($1, $2, statement_timestamp() + $3::interval, $4, $5, $6, $7, $8)`
	base, err := objectStates(ctx, tx, changes)
	if err != nil {
		return nil, err
	}
	docs, err := pendingChangesToDoc(changes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(docs)
	digest, states := hex.EncodeToString(sum[:]), convert(base, objectStateToDoc)
	rows, err := tx.Query(ctx, sameSQL, actor, digest, states)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		id, err := uuid.NewV7() // in the order of their ids changes are in the order of time
		if err != nil {
			return nil, fmt.Errorf("make an id: %w", err)
		}
		reason := placement.ReasonOf(ctx)
		_, err = tx.Exec(ctx, insertSQL, id.String(), actor, s.approvalFor, reason, docs, convert(differences, differenceToDoc), states, digest)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id.String())
		if err := audit(ctx, tx, noPoP, actor, "PROPOSE_CHANGE", ids[0], map[string]string{"objects": objectsText(differences), "reason": reason}); err != nil {
			return nil, err
		}
	}
	return readPendingChange(ctx, tx, ids[0], "")
}

// namedObjects is how many objects the audit trail names; the change holds all.
const namedObjects = 20

func objectsText(differences []placement.SecurityDifference) string {
	var out []string
	for i := range differences[:min(len(differences), namedObjects)] {
		d := &differences[i]
		out = append(out, string(d.Action)+" "+string(d.Kind)+" "+d.ID)
	}
	if n := len(differences) - len(out); n > 0 {
		out = append(out, strconv.Itoa(n)+" more")
	}
	return strings.Join(out, ", ")
}

// objectStates reads how the objects of changes are now, in the order of the changes.
func objectStates(ctx context.Context, tx pgx.Tx, changes []placement.Change) ([]placement.ObjectState, error) {
	of := map[placement.ChangeKind][]placement.Change{}
	for _, c := range changes {
		of[c.Kind] = append(of[c.Kind], c)
	}
	present := map[placement.ChangeKind]map[string]placement.Change{}
	for kind, list := range of {
		found, err := storedObjects(ctx, tx, kind, list)
		if err != nil {
			return nil, err
		}
		present[kind] = found
	}
	out := make([]placement.ObjectState, len(changes))
	for i := range changes {
		c := &changes[i]
		out[i] = placement.ObjectState{Kind: c.Kind, ID: c.ID}
		now, ok := present[c.Kind][c.ID]
		if !ok {
			continue
		}
		var err error
		if out[i].Revision, out[i].Digest, err = objectDigest(&now); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// objectDigest is that of what the writers of an object set. What verifiers, scrubbers and decisions write about a host, and when
// a cache was seen, moves all the time and is none of a writer's business.
func objectDigest(c *placement.Change) (revision int64, digest string, err error) {
	own := *c
	switch {
	case c.Host != nil:
		own.Host = ownOf(c.Host)
		revision, own.Host.Revision = c.Host.Revision, 0
	case c.CacheEntry != nil:
		e := *c.CacheEntry
		revision = e.Revision
		e.ObservedAt, e.Revision = time.Time{}, 0
		own.CacheEntry = &e
	default:
		revision = revisionOf(c)
	}
	image, err := afterImage(&own)
	sum := sha256.Sum256(image)
	return revision, hex.EncodeToString(sum[:]), err
}

func revisionOf(c *placement.Change) int64 {
	switch {
	case c.TrustDomain != nil:
		return c.TrustDomain.Revision
	case c.TrustRelation != nil:
		return c.TrustRelation.Revision
	case c.NFVIPoP != nil:
		return c.NFVIPoP.Revision
	case c.ResourceZone != nil:
		return c.ResourceZone.Revision
	case c.HostPool != nil:
		return c.HostPool.Revision
	case c.RuntimeClass != nil:
		return c.RuntimeClass.Revision
	case c.Image != nil:
		return c.Image.Revision
	case c.VNFProfile != nil:
		return c.VNFProfile.Revision
	case c.Residency != nil:
		return c.Residency.Revision
	}
	return 0
}

// storedObjects reads the objects of changes of one kind as they are now, by id; those that do not exist are missing.
func storedObjects(ctx context.Context, tx pgx.Tx, kind placement.ChangeKind, changes []placement.Change) (map[string]placement.Change, error) {
	ids := make([]string, len(changes))
	for i := range changes {
		ids[i] = changes[i].ID
	}
	if noun := catalogueOf(kind); noun != nil {
		return noun.stored(ctx, tx, ids)
	}
	out := map[string]placement.Change{}
	switch kind {
	case placement.ChangeHost:
		hosts, err := hostsByID(ctx, tx, ids)
		for i := range hosts {
			out[hosts[i].ID] = hostChange(&hosts[i])
		}
		return out, err
	case placement.ChangeResidency:
		list, err := readResidencies(ctx, tx, ids)
		for i := range list {
			out[list[i].ID] = residencyChange(&list[i])
		}
		return out, err
	case placement.ChangeCacheEntry:
		wanted := make([]placement.CacheEntry, len(changes))
		for i := range changes {
			wanted[i] = placement.CacheEntry{NFVIPoPID: changes[i].NFVIPoPID}
			wanted[i].HostID, wanted[i].Digest = splitCacheEntryID(changes[i].ID)
		}
		list, err := readCacheEntries(ctx, tx, wanted)
		for _, e := range list {
			out[cacheEntryID(e.HostID, e.Digest)] = cacheEntryChange(&e)
		}
		return out, err
	default:
		return nil, fmt.Errorf("the inventory has no objects of kind %s", kind)
	}
}

// hostsByID reads hosts; those that do not exist are missing.
func hostsByID(ctx context.Context, q queryer, ids []string) ([]placement.Host, error) {
	keys, err := hostKeys(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	var list []placement.HostKey
	for _, k := range keys {
		list = append(list, k)
	}
	var out []placement.Host
	for _, p := range byPoP(list) {
		hosts, err := readHosts(ctx, q, p.id, p.hostIDs)
		if err != nil {
			return nil, err
		}
		out = append(out, hosts...)
	}
	return out, nil
}

// moved names the objects that are not as they were.
func moved(was, now []placement.ObjectState) []string {
	var out []string
	for i := range was {
		if was[i].Digest != now[i].Digest {
			out = append(out, string(was[i].Kind)+" "+was[i].ID)
		}
	}
	return slices.Compact(out)
}
