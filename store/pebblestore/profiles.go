package pebblestore

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// PutProfile implements store.Profiles.
func (s *Store) PutProfile(ctx context.Context, sh minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (uint64, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	next := p.Version + 1
	err := s.step(ctx, sh, func(st *step) error {
		r, found, err := st.user(o)
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
		return st.setUser(o, r)
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
	return s.step(ctx, sh, func(st *step) error {
		is, err := readUID(st.r, sh, uid)
		switch {
		case err != nil:
			return err
		case is == o:
			return nil
		case is != was:
			return minapush.Errorf(minapush.Conflict, "uid points at %s", is.Masked())
		}
		return st.set(uidKey(nil, sh, uid), append([]byte{valueV1}, o...))
	})
}

// UnbindUID implements store.Profiles.
func (s *Store) UnbindUID(ctx context.Context, sh minapush.Shard, uid string, o minapush.OpenID) error {
	return s.step(ctx, sh, func(st *step) error {
		is, err := readUID(st.r, sh, uid)
		if err != nil || is == "" || is != o {
			return err
		}
		return st.delete(uidKey(nil, sh, uid))
	})
}

// UID implements store.Profiles.
func (s *Store) UID(ctx context.Context, sh minapush.Shard, uid string) (minapush.OpenID, error) {
	var o minapush.OpenID
	err := s.read(ctx, sh, func(r pebble.Reader) (err error) {
		if o, err = readUID(r, sh, uid); err == nil && o == "" {
			err = minapush.Errorf(minapush.NotFound, "no user has this uid")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return o, nil
}

// readUID reads where a uid points; "" for at nothing.
func readUID(r pebble.Reader, sh minapush.Shard, uid string) (minapush.OpenID, error) {
	v, found, err := get(r, nil, uidKey(nil, sh, uid))
	if err != nil || !found {
		return "", err
	}
	if len(v) < 2 || v[0] != valueV1 {
		return "", errCorrupt
	}
	return minapush.OpenID(v[1:]), nil
}
