package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Deposit adds permits to a user.
func (m *Model) Deposit(ctx context.Context, s minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if err := m.begin(ctx); err != nil {
		return store.Deposited{}, err
	}
	defer m.mu.Unlock()
	sh, now := m.shard(s), modelMilli(d.Now)
	answer := store.Deposited{Items: make([]store.Accepted, len(d.Permits))}
	u := sh.users[o]
	if u != nil && u.erasing {
		for i := range answer.Items {
			answer.Items[i] = store.Refused
		}
		return answer, nil
	}
	if u == nil {
		u = sh.add(o, now)
	}
	if now.After(u.lastSeen) {
		u.lastSeen = now
	}
	mine := map[*modelPermit]int{} // what this deposit added, by its place
	for i, p := range d.Permits {
		p.TakenAt, p.ExpiresAt = modelSecond(p.TakenAt), modelSecond(p.ExpiresAt)
		if p.Kind == minapush.Standing {
			p.Uses = 0
		}
		answer.Items[i] = sh.judge(u, p, now, d)
		if answer.Items[i] != store.Added {
			continue
		}
		added := &modelPermit{Holding: minapush.Holding{Permit: p}}
		u.permits = append(u.permits, added)
		mine[added] = i
		sh.count(u, p.Kind, func(c *minapush.Counts) { c.Deposited += int64(p.Uses) })
		for _, out := range sh.evict(u, p, d.MaxPerSection) {
			answer.Evicted += out.Uses
			if place, own := mine[out]; own {
				answer.Items[place] = store.EvictedAtOnce
			}
		}
	}
	return answer, nil
}

// judge says what becomes of one permit before anything is evicted.
func (sh *modelShard) judge(u *modelUser, p minapush.Permit, now time.Time, d store.Deposit) store.Accepted {
	most := d.MaxSections
	if most == 0 {
		most = store.DefaultSections
	}
	standing := u.standing(p.Template)
	switch {
	case p.Expired(now):
		return store.Stale
	case p.Kind == minapush.Standing && standing != nil:
		if p.TakenAt.After(standing.TakenAt) {
			standing.TakenAt = p.TakenAt
		}
		standing.doomed = standing.doomed && u.switchedOff(p, now)
		return store.Duplicate
	case u.knows(p, now) || u.pair(p, now):
		return store.Duplicate
	case u.switchedOff(p, now):
		return store.SwitchedOff
	case len(u.section(p.Kind, p.Template)) == 0 && u.sections() >= most:
		return store.Refused
	}
	return store.Added
}

// evict makes the section of a new permit small enough.
func (sh *modelShard) evict(u *modelUser, p minapush.Permit, most int) (out []*modelPermit) {
	if most == 0 {
		most = store.DefaultPerSection
	}
	for {
		live := u.section(p.Kind, p.Template)
		var first *modelPermit
		for _, q := range live {
			if q.State == minapush.Available && (first == nil || modelSooner(q, first) < 0) {
				first = q
			}
		}
		if len(live) <= most || first == nil {
			return out
		}
		u.take(first)
		sh.count(u, first.Kind, func(c *minapush.Counts) { c.Evicted += int64(first.Uses) })
		out = append(out, first)
	}
}

// count adds to the sums of a user and of its shard. Standing permits stay outside.
func (sh *modelShard) count(u *modelUser, kind minapush.PermitKind, add func(*minapush.Counts)) {
	if kind == minapush.Standing {
		return
	}
	add(&u.past)
	flow := sh.flow[kind]
	add(&flow)
	sh.flow[kind] = flow
}

// User returns one user.
func (m *Model) User(ctx context.Context, s minapush.Shard, o minapush.OpenID) (store.User, error) {
	if err := m.begin(ctx); err != nil {
		return store.User{}, err
	}
	defer m.mu.Unlock()
	u := m.shard(s).users[o]
	if u == nil {
		return store.User{}, minapush.Errorf(minapush.NotFound, "user %s is not known", o.Masked())
	}
	return u.view(), nil
}

