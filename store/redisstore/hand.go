package redisstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// handBucket is the rows in hand of a campaign in one bucket, taken apart.
type handBucket struct {
	field   string
	batch   string
	number  byte
	value   []byte // as it is stored; nil: there is none
	rows    []packedRow
	changed bool
}

// packedRow is one row among others: as it is stored, unless it changed, and decoded, unless nobody asked for it.
type packedRow struct {
	openid minapush.OpenID
	stored []byte
	row    *row
}

// appendPacked writes a row behind others.
func appendPacked(dst []byte, o minapush.OpenID, row []byte) []byte {
	dst = appendString(dst, string(o))
	return append(binary.AppendUvarint(dst, uint64(len(row))), row...)
}

// readPacked reads what appendPacked wrote, one behind the other. Rows refer to b.
func readPacked(b []byte) ([]packedRow, error) {
	rows := make([]packedRow, 0, 16)
	p := parser{b: b}
	for len(p.b) > 0 {
		rows = append(rows, packedRow{openid: minapush.OpenID(p.string()), stored: p.bytes()})
	}
	return rows, p.end()
}

// bucketAt takes the bucket of a user in a campaign apart.
func (st *step) bucketAt(ctx context.Context, batch string, o minapush.OpenID) (*handBucket, error) {
	number := bucketOf(o)
	if b := st.takenAt(batch, number); b != nil {
		return b, nil
	}
	field := handField(batch, number)
	value, err := st.get(ctx, st.hand, field)
	if err != nil {
		return nil, err
	}
	return st.take(field, batch, number, value)
}

// takenAt is a bucket that was taken apart before.
func (st *step) takenAt(batch string, number byte) *handBucket {
	for _, b := range st.taken {
		if b.number == number && b.batch == batch {
			return b
		}
	}
	return nil
}

func (st *step) take(field, batch string, number byte, value []byte) (*handBucket, error) {
	b := &handBucket{field: field, batch: batch, number: number, value: value}
	if value != nil {
		if err := checkFormat(value); err != nil {
			return nil, err
		}
		var err error
		if b.rows, err = readPacked(value[1:]); err != nil {
			return nil, err
		}
	}
	st.taken = append(st.taken, b)
	return b, nil
}

// handFields gathers which buckets of which campaigns some users are in.
type handFields struct {
	batches []string
	buckets []uint16 // of each batch, a bit a bucket
}

func (f *handFields) add(batch string, o minapush.OpenID) {
	i := slices.Index(f.batches, batch)
	if i < 0 {
		i = len(f.batches)
		f.batches, f.buckets = append(f.batches, batch), append(f.buckets, 0)
	}
	f.buckets[i] |= 1 << bucketOf(o)
}

// lookHand reads these buckets.
func (st *step) lookHand(f *handFields) []looking {
	var list []string
	for i, batch := range f.batches {
		for n := range byte(buckets) {
			if f.buckets[i]&(1<<n) != 0 && !st.recalledHand(batch, n) {
				list = append(list, handField(batch, n))
			}
		}
	}
	return st.look(st.hand, list...)
}

// restoreHand puts the buckets that changed together again, before the commit.
func (st *step) restoreHand() {
	for _, b := range st.taken {
		switch {
		case !b.changed:
		case len(b.rows) == 0:
			b.value = nil
			st.hand.drop(b.field)
		default:
			for i := range b.rows {
				if r := &b.rows[i]; r.stored == nil {
					r.stored = st.keep(r.row.append)
				}
			}
			b.value = st.keep(func(dst []byte) []byte {
				dst = append(dst, valueV1)
				for _, r := range b.rows {
					dst = appendPacked(dst, r.openid, r.stored)
				}
				return dst
			})
			st.hand.set(b.field, b.value)
		}
	}
}

func (b *handBucket) at(o minapush.OpenID) int {
	return slices.IndexFunc(b.rows, func(r packedRow) bool { return r.openid == o })
}

