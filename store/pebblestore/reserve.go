package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// ReserveBatch implements store.Campaigns. b.Audience is asked under the lock of the shard and may not call the store. Errors beside
// those of the contract: Invalid (a kind of template that does not exist).
func (s *Store) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	var out store.Reserved
	need, err := needOf(b.Need)
	if err != nil && b.Skip == "" {
		return out, err
	}
	b.Now, b.Started = cut(b.Now), cut(b.Started)
	err = s.leased(ctx, l, b.Limit, func(st *step) error {
		p, err := st.of(b.Campaign)
		if err != nil {
			return err
		}
		v := &reservation{step: st, b: &b, need: need, progress: p}
		if err := v.run(); err != nil {
			return err
		}
		out = v.out
		out.Done, out.Waiting, out.NextDue = p.Done, v.waits.n, v.waits.first
		return nil
	})
	if err != nil {
		return store.Reserved{}, err
	}
	return out, nil
}

func needOf(n store.Need) (record.Need, error) {
	kinds := n.Kind.PermitKinds()
	if kinds == nil {
		return record.Need{}, minapush.FieldError("kind", "must be legacy, one_time or long_term, not %q", n.Kind)
	}
	return record.Need{Kinds: kinds, Template: n.Template, Content: n.Content, Code: n.Code}, nil
}

// reservation is one ReserveBatch under way.
type reservation struct {
	*step
	b        *store.Batch
	need     record.Need
	progress *progress
	out      store.Reserved
	waits    waits
	near     besides // what Audience asks of; none without it
}

// waits counts what is left to wait for.
type waits struct {
	n     int
	first time.Time
}

func (v *waits) add(due time.Time) {
	if v.n == 0 || due.Before(v.first) {
		v.first = due
	}
	v.n++
}

// run takes the first work that there is: rows in hand that are due, the due part of the again-queue, users behind the cursor. One
// call takes one of them, so that nobody is met twice in it; skipping, where that cannot matter, it goes on to the next.
func (v *reservation) run() error {
	rows, err := v.heldRows()
	if err != nil {
		return err
	}
	queue, err := v.queueRows(len(rows) > 0 && v.b.Skip == "")
	if err != nil {
		return err
	}
	switch {
	case v.b.Skip != "":
		if err := v.skipHeld(rows); err != nil {
			return err
		}
		if err := v.skipQueue(queue); err != nil {
			return err
		}
	case len(rows) > 0:
		// They are held already: nothing changes.
		for i := range rows {
			v.out.Rows = append(v.out.Rows, rows[i].Delivery)
		}
		return v.joinValues()
	case len(queue) > 0:
		if err := v.requeued(queue); err != nil {
			return err
		}
		return v.joinValues()
	}
	switch {
	case v.progress.Done:
		return nil
	case v.b.Listed:
		return v.walkList()
	}
	return v.walk()
}

func (v *reservation) limit() int { return max(v.b.Limit, 1) }

// walk examines users behind the cursor. The rows that it writes and the cursor move together: after a crash nobody is passed over and
// nobody is met twice.
func (v *reservation) walk() error {
	p := v.progress
	it, err := usersAfter(v.r, v.shard, p.Cursor)
	if err != nil {
		return err
	}
	defer it.Close()
	// There is a row behind the cursor only if somebody put it there beforehand, so these are seldom more than three seeks.
	known, err := openRows(v.r, v.shard, v.b.Campaign, store.Ref{OpenID: p.Cursor})
	if err != nil {
		return err
	}
	defer known.close()
	if v.b.Audience != nil {
		v.near, err = openBesides(v.r, v.shard, v.b.Beside, p.Cursor)
		defer v.near.close()
		if err != nil {
			return err
		}
	}
	p.changed = true
	ok := it.First()
	for n := 0; ok && n < v.limit(); n++ {
		p.Cursor = minapush.OpenID(it.Key()[shardSize:])
		if err := decodeAt(it, &v.rec); err != nil {
			return err
		}
		if err := v.examine(p.Cursor, &v.rec, known); err != nil {
			return err
		}
		ok = it.Next()
	}
	p.Done = !ok
	if err := it.Error(); err != nil {
		return err
	}
	return known.err()
}

func (v *reservation) examine(o minapush.OpenID, r *record.Record, known *rowIter) error {
	if r.Erasing || !time.UnixMilli(r.FirstSeen).Before(v.b.Started) || known.has(o) {
		return nil
	}
	if in, err := v.inAudience(o, r); err != nil || !in {
		return err
	}
	w := v.meet(o)
	switch {
	case v.b.Skip != "":
		return v.ended(&w, r, v.skip(&w, v.b.Skip))
	case r.IsBusy():
		return v.wait(&w, v.b.Now.Add(store.BusyWait))
	}
	return v.reserve(&w, r)
}

