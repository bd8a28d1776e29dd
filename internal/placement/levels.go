package placement

import "fmt"

// Isolation says how strongly a boundary separates what is inside it from what is outside. The order of the
// values is the order of strength.
type Isolation uint8

// The isolation levels, weakest first. IsolationPhysical is a result (two different servers), never a request.
const (
	IsolationNone           Isolation = iota // same pod, or privileged
	IsolationOSContainer                     // runc, crun, user namespaces: one kernel for all
	IsolationSandbox                         // a kernel in user space, such as gVisor
	IsolationVM                              // a virtual machine on a TYPE1 hypervisor
	IsolationConfidentialVM                  // a VM whose memory the host cannot read: SEV-SNP, TDX, CCA
	IsolationPhysical                        // different physical servers
)

var isolationNames = []string{"NONE", "OS_CONTAINER", "SANDBOX", "VM", "CONFIDENTIAL_VM", "PHYSICAL"}

// String returns the wire name of the level.
func (i Isolation) String() string { return nameAt(isolationNames, int(i)) }

// ParseIsolation reads a wire name.
func ParseIsolation(s string) (Isolation, error) {
	i, err := indexOf("isolation", isolationNames, s)
	return Isolation(i), err
}

// CacheMode says in which form an artefact may lie on a host. The order of the values is the order of
// strictness. The zero value means that no mode was chosen.
type CacheMode uint8

// The cache modes, weakest first.
const (
	CacheUnset         CacheMode = iota
	CacheShared                  // plaintext, visible to any trust domain
	CacheDomainPrivate           // plaintext, only where the pool permits exactly one trust domain and the site is secure
	CacheEncrypted               // layers and unpacked root under a key of the trust domain on that host
	CacheGuestOnly               // pulled and decrypted inside the attested guest
	CacheNoStore                 // only in RAM or on a volume with a throw-away key
)

var cacheModeNames = []string{"", "SHARED", "DOMAIN_PRIVATE", "ENCRYPTED", "GUEST_ONLY", "NO_STORE"}

// String returns the wire name of the mode.
func (m CacheMode) String() string { return nameAt(cacheModeNames, int(m)) }

// ParseCacheMode reads a wire name.
func ParseCacheMode(s string) (CacheMode, error) {
	i, err := indexOf("cache mode", cacheModeNames, s)
	return CacheMode(i), err
}

// ScrubLevel says how thoroughly a host was cleaned. Each level includes the lower ones. The zero value means
// that nothing was cleaned.
type ScrubLevel uint8

// The scrub levels, weakest first.
const (
	ScrubNone ScrubLevel = iota
	ScrubCachePurge
	ScrubEphemeralWipe
	ScrubReboot
	ScrubReimage
)

var scrubLevelNames = []string{"", "CACHE_PURGE", "EPHEMERAL_WIPE", "REBOOT", "REIMAGE"}

// String returns the wire name of the level.
func (l ScrubLevel) String() string { return nameAt(scrubLevelNames, int(l)) }

// ParseScrubLevel reads a wire name.
func ParseScrubLevel(s string) (ScrubLevel, error) {
	i, err := indexOf("scrub level", scrubLevelNames, s)
	return ScrubLevel(i), err
}

func nameAt(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("INVALID(%d)", i)
}

// indexOf finds a wire name; the empty name is never one.
func indexOf(what string, names []string, s string) (int, error) {
	for i, n := range names {
		if n == s && s != "" {
			return i, nil
		}
	}
	return 0, Errorf(Invalid, "unknown %s %q: expected one of %v", what, s, nonEmpty(names))
}

func nonEmpty(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}
