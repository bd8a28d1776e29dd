package httpapi

import (
	"fmt"
	"strings"

	"ringfence/internal/placement"
)

// sentence renders a reason for a person. A caller who may not know others' placements reads no names of
// residents, network functions or hosts.
func sentence(r *placement.Reason, full bool) string {
	p := func(name string) string { return r.Params[name] }
	if msg := p("message"); msg != "" && full {
		return expand(msg, r)
	}
	where := "the host"
	if full && p("host") != "" {
		where = "host " + p("host")
		if p("cisNode") != "" {
			where += " (CIS node " + p("cisNode") + ")"
		}
	}
	return r.RuleID + ": " + strings.ReplaceAll(body(r, full, p), "{host}", where)
}

// expand fills the names of a policy's own message in, in one pass: what is filled in is not looked at again.
func expand(msg string, r *placement.Reason) string {
	var pairs []string
	for name, value := range r.Params {
		if name != "message" {
			pairs = append(pairs, "{"+name+"}", printable(value))
		}
	}
	return r.RuleID + ": " + strings.NewReplacer(pairs...).Replace(msg)
}

func body(r *placement.Reason, full bool, p func(string) string) string {
	if r.AgainstID != "" {
		return against(r, full, p)
	}
	if text, ok := fixedSentence(r, p); ok {
		return text
	}
	kind, check, _ := strings.Cut(r.Check, " ")
	for _, text := range []string{aboutHost(kind, full, p), aboutWorkload(kind, p), aboutCompany(kind, check, full, p)} {
		if text != "" {
			return text
		}
	}
	return "{host} does not satisfy the rule"
}

// fixedSentence renders the reasons that are no policy rule.
func fixedSentence(r *placement.Reason, p func(string) string) (string, bool) {
	switch {
	case r.Check == placement.CheckCacheEntry:
		return fmt.Sprintf("artefact %s lies on {host} in mode %s; what runs there needs %s or a stricter mode, so it is purged there once nothing uses it",
			printable(p("artefact")), p("mode"), p("needed")), true
	case r.RuleID == placement.RuleNoPolicy:
		return "no policy is active for this VNF instance, and without a policy nothing is granted; activate one", true
	case r.RuleID == placement.RuleUnknown:
		return "unknown " + printable(p("object")), true
	case r.RuleID == placement.RuleTimeout:
		return "no placement was found within the bounds of the search; ask for fewer resources at once", true
	case r.RuleID == placement.RuleBreakGlass && p("change") != "":
		return fmt.Sprintf("%s applied the change %s of the inventory alone, and nobody else confirmed it by %s; the reason given: %s",
			printable(p("by")), p("change"), p("until"), printable(p("why"))), true
	case r.RuleID == placement.RuleBreakGlass:
		return fmt.Sprintf("%s put version %s in force alone, and nobody else confirmed it by %s; the reason given: %s",
			printable(p("by")), p("version"), p("until"), printable(p("why"))), true
	case strings.HasPrefix(r.RuleID, "DRIFT-"):
		return drifted(r.RuleID, p), true
	case r.RuleID == placement.RuleDirectiveFailed, r.RuleID == placement.RuleDirectiveOverdue:
		return notCarriedOut(r.RuleID, p), true
	case r.RuleID == placement.RuleLifecycle:
		return "{host} is not in service but " + p("lifecycle"), true
	case r.RuleID == placement.RuleIsolation:
		return fmt.Sprintf("on {host} runtime %s isolates this workload at %s; the request, its component or its trust domain asks for %s at least",
			orNone(p("runtime")), p("isolation"), p("needed")) + demoted(p), true
	case r.RuleID == placement.RuleDedicated && p("why") != "":
		return "the dedication of {host} is no longer the one that was planned", true
	case r.RuleID == placement.RuleDedicated:
		return "{host} is dedicated to another " + strings.ToLower(strings.ReplaceAll(p("identity"), "_", " ")), true
	case r.RuleID == placement.RuleCapacity:
		return "{host} lacks free " + p("lacking"), true
	case strings.HasPrefix(r.RuleID, "CONSTRAINT["), strings.HasPrefix(r.RuleID, "VIM["):
		return "{host} is not what the constraint of the request wants: " + p("wanted"), true
	case placement.IsDescriptor(r.RuleID):
		return "{host} is not where the VNFD wants it: " + p("wanted"), true
	case placement.IsStanding(r.RuleID):
		return "{host} is not where a standing constraint wants it: " + p("wanted") + "; who operates ringfence can show and lift the constraint", true
	case r.RuleID == placement.RuleCacheDefault:
		if p("why") != "" {
			return p("why"), true
		}
		return fmt.Sprintf("{host} cannot keep the artefact in mode %s or a stricter one", p("mode")), true
	}
	return "", false
}

func against(r *placement.Reason, full bool, p func(string) string) string {
	who := "a workload"
	if full {
		who = fmt.Sprintf("%s (%s, network function %s)", printable(r.AgainstID), p("domain"), printable(p("nf")))
	}
	what := pairSentence(r.Check)
	if !full {
		what = strings.Replace(what, ", of", " of", 1) // nothing stands between the workload and what it is
	}
	return "{host} runs " + who + what
}

// pairSentence says what of a pair is the matter, by the check of the rule.
func pairSentence(check string) string {
	const apart = ", and nothing separates the two well enough"
	switch check {
	case "separate-domains":
		return ", of another trust domain" + apart
	case "separate-nf":
		return ", of another network function" + apart
	case "separate-role":
		return ", whose role must be apart from this one's" + apart
	case "separate-admin-domain":
		return ", of another administration" + apart
	case "separate-slice":
		return ", of other network slices" + apart
	case "oversight SEPARATE":
		return ", of another oversight function" + apart
	case "separate-exposure":
		return "; one of the two is exposed and the other is sensitive, so they never share a host"
	case "prod-test":
		return "; tests and production never share a host"
	}
	return ", which must be kept apart and is not separated well enough"
}
