package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// The most that one transaction of an import takes. What fits is applied whole or not at all.
const (
	importHosts       = 5_000
	importResidencies = 50_000 // also of cache entries
)

// Import creates or replaces what a document lists, each entry by its key; what it does not list stays. The document
// is checked whole, references to itself and to the database included, before anything is applied: a fault is an
// Invalid error with findings. A document of up to 5,000 hosts and 50,000 residencies is one transaction. A larger one
// is applied in several, in the order of keys; if one fails, those before it stay, and importing the document again
// completes the work, because what is stored just so already is left alone.
//
// Facts lets the document set what belongs to verifiers, scrubbers and decisions: attestation, residue and dedication.
// Otherwise the stored values stay. Residencies are facts in any case: they may break rules and capacity, and hold no
// claim. Those that a grant decided are left alone; on another host they are a Conflict.
//
// End says what residencies leave behind on hosts where they are no longer.
//
// A document that changes what security rests on is not applied, but proposed (AwaitsApproval); a larger one is a Conflict.
//
// Progress, which may be nil, is told after each transaction how many entries are done. The document must not be used
// during the call, and is completed by the NFVI-PoPs of its residencies.
func (s *Store) Import(ctx context.Context, doc *placement.Inventory, facts bool, end placement.EndRules, actor string, progress func(done, total int)) (placement.ImportResult, error) {
	im := importer{store: s, doc: doc, facts: facts, end: end, actor: actor, result: placement.ImportResult{Counts: map[string]placement.ImportCount{}}}
	first := placement.Inventory{
		TrustDomains: doc.TrustDomains, TrustRelations: doc.TrustRelations, NFVIPoPs: doc.NFVIPoPs, ResourceZones: doc.ResourceZones,
		HostPools: doc.HostPools, RuntimeClasses: doc.RuntimeClasses, Images: doc.Images, VNFProfiles: doc.VNFProfiles,
	}
	if len(doc.Hosts) <= importHosts && len(doc.Residencies) <= importResidencies && len(doc.CacheEntries) <= importResidencies {
		first = *doc
	}
	total := entries(doc)
	done := 0
	apply := func(batch *placement.Inventory, check bool) error {
		if err := im.apply(ctx, batch, check); err != nil {
			return err
		}
		done += entries(batch)
		if progress != nil {
			progress(done, total)
		}
		return nil
	}
	if err := apply(&first, true); err != nil {
		return placement.ImportResult{}, err
	}
	if done < total {
		for batch := range importBatches(doc) {
			if err := apply(&batch, false); err != nil {
				return placement.ImportResult{}, err
			}
		}
	}
	return im.result, im.finish(ctx)
}

// entries counts a document's entries.
func entries(doc *placement.Inventory) int {
	return len(doc.TrustDomains) + len(doc.TrustRelations) + len(doc.NFVIPoPs) + len(doc.ResourceZones) + len(doc.HostPools) +
		len(doc.RuntimeClasses) + len(doc.Hosts) + len(doc.Images) + len(doc.VNFProfiles) + len(doc.Residencies) + len(doc.CacheEntries)
}

