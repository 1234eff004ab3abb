package campaign_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// put counts the writes that start a campaign.
type put struct {
	campaign.Storage
	mu     *sync.Mutex
	starts *int
	before chan struct{} // each node waits here, so that all have read before any writes
}

func (p put) Put(ctx context.Context, d store.Document) (uint64, error) {
	if d.Version > 0 {
		select {
		case p.before <- struct{}{}:
		case <-p.before:
		case <-ctx.Done():
		case <-time.After(time.Second): // the other has seen the new state already
		}
	}
	v, err := p.Storage.Put(ctx, d)
	if err == nil && d.Version > 0 {
		p.mu.Lock()
		*p.starts++
		p.mu.Unlock()
	}
	return v, err
}

func TestTwoNodesStartAScheduledCampaignOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	starts := 0
	before := make(chan struct{})
	m := b.create(t, campaign.Draft{
		Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": "hi"}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}, StartAt: b.now.Add(time.Hour),
	})
	b.now = b.now.Add(time.Hour + time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 {
		node := b.node(t, put{b.model, &mu, &starts, before})
		all.Go(func() {
			_ = node.Run(ctx, func(context.Context) ([]minapush.App, error) { return []minapush.App{b.app}, nil })
		})
	}
	deadline := time.Now().Add(30 * time.Second)
	for got := m; got.State != minapush.Running; {
		if time.Now().After(deadline) {
			t.Fatalf("it is %s", got.State)
		}
		var err error
		got, err = b.Get(t.Context(), b.app.ID, m.ID)
		must(t, err)
	}
	time.Sleep(50 * time.Millisecond) // many more ticks of both
	cancel()
	all.Wait()
	if starts != 1 {
		t.Errorf("started %d times", starts)
	}
}

func TestRowsAreForgottenAfterThirtyDaysAndSumsStay(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(b *bundle) store.Store{
		"model": func(b *bundle) store.Store { return b.model },
		"pebble": func(*bundle) store.Store {
			st, err := pebblestore.Open(t.TempDir(), pebblestore.Config{})
			must(t, err)
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
		"redis": func(*bundle) store.Store {
			server := redistest.One(t)
			st, err := redisstore.Open(t.Context(), redisstore.Config{Addresses: []string{server.Addr()}})
			must(t, err)
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			retention(t, b, open(b))
		})
	}
}

func retention(t *testing.T, b *bundle, st store.Store) {
	ctx := t.Context()
	b.app.CreatedAt = b.now
	ledger := delivery.New(st)
	people, err := audience.New(st, audience.Config{Now: func() time.Time { return b.now }})
	must(t, err)
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return b.now }
	c, err := campaign.New(st, ledger, people, campaign.Config{Now: now, NewID: b.newID, Tick: time.Millisecond})
	must(t, err)
	m, _, err := c.Create(ctx, b.app, campaign.Draft{
		Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": "hi"}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
	})
	must(t, err)
	_, err = c.Start(ctx, b.app, m.ID)
	must(t, err)
	o := minapush.OpenID("u")
	shard := b.app.Shard(o)
	for _, id := range []string{"a", "b"} {
		_, err = st.Deposit(ctx, shard, o, store.Deposit{Now: b.now, Permits: []minapush.Permit{
			{Kind: minapush.Subscription, Template: "T", Identity: id, Uses: 1, TakenAt: b.now},
		}})
		must(t, err)
	}
	need := store.Need{Kind: minapush.OneTimeTemplate, Template: "T"}
	for n := range uint32(b.app.Shards) {
		l, err := st.Acquire(ctx, minapush.Shard{App: b.app.Number, N: n}, "node", time.Hour)
		must(t, err)
		got, err := st.ReserveBatch(ctx, l, store.Batch{Campaign: m.ID, Need: need, Started: b.now.Add(time.Second), Now: b.now, Limit: 10})
		must(t, err)
		for _, d := range got.Rows {
			_, err := st.Mark(ctx, l, []store.Ref{store.RefOf(d)}, b.now)
			must(t, err)
			must(t, st.Settle(ctx, l, []store.Settlement{{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.now}}))
		}
	}
	must(t, c.Finish(ctx, b.app.ID, m.ID, minapush.Tally{}))
	day := minapush.PushBatch(b.now)
	p, err := st.ReservePush(ctx, shard, store.Push{Batch: day, ID: "p", OpenID: o, Attempt: 1, Need: need, Now: b.now, Deadline: b.now.Add(time.Minute)})
	must(t, err)
	must(t, st.MarkPush(ctx, shard, store.RefOf(p.Delivery), b.now, b.now.Add(time.Minute)))
	_, err = st.SettlePush(ctx, shard, store.Settlement{Ref: store.RefOf(p.Delivery), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.now})
	must(t, err)

	rows := func(batch string) int {
		page, err := ledger.List(ctx, b.app, batch, nil, "", 100)
		must(t, err)
		return len(page.Deliveries)
	}
	run := func() { // until it has looked for old rows
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		before, _ := st.Get(ctx, "campaign-forgotten", string(b.app.ID))
		ended := make(chan error, 1)
		go func() {
			ended <- c.Run(ctx, func(context.Context) ([]minapush.App, error) { return []minapush.App{b.app}, nil })
		}()
		deadline := time.Now().Add(30 * time.Second)
		for {
			if d, err := st.Get(ctx, "campaign-forgotten", string(b.app.ID)); err == nil && d.Version != before.Version {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("old rows were not looked for")
			}
		}
		cancel()
		must(t, <-ended)
	}
	if rows(m.ID) != 1 || rows(day) != 1 {
		t.Fatalf("%d and %d rows", rows(m.ID), rows(day))
	}
	mu.Lock()
	b.now = b.now.Add(29 * 24 * time.Hour)
	mu.Unlock()
	run()
	if rows(m.ID) != 1 || rows(day) != 1 {
		t.Fatalf("after 29 days %d and %d rows", rows(m.ID), rows(day))
	}
	mu.Lock()
	b.now = b.now.Add(60 * 24 * time.Hour) // nothing ran for months
	mu.Unlock()
	run()
	if rows(m.ID) != 0 || rows(day) != 0 {
		t.Errorf("after 89 days %d rows of the campaign and %d of the push are left", rows(m.ID), rows(day))
	}
	for _, batch := range []string{m.ID, day} {
		sum, err := ledger.Sum(ctx, b.app, batch)
		must(t, err)
		if sum.Tally.Count(minapush.Accepted) != 1 {
			t.Errorf("%s: the sum is %+v", batch, sum.Tally)
		}
	}
	if got, err := c.Get(ctx, b.app.ID, m.ID); err != nil || got.State != minapush.Finished {
		t.Errorf("%+v, %v", got, err)
	}
}
