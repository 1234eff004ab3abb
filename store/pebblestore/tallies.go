package pebblestore

import (
	"context"
	"encoding/binary"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Progress implements store.Campaigns.
func (s *Store) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	ls := make([]*lane, 0, min(shards, lanes))
	for n := range min(shards, lanes) {
		ls = append(ls, s.laneOf(minapush.Shard{App: app, N: uint32(n)}))
	}
	var out store.Progress
	err := s.readLanes(ctx, ls, func() error {
		prefix := progressPrefix(nil, app, batch)
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
			p, err := readProgress(v)
			if err != nil {
				return err
			}
			out.Tally.Merge(p.Tally)
			if p.Done && p.Count(minapush.Pending) == 0 {
				out.ShardsDone++
			}
		}
		return it.Error()
	})
	return out, err
}
