// Package grant holds the wire types and the server interface of VNF lifecycle operation granting
// (SOL003), generated from openapi/grant.yaml by "go generate ./openapi". Beside this comment only
// ResourceTemplateID is written by hand, because SOL003 changed its form between releases and the
// generator has no plain Go type for that. The package must not hold behaviour.
package grant
