package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

func host(id string, change func(h *placement.Host)) placement.Change {
	h := &placement.Host{ID: id, NFVIPoPID: "P", VIMConnectionID: "vim-" + id, Capacity: placement.Resources{placement.DimCPUMillis: 1000}}
	if change != nil {
		change(h)
	}
	return placement.Change{Kind: placement.ChangeHost, ID: id, Host: h}
}

func resident(id, hostID, vnf, domain string, handles ...string) placement.Change {
	r := &placement.Residency{
		ID: id, HostID: hostID, VIMResourceIDs: handles, Kind: placement.ResidencyWorkload,
		Workload: placement.Workload{
			NF: placement.NF{VNFInstanceID: vnf}, TrustDomainID: domain, Runtime: "kata", Resources: placement.Resources{placement.DimCPUMillis: 100, "ext.fpga": 1},
		},
	}
	return placement.Change{Kind: placement.ChangeResidency, ID: id, Residency: r}
}

func gone(c placement.Change) placement.Change {
	return placement.Change{Kind: c.Kind, ID: c.ID}
}

// show renders all that a view tells about hosts and residents, without the numbers of slots, which depend on history.
func show(v *fleet.View, hosts, residents, handles []string) []string {
	out := []string{fmt.Sprintf("%d hosts, %d residencies", v.Size, v.Residencies())}
	ids := func(rs []*placement.Residency) (ids []string) {
		for _, r := range rs {
			ids = append(ids, r.ID)
		}
		return ids
	}
	for _, id := range hosts {
		slot, ok := v.Slot(id)
		if !ok {
			out = append(out, id+": none")
			continue
		}
		f, b, i := v.Facts(slot), v.Blocks[slot/fleet.BlockSize], slot%fleet.BlockSize
		out = append(out, fmt.Sprintf("%s: %v, used %v, %d free, around %+v, special %t", id, ids(f.Residents), f.Used, b.Free[0][i], b.Around[i], b.Special>>i&1 == 1))
	}
	for _, id := range residents {
		if r := v.Residency(id); r != nil {
			out = append(out, fmt.Sprintf("%s on %s under %s", id, r.HostID, v.VIMConnection(r)))
		}
	}
	for _, id := range handles {
		out = append(out, fmt.Sprintf("%s is %v, of VNF %v", id, ids(v.Named(id)), ids(v.ResidenciesOf(id))))
	}
	return out
}

func applied(t *testing.T, changes ...placement.Change) *fleet.View {
	t.Helper()
	f := fleet.New()
	for i := range changes {
		if err := f.Apply(changes[i]); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			f.Publish() // what was published is copied before it changes
		}
	}
	return f.Publish()
}

// TestOrderMakesNoDifference applies the same state in many orders, as snapshots and feeds do, with things that come and go.
func TestOrderMakesNoDifference(t *testing.T) {
	t.Parallel()
	catalogue := []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		{Kind: placement.ChangeTrustDomain, ID: "B", TrustDomain: &placement.TrustDomain{ID: "B"}},
		{Kind: placement.ChangeRuntimeClass, ID: "kata", RuntimeClass: &placement.RuntimeClass{
			Name: "kata", Isolation: placement.IsolationVM, Overhead: placement.Resources{placement.DimCPUMillis: 10},
		}},
	}
	state := append([]placement.Change{
		host("h1", nil), host("h2", func(h *placement.Host) {
			h.DedicatedTo = &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "v"}
		}),
		resident("r1", "h1", "v", "A", "vm-1", "both"), resident("r2", "h1", "w", "B", "vm-2", "both", "r1"), resident("r3", "h2", "v", "A"), resident("r4", "h9", "v", "A", "both"),
	}, catalogue...)
	passing := []placement.Change{
		host("h3", nil), resident("p1", "h1", "v", "B", "both", "vm-1"), resident("p2", "h3", "v", "B", "both"), resident("p3", "h9", "w", "B", "r1"),
	}
	look := func(v *fleet.View) []string {
		return show(v, []string{"h1", "h2", "h3", "h9"}, []string{"r1", "r2", "r3", "r4", "p1", "p2", "p3"}, []string{"both", "vm-1", "vm-2", "r1", "v", "w", "none"})
	}
	want := look(applied(t, state...))
	if got := want[len(want)-7]; got != "both is [r1 r2 r4], of VNF []" {
		t.Errorf("a handle of several: %s", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		order := slices.Clone(state)
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, p := range passing {
			from := random.IntN(len(order) + 1)
			order = slices.Insert(order, from, p)
			order = slices.Insert(order, from+1+random.IntN(len(order)-from), gone(p))
		}
		if diff := cmp.Diff(want, look(applied(t, order...))); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	}
}

