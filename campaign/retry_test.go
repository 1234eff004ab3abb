package campaign_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// deposit gives a user permits for the template of the drafts.
func (b *bundle) deposit(t *testing.T, o minapush.OpenID) {
	t.Helper()
	_, err := b.model.Deposit(t.Context(), b.app.Shard(o), o, store.Deposit{Now: b.now.Add(-time.Hour), Permits: []minapush.Permit{
		{Kind: minapush.Subscription, Template: "T", Identity: fmt.Sprint(b.ids.Add(1)), Uses: 1, TakenAt: b.now.Add(-time.Hour)},
	}})
	must(t, err)
}

// walk runs a campaign to its end as the dispatcher would, with an answer of the test's for each user.
func (b *bundle) walk(t *testing.T, id string, answer func(minapush.OpenID) minapush.Outcome) {
	t.Helper()
	m, err := b.Start(t.Context(), b.app, id)
	must(t, err)
	for n := range uint32(b.app.Shards) {
		lease, err := b.model.Acquire(t.Context(), minapush.Shard{App: b.app.Number, N: n}, "me", time.Minute)
		must(t, err)
		for {
			got, err := b.model.ReserveBatch(t.Context(), lease, store.Batch{
				Campaign: id, Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "T"}, Started: m.StartedAt, Now: b.now, Limit: 1000,
				Listed: m.Audience.List, KeepSkipped: m.Audience.List,
			})
			must(t, err)
			for _, d := range got.Rows {
				x := store.Settlement{Ref: store.RefOf(d), Outcome: answer(d.OpenID), Now: b.now}
				if x.Outcome == minapush.Accepted || x.Outcome == minapush.Unknown {
					x.Permit = store.Spend
				}
				must(t, b.model.Settle(t.Context(), lease, []store.Settlement{x}))
			}
			if got.Done && len(got.Rows) == 0 {
				break
			}
		}
		must(t, b.model.Release(t.Context(), lease))
	}
	must(t, b.Finish(t.Context(), b.app.ID, id, minapush.Tally{}))
}

// ended is a list campaign that is through: of n users, named u-000 and so on, every fifth failed, the next was refused, the third is
// unknown, the fourth had no permit and the last was accepted.
func (b *bundle) ended(t *testing.T, n int) string {
	t.Helper()
	id := b.create(t, listDraft()).ID
	var text strings.Builder
	for i := range n {
		o := minapush.OpenID(fmt.Sprintf("u-%04d", i))
		if i%5 != 3 {
			b.deposit(t, o)
		}
		fmt.Fprintf(&text, `{"openid":%q,"values":{"name":"n%d","amount":"%d"}}`+"\n", o, i, i)
	}
	b.fill(t, id, audience.NDJSON, text.String())
	b.walk(t, id, func(o minapush.OpenID) minapush.Outcome {
		return []minapush.Outcome{minapush.Failed, minapush.RefusedByUser, minapush.Unknown, minapush.Failed, minapush.Accepted}[(o[len(o)-1]-'0')%5]
	})
	return id
}

// every lists what the users of ended have in its list whose number leaves a rest of the given ones.
func every(n int, rests ...int) map[minapush.OpenID]string {
	want := map[minapush.OpenID]string{}
	for i := range n {
		if slices.Contains(rests, i%5) {
			want[minapush.OpenID(fmt.Sprintf("u-%04d", i))] = fmt.Sprintf("n%d=%d", i, i)
		}
	}
	return want
}

