// Package common holds the wire types that all APIs of ringfence share: the problem document,
// links, version discovery. It is generated from openapi/common.yaml by "go generate ./openapi";
// only this comment is written by hand. It must not hold behaviour, and nothing but internal/httpapi
// and clients of the APIs should need it.
package common
