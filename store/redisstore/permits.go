package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// maxDeltas is how many deltas a user may gather before a deposit writes the record whole again.
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
	out, is, err := s.depositNew(ctx, sh, o, in)
	if err != nil || out.Items != nil {
		return out, err
	}
	err = s.step(ctx, sh, func(ctx context.Context, st *step) error {
		if is != nil {
			st.users.saw(string(o), is) // what the script gave back; it may be old by now
			st.reads++
			is = nil
		}
		r, found, err := st.user(ctx, o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.New(d.Now)
			r = &st.rec
		}
		res := r.Deposit(in)
		st.flow.Add(res.Flow)
		out = answerDeposit(res)
		if !found || res.Changed {
			st.setUser(o, r)
		}
		return nil
	})
	if err != nil {
		return store.Deposited{}, err
	}
	return out, nil
}

func answerDeposit(res record.Result) store.Deposited {
	out := store.Deposited{Evicted: res.Evicted, Items: make([]store.Accepted, len(res.Items))}
	for i, v := range res.Items {
		out.Items[i] = store.Accepted(v)
	}
	return out
}

// depositNew deposits in one script, if nothing of it meets what the user has: see deposit.lua. Else out.Items is nil and nothing is
// changed; is may then be what the user is.
//
// What a record that is empty says to the deposit is what each says of which it meets nothing: so the answer is known before.
func (s *Store) depositNew(
	ctx context.Context, sh minapush.Shard, o minapush.OpenID, in record.Deposit,
) (out store.Deposited, is []byte, err error) {
	rec := record.New(in.Now)
	res := rec.Deposit(in)
	if !res.Merge {
		return out, nil, nil // it alone is more than a user may have
	}
	sections, largest := rec.Sections()
	if sections > math.MaxUint8 || largest > math.MaxUint16 {
		return out, nil, nil
	}
	onlyNew := byte(0)
	var look probes
	for i := range in.Permits {
		p := &in.Permits[i]
		switch {
		case res.Items[i] == record.Refused:
			return out, nil, nil
		case res.Items[i] != record.Added:
			continue
		case p.Kind == minapush.Standing:
			onlyNew = 1
		}
		look.add(p)
	}
	var flows []counted
	eachFlow(&res.Flow, func(field string, by int64) { flows = append(flows, counted{field, by}) })
	limits := binary.BigEndian.AppendUint16([]byte{onlyNew, byte(sections)}, uint16(largest))
	limits = binary.BigEndian.AppendUint16(limits, uint16(min(in.Sections, math.MaxUint8-1)))
	limits = binary.BigEndian.AppendUint16(limits, uint16(min(in.PerSection, math.MaxUint16-1)))
	limits = append(limits, maxDeltas, byte(len(flows)), byte(len(look.sections)))
	value := appendUser(make([]byte, 0, 128+64*len(in.Permits)), &rec, s.newStamp())
	delta := rec.AppendDelta(value[len(value):], in, res)
	args := make([]string, 0, 6+2*len(flows)+len(look.sections)+len(look.live))
	args = append(args, string(o), rueidis.BinaryString(value), rueidis.BinaryString(delta), rueidis.BinaryString(limits),
		rueidis.BinaryString(look.gone), rueidis.BinaryString(look.packedTimes()))
	for _, f := range flows {
		args = append(args, f.field, itoa(f.by))
	}
	args = append(append(args, look.sections...), look.live...)
	k := s.keys(sh)
	m, err := s.write(ctx, &s.scripts.deposit, []string{k.users(), k.counters()}, args)
	if err != nil {
		return out, nil, err
	}
	if m.IsInt64() {
		return answerDeposit(res), nil, nil
	}
	is, err = m.AsBytes()
	return out, is, interpret("deposit", err)
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
	err := s.read(ctx, func(ctx context.Context) error {
		b, err := s.client.Do(ctx, s.client.B().Hget().Key(s.keys(sh).users()).Field(string(o)).Build()).AsBytes()
		if rueidis.IsRedisNil(err) {
			return minapush.Errorf(minapush.NotFound, "no user %s", o.Masked())
		}
		var r record.Record
		if err == nil {
			err = readUser(b, &r)
		}
		if err == nil {
			u, err = view(o, &r)
		}
		return err
	})
	return u, err
}

// pageOfUsers is how many users are read, or swept, at once.
const pageOfUsers = 256

// Walk implements store.Permits.
func (s *Store) Walk(ctx context.Context, sh minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	var users []store.User
	err := s.read(ctx, func(ctx context.Context) error {
		l, err := s.usersOf(ctx, sh, nil)
		if err != nil {
			return err
		}
		left := l.after(after)
		for len(left) > 0 && len(users) < limit {
			page := left[:min(len(left), limit-len(users), pageOfUsers)]
			left = left[len(page):]
			if users, err = s.readUsers(ctx, sh, page, users, beside); err != nil {
				return err
			}
		}
		return nil
	})
	return users, err
}

// readUsers appends those of the users who are still there, with what there is of them in campaigns.
func (s *Store) readUsers(
	ctx context.Context, sh minapush.Shard, page []minapush.OpenID, users []store.User, campaigns []string,
) ([]store.User, error) {
	values, err := s.client.Do(ctx, s.client.B().Hmget().Key(s.keys(sh).users()).Field(texts(page)...).Build()).ToArray()
	if err != nil {
		return users, err
	}
	beside, err := s.besidesOf(ctx, s.client, sh, page, campaigns)
	if err != nil {
		return users, err
	}
	var r record.Record
	for i, m := range values {
		b, err := bytesOf(m)
		if err != nil {
			return users, err
		}
		if b == nil {
			continue
		}
		if err := readUser(b, &r); err != nil {
			return users, err
		}
		u, err := view(page[i], &r)
		if err != nil {
			return users, err
		}
		u.Beside = beside.of(i)
		users = append(users, u)
	}
	return users, nil
}

func texts(openids []minapush.OpenID) []string {
	list := make([]string, len(openids))
	for i, o := range openids {
		list[i] = string(o)
	}
	return list
}

// Flow implements store.Permits.
func (s *Store) Flow(ctx context.Context, sh minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error) {
	var flows map[minapush.PermitKind]minapush.Counts
	err := s.read(ctx, func(ctx context.Context) error {
		fields, err := s.client.Do(ctx, s.client.B().Hgetall().Key(s.keys(sh).counters()).Build()).AsStrMap()
		if err == nil {
			flows, err = readFlow(fields)
		}
		return err
	})
	return flows, err
}
