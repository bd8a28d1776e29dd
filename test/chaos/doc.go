// Package chaos races, kills and pauses real ringfence processes and the PostgreSQL behind them while clients ask for
// grants, then audits the tables. It holds tests only.
//
// Clients behave as VNFMs do: the VNF LCM operation occurrence and the body of a request stay the same until it is
// answered, however often it is sent. What they were answered is kept in a ledger, and the audits, which are SQL of
// their own beside the store's, compare it with the tables: nothing that was acknowledged is missing, nothing is there
// twice, nothing shares a host that the policy separates, now or at any moment that the change feed tells of. Every audit
// is shown to be able to fail, and the harness of the kills is shown to see losses where a server is set to lose commits.
//
// The package always starts a PostgreSQL of its own, because it kills it. RINGFENCE_TEST_LONG=1 runs the full number of
// rounds and kills, RINGFENCE_TEST_SEED=n repeats the random choices of an earlier run; schedules are the machine's.
package chaos
