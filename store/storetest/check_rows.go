package storetest

import (
	"context"
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// checkRows reads the rows of one batch in one shard, page by page, in step with the users.
type checkRows struct {
	st     store.Store
	shard  minapush.Shard
	batch  string
	sum    *checkSum
	report *checkReport

	page  []minapush.Delivery
	after store.Ref
	more  bool
	last  minapush.Delivery // the row before the next
	any   bool              // there was one
}

// peek returns the next row without taking it; nil at the end.
func (l *checkRows) peek(ctx context.Context) (*minapush.Delivery, error) {
	for len(l.page) == 0 && l.more {
		rows, next, more, err := l.st.List(ctx, l.shard, l.batch, l.after, checkPage, nil)
		if err != nil {
			return nil, fmt.Errorf("list %q in shard %d/%d: %w", l.batch, l.shard.App, l.shard.N, err)
		}
		if more && next.OpenID == l.after.OpenID && next.Push == l.after.Push {
			return nil, fmt.Errorf("list of %q in shard %d/%d stays at %q, %q", l.batch, l.shard.App, l.shard.N, next.OpenID, next.Push)
		}
		l.page, l.after, l.more = rows, next, more
	}
	if len(l.page) == 0 {
		return nil, nil
	}
	return &l.page[0], nil
}

// take counts the next row, which is that of peek.
func (l *checkRows) take() minapush.Delivery {
	d := l.page[0]
	l.page = l.page[1:]
	place := checkUserPlace{l.shard, d.OpenID}
	if l.any && (d.OpenID < l.last.OpenID || d.OpenID == l.last.OpenID && d.Push <= l.last.Push) {
		l.report.say("I3", place, "row of %q, push %q comes after that of %q, push %q: there are two or they are out of order",
			l.batch, d.Push, l.last.OpenID, l.last.Push)
	}
	l.last, l.any = d, true
	if d.Batch != l.batch {
		l.report.say("I7", place, "row of batch %q is listed in %q", d.Batch, l.batch)
	}
	if (d.State == minapush.Settled) != (d.Outcome != minapush.Pending) {
		l.report.say("I6", place, "row of %q is %v with outcome %v", l.batch, d.State, d.Outcome)
	}
	if !d.OpenedAt.IsZero() && (d.State == minapush.Settled && !d.Outcome.Openable() || d.State != minapush.Settled && d.Tries == 0) {
		l.report.say("I6", place, "row of %q was opened and is %v with outcome %v after %d tries", l.batch, d.State, d.Outcome, d.Tries)
	}
	l.checkConfirmed(place, d)
	l.sum.add(d)
	return d
}

// checkConfirmed: the platform speaks of what was accepted, or may be.
func (l *checkRows) checkConfirmed(place checkUserPlace, d minapush.Delivery) {
	said := d.Confirmed != minapush.Unconfirmed
	switch {
	case !said && d.Reason == minapush.ReasonConfirmed && d.State == minapush.Settled:
		l.report.say("I6", place, "row of %q is %v since it was confirmed, and is not", l.batch, d.Outcome)
	case said == d.ConfirmedAt.IsZero() || !said && d.ConfirmStatus != "" || said && d.MsgID == 0 || d.Confirmed > minapush.Undelivered:
		l.report.say("I6", place, "row of %q has half a confirmation: %d at %v, %q of message %d",
			l.batch, d.Confirmed, d.ConfirmedAt, d.ConfirmStatus, d.MsgID)
	case said && d.Outcome != minapush.Accepted && d.State != minapush.Sending:
		l.report.say("I6", place, "row of %q is confirmed and is %v with outcome %v", l.batch, d.State, d.Outcome)
	case len(d.ConfirmStatus) > minapush.MaxConfirmStatus:
		l.report.say("I6", place, "row of %q has a status of %d bytes", l.batch, len(d.ConfirmStatus))
	}
}

// collect gives a user its rows. What comes before it has no user.
func (l *checkRows) collect(ctx context.Context, c *checkUser) error {
	for {
		d, err := l.peek(ctx)
		if err != nil || d == nil || d.OpenID > c.user.OpenID {
			return err
		}
		if d.OpenID < c.user.OpenID {
			l.orphan()
			continue
		}
		c.row(l.take())
	}
}

// drain takes what is left when there are no more users.
func (l *checkRows) drain(ctx context.Context) error {
	for {
		d, err := l.peek(ctx)
		if err != nil || d == nil {
			return err
		}
		l.orphan()
	}
}

// orphan takes a row whose user is not there. Only a push to somebody unknown leaves one, skipped and without a permit.
func (l *checkRows) orphan() {
	d := l.take()
	if d.State != minapush.Settled {
		l.report.say("I2", checkUserPlace{l.shard, d.OpenID}, "is not there and has a row of %q that is %v", l.batch, d.State)
	} else if d.Permit.Kind != 0 {
		l.report.say("I2", checkUserPlace{l.shard, d.OpenID}, "is not there and has a row of %q that took a permit", l.batch)
	}
}

// checkSum counts the rows of one batch over all shards.
type checkSum struct {
	pending [minapush.Settled]int64
	by      map[minapush.Outcome]map[string]int64
	opened  int64

	delivered, undelivered int64
}

func newCheckSum() *checkSum { return &checkSum{by: map[minapush.Outcome]map[string]int64{}} }

func (s *checkSum) add(d minapush.Delivery) {
	if d.State < minapush.Settled {
		s.pending[d.State]++
		return
	}
	if s.by[d.Outcome] == nil {
		s.by[d.Outcome] = map[string]int64{}
	}
	if !d.OpenedAt.IsZero() {
		s.opened++
	}
	switch d.Confirmed {
	case minapush.Delivered:
		s.delivered++
	case minapush.Undelivered:
		s.undelivered++
	}
	s.by[d.Outcome][d.Reason]++
}

// checkTally compares a batch's tally with itself and with its rows.
func (r *checkReport) checkTally(place checkBatchPlace, p store.Progress, shards int, rows *checkSum, kept, gone bool) {
	t := p.Tally
	if !t.Closes() {
		r.say("I6", place, "tally does not close: examined %d, of them %d pending, %v", t.Examined, t.Count(minapush.Pending), t.By)
	}
	stored := [minapush.Settled]int64{
		minapush.Waiting: t.Waiting, minapush.HeldState: t.Held, minapush.Sending: t.Sending, minapush.Suspected: t.Suspected,
	}
	for state, n := range rows.pending {
		if stored[state] != n {
			r.say("I6", place, "tally has %d %v, but %d rows are", stored[state], minapush.DeliveryState(state), n)
		}
	}
	if p.ShardsDone < 0 || p.ShardsDone > shards {
		r.say("I6", place, "%d of %d shards are done", p.ShardsDone, shards)
	}
	if p.ShardsDone == shards && t.Count(minapush.Pending) != 0 {
		r.say("I6", place, "every shard is done, but %d deliveries are pending", t.Count(minapush.Pending))
	}
	if t.Opened < rows.opened || t.Opened > rows.opened && !gone {
		r.say("I6", place, "tally has %d opened, but %d rows are", t.Opened, rows.opened)
	}
	if arrived := t.Count(minapush.Accepted) + t.Count(minapush.Unknown); t.Opened > arrived {
		r.say("I6", place, "tally has %d opened, but only %d can have arrived", t.Opened, arrived)
	}
	for what, n := range map[string][2]int64{"delivered": {t.Delivered, rows.delivered}, "undelivered": {t.Undelivered, rows.undelivered}} {
		if n[0] < n[1] || n[0] > n[1] && !gone {
			r.say("I6", place, "tally has %d %s, but %d rows are", n[0], what, n[1])
		}
	}
	if accepted := t.Count(minapush.Accepted); t.Delivered+t.Undelivered > accepted {
		r.say("I6", place, "tally has %d delivered and %d undelivered, but only %d accepted", t.Delivered, t.Undelivered, accepted)
	}
	for _, o := range minapush.Outcomes {
		r.checkOutcome(place, o, t.By[o], rows.by[o], kept, gone)
	}
}

func (r *checkReport) checkOutcome(place checkBatchPlace, o minapush.Outcome, tally, rows map[string]int64, kept, gone bool) {
	for reason, n := range tally {
		switch {
		case n < 0:
			r.say("I6", place, "tally of %v (%s) is %d", o, reason, n)
		case rows[reason] < n && !gone && (kept || o != minapush.Skipped): // others' skips are counted and need no row
			r.say("I6", place, "tally has %d %v (%s), but only %d rows are", n, o, reason, rows[reason])
		}
	}
	for reason, n := range rows {
		if n > tally[reason] {
			r.say("I6", place, "%d rows are %v (%s), but the tally has %d", n, o, reason, tally[reason])
		}
	}
}

// checkList holds a campaign's tally against its list, if it has one: whoever is on it is examined once, and nobody else is. The walk
// of each shard must have been of the list.
func (r *checkReport) checkList(ctx context.Context, st store.Store, place checkBatchPlace, p store.Progress, shards int) error {
	listed, err := st.CountListed(ctx, place.app, shards, place.batch)
	if err != nil {
		return fmt.Errorf("count the list of %q: %w", place.batch, err)
	}
	switch n := p.Tally.Examined; {
	case listed == 0: // none
	case n > listed:
		r.say("I6", place, "examined %d users of a list of %d", n, listed)
	case p.ShardsDone == shards && n != listed:
		r.say("I6", place, "every shard is done, but of a list of %d only %d were examined", listed, n)
	}
	return nil
}
