package httpapi

import "fmt"

// aboutHost renders the kinds that ask something of the host; empty for another kind.
func aboutHost(kind string, full bool, p func(string) string) string {
	switch kind {
	case "domain-permit":
		switch {
		case p("why") != "":
			return "{host} has no pool, so it may run nothing"
		case !full:
			return "the pool of {host} does not permit trust domain " + p("domain")
		}
		return fmt.Sprintf("{host} is in pool %s, which permits %s, not %s", p("pool"), orNone(p("permitted")), p("domain"))
	case "runtime-offered":
		return fmt.Sprintf("{host} offers %s, not %s", orNone(p("offered")), p("runtime"))
	case "require-host-capability":
		return "{host} lacks " + p("missing")
	case "location":
		return location(p)
	case "physical-security":
		return p("why") + ", which the trust domain " + p("domain") + " does not allow"
	case "attestation-freshness":
		return attestation(p)
	case "scrub-before-reuse":
		then := ""
		if p("then") != "" {
			then = ", and an attestation after it"
		}
		return fmt.Sprintf("{host} still holds what %s left; a scrub of level %s is needed first%s", formerOwner(full, p("residueOf")), p("needed"), then)
	case "max-age-since-reimage":
		return reimage(p)
	case "cache-mode":
		if p("why") != "" {
			return "the artefact is " + p("why")
		}
		return fmt.Sprintf("{host} cannot keep the artefact in mode %s or a stricter one", p("mode"))
	}
	return ""
}

// aboutWorkload renders the kinds that ask something of the workload; empty for another kind.
func aboutWorkload(kind string, p func(string) string) string {
	switch kind {
	case "require-isolation":
		return fmt.Sprintf("on {host} the workload would be isolated at %s, but %s is needed", p("isolation"), p("needed")) + demoted(p)
	case "demote-isolation":
		return fmt.Sprintf("runtime %s of {host} has %s, which is below %s: it would count as %s, not as %s", p("runtime"), versionOf(p("version")), p("below"), p("level"), p("isolation"))
	case "forbid-cut-through", "forbid-privileged":
		return fmt.Sprintf("the workload uses %s, which only a host dedicated to its network function allows", p("uses"))
	case "forbid-acceleration":
		if p("uses") != "" {
			return fmt.Sprintf("artefact %s is a %s, from which this workload may not be started", printable(p("artefact")), p("uses"))
		}
		return "{host} uses " + p("does") + ", which this workload may not meet"
	case "signed-tagged-artefact":
		return signature(p)
	case "border-handling":
		return borderHandling(p)
	case "separate-role":
		return "the container itself holds roles that must be apart"
	}
	return ""
}

// aboutCompany renders the kinds that ask who else is there and name nobody; empty for another kind.
func aboutCompany(kind, check string, full bool, p func(string) string) string {
	switch kind {
	case "one-domain-per-kernel":
		return "a kernel of {host} already serves another trust domain"
	case "same-sensitivity-per-kernel":
		if !full {
			return fmt.Sprintf("a kernel of {host} would serve workloads whose sensitivities differ by more than %s", p("delta"))
		}
		return fmt.Sprintf("a kernel of {host} would serve workloads of sensitivity %s to %s, which differ by more than %s", p("least"), p("most"), p("delta"))
	case "prod-test":
		return "the pool of {host} permits both tests and production, which never share one: give tests a pool of their own"
	case "dedicate-host":
		return "{host} serves others, but the workload needs a host of its own"
	case "oversight":
		return "the pool of {host} may not run this oversight function: " + whyOversight(p)
	case "max-blast-radius":
		return blastRadius(check, p)
	case "co-locate-in-vm":
		return coLocation(full, p)
	}
	return ""
}

func location(p func(string) string) string {
	switch {
	case p("denied") != "" && p("country") == "":
		return fmt.Sprintf("nobody knows in which country {host} stands; denied are %s", p("denied"))
	case p("denied") != "":
		return fmt.Sprintf("{host} stands in %s, which is denied", p("country"))
	case p("site") != "":
		return fmt.Sprintf("{host} stands in NFVI-PoP %s; allowed are %s", p("site"), orNone(p("allowed")))
	case p("wanted") != "":
		return fmt.Sprintf("the location of {host} is claimed by %q; %q is wanted", p("source"), p("wanted"))
	case p("maxAge") != "":
		return fmt.Sprintf("the location of {host} was last claimed at %s, longer ago than %s", p("assertedAt"), p("maxAge"))
	}
	return fmt.Sprintf("{host} stands in %s; allowed are %s", orNone(p("country")), orNone(p("allowed")))
}