// TestViewsNeverChange keeps a view while everything in it is changed.
func TestViewsNeverChange(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	apply := func(changes ...placement.Change) {
		t.Helper()
		if err := f.Apply(changes...); err != nil {
			t.Fatal(err)
		}
	}
	entry := &placement.CacheEntry{HostID: "h1", Digest: "x", Mode: placement.CacheShared}
	apply(host("h1", nil), resident("r1", "h1", "v", "A", "vm"), placement.Change{Kind: placement.ChangeCacheEntry, ID: "h1/x", CacheEntry: entry},
		placement.Change{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		placement.Change{Kind: placement.ChangeTrustRelation, ID: fleet.RelationID("A", "B"), TrustRelation: &placement.TrustRelation{FromID: "A", ToID: "B", Handling: placement.HandlingProtected}})
	v := f.Publish()
	look := func() []string {
		return append(show(v, []string{"h1", "h2"}, []string{"r1", "r2"}, []string{"vm", "v"}), fmt.Sprint(v.CacheOf("h1"), len(v.Catalogue.TrustDomains), len(v.Catalogue.Relations)))
	}
	before := look()
	apply(gone(host("h1", nil)), gone(resident("r1", "h1", "v", "A")), host("h2", nil), resident("r2", "h2", "v", "A", "vm"),
		placement.Change{Kind: placement.ChangeCacheEntry, ID: "h1/x"}, placement.Change{Kind: placement.ChangeTrustDomain, ID: "A"},
		placement.Change{Kind: placement.ChangeTrustRelation, ID: fleet.RelationID("A", "B")})
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Errorf("before the publication (-before +after):\n%s", diff)
	}
	next := f.Publish()
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Errorf("after the publication (-before +after):\n%s", diff)
	}
	if f.View() != next || next.Size != 1 || next.Residencies() != 1 || len(next.CacheOf("h1")) != 0 || len(next.Catalogue.TrustDomains) != 0 || len(next.Catalogue.Relations) != 0 {
		t.Errorf("the next view has %+v", next)
	}
}

func TestCacheEntriesOfAHost(t *testing.T) {
	t.Parallel()
	change := func(digest string, mode placement.CacheMode) placement.Change {
		return placement.Change{Kind: placement.ChangeCacheEntry, ID: "h1/" + digest, CacheEntry: &placement.CacheEntry{HostID: "h1", Digest: digest, Mode: mode}}
	}
	v := applied(t, change("y", placement.CacheShared), change("x", placement.CacheShared), change("z", placement.CacheNoStore), change("y", placement.CacheEncrypted),
		gone(change("z", placement.CacheNoStore)))
	want := []placement.CacheEntry{{HostID: "h1", Digest: "x", Mode: placement.CacheShared}, {HostID: "h1", Digest: "y", Mode: placement.CacheEncrypted}}
	if diff := cmp.Diff(want, v.CacheOf("h1")); diff != "" {
		t.Errorf("in the cache (-want +got):\n%s", diff)
	}
}

