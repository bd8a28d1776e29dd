// Package nfvpolicy holds the wire types and the server interface of policy management (SOL012),
// generated from openapi/nfvpolicy.yaml by "go generate ./openapi"; only this comment is written by
// hand. It must not hold behaviour.
package nfvpolicy
