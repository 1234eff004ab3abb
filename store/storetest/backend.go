package storetest

import (
	"testing"
	"time"

	"github.com/minapush/minapush/store"
)

// Backend tells Run how to get at one implementation of the contract. What differs between implementations is declared here and
// never guessed inside the suite.
type Backend struct {
	// Open makes an empty store for one test; tests run side by side, each with its own. clock is the store's own clock, on which
	// its leases live: a store that cannot be given a clock ignores it and sets ExpireLeases. Open may register its cleanup with
	// tb; the suite itself closes the store.
	Open func(tb testing.TB, clock func() time.Time) store.Store

	// Reopen ends st as a crash would, or as near to it as the backend comes, and opens what it left: nothing may be flushed or
	// synced on the way that the contract does not already promise. st is not used any more. clock is that of Open. Nil: the
	// backend keeps nothing, and the tests of durability are skipped.
	Reopen func(tb testing.TB, st store.Store, clock func() time.Time) store.Store

	// ExpireLeases makes every lease of st that was given or renewed for at most ttl lapse. Nil: the store's leases live on
	// Open's clock, and the suite moves that clock.
	ExpireLeases func(tb testing.TB, st store.Store, ttl time.Duration)

	// LeasesSurvive tells that leases outlive Reopen. The contract leaves it open; either way the suite checks that an old lease
	// and a new one are never good at the same time.
	LeasesSurvive bool
}
