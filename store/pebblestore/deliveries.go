package pebblestore

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string) (minapush.Delivery, error) {
	var d minapush.Delivery
	err := s.readMoment(ctx, sh, func(r pebble.Reader) error {
		w, err := find(r, sh, batch, o, push)
		d = w.Delivery
		return err
	})
	return d, err
}

// find reads one row, wherever it stands. Errors: NotFound.
func find(r pebble.Reader, sh minapush.Shard, batch string, o minapush.OpenID, push string) (row, error) {
	keys := [][]byte{handKey(nil, sh, batch, o, push), settledKey(nil, sh, batch, o, push)}
	if push == "" {
		keys = append(keys, queueKey(nil, sh, batch, o))
	}
	for _, key := range keys {
		v, found, err := get(r, nil, key)
		if err != nil {
			return row{}, err
		}
		if found {
			return readRowValue(v, batch, o, push)
		}
	}
	return row{}, minapush.Errorf(minapush.NotFound, "no delivery to %s in %s", o.Masked(), batch)
}

// defaultScan is how many rows List examines when the caller does not say.
const defaultScan = 1000

// List implements store.Deliveries.
func (s *Store) List(
	ctx context.Context, sh minapush.Shard, batch string, after store.Ref, limit int, match *minapush.Outcome,
) (rows []minapush.Delivery, next store.Ref, more bool, err error) {
	if limit <= 0 {
		limit = defaultScan
	}
	next = after
	err = s.readMoment(ctx, sh, func(r pebble.Reader) error {
		m, err := openRows(r, sh, batch, after)
		if err != nil {
			return err
		}
		defer m.close()
		for n := 0; n < limit && m.valid(); n++ {
			w, err := m.row(batch)
			if err != nil {
				return err
			}
			next = store.RefOf(w.Delivery)
			if matches(&w, match) {
				rows = append(rows, w.Delivery)
			}
			m.next()
		}
		more = m.valid()
		return m.err()
	})
	return rows, next, more, err
}

func matches(w *row, match *minapush.Outcome) bool {
	if match == nil {
		return true
	}
	if *match == minapush.Pending {
		return w.State != minapush.Settled
	}
	return w.State == minapush.Settled && w.Outcome == *match
}

// rowIter walks the rows of a batch in a shard in the order of openid and push id, wherever they stand.
type rowIter struct {
	its  []*pebble.Iterator
	skip []int // how much of the keys of each is prefix
	at   int   // which of them stands on the next row; -1 at the end

	sought, key []byte
}

func openRows(r pebble.Reader, sh minapush.Shard, batch string, from store.Ref) (*rowIter, error) {
	m := &rowIter{}
	for _, prefix := range [][]byte{handPrefix(nil, sh, batch), queuePrefix(nil, sh, batch), settledPrefix(nil, sh, batch)} {
		start := prefix
		if from.OpenID != "" || from.Push != "" {
			start = append(appendRow(prefix[:len(prefix):len(prefix)], from.OpenID, from.Push), 0) // the first key behind that row
		}
		it, err := scan(r, prefix, start)
		if err != nil {
			m.close()
			return nil, err
		}
		it.First()
		m.its, m.skip = append(m.its, it), append(m.skip, len(prefix))
	}
	m.choose()
	return m, nil
}

func (m *rowIter) choose() {
	m.at = -1
	for i, it := range m.its {
		if it.Valid() && (m.at < 0 || bytes.Compare(m.end(i), m.end(m.at)) < 0) {
			m.at = i
		}
	}
}

func (m *rowIter) end(i int) []byte { return m.its[i].Key()[m.skip[i]:] }

func (m *rowIter) valid() bool { return m.at >= 0 }

func (m *rowIter) next() {
	m.its[m.at].Next()
	m.choose()
}

// has tells whether an openid has a row, on which it then stands. It is asked in ascending order.
func (m *rowIter) has(o minapush.OpenID) bool {
	if !m.valid() {
		return false
	}
	m.sought = appendRow(m.sought[:0], o, "")
	if bytes.Compare(m.end(m.at), m.sought) < 0 {
		for i := range m.its {
			m.seek(i)
		}
		m.choose()
	}
	return m.valid() && bytes.HasPrefix(m.end(m.at), m.sought)
}

// seek moves an iterator forward to what is sought, a step if that will do.
func (m *rowIter) seek(i int) {
	it := m.its[i]
	behind := func() bool { return it.Valid() && bytes.Compare(m.end(i), m.sought) < 0 }
	if behind() {
		it.Next()
	}
	if behind() {
		m.key = append(append(m.key[:0], it.Key()[:m.skip[i]]...), m.sought...)
		it.SeekGE(m.key)
	}
}

func (m *rowIter) row(batch string) (row, error) {
	o, push, ok := readRow(m.end(m.at))
	if !ok {
		return row{}, errCorrupt
	}
	v, err := m.its[m.at].ValueAndErr()
	if err != nil {
		return row{}, err
	}
	return readRowValue(v, batch, o, push)
}

func (m *rowIter) err() error {
	for _, it := range m.its {
		if err := it.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (m *rowIter) close() {
	for _, it := range m.its {
		_ = it.Close()
	}
}

// Forget implements store.Deliveries.
func (s *Store) Forget(ctx context.Context, sh minapush.Shard, batch string) error {
	return s.step(ctx, sh, func(st *step) error {
		if err := st.forgetList(batch); err != nil {
			return err
		}
		prefix := settledPrefix(nil, sh, batch)
		it, err := scan(st.r, prefix, nil)
		if err != nil {
			return err
		}
		any := it.First()
		if err := it.Close(); err != nil || !any {
			return err
		}
		return st.batch.DeleteRange(prefix, after(prefix), nil)
	})
}
