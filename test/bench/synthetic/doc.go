// Package synthetic makes fleets to measure on: any number of hosts with residents, in the shape of the reference deployment, and
// requests that fit it. What it makes depends on nothing but its options, so that two runs measure the same.
//
// It measures nothing and starts nothing.
package synthetic
