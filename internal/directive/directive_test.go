package directive_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/directive"
	"ringfence/internal/placement"
)

// lines renders directives as the host that gets them, their kind and what they are about.
func lines(ds []placement.Directive) []string {
	out := []string{}
	for _, d := range ds {
		line := d.HostID + " " + string(d.Kind)
		switch {
		case d.Place != nil:
			line += " " + d.Place.Workload.ResourceDefinitionID
		case d.Release != nil:
			line += " " + d.Release.Workload.ResidencyID
		case d.Cache != nil:
			line += fmt.Sprintf(" %s %s %s", d.Cache.Digest, d.Cache.Mode, d.Cache.VisibleToTrustDomainIDs)
		case d.Purge != nil:
			line += fmt.Sprintf(" %s%s", d.Purge.Digests, d.Purge.TrustDomainID)
		}
		out = append(out, line)
	}
	return out
}

// setting is two trust domains, of which A has two demands, and the hosts h1 and h2.
type setting struct {
	cat    *placement.Catalogue
	in     placement.Inputs
	caches map[string][]placement.CacheEntry
	ended  []*placement.Residency
}

func newSetting() *setting {
	s := &setting{cat: placement.NewCatalogue(), caches: map[string][]placement.CacheEntry{}}
	s.cat.HostPools["p"] = placement.HostPool{ID: "p", AllowedTrustDomainIDs: []string{"A", "B"}}
	s.cat.RuntimeClasses["kata"] = placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM, Overhead: placement.Resources{placement.DimMemoryMiB: 100}}
	for _, domain := range []string{"A", "A", "B"} {
		s.in.Demands = append(s.in.Demands, placement.Demand{Workload: placement.Workload{
			NF: placement.NF{VNFInstanceID: "v"}, ComponentID: "c", TrustDomainID: domain, Resources: placement.Resources{placement.DimMemoryMiB: 500},
		}})
	}
	return s
}

// build has the placements named by the demand and the host, each with one artefact in a mode.
func (s *setting) build(placements ...placement.Placement) []placement.Directive {
	return directive.Build(s.cat, &s.in, &placement.Plan{Placements: placements}, func(k placement.HostKey) directive.Host {
		return directive.Host{Record: &placement.Host{ID: k.HostID, NFVIPoPID: k.NFVIPoPID, HostPoolID: "p"}, Cache: s.caches[k.HostID]}
	}, s.ended)
}

func at(host, id string, demand int, mode placement.CacheMode) placement.Placement {
	return placement.Placement{
		ResourceDefinitionID: id, ResidencyID: "of-" + id, Demand: demand, NFVIPoPID: "P", HostID: host, Runtime: "kata", Isolation: placement.IsolationVM,
		Cache: []placement.CacheChoice{{Digest: "x", Mode: mode}},
	}
}

// TestOrder expects the room for new workloads to be made before they come, and what is only removed to go after.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newSetting()
	s.in.Superseded, s.in.Releases = []string{"old"}, []string{"removed"}
	s.ended = []*placement.Residency{{ID: "removed", HostID: "h1"}, {ID: "old", HostID: "h1"}}
	s.caches["h1"] = []placement.CacheEntry{{HostID: "h1", Digest: "x", Mode: placement.CacheShared, TrustDomainID: "A"}, {HostID: "h1", Digest: "y", Mode: placement.CacheShared}}
	got := lines(s.build(at("h1", "r0", 0, placement.CacheEncrypted), at("h1", "r1", 2, placement.CacheEncrypted)))
	want := []string{
		"h1 RELEASE old", "h1 PURGE [x]", "h1 CACHE x ENCRYPTED [A]", "h1 CACHE x ENCRYPTED [B]", "h1 PLACE r0", "h1 PLACE r1", "h1 RELEASE removed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directives (-want +got):\n%s", diff)
	}
}

