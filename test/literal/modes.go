package literal

import "ringfence/internal/placement"

// mode is how an artefact may lie in the cache of a host.
type mode struct {
	required   string
	demandedBy *Rule  // nil: CACHE-DEFAULT
	provided   string // empty: the host provides none that is strict enough
}

var modes = []string{"SHARED", "DOMAIN_PRIVATE", "ENCRYPTED", "GUEST_ONLY", "NO_STORE"}

func rank(name string) int {
	for i, m := range modes {
		if m == name {
			return i
		}
	}
	return -1
}

// chooseModes finds the mode of each artefact; a component without artefacts has one under the key *.
func (t *trial) chooseModes() map[string]mode {
	digests := t.ask.Workload.Images
	if len(digests) == 0 {
		digests = []string{"*"}
	}
	alone := map[string]mode{}
	for _, d := range digests {
		alone[d] = t.modeAlone(d)
	}
	out := map[string]mode{}
	for _, d := range digests {
		out[d] = t.raisedByLayers(d, alone)
	}
	return out
}

// modeAlone is the mode of an artefact as if nothing else lay on the host.
func (t *trial) modeAlone(digest string) mode {
	m := t.requiredMode(digest)
	t.provide(&m)
	return m
}

// provide finds the next mode that the host can do.
func (t *trial) provide(m *mode) {
	m.provided = ""
	for i := rank(m.required); i < len(modes) && m.provided == ""; i++ {
		if t.provides(modes[i]) {
			m.provided = modes[i]
		}
	}
}

// raisedByLayers holds an artefact against all others on the host: a layer takes the strictest mode of all artefacts that contain
// it, except public bases.
func (t *trial) raisedByLayers(digest string, alone map[string]mode) mode {
	m := alone[digest]
	if m.provided == "" {
		return m
	}
	strictest := m.provided
	consider := func(other string, o mode) {
		lies := o.provided
		if lies == "" {
			lies = o.required
		}
		if t.haveALayerInCommon(digest, other) && rank(lies) > rank(strictest) {
			strictest = lies
		}
	}
	for other, o := range alone {
		if other != digest && o.provided != "" {
			consider(other, o)
		}
	}
	for _, r := range t.others {
		for _, other := range r.Workload.Images {
			its := &trial{World: t.World, ask: &Ask{Workload: r.Workload}, host: t.host, runtime: r.Workload.Runtime, at: where(t.host, r.CISNodeID)}
			consider(other, its.modeAlone(other))
		}
	}
	if strictest != m.provided {
		m = mode{required: strictest} // another artefact raised it
		t.provide(&m)
	}
	return m
}

func (t *trial) haveALayerInCommon(a, b string) bool {
	public := func(digest string) bool {
		img := t.Catalogue.Images[digest]
		return img.PublicBase && !img.ContainsSecrets
	}
	if a == "*" || b == "*" || public(a) || public(b) {
		return false
	}
	if a == b {
		return true
	}
	for _, x := range t.Catalogue.Images[a].Layers {
		for _, y := range t.Catalogue.Images[b].Layers {
			if x.DiffID != y.DiffID {
				continue
			}
			everybodys := false
			for digest, img := range t.Catalogue.Images {
				for _, l := range img.Layers {
					everybodys = everybodys || public(digest) && l.DiffID == x.DiffID
				}
			}
			if !everybodys {
				return true
			}
		}
	}
	return false
}

func (t *trial) requiredMode(digest string) mode {
	img, known := t.Catalogue.Images[digest]
	m := t.demanded(false)
	if known && img.ContainsSecrets {
		if s := t.demanded(true); rank(s.required) > rank(m.required) {
			m = mode{required: s.required} // the artefact raised it
		}
	}
	if m.required == "" {
		m = mode{required: "ENCRYPTED"}
		if known && img.PublicBase && !img.ContainsSecrets {
			m.required = "SHARED"
		}
	}
	if !t.host.PhysicallySecure && rank(m.required) < rank("ENCRYPTED") {
		m = mode{required: "ENCRYPTED"} // the site raised it
	}
	return m
}

// demanded is the strictest mode of the rules that match, and the first rule that asks for it.
func (t *trial) demanded(asKeyHolder bool) (m mode) {
	c := &t.ask.Workload
	roles := c.Roles.Names()
	if c.ProtectedPeer {
		roles = append(roles, "BORDER")
	}
	if asKeyHolder {
		roles = append(roles, "KEY_HOLDING")
	}
	for i := range t.Policies {
		p := &t.Policies[i]
		for j := range p.Document.Rules {
			r := &p.Document.Rules[j]
			if r.Kind != "cache-mode" || r.Mode == "audit" || r.Strength == "SHOULD" || !p.applies(c.NF.VNFInstanceID) ||
				!t.picks(r.Subject, c, roles) || !t.picksHost(r.Host, t.host) {
				continue
			}
			if name := r.text("mode", ""); rank(name) > rank(m.required) {
				m = mode{required: name, demandedBy: r}
			}
		}
	}
	return m
}

func (t *trial) provides(m string) bool {
	switch m {
	case "SHARED":
		return true
	case "DOMAIN_PRIVATE":
		return len(t.Catalogue.HostPools[t.host.HostPoolID].AllowedTrustDomainIDs) == 1
	case "ENCRYPTED":
		return capable(t.host.Capabilities, "CACHE_ENC")
	case "GUEST_ONLY":
		return t.level(t.host, &t.ask.Workload, t.runtime) == placement.IsolationConfidentialVM
	}
	return capable(t.host.Capabilities, "EPHEMERAL_ENC") || capable(t.host.Capabilities, "RAM_SNAPSHOT")
}
