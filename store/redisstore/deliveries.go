package redisstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string) (minapush.Delivery, error) {
	var d minapush.Delivery
	err := s.read(ctx, func(ctx context.Context) error {
		w, found, err := s.oneRow(ctx, sh, batch, o, push)
		if err == nil && !found {
			err = minapush.Errorf(minapush.NotFound, "no delivery to %s in %s", o.Masked(), batch)
		}
		d = w.Delivery
		return err
	})
	return d, err
}

func (s *Store) oneRow(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string) (row, bool, error) {
	k := s.keys(sh)
	field := handField(batch, bucketOf(o))
	if push != "" {
		field = pushField(batch, push, o)
	}
	keys := []string{k.pushes(batch), k.queue(batch), k.hand(), k.settled(batch, bucketOf(o))}
	m, err := s.scripts.row.run(ctx, s.client, keys, []string{string(o), field})
	if err != nil {
		return row{}, false, err
	}
	answer, err := m.ToArray()
	if err != nil || len(answer) != 4 {
		return row{}, false, errCorrupt
	}
	var values [4][]byte
	for i := range values {
		if values[i], err = bytesOf(answer[i]); err != nil {
			return row{}, false, err
		}
	}
	pushes, queued, hand, settled := values[0], values[1], values[2], values[3]
	if push != "" {
		if hand != nil {
			w, err := readRow(hand, batch, o, push)
			return w, true, err
		}
		list, err := readPushes(pushes)
		if err != nil {
			return row{}, false, err
		}
		return findPush(list, batch, o, push)
	}
	if queued != nil {
		w, err := readRow(queued, batch, o, "")
		return w, true, err
	}
	if hand != nil {
		if err := checkFormat(hand); err != nil {
			return row{}, false, err
		}
		hand = hand[1:]
	}
	for _, rows := range [...][]byte{hand, settled} {
		stored, _, _, err := findPacked(rows, o)
		if err != nil {
			return row{}, false, err
		}
		if stored != nil {
			w, err := readRow(stored, batch, o, "")
			return w, err == nil, err
		}
	}
	return row{}, false, nil
}

// unpack appends the rows of a campaign that stand behind each other in a value, with or without a format in front of them.
func unpack(rows []row, value []byte, batch string, headed bool) ([]row, error) {
	if headed && value != nil {
		if err := checkFormat(value); err != nil {
			return rows, err
		}
		value = value[1:]
	}
	packed, err := readPacked(value)
	if err != nil {
		return rows, err
	}
	for _, r := range lastVersions(packed) {
		w, err := readRow(r.stored, batch, r.openid, "")
		if err != nil {
			return rows, err
		}
		rows = append(rows, w)
	}
	return rows, nil
}

// maxScan is how many rows List examines at most, and where the caller does not say.
const maxScan = 1000

// List implements store.Deliveries.
func (s *Store) List(
	ctx context.Context, sh minapush.Shard, batch string, after store.Ref, limit int, match *minapush.Outcome,
) (rows []minapush.Delivery, next store.Ref, more bool, err error) {
	if limit <= 0 || limit > maxScan {
		limit = maxScan
	}
	next = after
	err = s.read(ctx, func(ctx context.Context) error {
		found, left, err := s.rowsAfter(ctx, sh, batch, after, limit)
		if err != nil {
			return err
		}
		more = left || len(found) > limit
		found = found[:min(len(found), limit)]
		for i := range found {
			w := &found[i]
			next = store.RefOf(w.Delivery)
			if matches(w, match) {
				rows = append(rows, w.Delivery)
			}
		}
		return nil
	})
	return rows, next, more, err
}

// behind tells whether a row comes after another one.
func behind(w *row, after store.Ref) bool {
	if after.OpenID == "" && after.Push == "" {
		return true
	}
	return cmp.Or(cmp.Compare(w.OpenID, after.OpenID), cmp.Compare(w.Push, after.Push)) > 0
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

// rowsAfter reads the rows of a batch behind one, in order: all those of a campaign, of pushes at least so many, if there are. left
// tells that there may be more behind them.
//
// The settled pushes of a day can be many: only those that are wanted are read, a moment after their openids were.
func (s *Store) rowsAfter(
	ctx context.Context, sh minapush.Shard, batch string, after store.Ref, limit int,
) (rows []row, left bool, err error) {
	rows, openids, err := s.present(ctx, sh, batch)
	if err != nil {
		return nil, false, err
	}
	openids = slices.DeleteFunc(openids, func(o minapush.OpenID) bool { return o < after.OpenID })
	slices.Sort(openids)
	rows = slices.DeleteFunc(rows, func(w row) bool { return !behind(&w, after) })
	for len(openids) > 0 {
		page := openids[:min(len(openids), limit)]
		openids = openids[len(page):]
		if rows, err = s.readPushRows(ctx, sh, batch, page, after, rows); err != nil {
			return nil, false, err
		}
		if n := countUpTo(rows, page[len(page)-1]); n > limit {
			break
		}
	}
	if left = len(openids) > 0; left {
		rows = slices.DeleteFunc(rows, func(w row) bool { return w.OpenID >= openids[0] })
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.OpenID, b.OpenID), cmp.Compare(a.Push, b.Push)) })
	rows = slices.CompactFunc(rows, func(a, b row) bool { return a.OpenID == b.OpenID && a.Push == b.Push })
	return rows, left, nil
}

