package placement

// VNFProfile is what the policy needs to know of a VNFD.
type VNFProfile struct {
	VNFDID             string
	NFType             string
	TrustDomainID      string
	Components         []Component
	AffinityRules      []AffinityRule // of the VNFD, for requests that do not carry them
	DeploymentFlavours []DeploymentFlavour
	DeployableModules  []DeployableModule
	VIMAssets          VIMAssets
	Revision           int64
}

// AffinityRule is what the VNFD says about where the instances of components go: together or apart (SOL001 AffinityRule and
// AntiAffinityRule). It holds for all instances of all its components, those of one component included.
type AffinityRule struct {
	ID           string // unique within the profile
	AntiAffinity bool
	Scope        Scope // of a placement constraint
	ComponentIDs []string
}

// Component returns the component with the id, or nil.
func (p *VNFProfile) Component(id string) *Component {
	for i := range p.Components {
		if p.Components[i].ID == id {
			return &p.Components[i]
		}
	}
	return nil
}

// Component is a sub-function of a VNF: a VDU or OS container of the VNFD.
type Component struct {
	ID                   string
	NF                   NF     // Type, InstanceKey and SetID; the VNF instance comes with the request
	TrustDomainID        string // overrides the profile's
	Roles                Roles
	Exposed              bool
	Interfaces           []Interface
	Images               []string
	Runtime              string    // asked exactly; empty: open
	Isolation            Isolation // asked as a floor
	CutThrough           CutThroughs
	Privileged           Privileges
	AdministersHostPools []string
	Labels               map[string]string
	Resources            Resources
}

// InterfaceKind sorts interfaces by what flows over them.
type InterfaceKind string

// The kinds of interface.
const (
	InterfaceUserPlane  InterfaceKind = "USER_PLANE"
	InterfaceControl    InterfaceKind = "CONTROL"
	InterfaceAPI        InterfaceKind = "API"
	InterfaceManagement InterfaceKind = "MANAGEMENT"
)

// Peer names who is at the other end of an interface when it is no trust domain of the operator's.
type Peer string

// The peers outside the operator's trust domains.
const (
	PeerExternal   Peer = "EXTERNAL"
	PeerUE         Peer = "UE"
	PeerInternet   Peer = "INTERNET"
	PeerThirdParty Peer = "THIRD_PARTY"
)

// Interface is a reference point of a component, such as N2, N3, N6, N32, SBI or O1.
type Interface struct {
	Name              string
	Kind              InterfaceKind
	PeerTrustDomainID string
	Peer              Peer
	PeerComponentID   string // within the VNF
	Via               string // the component that terminates the interface instead
	TerminatesTLS     bool
}

// Derived is what the interfaces of a VNF say about one component, beside what is declared.
type Derived struct {
	Roles           Roles
	Exposed         bool
	ProtectedPeer   bool
	UndeclaredPeers bool
}

// Derive computes roles and exposure of the component with the given id from the interfaces that it
// terminates: its own without Via, and those of others whose Via names it. Declared roles are included;
// declaring only adds.
func (p *VNFProfile) Derive(cat *Catalogue, componentID string) Derived {
	c := p.Component(componentID)
	if c == nil {
		return Derived{}
	}
	domain := p.DomainOf(c)
	d := Derived{Roles: c.Roles, Exposed: c.Exposed}
	for i := range p.Components {
		owner := &p.Components[i]
		for j := range owner.Interfaces {
			itf := &owner.Interfaces[j]
			if itf.Via == componentID || itf.Via == "" && owner.ID == componentID {
				d.add(cat, domain, itf, p)
			}
		}
	}
	return d
}

// DomainOf returns the trust domain of a component of the profile.
func (p *VNFProfile) DomainOf(c *Component) string {
	if c.TrustDomainID != "" {
		return c.TrustDomainID
	}
	return p.TrustDomainID
}

func (d *Derived) add(cat *Catalogue, domain string, itf *Interface, p *VNFProfile) {
	if itf.TerminatesTLS {
		d.Roles |= RoleKeyHolding
	}
	outside := itf.Peer != ""
	peerDomain := itf.PeerTrustDomainID
	if peerDomain == "" && itf.PeerComponentID != "" {
		if pc := p.Component(itf.PeerComponentID); pc != nil {
			peerDomain = p.DomainOf(pc)
		}
	}
	foreign := peerDomain != "" && peerDomain != domain
	if outside || itf.Kind == InterfaceUserPlane && foreign {
		d.Exposed = true
	}
	handling := HandlingNone
	if foreign {
		var declared bool
		handling, declared = cat.Relation(domain, peerDomain)
		d.UndeclaredPeers = d.UndeclaredPeers || !declared
	}
	if handling == HandlingProtected {
		d.ProtectedPeer = true
	}
	if itf.Kind != InterfaceUserPlane && (outside || handling == HandlingBorder) {
		d.Roles |= RoleBorder
	}
}