func TestARetryIsForExactlyThoseAskedForWithTheirOwnValues(t *testing.T) {
	t.Parallel()
	const n = 2500
	b := setup(t)
	id := b.ended(t, n)
	for _, c := range []struct {
		outcomes []minapush.Outcome
		want     map[minapush.OpenID]string
	}{
		{nil, every(n, 0)},
		{[]minapush.Outcome{minapush.Failed}, every(n, 0)},
		{[]minapush.Outcome{minapush.Skipped}, every(n, 3)},
		{[]minapush.Outcome{minapush.RefusedByUser, minapush.Unknown, minapush.Failed}, every(n, 0, 1, 2)},
	} {
		m, created, err := b.Retry(t.Context(), b.app, id, campaign.Again{Name: "again", Outcomes: c.outcomes})
		must(t, err)
		if !created || m.RetryOf != id || m.State != minapush.Scheduled || m.Name != "again" || m.Kind != minapush.OneTimeTemplate ||
			!m.Audience.List || m.Audience.Filling || !maps.Equal(m.Message.Values, listDraft().Message.Values) {
			t.Errorf("%v: created %v %+v", c.outcomes, created, m)
		}
		b.wantList(t, m.ID, c.want)
		if started, err := b.Start(t.Context(), b.app, m.ID); err != nil || started.Audience.Listed != int64(len(c.want)) {
			t.Errorf("%v: started with %d, %v", c.outcomes, started.Audience.Listed, err)
		}
	}
}

func TestARetryOfACampaignToEverybodyHasNoValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 40 {
		b.deposit(t, minapush.OpenID(fmt.Sprintf("u-%03d", i)))
	}
	d := draft()
	d.Name, d.AtLeastOnce = "everybody", true
	id := b.create(t, d).ID
	b.walk(t, id, func(o minapush.OpenID) minapush.Outcome {
		if o < "u-010" {
			return minapush.Failed
		}
		return minapush.Accepted
	})
	m, _, err := b.Retry(t.Context(), b.app, id, campaign.Again{})
	must(t, err)
	list := b.list(t, m.ID)
	for o, v := range list {
		if o >= "u-010" || len(v) > 0 {
			t.Errorf("%s %v", o, v)
		}
	}
	if len(list) != 10 || m.Name != "everybody" || !m.AtLeastOnce {
		t.Errorf("%d are tried again by %+v", len(list), m)
	}
}

func TestTheSameKeyRetriesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, other := b.ended(t, 50), b.ended(t, 50)
	again := campaign.Again{Key: "k", Fingerprint: 7}
	first, created, err := b.Retry(t.Context(), b.app, id, again)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	must(t, b.ledger.Forget(t.Context(), b.app, id)) // what was made stays, though the rows are gone
	second, created, err := b.Retry(t.Context(), b.app, id, again)
	if err != nil || created || second.ID != first.ID {
		t.Errorf("again: %s, created %v, %v", second.ID, created, err)
	}
	b.wantList(t, first.ID, every(50, 0))
	for name, call := range map[string]func() error{
		"another request": func() error {
			_, _, err := b.Retry(t.Context(), b.app, id, campaign.Again{Key: "k", Fingerprint: 8})
			return err
		},
		"another campaign": func() error { _, _, err := b.Retry(t.Context(), b.app, other, again); return err },
	} {
		var e *minapush.Error
		if err := call(); !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "Idempotency-Key" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTwoNodesRetryWithOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		b := setup(t)
		id := b.ended(t, 100)
		nodes := []*campaign.Campaigns{b.Campaigns, b.node(t, b.model)}
		made := make([]string, len(nodes))
		var retrying sync.WaitGroup
		for i, node := range nodes {
			retrying.Go(func() {
				m, _, err := node.Retry(t.Context(), b.app, id, campaign.Again{Key: "k"})
				if err != nil || m.Audience.Filling {
					t.Errorf("%+v, %v", m, err)
				}
				made[i] = m.ID
			})
		}
		retrying.Wait()
		if made[0] != made[1] {
			t.Fatalf("%v", made)
		}
		b.wantList(t, made[0], every(100, 0))
	}
}

