package redisstore

import (
	"context"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// walkList examines users on the campaign's list behind the cursor, as walk does users of the shard.
func (v *reservation) walkList(ctx context.Context) error {
	l, err := v.s.listOf(ctx, v.shard, v.b.Campaign, v.closed, v.listed)
	if err != nil {
		return err
	}
	if !v.closed {
		// Somebody may still be adding to it. What comes now is either on it, or refused since this step has closed it.
		v.asked = append(v.asked, question{op: "L", key: v.keys.list(v.b.Campaign), n: len(l.openids)})
	}
	left := l.after(v.progress.cursor())
	page := left[:min(len(left), v.limit())]
	list := v.hash(v.keys.list(v.b.Campaign))
	if err := v.do(ctx, v.look(list, texts(page)...), v.look(v.users, texts(page)...)); err != nil {
		return err
	}
	for _, o := range page {
		place := list.cell(string(o)).now
		if place == nil {
			continue // erased since the list was made
		}
		if err := v.examineListed(ctx, o, place); err != nil {
			return err
		}
	}
	v.walkedTo(page, len(left) == len(page))
	return nil
}

// examineListed sees to one user on the list. A row that is reserved gets the user's values.
func (v *reservation) examineListed(ctx context.Context, o minapush.OpenID, place []byte) error {
	w := v.meet(o)
	if v.b.Skip != "" {
		return v.skip(ctx, &w, v.b.Skip)
	}
	r, found, err := v.user(ctx, o)
	switch {
	case err != nil:
		return err
	case !found:
		return v.reserve(ctx, &w, nil)
	case r.Erasing:
		return v.skip(ctx, &w, minapush.ReasonErased)
	case r.IsBusy():
		return v.wait(ctx, &w, v.b.Now.Add(store.BusyWait))
	}
	if err := v.reserve(ctx, &w, r); err != nil || w.State != minapush.HeldState {
		return err
	}
	v.out.Rows[len(v.out.Rows)-1].Values, err = readListed(place)
	return err
}

// joinValues gives the rows of a campaign with a list their values. Whom the list does not have any more has none.
func (v *reservation) joinValues(ctx context.Context) error {
	if !v.b.Listed || len(v.out.Rows) == 0 {
		return nil
	}
	list := v.hash(v.keys.list(v.b.Campaign))
	openids := make([]minapush.OpenID, len(v.out.Rows))
	for i := range v.out.Rows {
		openids[i] = v.out.Rows[i].OpenID
	}
	if err := v.do(ctx, v.look(list, texts(openids)...)); err != nil {
		return err
	}
	for i, o := range openids {
		place := list.cell(string(o)).now
		if place == nil {
			continue
		}
		values, err := readListed(place)
		if err != nil {
			return err
		}
		v.out.Rows[i].Values = values
	}
	return nil
}
