package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// Void notes that a user switched the messages of a template off.
func (m *Model) Void(ctx context.Context, s minapush.Shard, o minapush.OpenID, template string, until, now time.Time) (died int, err error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	sh, until, now := m.shard(s), modelSecond(until), modelMilli(now)
	u := sh.users[o]
	if u == nil {
		u = sh.add(o, now)
	}
	before, noted := u.voids[template]
	noted = noted && modelRemembered(before.Add(minapush.IdentityLife), now)
	if u.erasing || noted && !until.After(before) {
		return 0, nil
	}
	u.voids[template] = until
	for _, p := range slices.Clone(u.permits) {
		if p.Kind.HasCode() || p.Template != template || p.TakenAt.After(until) {
			continue
		}
		died += sh.switchOff(u, p)
	}
	u.bound()
	return died, nil
}

// switchOff kills what is available of a permit, and what is not as soon as it would be.
func (sh *modelShard) switchOff(u *modelUser, p *modelPermit) (died int) {
	if p.State == minapush.Available {
		sh.kill(u, p)
		return max(p.Uses, 1)
	}
	p.doomed = true
	if p.Kind == minapush.Standing {
		return 0
	}
	died, p.Uses = p.Uses-1, 1
	sh.count(u, p.Kind, func(c *minapush.Counts) { c.Dead += int64(died) })
	return died
}

// giveBack makes the use that was in hand or in doubt available, or kills it if its template was switched off meanwhile.
func (sh *modelShard) giveBack(u *modelUser, p *modelPermit) {
	p.State, p.by = minapush.Available, nil
	if p.doomed {
		sh.kill(u, p)
	}
}

// switchedOff tells whether a permit that comes in was taken before the user switched its template off.
func (u *modelUser) switchedOff(p minapush.Permit, now time.Time) bool {
	until, noted := u.voids[p.Template]
	return noted && !p.Kind.HasCode() && p.Evidence != minapush.ByBackend &&
		modelRemembered(until.Add(minapush.IdentityLife), now) && !p.TakenAt.After(until)
}
