package bank_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
)

// accepts lets a campaign reach n more users of the one shard and returns its sums.
func (b *bundle) accepts(t testing.TB, id, template string, n int) minapush.Tally {
	t.Helper()
	lease, err := b.st.Acquire(b.ctx, minapush.Shard{App: b.app.Number}, "someone", time.Hour)
	must(t, err)
	got, err := b.st.ReserveBatch(b.ctx, lease, store.Batch{
		Campaign: id, Need: store.Need{Kind: minapush.OneTimeTemplate, Template: template}, Started: b.clock.now(), Now: b.clock.now(), Limit: n,
	})
	must(t, err)
	wantEqual(t, len(got.Rows), n)
	for _, row := range got.Rows {
		_, err = b.st.Mark(b.ctx, lease, []store.Ref{store.RefOf(row)}, b.clock.now())
		must(t, err)
		must(t, b.st.Settle(b.ctx, lease, []store.Settlement{{
			Ref: store.RefOf(row), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.clock.now(),
		}}))
	}
	must(t, b.st.Release(b.ctx, lease))
	p, err := delivery.New(b.st).Sum(b.ctx, b.app, id)
	must(t, err)
	return p.Tally
}

func TestWhatACampaignSendsIsOnTheDayOnWhichItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app.Shards = 1
	first, other := b.clock.now(), b.node(bank.Config{})
	nodes := []*bank.Bank{b.bank, other}
	flush := func() {
		for _, n := range nodes {
			must(t, n.Flush(b.ctx))
		}
	}
	follow := func(ids ...string) {
		for _, n := range nodes {
			n.Follow(b.app, ids)
		}
	}
	for i := range 12 {
		b.deposit(t, minapush.OpenID(fmt.Sprintf("o%02d", i)), b.subscribe(1, "T"), b.subscribe(1, "U"))
	}
	b.clock.add(time.Second)
	follow("c1", "c2")
	b.accepts(t, "c1", "T", 3)
	last := b.accepts(t, "c2", "U", 2)
	b.bank.NoteEnd(b.app, "c2", last) // the other node does not know
	flush()
	b.clock.set(first.Add(6*time.Hour + time.Second)) // a new day in Beijing
	flush()
	b.accepts(t, "c1", "T", 4)
	follow("c1")
	flush()
	b.clock.add(day)
	flush() // c1 is paused: nobody follows it
	b.clock.add(day)
	follow("c1")
	last = b.accepts(t, "c1", "T", 5)
	b.bank.NoteEnd(b.app, "c1", last)
	flush()
	b.clock.add(day)
	flush()
	fresh := b.node(bank.Config{})
	for i, want := range []int64{5, 4, 0, 5, 0} {
		got := b.days(t, fresh, first, 5)[i]
		wantEqual(t, got.Count(bank.FigureOutcome, "campaign.accepted"), want)
		wantEqual(t, got.Count(bank.FigureSpent, "subscribe"), want)
	}
}

func TestTheSumsOfPushesAreOfTheDayInBeijingAndNotOfTheirBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.clock.now()
	push := func(id string) {
		t.Helper()
		o := minapush.OpenID("o" + id)
		b.deposit(t, o, b.form(1, 0))
		d := b.hold(t, o, id)
		must(t, b.st.MarkPush(b.ctx, b.app.Shard(o), store.RefOf(d), b.clock.now(), b.clock.now().Add(time.Minute)))
		_, err := b.st.SettlePush(b.ctx, b.app.Shard(o), store.Settlement{
			Ref: store.RefOf(d), Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonReadTimeout, Now: b.clock.now(),
		})
		must(t, err)
	}
	push("p1")
	must(t, b.bank.Flush(b.ctx))
	b.clock.add(7 * time.Hour) // 17:00 UTC: the same batch, the next day
	push("p2")
	push("p3")
	must(t, b.bank.Flush(b.ctx))
	b.clock.add(8 * time.Hour) // the next batch, the same day
	push("p4")
	_, _, err := b.bank.Spent(b.ctx, b.app, bank.Elsewhere{ID: "p5", OpenID: "op1", Template: minapush.Template{ID: "L", Kind: minapush.LegacyTemplate}})
	must(t, err) // skipped: she has none
	b.deposit(t, "op1", b.form(2, 0))
	_, _, err = b.bank.Spent(b.ctx, b.app, bank.Elsewhere{ID: "p6", OpenID: "op1", Template: minapush.Template{ID: "L", Kind: minapush.LegacyTemplate}})
	must(t, err)
	must(t, b.bank.Flush(b.ctx))
	list := b.days(t, b.node(bank.Config{}), first, 2)
	wantEqual(t, list[0].Count(bank.FigureOutcome, "push.unknown"), 1)
	wantEqual(t, list[1].Count(bank.FigureOutcome, "push.unknown"), 3)
	wantEqual(t, list[1].Count(bank.FigureOutcome, "push.skipped"), 1)
	wantEqual(t, list[1].Count(bank.FigureOutcome, "elsewhere.accepted"), 1)
}
