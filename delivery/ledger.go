// Package delivery is the ledger: one record per recipient of a campaign or push. It gives the dispatcher leases and the steps
// that move a row to its outcome, and gives readers rows, sums and exports.
//
// This package may change at any release.
package delivery

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// The steps of a row, as the store defines them. They are named here so that the dispatcher need not know the store.
type (
	// Lease is the right to do the campaign work of one shard.
	Lease = store.Lease
	// Ref names one attempt of one delivery.
	Ref = store.Ref
	// Settlement ends one attempt or puts it back.
	Settlement = store.Settlement
	// Recovered counts what a recovery found.
	Recovered = store.Recovered
	// RateAsk is a wish for tokens of an app's rate, and Tokens what is given.
	RateAsk = store.RateAsk
	Tokens  = store.Tokens
	// Progress is where a batch stands.
	Progress = store.Progress
)

// What becomes of the use that an attempt held.
const (
	Release      = store.Release
	Spend        = store.Spend
	Burn         = store.Burn
	SuspectUse   = store.SuspectUse
	VoidTemplate = store.VoidTemplate
	VoidUser     = store.VoidUser
)

// RefOf names the current attempt of a delivery.
func RefOf(d minapush.Delivery) Ref { return store.RefOf(d) }

// Storage is what the ledger needs of a store.
type Storage interface {
	store.Leases
	store.Rates
	store.Documents
	store.Deliveries
	Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error)
	Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error
	Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error)
	ResolveSuspects(ctx context.Context, l store.Lease, campaign string, until time.Time, believe bool, limit int, now time.Time) (int, error)
	Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error)
	MarkPush(ctx context.Context, s minapush.Shard, r store.Ref, now, deadline time.Time) error
	SettlePush(ctx context.Context, s minapush.Shard, x store.Settlement) (minapush.Delivery, error)
	RecoverPushes(ctx context.Context, s minapush.Shard, now time.Time) (int, error)
	User(ctx context.Context, s minapush.Shard, o minapush.OpenID) (store.User, error)
}

// Ledger is safe for concurrent use.
type Ledger struct {
	Storage
}

// New makes a ledger over a store.
func New(st Storage) *Ledger { return &Ledger{Storage: st} }

// Sum returns where a batch stands in an app.
func (l *Ledger) Sum(ctx context.Context, app minapush.App, batch string) (Progress, error) {
	return l.Progress(ctx, app.Number, app.Shards, batch)
}

// Find returns one delivery. Errors: NotFound.
func (l *Ledger) Find(ctx context.Context, app minapush.App, batch string, o minapush.OpenID, push string) (minapush.Delivery, error) {
	return l.Delivery(ctx, app.Shard(o), batch, o, push)
}
