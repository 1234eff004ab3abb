package redisstore

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// A hash of Redis has no order. Who walks one reads all its fields once, sorts them, and keeps the list for as long as it is told that
// it is still whole: so the server neither sorts nor keeps an order, which would cost half as much memory again as the users themselves.

// members keeps the lists of the hashes walked last.
type members struct {
	mu    sync.Mutex
	lists map[string]*memberList // by key
	clock uint64
}

// memberList is the fields of a hash, sorted, as of one generation of it.
type memberList struct {
	generation string
	openids    []minapush.OpenID
	used       uint64
}

// maxMemberLists is how many lists are kept: those of the shards that are being walked. Each has some thousand openids.
const maxMemberLists = 64

func (m *members) get(key, generation string) *memberList {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lists[key]
	if l == nil || l.generation != generation {
		return nil
	}
	m.clock++
	l.used = m.clock
	return l
}

func (m *members) put(key string, l *memberList) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[string]*memberList{}
	}
	m.clock++
	l.used = m.clock
	m.lists[key] = l
	if len(m.lists) <= maxMemberLists {
		return
	}
	oldest := key
	for k, other := range m.lists {
		if other.used < m.lists[oldest].used {
			oldest = k
		}
	}
	delete(m.lists, oldest)
}

// after is where the openids greater than one begin. There is none before the empty one.
func (l *memberList) after(o minapush.OpenID) []minapush.OpenID {
	if o == "" {
		return l.openids
	}
	at, found := slices.BinarySearchFunc(l.openids, o, cmp.Compare[minapush.OpenID])
	if found {
		at++
	}
	return l.openids[at:]
}

// usersOf lists the users of a shard. generation is the present one, if the caller knows it.
func (s *Store) usersOf(ctx context.Context, sh minapush.Shard, generation *string) (*memberList, error) {
	k, b := s.keys(sh), s.client.B()
	if generation == nil {
		g, err := s.client.Do(ctx, b.Hget().Key(k.counters()).Field(generationField).Build()).ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, err
		}
		generation = &g
	}
	if l := s.members.get(k.users(), *generation); l != nil {
		return l, nil
	}
	// The generation is read first: if somebody comes in between, the list is taken for older than it is, and read again.
	results := s.client.DoMulti(ctx,
		b.Hget().Key(k.counters()).Field(generationField).Build(), b.Hkeys().Key(k.users()).Build())
	g, err := results[0].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return nil, err
	}
	openids, err := sorted(results[1])
	if err != nil {
		return nil, err
	}
	l := &memberList{generation: g, openids: openids}
	s.members.put(k.users(), l)
	return l, nil
}

// listOf lists who is on the list of a campaign. long is how many are on it, if the list is known to be closed: then it only ever
// gets shorter, and one of the same length is the same.
func (s *Store) listOf(ctx context.Context, sh minapush.Shard, campaign string, closed bool, long string) (*memberList, error) {
	key := s.keys(sh).list(campaign)
	if closed {
		if l := s.members.get(key, long); l != nil {
			return l, nil
		}
	}
	openids, err := sorted(s.client.Do(ctx, s.client.B().Hkeys().Key(key).Build()))
	if err != nil {
		return nil, err
	}
	l := &memberList{generation: itoa(int64(len(openids))), openids: openids}
	if closed {
		s.members.put(key, l)
	}
	return l, nil
}

func sorted(r rueidis.RedisResult) ([]minapush.OpenID, error) {
	names, err := r.AsStrSlice()
	if err != nil {
		return nil, err
	}
	openids := make([]minapush.OpenID, len(names))
	for i, n := range names {
		openids[i] = minapush.OpenID(n)
	}
	slices.Sort(openids)
	return openids, nil
}
