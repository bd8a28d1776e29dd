// Package contract holds what ringfence answers against the definitions that ETSI publishes (SOL003 granting and VNF package
// management, SOL012 policy management), and what others' clients send against what ringfence takes. The definitions and the samples
// are not ringfence's and not in this repository: RINGFENCE_SHARED names a folder that has them below data/sol, else a folder named
// shared beside the checkout is looked for. Without either the tests that need them are skipped and say so.
//
// What needs neither runs always: a VNFM that behaves as OpenStack Tacker does takes a VNF through its life, over TLS with tokens of
// an authorization server, and the tables are held to what it was answered after each step; and the granting cases of ETSI's
// conformance tests (NFV-TST 010) in words of our own.
//
// It tests form; what is decided, beyond what a client sees of it, is the business of test/scenario.
package contract
