package bank

import (
	"context"
	"fmt"

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
	sum := map[minapush.PermitKind]minapush.Counts{}
	for n := range uint32(app.Shards) {
		flow, err := b.st.Flow(ctx, minapush.Shard{App: app.Number, N: n})
		if err != nil {
			return nil, fmt.Errorf("flow of app %s, shard %d: %w", app.ID, n, err)
		}
		for kind, c := range flow {
			sum[kind] = sum[kind].Add(c)
		}
	}
	return sum, nil
}

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
