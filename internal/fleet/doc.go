// Package fleet is the inventory in memory: every host with its residents, indexed so that a decision reads
// 100,000 hosts in well under a millisecond.
//
// A Fleet has one writer, which applies the change feed and publishes immutable Views; any number of solvers
// read them. Hosts lie in blocks of 64, one machine word of a bitmap each: a change copies one block, and a
// bitmap of a static rule is recomputed only for the blocks whose hosts changed. The package decides nothing,
// does no I/O and reads no clock.
package fleet
