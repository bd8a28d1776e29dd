package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// hold proposes a document that changes what security rests on, instead of applying it. It returns nil for one that may be applied.
// The first transaction looks at the whole document, later ones at their part of it: something may have changed meanwhile.
func (im *importer) hold(ctx context.Context, tx pgx.Tx, batch *placement.Inventory, first bool) (*placement.PendingChange, error) {
	guarded, err := im.store.guarded(ctx, tx)
	if err != nil || !guarded {
		return nil, err
	}
	looked := batch
	if first {
		looked = im.doc
	}
	differences, err := securityDifferences(ctx, tx, looked)
	switch {
	case err != nil || len(differences) == 0:
		return nil, err
	case !first:
		return nil, placement.Errorf(placement.Conflict,
			"while the document was imported, %s changed, so that the rest of it takes the approval of another client: import it again", objectsText(differences))
	case entries(batch) < entries(im.doc):
		return nil, placement.Errorf(placement.Conflict,
			"the document changes what takes the approval of another client (%s), and is too large to be approved as one: import that in a document of its own, of at most %d hosts and %d residencies",
			objectsText(differences), importHosts, importResidencies)
	}
	var t importTx
	err = tried(ctx, tx, func(tx pgx.Tx) error {
		t = importTx{tx: tx, counts: map[string]placement.ImportCount{}}
		return t.apply(ctx, im.doc, im.facts, im.end)
	})
	if err != nil {
		return nil, err
	}
	return im.store.propose(ctx, tx, im.actor, changing(documentChanges(im.doc, im.facts), t.changes), differences)
}

// changing are those of a document's changes that change something: what they leave as it is, others may change meanwhile.
func changing(all, made []placement.Change) []placement.Change {
	type object struct {
		kind placement.ChangeKind
		id   string
	}
	changed := make(map[object]bool, len(made))
	for i := range made {
		changed[object{made[i].Kind, made[i].ID}] = true
	}
	return slices.DeleteFunc(all, func(c placement.Change) bool { return !changed[object{c.Kind, c.ID}] })
}

// documentChanges are the changes that store what a document lists; without facts, only what it may say of hosts.
func documentChanges(doc *placement.Inventory, facts bool) []placement.Change {
	var out []placement.Change
	for _, kind := range catalogueKinds() {
		out = append(out, catalogueOf(kind).changesOf(doc)...)
	}
	for i := range doc.Hosts {
		h := &doc.Hosts[i]
		if !facts {
			h = ownOf(h)
		}
		out = append(out, hostChange(h))
	}
	for i := range doc.Residencies {
		out = append(out, residencyChange(&doc.Residencies[i]))
	}
	for i := range doc.CacheEntries {
		out = append(out, cacheEntryChange(&doc.CacheEntries[i]))
	}
	return out
}

// securityDifferences compares a document with what is stored.
func securityDifferences(ctx context.Context, tx pgx.Tx, doc *placement.Inventory) ([]placement.SecurityDifference, error) {
	var out []placement.SecurityDifference
	for _, kind := range catalogueKinds() {
		noun := catalogueOf(kind)
		after := noun.changesOf(doc)
		if len(after) == 0 {
			continue
		}
		ids := make([]string, len(after))
		for i := range after {
			ids[i] = after[i].ID
		}
		before, err := noun.stored(ctx, tx, ids)
		if err != nil {
			return nil, err
		}
		for i := range after {
			was := before[after[i].ID] // without a member when there is none
			if d, counts := placement.SecurityDifferenceOf(&was, &after[i], nil); counts {
				out = append(out, d)
			}
		}
	}
	hosts, err := securityOfHosts(ctx, tx, doc.Hosts)
	if err != nil {
		return nil, err
	}
	labels, err := labelsRead(ctx, tx, len(doc.Hosts) > 0)
	if err != nil {
		return nil, err
	}
	for i := range doc.Hosts {
		was, after := placement.Change{Kind: placement.ChangeHost, Host: hosts[doc.Hosts[i].ID]}, hostChange(&doc.Hosts[i])
		if d, counts := placement.SecurityDifferenceOf(&was, &after, labels); counts {
			out = append(out, d)
		}
	}
	return out, nil
}

type hostSecurityRow struct {
	ID              string            `db:"id"`
	HypervisorClass string            `db:"hypervisor_class"`
	CISNodes        []cisNodeDoc      `db:"cis_nodes"`
	Labels          map[string]string `db:"labels"`
}

// securityOfHosts reads of stored hosts what security rests on, and no more: a document may list a whole fleet.
func securityOfHosts(ctx context.Context, q queryer, hosts []placement.Host) (map[string]*placement.Host, error) {
	const classesSQL = `
		SELECT h.id, h.hypervisor_class, h.cis_nodes, h.labels
		FROM directory d JOIN host h ON h.nfvi_pop_id = d.nfvi_pop_id AND h.id = d.id
		WHERE d.kind = 'HOST' AND d.id = ANY($1)`
	ids := make([]string, len(hosts))
	for i := range hosts {
		ids[i] = hosts[i].ID
	}
	list, err := collect(ctx, q, func(r *hostSecurityRow) (placement.Host, error) {
		return placement.Host{ID: r.ID, HypervisorClass: placement.HypervisorClass(r.HypervisorClass), CISNodes: convert(r.CISNodes, cisNodeFromDoc), Labels: r.Labels}, nil
	}, classesSQL, ids)
	out := make(map[string]*placement.Host, len(list))
	for i := range list {
		out[list[i].ID] = &list[i]
	}
	return out, err
}
