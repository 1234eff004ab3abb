package redisstore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// ReserveBatch implements store.Campaigns. b.Audience may be asked again about the same user, when somebody else was first and the
// step begins anew; it may not call the store. Errors beside those of the contract: Invalid (a kind of template that does not exist).
func (s *Store) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	var out store.Reserved
	need, err := needOf(b.Need)
	if err != nil && b.Skip == "" {
		return out, err
	}
	b.Now, b.Started = cut(b.Now), cut(b.Started)
	err = s.leased(ctx, l, func(ctx context.Context, st *step) error {
		v := &reservation{step: st, b: &b, need: need, guard: record.Guard(b.Guard), lease: &l}
		if err := v.run(ctx); err != nil {
			return err
		}
		out = v.out
		out.Done, out.Waiting, out.NextDue = v.progress.done(), v.waits.n, v.waits.first
		return nil
	})
	if err != nil {
		return store.Reserved{}, err
	}
	return out, nil
}

// reservation is one ReserveBatch under way.
type reservation struct {
	*step
	b        *store.Batch
	need     record.Need
	guard    record.Guard
	lease    *store.Lease
	progress *progress
	out      store.Reserved
	waits    waits
	viewer   *viewer // of whom the audience is asked about

	// What reserve.lua told.
	closed     bool   // the campaign has begun in this shard
	held       []row  // in hand, and not being sent
	queue      []row  // of the again-queue, due
	waiting    int    // how long the queue is
	first      string // when its first row is due
	other      string // when the first is due that is not in queue
	generation string // of the users
	listed     string // how long the list is
}

// waits counts what is left to wait for.
type waits struct {
	n     int
	first time.Time
}

func (v *waits) add(due time.Time) { v.addAll(1, due) }

func (v *waits) addAll(n int, first time.Time) {
	if v.n == 0 || first.Before(v.first) {
		v.first = first
	}
	v.n += n
}

// run takes the first work that there is: rows in hand that are due, the due part of the again-queue, users behind the cursor. One
// call takes one of them, so that nobody is met twice in it; skipping, where that cannot matter, it goes on to the next.
func (v *reservation) run(ctx context.Context) error {
	if err := v.peek(ctx); err != nil {
		return err
	}
	rows := v.dueHeld()
	if err := v.countQueue(len(rows) > 0 && v.b.Skip == ""); err != nil {
		return err
	}
	switch {
	case v.b.Skip != "":
		if err := v.skipHeld(ctx, rows); err != nil {
			return err
		}
		if err := v.skipQueue(ctx, v.queue); err != nil {
			return err
		}
	case len(rows) > 0:
		// They are held already: nothing changes.
		for i := range rows {
			v.out.Rows = append(v.out.Rows, rows[i].Delivery)
		}
		return v.joinValues(ctx)
	case len(v.queue) > 0:
		if err := v.requeued(ctx, v.queue); err != nil {
			return err
		}
		return v.joinValues(ctx)
	}
	switch {
	case v.progress.done():
		return nil
	case v.b.Listed:
		return v.walkList(ctx)
	}
	return v.walk(ctx)
}

func (v *reservation) limit() int { return max(v.b.Limit, 1) }

// peek looks at where the campaign stands.
func (v *reservation) peek(ctx context.Context) error {
	k := v.keys
	keys := []string{
		k.lease(), k.progress(v.b.Campaign), k.hand(), k.order(v.b.Campaign), k.queue(v.b.Campaign), k.counters(), k.list(v.b.Campaign),
	}
	due := score(v.b.Now)
	if v.b.Skip != "" {
		due = "+inf"
	}
	args := append([]string{v.step.lease, campaignField(v.b.Campaign), due, strconv.Itoa(v.limit())}, versionFields[:]...)
	if err := v.watch(ctx, v.limit()); err != nil {
		return err
	}
	m, err := v.s.scripts.reserve.run(ctx, v.on, keys, args)
	if rueidis.IsRedisNil(err) {
		return leaseError(v.lease)
	}
	if err != nil {
		return err
	}
	v.reads, v.leaseSeen = v.reads+1, true
	answer, err := m.ToArray()
	if err != nil || len(answer) != 9 {
		return errCorrupt
	}
	return v.told(answer)
}

// told reads what reserve.lua answered.
func (v *reservation) told(answer []rueidis.RedisMessage) error {
	fields, err := answer[0].AsStrMap()
	if err == nil {
		err = v.sawProgress(v.b.Campaign, fields)
	}
	if err != nil {
		return err
	}
	v.closed, v.progress = len(fields) > 0, v.known(v.b.Campaign)
	v.progress.walks()
	if v.held, err = v.heldOf(answer[1]); err != nil {
		return err
	}
	v.emptyHand(v.b.Campaign) // where nothing was told of
	if v.queue, err = v.queueOf(answer[2]); err != nil {
		return err
	}
	n, err := answer[3].AsInt64()
	if err != nil {
		return err
	}
	v.waiting = int(n)
	for i, at := range []*string{&v.first, &v.other, &v.generation} {
		if *at, err = answer[4+i].ToString(); err != nil {
			return err
		}
	}
	long, err := answer[7].AsInt64()
	v.listed = itoa(long)
	if err != nil {
		return err
	}
	if err := v.sawVersion(answer[8]); err != nil {
		return err
	}
	v.leaves = true
	v.takeUp(v.s.recalls.take(v.shard))
	return nil
}