// inAudience asks whether a user belongs to the audience. Whoever is asked about next gets the same memory.
func (v *reservation) inAudience(o minapush.OpenID, r *record.Record) (bool, error) {
	if v.b.Audience == nil {
		return true, nil
	}
	if v.view == nil {
		v.view = newViewer()
	}
	u, err := v.view.show(o, r, v.b.Looks)
	if err != nil {
		return false, err
	}
	if len(v.near) > 0 {
		if v.view.beside, err = v.near.of(o, v.view.beside[:0]); err != nil {
			return false, err
		}
		u.Beside = v.view.beside
	}
	return v.b.Audience(u), nil
}

// meet counts somebody who is part of the audience, and begins the row.
func (v *reservation) meet(o minapush.OpenID) row {
	v.out.Examined++
	v.progress.Examined++
	return row{Delivery: minapush.Delivery{Batch: v.b.Campaign, OpenID: o}, AtLeastOnce: v.b.AtLeastOnce}
}

// reserve holds a permit for a row, new or of the again-queue. r is nil for a user that is not there.
func (v *reservation) reserve(w *row, r *record.Record) error {
	var c record.Choice
	reason := minapush.ReasonNoPermit
	switch {
	case r == nil:
	case r.OptOut() != minapush.OptOutNone:
		reason = minapush.ReasonOptedOut
	default:
		c = r.Reserve(record.Ref{Batch: w.Batch, Attempt: w.Attempt + 1}, v.need, record.Guard(v.b.Guard), v.b.Now)
	}
	if !c.OK {
		if !c.ReadyAt.IsZero() {
			return v.wait(w, c.ReadyAt)
		}
		if c.Kept != "" {
			reason = c.Kept
		}
		if w.Tries > 0 && !w.Maybe {
			return v.ended(w, r, v.finish(w, minapush.Failed, w.Reason))
		}
		return v.ended(w, r, v.skip(w, reason))
	}
	if err := v.unqueue(w); err != nil {
		return err
	}
	*v.progress.pending(minapush.HeldState)++
	w.State, w.NotBefore = minapush.HeldState, time.Time{}
	w.Attempt++
	w.Permit, w.ReservedAt = c.Permit, v.b.Now
	v.out.Rows = append(v.out.Rows, w.Delivery)
	if err := v.setUser(w.OpenID, r); err != nil {
		return err
	}
	return v.put(w)
}

// wait puts a row into the again-queue, or leaves it there for longer.
func (v *reservation) wait(w *row, due time.Time) error {
	if !w.queued {
		*v.progress.pending(minapush.Waiting)++
	}
	v.waits.add(due)
	w.State, w.NotBefore = minapush.Waiting, due
	return v.put(w)
}

// skip ends a row that is not in hand: unknown if an earlier try may have arrived, else skipped. Users skipped as they are walked are
// counted and leave no row, since a campaign may have millions of them, unless they are listed and their rows are wanted.
func (v *reservation) skip(w *row, reason string) error {
	if !w.queued && !(v.b.Listed && v.b.KeepSkipped) {
		v.progress.count(minapush.Skipped, reason)
		return nil
	}
	if w.Maybe {
		return v.finish(w, minapush.Unknown, reason)
	}
	return v.finish(w, minapush.Skipped, reason)
}

// finish ends a row that is new or of the again-queue.
func (v *reservation) finish(w *row, o minapush.Outcome, reason string) error {
	if err := v.unqueue(w); err != nil {
		return err
	}
	w.State, w.Outcome, w.NotBefore, w.SettledAt = minapush.Settled, o, time.Time{}, v.b.Now
	w.Reason = v.progress.count(o, reason)
	v.progress.opened(w)
	return v.put(w)
}

// ended notes the end of a row in the record of its user, if that remembers the delivery: of an earlier time, whose rows were forgotten.
func (v *reservation) ended(w *row, r *record.Record, err error) error {
	if err != nil || r == nil || !missed(r, &w.Delivery) {
		return err
	}
	return v.setUser(w.OpenID, r)
}

// unqueue takes a row out of the again-queue, if it is there.
func (v *reservation) unqueue(w *row) error {
	if !w.queued {
		return nil
	}
	*v.progress.pending(minapush.Waiting)--
	return v.dropQueue(w)
}
