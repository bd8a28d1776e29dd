// Package inventory holds the wire types and the server interface of the inventory API, generated
// from openapi/inventory.yaml by "go generate ./openapi"; only this comment is written by hand. It must
// not hold behaviour.
package inventory
