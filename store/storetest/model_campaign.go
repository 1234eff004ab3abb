package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ReserveBatch hands out the next deliveries of a campaign in a shard.
func (m *Model) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	if err := m.begin(ctx); err != nil {
		return store.Reserved{}, err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return store.Reserved{}, err
	}
	c := &modelReserve{sh: sh, batch: sh.batch(b.Campaign), Batch: b}
	c.batch.begun = true
	c.Now, c.Started = modelMilli(b.Now), modelMilli(b.Started)
	if b.Skip != "" {
		c.skipHeld()
		c.skipQueue()
		c.walk()
		return c.answer(), nil
	}
	held := c.batch.list(func(r *modelRow) bool { return r.State == minapush.HeldState && r.due(c.Now) })
	if len(held) > 0 {
		c.rows = held[:min(len(held), max(b.Limit, 0))]
		return c.answer(), nil
	}
	queue := c.batch.list(func(r *modelRow) bool { return r.State == minapush.Waiting && r.due(c.Now) })
	if len(queue) > 0 {
		slices.SortStableFunc(queue, func(x, y *modelRow) int { return x.NotBefore.Compare(y.NotBefore) })
		for _, r := range queue[:min(len(queue), max(b.Limit, 0))] {
			c.try(r)
		}
		return c.answer(), nil
	}
	c.walk()
	return c.answer(), nil
}

// modelReserve is one ReserveBatch under way.
type modelReserve struct {
	store.Batch
	sh       *modelShard
	batch    *modelBatch
	rows     []*modelRow
	examined int
}

// walk moves the cursor over up to Limit users.
func (c *modelReserve) walk() {
	for _, o := range c.next(c.Limit) {
		if c.batch.atEnd {
			break
		}
		c.batch.cursor = o
		if c.inAudience(o) {
			c.examined++
			c.batch.examined++
			c.examine(o)
		}
	}
	if len(c.next(1)) == 0 {
		c.batch.atEnd = true
	}
}

// next names up to limit users after the cursor: of the list, or of the shard.
func (c *modelReserve) next(limit int) (users []minapush.OpenID) {
	if c.Listed {
		return c.batch.listedAfter(c.batch.cursor, limit)
	}
	for _, u := range c.sh.after(c.batch.cursor, limit) {
		users = append(users, u.openid)
	}
	return users
}

func (c *modelReserve) inAudience(o minapush.OpenID) bool {
	switch u := c.sh.users[o]; {
	case c.batch.rows[modelRowID{openid: o}] != nil:
		return false
	case c.Listed:
		return true
	case !u.firstSeen.Before(c.Started) || u.erasing:
		return false
	default:
		if c.Audience == nil {
			return true
		}
		v := c.sh.viewBeside(u, c.Beside)
		return c.Audience(&v)
	}
}

// examine deals with one user of the audience. Whoever is skipped at once is counted, and leaves no row unless it is kept.
func (c *modelReserve) examine(o minapush.OpenID) {
	r := &modelRow{atLeastOnce: c.AtLeastOnce, Delivery: minapush.Delivery{Batch: c.Campaign, OpenID: o}}
	reason := c.skips(r, c.sh.users[o])
	if reason == "" || c.Listed && c.KeepSkipped {
		c.batch.rows[r.id()] = r
	}
	if reason == "" {
		c.try(r)
	} else {
		c.sh.finish(c.batch, r, minapush.Skipped, reason, c.Now)
	}
}

// skips says why a user is skipped at once; "" if it is not.
func (c *modelReserve) skips(r *modelRow, u *modelUser) string {
	switch {
	case c.Skip != "":
		return c.Skip
	case u == nil: // of a list
		return minapush.ReasonNoPermit
	case u.erasing:
		return minapush.ReasonErased
	case u.busy != nil: // waits
		return ""
	}
	_, _, lacks := c.find(r, u)
	return lacks
}

// find is the permit for a row, or when one is ready, or why there is none.
func (c *modelReserve) find(r *modelRow, u *modelUser) (permit *modelPermit, readyAt time.Time, lacks string) {
	if u.profile.OptOut != minapush.OptOutNone {
		return nil, time.Time{}, minapush.ReasonOptedOut
	}
	permit, readyAt = u.find(c.Need, c.Now)
	switch {
	case !readyAt.IsZero():
		return nil, readyAt, ""
	case permit == nil:
		return nil, time.Time{}, minapush.ReasonNoPermit
	}
	if lacks = u.keepsOut(c.Guard, r, c.Need, c.Now); lacks != "" {
		return nil, time.Time{}, lacks
	}
	return permit, time.Time{}, ""
}

