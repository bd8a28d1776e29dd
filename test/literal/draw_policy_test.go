package literal_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"ringfence/test/literal"
)

type params = map[string]any

// kinds draws the parameters of a rule of each kind. A kind that the product learns is added here, or TestEveryKindIsTried is red.
var kinds = map[string]func(d dice, r *literal.Rule){
	"domain-permit":         func(dice, *literal.Rule) {},
	"runtime-offered":       func(dice, *literal.Rule) {},
	"co-locate-in-vm":       func(dice, *literal.Rule) {},
	"one-domain-per-kernel": func(dice, *literal.Rule) {},
	"separate-domains":      func(d dice, r *literal.Rule) { d.pair(r) },
	"separate-nf": func(d dice, r *literal.Rule) {
		d.pair(r)
		r.Params = params{"identity": pick(d, "NF_INSTANCE", "NF_TYPE", "NF_SET")}
	},
	"separate-role": func(d dice, r *literal.Rule) {
		d.pair(r)
		r.Params = params{
			"a": []string{pick(d, roleNames[:2]...)}, "b": []string{pick(d, roleNames[2:]...)}, "within": pick(d, "NF_INSTANCE", "ANY"),
		}
	},
	"separate-exposure": func(d dice, r *literal.Rule) {
		d.pair(r)
		r.Waiver = nil
		r.Params = params{"sensitivityFrom": d.IntN(5)}
	},
	"require-isolation": func(d dice, r *literal.Rule) {
		r.Params = params{"level": pick(d, "SANDBOX", "VM", "VM", "CONFIDENTIAL_VM")}
		if d.in(2) {
			r.Params["orDedicatedHost"] = pick(d, "NF_INSTANCE", "TRUST_DOMAIN")
		}
	},
	"forbid-cut-through": func(d dice, r *literal.Rule) { d.allow(r, "SRIOV") },
	"forbid-privileged":  func(d dice, r *literal.Rule) { d.allow(r, "HOST_NETWORK") },
	"dedicate-host": func(d dice, r *literal.Rule) {
		r.Params = params{"identity": pick(d, "NF_INSTANCE", "TRUST_DOMAIN", "TENANT")}
	},
	"require-host-capability": func(d dice, r *literal.Rule) {
		r.Params = params{pick(d, "allOf", "anyOf"): append(some(d, 4, capNames...), pick(d, capNames...))[:1], "attested": d.in(2)}
	},
	"location": func(d dice, r *literal.Rule) {
		r.Params = params{}
		switch d.IntN(5) {
		case 0:
			r.Params["countries"] = "domain"
		case 1:
			r.Params["countries"] = []string{pick(d, countries...)}
		case 2:
			r.Params["deny"] = []string{pick(d, countries...)}
		case 3:
			r.Params["sites"] = []string{pick(d, "P", "Q")}
		case 4:
			r.Params["countries"], r.Params["source"], r.Params["maxAge"] = "domain", pick(d, "TPM", "OPERATOR"), "1h"
		}
	},
	"physical-security": func(d dice, r *literal.Rule) {
		if d.in(2) {
			r.Params = params{"when": pick(d, "domain", "always")}
		}
	},
	"attestation-freshness": func(d dice, r *literal.Rule) {
		r.Params = params{"check": "STATE"}
		if d.in(2) {
			r.Params = params{"check": "AGE", "maxAge": pick(d, "domain", "45m", "2h")}
		}
	},
	"oversight": func(d dice, r *literal.Rule) {
		r.Params = params{"check": pick(d, "SELF", "POOL", "SEPARATE")}
		if r.Params["check"] == "SEPARATE" {
			d.pair(r)
		}
	},
	"max-blast-radius": func(d dice, r *literal.Rule) {
		switch d.IntN(3) {
		case 0:
			r.Params = params{"check": "NF_INSTANCES", "max": 1 + d.IntN(3)}
		case 1:
			r.Params = params{"check": "DOMAINS", "max": 1 + d.IntN(3)}
		case 2:
			r.Params = params{"check": "REPLICA_SHARE", "share": pick(d, 0.25, 0.5, 0.34, 0.75)}
			r.Scope = pick(d, "HOST", "RACK", "ZONE", "NFVI_POP")
		}
	},
	"scrub-before-reuse": func(d dice, r *literal.Rule) {
		if d.in(2) {
			r.Params = params{"per": pick(d, "NF_INSTANCE", "TRUST_DOMAIN")}
		}
		if d.in(2) {
			n := literal.ScrubNeed{Level: pick(d, "CACHE_PURGE", "REBOOT", "REIMAGE"), Attested: d.in(3)}
			if d.in(2) {
				n.Of = &literal.Selector{TrustDomains: some(d, 2, domainIDs...)}
			}
			if d.in(2) {
				n.Before = d.selector(true)
			}
			r.Params = params{"levels": []literal.ScrubNeed{n}}
		}
	},
	"prod-test": func(d dice, r *literal.Rule) {
		d.pair(r)
		r.Waiver, r.Scope = nil, ""
	},
	"separate-admin-domain": func(d dice, r *literal.Rule) { d.pair(r) },
	"separate-slice":        func(d dice, r *literal.Rule) { d.pair(r) },
	"same-sensitivity-per-kernel": func(d dice, r *literal.Rule) {
		r.Params = params{"delta": d.IntN(4)}
	},
	"signed-tagged-artefact": func(d dice, r *literal.Rule) {
		var trust []literal.Signer
		for i, id := range keyIDs[:2] {
			trust = append(trust, literal.Signer{
				KeyID: id, PublicKey: base64.StdEncoding.EncodeToString(signer(keyIDs[d.IntN(2)&i]).Public().(ed25519.PublicKey)),
				TrustDomains: append(some(d, 2, domainIDs...), pick(d, "*", "TD-A")),
			})
		}
		r.Params = params{"trust": trust}
	},
	"forbid-acceleration": func(d dice, r *literal.Rule) {
		all := []string{"CHECKPOINT", "VM_TEMPLATE", "NODE_TO_NODE_IMAGES", "PAGE_SHARING"}
		r.Params = params{"kinds": append(some(d, 3, all...), pick(d, all...))}
	},
	"demote-isolation": func(d dice, r *literal.Rule) {
		r.Params = params{"runtime": pick(d, runtimeIDs[2:]...), "belowVersion": pick(d, "3.2.0", "3.10.0", "3.2.0-rc1"), "level": pick(d, "NONE", "OS_CONTAINER", "OS_CONTAINER", "SANDBOX", "VM")}
	},
	"border-handling": func(dice, *literal.Rule) {},
	"max-age-since-reimage": func(d dice, r *literal.Rule) {
		r.Params = params{"maxAge": pick(d, "30m", "1h", "2h")}
	},
	"cache-mode": func(d dice, r *literal.Rule) {
		r.Params = params{"mode": pick(d, "SHARED", "DOMAIN_PRIVATE", "ENCRYPTED", "GUEST_ONLY", "NO_STORE")}
	},
}

