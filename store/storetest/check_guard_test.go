package storetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// spared is a user who got messages of campaigns at times, and a push, from a store that guarded nobody.
type spared struct {
	t     *testing.T
	m     *storetest.Model
	shard minapush.Shard
	lease store.Lease
	scope storetest.Scope
}

func newSpared(t *testing.T) *spared {
	t.Helper()
	s := &spared{t: t, m: storetest.NewModel(func() time.Time { return checkedAt }), shard: minapush.Shard{App: 1}}
	s.scope = storetest.Scope{Apps: []minapush.App{{Number: 1, Shards: 1}}, Batches: map[uint32][]string{}}
	standing := minapush.Permit{Kind: minapush.Standing, Template: "t", Identity: "s", TakenAt: checkedAt.Add(-90 * 24 * time.Hour)}
	_, err := s.m.Deposit(t.Context(), s.shard, "u", store.Deposit{Now: standing.TakenAt, Permits: []minapush.Permit{standing}})
	s.must(err)
	s.lease, err = s.m.Acquire(t.Context(), s.shard, "node", time.Hour)
	s.must(err)
	return s
}

func (s *spared) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *spared) track(batch string) { s.scope.Batches[1] = append(s.scope.Batches[1], batch) }

// send sends a campaign at a time before checkedAt, and ends it.
func (s *spared) send(campaign string, ago time.Duration, end minapush.Outcome) {
	s.t.Helper()
	s.track(campaign)
	now := checkedAt.Add(-ago)
	need := store.Need{Kind: minapush.LongTermTemplate, Template: "t"}
	r, err := s.m.ReserveBatch(s.t.Context(), s.lease, store.Batch{Campaign: campaign, Need: need, Started: now, Now: now, Limit: 10})
	s.must(err)
	if end == minapush.Pending {
		return
	}
	s.must(s.m.Settle(s.t.Context(), s.lease, []store.Settlement{{Ref: store.RefOf(r.Rows[0]), Outcome: end, Now: now}}))
}

func (s *spared) push(id string, ago time.Duration) {
	s.t.Helper()
	now := checkedAt.Add(-ago)
	p := store.Push{
		Batch: minapush.PushBatch(now), ID: id, OpenID: "u", Attempt: 1, Now: now, Deadline: now.Add(time.Hour),
		Need: store.Need{Kind: minapush.LongTermTemplate, Template: "t"},
	}
	s.track(p.Batch)
	a, err := s.m.ReservePush(s.t.Context(), s.shard, p)
	s.must(err)
	_, err = s.m.SettlePush(s.t.Context(), s.shard, store.Settlement{Ref: store.RefOf(a.Delivery), Outcome: minapush.Accepted, Now: now})
	s.must(err)
}

// finds wants a guard to have been broken so many times.
func (s *spared) finds(g storetest.CheckGuard, n int) {
	s.t.Helper()
	scope := s.scope
	scope.Guards = map[uint32]storetest.CheckGuard{1: g}
	found := ""
	if err := storetest.Check(s.t.Context(), s.m, scope); err != nil {
		found = err.Error()
	}
	if got := strings.Count(found, "guard user \"u\""); got != n || strings.Count(found, "\n")+1 != n && n > 0 {
		s.t.Errorf("%+v was broken %d times, want %d:\n%s", g, got, n, found)
	}
}

const hour = time.Hour

func TestCheckFindsWhoGotTooManyMessagesADay(t *testing.T) {
	t.Parallel()
	s := newSpared(t) // checkedAt is noon
	s.finds(storetest.CheckGuard{PerDay: 1}, 0)
	s.send("c1", 13*hour, minapush.Accepted) // the day before
	s.send("c2", 11*hour, minapush.Accepted)
	s.send("c3", 3*hour, minapush.Failed)
	s.send("c4", 3*hour, minapush.RefusedByUser)
	s.push("p", 2*hour)
	s.finds(storetest.CheckGuard{PerDay: 1}, 0)
	s.finds(storetest.CheckGuard{}, 0)
	s.finds(storetest.CheckGuard{PerDay: 1, CountPushes: true}, 1)
	s.finds(storetest.CheckGuard{PerDay: 2, CountPushes: true}, 0)
	s.finds(storetest.CheckGuard{PerDay: 1, Zone: time.FixedZone("east", 8*3600)}, 1) // where both are of one day
	s.finds(storetest.CheckGuard{PerDay: 2, Zone: time.FixedZone("east", 8*3600)}, 0)
	s.send("c5", hour, minapush.Unknown)
	s.finds(storetest.CheckGuard{PerDay: 1}, 1)
	s.send("c6", 0, minapush.Pending) // in hand
	s.finds(storetest.CheckGuard{PerDay: 1}, 1)
	s.finds(storetest.CheckGuard{PerDay: 2}, 1)
	s.finds(storetest.CheckGuard{PerDay: 3}, 0)
}

func TestCheckFindsWhoWasToldTheSameTwice(t *testing.T) {
	t.Parallel()
	s := newSpared(t)
	s.send("old", 7*24*hour, minapush.Accepted)
	s.send("first", 3*24*hour, minapush.Accepted)
	s.send("failed", 2*24*hour, minapush.Failed)
	s.send("second", 24*hour, minapush.Unknown)
	all := map[string]storetest.CheckContent{"old": {Content: 1}, "first": {Content: 1}, "failed": {Content: 2}, "second": {Content: 1}}
	s.finds(storetest.CheckGuard{SameContentDays: 7, Contents: all}, 3)
	s.finds(storetest.CheckGuard{SameContentDays: 4, Contents: all}, 1)
	s.finds(storetest.CheckGuard{SameContentDays: 3, Contents: all}, 1)
	s.finds(storetest.CheckGuard{SameContentDays: 2, Contents: all}, 0)
	s.finds(storetest.CheckGuard{Contents: all}, 0)
	s.finds(storetest.CheckGuard{SameContentDays: 30}, 0) // what they say is not known
	all["second"] = storetest.CheckContent{Content: 2}
	s.finds(storetest.CheckGuard{SameContentDays: 4, Contents: all}, 0)
	s.finds(storetest.CheckGuard{SameContentDays: 5, Contents: all}, 1)
	all["old"], all["first"] = storetest.CheckContent{Content: 1, Series: "s"}, storetest.CheckContent{Content: 1, Series: "s"}
	s.finds(storetest.CheckGuard{SameContentDays: 30, Contents: all}, 0)
}

func TestCheckAllowsTheSameToWhoGotMoreSinceThanIsRemembered(t *testing.T) {
	t.Parallel()
	s := newSpared(t)
	contents := map[string]storetest.CheckContent{"first": {Content: 1}, "last": {Content: 1}}
	s.send("first", 10*hour, minapush.Accepted)
	for i := range store.MaxRecent {
		s.send(fmt.Sprint("c", i), 9*hour-time.Duration(i)*time.Minute, minapush.Accepted)
	}
	s.send("last", hour, minapush.Accepted)
	s.finds(storetest.CheckGuard{SameContentDays: 7, Contents: contents}, 0)
	contents["c0"] = storetest.CheckContent{Content: 1}
	s.finds(storetest.CheckGuard{SameContentDays: 7, Contents: contents}, 2)
}
