package placement

import "time"

// Category sorts trust domains by what they are for.
type Category string

// The categories of trust domains.
const (
	CategoryUserPlane      Category = "USER_PLANE"
	CategoryControlPlane   Category = "CONTROL_PLANE"
	CategorySecurityAnchor Category = "SECURITY_ANCHOR"
	CategorySubscriberData Category = "SUBSCRIBER_DATA"
	CategoryInterconnect   Category = "INTERCONNECT"
	CategoryExposure       Category = "EXPOSURE"
	CategoryIMS            Category = "IMS"
	CategoryRAN            Category = "RAN"
	CategoryLI             Category = "LI"
	CategoryOversight      Category = "OVERSIGHT"
	CategoryTest           Category = "TEST"
	CategoryThirdParty     Category = "THIRD_PARTY"
)

// Categories lists the vocabulary.
func Categories() []Category {
	return []Category{
		CategoryUserPlane, CategoryControlPlane, CategorySecurityAnchor, CategorySubscriberData, CategoryInterconnect, CategoryExposure,
		CategoryIMS, CategoryRAN, CategoryLI, CategoryOversight, CategoryTest, CategoryThirdParty,
	}
}

// MaxSensitivity is the highest sensitivity of a trust domain; the lowest is 0.
const MaxSensitivity = 4

// TrustDomain is a set of network functions that trust each other (3GPP trust domain) and the attributes by
// which the policy judges it.
type TrustDomain struct {
	ID                       string
	Name                     string
	OwnerPLMN                string // MCC-MNC
	AdminDomain              string
	Category                 Category
	Sensitivity              int // 0 to MaxSensitivity
	SecurityCritical         bool
	Exclusive                bool // no waiver applies between it and another trust domain
	RequiresPhysicalSecurity bool
	AllowedCountries         []string      // ISO 3166-1 alpha-2; nil: any, empty: none
	MaxAttestationAge        time.Duration // 0: not stated
	MinIsolation             Isolation     // IsolationNone: not stated
	SNSSAIs                  []string
	ParentID                 string // inherits rules only
	Revision                 int64  // grows with every change of the record; the ETag
}

// Handling says how traffic between two trust domains is handled.
type Handling string

// The handlings; an undeclared pair is BORDER.
const (
	HandlingNone      Handling = "NONE"
	HandlingProtected Handling = "PROTECTED"
	HandlingBorder    Handling = "BORDER"
)

// TrustRelation declares the handling from one trust domain to another; the other direction is declared apart.
type TrustRelation struct {
	FromID   string
	ToID     string
	Handling Handling
	Revision int64 // grows with every change of the record; the ETag
}
