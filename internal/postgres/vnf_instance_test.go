package postgres

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
	"ringfence/migrations"
)

// TestVNFInstanceBelongsToItsFirstClient has one client get the first grant, by whatever operation, and another one try.
func TestVNFInstanceBelongsToItsFirstClient(t *testing.T) {
	t.Parallel()
	for _, first := range []placement.Operation{placement.OpInstantiate, placement.OpScale, placement.OpOperate} {
		w := newWorld(t, "h1", "h2")
		as := func(op placement.Operation) func(*placement.Commit) {
			return func(c *placement.Commit) {
				c.Decision.Inputs.Request.Operation, c.Decision.Inputs.Request.SNSSAI = op, string(op)
			}
		}
		g := w.grant(request{client: "a", occ: "1", vnf: "v", hosts: []string{"h1"}, edit: as(first)})
		for _, op := range []placement.Operation{placement.OpInstantiate, placement.OpHeal, placement.OpTerminate} {
			c := w.commitOf(request{client: "b", occ: "1", vnf: "v", hosts: []string{"h2"}, edit: as(op)})
			if op == placement.OpTerminate {
				c = w.commitOf(request{client: "b", occ: "1", vnf: "v", edit: as(op)})
				c.Decision.Plan.Releases = []string{residencyOf(g)}
			}
			res, err := w.Commit(t.Context(), c, sayYes)
			if err != nil || res.Status != placement.CommitStale || res.Reasons[0].Check != staleOwner {
				t.Errorf("%s after another client's %s: status %d, reasons %v, error %v", op, first, res.Status, res.Reasons, err)
			}
		}
		if got := w.state(residencyOf(g)); got != "RESERVED" {
			t.Errorf("after another client's requests the residency is %s", got)
		}
		if n := w.count(`SELECT count(*) FROM vnf_grant`); n != 1 {
			t.Errorf("%d grants, want the owner's", n)
		}
		w.grant(request{client: "a", occ: "2", vnf: "v", hosts: []string{"h2"}, edit: as(placement.OpScale)})
		want := placement.VNFInstanceParams{ClientID: "a", VNFDID: "vnfd"}
		if first == placement.OpInstantiate {
			want.SNSSAI = string(first)
		}
		got, err := w.VNFInstanceParams(t.Context(), "v")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("after %s and SCALE (-want +got, %v):\n%s", first, err, diff)
		}
		w.checkBooks()
	}
}

// TestOneOfTwoClientsGetsAVNFInstance races for ids that nobody has yet, on hosts that have nothing to do with each other.
func TestOneOfTwoClientsGetsAVNFInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	w.exec(`UPDATE host SET cpu_millis_total = 100000, memory_mib_total = 100000`)
	w.exec(`UPDATE host_ext_capacity SET total = 100`)
	stores := []*Store{w.Store, w.secondStore()}
	for _, vnf := range hostNames(20) {
		var won atomic.Int32
		var g errgroup.Group
		start := make(chan struct{})
		for i, client := range []string{"a", "b"} {
			c := w.commitOf(request{client: client, occ: vnf, vnf: vnf, hosts: []string{[]string{"h1", "h2"}[i]}})
			g.Go(func() error {
				<-start
				res, err := stores[i].Commit(t.Context(), c, sayYes)
				if res.Status == placement.CommitDone {
					won.Add(1)
				}
				return err
			})
		}
		close(start)
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if won.Load() != 1 {
			t.Errorf("%d clients got %s", won.Load(), vnf)
		}
	}
	if n := w.count(`SELECT count(*) FROM residency r JOIN vnf_grant g ON g.id = r.grant_id JOIN vnf_instance_params p ON p.vnf_instance_id = g.vnf_instance_id WHERE p.client_id <> g.client_id`); n != 0 {
		t.Errorf("%d residencies of clients in VNF instances of others", n)
	}
}

// TestVNFInstancesGetOwners migrates a database of the version before: who got the first grant for a VNF instance owns it.
func TestVNFInstancesGetOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	w.grant(request{client: "a", occ: "1", vnf: "instantiated", hosts: []string{"h1"}})
	w.grant(request{client: "b", occ: "1", vnf: "scaled", hosts: []string{"h2"}, edit: func(c *placement.Commit) {
		c.Decision.Inputs.Request.Operation = placement.OpScale
	}})
	migrateFile := func(name string) {
		sql, err := migrations.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		w.exec(string(sql))
	}
	migrateFile("0004_vnf_instance_owner.down.sql")
	w.exec(`DELETE FROM vnf_instance_params WHERE vnf_instance_id = 'scaled'`) // it remembered instantiations only
	w.exec(`INSERT INTO vnf_instance_params (vnf_instance_id, vnfd_id, params, grant_id) VALUES ('lost', 'vnfd', '{}', 'gone')`)
	migrateFile("0004_vnf_instance_owner.up.sql")
	rows, err := w.owner.Query(t.Context(), `SELECT vnf_instance_id || ' of ' || vnfd_id || ' is ' || client_id FROM vnf_instance_params ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	got := must(pgx.CollectRows(rows, pgx.RowTo[string]))(t)
	if diff := cmp.Diff([]string{"instantiated of vnfd is a", "lost of vnfd is ", "scaled of vnfd is b"}, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	w.grant(request{client: "c", occ: "1", vnf: "lost", hosts: []string{"h1"}})
	if p, err := w.VNFInstanceParams(t.Context(), "lost"); err != nil || p.ClientID != "c" {
		t.Errorf("what was nobody's is %+v, %v", p, err)
	}
}
