package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Scope says what Check looks at.
type Scope struct {
	// Apps are looked at in all their shards; only Number and Shards count.
	Apps []minapush.App
	// Batches names, by app number, the campaigns and days of pushes of that app. All must be there that have a row which is not
	// settled, or permits in hand will look as if nobody had them.
	Batches map[uint32][]string
	// Kept names, by app number, those of Batches that walk a list and keep a row for everybody whom they skip.
	Kept map[uint32][]string
	// RowsGone tells that settled rows may be gone, since batches were forgotten or users erased: then there may be fewer rows
	// than their tallies say, and fewer users on lists than were walked.
	RowsGone bool
	// Guards is, by app number, what users are spared. Nil: nothing is promised.
	Guards map[uint32]CheckGuard
}

// Check proves the invariants I1 to I7 of a store from the outside, while nobody writes to it: every use deposited is somewhere
// exactly once (I1), no use and no user is in two hands (I2), nobody is twice in a campaign (I3), what a delivery gave up is not
// in its hand (I4), the sums of users, rows, tallies, lists and flows are the same sums (I5, I6), users are where they belong (I7). A
// campaign with a list counts each user on it once, and nobody else; who is skipped for having opted out has no permit taken; what the
// platform said of messages is said of accepted ones; what a user's record remembers is what its rows say, and no user got what scope.Guards
// keeps away. The error lists every violation, one a line. It takes the memory of one page of users and of each batch, however many there
// are.
func Check(ctx context.Context, st store.Store, scope Scope) error {
	var r checkReport
	for _, app := range scope.Apps {
		if err := r.checkApp(ctx, st, app, scope); err != nil {
			return errors.Join(append(r.found, fmt.Errorf("check of app %d not completed: %w", app.Number, err))...)
		}
	}
	return errors.Join(r.found...)
}

// MustCheck fails the test when Check finds something.
func MustCheck(tb testing.TB, st store.Store, scope Scope) {
	tb.Helper()
	// Tests check when they end, and their context is over by then.
	if err := Check(context.WithoutCancel(tb.Context()), st, scope); err != nil {
		tb.Errorf("invariants do not hold:\n%v", err)
	}
}

// checkReport collects violations.
type checkReport struct{ found []error }

// say reports a violation of an invariant.
func (r *checkReport) say(invariant string, where fmt.Stringer, format string, args ...any) {
	r.found = append(r.found, fmt.Errorf("%s %s: %s", invariant, where, fmt.Sprintf(format, args...)))
}

// checkPage is how many users or rows are read at a time.
const checkPage = 256

type checkAppPlace uint32

func (p checkAppPlace) String() string { return fmt.Sprintf("app %d", uint32(p)) }

type checkShardPlace minapush.Shard

func (p checkShardPlace) String() string { return fmt.Sprintf("shard %d/%d", p.App, p.N) }

type checkBatchPlace struct {
	app   uint32
	batch string
}

func (p checkBatchPlace) String() string { return fmt.Sprintf("app %d, batch %q", p.app, p.batch) }

type checkUserPlace struct {
	shard  minapush.Shard
	openID minapush.OpenID
}

func (p checkUserPlace) String() string {
	return fmt.Sprintf("user %q of shard %d/%d", string(p.openID), p.shard.App, p.shard.N)
}

func (r *checkReport) checkApp(ctx context.Context, st store.Store, app minapush.App, scope Scope) error {
	if app.Shards < 1 {
		r.say("I7", checkAppPlace(app.Number), "has %d shards", app.Shards)
	}
	batches := scope.Batches[app.Number]
	sums := make([]*checkSum, len(batches))
	for i := range sums {
		sums[i] = newCheckSum()
	}
	for n := range uint32(app.Shards) {
		if err := r.checkShard(ctx, st, app, minapush.Shard{App: app.Number, N: n}, scope, sums); err != nil {
			return err
		}
	}
	for i, batch := range batches {
		p, err := st.Progress(ctx, app.Number, app.Shards, batch)
		if err != nil {
			return fmt.Errorf("progress of %q: %w", batch, err)
		}
		place, kept := checkBatchPlace{app.Number, batch}, slices.Contains(scope.Kept[app.Number], batch)
		r.checkTally(place, p, app.Shards, sums[i], kept, scope.RowsGone)
		if !scope.RowsGone {
			if err := r.checkList(ctx, st, place, p, app.Shards); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkShard goes through the users of a shard and the rows of all batches side by side, by openid.
func (r *checkReport) checkShard(ctx context.Context, st store.Store, app minapush.App, s minapush.Shard, scope Scope, sums []*checkSum) error {
	batches := scope.Batches[app.Number]
	rows := make([]*checkRows, len(batches))
	for i, b := range batches {
		rows[i] = &checkRows{st: st, shard: s, batch: b, sum: sums[i], report: r, more: true}
	}
	flow := checkFlow{users: map[minapush.PermitKind]int64{}}
	var after minapush.OpenID
	for {
		users, err := st.Walk(ctx, s, after, checkPage)
		if err != nil {
			return fmt.Errorf("walk shard %d/%d: %w", s.App, s.N, err)
		}
		if len(users) == 0 {
			break
		}
		for _, u := range users {
			if u.OpenID <= after {
				return fmt.Errorf("walk of shard %d/%d gave %q after %q", s.App, s.N, u.OpenID, after)
			}
			after = u.OpenID
			if at := app.Shard(u.OpenID); at != s {
				r.say("I7", checkUserPlace{s, u.OpenID}, "belongs in shard %d", at.N)
			}
			c := checkUser{place: checkUserPlace{s, u.OpenID}, user: u, report: r}
			for _, l := range rows {
				if err := l.collect(ctx, &c); err != nil {
					return err
				}
			}
			c.check()
			if g, guarded := scope.Guards[app.Number]; guarded {
				c.checkGuard(g)
			}
			flow.add(u)
		}
	}
	for _, l := range rows {
		if err := l.drain(ctx); err != nil {
			return err
		}
	}
	stored, err := st.Flow(ctx, s)
	if err != nil {
		return fmt.Errorf("flow of shard %d/%d: %w", s.App, s.N, err)
	}
	flow.compare(r, checkShardPlace(s), stored)
	return nil
}