// inHand reads a row in hand.
func (st *step) inHand(ctx context.Context, batch string, o minapush.OpenID, push string) (row, bool, error) {
	if push != "" {
		value, err := st.get(ctx, st.hand, pushField(batch, push, o))
		if err != nil || value == nil {
			return row{}, false, err
		}
		w, err := readRow(value, batch, o, push)
		return w, err == nil, err
	}
	b, err := st.bucketAt(ctx, batch, o)
	if err != nil {
		return row{}, false, err
	}
	i := b.at(o)
	if i < 0 {
		return row{}, false, nil
	}
	w, err := b.rows[i].read(batch, "")
	return w, err == nil, err
}

// read decodes a row.
func (r *packedRow) read(batch, push string) (row, error) {
	if r.row != nil {
		return *r.row, nil
	}
	return readRow(r.stored, batch, r.openid, push)
}

// putHand writes a row that is in hand.
func (st *step) putHand(ctx context.Context, w *row) error {
	if w.Push != "" {
		field := pushField(w.Batch, w.Push, w.OpenID)
		st.hand.set(field, st.keep(w.append))
		st.sets = append(st.sets, setChange{key: st.keys.deadlines(), member: field, score: score(w.Deadline)})
		return nil
	}
	b, err := st.bucketAt(ctx, w.Batch, w.OpenID)
	if err != nil {
		return err
	}
	b.changed = true
	i := b.at(w.OpenID)
	if i < 0 {
		i, b.rows = len(b.rows), append(b.rows, packedRow{openid: w.OpenID})
	}
	r := &b.rows[i]
	if r.stored = nil; r.row == nil {
		r.row = new(row)
	}
	*r.row = *w
	return nil
}

// dropHand removes a row from those in hand.
func (st *step) dropHand(ctx context.Context, w *row) error {
	if w.Push != "" {
		field := pushField(w.Batch, w.Push, w.OpenID)
		st.hand.drop(field)
		st.sets = append(st.sets, setChange{key: st.keys.deadlines(), member: field, gone: true})
		return nil
	}
	b, err := st.bucketAt(ctx, w.Batch, w.OpenID)
	if err != nil {
		return err
	}
	if i := b.at(w.OpenID); i >= 0 {
		b.changed = true
		b.rows = slices.Delete(b.rows, i, i+1)
	}
	return nil
}

// rowsInHand reads those of the rows in hand that are wanted, by batch, openid and push, as the step sees them.
func (st *step) rowsInHand(ctx context.Context, want func(batch, push string, o minapush.OpenID) bool) ([]row, error) {
	var fields map[string]string
	cmd := st.s.client.B().Hgetall().Key(st.keys.hand()).Build()
	err := st.do(ctx, []looking{{cmd, func(r rueidis.RedisResult) (err error) {
		fields, err = r.AsStrMap()
		return err
	}}})
	if err != nil {
		return nil, err
	}
	var rows []row
	for field, value := range fields {
		if rows, err = st.unpackHand(rows, field, []byte(value), want); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Batch, b.Batch), cmp.Compare(a.OpenID, b.OpenID), cmp.Compare(a.Push, b.Push))
	})
	return rows, nil
}

// unpackHand appends the rows of one field that are wanted. The step depends on the field only if there is one.
func (st *step) unpackHand(
	rows []row, field string, value []byte, want func(batch, push string, o minapush.OpenID) bool,
) ([]row, error) {
	batch, push, o, err := readField(field)
	if err != nil {
		return rows, err
	}
	var list []packedRow
	known := st.hand.cells[field] != nil && st.hand.cells[field].read
	now := st.hand.saw(field, value)
	switch {
	case push != "" && now.now == nil: // the step itself removed it
	case push != "":
		list = []packedRow{{openid: o, stored: now.now}}
	default:
		number := field[len(field)-1]
		b := st.takenAt(batch, number)
		if b == nil {
			if b, err = st.take(field, batch, number, now.now); err != nil {
				return rows, err
			}
		}
		list = b.rows
	}
	before := len(rows)
	for _, r := range list {
		if !want(batch, push, r.openid) {
			continue
		}
		w, err := r.read(batch, push)
		if err != nil {
			return rows, err
		}
		rows = append(rows, w)
	}
	if len(rows) == before && !known {
		now.free = true
	}
	return rows, nil
}

// emptyHand notes that a campaign has nothing in hand, as its counters said in the moment of all that was read.
func (st *step) emptyHand(campaign string) {
	for i := range byte(buckets) {
		st.hand.saw(handField(campaign, i), nil)
	}
}
