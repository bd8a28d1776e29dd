package postgres

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// noun is what the store offers for one noun of the catalogue, without its types.
type noun struct {
	name     string
	kind     placement.ChangeKind
	id       string // in the feed
	put      func(ctx context.Context, ifRevision *int64, changed bool) (revision int64, created bool, err error)
	get      func(ctx context.Context) (revision int64, err error)
	remove   func(ctx context.Context, ifRevision *int64) error
	list     func(ctx context.Context, p placement.Page) ([]string, error)
	referred string // a record of the small inventory that others refer to; empty: nothing can
	removeIt func(ctx context.Context) error
}

// nounOf makes a noun of the store's functions; v is new to the small inventory, and change alters it.
func nounOf[T any](t *table[T], s *Store, v T, change func(*T), referred string, remove func(context.Context, string, *int64, string) error) noun {
	id := t.id(&v)
	n := noun{
		name: t.what, kind: t.kind, id: id, referred: referred,
		put: func(ctx context.Context, ifRevision *int64, changed bool) (int64, bool, error) {
			w := v
			if changed {
				change(&w)
			}
			stored, created, err := t.put(ctx, s, w, ifRevision, tester)
			return *t.revision(&stored), created, err
		},
		get: func(ctx context.Context) (int64, error) {
			stored, err := t.get(ctx, s.pool, id)
			return *t.revision(&stored), err
		},
		remove: func(ctx context.Context, ifRevision *int64) error { return remove(ctx, id, ifRevision, tester) },
		list: func(ctx context.Context, p placement.Page) ([]string, error) {
			list, err := t.page(ctx, s, p)
			var ids []string
			for i := range list {
				ids = append(ids, t.id(&list[i]))
			}
			return ids, err
		},
		removeIt: func(ctx context.Context) error { return remove(ctx, referred, nil, tester) },
	}
	return n
}

func nouns(s *Store) []noun {
	removeRelation := func(ctx context.Context, id string, ifRevision *int64, actor string) error {
		from, to, _ := strings.Cut(id, ":")
		return s.DeleteTrustRelation(ctx, from, to, ifRevision, actor)
	}
	return []noun{
		nounOf(trustDomainTable(), s, placement.TrustDomain{ID: "TD-X", Category: placement.CategoryTest}, func(d *placement.TrustDomain) { d.Exclusive = true }, "TD-CP", s.DeleteTrustDomain),
		nounOf(trustRelationTable(), s, placement.TrustRelation{FromID: "TD-UP", ToID: "TD-CP", Handling: placement.HandlingNone}, func(r *placement.TrustRelation) { r.Handling = placement.HandlingBorder }, "", removeRelation),
		nounOf(nfviPoPTable(), s, placement.NFVIPoP{ID: "PAR", Country: "FR"}, func(p *placement.NFVIPoP) { p.Country = "DE" }, "LON", s.DeleteNFVIPoP),
		nounOf(resourceZoneTable(), s, placement.ResourceZone{ID: "LON-B", NFVIPoPID: "LON"}, func(z *placement.ResourceZone) { z.ZoneGroupIDs = []string{"south"} }, "LON-A", s.DeleteResourceZone),
		nounOf(hostPoolTable(), s, placement.HostPool{ID: "pool-x"}, func(p *placement.HostPool) { p.AllowedTrustDomainIDs = []string{"TD-UP"} }, "pool-core", s.DeleteHostPool),
		nounOf(runtimeClassTable(), s, placement.RuntimeClass{Name: "gvisor", Isolation: placement.IsolationSandbox}, func(c *placement.RuntimeClass) { c.Overhead = placement.Resources{placement.DimMemoryMiB: 64} }, "kata", s.DeleteRuntimeClass),
		nounOf(imageTable(), s, placement.Image{Digest: "sha256:x", Kind: placement.ArtefactVMImage}, func(i *placement.Image) { i.PublicBase = true }, "sha256:amf", s.DeleteImage),
		nounOf(vnfProfileTable(), s, placement.VNFProfile{VNFDID: "vnfd-x", TrustDomainID: "TD-UP"}, func(p *placement.VNFProfile) { p.Components = []placement.Component{{ID: "c"}} }, "vnfd-amf", s.DeleteVNFProfile),
	}
}