func (d dice) allow(r *literal.Rule, what string) {
	if d.in(2) {
		r.Params = params{"allow": []string{what}}
	}
}

// pair gives a pairwise rule what only such rules have.
func (d dice) pair(r *literal.Rule) {
	if d.in(3) {
		r.Scope = pick(d, "KERNEL", "HOST")
	}
	if d.in(3) {
		r.Object = d.selector(true)
	}
	if d.in(5) {
		r.ExceptPairs = []literal.Selector{*d.selector(true)}
	}
	if !d.in(3) {
		r.Waiver = &literal.Waiver{MinSeparation: pick(d, "VM", "VM", "CONFIDENTIAL_VM"), NeverForExclusive: d.in(2)}
		if d.in(2) {
			r.Waiver.RequireHypervisor = "TYPE1"
		}
	}
}

// selector draws a selector with one key or two.
func (d dice) selector(deep bool) *literal.Selector {
	s := &literal.Selector{}
	for range 1 + d.IntN(2) {
		switch d.IntN(8) {
		case 0, 1:
			s.TrustDomains = append([]string{}, some(d, 2, append([]string{"*"}, domainIDs...)...)...)
		case 2:
			s.Categories = append([]string{}, some(d, 2, "USER_PLANE", "CONTROL_PLANE", "OVERSIGHT", "TEST")...)
		case 3:
			s.NFTypes = []string{pick(d, "AMF", "UPF")}
		case 4:
			s.Roles = append([]string{}, some(d, 2, roleNames...)...)
		case 5:
			s.Components = []string{pick(d, components...)}
		case 6:
			s.Labels = map[string]string{"env": pick(d, "prod", "lab")}
		case 7:
			n := d.IntN(5)
			s.SensitivityFrom = &n
		}
	}
	if deep && d.in(5) {
		s.AnyOf = []literal.Selector{*d.selector(false), *d.selector(false)}
	}
	return s
}

