package placement

// ChangeKind says what a row of the change feed is about.
type ChangeKind string

// The kinds of change.
const (
	ChangeTrustDomain   ChangeKind = "TRUST_DOMAIN"
	ChangeTrustRelation ChangeKind = "TRUST_RELATION" // id: from:to
	ChangeNFVIPoP       ChangeKind = "NFVI_POP"
	ChangeResourceZone  ChangeKind = "RESOURCE_ZONE"
	ChangeHostPool      ChangeKind = "HOST_POOL"
	ChangeRuntimeClass  ChangeKind = "RUNTIME_CLASS"
	ChangeHost          ChangeKind = "HOST"
	ChangeImage         ChangeKind = "IMAGE"
	ChangeVNFProfile    ChangeKind = "VNF_PROFILE"
	ChangeResidency     ChangeKind = "RESIDENCY"
	ChangeCacheEntry    ChangeKind = "CACHE_ENTRY" // id: hostId/digest
	ChangeStanding      ChangeKind = "STANDING_CONSTRAINT"
	ChangePolicies      ChangeKind = "POLICIES"     // the set of active policies; id "active"
	ChangePolicyEpoch   ChangeKind = "POLICY_EPOCH" // id "epoch"
)

// Change is one row of the change feed with the full after-image. Exactly the member of its kind is set; none
// is set when the object was deleted.
type Change struct {
	Position      FeedPosition
	Kind          ChangeKind
	NFVIPoPID     string // of hosts, residencies and cache entries
	ID            string
	TrustDomain   *TrustDomain
	TrustRelation *TrustRelation
	NFVIPoP       *NFVIPoP
	ResourceZone  *ResourceZone
	HostPool      *HostPool
	RuntimeClass  *RuntimeClass
	Host          *Host
	Image         *Image
	VNFProfile    *VNFProfile
	Standing      *StandingConstraint
	Residency     *Residency
	CacheEntry    *CacheEntry
	Policies      []ActivePolicy
	Epoch         int64
}

// ActivePolicy is a policy version in force, as stored.
type ActivePolicy struct {
	Ref          PolicyRef
	Content      []byte
	Associations []string // VNF instance ids; empty: applies to all
}
