package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// PutProfile replaces a user's profile over the version that the caller read.
func (m *Model) PutProfile(ctx context.Context, s minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (uint64, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if err := p.Validate(); err != nil {
		return 0, err
	}
	sh := m.shard(s)
	u := sh.users[o]
	var stored uint64 // of a user that is not there
	if u != nil {
		stored = u.profile.Version
	}
	switch {
	case stored != p.Version:
		return 0, minapush.Errorf(minapush.Conflict, "the profile of %s was changed by somebody else", o.Masked())
	case u == nil:
		u = sh.add(o, modelMilli(now))
	case u.erasing:
		return 0, minapush.Errorf(minapush.Conflict, "user %s is being erased", o.Masked())
	}
	u.profile = modelProfile(p)
	u.profile.Version++
	return u.profile.Version, nil
}

// modelProfile is a profile that shares nothing with p.
func modelProfile(p minapush.Profile) minapush.Profile {
	p.Tags, p.Attributes = slices.Clone(p.Tags), maps.Clone(p.Attributes)
	return p
}

// BindUID points a uid at an openid.
func (m *Model) BindUID(ctx context.Context, s minapush.Shard, uid string, o, was minapush.OpenID) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	uids := m.shard(s).uids
	if at := uids[uid]; at != o && at != was {
		return minapush.Errorf(minapush.Conflict, "the uid is that of another user")
	}
	uids[uid] = o
	return nil
}

// UnbindUID removes a uid that points at an openid.
func (m *Model) UnbindUID(ctx context.Context, s minapush.Shard, uid string, o minapush.OpenID) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if uids := m.shard(s).uids; uids[uid] == o {
		delete(uids, uid)
	}
	return nil
}

// UID returns where a uid points.
func (m *Model) UID(ctx context.Context, s minapush.Shard, uid string) (minapush.OpenID, error) {
	if err := m.begin(ctx); err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	o, there := m.shard(s).uids[uid]
	if !there {
		return "", minapush.Errorf(minapush.NotFound, "no user has this uid")
	}
	return o, nil
}
