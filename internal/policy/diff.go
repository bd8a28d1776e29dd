package policy

import (
	"reflect"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// Diff says what became of each rule between two versions of a policy. Rules are matched by id. STRICTER means that the newer one
// refuses whatever the older one does, for everybody and everywhere, and more; LOOSER the reverse. It is exact about whom and where
// rules concern, as Analyse is, and cautious about what they ask: where neither is certain, the change is OTHER. Rules that were not
// touched are left out; the others come in the order of the newer version, those removed last.
func Diff(cat *placement.Catalogue, before, after *Policy) []placement.RuleChange {
	d := &difference{before: before, after: after}
	d.analysis.policy, d.analysis.all = after, []*Policy{after, before}
	d.space = newSpace(cat, before, after)
	var out []placement.RuleChange
	for _, r := range after.Rules {
		if old := before.rule(r.ID); old == nil {
			out = append(out, added(r))
		} else if c, changed := d.compare(old, r); changed {
			out = append(out, c)
		}
	}
	for _, r := range before.Rules {
		if after.rule(r.ID) == nil {
			c := added(r)
			c.Added, c.Removed, c.Direction, c.Message = false, true, opposite(c.Direction), "rule "+r.ID+" is gone"
			out = append(out, c)
		}
	}
	return out
}

type difference struct {
	analysis

	before, after *Policy
}

func (p *Policy) rule(id string) *Rule {
	if i := slices.IndexFunc(p.Rules, func(r *Rule) bool { return r.ID == id }); i >= 0 {
		return p.Rules[i]
	}
	return nil
}

// added is what a new rule makes of its policy. A rule that asks for a cache mode below the one that holds where no rule asks makes
// it looser.
func added(r *Rule) placement.RuleChange {
	c := placement.RuleChange{RuleID: r.ID, Direction: placement.ChangeStricter, Added: true, Message: "rule " + r.ID + " of kind " + string(r.Kind) + " is new"}
	switch {
	case !r.Enforced():
		c.Direction = placement.ChangeSame
		c.Message += "; it refuses nothing"
	case permits(r):
		c.Direction = placement.ChangeLooser
	}
	return c
}

func permits(r *Rule) bool { return r.Kind == CacheMode && r.Params.Mode < placement.CacheEncrypted }

func opposite(d placement.ChangeDirection) placement.ChangeDirection {
	switch d {
	case placement.ChangeStricter:
		return placement.ChangeLooser
	case placement.ChangeLooser:
		return placement.ChangeStricter
	default:
		return d
	}
}

// compare says what became of a rule.
func (d *difference) compare(old, r *Rule) (placement.RuleChange, bool) {
	c := placement.RuleChange{RuleID: r.ID, Aspects: aspects(old, r)}
	if len(c.Aspects) == 0 {
		return c, false
	}
	switch atLeast, atMost := d.covers(r, old), d.covers(old, r); {
	case slices.Equal(c.Aspects, []string{"text"}), atLeast && atMost, !old.Enforced() && !r.Enforced():
		c.Direction = placement.ChangeSame
	case permits(old) || permits(r):
		c.Direction = placement.ChangeOther
	case atLeast:
		c.Direction = placement.ChangeStricter
	case atMost:
		c.Direction = placement.ChangeLooser
	default:
		c.Direction = placement.ChangeOther
	}
	c.Message = "rule " + r.ID + " " + outcome(c.Direction) + ": " + strings.Join(c.Aspects, ", ") + " changed"
	return c, true
}

func outcome(d placement.ChangeDirection) string {
	switch d {
	case placement.ChangeStricter:
		return "is stricter"
	case placement.ChangeLooser:
		return "is looser"
	case placement.ChangeSame:
		return "decides as before"
	default:
		return "decides differently, neither stricter nor looser everywhere"
	}
}

// covers tells whether a refuses whatever b does. A rule that refuses nothing is covered by any.
func (d *difference) covers(a, b *Rule) bool {
	if !b.Enforced() {
		return true
	}
	return a.Enforced() && a.Kind == b.Kind && refusesAtLeast(a, b) && exemptsAtMost(a, b) && d.inside(b, a)
}

// exemptsAtMost tells whether every exception of a is one of b's.
func exemptsAtMost(a, b *Rule) bool {
	for i := range a.Exceptions {
		if !slices.ContainsFunc(b.Exceptions, func(e Exception) bool { return exempts(&e, &a.Exceptions[i]) }) {
			return false
		}
	}
	return true
}

// exempts tells whether an exception exempts whatever another one does.
func exempts(e, o *Exception) bool {
	return listInside(o.Hosts, e.Hosts) && listInside(o.VNFInstances, e.VNFInstances) && !e.ExpiresAt.Before(o.ExpiresAt)
}

// aspects names what of a rule differs.
func aspects(a, b *Rule) []string {
	var out []string
	add := func(name string, same bool) {
		if !same {
			out = append(out, name)
		}
	}
	add("kind", a.Kind == b.Kind)
	add("mode", a.Audit == b.Audit)
	add("strength", a.Should == b.Should)
	add("subject", reflect.DeepEqual(a.Subject, b.Subject))
	add("object", reflect.DeepEqual(a.Object, b.Object) || !a.pairwise() || reflect.DeepEqual(a.Object, a.Subject) && reflect.DeepEqual(b.Object, b.Subject))
	add("host", reflect.DeepEqual(a.Host, b.Host))
	add("exceptPairs", reflect.DeepEqual(a.ExceptPairs, b.ExceptPairs))
	add("scope", a.Scope == b.Scope)
	add("params", reflect.DeepEqual(a.Params, b.Params))
	add("waiver", reflect.DeepEqual(a.Waiver, b.Waiver))
	add("exceptions", reflect.DeepEqual(a.Exceptions, b.Exceptions))
	add("onViolation", a.Evict == b.Evict)
	add("text", a.Message == b.Message && a.Rationale == b.Rationale)
	return out
}
