package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type faultyNothing struct{}

func faultyEffect(ctx context.Context, f *Faulty, method string, do func(context.Context) error) error {
	_, err := faultyWrite(ctx, f, method, func(ctx context.Context) (faultyNothing, error) { return faultyNothing{}, do(ctx) })
	return err
}

// Deposit is the inner store's, with faults; so are all below.
func (f *Faulty) Deposit(ctx context.Context, s minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	d.Permits = slices.Clone(d.Permits)
	return faultyWrite(ctx, f, "Deposit", func(ctx context.Context) (store.Deposited, error) { return f.inner.Deposit(ctx, s, o, d) })
}

// Sweep is Permits.Sweep.
func (f *Faulty) Sweep(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, now time.Time) (store.Swept, error) {
	return faultyWrite(ctx, f, "Sweep", func(ctx context.Context) (store.Swept, error) { return f.inner.Sweep(ctx, s, after, limit, now) })
}

// Erase is Permits.Erase.
func (f *Faulty) Erase(ctx context.Context, s minapush.Shard, o minapush.OpenID, now time.Time) (bool, error) {
	return faultyWrite(ctx, f, "Erase", func(ctx context.Context) (bool, error) { return f.inner.Erase(ctx, s, o, now) })
}

// Void is Permits.Void.
func (f *Faulty) Void(ctx context.Context, s minapush.Shard, o minapush.OpenID, template string, until, now time.Time) (int, error) {
	return faultyWrite(ctx, f, "Void", func(ctx context.Context) (int, error) { return f.inner.Void(ctx, s, o, template, until, now) })
}

// ReservePush is Pushes.ReservePush.
func (f *Faulty) ReservePush(ctx context.Context, s minapush.Shard, p store.Push) (store.PushAnswer, error) {
	return faultyWrite(ctx, f, "ReservePush", func(ctx context.Context) (store.PushAnswer, error) { return f.inner.ReservePush(ctx, s, p) })
}

// MarkPush is Pushes.MarkPush.
func (f *Faulty) MarkPush(ctx context.Context, s minapush.Shard, r store.Ref, now, deadline time.Time) error {
	return faultyEffect(ctx, f, "MarkPush", func(ctx context.Context) error { return f.inner.MarkPush(ctx, s, r, now, deadline) })
}

// SettlePush is Pushes.SettlePush.
func (f *Faulty) SettlePush(ctx context.Context, s minapush.Shard, x store.Settlement) (minapush.Delivery, error) {
	return faultyWrite(ctx, f, "SettlePush", func(ctx context.Context) (minapush.Delivery, error) { return f.inner.SettlePush(ctx, s, x) })
}

// RecoverPushes is Pushes.RecoverPushes.
func (f *Faulty) RecoverPushes(ctx context.Context, s minapush.Shard, now time.Time) (int, error) {
	return faultyWrite(ctx, f, "RecoverPushes", func(ctx context.Context) (int, error) { return f.inner.RecoverPushes(ctx, s, now) })
}

// ReserveBatch is Campaigns.ReserveBatch.
func (f *Faulty) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	return faultyWrite(ctx, f, "ReserveBatch", func(ctx context.Context) (store.Reserved, error) { return f.inner.ReserveBatch(ctx, l, b) })
}

// Mark is Campaigns.Mark.
func (f *Faulty) Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error) {
	refs = slices.Clone(refs)
	return faultyWrite(ctx, f, "Mark", func(ctx context.Context) ([]bool, error) { return f.inner.Mark(ctx, l, refs, now) })
}

// Settle is Campaigns.Settle.
func (f *Faulty) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	xs = slices.Clone(xs)
	return faultyEffect(ctx, f, "Settle", func(ctx context.Context) error { return f.inner.Settle(ctx, l, xs) })
}

// Recover is Campaigns.Recover.
func (f *Faulty) Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error) {
	return faultyWrite(ctx, f, "Recover", func(ctx context.Context) (store.Recovered, error) { return f.inner.Recover(ctx, l, now) })
}

// ResolveSuspects is Campaigns.ResolveSuspects.
func (f *Faulty) ResolveSuspects(ctx context.Context, l store.Lease, campaign string, until time.Time, believe bool, limit int, now time.Time) (int, error) {
	return faultyWrite(ctx, f, "ResolveSuspects", func(ctx context.Context) (int, error) {
		return f.inner.ResolveSuspects(ctx, l, campaign, until, believe, limit, now)
	})
}

