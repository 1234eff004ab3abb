package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// AddListed implements store.Campaigns. Errors beside those of the contract: Invalid (an empty openid, too many values).
func (s *Store) AddListed(ctx context.Context, sh minapush.Shard, campaign string, users []store.Listed) ([]bool, error) {
	if err := checkListed(users); err != nil {
		return nil, err
	}
	openids := make([]string, len(users))
	for i := range users {
		openids[i] = string(users[i].OpenID)
	}
	var added []bool
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		added = make([]bool, len(users))
		list := st.hash(st.keys.list(campaign))
		if err := st.do(ctx, st.look(list, openids...)); err != nil {
			return err
		}
		st.asked = append(st.asked, question{op: "N", key: st.keys.progress(campaign)}) // no walk has begun
		st.reads++                                                                      // which is another moment
		for i := range users {
			if list.cell(openids[i]).now != nil {
				continue
			}
			added[i] = true
			list.set(openids[i], st.keep(func(dst []byte) []byte { return appendListed(dst, users[i].Values) }))
			st.with(campaign)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func checkListed(users []store.Listed) error {
	for i := range users {
		if users[i].OpenID == "" {
			return minapush.FieldError(fmt.Sprintf("users[%d].openid", i), "must not be empty")
		}
		n := 0
		for name, value := range users[i].Values {
			n += len(name) + len(value)
		}
		if n > store.MaxListedValues {
			return minapush.FieldError(fmt.Sprintf("users[%d].values", i), "must have at most %d bytes, have %d", store.MaxListedValues, n)
		}
	}
	return nil
}

// CountListed implements store.Campaigns.
func (s *Store) CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error) {
	var sum int64
	err := s.eachShard(ctx, app, shards, func(k shardKeys) rueidis.Completed {
		return s.client.B().Hlen().Key(k.list(campaign)).Build()
	}, func(r rueidis.RedisResult) error {
		n, err := r.AsInt64()
		sum += n
		return err
	})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// Listed implements store.Campaigns.
func (s *Store) Listed(ctx context.Context, sh minapush.Shard, campaign string, after minapush.OpenID, limit int) ([]store.Listed, error) {
	var list []store.Listed
	err := s.read(ctx, func(ctx context.Context) error {
		l, err := s.listOf(ctx, sh, campaign, false, "")
		if err != nil {
			return err
		}
		left := l.after(after)
		for len(left) > 0 && len(list) < limit {
			page := left[:min(len(left), limit-len(list), pageOfUsers)]
			left = left[len(page):]
			if list, err = s.readListed(ctx, sh, campaign, page, list); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// readListed appends those who are still on the list.
func (s *Store) readListed(
	ctx context.Context, sh minapush.Shard, campaign string, page []minapush.OpenID, list []store.Listed,
) ([]store.Listed, error) {
	places, err := s.client.Do(ctx, s.client.B().Hmget().Key(s.keys(sh).list(campaign)).Field(texts(page)...).Build()).ToArray()
	if err != nil {
		return list, err
	}
	for i, m := range places {
		b, err := bytesOf(m)
		if err != nil {
			return list, err
		}
		if b == nil {
			continue
		}
		values, err := readListed(b)
		if err != nil {
			return list, err
		}
		list = append(list, store.Listed{OpenID: page[i], Values: values})
	}
	return list, nil
}
