// Package bank is the permit bank: it decides which permits come in, what a user's balance is, and what an app has in stock and
// can reach. It wraps the store, so that collect, campaign and dispatch need not know it.
//
// The atomic rules (one use to one delivery, the permit that expires first goes first) are the store's; the bank holds policy:
// limits per user, names of sources, and the survey, one slow pass over all users that is the expiry sweep as well.
//
// This package may change at any release.
package bank
