package bank

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Flow returns the exact counters of an app by kind of permit, summed over its shards: every use that was ever deposited, spent,
// dead, expired, evicted or erased. Available, Held and Suspect are 0: they are states, which Totals counts. It reads one
// record a shard.
func (b *Bank) Flow(ctx context.Context, app minapush.App) (map[minapush.PermitKind]minapush.Counts, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	var mu sync.Mutex // guards sum
	sum := map[minapush.PermitKind]minapush.Counts{}
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(flowReaders)
	for n := range uint32(app.Shards) {
		readers.Go(func() error {
			flow, err := b.st.Flow(ctx, minapush.Shard{App: app.Number, N: n})
			if err != nil {
				return fmt.Errorf("flow of app %s, shard %d: %w", app.ID, n, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for kind, c := range flow {
				sum[kind] = sum[kind].Add(c)
			}
			return nil
		})
	}
	if err := readers.Wait(); err != nil {
		return nil, err
	}
	return sum, nil
}

// flowReaders is how many shards are read at a time: what is asked together goes to Redis together.
const flowReaders = 32

// Totals counts every use of an app: the flows, and by a walk over all users what is available, held and suspect. It closes
// (Counts.Closes, invariant I1) unless something happened meanwhile. It takes time in proportion to the users, and the memory of
// one page of them: it is meant for checks, not for pages.
func (b *Bank) Totals(ctx context.Context, app minapush.App) (minapush.Counts, error) {
	flow, err := b.Flow(ctx, app)
	if err != nil {
		return minapush.Counts{}, err
	}
	var sum minapush.Counts
	for _, c := range flow {
		c.Available, c.Held, c.Suspect = 0, 0, 0
		sum = sum.Add(c)
	}
	err = b.walk(ctx, app, func(u store.User) {
		for _, h := range u.Permits {
			if h.Kind == minapush.Standing {
				continue
			}
			sum.Available += int64(freeUses(h))
			switch h.State {
			case minapush.Held:
				sum.Held++
			case minapush.Suspect:
				sum.Suspect++
			}
		}
	})
	return sum, err
}

// walk calls f for every user of an app, page by page.
func (b *Bank) walk(ctx context.Context, app minapush.App, f func(store.User)) error {
	for n := range uint32(app.Shards) {
		var after minapush.OpenID
		for {
			users, err := b.st.Walk(ctx, minapush.Shard{App: app.Number, N: n}, after, b.cfg.Page)
			if err != nil {
				return fmt.Errorf("walk app %s, shard %d: %w", app.ID, n, err)
			}
			if len(users) == 0 {
				break
			}
			for _, u := range users {
				f(u)
			}
			after = users[len(users)-1].OpenID
		}
	}
	return nil
}
