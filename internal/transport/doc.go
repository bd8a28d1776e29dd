// Package transport is how the listeners of the service speak TLS, and within which limits HTTP: versions and cipher suites,
// certificates, authorities and revocation lists that are read again while the service runs, and what a connection may take.
//
// It knows no routes and no clients. Who a certificate stands for is decided elsewhere.
package transport
