package redisstore

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Progress implements store.Campaigns.
func (s *Store) Progress(ctx context.Context, app uint32, shards int, batch string) (store.Progress, error) {
	var out store.Progress
	err := s.eachShard(ctx, app, shards, func(k shardKeys) rueidis.Completed {
		return s.client.B().Hgetall().Key(k.progress(batch)).Build()
	}, func(r rueidis.RedisResult) error {
		fields, err := r.AsStrMap()
		if err != nil {
			return err
		}
		t, err := readTally(fields)
		if err != nil {
			return err
		}
		out.Tally.Merge(t)
		if _, done := fields[fieldDone]; done && t.Count(minapush.Pending) == 0 {
			out.ShardsDone++
		}
		return nil
	})
	if err != nil {
		return store.Progress{}, err
	}
	return out, nil
}

// shardsAtOnce is of how many shards something is read together.
const shardsAtOnce = 256

// eachShard does one read in each shard of an app.
func (s *Store) eachShard(
	ctx context.Context, app uint32, shards int, cmd func(shardKeys) rueidis.Completed, take func(rueidis.RedisResult) error,
) error {
	return s.read(ctx, func(ctx context.Context) error {
		for n := 0; n < shards; n += shardsAtOnce {
			cmds := make(rueidis.Commands, 0, shardsAtOnce)
			for i := n; i < min(n+shardsAtOnce, shards); i++ {
				cmds = append(cmds, cmd(s.keys(minapush.Shard{App: app, N: uint32(i)})))
			}
			for _, r := range s.client.DoMulti(ctx, cmds...) {
				if err := take(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