// Open is Deliveries.Open.
func (f *Faulty) Open(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, at time.Time) (bool, error) {
	return faultyWrite(ctx, f, "Open", func(ctx context.Context) (bool, error) { return f.inner.Open(ctx, s, batch, o, push, at) })
}

// Confirm is Deliveries.Confirm.
func (f *Faulty) Confirm(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, c store.Confirmation) (minapush.Delivery, bool, error) {
	type answer struct {
		row   minapush.Delivery
		first bool
	}
	a, err := faultyWrite(ctx, f, "Confirm", func(ctx context.Context) (a answer, err error) {
		a.row, a.first, err = f.inner.Confirm(ctx, s, batch, o, push, c)
		return a, err
	})
	return a.row, a.first, err
}

// Forget is Deliveries.Forget.
func (f *Faulty) Forget(ctx context.Context, s minapush.Shard, batch string) error {
	return faultyEffect(ctx, f, "Forget", func(ctx context.Context) error { return f.inner.Forget(ctx, s, batch) })
}

// Acquire is Leases.Acquire.
func (f *Faulty) Acquire(ctx context.Context, s minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	return faultyWrite(ctx, f, "Acquire", func(ctx context.Context) (store.Lease, error) { return f.inner.Acquire(ctx, s, owner, ttl) })
}

// Renew is Leases.Renew.
func (f *Faulty) Renew(ctx context.Context, l store.Lease, ttl time.Duration) error {
	return faultyEffect(ctx, f, "Renew", func(ctx context.Context) error { return f.inner.Renew(ctx, l, ttl) })
}

// Release is Leases.Release.
func (f *Faulty) Release(ctx context.Context, l store.Lease) error {
	return faultyEffect(ctx, f, "Release", func(ctx context.Context) error { return f.inner.Release(ctx, l) })
}

// Put is Documents.Put.
func (f *Faulty) Put(ctx context.Context, d store.Document) (uint64, error) {
	d.Value = bytes.Clone(d.Value)
	return faultyWrite(ctx, f, "Put", func(ctx context.Context) (uint64, error) { return f.inner.Put(ctx, d) })
}

// Delete is Documents.Delete.
func (f *Faulty) Delete(ctx context.Context, d store.Document) error {
	d.Value = bytes.Clone(d.Value)
	return faultyEffect(ctx, f, "Delete", func(ctx context.Context) error { return f.inner.Delete(ctx, d) })
}

// PutProfile is Profiles.PutProfile.
func (f *Faulty) PutProfile(ctx context.Context, s minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (uint64, error) {
	p.Tags, p.Attributes = slices.Clone(p.Tags), maps.Clone(p.Attributes)
	return faultyWrite(ctx, f, "PutProfile", func(ctx context.Context) (uint64, error) { return f.inner.PutProfile(ctx, s, o, p, now) })
}

// NoteEvents is Profiles.NoteEvents.
func (f *Faulty) NoteEvents(ctx context.Context, s minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time) ([]store.EventNoted, error) {
	events = slices.Clone(events)
	return faultyWrite(ctx, f, "NoteEvents", func(ctx context.Context) ([]store.EventNoted, error) {
		return f.inner.NoteEvents(ctx, s, o, events, seen, now)
	})
}

// BindUID is Profiles.BindUID.
func (f *Faulty) BindUID(ctx context.Context, s minapush.Shard, uid string, o, was minapush.OpenID) error {
	return faultyEffect(ctx, f, "BindUID", func(ctx context.Context) error { return f.inner.BindUID(ctx, s, uid, o, was) })
}

// UnbindUID is Profiles.UnbindUID.
func (f *Faulty) UnbindUID(ctx context.Context, s minapush.Shard, uid string, o minapush.OpenID) error {
	return faultyEffect(ctx, f, "UnbindUID", func(ctx context.Context) error { return f.inner.UnbindUID(ctx, s, uid, o) })
}

// AddListed is Campaigns.AddListed.
func (f *Faulty) AddListed(ctx context.Context, s minapush.Shard, campaign string, users []store.Listed) ([]bool, error) {
	users = slices.Clone(users)
	for i := range users {
		users[i].Values = maps.Clone(users[i].Values)
	}
	return faultyWrite(ctx, f, "AddListed", func(ctx context.Context) ([]bool, error) { return f.inner.AddListed(ctx, s, campaign, users) })
}

// TakeTokens is Rates.TakeTokens.
func (f *Faulty) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	return faultyWrite(ctx, f, "TakeTokens", func(ctx context.Context) (store.Tokens, error) { return f.inner.TakeTokens(ctx, app, r) })
}
