package httpapi

import (
	"strings"
	"time"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

// The conversions of what several nouns have. Lists and maps that are empty and those that are absent are one on the
// way in, as they are in the domain, except where the contract tells them apart.

// orNil makes an empty list none.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func labels(w wire.Labels) map[string]string {
	if len(w) == 0 {
		return nil
	}
	return w
}

// amounts drops dimensions of 0, which mean the same as their absence.
func amounts(w wire.Dimensions) placement.Resources {
	var r placement.Resources
	for dimension, amount := range w {
		if amount != 0 {
			if r == nil {
				r = make(placement.Resources, len(w))
			}
			r[dimension] = amount
		}
	}
	return r
}

// exactTime is a time as the database keeps it: in UTC, to the microsecond.
func exactTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// named turns the names of a set into the wire's type, nil when there are none.
func named[N ~string](names []string) []N {
	if len(names) == 0 {
		return nil
	}
	out := make([]N, len(names))
	for i, n := range names {
		out[i] = N(n)
	}
	return out
}

func namesOf[N ~string](list []N) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = string(n)
	}
	return out
}

// parsedSet reads a set of names. The contract's schema lists them all, so a fault is what the schema let through.
func parsedSet[N ~string, S any](in *reading, list []N, pointer string, parse func([]string) (S, error)) S {
	if len(list) == 0 {
		var none S
		return none
	}
	set, err := parse(namesOf(list))
	if err != nil {
		in.fault(inventory.CodeInvalid, pointer, err.Error())
	}
	return set
}

func (in *reading) roles(list []wire.Role, pointer string) placement.Roles {
	return parsedSet(in, list, pointer, placement.ParseRoles)
}

func (in *reading) cutThrough(list []wire.CutThrough, pointer string) placement.CutThroughs {
	return parsedSet(in, list, pointer, placement.ParseCutThroughs)
}

func (in *reading) privileged(list []wire.Privilege, pointer string) placement.Privileges {
	return parsedSet(in, list, pointer, placement.ParsePrivileges)
}

func (in *reading) capabilities(list []wire.Capability, pointer string) placement.Capabilities {
	return parsedSet(in, list, pointer, placement.ParseCapabilities)
}

// isolation reads a level that may be absent, which is NONE in the domain.
func (in *reading) isolation(w wire.IsolationLevel, pointer string) placement.Isolation {
	if w == "" {
		return placement.IsolationNone
	}
	level, err := placement.ParseIsolation(string(w))
	if err != nil {
		in.fault(inventory.CodeInvalid, pointer, err.Error())
	}
	return level
}

func isolationToWire(level placement.Isolation) wire.IsolationLevel {
	if level == placement.IsolationNone {
		return ""
	}
	return wire.IsolationLevel(level.String())
}

func (in *reading) cacheMode(w wire.CacheMode, pointer string) placement.CacheMode {
	mode, err := placement.ParseCacheMode(string(w))
	if err != nil && w != "" {
		in.fault(inventory.CodeInvalid, pointer, err.Error())
	}
	return mode
}

// duration reads a length of time; absent is 0.
func (in *reading) duration(w, pointer string) time.Duration {
	if w == "" {
		return 0
	}
	d, err := time.ParseDuration(w)
	if err != nil {
		in.fault(inventory.CodeInvalid, pointer, "this is no length of time, or too long a one: it is written as 24h, 90s or 1h30m")
	}
	return d
}

// limit reads a length of time of which 0 means that nothing was said, so that it cannot be said.
func (in *reading) limit(w, pointer string) time.Duration {
	before := len(in.faults)
	d := in.duration(w, pointer)
	if w != "" && d == 0 && len(in.faults) == before {
		in.fault(inventory.CodeInvalid, pointer, "nothing is as new as an age of 0; leave the attribute out to set no limit")
	}
	return d
}

// since resolves an age that stands for a time. Both at once contradict each other.
func (in *reading) since(age string, at time.Time, pointer string) time.Time {
	if !at.IsZero() {
		in.fault(inventory.CodeInvalid, pointer+"/age", "age stands for attestedAt; give one of them")
	}
	return exactTime(in.now.Add(-in.duration(age, pointer+"/age")))
}

// durationToWire writes a length of time without the units that are 0, such as 24h; 0 is absent.
func durationToWire(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
