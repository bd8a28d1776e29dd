package placement

import "time"

// CheckCacheEntry is the check of a violation that is about an artefact in the cache of a host, by the rule that asks for more.
const CheckCacheEntry = "cache-entry"

// CacheNeed is an artefact that lies in the cache of a host in a weaker mode than what is there needs by the rules now.
type CacheNeed struct {
	Entry          CacheEntry
	Choice         CacheChoice // the mode that is needed, and the rule that demands it
	TrustDomainIDs []string    // of those there who run the artefact itself, ascending; empty: only others that share content with it
}

// CacheFacts are what decides about the cache of a host, read under its lock.
type CacheFacts struct {
	Now    time.Time // the database's
	Host   HostFacts // with everything that lies in its cache
	Orders []CacheOrder
	Purged []string // what lies there although the host was told to purge it since it was seen there first
	Silent bool     // whoever answers directives of the host answers none about the host itself, such as a cluster without agents
}

// JudgeCache lists what to tell a host about its cache, in the order in which it should follow. It is pure.
type JudgeCache func(CacheFacts) []Directive

// CacheRaise is what raising the modes of what lies on one host is told.
type CacheRaise struct {
	Host        HostKey
	PolicyEpoch int64 // of the judge; in another one nothing is ordered
}

// CacheRaiseResult is what became of a CacheRaise.
type CacheRaiseResult struct {
	Ordered []string // artefacts that the host was told to purge
	Stale   bool     // the policy epoch has moved: nothing was judged
}
