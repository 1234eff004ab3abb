package pebblestore

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// maxDeltas is how many delta frames a record may gather before a deposit writes it whole again.
const maxDeltas = 8

// Deposit implements store.Permits. Errors beside those of the contract: Invalid (a kind that does not exist, an identity that is
// too long).
func (s *Store) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	in := record.Deposit{
		Now: d.Now, Permits: d.Permits, PerSection: d.MaxPerSection, Sections: d.MaxSections, Identities: store.MaxIdentities,
	}
	if in.PerSection <= 0 {
		in.PerSection = store.DefaultPerSection
	}
	if in.Sections <= 0 {
		in.Sections = store.DefaultSections
	}
	if err := checkPermits(d.Permits); err != nil {
		return store.Deposited{}, err
	}
	var out store.Deposited
	err := s.step(ctx, sh, func(st *step) error {
		r, found, err := st.user(o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.New(d.Now)
			r = &st.rec
		}
		res := r.Deposit(in)
		st.flow.Add(res.Flow)
		out.Evicted = res.Evicted
		out.Items = make([]store.Accepted, len(res.Items))
		for i, v := range res.Items {
			out.Items[i] = store.Accepted(v)
		}
		switch {
		case found && !res.Changed:
			return nil
		case found && res.Merge && r.Deltas < maxDeltas:
			st.key = userKey(st.key[:0], st.shard, o)
			st.buf = r.AppendDelta(st.buf[:0], in, res)
			return st.batch.Merge(st.key, st.buf, nil)
		}
		return st.setUser(o, r)
	})
	return out, err
}

func checkPermits(ps []minapush.Permit) error {
	for i := range ps {
		if ps[i].Kind.String() == "" {
			return minapush.FieldError(fmt.Sprintf("permits[%d].kind", i), "%d is no kind of permit", ps[i].Kind)
		}
		if n := len(ps[i].Identity); n > minapush.MaxIdentity {
			return minapush.FieldError(fmt.Sprintf("permits[%d].identity", i), "must have at most %d bytes, has %d", minapush.MaxIdentity, n)
		}
	}
	return nil
}

// User implements store.Permits.
func (s *Store) User(ctx context.Context, sh minapush.Shard, o minapush.OpenID) (store.User, error) {
	var u store.User
	err := s.read(ctx, sh, func(r pebble.Reader) error {
		v, found, err := get(r, nil, userKey(nil, sh, o))
		if err != nil {
			return err
		}
		if !found {
			return minapush.Errorf(minapush.NotFound, "no user %s", o.Masked())
		}
		rec, err := record.Decode(v)
		if err != nil {
			return err
		}
		u, err = view(o, &rec)
		return err
	})
	return u, err
}

// Walk implements store.Permits.
func (s *Store) Walk(ctx context.Context, sh minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	var users []store.User
	read := s.read
	if len(beside) > 0 {
		read = s.readMoment // of records, rows and lists
	}
	err := read(ctx, sh, func(r pebble.Reader) error {
		it, err := usersAfter(r, sh, after)
		if err != nil {
			return err
		}
		defer it.Close()
		near, err := openBesides(r, sh, beside, after)
		defer near.close()
		if err != nil {
			return err
		}
		var rec record.Record
		for ok := it.First(); ok && len(users) < limit; ok = it.Next() {
			if err := decodeAt(it, &rec); err != nil {
				return err
			}
			u, err := view(minapush.OpenID(it.Key()[shardSize:]), &rec)
			if err != nil {
				return err
			}
			if u.Beside, err = near.of(u.OpenID, nil); err != nil {
				return err
			}
			users = append(users, u)
		}
		return it.Error()
	})
	return users, err
}

// usersAfter walks the users of a shard whose openids are greater than one.
func usersAfter(r pebble.Reader, sh minapush.Shard, o minapush.OpenID) (*pebble.Iterator, error) {
	from := userKey(nil, sh, o)
	if o != "" {
		from = append(from, 0) // the first key behind that of o
	}
	return scan(r, shardKey(nil, keyUser, sh), from)
}

// decodeAt decodes the record that an iterator stands on; it is good until the iterator moves.
func decodeAt(it *pebble.Iterator, rec *record.Record) error {
	v, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	return rec.Decode(v)
}

// Flow implements store.Permits.
func (s *Store) Flow(ctx context.Context, sh minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error) {
	flows := map[minapush.PermitKind]minapush.Counts{}
	err := s.read(ctx, sh, func(r pebble.Reader) error {
		v, found, err := get(r, nil, flowKey(nil, sh))
		if err != nil || !found {
			return err
		}
		f, err := readFlow(v)
		if err != nil {
			return err
		}
		for k, c := range f {
			if c != (minapush.Counts{}) {
				flows[minapush.PermitKind(k)] = c
			}
		}
		return nil
	})
	return flows, err
}