// importBatches cuts the hosts of a checked document, then its residencies and cache entries, into transactions. Each
// list is sorted in the order of the hosts' locks.
func importBatches(doc *placement.Inventory) func(yield func(placement.Inventory) bool) {
	slices.SortFunc(doc.Hosts, func(a, b placement.Host) int {
		return cmp.Or(cmp.Compare(a.NFVIPoPID, b.NFVIPoPID), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(doc.Residencies, func(a, b placement.Residency) int {
		return cmp.Or(cmp.Compare(a.NFVIPoPID, b.NFVIPoPID), cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(doc.CacheEntries, func(a, b placement.CacheEntry) int {
		return cmp.Or(cmp.Compare(a.NFVIPoPID, b.NFVIPoPID), cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.Digest, b.Digest))
	})
	return func(yield func(placement.Inventory) bool) {
		for hosts := range slices.Chunk(doc.Hosts, importHosts) {
			if !yield(placement.Inventory{Hosts: hosts}) {
				return
			}
		}
		for residencies := range slices.Chunk(doc.Residencies, importResidencies) {
			if !yield(placement.Inventory{Residencies: residencies}) {
				return
			}
		}
		for cacheEntries := range slices.Chunk(doc.CacheEntries, importResidencies) {
			if !yield(placement.Inventory{CacheEntries: cacheEntries}) {
				return
			}
		}
	}
}

// importer applies a document.
type importer struct {
	store  *Store
	doc    *placement.Inventory
	facts  bool
	end    placement.EndRules
	actor  string
	result placement.ImportResult
	held   *placement.PendingChange // proposed instead of applied
}

// importTx is what one transaction of an import does.
type importTx struct {
	tx      pgx.Tx
	decides bool
	changes []placement.Change
	counts  map[string]placement.ImportCount
}

// apply runs one transaction, the first of which checks the document.
func (im *importer) apply(ctx context.Context, batch *placement.Inventory, check bool) error {
	var t importTx
	err := im.store.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		t = importTx{tx: tx, counts: map[string]placement.ImportCount{}}
		if err := planForBulk(ctx, tx); err != nil {
			return err
		}
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		moves, err := movesBoundary(ctx, tx, batch.Hosts)
		if err != nil {
			return err
		}
		catalogue := len(batch.Hosts)+len(batch.Residencies)+len(batch.CacheEntries) < entries(batch)
		if err := lockEpochFor(ctx, tx, catalogue || moves); err != nil {
			return err
		}
		t.decides = moves
		if check {
			if err := checkReferences(ctx, tx, im.doc); err != nil {
				return err
			}
		}
		if im.held, err = im.hold(ctx, tx, batch, check); err != nil || im.held != nil {
			return err
		}
		if err := t.apply(ctx, batch, im.facts, im.end); err != nil {
			return err
		}
		return im.record(ctx, &t)
	})
	if err != nil {
		return err
	}
	if im.held != nil {
		return &placement.AwaitsApproval{Change: *im.held}
	}
	for list, n := range t.counts {
		sum := im.result.Counts[list]
		sum.Created, sum.Updated, sum.Unchanged = sum.Created+n.Created, sum.Updated+n.Updated, sum.Unchanged+n.Unchanged
		im.result.Counts[list] = sum
	}
	return nil
}

// planForBulk has statements planned for the lists that they are given. Plans for lists of any length search them
// for every row, which takes minutes where tables have grown since they were last analysed.
func planForBulk(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SET LOCAL plan_cache_mode = force_custom_plan`)
	return err
}

// movesBoundary tells whether stored hosts get another hypervisor class, on themselves or on their CIS nodes. Only
// inventory writers change those, and they are locked out.
func movesBoundary(ctx context.Context, tx pgx.Tx, hosts []placement.Host) (bool, error) {
	next := make(map[string]*placement.Host, len(hosts))
	for i := range hosts {
		next[hosts[i].ID] = &hosts[i]
	}
	keys, err := hostKeys(ctx, tx, slices.Collect(maps.Keys(next)))
	if err != nil {
		return false, err
	}
	for _, p := range byPoP(slices.Collect(maps.Values(keys))) {
		stored, err := readHosts(ctx, tx, p.id, p.hostIDs)
		if err != nil {
			return false, err
		}
		for i := range stored {
			if changesBoundary(&stored[i], next[stored[i].ID]) {
				return true, nil
			}
		}
	}
	return false, nil
}

// apply stores a batch in an order in which everything exists before it is referred to.
func (t *importTx) apply(ctx context.Context, batch *placement.Inventory, facts bool, end placement.EndRules) error {
	places, err := residencyPlaces(ctx, t.tx, batch.Residencies)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return importTable(ctx, t, trustDomainTable(), batch) },
		func() error { return importTable(ctx, t, trustRelationTable(), batch) },
		func() error { return importTable(ctx, t, nfviPoPTable(), batch) },
		func() error { return importTable(ctx, t, resourceZoneTable(), batch) },
		func() error { return importTable(ctx, t, hostPoolTable(), batch) },
		func() error { return importTable(ctx, t, runtimeClassTable(), batch) },
		func() error { return importTable(ctx, t, imageTable(), batch) },
		func() error { return importTable(ctx, t, vnfProfileTable(), batch) },
		func() error {
			changes, count, err := applyHosts(ctx, t.tx, batch.Hosts, facts)
			return t.add("hosts", changes, count, err)
		},
		func() error {
			changes, count, err := applyResidencies(ctx, t.tx, batch.Residencies, places, end)
			return t.add("residencies", changes, count, err)
		},
		func() error {
			changes, count, err := applyCacheEntries(ctx, t.tx, batch.CacheEntries)
			return t.add("cacheEntries", changes, count, err)
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func importTable[T any](ctx context.Context, t *importTx, noun *table[T], batch *placement.Inventory) error {
	values := *noun.document(batch)
	if len(values) == 0 {
		return nil
	}
	changes, count, err := noun.apply(ctx, t.tx, values)
	t.decides = t.decides || len(changes) > 0
	return t.add(noun.list, changes, count, err)
}

func (t *importTx) add(list string, changes []placement.Change, count tally, err error) error {
	if count != (tally{}) {
		t.counts[list] = count
	}
	t.changes = append(t.changes, changes...)
	return err
}

// record appends what a transaction changed to the feed, and the transaction to the audit trail.
func (im *importer) record(ctx context.Context, t *importTx) error {
	if len(t.changes) == 0 {
		return nil
	}
	if err := appendChanges(ctx, t.tx, t.changes...); err != nil {
		return err
	}
	if t.decides {
		if err := bumpEpoch(ctx, t.tx); err != nil {
			return err
		}
	}
	counts, err := json.Marshal(t.counts)
	if err != nil {
		return err
	}
	if err := audit(ctx, t.tx, noPoP, im.actor, "IMPORT", "inventory", map[string]string{"counts": string(counts)}); err != nil {
		return err
	}
	const positionSQL = `SELECT txid, id FROM change_feed WHERE txid = pg_current_xact_id() ORDER BY id DESC LIMIT 1`
	return t.tx.QueryRow(ctx, positionSQL).Scan(&im.result.Position.TxID, &im.result.Position.Row)
}

// finish completes the result.
func (im *importer) finish(ctx context.Context) (err error) {
	if im.result.PolicyEpoch, err = im.store.Epoch(ctx); err != nil || im.result.Position != (placement.FeedPosition{}) {
		return err
	}
	im.result.Position, _, err = im.store.FeedHead(ctx)
	return err
}