// TestStaticIsJudgedWhereHostsChanged counts how often hosts are judged.
func TestStaticIsJudgedWhereHostsChanged(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	for i := range 2 * fleet.BlockSize {
		if err := f.Apply(host(fmt.Sprintf("h%03d", i), nil)); err != nil {
			t.Fatal(err)
		}
	}
	judged := 0
	static := func() *fleet.Bitmap {
		judged = 0
		return f.Publish().Static("zone", func(h *placement.Host) (bool, uint16) {
			judged++
			return h.ResourceZoneID == "z", 7
		})
	}
	if b := static(); judged != 2*fleet.BlockSize || b.Words[0]|b.Words[1] != 0 {
		t.Errorf("at first %d are judged: %v", judged, b.Words)
	}
	if static(); judged != 0 {
		t.Errorf("%d are judged again", judged)
	}
	if err := f.Apply(resident("r", "h000", "v", "A"), host("h065", func(h *placement.Host) { h.ResourceZoneID = "z" })); err != nil {
		t.Fatal(err)
	}
	if b := static(); judged != fleet.BlockSize || b.Words[0] != 0 || b.Words[1] != 1<<1 || b.Costs[1][1] != 7 {
		t.Errorf("after a change of one host %d are judged: %v", judged, b.Words)
	}
	if err := f.Apply(placement.Change{Kind: placement.ChangePolicyEpoch, Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	if static(); judged != 2*fleet.BlockSize {
		t.Errorf("in another epoch %d are judged", judged)
	}
}

// TestColumns holds what the search reads of hosts: capacity and the times of attestations.
func TestColumns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	v := applied(t, host("h1", func(h *placement.Host) {
		h.Attestation = placement.Attestation{State: placement.AttestationTrusted, AttestedAt: at, ValidUntil: at.Add(time.Hour)}
	}), host("h2", func(h *placement.Host) {
		h.Attestation = placement.Attestation{State: placement.AttestationUntrusted, AttestedAt: at}
	}),
		resident("r1", "h1", "v", "A"))
	slot := func(id string) int {
		n, ok := v.Slot(id)
		if !ok {
			t.Fatalf("no host %s", id)
		}
		return n
	}
	b := v.Blocks[0]
	if h1, h2 := slot("h1"), slot("h2"); b.AttestedAt[h1] != at.UnixNano() || b.ValidUntil[h1] != at.Add(time.Hour).UnixNano() ||
		b.AttestedAt[h2] >= 0 || b.ValidUntil[h2] <= at.UnixNano() || b.Free[0][h1] != 900 || b.Free[0][h2] != 1000 {
		t.Errorf("attested %v, valid %v, free %v", b.AttestedAt[:2], b.ValidUntil[:2], b.Free[0][:2])
	}
	if _, complete := fleet.Columns(placement.Resources{placement.DimCPUMillis: 1}); !complete {
		t.Error("the columns do not hold a known dimension")
	}
	if _, complete := fleet.Columns(placement.Resources{"ext.fpga": 1}); complete {
		t.Error("the columns hold an unknown dimension")
	}
}

// TestDomainsBeyondAWord share a bit, and are known to.
func TestDomainsBeyondAWord(t *testing.T) {
	t.Parallel()
	var changes []placement.Change
	for i := range 70 {
		id := fmt.Sprintf("D%02d", i)
		changes = append(changes, placement.Change{Kind: placement.ChangeTrustDomain, ID: id, TrustDomain: &placement.TrustDomain{ID: id}})
	}
	v := applied(t, changes...)
	for id, want := range map[string]bool{"D00": true, "D62": true, "D63": false, "D69": false, "undeclared": false} {
		if _, exact := v.DomainBit(id); exact != want {
			t.Errorf("%s has a bit for itself: %t", id, exact)
		}
	}
}

func TestApplyRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	if err := f.Apply(placement.Change{Kind: "NOVELTY", ID: "x"}); err == nil {
		t.Error("an unknown kind of change was applied")
	}
	bad := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p"}, Content: []byte("kind: Nonsense")}}
	if err := f.Apply(placement.Change{Kind: placement.ChangePolicies, Policies: bad}); err == nil {
		t.Error("a policy that cannot be compiled was applied")
	}
	ahead, behind := placement.FeedPosition{TxID: 7}, placement.FeedPosition{TxID: 3}
	f.Advance(ahead)
	f.Advance(behind)
	if got := f.Publish().Position; got != ahead {
		t.Errorf("the position is %s", got)
	}
}
