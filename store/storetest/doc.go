// Package storetest judges backends of the storage contract.
//
// Run is the conformance suite: it is the definition of the contract, sentence by sentence, and a change of meaning starts
// there. Model is a reference store made of maps, written apart from the others and passing the same suite. Faulty makes a store
// fail the three ways a store can fail. Check proves the invariants of docs/design.md from the outside, through the contract
// alone, so that it can be asked after every fault and every restart.
//
// It is for tests and never part of the binary. This package may change at any release.
package storetest
