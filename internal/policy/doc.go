// Package policy is what must hold: it parses the operator's trust-domain policy, checks it, compiles it and
// judges one candidate on one host.
//
// The vocabulary is closed: every rule is of a kind that this package knows, with the meaning that the kind
// has here and nowhere else. The package decides nothing about where a workload goes (that is the solver's),
// does no I/O and reads no clock.
package policy

// CompilerVersion names the meaning of compiled rules. It grows when the same document and the same facts may
// be judged differently than before, and is stored with every decision.
const CompilerVersion = 2
