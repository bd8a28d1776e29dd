// Package chart renders Helm charts of VNF packages without a cluster, as internal/vnfd wants them: what a stranger's templates become,
// or why they become nothing.
//
// Templates are programs. They have no bound of steps or memory, so Process renders in a child process of this program that has one
// second for each thing that it could wait for and hard limits of processor time and memory, opens no file and no connection, and
// knows no environment. Render must not be called with a chart that nobody vouches for, other than in that process.
//
// What a template makes of the clock, of random numbers, of the cluster, of the environment or of names of hosts would be another
// thing each time: the functions for it are faults of the template that calls them. The same chart gives the same result.
package chart
