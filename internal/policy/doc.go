// Package policy is what must hold: it parses the operator's trust-domain policy, checks it, compiles it and
// judges one candidate on one host.
//
// The vocabulary is closed: every rule is of a kind that this package knows, with the meaning that the kind
// has here and nowhere else. The package decides nothing about where a workload goes (that is the solver's),
// does no I/O and reads no clock.
//
// # co-locate-in-vm
//
// Most kinds need no more words than their code has. This one looks beyond the host, so here is what it means.
// It keeps the workloads of a network function that it matches inside of one CIS-node VM, which serves that
// network function only.
//
// The CIS-node VM of a workload is the innermost one at or above its CIS node. A CIS node on bare metal is
// none, and neither is the sandbox or VM of a single pod. What runs in a CIS-node VM within a CIS-node VM is
// inside of both, but two VMs within a third one are two. It does not matter what hypervisor a VM has: the rule
// asks which VM, not how strong it is.
//
// For a candidate that the rule matches:
//   - its CIS node is a VM, and not one whose host is unknown;
//   - everybody else of its NF instance whom the rule matches, on whatever host and in whatever state, and the
//     other members of its request, have that same CIS-node VM;
//   - every WORKLOAD inside of that VM is of its NF instance, whether the rule matches it or not.
//
// For every candidate, matched or not: it does not come inside of the CIS-node VM of a workload of another NF
// instance that the rule matches. A policy with associations keeps everybody out of the VMs of its VNF instances,
// and asks nothing else of others.
//
// FABRIC residents are no partner. What is recorded in a CIS node that the host does not have may be in any VM
// of the host, so it is foreign to all of them and at home in none. The kind is never waived, is reported once
// for each site, and names nobody in particular: its reasons carry no AgainstID.
package policy

// CompilerVersion names the meaning of compiled rules. It grows when the same document and the same facts may
// be judged differently than before, and is stored with every decision.
const CompilerVersion = 2