// walk examines users behind the cursor. The rows that it writes and the cursor move together: after a crash nobody is passed over and
// nobody is met twice. No user behind the cursor has a row of the campaign, since rows are made where the cursor passes.
func (v *reservation) walk(ctx context.Context) error {
	l, err := v.s.usersOf(ctx, v.shard, &v.generation)
	if err != nil {
		return err
	}
	v.counters.saw(generationField, textBytes(l.generation)) // if somebody comes or goes, the step begins anew
	left := l.after(v.progress.cursor())
	page := left[:min(len(left), v.limit())]
	if err := v.do(ctx, v.look(v.users, texts(page)...)); err != nil {
		return err
	}
	var beside besides
	if v.b.Audience != nil {
		v.viewer = newViewer()
		if beside, err = v.s.besidesOf(ctx, v.on, v.shard, page, v.b.Beside); err != nil {
			return err
		}
	}
	v.out.Rows = slices.Grow(v.out.Rows, len(page))
	for i, o := range page {
		r, found, err := v.user(ctx, o)
		if err != nil {
			return err
		}
		if !found {
			continue // gone since the list was made: the commit will notice
		}
		if err := v.examine(ctx, o, r, beside.of(i)); err != nil {
			return err
		}
	}
	v.walkedTo(page, len(left) == len(page))
	return nil
}

// walkedTo moves the cursor behind a page.
func (v *reservation) walkedTo(page []minapush.OpenID, done bool) {
	to := v.progress.cursor()
	if len(page) > 0 {
		to = page[len(page)-1]
	}
	v.progress.walked(to, done)
}

// textBytes is a field as it was read; nil if there was none.
func textBytes(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func (v *reservation) examine(ctx context.Context, o minapush.OpenID, r *record.Record, beside []store.Beside) error {
	if r.Erasing || !time.UnixMilli(r.FirstSeen).Before(v.b.Started) {
		return nil
	}
	if v.b.Audience != nil {
		u, err := v.viewer.show(o, r, v.b.Looks)
		if err != nil {
			return err
		}
		u.Beside = beside
		if !v.b.Audience(u) {
			v.users.cell(string(o)).free = true // it may be asked on a read slightly older than the step
			return nil
		}
	}
	w := v.meet(o)
	switch {
	case v.b.Skip != "":
		return v.skip(ctx, &w, v.b.Skip)
	case r.IsBusy():
		return v.wait(ctx, &w, v.b.Now.Add(store.BusyWait))
	}
	return v.reserve(ctx, &w, r)
}

// meet counts somebody who is part of the audience, and begins the row.
func (v *reservation) meet(o minapush.OpenID) row {
	v.out.Examined++
	v.progress.examined(1)
	return row{Delivery: minapush.Delivery{Batch: v.b.Campaign, OpenID: o}, AtLeastOnce: v.b.AtLeastOnce}
}

// reserve holds a permit for a row, new or of the again-queue. r is nil for a user that is not there.
func (v *reservation) reserve(ctx context.Context, w *row, r *record.Record) error {
	var c record.Choice
	reason := minapush.ReasonNoPermit
	switch {
	case r == nil:
	case r.OptOut() != minapush.OptOutNone:
		reason = minapush.ReasonOptedOut
	default:
		c = r.Reserve(record.Ref{Batch: w.Batch, Attempt: w.Attempt + 1}, v.need, v.guard, v.b.Now)
		if c.Kept != "" {
			reason = c.Kept
		}
	}
	if !c.OK {
		if !c.ReadyAt.IsZero() {
			return v.wait(ctx, w, c.ReadyAt)
		}
		if w.Tries > 0 && !w.Maybe {
			return v.finish(ctx, w, minapush.Failed, w.Reason)
		}
		return v.skip(ctx, w, reason)
	}
	v.unqueue(w)
	v.progress.pend(minapush.HeldState, 1)
	w.State, w.NotBefore = minapush.HeldState, time.Time{}
	w.Attempt++
	w.Permit, w.ReservedAt = c.Permit, v.b.Now
	v.out.Rows = append(v.out.Rows, w.Delivery)
	v.setUser(w.OpenID, r)
	return v.put(ctx, w)
}

// wait puts a row into the again-queue, or leaves it there for longer.
func (v *reservation) wait(ctx context.Context, w *row, due time.Time) error {
	if !w.queued {
		v.progress.pend(minapush.Waiting, 1)
	}
	v.waits.add(due)
	w.State, w.NotBefore = minapush.Waiting, due
	return v.put(ctx, w)
}

// skip ends a row that is not in hand: unknown if an earlier try may have arrived, else skipped. Users skipped as they are walked are
// counted and leave no row, since a campaign may have millions of them, unless they are listed and their rows are wanted.
func (v *reservation) skip(ctx context.Context, w *row, reason string) error {
	if !w.queued && !(v.b.Listed && v.b.KeepSkipped) {
		v.progress.count(minapush.Skipped, reason)
		return nil
	}
	if w.Maybe {
		return v.finish(ctx, w, minapush.Unknown, reason)
	}
	return v.finish(ctx, w, minapush.Skipped, reason)
}

// finish ends a row that is new or of the again-queue.
func (v *reservation) finish(ctx context.Context, w *row, o minapush.Outcome, reason string) error {
	v.unqueue(w)
	w.State, w.Outcome, w.NotBefore, w.SettledAt = minapush.Settled, o, time.Time{}, v.b.Now
	w.Reason = v.progress.count(o, reason)
	v.progress.opened(w)
	return v.put(ctx, w)
}

// unqueue takes a row out of the again-queue, if it is there.
func (v *reservation) unqueue(w *row) {
	if w.queued {
		v.progress.pend(minapush.Waiting, -1)
		v.dropQueue(w.Batch, w.OpenID)
	}
}
