// Package directives holds the wire types and the server interface of the directives API, generated
// from openapi/directives.yaml by "go generate ./openapi"; only this comment is written by hand. It
// must not hold behaviour.
package directives
