package postgres

import (
	"context"
	"fmt"
	"testing"

	"ringfence/internal/placement"
)

func (w *world) onboarded(id, vnfdID string) {
	w.t.Helper()
	if err := w.BeginVNFPackage(w.t.Context(), id, "operator", 1000); err != nil {
		w.t.Fatal(err)
	}
	for n, piece := range []string{"first ", "second"} {
		if err := w.AppendVNFPackage(w.t.Context(), id, n, []byte(piece)); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.FinishVNFPackage(w.t.Context(), placement.VNFPackage{ID: id, VNFDID: vnfdID, SizeBytes: 12, Draft: []byte("{}"), Findings: []byte("[]")}); err != nil {
		w.t.Fatal(err)
	}
}

func TestVNFPackages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.onboarded("p1", "v1")
	if p := must(w.GetVNFPackageOf(ctx, "v1"))(t); p.ID != "p1" || p.State != placement.VNFPackageOnboarded || p.HasProfile || p.OnboardedAt.IsZero() {
		t.Errorf("%+v", p)
	}
	if piece := must(w.ReadVNFPackage(ctx, "p1", 1))(t); string(piece) != "second" {
		t.Errorf("the second piece is %q", piece)
	}
	if err := w.BeginVNFPackage(ctx, "p2", "operator", 11); placement.KindOf(err) != placement.Conflict {
		t.Errorf("above what is kept: %v", err)
	}
	if err := w.BeginVNFPackage(ctx, "p2", "operator", 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetVNFPackage(ctx, "p2"); placement.KindOf(err) != placement.NotFound {
		t.Errorf("one that is being sent: %v", err)
	}
	same := placement.VNFPackage{ID: "p2", VNFDID: "v1", Draft: []byte("{}"), Findings: []byte("[]")}
	if _, err := w.FinishVNFPackage(ctx, same); placement.KindOf(err) != placement.Conflict {
		t.Errorf("a VNFD that is there: %v", err)
	}
	w.exec(`UPDATE vnf_package SET created_at = created_at - interval '2 hours'`)
	if err := w.BeginVNFPackage(ctx, "p3", "operator", 1000); err != nil {
		t.Fatal(err)
	}
	same.VNFDID = "v2"
	if _, err := w.FinishVNFPackage(ctx, same); placement.KindOf(err) != placement.NotFound {
		t.Errorf("one that broke off long ago: %v", err)
	}
	if list := must(w.ListVNFPackages(ctx, placement.Page{Limit: 10}))(t); len(list) != 1 {
		t.Errorf("%d packages", len(list))
	}
	if err := w.DeleteVNFPackage(ctx, "p1"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ReadVNFPackage(ctx, "p1", 0); placement.KindOf(err) != placement.NotFound {
		t.Errorf("content of a package that was deleted: %v", err)
	}
}

// Packages of VNFs that belong to lawful interception, and their content, exist only for callers who are cleared.
func TestVNFPackagesOfLawfulInterception(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO trust_domain (id, category, sensitivity, exclusive) VALUES ('TD-LI', 'LI', 4, true)`)
	w.exec(`INSERT INTO vnf_profile (vnfd_id, trust_domain_id, components) VALUES ('li', 'TD-LI', '[{"id": "c"}]'), ('amf', 'TD-A', '[{"id": "c"}]')`)
	w.onboarded("p-li", "li")
	w.onboarded("p-amf", "amf")
	for name, c := range map[string]struct {
		viewer placement.Viewer
		want   int
	}{
		"a VNFM":                  {placement.Viewer{ClientID: "vnfm"}, 1},
		"an operator":             {placement.Viewer{ClientID: "operator", ReadsAll: true}, 1},
		"who is cleared":          {placement.Viewer{ClientID: "li", ReadsAll: true, LI: true}, 2},
		"a VNFM, who is cleared.": {placement.Viewer{ClientID: "vnfm-li", LI: true}, 2},
	} {
		ctx := placement.WithViewer(context.WithoutCancel(t.Context()), c.viewer)
		list := must(w.ListVNFPackages(ctx, placement.Page{Limit: 10}))(t)
		_, err := w.ReadVNFPackage(ctx, "p-li", 0)
		if len(list) != c.want || (err == nil) != (c.want == 2) {
			t.Errorf("%s sees %d packages and reads the hidden one: %s", name, len(list), fmt.Sprint(err))
		}
	}
}
