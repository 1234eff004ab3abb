package pebblestore

import (
	"cmp"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// heldRows are the rows of the campaign that are held and due; to skip everybody, due or not.
func (v *reservation) heldRows() ([]row, error) {
	if v.progress.Held == 0 {
		return nil, nil
	}
	var rows []row
	err := v.eachHand(handPrefix(nil, v.shard, v.b.Campaign), func(w *row) error {
		due := v.b.Skip != "" || !w.NotBefore.After(v.b.Now)
		switch {
		case w.State != minapush.HeldState || w.Push != "":
		case due && len(rows) < v.limit():
			rows = append(rows, *w)
		case !due || v.b.Skip != "":
			v.waits.add(w.NotBefore)
		}
		return nil
	})
	return rows, err
}

// queueRows are the rows of the again-queue that are due, those first that are due first; to skip everybody, due or not. What is not
// among them is counted as waiting, and with none set that is all.
func (v *reservation) queueRows(none bool) ([]row, error) {
	if v.progress.Waiting == 0 {
		return nil, nil
	}
	prefix := queuePrefix(nil, v.shard, v.b.Campaign)
	it, err := scan(v.r, prefix, nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var rows []row
	for ok := it.First(); ok; ok = it.Next() {
		b, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		_, due, err := peekRow(b)
		if err != nil {
			return nil, err
		}
		if none || v.b.Skip == "" && due.After(v.b.Now) {
			v.waits.add(due)
			continue
		}
		o, _, ok := readRow(it.Key()[len(prefix):])
		if !ok {
			return nil, errCorrupt
		}
		w, err := readRowValue(b, v.b.Campaign, o, "")
		if err != nil {
			return nil, err
		}
		w.queued = true
		// Twice the limit at most is in memory, however long the queue is.
		if rows = append(rows, w); len(rows) >= 2*v.limit() {
			rows = v.earliest(rows)
		}
	}
	return v.earliest(rows), it.Error()
}

// earliest keeps as many rows as one call takes, in the order in which they are due, and counts the others as waiting.
func (v *reservation) earliest(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int { return a.NotBefore.Compare(b.NotBefore) })
	n := min(len(rows), v.limit())
	for i := range rows[n:] {
		v.waits.add(rows[n+i].NotBefore)
	}
	return rows[:n]
}

// requeued sees to users of the again-queue, who may be busy with another delivery, as whoever is being erased is.
func (v *reservation) requeued(rows []row) error {
	for i := range rows {
		w := &rows[i]
		r, found, err := v.user(w.OpenID)
		if err != nil {
			return err
		}
		if found && r.IsBusy() {
			err = v.wait(w, v.b.Now.Add(store.BusyWait))
		} else {
			err = v.reserve(w, r)
		}
		if err != nil {
			return err
		}
	}
	slices.SortFunc(v.out.Rows, func(a, b minapush.Delivery) int { return cmp.Compare(a.OpenID, b.OpenID) })
	return nil
}

// skipHeld releases held rows and skips their users. What was sent before with the same permit may have arrived: then its use is spent.
func (v *reservation) skipHeld(rows []row) error {
	for i := range rows {
		w := &rows[i]
		e := ending{state: minapush.Settled, outcome: minapush.Skipped, effect: store.Release, now: v.b.Now, back: !w.Resend}
		if w.Maybe || w.Resend {
			e.outcome = minapush.Unknown
		}
		if w.Resend {
			e.effect = store.Spend
		}
		w.Reason = v.b.Skip
		if err := v.end(w, e); err != nil {
			return err
		}
	}
	return nil
}

// skipQueue skips users of the again-queue.
func (v *reservation) skipQueue(rows []row) error {
	for i := range rows {
		if err := v.skip(&rows[i], v.b.Skip); err != nil {
			return err
		}
	}
	return nil
}
