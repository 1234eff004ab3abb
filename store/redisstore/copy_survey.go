package redisstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// keysAtOnce is of how many users the idempotency keys are known by name at a time.
const keysAtOnce = 500_000

// survey is what the names of all keys tell.
type survey struct {
	shards  map[minapush.Shard]bool
	batches map[uint32]map[string]bool // that have a progress in any shard of an app
	kinds   map[string]uint64          // of documents, and the last version given in each
	keyed   int64                      // about how many users have idempotency keys
}

func (a *survey) inOrder() []minapush.Shard {
	return slices.SortedFunc(maps.Keys(a.shards), func(a, b minapush.Shard) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.N, b.N))
	})
}

// survey goes through the names of all keys.
func (s *Store) survey(ctx context.Context) (*survey, error) {
	a := &survey{shards: map[minapush.Shard]bool{}, batches: map[uint32]map[string]bool{}, kinds: map[string]uint64{}}
	err := s.scan(ctx, s.prefix+":{*", func(keys []string) bool {
		for _, key := range keys {
			a.see(s, key)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return a, s.readKinds(ctx, a)
}

func (a *survey) see(s *Store, key string) {
	sh, rest, ok := s.readShardKey(key)
	if !ok {
		kind, documents := strings.CutPrefix(key, s.prefix+":{d:")
		if kind, counts := strings.CutSuffix(kind, "}:n"); documents && counts {
			a.kinds[kind] = 0
		}
		return
	}
	a.shards[sh] = true
	switch {
	case strings.HasPrefix(rest, "i:"):
		a.keyed++
	case strings.HasPrefix(rest, "c:"):
		if a.batches[sh.App] == nil {
			a.batches[sh.App] = map[string]bool{}
		}
		a.batches[sh.App][strings.TrimPrefix(rest, "c:")] = true
	}
}

// readShardKey takes the key of a shard apart: what shardKeys puts behind its base is rest.
func (s *Store) readShardKey(key string) (sh minapush.Shard, rest string, ok bool) {
	tag, ok := strings.CutPrefix(key, s.prefix+":{")
	if !ok {
		return sh, "", false
	}
	tag, rest, closed := strings.Cut(tag, "}:")
	app, n, two := strings.Cut(tag, ":")
	a, err1 := strconv.ParseUint(app, 10, 32)
	b, err2 := strconv.ParseUint(n, 10, 32)
	return minapush.Shard{App: uint32(a), N: uint32(b)}, rest, closed && two && err1 == nil && err2 == nil
}

// readKinds reads the last version of each kind. The name of a document can look like that of such a counter, but no document begins
// with a digit.
func (s *Store) readKinds(ctx context.Context, a *survey) error {
	for _, kind := range slices.Sorted(maps.Keys(a.kinds)) {
		err := s.read(ctx, func(ctx context.Context) error {
			text, err := s.client.Do(ctx, s.client.B().Get().Key(s.documents(kind).version()).Build()).ToString()
			if err != nil && !rueidis.IsRedisNil(err) {
				return err
			}
			version, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				delete(a.kinds, kind)
				return nil
			}
			a.kinds[kind] = version
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stateOf reads what every write to the store changes: the version of each shard and the last version of each kind. Errors: Conflict (a
// shard is leased).
func (s *Store) stateOf(ctx context.Context, a *survey) (map[string]string, error) {
	state := map[string]string{}
	for page := range slices.Chunk(a.inOrder(), shardsAtOnce) {
		if err := s.read(ctx, func(ctx context.Context) error { return s.readState(ctx, page, state) }); err != nil {
			return nil, err
		}
	}
	now := &survey{kinds: maps.Clone(a.kinds)}
	if err := s.readKinds(ctx, now); err != nil {
		return nil, err
	}
	for kind, version := range now.kinds {
		state["kind "+kind] = strconv.FormatUint(version, 10)
	}
	return state, nil
}

func (s *Store) readState(ctx context.Context, shards []minapush.Shard, state map[string]string) error {
	cmds := make(rueidis.Commands, 0, 2*len(shards))
	for _, sh := range shards {
		k := s.keys(sh)
		cmds = append(cmds, s.client.B().Get().Key(k.lease()).Build(),
			s.client.B().Hmget().Key(k.counters()).Field(versionFields[:]...).Build())
	}
	results := s.client.DoMulti(ctx, cmds...)
	for i, sh := range shards {
		held, err := results[2*i].ToString()
		if err == nil {
			_, who, _ := strings.Cut(held, ":")
			return minapush.Errorf(minapush.Conflict, "shard %d of app %d is leased by %s: a server uses the store", sh.N, sh.App, who)
		}
		if !rueidis.IsRedisNil(err) {
			return err
		}
		counters, err := results[2*i+1].ToArray()
		if err != nil {
			return err
		}
		text := ""
		for _, m := range counters {
			b, err := bytesOf(m)
			if err != nil {
				return err
			}
			text += string(b) + " "
		}
		state[s.keys(sh).base] = text
	}
	return nil
}

// scanPage is how many keys a server looks at in one go.
const scanPage = 1000

// scan gives the names of keys that match a pattern, of all servers, until each answers false. It may give one twice. Replicas are asked
// like the others: what they have their masters have, too.
func (s *Store) scan(ctx context.Context, pattern string, each func(keys []string) bool) error {
	nodes := s.client.Nodes()
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		for cursor := uint64(0); ; {
			var page rueidis.ScanEntry
			err := s.read(ctx, func(ctx context.Context) (err error) {
				b := nodes[addr].B()
				page, err = nodes[addr].Do(ctx, b.Scan().Cursor(cursor).Match(pattern).Count(scanPage).Build()).AsScanEntry()
				return err
			})
			if err != nil {
				return err
			}
			if !each(page.Elements) {
				return nil
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	return nil
}
