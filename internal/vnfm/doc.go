// Package vnfm is the use case of following VNFMs: it keeps a subscription to the operations of each that an operator registered, and
// asks about operations whose reservations are about to expire, because what a VNFM told may have been missed.
//
// What follows from what a VNFM says of an operation is decided where its notifications are followed. Nothing that it answers
// leads this service elsewhere: of a Location only the identifier at its end is used.
package vnfm
