package placement

import (
	"slices"
	"time"
)

// Inventory is one document that describes a fleet or a part of it: what import takes and export gives.
type Inventory struct {
	TrustDomains   []TrustDomain
	TrustRelations []TrustRelation
	NFVIPoPs       []NFVIPoP
	ResourceZones  []ResourceZone
	HostPools      []HostPool
	RuntimeClasses []RuntimeClass
	Hosts          []Host
	Images         []Image
	VNFProfiles    []VNFProfile
	Residencies    []Residency
	CacheEntries   []CacheEntry
}

// Add lists the object of a change; false where there is none, because it was deleted, or it is no part of the inventory.
func (inv *Inventory) Add(c *Change) bool {
	switch {
	case c.TrustDomain != nil:
		inv.TrustDomains = append(inv.TrustDomains, *c.TrustDomain)
	case c.TrustRelation != nil:
		inv.TrustRelations = append(inv.TrustRelations, *c.TrustRelation)
	case c.NFVIPoP != nil:
		inv.NFVIPoPs = append(inv.NFVIPoPs, *c.NFVIPoP)
	case c.ResourceZone != nil:
		inv.ResourceZones = append(inv.ResourceZones, *c.ResourceZone)
	case c.HostPool != nil:
		inv.HostPools = append(inv.HostPools, *c.HostPool)
	case c.RuntimeClass != nil:
		inv.RuntimeClasses = append(inv.RuntimeClasses, *c.RuntimeClass)
	case c.Host != nil:
		inv.Hosts = append(inv.Hosts, *c.Host)
	case c.Image != nil:
		inv.Images = append(inv.Images, *c.Image)
	case c.VNFProfile != nil:
		inv.VNFProfiles = append(inv.VNFProfiles, *c.VNFProfile)
	case c.Residency != nil:
		inv.Residencies = append(inv.Residencies, *c.Residency)
	case c.CacheEntry != nil:
		inv.CacheEntries = append(inv.CacheEntries, *c.CacheEntry)
	default:
		return false
	}
	return true
}

// ImportCount says what an import did with one list of its document.
type ImportCount struct {
	Created   int
	Updated   int
	Unchanged int
}

// ImportResult says what an import did.
type ImportResult struct {
	Counts      map[string]ImportCount // by the name of the list, such as hosts
	PolicyEpoch int64                  // after the import
	Position    FeedPosition           // of its last change; of the feed's end when it changed nothing
}

// Page asks for a part of a list in the order of its key.
type Page struct {
	After string // the last key of the page before; empty: from the start
	Limit int
	Where []Condition // all of which hold for the entries
	Base  string      // of the links that conditions are about
}

// PolicyRecord is a policy of the SOL012 interface with its versions.
type PolicyRecord struct {
	ID              string
	Designer        string
	Name            string
	PFID            string
	Versions        []string // ascending by transfer
	Authors         []string // who transferred each of Versions
	SelectedVersion string
	Activated       bool
	Associations    []string
	BreakGlass      *BreakGlass // nil: what is in force was put there by two persons
	Revision        int64

	// Overrides are what the selected version overrides in an emergency, in words. They are not stored with the policy: who puts
	// it in force gives them, and the audit trail has them.
	Overrides []string
}

// Author is who transferred a version; empty when there is no such version.
func (p *PolicyRecord) Author(version string) string {
	if i := slices.Index(p.Versions, version); i >= 0 && i < len(p.Authors) {
		return p.Authors[i]
	}
	return ""
}

// BreakGlass says that one person alone put a version in force, in an emergency, and by when another has to confirm it.
type BreakGlass struct {
	By     string
	Reason string
	At     time.Time
	Until  time.Time
}

// PolicyVersion is the transferred content of one version, byte for byte.
type PolicyVersion struct {
	PolicyID      string
	Version       string
	MediaType     string
	Content       []byte
	SHA256        string
	TransferredBy string

	// Associations are those that the content names. They become the policy's with its first version, where it has none.
	// They are not read back.
	Associations []string
	// HostLabels are the keys of the labels of hosts that its rules read. They are not read back.
	HostLabels []string
}