// Walk returns a page of users.
func (m *Model) Walk(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var users []store.User
	for _, u := range m.shard(s).after(after, limit) {
		users = append(users, m.shard(s).viewBeside(u, beside))
	}
	return users, nil
}

// viewBeside is a user with what there is of it in campaigns.
func (sh *modelShard) viewBeside(u *modelUser, campaigns []string) store.User {
	v := u.view()
	for _, id := range campaigns {
		var there store.Beside
		if b := sh.batches[id]; b != nil {
			if r := b.rows[modelRowID{openid: u.openid}]; r != nil {
				there.Row = r.Delivery
			}
			_, there.Listed = b.listed[u.openid]
		}
		v.Beside = append(v.Beside, there)
	}
	return v
}

// Sweep removes what has expired from a page of users.
func (m *Model) Sweep(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, now time.Time) (store.Swept, error) {
	if err := m.begin(ctx); err != nil {
		return store.Swept{}, err
	}
	defer m.mu.Unlock()
	sh, now := m.shard(s), modelMilli(now)
	var swept store.Swept
	for _, u := range sh.after(after, limit) {
		swept.Expired += sh.sweep(u, now)
		swept.Users = append(swept.Users, u.view())
		swept.Next = u.openid
	}
	if len(sh.after(swept.Next, 1)) == 0 {
		swept.Next = ""
	}
	return swept, nil
}

func (sh *modelShard) sweep(u *modelUser, now time.Time) (uses int) {
	for _, p := range slices.Clone(u.permits) {
		if p.State != minapush.Available || !p.Expired(now) {
			continue
		}
		u.drop(p)
		sh.count(u, p.Kind, func(c *minapush.Counts) { c.Expired += int64(p.Uses) })
		uses += p.Uses
	}
	u.forget(now)
	maps.DeleteFunc(sh.keys[u.openid], func(_ string, k modelKey) bool { return !now.Before(k.until) })
	return uses
}

// Erase removes a user, or marks it until its delivery in hand is settled.
func (m *Model) Erase(ctx context.Context, s minapush.Shard, o minapush.OpenID, now time.Time) (done bool, err error) {
	if err := m.begin(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	sh := m.shard(s)
	u := sh.users[o]
	if u != nil {
		u.erasing = true
		return sh.completeErasure(u), nil
	}
	// Somebody who never was a user may have rows that were skipped and places on lists: these name the person, too.
	if sh.eraseRows(o)+sh.eraseListed(o) == 0 {
		return false, minapush.Errorf(minapush.NotFound, "user %s is not known", o.Masked())
	}
	delete(sh.keys, o)
	return true, nil
}

// completeErasure ends an erasure if nothing of the user is in hand any more. It is called by every step that may end a delivery.
func (sh *modelShard) completeErasure(u *modelUser) bool {
	if !u.erasing || u.busy != nil {
		return false
	}
	sh.eraseRows(u.openid)
	sh.eraseListed(u.openid)
	for _, p := range u.permits {
		sh.count(u, p.Kind, func(c *minapush.Counts) { c.Erased += int64(p.Uses) })
	}
	sh.remove(u.openid)
	return true
}

// eraseRows removes every row of somebody who has none in hand, and keeps the sums closed.
func (sh *modelShard) eraseRows(o minapush.OpenID) (n int) {
	for _, b := range sh.batches {
		for _, r := range b.list(func(r *modelRow) bool { return r.OpenID == o }) {
			switch r.State {
			case minapush.Waiting:
				b.tally(minapush.Skipped, minapush.ReasonErased)
			case minapush.Suspected:
				b.tally(minapush.RefusedByUser, r.Reason)
			}
			delete(b.rows, r.id())
			n++
		}
	}
	return n
}

// eraseListed takes somebody from every list.
func (sh *modelShard) eraseListed(o minapush.OpenID) (n int) {
	for _, b := range sh.batches {
		if _, there := b.listed[o]; there {
			delete(b.listed, o)
			n++
		}
	}
	return n
}

// Flow returns the counters of a shard.
func (m *Model) Flow(ctx context.Context, s minapush.Shard) (map[minapush.PermitKind]minapush.Counts, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return maps.Clone(m.shard(s).flow), nil
}
