package pebblestore

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

var _ store.Copyable = (*Store)(nil)

// Blank implements store.Copyable.
func (s *Store) Blank(ctx context.Context) (bool, error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: after([]byte{keyMeta})}) // that sort stands first
	if err != nil {
		return false, interpret("look for content", err)
	}
	blank := !it.First()
	return blank, interpret("look for content", it.Close())
}

// pieceEntries and pieceBytes bound a piece. One entry may be larger than all these bytes.
const (
	pieceEntries = 512
	pieceBytes   = 256 << 10
)

// exporting gathers pieces.
type exporting struct {
	ctx            context.Context
	take           func(store.Piece) error
	piece          store.Piece
	entries, bytes int
	rec            record.Record
}

// Export implements store.Copyable. It goes through the sorts of keys one after the other, each in its order.
func (s *Store) Export(ctx context.Context, take func(store.Piece) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	r := s.db.NewSnapshot()
	defer r.Close()
	e := &exporting{ctx: ctx, take: take}
	for _, one := range []struct {
		sort byte
		add  func(key, value []byte) error
	}{
		{keyUser, e.user}, {keyHand, e.hand}, {keyQueue, e.hand}, {keySettled, e.settled}, {keyOnce, e.once}, {keyListed, e.listed},
		{keyUID, e.uid}, {keyProgress, e.progress}, {keyFlow, e.flow}, {keyDocument, e.document},
	} {
		if err := e.sort(r, one.sort, one.add); err != nil {
			return interpret("export", err)
		}
	}
	return interpret("export", s.exportKinds(r, e))
}

// sort calls add for every key of a sort.
func (e *exporting) sort(r pebble.Reader, sort byte, add func(key, value []byte) error) error {
	it, err := scan(r, []byte{sort}, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := add(it.Key(), value); err != nil {
			return err
		}
		e.entries++
		e.bytes += len(it.Key()) + len(value)
	}
	if err := it.Error(); err != nil {
		return err
	}
	return e.flush()
}

// at begins another piece if the one at hand is full, or of another shard.
func (e *exporting) at(s minapush.Shard) error {
	if e.piece.Shard != s || e.entries >= pieceEntries || e.bytes >= pieceBytes {
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.piece.Shard = s
	return nil
}

func (e *exporting) flush() error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if e.entries == 0 {
		return nil
	}
	p := e.piece
	e.piece, e.entries, e.bytes = store.Piece{}, 0, 0
	return e.take(p)
}

// inShard takes a key apart that begins with app and shard.
func (e *exporting) inShard(key []byte) (rest []byte, err error) {
	if len(key) < shardSize {
		return nil, errCorrupt
	}
	s := minapush.Shard{App: binary.BigEndian.Uint32(key[1:]), N: binary.BigEndian.Uint32(key[appSize:])}
	return key[shardSize:], e.at(s)
}

// inBatch takes a key apart that begins with app, batch and shard.
func (e *exporting) inBatch(key []byte) (batch string, rest []byte, err error) {
	if len(key) < appSize {
		return "", nil, errCorrupt
	}
	batch, rest, ok := readEscaped(key[appSize:])
	if !ok || len(rest) < 4 {
		return "", nil, errCorrupt
	}
	return batch, rest[4:], e.at(minapush.Shard{App: binary.BigEndian.Uint32(key[1:]), N: binary.BigEndian.Uint32(rest)})
}

func (e *exporting) user(key, value []byte) error {
	o, err := e.inShard(key)
	if err != nil {
		return err
	}
	if err := e.rec.Decode(value); err != nil {
		return err
	}
	u := store.CopiedUser{OpenID: minapush.OpenID(o), Record: e.rec.Append(nil), Counts: e.rec.Counts()}
	for kind, n := range e.rec.Erased() {
		u.Left[kind] = n.Erased
	}
	e.piece.Users = append(e.piece.Users, u)
	return nil
}

func (e *exporting) hand(key, value []byte) error {
	rest, err := e.inShard(key)
	if err != nil {
		return err
	}
	batch, rest, ok := readEscaped(rest)
	if !ok {
		return errCorrupt
	}
	return e.row(batch, rest, value)
}

func (e *exporting) settled(key, value []byte) error {
	batch, rest, err := e.inBatch(key)
	if err != nil {
		return err
	}
	return e.row(batch, rest, value)
}

