package placement_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// change makes a change of one object; nil stands for no object.
func change(kind placement.ChangeKind, object any) *placement.Change {
	c := &placement.Change{Kind: kind, ID: "x"}
	switch o := object.(type) {
	case *placement.TrustDomain:
		c.TrustDomain = o
	case *placement.TrustRelation:
		c.TrustRelation = o
	case *placement.HostPool:
		c.HostPool = o
	case *placement.RuntimeClass:
		c.RuntimeClass = o
	case *placement.Image:
		c.Image = o
	case *placement.VNFProfile:
		c.VNFProfile = o
	case *placement.Host:
		c.Host = o
	case *placement.NFVIPoP:
		c.NFVIPoP = o
	case *placement.ResourceZone:
		c.ResourceZone = o
	case *placement.Residency:
		c.Residency = o
	case *placement.CacheEntry:
		c.CacheEntry = o
	}
	return c
}

// TestSecurityDifferences is the list of what two persons change: of every attribute of every noun, whether it counts.
func TestSecurityDifferences(t *testing.T) {
	t.Parallel()
	type (
		domain  = placement.TrustDomain
		profile = placement.VNFProfile
		host    = placement.Host
		node    = placement.CISNode
		image   = placement.Image
		pool    = placement.HostPool
	)
	of := func(c placement.Component) *profile {
		c.ID = "c"
		return &profile{Components: []placement.Component{c}}
	}
	in := func(i placement.Interface) *profile {
		return of(placement.Component{Interfaces: []placement.Interface{i}})
	}
	td, rel, pl, rc, im, vp, ho := placement.ChangeTrustDomain, placement.ChangeTrustRelation, placement.ChangeHostPool, placement.ChangeRuntimeClass,
		placement.ChangeImage, placement.ChangeVNFProfile, placement.ChangeHost
	for name, c := range map[string]struct {
		kind          placement.ChangeKind
		before, after any
		want          string // the attribute that differs, or CREATE or DELETE; empty: it does not count
	}{
		"trust domain: created":                  {td, nil, &domain{}, "CREATE"},
		"trust domain: deleted":                  {td, &domain{}, nil, "DELETE"},
		"trust domain: the same":                 {td, &domain{Sensitivity: 2, SNSSAIs: []string{"1", "2"}}, &domain{Sensitivity: 2, SNSSAIs: []string{"2", "1"}, Revision: 7}, ""},
		"trust domain: name":                     {td, &domain{Name: "a"}, &domain{Name: "b"}, ""},
		"trust domain: owner":                    {td, &domain{}, &domain{OwnerPLMN: "001-01"}, "ownerPlmn"},
		"trust domain: tenant":                   {td, &domain{}, &domain{AdminDomain: "a"}, "adminDomain"},
		"trust domain: category":                 {td, &domain{Category: "TEST"}, &domain{Category: "IMS"}, "category"},
		"trust domain: sensitivity":              {td, &domain{Sensitivity: 3}, &domain{Sensitivity: 1}, "sensitivity"},
		"trust domain: critical":                 {td, &domain{SecurityCritical: true}, &domain{}, "securityCritical"},
		"trust domain: exclusive":                {td, &domain{Exclusive: true}, &domain{}, "exclusive"},
		"trust domain: secure site":              {td, &domain{RequiresPhysicalSecurity: true}, &domain{}, "requiresPhysicalSecurity"},
		"trust domain: countries":                {td, &domain{AllowedCountries: []string{"GB"}}, &domain{AllowedCountries: []string{"GB", "IE"}}, "allowedCountries"},
		"trust domain: no country, to any":       {td, &domain{AllowedCountries: []string{}}, &domain{}, "allowedCountries"},
		"trust domain: attestation age":          {td, &domain{MaxAttestationAge: time.Hour}, &domain{}, "maxAttestationAge"},
		"trust domain: isolation":                {td, &domain{MinIsolation: placement.IsolationVM}, &domain{}, "minIsolation"},
		"trust domain: slices":                   {td, &domain{SNSSAIs: []string{"1"}}, &domain{}, "snssais"},
		"trust domain: parent":                   {td, &domain{ParentID: "p"}, &domain{}, "parentId"},
		"relation: created":                      {rel, nil, &placement.TrustRelation{Handling: "NONE"}, "CREATE"},
		"relation: deleted":                      {rel, &placement.TrustRelation{Handling: "BORDER"}, nil, "DELETE"},
		"relation: handling":                     {rel, &placement.TrustRelation{Handling: "BORDER"}, &placement.TrustRelation{Handling: "NONE"}, "handling"},
		"pool: created":                          {pl, nil, &pool{}, "CREATE"},
		"pool: deleted":                          {pl, &pool{}, nil, "DELETE"},
		"pool: domains":                          {pl, &pool{AllowedTrustDomainIDs: []string{"a"}}, &pool{AllowedTrustDomainIDs: []string{"a", "b"}}, "allowedTrustDomainIds"},
		"pool: two are not one with a comma":     {pl, &pool{AllowedTrustDomainIDs: []string{"a", "b"}}, &pool{AllowedTrustDomainIDs: []string{"a, b"}}, "allowedTrustDomainIds"},
		"pool: domains in another order":         {pl, &pool{AllowedTrustDomainIDs: []string{"a", "b"}}, &pool{AllowedTrustDomainIDs: []string{"b", "a"}}, ""},
		"pool: fabric":                           {pl, &pool{}, &pool{FabricDigests: []string{"sha256:a"}}, "fabricDigests"},
		"runtime class: created":                 {rc, nil, &placement.RuntimeClass{Isolation: placement.IsolationVM}, "CREATE"},
		"runtime class: deleted":                 {rc, &placement.RuntimeClass{}, nil, "DELETE"},
		"runtime class: isolation":               {rc, &placement.RuntimeClass{Isolation: placement.IsolationSandbox}, &placement.RuntimeClass{Isolation: placement.IsolationVM}, "isolation"},
		"runtime class: overhead":                {rc, &placement.RuntimeClass{}, &placement.RuntimeClass{Overhead: placement.Resources{"cpuMillis": 1}}, ""},
		"image: created":                         {im, nil, &image{Signature: "s", ContainsSecrets: true, Sensitivity: 4}, ""},
		"image: public base created":             {im, nil, &image{PublicBase: true}, "CREATE"},
		"image: deleted":                         {im, &image{Layers: []placement.Layer{{Digest: "l"}}}, nil, ""},
		"image: deleted with secrets":            {im, &image{ContainsSecrets: true}, nil, "DELETE"},
		"image: sensitive one deleted":           {im, &image{Sensitivity: 1}, nil, "DELETE"},
		"image: a layer goes":                    {im, &image{Layers: []placement.Layer{{Digest: "l"}, {Digest: "m"}}}, &image{Layers: []placement.Layer{{Digest: "m"}}}, "layers/l"},
		"image: another content of a layer":      {im, &image{Layers: []placement.Layer{{Digest: "l", DiffID: "d"}}}, &image{Layers: []placement.Layer{{Digest: "l", DiffID: "e"}}}, "layers/l"},
		"image: another layer of a public base":  {im, &image{PublicBase: true}, &image{PublicBase: true, Layers: []placement.Layer{{Digest: "l"}}}, "layers/l"},
		"image: public base deleted":             {im, &image{PublicBase: true}, nil, "DELETE"},
		"image: public base":                     {im, &image{}, &image{PublicBase: true}, "publicBase"},
		"image: no public base":                  {im, &image{PublicBase: true}, &image{}, "publicBase"},
		"image: secrets":                         {im, &image{ContainsSecrets: true}, &image{}, "containsSecrets"},
		"image: sensitivity":                     {im, &image{Sensitivity: 4}, &image{}, "sensitivity"},
		"image: the rest":                        {im, &image{Reference: "a:1", Kind: "MODEL"}, &image{Reference: "a:2", Signature: "s", Layers: []placement.Layer{{Digest: "l"}}}, ""},
		"profile: created":                       {vp, nil, &profile{}, "CREATE"},
		"profile: deleted":                       {vp, &profile{}, nil, "DELETE"},
		"profile: NF type":                       {vp, &profile{NFType: "AMF"}, &profile{NFType: "UPF"}, "nfType"},
		"profile: trust domain":                  {vp, &profile{TrustDomainID: "a"}, &profile{TrustDomainID: "b"}, "trustDomainId"},
		"profile: another component":             {vp, &profile{}, of(placement.Component{}), "components/c/id components/c/exposed"},
		"profile: a component less":              {vp, of(placement.Component{}), &profile{}, "components/c/id components/c/exposed"},
		"component: NF":                          {vp, of(placement.Component{NF: placement.NF{Type: "A"}}), of(placement.Component{NF: placement.NF{SetID: "A"}}), "components/c/nf"},
		"component: NF instance key":             {vp, of(placement.Component{}), of(placement.Component{NF: placement.NF{InstanceKey: "A"}}), "components/c/nf"},
		"component: trust domain":                {vp, of(placement.Component{}), of(placement.Component{TrustDomainID: "a"}), "components/c/trustDomainId"},
		"component: roles":                       {vp, of(placement.Component{Roles: placement.RoleKeyHolding}), of(placement.Component{}), "components/c/roles"},
		"component: exposed":                     {vp, of(placement.Component{Exposed: true}), of(placement.Component{}), "components/c/exposed"},
		"component: images":                      {vp, of(placement.Component{Images: []string{"sha256:a"}}), of(placement.Component{Images: []string{"sha256:b"}}), "components/c/images"},
		"component: runtime":                     {vp, of(placement.Component{Runtime: "kata"}), of(placement.Component{Runtime: "runc"}), "components/c/runtime"},
		"component: isolation":                   {vp, of(placement.Component{Isolation: placement.IsolationVM}), of(placement.Component{}), "components/c/isolation"},
		"component: devices":                     {vp, of(placement.Component{}), of(placement.Component{CutThrough: placement.CutThroughSRIOV}), "components/c/cutThrough"},
		"component: privileges":                  {vp, of(placement.Component{}), of(placement.Component{Privileged: placement.PrivilegeHostPID}), "components/c/privileged"},
		"component: oversees pools":              {vp, of(placement.Component{AdministersHostPools: []string{"p"}}), of(placement.Component{}), "components/c/administersHostPoolIds"},
		"component: labels":                      {vp, of(placement.Component{Labels: map[string]string{"a": "b"}}), of(placement.Component{Labels: map[string]string{"a": "c"}}), "components/c/labels"},
		"component: a label that reads like two": {vp, of(placement.Component{Labels: map[string]string{"a": "b", "c": "d"}}), of(placement.Component{Labels: map[string]string{"a": "b, c=d"}}), "components/c/labels"},
		"component: resources":                   {vp, of(placement.Component{}), of(placement.Component{Resources: placement.Resources{"cpuMillis": 1}}), ""},
		"interface: name":                        {vp, in(placement.Interface{Name: "N2"}), in(placement.Interface{Name: "N3"}), "components/c/interfaces"},
		"interface: kind":                        {vp, in(placement.Interface{Kind: "API"}), in(placement.Interface{Kind: "CONTROL"}), "components/c/interfaces"},
		"interface: peer":                        {vp, in(placement.Interface{Peer: "UE"}), in(placement.Interface{PeerTrustDomainID: "UE"}), "components/c/interfaces"},
		"interface: peer component":              {vp, in(placement.Interface{PeerTrustDomainID: "a"}), in(placement.Interface{PeerComponentID: "a"}), "components/c/interfaces"},
		"interface: via":                         {vp, in(placement.Interface{Via: "a"}), in(placement.Interface{}), "components/c/interfaces"},
		"interface: TLS":                         {vp, in(placement.Interface{TerminatesTLS: true}), in(placement.Interface{}), "components/c/interfaces"},
		"host: created":                          {ho, nil, &host{CISNodes: []node{{ID: "n", Form: "VM"}, {ID: "m", Form: "BARE_METAL"}}}, ""},
		"host: created with a hypervisor":        {ho, nil, &host{HypervisorClass: "TYPE1"}, "CREATE"},
		"host: created with a nested hypervisor": {ho, nil, &host{CISNodes: []node{{ID: "n", Form: "VM", HypervisorClass: "TYPE2"}}}, "CREATE"},
		"host: deleted":                          {ho, &host{HypervisorClass: "TYPE1"}, nil, ""},
		"host: hypervisor":                       {ho, &host{}, &host{HypervisorClass: "TYPE1"}, "hypervisorClass"},
		"host: no hypervisor":                    {ho, &host{HypervisorClass: "TYPE1"}, &host{HypervisorClass: "NONE"}, "hypervisorClass"},
		"host: unset is NONE":                    {ho, &host{}, &host{HypervisorClass: "NONE"}, ""},
		"host: another node":                     {ho, &host{}, &host{CISNodes: []node{{ID: "n", Form: "VM"}, {ID: "m", Form: "BARE_METAL"}}}, ""},
		"host: another node with a hypervisor":   {ho, &host{}, &host{CISNodes: []node{{ID: "n", Form: "VM", HypervisorClass: "TYPE1"}}}, "cisNodes/n/hypervisorClass"},
		"host: a node less":                      {ho, &host{CISNodes: []node{{ID: "n", Form: "VM", HypervisorClass: "TYPE1"}}}, &host{}, ""},
		"node: hypervisor":                       {ho, &host{CISNodes: []node{{ID: "n", Form: "VM"}}}, &host{CISNodes: []node{{ID: "n", Form: "VM", HypervisorClass: "TYPE1"}}}, "cisNodes/n/hypervisorClass"},
		"node: what the host has":                {ho, &host{CISNodes: []node{{ID: "n", Form: "BARE_METAL", HypervisorClass: "NONE"}}}, &host{CISNodes: []node{{ID: "n", Form: "BARE_METAL"}}}, "cisNodes/n/hypervisorClass"},
		"host: a label that rules read":          {ho, &host{}, &host{Labels: map[string]string{"engine": "no"}}, "labels/engine"},
		"host: an empty one":                     {ho, &host{}, &host{Labels: map[string]string{"engine": ""}}, "labels/engine"},
		"host: without that label":               {ho, &host{Labels: map[string]string{"engine": "yes"}}, &host{}, "labels/engine"},
		"host: another value of it":              {ho, &host{Labels: map[string]string{"engine": "yes", "row": "1"}}, &host{Labels: map[string]string{"engine": "no"}}, "labels/engine"},
		"host: created with that label":          {ho, nil, &host{Labels: map[string]string{"engine": "no"}}, "CREATE"},
		"host: created with another":             {ho, nil, &host{Labels: map[string]string{"row": "1"}}, ""},
		"host: the rest": {ho, &host{ID: "x"}, &host{
			ID: "x", HostPoolID: "p", Country: "GB", Lifecycle: "CORDONED", Capacity: placement.Resources{"cpuMillis": 1}, Labels: map[string]string{"a": "b"},
			Attestation: placement.Attestation{State: "TRUSTED"}, Residue: []placement.Residue{{}}, Scrubs: []placement.ScrubRecord{{}}, PhysicallySecure: true,
		}, ""},
		"NFVI-PoP":      {placement.ChangeNFVIPoP, nil, &placement.NFVIPoP{}, ""},
		"resource zone": {placement.ChangeResourceZone, &placement.ResourceZone{}, nil, ""},
		"residency":     {placement.ChangeResidency, nil, &placement.Residency{}, ""},
		"cache entry":   {placement.ChangeCacheEntry, nil, &placement.CacheEntry{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, counts := placement.SecurityDifferenceOf(change(c.kind, c.before), change(c.kind, c.after), []string{"engine"})
			got := ""
			switch {
			case counts && d.Action != placement.DifferenceChange:
				got = string(d.Action)
			case counts:
				for _, a := range d.Attributes {
					got += " " + a.Name
				}
				got = got[1:]
			}
			if got != c.want || d.Kind != c.kind || d.ID != "x" {
				t.Errorf("%+v counts: %v; want %q", d, counts, c.want)
			}
		})
	}
}

