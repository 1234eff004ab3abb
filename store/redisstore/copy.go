package redisstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

var _ store.Copyable = (*Store)(nil)

// Blank implements store.Copyable.
func (s *Store) Blank(ctx context.Context) (bool, error) {
	blank := true
	err := s.scan(ctx, s.prefix+":{*", func(keys []string) bool {
		for _, key := range keys {
			kind, documents := strings.CutPrefix(key, s.prefix+":{d:")
			// That there was a document of a kind once is nothing that is there.
			blank = blank && documents && strings.HasSuffix(kind, "}:n") && !strings.Contains(kind, "}:v:")
		}
		return blank
	})
	return blank, err
}

// pieceEntries is how many entries a piece has at most, and documentPage how many documents are read together.
const (
	pieceEntries = 512
	documentPage = 16
)

// Export implements store.Copyable: shard by shard, then the idempotency keys, then the documents.
func (s *Store) Export(ctx context.Context, take func(store.Piece) error) error {
	all, err := s.survey(ctx)
	if err != nil {
		return err
	}
	before, err := s.stateOf(ctx, all)
	if err != nil {
		return err
	}
	for _, sh := range all.inOrder() {
		e := &exporting{s: s, ctx: ctx, shard: sh, keys: s.keys(sh), take: take}
		if err := e.run(slices.Sorted(maps.Keys(all.batches[sh.App]))); err != nil {
			return err
		}
	}
	if err := s.exportKeys(ctx, all, take); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(all.kinds)) {
		if err := s.exportDocuments(ctx, kind, take); err != nil {
			return err
		}
	}
	after, err := s.stateOf(ctx, all)
	if err != nil {
		return err
	}
	if !maps.Equal(before, after) {
		return minapush.Errorf(minapush.Conflict, "the store was changed while it was read: somebody uses it")
	}
	return s.exportKinds(all, take)
}

func (s *Store) exportDocuments(ctx context.Context, kind string, take func(store.Piece) error) error {
	for after := ""; ; {
		docs, err := s.ListDocuments(ctx, kind, after, documentPage)
		if err != nil || len(docs) == 0 {
			return err
		}
		after = docs[len(docs)-1].ID
		if err := take(store.Piece{Documents: docs}); err != nil {
			return err
		}
	}
}

func (s *Store) exportKinds(all *survey, take func(store.Piece) error) error {
	var p store.Piece
	for _, kind := range slices.Sorted(maps.Keys(all.kinds)) {
		p.Kinds = append(p.Kinds, store.CopiedKind{Kind: kind, Version: all.kinds[kind]})
	}
	if p.Kinds == nil {
		return nil
	}
	return take(p)
}

// exporting reads one shard.
type exporting struct {
	s     *Store
	ctx   context.Context
	shard minapush.Shard
	keys  shardKeys
	take  func(store.Piece) error
}

// run gives everything of the shard but its idempotency keys. batches are those of which any shard of the app has a progress.
func (e *exporting) run(batches []string) error {
	if err := e.users(); err != nil {
		return err
	}
	names, err := e.names(e.s.client.B().Smembers().Key(e.keys.batches()).Build())
	if err != nil {
		return err
	}
	for _, batch := range names {
		if err := e.rows(batch); err != nil {
			return err
		}
		if err := e.places(batch); err != nil {
			return err
		}
	}
	if err := e.uids(); err != nil {
		return err
	}
	if err := e.progress(batches); err != nil {
		return err
	}
	return e.flow()
}

// names reads a set, or the fields of a hash, in order.
func (e *exporting) names(cmd rueidis.Completed) (names []string, err error) {
	err = e.s.read(e.ctx, func(ctx context.Context) error {
		names, err = e.s.client.Do(ctx, cmd).AsStrSlice()
		return err
	})
	slices.Sort(names)
	return names, err
}

