// Package e2e tests what a person sees: it builds and starts the real ringfence on its embedded database, loads
// the reference deployment, and drives a real Chromium through the API console (console.test.mjs, with the
// packages of package-lock.json). It must not fake any part of the server.
//
// It needs Chromium, Node.js and PostgreSQL; `make test` installs them.
package e2e
