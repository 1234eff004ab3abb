package pebblestore

import (
	"context"
	"encoding/binary"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Progress implements store.Campaigns.
func (s *Store) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	var out store.Progress
	err := s.readShards(ctx, app, shards, progressPrefix(nil, app, batch), func(v []byte) error {
		p, err := readProgress(v)
		if err != nil {
			return err
		}
		out.Tally.Merge(p.Tally)
		if p.Done && p.Count(minapush.Pending) == 0 {
			out.ShardsDone++
		}
		return nil
	})
	return out, err
}

// readShards calls f for the value that each shard of an app has under a prefix, if it has one. The last part of the keys is the shard.
func (s *Store) readShards(ctx context.Context, app uint32, shards int, prefix []byte, f func(value []byte) error) error {
	ls := make([]*lane, 0, min(shards, lanes))
	for n := range min(shards, lanes) {
		ls = append(ls, s.laneOf(minapush.Shard{App: app, N: uint32(n)}))
	}
	return s.readLanes(ctx, ls, func() error {
		it, err := scan(s.db, prefix, nil)
		if err != nil {
			return err
		}
		defer it.Close()
		for ok := it.First(); ok; ok = it.Next() {
			if n := it.Key()[len(prefix):]; len(n) != 4 || binary.BigEndian.Uint32(n) >= uint32(shards) {
				break
			}
			v, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			if err := f(v); err != nil {
				return err
			}
		}
		return it.Error()
	})
}
