package redisstore

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// heldOf reads the campaign's rows in hand that are held, by openid.
func (v *reservation) heldOf(m rueidis.RedisMessage) ([]row, error) {
	pairs, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	var rows []row
	for i := 0; i+1 < len(pairs); i += 2 {
		field, err := pairs[i].ToString()
		if err != nil {
			return nil, err
		}
		b, err := pairs[i+1].AsBytes()
		if err != nil {
			return nil, err
		}
		if rows, err = v.unpackHand(rows, field, b, func(string, string, minapush.OpenID) bool { return true }); err != nil {
			return nil, err
		}
	}
	rows = slices.DeleteFunc(rows, func(w row) bool { return w.State != minapush.HeldState })
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.OpenID, b.OpenID) })
	return rows, nil
}

// dueHeld are the rows of the campaign that are held and due; to skip everybody, due or not. Others are counted as waiting.
func (v *reservation) dueHeld() []row {
	var rows []row
	for i := range v.held {
		w := &v.held[i]
		due := v.b.Skip != "" || !w.NotBefore.After(v.b.Now)
		switch {
		case due && len(rows) < v.limit():
			rows = append(rows, *w)
		case !due || v.b.Skip != "":
			v.waits.add(w.NotBefore)
		}
	}
	return rows
}

// queueOf reads the rows of the again-queue that are due, those first that are due first.
func (v *reservation) queueOf(m rueidis.RedisMessage) ([]row, error) {
	pairs, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	queue := v.hash(v.keys.queue(v.b.Campaign))
	rows := make([]row, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		o, err := pairs[i].ToString()
		if err != nil {
			return nil, err
		}
		b, err := bytesOf(pairs[i+1])
		if err != nil {
			return nil, err
		}
		w, err := readRow(b, v.b.Campaign, minapush.OpenID(o), "")
		if err != nil {
			return nil, err
		}
		queue.saw(o, b)
		w.queued = true
		rows = append(rows, w)
	}
	return rows, nil
}

// countQueue counts what of the again-queue is not taken by this call; with none set that is all.
func (v *reservation) countQueue(none bool) error {
	left, next := v.waiting-len(v.queue), v.other
	if none {
		left, next = v.waiting, v.first
		v.queue = nil
	}
	if left <= 0 {
		return nil
	}
	ms, err := strconv.ParseFloat(next, 64)
	if err != nil {
		return errCorrupt
	}
	v.waits.addAll(left, fromMillis(int64(ms)))
	return nil
}

// requeued sees to users of the again-queue, who may be busy with another delivery, as whoever is being erased is.
func (v *reservation) requeued(ctx context.Context, rows []row) error {
	openids := make([]string, len(rows))
	for i := range rows {
		openids[i] = string(rows[i].OpenID)
	}
	if err := v.do(ctx, v.look(v.users, openids...)); err != nil {
		return err
	}
	for i := range rows {
		w := &rows[i]
		r, found, err := v.user(ctx, w.OpenID)
		if err != nil {
			return err
		}
		switch {
		case found && r.IsBusy():
			err = v.wait(ctx, w, v.b.Now.Add(store.BusyWait))
		case found:
			err = v.reserve(ctx, w, r)
		default:
			err = v.reserve(ctx, w, nil)
		}
		if err != nil {
			return err
		}
	}
	slices.SortFunc(v.out.Rows, func(a, b minapush.Delivery) int { return cmp.Compare(a.OpenID, b.OpenID) })
	return nil
}

// skipHeld releases held rows and skips their users. What was sent before with the same permit may have arrived: then its use is spent.
func (v *reservation) skipHeld(ctx context.Context, rows []row) error {
	if err := v.lookOwners(ctx, rows); err != nil {
		return err
	}
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
		if err := v.end(ctx, w, e); err != nil {
			return err
		}
	}
	return nil
}

// skipQueue skips users of the again-queue.
func (v *reservation) skipQueue(ctx context.Context, rows []row) error {
	for i := range rows {
		if err := v.skip(ctx, &rows[i], v.b.Skip); err != nil {
			return err
		}
	}
	return nil
}
