package placement

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
}

// ReservationFilter selects residencies; empty members select all.
type ReservationFilter struct {
	ClientID      string // that was given the grant
	VNFInstanceID string
	HostID        string
	GrantID       string
	States        []ResidencyState
}

// PolicyRecord is a policy of the SOL012 interface with its versions.
type PolicyRecord struct {
	ID              string
	Designer        string
	Name            string
	PFID            string
	Versions        []string // ascending by transfer
	SelectedVersion string
	Activated       bool
	Associations    []string
	Revision        int64
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
}
