package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ringfence/internal/placement"
)

// TestSnapshotAndFeed loads the state while one transaction is on its way that is older than others which are done. What
// the state misses comes with the feed. The control goes on from the newest change that the state contains, and
// misses the slow one for ever.
func TestSnapshotAndFeed(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	ctx := t.Context()
	key := placement.HostKey{NFVIPoPID: "DUB", HostID: "h03"}
	slow := begin(t, s)
	if err := lockHost(ctx, slow, key); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(ctx, `UPDATE host SET rack_id = 'slow' WHERE id = 'h03'`); err != nil {
		t.Fatal(err)
	}
	if err := changeHost(ctx, slow, key); err != nil {
		t.Fatal(err)
	}
	must2(s.PutResidency(ctx, smallResidency("smf-1.sig-0", "h01", "kata"), nil, placement.EndRules{}, tester))(t)
	if err := s.DeleteResidency(ctx, "amf-1.sig-0", nil, placement.EndRules{}, tester); err != nil {
		t.Fatal(err)
	}
	var loaded, control replica
	resume, settled, err := s.Snapshot(ctx, loaded.apply)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Snapshot(ctx, control.apply); err != nil {
		t.Fatal(err)
	}
	if resume.Compare(settled) >= 0 {
		t.Errorf("resume %s is not before settled %s, with a transaction on its way", resume, settled)
	}
	if loaded.objects["HOST h03"].Host.RackID != "r1" || loaded.objects["RESIDENCY amf-1.sig-0"].Residency != nil || loaded.objects["RESIDENCY smf-1.sig-0"].Residency == nil {
		t.Errorf("the state holds what is not committed, or not what is")
	}
	var newest placement.FeedPosition
	if err := s.pool.QueryRow(ctx, `SELECT txid, id FROM change_feed ORDER BY txid DESC, id DESC LIMIT 1`).Scan(&newest.TxID, &newest.Row); err != nil {
		t.Fatal(err)
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	loaded.position, control.position = resume, newest
	loaded.follow(t, s)
	control.follow(t, s)
	loaded.wantTables(t, s)
	if control.objects["HOST h03"].Host.RackID == "slow" {
		t.Error("the control saw the slow transaction: this test cannot fail")
	}
	if loaded.position.Compare(settled) > 0 {
		t.Errorf("settled at %s, but changes up to %s belong to transactions that were there before", settled, loaded.position)
	}
	// A prefix of the feed: what the whole feed adds up to.
	whole := replica{objects: map[string]placement.Change{"POLICIES active": loaded.objects["POLICIES active"]}}
	whole.follow(t, s)
	if diff := cmp.Diff(whole.objects, loaded.objects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("loaded state and feed differ (-feed +loaded):\n%s", diff)
	}
}

// TestSnapshotOrder gives everything before what refers to it, and an error of the reader back as it is.
func TestSnapshotOrder(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	var kinds []placement.ChangeKind
	resume, settled, err := s.Snapshot(t.Context(), func(c placement.Change) error {
		if len(kinds) == 0 || kinds[len(kinds)-1] != c.Kind {
			kinds = append(kinds, c.Kind)
		}
		return nil
	})
	want := []placement.ChangeKind{
		placement.ChangeTrustDomain, placement.ChangeTrustRelation, placement.ChangeNFVIPoP, placement.ChangeResourceZone, placement.ChangeHostPool,
		placement.ChangeRuntimeClass, placement.ChangeImage, placement.ChangeVNFProfile, placement.ChangePolicies, placement.ChangePolicyEpoch,
		placement.ChangeHost, placement.ChangeResidency, placement.ChangeCacheEntry,
	}
	if diff := cmp.Diff(want, kinds); diff != "" || err != nil || resume.Compare(settled) > 0 {
		t.Errorf("resume %s, settled %s, error %v; order (-want +got):\n%s", resume, settled, err, diff)
	}
	_, _, err = s.Snapshot(t.Context(), func(placement.Change) error { return placement.Errorf(placement.Forbidden, "enough") })
	wantKind(t, err, placement.Forbidden)
}

func TestExport(t *testing.T) {
	t.Parallel()
	s, _ := newFleet(t)
	got := must(s.Export(t.Context()))(t)
	other := newStore(t)
	doc := must(s.Export(t.Context()))(t)
	must(other.Import(t.Context(), &doc, true, placement.EndRules{}, tester, nil))(t)
	copied := must(other.Export(t.Context()))(t)
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".StateSince" }, cmp.Ignore())
	if diff := cmp.Diff(got, copied, ignore); diff != "" || len(got.Hosts) != 3 || len(got.Residencies) != 3 {
		t.Errorf("an export imported elsewhere exports differently (-first +second):\n%s", diff)
	}
}
