package cism

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	wire "ringfence/api/directives"
)

func place(host string, seq int64, residency string, change ...func(*wire.PlaceDirective)) *wire.Directive {
	d := &wire.Directive{HostID: host, Seq: seq, Kind: wire.DirectiveKindPLACE, Place: wire.PlaceDirective{
		Workload: wire.WorkloadReference{ResidencyID: residency, VNFInstanceID: "amf-1", ComponentID: "sig", ResourceDefinitionID: "of-" + residency},
		Runtime:  "kata", NodeSelector: map[string]string{"ringfence.io/host-id": host}, TrustDomainID: "TD-CP",
	}}
	for _, f := range change {
		f(&d.Place)
	}
	return d
}

func release(host string, seq int64, residency string) *wire.Directive {
	return &wire.Directive{HostID: host, Seq: seq, Kind: wire.DirectiveKindRELEASE, Release: wire.ReleaseDirective{
		Workload: wire.WorkloadReference{ResidencyID: residency}, Reason: "over",
	}}
}

// follow applies directives to a table, which must take them.
func follow(t *testing.T, table *table, directives ...*wire.Directive) {
	t.Helper()
	for _, d := range directives {
		if err := table.apply(d); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStandings(t *testing.T) {
	t.Parallel()
	table := newTable()
	follow(t, table, place("h1", 1, "a"), place("h1", 2, "b"), release("h1", 3, "a"), place("h1", 1, "a") /* again */, place("h2", 1, "c"), release("h2", 2, "b") /* not its own */)
	var left []string
	for _, s := range table.find(identity{vnf: "amf-1", component: "sig"}) {
		left = append(left, s.residency()+" on "+s.HostID)
	}
	if diff := cmp.Diff([]string{"b on h1", "c on h2"}, left); diff != "" {
		t.Errorf("standings (-want +got):\n%s", diff)
	}
}

// A directive that is missing may have taken a right back.
func TestGaps(t *testing.T) {
	t.Parallel()
	table := newTable()
	follow(t, table, place("h1", 7, "a")) // the feed starts where it is kept
	if err := table.apply(place("h1", 9, "b")); !isGap(err) {
		t.Errorf("a gap: %v", err)
	}
	table.finish()
	if err := table.apply(place("h2", 2, "b")); !isGap(err) {
		t.Errorf("a host that begins in its middle: %v", err)
	}
	follow(t, table, place("h2", 1, "b"))
	if err := table.apply(&wire.Directive{HostID: "h1", Seq: 8, Kind: "DANCE"}); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("an unknown kind: %v", err)
	}
}

func isGap(err error) bool {
	_, is := errors.AsType[*gapError](err)
	return is
}

func TestPullPolicies(t *testing.T) {
	t.Parallel()
	cache := func(seq int64, digest string, policy wire.CacheDirectivePullPolicy, domains ...string) *wire.Directive {
		return &wire.Directive{HostID: "h1", Seq: seq, Kind: wire.DirectiveKindCACHE, Cache: wire.CacheDirective{Digest: digest, PullPolicy: policy, VisibleToTrustDomainIDs: domains}}
	}
	table := newTable()
	follow(t, table,
		cache(1, "sha256:a", "IfNotPresent", "TD-CP", "TD-UP"), cache(2, "sha256:a", "Always", "TD-CP"), cache(3, "sha256:b", "Never"),
		cache(4, "sha256:c", "Always", "TD-UP"), cache(5, "*", "Always", "TD-CP"),
		place("h1", 6, "r", func(p *wire.PlaceDirective) { p.Images = []string{"sha256:a", "sha256:b", "sha256:c"} }))
	s, _ := table.get("r")
	if diff := cmp.Diff(map[string]string{"sha256:a": "Always", "sha256:b": "Never", "*": "Always"}, table.pullPolicies(&s)); diff != "" {
		t.Errorf("pull policies (-want +got):\n%s", diff)
	}
}

// TestState keeps a table in a file, so that a restart goes on there.
func TestState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	f := &feed{table: newTable(), vimConnectionID: "k8s", store: newStore(path), marker: "m1"}
	follow(t, f.table, place("h1", 1, "a"), place("h1", 2, "b"), release("h1", 3, "b"),
		&wire.Directive{HostID: "h2", Seq: 1, Kind: wire.DirectiveKindQUARANTINE, Quarantine: wire.QuarantineDirective{Reason: "lost"}},
		&wire.Directive{HostID: "h1", Seq: 4, Kind: wire.DirectiveKindCACHE, Cache: wire.CacheDirective{Digest: "*", PullPolicy: "Always"}})
	f.table.start("a")
	f.table.finish()
	if err := f.store.save(f); err != nil {
		t.Fatal(err)
	}
	again := &feed{table: newTable(), vimConnectionID: "k8s", store: newStore(path)}
	if err := again.store.load(again); err != nil {
		t.Fatal(err)
	}
	want, _ := f.table.snapshot()
	got, changed := again.table.snapshot()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pullForm{})); diff != "" || changed || again.marker != "m1" {
		t.Errorf("marker %q, changed %v (-want +got):\n%s", again.marker, changed, diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the file: %v %v", info.Mode(), err)
	}
	other := &feed{table: newTable(), vimConnectionID: "other", store: newStore(path)}
	if err := other.store.load(other); err == nil || !strings.Contains(err.Error(), `of the VIM connection "k8s"`) {
		t.Errorf("the file of another cluster: %v", err)
	}
}

func TestAcknowledgementsDue(t *testing.T) {
	t.Parallel()
	table := newTable()
	follow(t, table, place("h1", 1, "a"), place("h1", 2, "b"), place("h2", 1, "c"), release("h1", 3, "b"))
	seqs := func(here map[string]bool, before time.Time) (list []int64) {
		for _, d := range table.due("h1", here, before) {
			list = append(list, d.Seq)
		}
		return list
	}
	now := time.Now()
	if diff := cmp.Diff([]int64{1}, seqs(map[string]bool{"a": true, "b": true}, now)); diff != "" {
		t.Errorf("while both run: %s", diff)
	}
	if diff := cmp.Diff([]int64(nil), seqs(nil, time.Time{})); diff != "" {
		t.Errorf("a release of this moment: %s", diff)
	}
	for _, d := range table.due("h1", map[string]bool{"a": true}, now) {
		table.acknowledged(d)
	}
	if diff := cmp.Diff([]int64(nil), seqs(map[string]bool{"a": true}, now)); diff != "" {
		t.Errorf("after all: %s", diff)
	}
}

// Two pods that are judged at the same time do not get one grant.
func TestClaims(t *testing.T) {
	t.Parallel()
	c, now := newClaims(), time.Now()
	for _, step := range []struct {
		name, holder string
		at           time.Duration
		want         bool
	}{
		{"a pod without a uid yet", "", 0, true},
		{"it has one now", "p1", time.Second, true},
		{"it is bound", "p1", 2 * time.Second, true},
		{"another pod", "p2", 3 * time.Second, false},
		{"another pod, later", "p2", 2*time.Second + claimFor, true},
	} {
		if got := c.take("r", step.holder, now.Add(step.at)); got != step.want {
			t.Errorf("%s: %v", step.name, got)
		}
	}
	c.release("r", "p1") // not its own any more
	if c.open("r", now.Add(3*time.Second+claimFor)) {
		t.Error("somebody else gave it back")
	}
	c.release("r", "p2")
	if !c.open("r", now.Add(3*time.Second+claimFor)) {
		t.Error("it was not given back")
	}
}
