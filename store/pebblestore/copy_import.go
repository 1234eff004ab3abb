package pebblestore

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Import implements store.Copyable. All pieces go into one batch, which the next sync makes durable: that of a document.
func (s *Store) Import(ctx context.Context, pieces []store.Piece, _ time.Time) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	in := &importing{s: s, b: s.db.NewBatch()}
	defer in.b.Close()
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	version := s.version
	for i := range pieces {
		if err := in.piece(&pieces[i]); err != nil {
			return interpret("import", err)
		}
		for _, k := range pieces[i].Kinds {
			version = max(version, k.Version)
		}
		for _, d := range pieces[i].Documents {
			version = max(version, d.Version)
		}
	}
	if version != s.version {
		in.set(versionKey(), binary.BigEndian.AppendUint64(nil, version))
	}
	if in.err != nil {
		return interpret("import", in.err)
	}
	if err := s.db.Apply(in.b, pebble.NoSync); err != nil {
		s.fail(err)
		return interpret("import", err)
	}
	s.version = version
	return nil
}

// importing fills a batch. The first error is kept.
type importing struct {
	s        *Store
	b        *pebble.Batch
	key, buf []byte
	err      error
}

func (in *importing) set(key, value []byte) {
	if in.err == nil {
		in.err = in.b.Set(key, value, nil)
	}
}

func (in *importing) piece(p *store.Piece) error {
	in.s.laneOf(p.Shard).forget(p.Shard)
	if err := in.users(p); err != nil {
		return err
	}
	for i := range p.Rows {
		in.row(p.Shard, &p.Rows[i])
	}
	for _, k := range p.Keys {
		v := once{fingerprint: k.Fingerprint, forget: millis(k.Until), batch: k.Batch, push: k.Push}
		in.set(onceKey(nil, p.Shard, k.OpenID, k.Key), v.append(nil))
	}
	for _, x := range p.UIDs {
		in.set(uidKey(nil, p.Shard, x.UID), append([]byte{valueV1}, x.OpenID...))
	}
	if err := in.places(p); err != nil {
		return err
	}
	for _, b := range p.Batches {
		v := progress{Tally: b.Tally, Cursor: b.Cursor, Done: b.Done}
		in.set(progressKey(nil, p.Shard, b.Batch), v.append(nil))
	}
	if len(p.Flow) > 0 {
		var f record.Flow
		for kind, n := range p.Flow {
			if int(kind) >= len(f) {
				return errCorrupt
			}
			f[kind] = n
		}
		in.set(flowKey(nil, p.Shard), appendFlow(nil, &f))
	}
	for _, d := range p.Documents {
		in.set(documentKey(nil, d.Kind, d.ID), appendDocument(nil, d))
	}
	for _, k := range p.Kinds {
		in.set(goneKindKey(k.Kind), []byte{valueV1})
	}
	return in.err
}

// forget drops what the lane remembers of a shard.
func (l *lane) forget(s minapush.Shard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flows, s)
	delete(l.deadlines, s)
}

// users makes sure that records are such before they are stored.
func (in *importing) users(p *store.Piece) error {
	var r record.Record
	for i := range p.Users {
		u := &p.Users[i]
		if err := r.Decode(u.Record); err != nil {
			return err
		}
		in.key = userKey(in.key[:0], p.Shard, u.OpenID)
		in.set(in.key, u.Record)
	}
	return in.err
}

func (in *importing) row(s minapush.Shard, c *store.CopiedRow) {
	w := row{Delivery: c.Delivery, Maybe: c.Maybe, AtLeastOnce: c.AtLeastOnce, SuspectedAt: c.SuspectedAt, Key: c.Key}
	switch w.State {
	case minapush.Waiting:
		in.key = queueKey(in.key[:0], s, w.Batch, w.OpenID)
	case minapush.Settled:
		in.key = settledKey(in.key[:0], s, w.Batch, w.OpenID, w.Push)
	default:
		in.key = handKey(in.key[:0], s, w.Batch, w.OpenID, w.Push)
	}
	in.buf = w.append(in.buf[:0])
	in.set(in.key, in.buf)
}

// places puts users on lists, whose lengths grow by them.
func (in *importing) places(p *store.Piece) error {
	grown := map[string]uint64{}
	for i := range p.Places {
		x := &p.Places[i]
		in.set(listedKey(nil, p.Shard, x.Campaign, x.OpenID), appendListed(nil, x.Values))
		grown[x.Campaign]++
	}
	for campaign, by := range grown {
		key := listSizeKey(nil, p.Shard, campaign)
		v, found, err := get(in.s.db, nil, key)
		if err != nil {
			return err
		}
		if found {
			n, err := readListSize(v)
			if err != nil || n < 0 || uint64(n) > math.MaxInt64-by {
				return errCorrupt
			}
			by += uint64(n)
		}
		in.set(key, binary.AppendUvarint([]byte{valueV1}, by))
	}
	return in.err
}

// goneKindKey tells that a document of a kind was deleted: so a copy knows of every kind that there was, and no name in it gets a
// version that it had before.
func goneKindKey(kind string) []byte { return append([]byte{keyMeta, 'k'}, kind...) }
