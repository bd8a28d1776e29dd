// Package placement holds the wire types and the server interface of the placement API, generated
// from openapi/placement.yaml by "go generate ./openapi"; only this comment is written by hand. It must
// not hold behaviour.
package placement
