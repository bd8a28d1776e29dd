// Package placement is the domain of ringfence: the field's nouns as Go types.
//
// It names things as ETSI NFV (SOL003, SOL013), 3GPP and Kubernetes name them and holds what every other
// package exchanges: trust domains, hosts, residencies, grant requests, plans, reasons, explanations,
// decisions and directives. It does no I/O, reads no clock, draws no random numbers and knows neither the
// wire nor SQL: its types carry no tags, and the packages httpapi and postgres convert them by named
// functions.
package placement
