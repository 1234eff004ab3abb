package pebblestore

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// walkList examines users on the campaign's list behind the cursor, as walk does users of the shard.
func (v *reservation) walkList() error {
	p := v.progress
	it, skip, err := listedAfter(v.r, v.shard, v.b.Campaign, p.Cursor)
	if err != nil {
		return err
	}
	defer it.Close()
	known, err := openRows(v.r, v.shard, v.b.Campaign, store.Ref{OpenID: p.Cursor})
	if err != nil {
		return err
	}
	defer known.close()
	p.changed = true
	ok := it.First()
	for n := 0; ok && n < v.limit(); n++ {
		p.Cursor = minapush.OpenID(it.Key()[skip:])
		if err := v.examineListed(p.Cursor, it, known); err != nil {
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

// examineListed sees to the user that a walk of the list stands on. A row that is reserved gets the user's values.
func (v *reservation) examineListed(o minapush.OpenID, it *pebble.Iterator, known *rowIter) error {
	if known.has(o) {
		return nil
	}
	w := v.meet(o)
	if v.b.Skip != "" {
		return v.skip(&w, v.b.Skip)
	}
	r, found, err := v.user(o)
	switch {
	case err != nil:
		return err
	case !found:
		return v.reserve(&w, nil)
	case r.Erasing:
		return v.skip(&w, minapush.ReasonErased)
	case r.IsBusy():
		return v.wait(&w, v.b.Now.Add(store.BusyWait))
	}
	if err := v.reserve(&w, r); err != nil || w.State != minapush.HeldState {
		return err
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	v.out.Rows[len(v.out.Rows)-1].Values, err = readListed(b)
	return err
}

// joinValues gives the rows of a campaign with a list their values. Whom the list does not have any more has none.
func (v *reservation) joinValues() error {
	if !v.b.Listed {
		return nil
	}
	for i := range v.out.Rows {
		d := &v.out.Rows[i]
		v.key = listedKey(v.key[:0], v.shard, v.b.Campaign, d.OpenID)
		b, found, err := v.place(v.key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if d.Values, err = readListed(b); err != nil {
			return err
		}
	}
	return nil
}

// place reads a place on a list.
func (st *step) place(key []byte) (value []byte, found bool, err error) {
	if st.wide {
		return st.seek(2, key)
	}
	return st.get(key)
}