func (e *exporting) row(batch string, end, value []byte) error {
	o, push, ok := readRow(end)
	if !ok {
		return errCorrupt
	}
	w, err := readRowValue(value, batch, o, push)
	if err != nil {
		return err
	}
	e.piece.Rows = append(e.piece.Rows, store.CopiedRow{
		Delivery: w.Delivery, Maybe: w.Maybe, AtLeastOnce: w.AtLeastOnce, SuspectedAt: w.SuspectedAt, Key: w.Key,
	})
	return nil
}

// once takes an idempotency key. All of a user stay in one piece.
func (e *exporting) once(key, value []byte) error {
	if len(key) < shardSize {
		return errCorrupt
	}
	o, name, ok := readEscaped(key[shardSize:])
	if !ok {
		return errCorrupt
	}
	s := minapush.Shard{App: binary.BigEndian.Uint32(key[1:]), N: binary.BigEndian.Uint32(key[appSize:])}
	if n := len(e.piece.Keys); n == 0 || e.piece.Shard != s || e.piece.Keys[n-1].OpenID != minapush.OpenID(o) {
		if err := e.at(s); err != nil {
			return err
		}
	}
	v, err := readOnce(value)
	e.piece.Keys = append(e.piece.Keys, store.CopiedKey{
		OpenID: minapush.OpenID(o), Key: string(name), Fingerprint: v.fingerprint, Batch: v.batch, Push: v.push, Until: fromMillis(v.forget),
	})
	return err
}

func (e *exporting) listed(key, value []byte) error {
	rest, err := e.inShard(key)
	if err != nil {
		return err
	}
	campaign, o, ok := readEscaped(rest)
	if !ok {
		return errCorrupt
	}
	values, err := readListed(value)
	e.piece.Places = append(e.piece.Places, store.CopiedPlace{
		Campaign: campaign, Listed: store.Listed{OpenID: minapush.OpenID(o), Values: values},
	})
	return err
}

func (e *exporting) uid(key, value []byte) error {
	uid, err := e.inShard(key)
	if err != nil {
		return err
	}
	if len(value) < 2 || value[0] != valueV1 {
		return errCorrupt
	}
	e.piece.UIDs = append(e.piece.UIDs, store.CopiedUID{UID: string(uid), OpenID: minapush.OpenID(value[1:])})
	return nil
}

func (e *exporting) progress(key, value []byte) error {
	batch, _, err := e.inBatch(key)
	if err != nil {
		return err
	}
	p, err := readProgress(value)
	if err != nil {
		return err
	}
	e.piece.Batches = append(e.piece.Batches, store.CopiedBatch{Batch: batch, Cursor: p.Cursor, Done: p.Done, Tally: p.Tally})
	return nil
}

func (e *exporting) flow(key, value []byte) error {
	if _, err := e.inShard(key); err != nil {
		return err
	}
	f, err := readFlow(value)
	if err != nil {
		return err
	}
	e.piece.Flow = map[minapush.PermitKind]minapush.Counts{}
	for _, kind := range minapush.PermitKinds {
		if f[kind] != (minapush.Counts{}) {
			e.piece.Flow[kind] = f[kind]
		}
	}
	return nil
}

func (e *exporting) document(key, value []byte) error {
	kind, id, ok := readEscaped(key[1:])
	if !ok {
		return errCorrupt
	}
	if err := e.at(minapush.Shard{}); err != nil {
		return err
	}
	d, err := readDocument(value, kind, string(id))
	e.piece.Documents = append(e.piece.Documents, d)
	return err
}

// exportKinds tells of every kind that has a document, or had one that was deleted.
func (s *Store) exportKinds(r pebble.Reader, e *exporting) error {
	version, err := readVersion(r)
	if err != nil {
		return err
	}
	kinds := map[string]bool{}
	if err := presentKinds(r, kinds); err != nil {
		return err
	}
	it, err := scan(r, goneKindKey(""), nil)
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		kinds[string(it.Key()[len(goneKindKey("")):])] = true
	}
	if err := it.Close(); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if err := e.at(minapush.Shard{}); err != nil {
			return err
		}
		e.piece.Kinds = append(e.piece.Kinds, store.CopiedKind{Kind: kind, Version: version})
		e.entries++
	}
	return e.flush()
}

// presentKinds takes down the kinds that have a document, with one seek each.
func presentKinds(r pebble.Reader, kinds map[string]bool) error {
	it, err := scan(r, []byte{keyDocument}, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; {
		kind, _, good := readEscaped(it.Key()[1:])
		if !good {
			return errCorrupt
		}
		kinds[kind] = true
		ok = it.SeekGE(after(documentPrefix(nil, kind)))
	}
	return it.Error()
}
