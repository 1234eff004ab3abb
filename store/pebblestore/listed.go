package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// AddListed implements store.Campaigns. Errors beside those of the contract: Invalid (an empty openid, too many values).
func (s *Store) AddListed(ctx context.Context, sh minapush.Shard, campaign string, users []store.Listed) ([]bool, error) {
	if err := checkListed(users); err != nil {
		return nil, err
	}
	added := make([]bool, len(users))
	err := s.step(ctx, sh, func(st *step) error {
		_, walked, err := st.get(progressKey(nil, sh, campaign))
		if err != nil {
			return err
		}
		if walked {
			return minapush.Errorf(minapush.Conflict, "campaign %s is under way in shard %d: its list is closed", campaign, sh.N)
		}
		have, err := st.listSize(campaign)
		if err != nil {
			return err
		}
		seen := make(map[minapush.OpenID]struct{}, len(users))
		for i := range users {
			if _, again := seen[users[i].OpenID]; again {
				continue
			}
			seen[users[i].OpenID] = struct{}{}
			if added[i], err = st.addListed(campaign, &users[i], have > 0); err != nil {
				return err
			}
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

// addListed puts a user on a list that may have others already, unless it is there.
func (st *step) addListed(campaign string, u *store.Listed, others bool) (bool, error) {
	st.key = listedKey(st.key[:0], st.shard, campaign, u.OpenID)
	if others {
		if _, found, err := st.get(st.key); err != nil || found {
			return false, err
		}
	}
	st.resizeList(campaign, 1)
	st.buf = appendListed(st.buf[:0], u.Values)
	return true, st.set(st.key, st.buf)
}

// CountListed implements store.Campaigns.
func (s *Store) CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error) {
	var sum int64
	err := s.readShards(ctx, app, shards, listSizePrefix(nil, app, campaign), func(v []byte) error {
		n, err := readListSize(v)
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
	err := s.read(ctx, sh, func(r pebble.Reader) error {
		it, skip, err := listedAfter(r, sh, campaign, after)
		if err != nil {
			return err
		}
		defer it.Close()
		for ok := it.First(); ok && len(list) < limit; ok = it.Next() {
			v, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			values, err := readListed(v)
			if err != nil {
				return err
			}
			list = append(list, store.Listed{OpenID: minapush.OpenID(it.Key()[skip:]), Values: values})
		}
		return it.Error()
	})
	return list, err
}

// listedAfter walks the list of a campaign behind an openid; openids stand behind the first skip bytes of its keys.
func listedAfter(r pebble.Reader, sh minapush.Shard, campaign string, o minapush.OpenID) (it *pebble.Iterator, skip int, err error) {
	prefix := listedPrefix(nil, sh, campaign)
	from := append(prefix[:len(prefix):len(prefix)], o...)
	if o != "" {
		from = append(from, 0) // the first key behind that of o
	}
	it, err = scan(r, prefix, from)
	return it, len(prefix), err
}

// listSize is how long the list of a campaign is in the step's shard, without what the step itself added.
func (st *step) listSize(campaign string) (int64, error) {
	v, found, err := st.get(listSizeKey(nil, st.shard, campaign))
	if err != nil || !found {
		return 0, err
	}
	return readListSize(v)
}

// resizeList counts users who come to a list or leave it. The sum is written when the step is applied.
func (st *step) resizeList(campaign string, by int64) {
	if st.listed == nil {
		st.listed = map[string]int64{}
	}
	st.listed[campaign] += by
}

func (st *step) writeListSizes() error {
	for campaign, by := range st.listed {
		n, err := st.listSize(campaign)
		if err != nil {
			return err
		}
		key := listSizeKey(nil, st.shard, campaign)
		if n += by; n == 0 {
			err = st.delete(key)
		} else {
			err = st.set(key, binary.AppendUvarint([]byte{valueV1}, uint64(n)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readListSize(b []byte) (int64, error) {
	p := parser{b: b}
	if p.byte() != valueV1 {
		return 0, errCorrupt
	}
	n := int64(p.uvarint(math.MaxInt64))
	return n, p.end()
}

// eraseListed takes a user off every list of the shard. It costs two seeks a list, however long that is.
func (st *step) eraseListed(o minapush.OpenID) (int, error) {
	it, err := scan(st.r, shardKey(nil, keyListed, st.shard), nil)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; {
		campaign, _, good := readEscaped(it.Key()[shardSize:])
		if !good {
			return 0, errCorrupt
		}
		st.key = listedKey(st.key[:0], st.shard, campaign, o)
		if it.SeekGE(st.key) && bytes.Equal(it.Key(), st.key) {
			n++
			st.resizeList(campaign, -1)
			if err := st.delete(st.key); err != nil {
				return 0, err
			}
		}
		ok = it.SeekGE(after(listedPrefix(nil, st.shard, campaign)))
	}
	return n, it.Error()
}

// forgetList removes the list of a campaign in the step's shard, unless deliveries that may need its values are pending.
func (st *step) forgetList(campaign string) error {
	n, err := st.listSize(campaign)
	if err != nil || n == 0 {
		return err
	}
	p, err := st.of(campaign)
	if err != nil || p.Count(minapush.Pending) > 0 {
		return err
	}
	st.resizeList(campaign, -n)
	prefix := listedPrefix(nil, st.shard, campaign)
	return st.batch.DeleteRange(prefix, after(prefix), nil)
}

// appendListed appends the values of a listed user, by name.
func appendListed(dst []byte, values map[string]string) []byte {
	dst = append(dst, valueV1)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		dst = appendString(appendString(dst, name), values[name])
	}
	return dst
}

// readListed reads what appendListed wrote; nil if there are none.
func readListed(b []byte) (map[string]string, error) {
	p := parser{b: b}
	if p.byte() != valueV1 {
		return nil, errCorrupt
	}
	var values map[string]string
	for len(p.b) > 0 {
		if values == nil {
			values = map[string]string{}
		}
		name := p.string()
		values[name] = p.string()
	}
	return values, p.end()
}