func attestation(p func(string) string) string {
	switch {
	case p("state") != "":
		return "{host} is attested " + p("state") + ", not TRUSTED"
	case p("validUntil") != "":
		return "the attestation of {host} was valid until " + p("validUntil")
	}
	return fmt.Sprintf("{host} was last attested at %s, longer ago than %s", p("attestedAt"), p("maxAge"))
}

func borderHandling(p func(string) string) string {
	switch {
	case p("why") != "":
		return fmt.Sprintf("component %s has an interface to a trust domain with which no relation is declared; declare how it is handled", printable(p("component")))
	case p("missing") != "":
		return "{host} lacks " + p("missing") + ", which a workload at a border needs"
	}
	return fmt.Sprintf("on {host} this workload at a border would be isolated at %s; it needs %s, or a host of its own", p("isolation"), p("needed")) + demoted(p)
}

// coLocation says what keeps a network function from having a CIS-node VM of its own, or another one out of it.
func coLocation(full bool, p func(string) string) string {
	foreign, elsewhere := "another network function", ""
	if full {
		foreign, elsewhere = "network function "+printable(p("foreign")), " on "+printable(p("elsewhere"))
	}
	switch p("why") {
	case "noVM":
		return "{host} is no CIS-node VM, and the network function of this workload must stay in one of its own"
	case "apart":
		return "on {host} this workload would be apart from another one of its network function" + elsewhere + ", and all of it must be in one CIS-node VM"
	case "shared":
		return "the CIS-node VM of {host} serves " + foreign + " too, but the network function of this workload must be alone in its own"
	}
	return "{host} is in a CIS-node VM that is for " + foreign + " alone"
}

func signature(p func(string) string) string {
	artefact := "artefact " + printable(p("artefact"))
	switch p("why") {
	case "noArtefact":
		return fmt.Sprintf("component %s names no artefact, so that no signature says what it runs; name its images", printable(p("component")))
	case "unsigned":
		return artefact + " has no signature; store one with the image"
	case "other":
		return "the signature of " + artefact + " is that of another artefact"
	case "tag":
		return fmt.Sprintf("%s is signed for another trust domain, not for %s", artefact, p("domain"))
	}
	return fmt.Sprintf("no signature of %s verifies that is by a signer whom the rule trusts for %s", artefact, p("domain"))
}

// demoted says why a runtime counts as less than its class.
func demoted(p func(string) string) string {
	if p("demotedBy") == "" {
		return ""
	}
	return fmt.Sprintf("; rule %s demotes the version of runtime %s that is there: update it", p("demotedBy"), p("runtime"))
}

func versionOf(version string) string {
	if version == "" {
		return "an unknown version"
	}
	return "version " + printable(version)
}

func reimage(p func(string) string) string {
	if p("reimagedAt") == "never" {
		return fmt.Sprintf("no record says that {host} was ever installed afresh; it must be at least every %s", p("maxAge"))
	}
	return fmt.Sprintf("{host} was last installed afresh at %s, longer ago than %s; reimage it", p("reimagedAt"), p("maxAge"))
}

func whyOversight(p func(string) string) string {
	if p("component") != "" {
		return "component " + printable(p("component")) + " administers it"
	}
	return "it is shared with other trust domains"
}

func blastRadius(check string, p func(string) string) string {
	if p("replicas") != "" {
		return fmt.Sprintf("{host} would make %s replicas in one %s; at most %s are allowed", p("replicas"), p("scope"), p("max"))
	}
	counted := "network functions"
	if check == "DOMAINS" {
		counted = "trust domains"
	}
	return fmt.Sprintf("{host} would run %s different %s; at most %s are allowed", p("count"), counted, p("max"))
}

func formerOwner(full bool, trustDomainID string) string {
	if full && trustDomainID != "" {
		return "trust domain " + trustDomainID
	}
	return "another owner"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
