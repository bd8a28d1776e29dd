// Package console is the OpenAPI console that the binary itself serves at /console/: Swagger UI, vendored
// and embedded, with a theme of our own, under a Content-Security-Policy that lets the page load nothing and
// call nothing but this host.
//
// It turns API documents into pages and knows nothing of what they describe. It must not parse requests of
// the APIs, must not reach the network, and must not serve a file that is not embedded here.
package console