// try reserves a permit for a row, or says when to look again, or ends the delivery.
func (c *modelReserve) try(r *modelRow) {
	u := c.sh.users[r.OpenID]
	if u.busy != nil { // as whoever is being erased is
		r.wait(c.Now.Add(store.BusyWait))
		return
	}
	permit, readyAt, lacks := c.find(r, u)
	switch {
	case permit != nil:
		r.Attempt++
		r.atLeastOnce = c.AtLeastOnce
		r.hold(u, permit, c.Need, c.Now)
		c.rows = append(c.rows, r)
	case !readyAt.IsZero():
		r.wait(readyAt)
	case r.Tries > 0 && !r.maybe:
		c.sh.finish(c.batch, r, minapush.Failed, r.Reason, c.Now)
	default:
		c.end(r, lacks)
	}
}

// end gives up on a delivery that holds no permit.
func (c *modelReserve) end(r *modelRow, reason string) {
	outcome := minapush.Skipped
	if r.maybe {
		outcome = minapush.Unknown
	}
	c.sh.finish(c.batch, r, outcome, reason, c.Now)
}

// skipHeld ends what is held. A code that may have arrived is not given back: its use counts as spent.
func (c *modelReserve) skipHeld() {
	for _, r := range c.batch.list(func(r *modelRow) bool { return r.State == minapush.HeldState }) {
		x := store.Settlement{Outcome: minapush.Skipped, Permit: store.Release, Reason: c.Skip, Now: c.Now}
		if r.maybe {
			x.Outcome = minapush.Unknown
		}
		if r.Resend {
			x.Outcome, x.Permit = minapush.Unknown, store.Spend
		} else {
			r.Permit = minapush.Permit{}
		}
		if !r.maybe && !r.Resend {
			c.sh.users[r.OpenID].dropRecent(r)
		}
		c.sh.settle(c.batch, r, x)
	}
}

func (c *modelReserve) skipQueue() {
	for _, r := range c.batch.list(func(r *modelRow) bool { return r.State == minapush.Waiting }) {
		c.end(r, c.Skip)
	}
}

func (c *modelReserve) answer() store.Reserved {
	a := store.Reserved{Examined: c.examined, Done: c.batch.atEnd}
	for _, r := range c.rows {
		d := r.Delivery
		if c.Listed {
			d.Values = maps.Clone(c.batch.listed[d.OpenID])
		}
		a.Rows = append(a.Rows, d)
	}
	slices.SortFunc(a.Rows, func(x, y minapush.Delivery) int { return cmp.Compare(x.OpenID, y.OpenID) })
	later := c.batch.list(func(r *modelRow) bool {
		return r.State == minapush.Waiting || r.State == minapush.HeldState && !r.due(c.Now)
	})
	a.Waiting = len(later)
	for i, r := range later {
		if i == 0 || r.NotBefore.Before(a.NextDue) {
			a.NextDue = r.NotBefore
		}
	}
	return a
}

// Progress sums a batch over the shards of an app.
func (m *Model) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	if err := m.begin(ctx); err != nil {
		return store.Progress{}, err
	}
	defer m.mu.Unlock()
	var p store.Progress
	for n := range uint32(shards) {
		b := m.shard(minapush.Shard{App: app, N: n}).batches[batch]
		if b == nil {
			continue
		}
		sum := b.sum()
		p.Tally.Merge(sum)
		if b.atEnd && sum.Count(minapush.Pending) == 0 {
			p.ShardsDone++
		}
	}
	return p, nil
}

// ResolveSuspects rules on suspected rows of a campaign.
func (m *Model) ResolveSuspects(ctx context.Context, l store.Lease, campaign string, until time.Time, believe bool, limit int, now time.Time) (int, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return 0, err
	}
	b, until, now := sh.batch(campaign), modelMilli(until), modelMilli(now)
	rows := b.list(func(r *modelRow) bool { return r.State == minapush.Suspected && !r.suspectedAt.After(until) })
	rows = rows[:min(len(rows), max(limit, 0))]
	for _, r := range rows {
		u := sh.users[r.OpenID]
		if believe {
			sh.void(u, func(p minapush.Permit) bool {
				return p.Kind == r.Permit.Kind && p.Template == r.Permit.Template && !p.TakenAt.After(r.suspectedAt)
			})
			if p := u.heldBy(r); p != nil { // a standing one, given again since
				sh.giveBack(u, p)
			}
			sh.finish(b, r, minapush.RefusedByUser, r.Reason, now)
			continue
		}
		sh.effect(u, r, store.Release, minapush.Pending)
		r.maybe = r.maybe || r.Resend
		if !r.maybe {
			u.dropRecent(r)
		}
		r.wait(now)
	}
	return len(rows), nil
}
