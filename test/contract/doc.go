// Package contract holds what ringfence answers against the definitions that ETSI publishes (SOL003 granting, SOL012 policy
// management), and what others' clients send against what ringfence takes. The definitions and the samples are not ringfence's
// and not in this repository: RINGFENCE_SHARED names a folder that has them below data/sol, else a folder named shared beside
// the checkout is looked for. Without either the tests are skipped and say so.
//
// It tests form only; what is decided is the business of test/scenario.
package contract
