package httpapi

import (
	"strings"
	"testing"
)

// TestDepthIsBounded: brackets in strings are none.
func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, good := range map[string]bool{
		nested(maxDepth): true, nested(maxDepth + 1): false, `{"a":` + nested(maxDepth) + `}`: false,
		`["` + strings.Repeat("[", 100) + `"]`: true, `["\\"` + `,` + nested(maxDepth) + `]`: false, `["\"` + strings.Repeat("{", 100) + `"]`: true,
	} {
		if err := checkSyntax([]byte(body)); (err == nil) != good {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}
