package postgres

import "ringfence/internal/placement"

// equal is the condition that an attribute has a value.
func equal(attribute, value string) placement.Condition {
	return placement.Condition{Operator: placement.OpEqual, Path: []string{attribute}, Values: []string{value}}
}

// standing are the violations that stand.
func stillOpen() []placement.Condition { return []placement.Condition{equal("state", "OPEN")} }
