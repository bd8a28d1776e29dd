// Command bench measures the product's targets on this machine and prints one table of them: how long a decision takes on the
// index of the fleet (B1), how many grants per second the whole service commits and how long a client waits (B4, B5), and what a
// start costs (B6).
//
// Every figure comes with its ratio to a floor that is measured in the same run, because times on shared machines mean little
// by themselves. It judges the targets where they are stated for the size that was measured, and fails on errors only, never on a
// time. It must not measure anything but the real program and packages.
package main
