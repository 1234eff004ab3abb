package storetest

import (
	"context"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// User is the inner store's, with faults; so are all below.
func (f *Faulty) User(ctx context.Context, s minapush.Shard, o minapush.OpenID) (store.User, error) {
	return faultyRead(ctx, f, "User", func(ctx context.Context) (store.User, error) { return f.inner.User(ctx, s, o) })
}

// Walk is Permits.Walk.
func (f *Faulty) Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	return faultyRead(ctx, f, "Walk", func(ctx context.Context) ([]store.User, error) { return f.inner.Walk(ctx, s, after, limit, beside...) })
}

// Flow is Permits.Flow.
func (f *Faulty) Flow(ctx context.Context, s minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error) {
	return faultyRead(ctx, f, "Flow", func(ctx context.Context) (map[minapush.PermitKind]minapush.Counts, error) {
		return f.inner.Flow(ctx, s)
	})
}

// Progress is Campaigns.Progress.
func (f *Faulty) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	return faultyRead(ctx, f, "Progress", func(ctx context.Context) (store.Progress, error) { return f.inner.Progress(ctx, app, shards, batch) })
}

// Delivery is Deliveries.Delivery.
func (f *Faulty) Delivery(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string) (minapush.Delivery, error) {
	return faultyRead(ctx, f, "Delivery", func(ctx context.Context) (minapush.Delivery, error) { return f.inner.Delivery(ctx, s, batch, o, push) })
}

// faultyPage is what List answers.
type faultyPage struct {
	rows []minapush.Delivery
	next store.Ref
	more bool
}

// List is Deliveries.List.
func (f *Faulty) List(ctx context.Context, s minapush.Shard, batch string, after store.Ref, scan int, match *minapush.Outcome) ([]minapush.Delivery, store.Ref, bool, error) {
	page, err := faultyRead(ctx, f, "List", func(ctx context.Context) (p faultyPage, err error) {
		p.rows, p.next, p.more, err = f.inner.List(ctx, s, batch, after, scan, match)
		return p, err
	})
	return page.rows, page.next, page.more, err
}

// Get is Documents.Get.
func (f *Faulty) Get(ctx context.Context, kind, id string) (store.Document, error) {
	return faultyRead(ctx, f, "Get", func(ctx context.Context) (store.Document, error) { return f.inner.Get(ctx, kind, id) })
}

// ListDocuments is Documents.ListDocuments.
func (f *Faulty) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	return faultyRead(ctx, f, "ListDocuments", func(ctx context.Context) ([]store.Document, error) {
		return f.inner.ListDocuments(ctx, kind, after, limit)
	})
}

// UID is Profiles.UID.
func (f *Faulty) UID(ctx context.Context, s minapush.Shard, uid string) (minapush.OpenID, error) {
	return faultyRead(ctx, f, "UID", func(ctx context.Context) (minapush.OpenID, error) { return f.inner.UID(ctx, s, uid) })
}

// CountListed is Campaigns.CountListed.
func (f *Faulty) CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error) {
	return faultyRead(ctx, f, "CountListed", func(ctx context.Context) (int64, error) { return f.inner.CountListed(ctx, app, shards, campaign) })
}

// Listed is Campaigns.Listed.
func (f *Faulty) Listed(ctx context.Context, s minapush.Shard, campaign string, after minapush.OpenID, limit int) ([]store.Listed, error) {
	return faultyRead(ctx, f, "Listed", func(ctx context.Context) ([]store.Listed, error) {
		return f.inner.Listed(ctx, s, campaign, after, limit)
	})
}
