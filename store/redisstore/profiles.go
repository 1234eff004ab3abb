package redisstore

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// PutProfile implements store.Profiles.
func (s *Store) PutProfile(ctx context.Context, sh minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (uint64, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	next := p.Version + 1
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		r, found, err := st.user(ctx, o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.Told(now)
			r = &st.rec
		}
		if r.Erasing {
			return minapush.Errorf(minapush.Conflict, "user %s is being erased", o.Masked())
		}
		if have := r.ProfileVersion(); have != p.Version {
			return minapush.Errorf(minapush.Conflict, "the profile of %s has version %d, not %d", o.Masked(), have, p.Version)
		}
		told := p
		told.Version = next
		r.SetProfile(told)
		st.setUser(o, r)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// BindUID implements store.Profiles. Errors beside those of the contract: Invalid (an empty uid or openid).
func (s *Store) BindUID(ctx context.Context, sh minapush.Shard, uid string, o, was minapush.OpenID) error {
	if uid == "" || o == "" {
		return minapush.FieldError("uid", "and its openid must not be empty")
	}
	return s.step(ctx, sh, func(ctx context.Context, st *step) error {
		uids := st.hash(st.keys.uids())
		is, err := st.uid(ctx, uids, uid)
		switch {
		case err != nil:
			return err
		case is == o:
			return nil
		case is != was:
			return minapush.Errorf(minapush.Conflict, "uid points at %s", is.Masked())
		}
		uids.set(uid, append([]byte{valueV1}, o...))
		return nil
	})
}

// UnbindUID implements store.Profiles.
func (s *Store) UnbindUID(ctx context.Context, sh minapush.Shard, uid string, o minapush.OpenID) error {
	return s.step(ctx, sh, func(ctx context.Context, st *step) error {
		uids := st.hash(st.keys.uids())
		is, err := st.uid(ctx, uids, uid)
		if err == nil && is != "" && is == o {
			uids.drop(uid)
		}
		return err
	})
}

// uid reads where a uid points; "" for at nothing.
func (st *step) uid(ctx context.Context, uids *hash, uid string) (minapush.OpenID, error) {
	b, err := st.get(ctx, uids, uid)
	if err != nil || b == nil {
		return "", err
	}
	return readUID(b)
}

func readUID(b []byte) (minapush.OpenID, error) {
	if err := checkFormat(b); err != nil {
		return "", err
	}
	if len(b) < 2 {
		return "", errCorrupt
	}
	return minapush.OpenID(b[1:]), nil
}

// UID implements store.Profiles.
func (s *Store) UID(ctx context.Context, sh minapush.Shard, uid string) (minapush.OpenID, error) {
	var o minapush.OpenID
	err := s.read(ctx, func(ctx context.Context) error {
		b, err := s.client.Do(ctx, s.client.B().Hget().Key(s.keys(sh).uids()).Field(uid).Build()).AsBytes()
		if rueidis.IsRedisNil(err) {
			return minapush.Errorf(minapush.NotFound, "no user has this uid")
		}
		if err == nil {
			o, err = readUID(b)
		}
		return err
	})
	return o, err
}
