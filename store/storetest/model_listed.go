package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// AddListed puts users on the list of a campaign.
func (m *Model) AddListed(ctx context.Context, s minapush.Shard, campaign string, users []store.Listed) ([]bool, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	for i, u := range users {
		size := 0
		for k, v := range u.Values {
			size += len(k) + len(v)
		}
		if size > store.MaxListedValues {
			return nil, minapush.FieldError(fmt.Sprintf("users[%d].values", i), "must be at most %d bytes, are %d", store.MaxListedValues, size)
		}
	}
	b := m.shard(s).batch(campaign)
	if b.begun {
		return nil, minapush.Errorf(minapush.Conflict, "campaign %s has begun in shard %d/%d", campaign, s.App, s.N)
	}
	added := make([]bool, len(users))
	for i, u := range users {
		if _, there := b.listed[u.OpenID]; !there {
			b.listed[u.OpenID], added[i], b.sorted = maps.Clone(u.Values), true, false
		}
	}
	return added, nil
}

// CountListed counts the list of a campaign over the shards of an app.
func (m *Model) CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	var n int64
	for shard := range uint32(shards) {
		if b := m.shard(minapush.Shard{App: app, N: shard}).batches[campaign]; b != nil {
			n += int64(len(b.listed))
		}
	}
	return n, nil
}

// Listed returns a page of the list of a campaign.
func (m *Model) Listed(ctx context.Context, s minapush.Shard, campaign string, after minapush.OpenID, limit int) ([]store.Listed, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	b := m.shard(s).batch(campaign)
	var users []store.Listed
	for _, o := range b.listedAfter(after, limit) {
		users = append(users, store.Listed{OpenID: o, Values: maps.Clone(b.listed[o])})
	}
	return users, nil
}

// listedAfter names up to limit users of the list with openids greater than o, ascending.
func (b *modelBatch) listedAfter(o minapush.OpenID, limit int) (users []minapush.OpenID) {
	if !b.sorted {
		b.order, b.sorted = slices.Sorted(maps.Keys(b.listed)), true
	}
	at, found := slices.BinarySearch(b.order, o)
	if found {
		at++
	}
	for _, name := range b.order[at:] {
		if len(users) >= limit {
			break
		}
		if _, there := b.listed[name]; there { // who is erased leaves the order as it is
			users = append(users, name)
		}
	}
	return users
}
