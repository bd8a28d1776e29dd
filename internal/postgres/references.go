package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// maxFindings is how many faults of a document are reported.
const maxFindings = 1000

// The kinds of object that others refer to, as messages name them.
const (
	refTrustDomain  = "trust domain"
	refNFVIPoP      = "NFVI-PoP"
	refResourceZone = "resource zone"
	refHostPool     = "host pool"
	refRuntimeClass = "runtime class"
	refHost         = "host"
)

// references checks that what a document refers to exists, in the document or in the database. Digests are exempt: an
// artefact that nobody registered is unknown to decisions, and no reason to refuse the fact that it lies somewhere.
type references struct {
	inv    *placement.Inventory
	known  map[string]map[string]bool // kind -> id
	zones  map[string]string          // resource zone -> NFVI-PoP
	hosts  map[string]knownHost
	faults *findings
}

// knownHost is what a document or the database says of a host that others refer to.
type knownHost struct {
	pop   string
	nodes map[string]bool // CIS nodes
}

// checkReferences returns an Invalid error with a finding for each missing object, duplicate and impossible value.
func checkReferences(ctx context.Context, q queryer, inv *placement.Inventory) error {
	c := &references{inv: inv, known: map[string]map[string]bool{}, zones: map[string]string{}, hosts: map[string]knownHost{}, faults: &findings{}}
	asked := map[string]map[string]bool{}
	walkReferences(inv, func(kind, id string, _ position) {
		if asked[kind] == nil {
			asked[kind] = map[string]bool{}
		}
		asked[kind][id] = true
	})
	err := knownTo(ctx, q, inv, func() error {
		for kind, ids := range asked {
			if err := c.load(ctx, q, kind, slices.Collect(maps.Keys(ids))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.declare()
	walkReferences(inv, func(kind, id string, at position) {
		if !c.known[kind][id] {
			c.faults.add("UNKNOWN_REFERENCE", at.pointer(), "there is no %s %q", kind, id)
		}
	})
	if err := c.checkParents(ctx, q); err != nil {
		return err
	}
	c.checkHosts()
	c.checkResidencies()
	c.checkKeys()
	return c.faults.err()
}

// load finds out which of the objects of a kind the database has.
func (c *references) load(ctx context.Context, q queryer, kind string, ids []string) error {
	known := map[string]bool{}
	c.known[kind] = known
	switch kind {
	case refResourceZone:
		return each2(ctx, q, `SELECT id, nfvi_pop_id FROM resource_zone WHERE id = ANY($1)`, ids, func(id, pop string) {
			known[id], c.zones[id] = true, pop
		})
	case refHost:
		return c.loadHosts(ctx, q, ids)
	}
	sql := map[string]string{
		refTrustDomain:  `SELECT id, '' FROM trust_domain WHERE id = ANY($1)`,
		refNFVIPoP:      `SELECT id, '' FROM nfvi_pop WHERE id = ANY($1)`,
		refHostPool:     `SELECT id, '' FROM host_pool WHERE id = ANY($1)`,
		refRuntimeClass: `SELECT name, '' FROM runtime_class WHERE name = ANY($1)`,
	}[kind]
	return each2(ctx, q, sql, ids, func(id, _ string) { known[id] = true })
}

func (c *references) loadHosts(ctx context.Context, q queryer, ids []string) error {
	const hostsSQL = `
		SELECT h.id, h.nfvi_pop_id, ARRAY(SELECT n ->> 'id' FROM jsonb_array_elements(h.cis_nodes) AS n)
		FROM directory d JOIN host h ON h.nfvi_pop_id = d.nfvi_pop_id AND h.id = d.id
		WHERE d.kind = 'HOST' AND d.id = ANY($1)`
	rows, err := q.Query(ctx, hostsSQL, ids)
	if err != nil {
		return err
	}
	var id, pop string
	var nodes []string
	_, err = pgx.ForEachRow(rows, []any{&id, &pop, &nodes}, func() error {
		c.addHost(id, pop, nodes)
		return nil
	})
	return err
}

func (c *references) addHost(id, pop string, nodes []string) {
	h := knownHost{pop: pop}
	for _, n := range nodes {
		if h.nodes == nil {
			h.nodes = map[string]bool{}
		}
		h.nodes[n] = true
	}
	c.hosts[id] = h
	c.add(refHost, id)
}

func (c *references) add(kind, id string) {
	if c.known[kind] == nil {
		c.known[kind] = map[string]bool{}
	}
	c.known[kind][id] = true
}

// declare adds what the document itself declares; it replaces what the database says.
func (c *references) declare() {
	for i := range c.inv.TrustDomains {
		c.add(refTrustDomain, c.inv.TrustDomains[i].ID)
	}
	for i := range c.inv.NFVIPoPs {
		c.add(refNFVIPoP, c.inv.NFVIPoPs[i].ID)
	}
	for i := range c.inv.ResourceZones {
		z := &c.inv.ResourceZones[i]
		c.add(refResourceZone, z.ID)
		c.zones[z.ID] = z.NFVIPoPID
	}
	for i := range c.inv.HostPools {
		c.add(refHostPool, c.inv.HostPools[i].ID)
	}
	for i := range c.inv.RuntimeClasses {
		c.add(refRuntimeClass, c.inv.RuntimeClasses[i].Name)
	}
	for i := range c.inv.Hosts {
		h := &c.inv.Hosts[i]
		nodes := make([]string, len(h.CISNodes))
		for j := range h.CISNodes {
			nodes[j] = h.CISNodes[j].ID
		}
		c.addHost(h.ID, h.NFVIPoPID, nodes)
	}
}

// each2 runs a query of two text columns with one list as its argument.
func each2(ctx context.Context, q queryer, sql string, ids []string, fn func(a, b string)) error {
	rows, err := q.Query(ctx, sql, ids)
	if err != nil {
		return err
	}
	var a, b string
	_, err = pgx.ForEachRow(rows, []any{&a, &b}, func() error {
		fn(a, b)
		return nil
	})
	return err
}

// findings collects the faults of a document.
type findings struct {
	list  []placement.Finding
	count int
}

func (f *findings) add(code, pointer, format string, args ...any) {
	f.count++
	if len(f.list) < maxFindings {
		f.list = append(f.list, placement.Finding{Severity: "ERROR", Code: code, Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
}

func (f *findings) err() error {
	if f.count == 0 {
		return nil
	}
	faults := "1 fault"
	if f.count > 1 {
		faults = fmt.Sprintf("%d faults", f.count)
	}
	return &placement.Error{Kind: placement.Invalid, Message: "the document has " + faults + "; nothing was imported", Findings: f.list}
}
