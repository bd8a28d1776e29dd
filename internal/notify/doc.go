// Package notify tells subscribers what happened: it checks where a callback may go, tests it, and delivers what the
// outbox holds, at least once, with back-off, until a subscriber has been silent for too long.
//
// Callbacks are the one place where a client makes this service connect somewhere. Where that may be is decided on the
// address that is really dialled, not on what the URI says (Guard). What is told is decided elsewhere, in the transaction of
// the change itself.
package notify
