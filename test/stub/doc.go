// Package stub is the rest of a network as ringfence meets it, made small: a VNFM that asks for grants the way real ones
// do, and an NFVI whose hosts follow directives and report what they see. Both speak HTTP, with types of their own that hold
// only what they read: a fault of the types that ringfence generates does not hide in both ends.
//
// It decides nothing, knows no policy, and must not import anything of ringfence. Scenarios, crash tests and measurements
// share it.
package stub