func countUpTo(rows []row, o minapush.OpenID) (n int) {
	for i := range rows {
		if rows[i].OpenID <= o {
			n++
		}
	}
	return n
}

// present reads the rows of a batch, but for settled pushes, of which it only tells whose they are.
func (s *Store) present(ctx context.Context, sh minapush.Shard, batch string) (rows []row, openids []minapush.OpenID, err error) {
	k := s.keys(sh)
	keys := append([]string{k.pushes(batch), k.queue(batch), k.hand()}, k.allSettled(batch)...)
	m, err := s.scripts.rows.run(ctx, s.client, keys, []string{batchField(batch)})
	if err != nil {
		return nil, nil, err
	}
	lists, err := m.ToArray()
	if err != nil || len(lists) != 4 {
		return nil, nil, errCorrupt
	}
	names, err := lists[0].AsStrSlice()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		openids = append(openids, minapush.OpenID(name))
	}
	if rows, err = queuedRows(rows, lists[1], batch); err != nil {
		return nil, nil, err
	}
	if rows, err = handRows(rows, lists[2]); err != nil {
		return nil, nil, err
	}
	settled, err := lists[3].ToArray()
	if err != nil {
		return nil, nil, err
	}
	for _, m := range settled {
		b, err := bytesOf(m)
		if err == nil {
			rows, err = unpack(rows, b, batch, false)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return rows, openids, nil
}

func queuedRows(rows []row, m rueidis.RedisMessage, batch string) ([]row, error) {
	pairs, err := m.ToArray()
	if err != nil {
		return rows, err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		o, err := pairs[i].ToString()
		if err != nil {
			return rows, err
		}
		b, err := pairs[i+1].AsBytes()
		if err != nil {
			return rows, err
		}
		w, err := readRow(b, batch, minapush.OpenID(o), "")
		if err != nil {
			return rows, err
		}
		rows = append(rows, w)
	}
	return rows, nil
}

func handRows(rows []row, m rueidis.RedisMessage) ([]row, error) {
	pairs, err := m.ToArray()
	if err != nil {
		return rows, err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		field, err := pairs[i].ToString()
		if err != nil {
			return rows, err
		}
		b, err := pairs[i+1].AsBytes()
		if err != nil {
			return rows, err
		}
		batch, push, o, err := readField(field)
		if err != nil {
			return rows, err
		}
		if push == "" {
			if rows, err = unpack(rows, b, batch, true); err != nil {
				return rows, err
			}
			continue
		}
		w, err := readRow(b, batch, o, push)
		if err != nil {
			return rows, err
		}
		rows = append(rows, w)
	}
	return rows, nil
}

// readPushRows appends the settled pushes to some users that stand behind a row.
func (s *Store) readPushRows(
	ctx context.Context, sh minapush.Shard, batch string, page []minapush.OpenID, after store.Ref, rows []row,
) ([]row, error) {
	values, err := s.client.Do(ctx, s.client.B().Hmget().Key(s.keys(sh).pushes(batch)).Field(texts(page)...).Build()).ToArray()
	if err != nil {
		return rows, err
	}
	for i, m := range values {
		b, err := bytesOf(m)
		if err != nil {
			return rows, err
		}
		list, err := readPushes(b)
		if err != nil {
			return rows, err
		}
		for _, e := range list {
			w, err := readRow(e.row, batch, page[i], e.push)
			if err != nil {
				return rows, err
			}
			if behind(&w, after) {
				rows = append(rows, w)
			}
		}
	}
	return rows, nil
}

// Forget implements store.Deliveries.
func (s *Store) Forget(ctx context.Context, sh minapush.Shard, batch string) error {
	k := s.keys(sh)
	keys := append([]string{k.progress(batch), k.pushes(batch), k.list(batch), k.batches(), k.counters()}, k.allSettled(batch)...)
	_, err := s.write(ctx, &s.scripts.forget, keys, []string{batch})
	return err
}
