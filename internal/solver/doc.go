// Package solver decides where: it searches the fleet for a placement of every resource of a request under the
// policy, and explains what stands in the way when there is none.
//
// Solve is a pure function of a view and its inputs: no I/O, no clock, no randomness but the seed it is given.
// A fast filter over bitmaps and columns proposes hosts and never rejects one that the policy accepts; the
// policy judges exactly every host that is chosen, and every host that is explained. The same judgement, on
// facts read under lock, is the verification at commit.
package solver
