// Package bench measures minapush on the machine that it runs on: each row of the numbers to reach, with the limit that it is
// compared to measured in the same run, in turns, so that what else the machine does falls on both.
//
// What is measured is the program itself: its main package hands in how it assembles a whole system, how it listens and how it is
// started once more as another process. docs/benchmarks.md says what each row means.
//
// This package may change at any release.
package bench
