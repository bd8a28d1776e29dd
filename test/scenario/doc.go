// Package scenario tells the story of ringfence over HTTP: the worked cases of the reference deployment (testdata/worked, one
// archive each), and what VNFMs, hosts and operators go through around them. Every scenario runs against the real program on
// a database of its own, with clients that each have one role; when it ends, every decision that it left is replayed.
//
// It must not reach into ringfence: what a scenario knows, it knows from an answer. The exceptions are those tests that
// damage the database, to prove that another one can fail.
package scenario