// TestStrictestMode has members of one request need one artefact on one host in different modes.
func TestStrictestMode(t *testing.T) {
	t.Parallel()
	for name, placements := range map[string][]placement.Placement{
		"weaker first": {at("h1", "r0", 0, placement.CacheDomainPrivate), at("h1", "r1", 1, placement.CacheNoStore)},
		"weaker last":  {at("h1", "r1", 1, placement.CacheNoStore), at("h1", "r0", 0, placement.CacheDomainPrivate)},
	} {
		s := newSetting()
		s.caches["h1"] = []placement.CacheEntry{{HostID: "h1", Digest: "x", Mode: placement.CacheDomainPrivate}}
		got := lines(s.build(append(placements, at("h2", "r2", 0, placement.CacheShared), at("h1", "r3", 2, placement.CacheGuestOnly))...))
		want := []string{"h1 PURGE [x]", "h1 CACHE x NO_STORE [A]", "h2 CACHE x SHARED [A B]", "h1 CACHE x GUEST_ONLY [B]"}
		if diff := cmp.Diff(want, got[:4]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOutdated has something else lie in the cache of h1 than what the directives were built for.
func TestOutdated(t *testing.T) {
	t.Parallel()
	s := newSetting()
	orders := s.build(at("h1", "r0", 0, placement.CacheEncrypted), at("h2", "r1", 0, placement.CacheShared))
	for name, tc := range map[string]struct {
		entry placement.CacheEntry
		want  bool
	}{
		"a weaker form":                 {placement.CacheEntry{HostID: "h1", Digest: "x", Mode: placement.CacheShared}, true},
		"the form that is ordered":      {placement.CacheEntry{HostID: "h1", Digest: "x", Mode: placement.CacheEncrypted}, false},
		"a stricter form":               {placement.CacheEntry{HostID: "h1", Digest: "x", Mode: placement.CacheNoStore}, false},
		"another artefact":              {placement.CacheEntry{HostID: "h1", Digest: "y", Mode: placement.CacheShared}, false},
		"where it may lie in this form": {placement.CacheEntry{HostID: "h2", Digest: "x", Mode: placement.CacheShared}, false},
	} {
		facts := []placement.HostFacts{{Host: &placement.Host{ID: "h0"}}, {Host: &placement.Host{ID: tc.entry.HostID}, Cache: []placement.CacheEntry{tc.entry}}}
		if host, got := directive.Outdated(orders, facts); got != tc.want || got && host != "h1" {
			t.Errorf("%s: %q, %v", name, host, got)
		}
		s.caches[tc.entry.HostID] = []placement.CacheEntry{tc.entry}
		if host, got := directive.Outdated(s.build(at("h1", "r0", 0, placement.CacheEncrypted)), facts); got {
			t.Errorf("%s: outdated on %q although the directives were built for it", name, host)
		}
		s.caches = map[string][]placement.CacheEntry{}
	}
	s.caches["h1"] = []placement.CacheEntry{{HostID: "h1", Digest: "x", Mode: placement.CacheShared}}
	if host, got := directive.Outdated(s.build(at("h1", "r0", 0, placement.CacheEncrypted)), []placement.HostFacts{{Host: &placement.Host{ID: "h1"}}}); !got || host != "h1" {
		t.Errorf("what is to be purged lies there no longer: %q, %v", host, got)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	s := newSetting()
	w := &s.in.Demands[0].Workload
	w.Images, w.CutThrough, w.Privileged = []string{"x"}, placement.CutThroughSRIOV, placement.PrivilegeHostPID
	ds := s.build(at("h1", "r0", 0, placement.CacheNoStore))
	got := ds[len(ds)-1].Place
	want := &placement.PlaceDirective{
		Workload: placement.WorkloadRef{ResidencyID: "of-r0", VNFInstanceID: "v", ComponentID: "c", ResourceDefinitionID: "r0"},
		Runtime:  "kata", Isolation: placement.IsolationVM, Namespace: directive.Namespace("A", "v"),
		NodeSelector: map[string]string{directive.LabelHost: "h1"}, Tolerations: directive.Tolerations("A"),
		Resources: placement.Resources{placement.DimMemoryMiB: 600}, TrustDomainID: "A",
		Images: []string{"x"}, CutThrough: placement.CutThroughSRIOV, Privileged: placement.PrivilegeHostPID,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("PLACE (-want +got):\n%s", diff)
	}
}

func TestCacheModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[placement.CacheMode]placement.CacheDirective{
		placement.CacheShared:        {PullPolicy: "IfNotPresent", PrePullAllowed: true, RetainAfterStop: true, VisibleToTrustDomainIDs: []string{"A", "B"}},
		placement.CacheDomainPrivate: {PullPolicy: "IfNotPresent", PrePullAllowed: true, RetainAfterStop: true, PurgeOnRelease: true},
		placement.CacheEncrypted:     {PullPolicy: "IfNotPresent", PrePullAllowed: true, RetainAfterStop: true, PurgeOnRelease: true, KeyBinding: "HOST_ATTESTATION"},
		placement.CacheGuestOnly:     {PullPolicy: "Never", PurgeOnRelease: true, KeyBinding: "GUEST_ATTESTATION"},
		placement.CacheNoStore:       {PullPolicy: "Always", PurgeOnRelease: true},
	} {
		want.Digest, want.Mode, want.Reference = "x", mode, "registry.example.com/x:1"
		if want.VisibleToTrustDomainIDs == nil {
			want.VisibleToTrustDomainIDs = []string{"A"}
		}
		s := newSetting()
		s.cat.Images["x"] = placement.Image{Digest: "x", Reference: "registry.example.com/x:1"}
		if diff := cmp.Diff(&want, s.build(at("h1", "r0", 0, mode))[0].Cache); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mode, diff)
		}
	}
}

func TestNamespacesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, domain := range []string{"TD-A", "td-a", "TD_A", "", "-", "a very long name of a trust domain that would not fit into a label"} {
		for _, vnf := range []string{"v", "V", "w"} {
			name := directive.Namespace(domain, vnf)
			if who := domain + "/" + vnf; seen[name] != "" || len(name) > 63 || name[0] == '-' {
				t.Errorf("%s is in %q, as is %q", who, name, seen[name])
			}
			seen[name] = domain + "/" + vnf
		}
	}
}

func TestPurgeAfter(t *testing.T) {
	t.Parallel()
	r := func(id, domain string) *placement.Residency {
		return &placement.Residency{ID: id, HostID: "h1", Workload: placement.Workload{TrustDomainID: domain}}
	}
	for name, c := range map[string]struct {
		remaining []*placement.Residency
		want      []string
	}{
		"the last one":           {nil, []string{"h1 PURGE []A"}},
		"it is still listed":     {[]*placement.Residency{r("gone", "A")}, []string{"h1 PURGE []A"}},
		"another domain remains": {[]*placement.Residency{r("o", "B")}, []string{"h1 PURGE []A"}},
		"the domain remains":     {[]*placement.Residency{r("gone", "A"), r("o", "A")}, []string{}},
	} {
		if diff := cmp.Diff(c.want, lines(directive.PurgeAfter(r("gone", "A"), c.remaining))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
