package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// What a kata pod of domain A leaves on a host that encrypts ephemeral data: nothing, unless a case says otherwise.
func TestResidueOf(t *testing.T) {
	t.Parallel()
	mine := placement.CacheEntry{HostID: "h", Digest: "sha256:a", Mode: placement.CacheDomainPrivate, TrustDomainID: "A"}
	cached := func(mode placement.CacheMode, domain string) []placement.CacheEntry {
		e := mine
		e.Mode, e.TrustDomainID = mode, domain
		return []placement.CacheEntry{e}
	}
	for name, c := range map[string]struct {
		with      func(h *placement.Host, r *placement.Residency)
		remaining string // trust domain of somebody who stays
		fabric    bool   // that is FABRIC
		cache     []placement.CacheEntry
		want      *placement.Residue
	}{
		"nothing":                   {},
		"below VM":                  {with: func(_ *placement.Host, r *placement.Residency) { r.Workload.Runtime = "runc" }, want: &placement.Residue{BelowVM: true}},
		"a device":                  {with: func(_ *placement.Host, r *placement.Residency) { r.Workload.CutThrough = placement.CutThroughSRIOV }, want: &placement.Residue{BelowVM: true, Device: true}},
		"ephemeral data":            {with: func(h *placement.Host, _ *placement.Residency) { h.Capabilities = 0 }, want: &placement.Residue{}},
		"its plaintext":             {cache: cached(placement.CacheDomainPrivate, "A"), want: &placement.Residue{}},
		"its plaintext, not last":   {cache: cached(placement.CacheDomainPrivate, "A"), remaining: "A"},
		"its plaintext, FABRIC too": {cache: cached(placement.CacheDomainPrivate, "A"), remaining: "A", fabric: true, want: &placement.Residue{}},
		"its plaintext, others too": {cache: cached(placement.CacheDomainPrivate, "A"), remaining: "B", want: &placement.Residue{}},
		"plaintext of another":      {cache: cached(placement.CacheDomainPrivate, "B")},
		"shared plaintext":          {cache: cached(placement.CacheShared, "")},
		"encrypted layers":          {cache: cached(placement.CacheEncrypted, "A")},
		"FABRIC": {cache: cached(placement.CacheDomainPrivate, "A"), with: func(h *placement.Host, r *placement.Residency) {
			r.Kind, h.Capabilities = placement.ResidencyFabric, 0
		}},
	} {
		s := newSetting()
		s.neighbour("gone", "A", "nf", "kata", nil)
		r := s.residents[0]
		if c.with != nil {
			c.with(&s.host, r)
		}
		s.residents = nil
		if c.remaining != "" {
			s.neighbour("stays", c.remaining, "other", "kata", nil)
			if c.fabric {
				s.residents[0].Kind = placement.ResidencyFabric
			}
		}
		var want []placement.Residue
		if c.want != nil {
			c.want.TrustDomainID, c.want.NFInstance = "A", "nf"
			want = []placement.Residue{*c.want}
		}
		if diff := cmp.Diff(want, policy.Levels{Catalogue: s.cat}.ResidueOf(&s.host, r, s.residents, c.cache)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
