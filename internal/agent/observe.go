package agent

import (
	"reflect"

	wire "ringfence/api/directives"
)

// advisory tells whether directives do not bind: then the agent looks and reports, and neither removes, stops, fetches nor keeps
// anything from starting. What it would have done stays open, and is done once directives bind again.
func (a *Agent) advisory() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.journal.Advisory
}

// changesHost tells whether carrying out a directive changes anything on the host.
func changesHost(kind wire.DirectiveKind) bool {
	switch kind {
	case wire.DirectiveKindCACHE, wire.DirectiveKindPURGE, wire.DirectiveKindSCRUB, wire.DirectiveKindQUARANTINE, wire.DirectiveKindUNQUARANTINE:
		return true
	case wire.DirectiveKindPLACE, wire.DirectiveKindRELEASE, wire.DirectiveKindENFORCEMENT:
	}
	return false
}

// recorded says that a directive is not carried out because it does not bind.
func recorded() result {
	return result{outcome: wire.AckOutcomeRECORDED, detail: "recorded only: directives to this host are advisory", open: true}
}

// record keeps a directive until directives bind, unless a later one makes it void.
func (a *Agent) record(d *wire.Directive) result {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, item := range a.journal.Open {
		if later := &item.Directive; later.Seq > d.Seq && voids(later, d) {
			return superseded("a later directive orders the same, and neither was carried out")
		}
	}
	return recorded()
}

// voids tells whether of two directives that wait the later one is enough.
func voids(later, earlier *wire.Directive) bool {
	switch {
	case later.Kind != earlier.Kind:
		return false
	case later.Kind == wire.DirectiveKindCACHE:
		return later.Cache.Digest == earlier.Cache.Digest
	case later.Kind == wire.DirectiveKindPURGE:
		return reflect.DeepEqual(later.Purge, earlier.Purge)
	}
	return false
}