// TestCatalogueLife takes a record of every noun through its life.
func TestCatalogueLife(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	for _, n := range nouns(s) {
		epoch := must(s.Epoch(ctx))(t)
		wantEpoch := func(step string, bumps int64) {
			t.Helper()
			if got := must(s.Epoch(ctx))(t); got != epoch+bumps {
				t.Errorf("%s: the epoch went from %d to %d by %s", n.name, epoch, got, step)
			}
			epoch += bumps
		}
		if _, err := n.get(ctx); placement.KindOf(err) != placement.NotFound {
			t.Fatalf("%s: there is one already: %v", n.name, err)
		}
		_, _, err := n.put(ctx, new(int64(1)), false)
		wantKind(t, err, placement.PreconditionFailed)
		wantEpoch("a refused change", 0)

		before := headOf(t, s)
		revision, created, err := n.put(ctx, new(int64(0)), false)
		if err != nil || !created || revision != 1 {
			t.Fatalf("%s: created %v with revision %d: %v", n.name, created, revision, err)
		}
		wantEpoch("creating", 1)
		if diff := cmp.Diff(sorted([]string{"POLICY_EPOCH epoch", string(n.kind) + " " + n.id}), kindsSince(t, s, before)); diff != "" {
			t.Errorf("%s: changes of creating (-want +got):\n%s", n.name, diff)
		}
		_, _, err = n.put(ctx, new(int64(0)), false)
		wantKind(t, err, placement.PreconditionFailed)

		if revision, created, err = n.put(ctx, nil, false); err != nil || created || revision != 1 {
			t.Errorf("%s: the same again: created %v, revision %d: %v", n.name, created, revision, err)
		}
		wantEpoch("putting the same", 0)
		if revision, created, err = n.put(ctx, new(int64(1)), true); err != nil || created || revision != 2 {
			t.Errorf("%s: changed: created %v, revision %d: %v", n.name, created, revision, err)
		}
		wantEpoch("changing", 1)
		if revision = must(n.get(ctx))(t); revision != 2 {
			t.Errorf("%s: stored with revision %d", n.name, revision)
		}

		if list := must(n.list(ctx, placement.Page{Limit: 100}))(t); !slices.Contains(list, n.id) || !slices.IsSorted(list) {
			t.Errorf("%s: list %q without %q, or unsorted", n.name, list, n.id)
		}
		wantPages(t, n)
		wantKind(t, n.remove(ctx, new(int64(1))), placement.PreconditionFailed)
		if err := n.remove(ctx, new(int64(2))); err != nil {
			t.Errorf("%s: delete: %v", n.name, err)
		}
		wantEpoch("deleting", 1)
		wantKind(t, n.remove(ctx, nil), placement.NotFound)
		if n := [2]int{acts(t, s, "PUT", n.id), acts(t, s, "DELETE", n.id)}; n != [2]int{2, 1} {
			t.Errorf("audit records of %v puts and deletes, want 2 and 1", n)
		}
	}
	wantConsistent(t, s)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// wantPages reads a list one by one.
func wantPages(t *testing.T, n noun) {
	t.Helper()
	all := must(n.list(t.Context(), placement.Page{Limit: 100}))(t)
	var paged []string
	for after := ""; ; {
		page := must(n.list(t.Context(), placement.Page{After: after, Limit: 1}))(t)
		if len(page) == 0 {
			break
		}
		after = page[0]
		paged = append(paged, page...)
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("%s: pages are not the list (-list +pages):\n%s", n.name, diff)
	}
}

// TestCatalogueInUse tries to delete what others refer to, of every noun that others can refer to.
func TestCatalogueInUse(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	want := map[string][]string{
		"trust domain":  {"trust domain TD-SLICE", "trust relation TD-CP:TD-UP", "host pool pool-core", "VNF profile vnfd-amf", "residency amf-"},
		"NFVI-PoP":      {"resource zone LON-A", "host h01", "host h02"},
		"resource zone": {"host h01", "host h02"},
		"host pool":     {"host h01", "host h03"},
		"runtime class": {"host h01", "host h02", "host h03", "VNF profile vnfd-amf", "residency amf-"},
		"VNF profile":   {"residency amf-1.sig-0, residency amf-1.sig-1, residency amf-2.sig-0"},
		"image":         {"VNF profile vnfd-amf", "residency amf-1.sig-0", "cache of host h01"},
	}
	before := headOf(t, s)
	for _, n := range nouns(s) {
		if n.referred == "" {
			continue
		}
		err := n.removeIt(t.Context())
		wantKind(t, err, placement.Conflict)
		for _, referrer := range want[n.name] {
			if !strings.Contains(err.Error(), referrer) {
				t.Errorf("%q does not name %s", err, referrer)
			}
		}
		delete(want, n.name)
	}
	if len(want) > 0 || headOf(t, s) != before {
		t.Errorf("not tried: %v; head of the feed %s, was %s", want, headOf(t, s), before)
	}
}

// TestTrustDomainReferrers finds the references that hide in documents and on hosts.
func TestTrustDomainReferrers(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	conn := connect(t, ownerURL)
	for _, c := range []struct{ sql, want string }{
		{`UPDATE vnf_profile SET components = jsonb_set(components, '{0,trustDomainId}', '"TD-UP"')`, "VNF profile vnfd-amf"},
		{`INSERT INTO residue VALUES ('LON', 'h02', 'r', 'TD-UP', '', now(), true, false)`, "residue on host h02"},
		{`UPDATE host SET dedicated_identity = 'TRUST_DOMAIN', dedicated_id = 'TD-UP' WHERE id = 'h02'`, "dedicated host h02"},
	} {
		if _, err := conn.Exec(t.Context(), c.sql); err != nil {
			t.Fatal(err)
		}
	}
	names := must(trustDomainTable().referrers(t.Context(), s.pool, "TD-UP"))(t)
	for _, want := range []string{"trust relation TD-CP:TD-UP", "host pool pool-up", "VNF profile vnfd-amf", "residue on host h02", "dedicated host h02"} {
		if !slices.Contains(names, want) {
			t.Errorf("referrers %q without %s", names, want)
		}
	}
}

// TestCatalogueValues stores and reads every attribute of every noun.
func TestCatalogueValues(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	want := smallInventory()
	ctx := t.Context()
	for i, d := range want.TrustDomains {
		d.Revision = 1
		if diff := cmp.Diff(d, must(s.GetTrustDomain(ctx, want.TrustDomains[i].ID))(t)); diff != "" {
			t.Errorf("trust domain (-want +got):\n%s", diff)
		}
	}
	r := want.TrustRelations[0]
	r.Revision = 1
	if got := must(s.GetTrustRelation(ctx, "TD-CP", "TD-UP"))(t); got != r {
		t.Errorf("trust relation %+v, want %+v", got, r)
	}
	_, err := s.GetTrustRelation(ctx, "TD-UP", "TD-CP")
	wantKind(t, err, placement.NotFound)
	p := want.VNFProfiles[0]
	p.Revision = 1
	if diff := cmp.Diff(p, must(s.GetVNFProfile(ctx, p.VNFDID))(t)); diff != "" {
		t.Errorf("VNF profile (-want +got):\n%s", diff)
	}
	i := want.Images[0]
	i.Revision = 1
	if diff := cmp.Diff(i, must(s.GetImage(ctx, i.Digest))(t)); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
}

// TestOverheadCounts changes what a pod uses beside its containers: the hosts that run such pods know at once.
func TestOverheadCounts(t *testing.T) {
	t.Parallel()
	s, ownerURL := newFleet(t)
	conn := connect(t, ownerURL)
	used := func() []int64 {
		t.Helper()
		return query[int64](t, conn, `SELECT cpu_millis_used FROM host ORDER BY id`)
	}
	if diff := cmp.Diff([]int64{2250, 0, 1250}, used()); diff != "" {
		t.Errorf("use with the overhead of the import (-want +got):\n%s", diff)
	}
	kata := must(s.GetRuntimeClass(t.Context(), "kata"))(t)
	kata.Overhead = placement.Resources{placement.DimCPUMillis: 500, "ext.fpga": 1}
	if _, _, err := s.PutRuntimeClass(t.Context(), kata, nil, tester); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{2500, 0, 1500}, used()); diff != "" {
		t.Errorf("use with the new overhead (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{3, 0, 2}, query[int64](t, conn, `SELECT used FROM host_ext_capacity ORDER BY host_id`)); diff != "" {
		t.Errorf("use of the operator's own dimension (-want +got):\n%s", diff)
	}
	wantConsistent(t, s)
}

// TestReferencesOfOneRecord puts records that refer to what does not exist.
func TestReferencesOfOneRecord(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	_, _, err := s.PutHostPool(t.Context(), placement.HostPool{ID: "pool-x", AllowedTrustDomainIDs: []string{"TD-UP", "TD-NONE"}}, nil, tester)
	wantFindings(t, err, "UNKNOWN_REFERENCE /hostPools/0/allowedTrustDomainIds/1")
	_, _, err = s.PutTrustDomain(t.Context(), placement.TrustDomain{ID: "TD-CP", Category: placement.CategoryTest, ParentID: "TD-SLICE"}, nil, tester)
	wantFindings(t, err, "CYCLE /trustDomains/0/parentId")
	_, _, err = s.PutImage(t.Context(), placement.Image{Digest: "sha256:x", Kind: "PAINTING"}, nil, tester)
	wantKind(t, err, placement.Invalid)
}

// wantFindings compares the codes and pointers of an error's findings.
func wantFindings(t testing.TB, err error, want ...string) {
	t.Helper()
	wantKind(t, err, placement.Invalid)
	var got []string
	for _, f := range findingsOf(err) {
		if f.Severity != "ERROR" || f.Message == "" {
			t.Errorf("finding %+v without severity or message", f)
		}
		got = append(got, f.Code+" "+f.Pointer)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