func (e *exporting) users() error {
	names, err := e.names(e.s.client.B().Hkeys().Key(e.keys.users()).Build())
	if err != nil {
		return err
	}
	var rec record.Record
	for page := range slices.Chunk(names, pieceEntries) {
		p := store.Piece{Shard: e.shard, Users: make([]store.CopiedUser, 0, len(page))}
		err := e.s.read(e.ctx, func(ctx context.Context) error {
			values, err := e.s.client.Do(ctx, e.s.client.B().Hmget().Key(e.keys.users()).Field(page...).Build()).ToArray()
			if err != nil {
				return err
			}
			for i, m := range values {
				b, err := bytesOf(m)
				if err != nil {
					return err
				}
				if err := readUser(b, &rec); err != nil {
					return err
				}
				u := store.CopiedUser{OpenID: minapush.OpenID(page[i]), Record: rec.Append(nil), Counts: rec.Counts()}
				for kind, n := range rec.Erased() {
					u.Left[kind] = n.Erased
				}
				p.Users = append(p.Users, u)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.take(p); err != nil {
			return err
		}
	}
	return nil
}

// rows gives the rows of a batch. Those of a campaign in one shard are in memory at a time, as they are for any other reader.
func (e *exporting) rows(batch string) error {
	var rows []row
	var openids []minapush.OpenID
	err := e.s.read(e.ctx, func(ctx context.Context) (err error) {
		rows, openids, err = e.s.present(ctx, e.shard, batch)
		return err
	})
	if err != nil {
		return err
	}
	if err := e.takeRows(rows); err != nil {
		return err
	}
	slices.Sort(openids)
	for page := range slices.Chunk(openids, pieceEntries) {
		rows = nil
		err := e.s.read(e.ctx, func(ctx context.Context) (err error) {
			rows, err = e.s.readPushRows(ctx, e.shard, batch, page, store.Ref{}, nil)
			return err
		})
		if err != nil {
			return err
		}
		if err := e.takeRows(rows); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) takeRows(rows []row) error {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.OpenID, b.OpenID), cmp.Compare(a.Push, b.Push)) })
	for page := range slices.Chunk(rows, pieceEntries) {
		p := store.Piece{Shard: e.shard, Rows: make([]store.CopiedRow, len(page))}
		for i := range page {
			w := &page[i]
			p.Rows[i] = store.CopiedRow{
				Delivery: w.Delivery, Maybe: w.Maybe, AtLeastOnce: w.AtLeastOnce, SuspectedAt: w.SuspectedAt, Key: w.Key,
			}
		}
		if err := e.take(p); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) places(campaign string) error {
	names, err := e.names(e.s.client.B().Hkeys().Key(e.keys.list(campaign)).Build())
	if err != nil {
		return err
	}
	for page := range slices.Chunk(names, pieceEntries) {
		openids := make([]minapush.OpenID, len(page))
		for i := range page {
			openids[i] = minapush.OpenID(page[i])
		}
		var list []store.Listed
		err := e.s.read(e.ctx, func(ctx context.Context) (err error) {
			list, err = e.s.readListed(ctx, e.shard, campaign, openids, nil)
			return err
		})
		if err != nil {
			return err
		}
		p := store.Piece{Shard: e.shard}
		for _, l := range list {
			p.Places = append(p.Places, store.CopiedPlace{Campaign: campaign, Listed: l})
		}
		if err := e.take(p); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) uids() error {
	fields, err := e.hash(e.keys.uids())
	if err != nil {
		return err
	}
	for page := range slices.Chunk(slices.Sorted(maps.Keys(fields)), pieceEntries) {
		p := store.Piece{Shard: e.shard}
		for _, uid := range page {
			o, err := readUID([]byte(fields[uid]))
			if err != nil {
				return interpret("export", err)
			}
			p.UIDs = append(p.UIDs, store.CopiedUID{UID: uid, OpenID: o})
		}
		if err := e.take(p); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) hash(key string) (fields map[string]string, err error) {
	err = e.s.read(e.ctx, func(ctx context.Context) error {
		fields, err = e.s.client.Do(ctx, e.s.client.B().Hgetall().Key(key).Build()).AsStrMap()
		return err
	})
	return fields, err
}

func (e *exporting) progress(batches []string) error {
	for page := range slices.Chunk(batches, shardsAtOnce) {
		p := store.Piece{Shard: e.shard}
		err := e.s.read(e.ctx, func(ctx context.Context) error {
			cmds := make(rueidis.Commands, len(page))
			for i, batch := range page {
				cmds[i] = e.s.client.B().Hgetall().Key(e.keys.progress(batch)).Build()
			}
			for i, r := range e.s.client.DoMulti(ctx, cmds...) {
				fields, err := r.AsStrMap()
				if err != nil {
					return err
				}
				if len(fields) == 0 {
					continue
				}
				t, err := readTally(fields)
				if err != nil {
					return err
				}
				_, done := fields[fieldDone]
				p.Batches = append(p.Batches, store.CopiedBatch{
					Batch: page[i], Cursor: minapush.OpenID(fields[fieldCursor]), Done: done, Tally: t,
				})
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.take(p); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporting) flow() error {
	fields, err := e.hash(e.keys.counters())
	if err != nil {
		return err
	}
	flow, err := readFlow(fields)
	if err != nil {
		return interpret("export", err)
	}
	if len(flow) == 0 {
		return nil
	}
	return e.take(store.Piece{Shard: e.shard, Flow: flow})
}

// exportKeys gives the idempotency keys. Nothing lists whose they are, since users who are not known have some too; so the names of all
// keys of the server are gone through, as often as it takes for a bounded part of them to be in memory.
func (s *Store) exportKeys(ctx context.Context, all *survey, take func(store.Piece) error) error {
	rounds := uint32(all.keyed/keysAtOnce) + 1
	for round := range rounds {
		if all.keyed == 0 {
			return nil
		}
		found := map[minapush.Shard]map[minapush.OpenID]bool{}
		err := s.scan(ctx, s.prefix+":{*}:i:*", func(keys []string) bool {
			for _, key := range keys {
				sh, rest, ok := s.readShardKey(key)
				o, once := strings.CutPrefix(rest, "i:")
				if !ok || !once || minapush.ShardOf(minapush.OpenID(o), int(rounds)) != round {
					continue
				}
				if found[sh] == nil {
					found[sh] = map[minapush.OpenID]bool{} // a name may be told twice
				}
				found[sh][minapush.OpenID(o)] = true
			}
			return true
		})
		if err != nil {
			return err
		}
		for sh, openids := range found {
			if err := s.exportKeysOf(ctx, sh, slices.Sorted(maps.Keys(openids)), take); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) exportKeysOf(ctx context.Context, sh minapush.Shard, openids []minapush.OpenID, take func(store.Piece) error) error {
	for page := range slices.Chunk(openids, pieceEntries) {
		p := store.Piece{Shard: sh}
		err := s.read(ctx, func(ctx context.Context) error {
			cmds := make(rueidis.Commands, len(page))
			for i, o := range page {
				cmds[i] = s.client.B().Hgetall().Key(s.keys(sh).once(o)).Build()
			}
			for i, r := range s.client.DoMulti(ctx, cmds...) {
				fields, err := r.AsStrMap()
				if err != nil {
					return err
				}
				for _, key := range slices.Sorted(maps.Keys(fields)) {
					v, err := readOnce([]byte(fields[key]))
					if err != nil {
						return err
					}
					p.Keys = append(p.Keys, store.CopiedKey{
						OpenID: page[i], Key: key, Fingerprint: v.fingerprint, Batch: v.batch, Push: v.push, Until: fromMillis(v.forget),
					})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := take(p); err != nil {
			return err
		}
	}
	return nil
}
