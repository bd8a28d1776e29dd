// Package vnfpkgm holds the wire types and the server interface of the part of VNF package management (SOL003) that is served, generated
// from openapi/vnfpkgm.yaml by "go generate ./openapi"; only this comment is written by hand. It must not hold behaviour.
package vnfpkgm
