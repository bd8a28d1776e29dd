package httpapi

import (
	"fmt"

	"ringfence/internal/placement"
)

// drifted renders how reality differs from what was decided.
func drifted(rule string, p func(string) string) string {
	where := func(node string) string {
		if node == "" {
			return "outside of CIS nodes"
		}
		return "in CIS node " + printable(node)
	}
	switch rule {
	case placement.RuleDriftUngranted:
		return fmt.Sprintf("%s runs on {host} with runtime %s without a grant; stop it, or have its VNFM ask for it", printable(p("workload")), orNone(p("runtime")))
	case placement.RuleDriftBreakGlass:
		by := "somebody"
		if p("by") != "" {
			by = printable(p("by"))
		}
		return fmt.Sprintf("%s runs on {host} because %s broke the glass in its cluster: %s; stop it, or have its VNFM ask for a grant and start it anew",
			printable(p("workload")), by, printable(p("why")))
	case placement.RuleDriftHost:
		return fmt.Sprintf("%s runs on {host}, but was granted for host %s", printable(p("workload")), printable(p("decided")))
	case placement.RuleDriftNode:
		return fmt.Sprintf("it runs on {host} %s, but was granted %s", where(p("runsOn")), where(p("decided")))
	case placement.RuleDriftRuntime:
		return fmt.Sprintf("it runs on {host} with runtime %s, but was granted with %s", orNone(p("runtime")), orNone(p("decided")))
	case placement.RuleDriftImage:
		return fmt.Sprintf("it runs artefact %s on {host}, which it was not granted with", printable(p("artefact")))
	case placement.RuleDriftMissing:
		return "it ran on {host}, which does not report it any more; what it reserved stays reserved until it is released"
	case placement.RuleDriftCache:
		which := "artefact " + printable(p("artefact"))
		if p("contains") != "" {
			which += ", which has layers of " + printable(p("contains")) + ","
		}
		if p("ordered") == "" {
			return fmt.Sprintf("%s lies on {host} in mode %s, and nothing that was granted put it there", which, p("mode"))
		}
		return fmt.Sprintf("%s lies on {host} in mode %s, but may lie there only in mode %s or a stricter one", which, p("mode"), p("ordered"))
	}
	return "reality on {host} differs from what was decided"
}

// notCarriedOut renders what is the matter with a directive.
func notCarriedOut(rule string, p func(string) string) string {
	which := fmt.Sprintf("directive %s (%s)", p("seq"), p("kind"))
	if rule == placement.RuleDirectiveOverdue {
		return fmt.Sprintf("{host} has not acknowledged %s, issued at %s; see that what carries out directives there runs and reaches ringfence", which, p("issuedAt"))
	}
	why := "no reason was given"
	if p("detail") != "" {
		why = "it says: " + printable(p("detail"))
	}
	return fmt.Sprintf("{host} could not carry out %s; %s; put that right there, and the next acknowledgement ends this", which, why)
}