// TestSecurityDifferenceReads: what a second person reads.
func TestSecurityDifferenceReads(t *testing.T) {
	t.Parallel()
	before := &placement.VNFProfile{TrustDomainID: "TD", Components: []placement.Component{{
		ID: "c", Roles: placement.RoleKeyHolding | placement.RoleBorder,
		Interfaces: []placement.Interface{{Name: "N2", Kind: "CONTROL", PeerTrustDomainID: "TD 2", TerminatesTLS: true}, {Name: "N3", Peer: "UE", Via: "d"}},
	}}}
	after := &placement.VNFProfile{TrustDomainID: "TD", Components: []placement.Component{{ID: "c", Roles: placement.RoleBorder}}}
	d, counts := placement.SecurityDifferenceOf(change(placement.ChangeVNFProfile, before), change(placement.ChangeVNFProfile, after), nil)
	want := []placement.AttributeDifference{
		{Name: "components/c/roles", Before: "BORDER, KEY_HOLDING", After: "BORDER"},
		{Name: "components/c/interfaces", Before: `N2 kind CONTROL to trust domain "TD 2" terminates TLS, N3 to UE via d`},
	}
	if diff := cmp.Diff(want, d.Attributes); !counts || diff != "" {
		t.Errorf("counts: %v (-want +got)\n%s", counts, diff)
	}
}