func TestAHalfMadeRetryIsCompletedAndNotStartedBefore(t *testing.T) {
	t.Parallel()
	for _, fault := range []storetest.FaultyLine{
		{Method: "AddListed", Call: 3, Fault: storetest.FaultBefore}, {Method: "AddListed", Call: 3, Fault: storetest.FaultAfter},
		{Method: "Listed", Call: 2, Fault: storetest.FaultBefore},
		{Method: "Put", Call: 2, Fault: storetest.FaultBefore}, {Method: "Put", Call: 3, Fault: storetest.FaultAfter}, // key claimed; campaign written
		{Method: "Put", Call: 4, Fault: storetest.FaultBefore}, {Method: "Put", Call: 4, Fault: storetest.FaultAfter}, // list complete
	} {
		b := setup(t)
		id := b.ended(t, 200)
		node := b.node(t, storetest.NewFaulty(b.model, storetest.FaultyConfig{Script: []storetest.FaultyLine{fault}}))
		again := campaign.Again{Key: "k", Fingerprint: 7}
		half, _, err := node.Retry(t.Context(), b.app, id, again)
		if !errors.Is(err, minapush.Unavailable) {
			t.Fatalf("%+v: %v", fault, err)
		}
		if fault.Method != "Put" {
			_, err := node.Start(t.Context(), b.app, half.ID)
			var e *minapush.Error
			if !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "audience" {
				t.Errorf("%+v: half a list was started: %v", fault, err)
			}
		}
		m, _, err := node.Retry(t.Context(), b.app, id, again)
		must(t, err)
		if all, err := b.List(t.Context(), b.app.ID, "", 10); err != nil || len(all) != 2 {
			t.Errorf("%+v: %d campaigns, %v", fault, len(all), err)
		}
		b.wantList(t, m.ID, every(200, 0))
		_, err = node.Start(t.Context(), b.app, m.ID)
		must(t, err)
	}
}

func TestWhoWasErasedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.ended(t, 100)
	want := every(100, 0)
	for _, o := range []minapush.OpenID{"u-0000", "u-0050"} {
		_, err := b.model.Erase(t.Context(), b.app.Shard(o), o, b.now)
		must(t, err)
		delete(want, o)
	}
	m, _, err := b.Retry(t.Context(), b.app, id, campaign.Again{})
	must(t, err)
	b.wantList(t, m.ID, want)
}

func TestWhatCannotBeRetriedIsRefusedAndMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.ended(t, 20)
	running := b.create(t, draft()).ID
	_, err := b.Start(t.Context(), b.app, running)
	must(t, err)
	forgotten := b.ended(t, 20)
	must(t, b.ledger.Forget(t.Context(), b.app, forgotten))
	for _, c := range []struct {
		id    string
		again campaign.Again
		kind  minapush.Kind
		field string
	}{
		{"nobody", campaign.Again{}, minapush.NotFound, ""},
		{running, campaign.Again{}, minapush.Conflict, "state"},
		{forgotten, campaign.Again{Key: "k"}, minapush.Conflict, "outcomes"},
		{id, campaign.Again{Outcomes: []minapush.Outcome{minapush.Failed, minapush.Accepted}}, minapush.Invalid, "outcomes"},
		{id, campaign.Again{Outcomes: []minapush.Outcome{minapush.Pending}}, minapush.Invalid, "outcomes"},
		{id, campaign.Again{Outcomes: []minapush.Outcome{99}}, minapush.Invalid, "outcomes"},
		{id, campaign.Again{Name: strings.Repeat("x", 201)}, minapush.Invalid, "name"},
	} {
		_, _, err := b.Retry(t.Context(), b.app, c.id, c.again)
		var e *minapush.Error
		if minapush.KindOf(err) != c.kind || errors.As(err, &e) && e.Field != c.field {
			t.Errorf("%s %+v: %v", c.id, c.again, err)
		}
	}
	if all, err := b.List(t.Context(), b.app.ID, "", 100); err != nil || len(all) != 3 {
		t.Errorf("%d campaigns, %v", len(all), err)
	}
}
