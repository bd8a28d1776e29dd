package httpapi

import (
	"strings"
	"testing"
)

// TestEveryOperationHasARow: an operation that nobody said anything about stops the start, and so does a row of none.
func TestEveryOperationHasARow(t *testing.T) {
	t.Parallel()
	var all []string
	for _, row := range roleTable() {
		all = append(all, strings.Fields(row.operations)...)
	}
	if _, err := rolesByOperation(all); err != nil {
		t.Error(err)
	}
	if _, err := rolesByOperation(append(all, "openBackDoor")); err == nil || !strings.Contains(err.Error(), "openBackDoor has no row") {
		t.Errorf("an operation without a row: %v", err)
	}
	if _, err := rolesByOperation(all[1:]); err == nil || !strings.Contains(err.Error(), "is not in the contract") {
		t.Errorf("a row of an operation that is not there: %v", err)
	}
}
