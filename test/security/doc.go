// Package security attacks a real ringfence in its production profile: over TLS, with tokens of an authorization server. Each attack is
// a named test, and none may be let in.
package security