func (d dice) hostSelector() *literal.HostSelector {
	s := &literal.HostSelector{}
	switch d.IntN(6) {
	case 0:
		s.Pools = []string{pick(d, poolIDs...)}
	case 1:
		s.Zones = []string{pick(d, "Z1", "Z2")}
	case 2:
		s.Countries = []string{pick(d, countries...)}
	case 3:
		s.Capabilities = []string{pick(d, capNames...)}
	case 4:
		s.Labels = map[string]string{"tier": pick(d, "gold", "iron")}
	case 5:
		s.NotLabels = map[string]string{pick(d, "tier", "tier", "row"): pick(d, "gold", "iron")}
	}
	return s
}

// excepting are the kinds from which an exception may exempt.
var excepting = map[string]bool{
	"separate-domains": true, "separate-nf": true, "separate-role": true, "separate-admin-domain": true, "separate-slice": true,
}

// policies draws one policy or two. The order of names decides which kinds it has.
func (d dice) policies(names []string) []literal.Policy {
	var out []literal.Policy
	for n := range 1 + d.IntN(2) {
		p := literal.Policy{ID: fmt.Sprintf("policy-%d", n)}
		p.Document = literal.Document{APIVersion: "ringfence/v1", Kind: "TrustDomainPolicy", PolicyVersion: "1", TargetType: "COMMON"}
		if n == 1 && d.in(2) {
			p.Document.TargetType, p.Associations = "VNF_INSTANCE", some(d, 2, instanceIDs...)
		}
		for i := range 1 + d.IntN(6) {
			r := literal.Rule{ID: fmt.Sprintf("R%d", i), Kind: pick(d, names...), Rationale: "drawn"}
			kinds[r.Kind](d, &r)
			d.scope(&r)
			p.Document.Rules = append(p.Document.Rules, r)
			if excepting[r.Kind] && d.in(3) {
				e := literal.Exception{RuleID: r.ID, ExpiresAt: noon.Add(time.Duration(d.IntN(3)-1) * time.Hour), ApprovedBy: "a", Ticket: "t"}
				e.Hosts, e.VNFInstances = some(d, 2, hostIDs...), some(d, 3, instanceIDs...)
				if e.Hosts != nil || e.VNFInstances != nil {
					p.Document.Exceptions = append(p.Document.Exceptions, e)
				}
			}
		}
		d.emergencies(&p)
		out = append(out, p)
	}
	return out
}

// emergencies draws exceptions from rules about the age of attestations, which name their hosts.
func (d dice) emergencies(p *literal.Policy) {
	for i := range p.Document.Rules {
		r := &p.Document.Rules[i]
		check, _ := r.Params["check"].(string)
		hosts := some(d, 2, hostIDs...)
		if r.Kind != "attestation-freshness" || check != "AGE" || hosts == nil || !d.in(2) {
			continue
		}
		p.Document.Exceptions = append(p.Document.Exceptions, literal.Exception{
			RuleID: r.ID, ExpiresAt: noon.Add(time.Duration(d.IntN(3)-1) * time.Hour), ApprovedBy: "a", Ticket: "t", BreakGlass: "drawn",
			Hosts: hosts, VNFInstances: some(d, 3, instanceIDs...),
		})
	}
}

// scope draws whom a rule is about and how it counts.
func (d dice) scope(r *literal.Rule) {
	if d.in(2) {
		r.Subject = d.selector(true)
	}
	if d.in(5) {
		r.Host = d.hostSelector()
	}
	if d.in(8) {
		r.Mode = "audit"
	}
	if d.in(8) {
		r.Strength = "SHOULD"
	}
}
