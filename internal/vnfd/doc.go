// Package vnfd reads what a VNF provider ships: a VNF package (a CSAR, ETSI GS NFV-SOL 004) or a single VNF descriptor in TOSCA
// YAML (ETSI GS NFV-SOL 001), and makes of it the draft of a VNF profile: components with what they use, levels, affinity rules,
// software images. What it does not understand it reports with file, line and column; it drops nothing in silence.
//
// Kubernetes manifests in a package, and those that its Helm charts render to, are read for what containers use.
//
// A package is a stranger's. Whatever is in it is bounded before it is read, nothing of it is executed here, and no name in it leads
// out of it. The package is pure: bytes in, a draft and findings out; the same bytes give the same draft. Templates of charts are
// programs without bounds, so they are rendered by whoever reads (Charts), in a process of their own.
//
// A draft is no VNF profile. No descriptor can say which trust domain of the operator's a function belongs to, nor which roles
// its components have: the operator completes the draft (Draft.Complete), and what is missing is named until then.
package vnfd
