package storetest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// modelUser is one user's record.
type modelUser struct {
	openid              minapush.OpenID
	firstSeen, lastSeen time.Time
	permits             []*modelPermit
	// spent remembers identities of permits that are gone, each until its time; zero: for ever.
	spent map[modelIdentity]time.Time
	// halves are those in spent that were told of once, by a report or by an event, and may still be told of by the other.
	halves map[modelIdentity]modelHalf
	// voids are the last times at which the user switched templates off.
	voids map[string]time.Time
	// past has the sums of what became of uses. Available, Held and Suspect are counted from permits.
	past         minapush.Counts
	standingSent int64
	recent       []modelRecent // latest first
	busy         *modelRow     // the delivery held or being sent
	profile      minapush.Profile
	events       map[string]minapush.EventState
	erasing      bool
}

// modelPermit is a permit with the delivery that has one use of it in hand or in doubt.
type modelPermit struct {
	minapush.Holding
	by     *modelRow
	doomed bool // its template was switched off while it was in hand or in doubt
}

// modelIdentity is what makes a permit another one.
type modelIdentity struct {
	kind     minapush.PermitKind
	template string
	identity string
}

func modelIdentityOf(p minapush.Permit) modelIdentity {
	if p.Kind.HasCode() {
		return modelIdentity{kind: p.Kind, identity: p.Identity}
	}
	return modelIdentity{kind: p.Kind, template: p.Template, identity: p.Identity}
}

// modelForgetAt is until when the identity of a permit that is gone is remembered. A code without an expiry is remembered for
// ever, since it never ends.
func modelForgetAt(p minapush.Permit) time.Time {
	if p.Kind.HasCode() {
		return p.ExpiresAt
	}
	return p.TakenAt.Add(minapush.IdentityLife)
}

// modelSooner orders permits: that which is spent, or evicted, first comes first.
func modelSooner(a, b *modelPermit) int {
	if c := modelTimes(a.ExpiresAt, b.ExpiresAt); c != 0 {
		return c
	}
	return cmp.Or(
		a.TakenAt.Compare(b.TakenAt), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Template, b.Template),
		cmp.Compare(a.Identity, b.Identity),
	)
}

// modelTimes compares two ends, of which zero means never.
func modelTimes(a, b time.Time) int {
	switch {
	case a.Equal(b):
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// knows tells whether a permit is, or was within its life, the user's.
func (u *modelUser) knows(p minapush.Permit, now time.Time) bool {
	id := modelIdentityOf(p)
	for _, have := range u.permits {
		if modelIdentityOf(have.Permit) == id {
			return true
		}
	}
	until, was := u.spent[id]
	return was && modelRemembered(until, now)
}

func modelRemembered(until, now time.Time) bool { return until.IsZero() || now.Before(until) }

// standing is the user's standing permit for a template; nil if there is none.
func (u *modelUser) standing(template string) *modelPermit {
	for _, p := range u.permits {
		if p.Kind == minapush.Standing && p.Template == template {
			return p
		}
	}
	return nil
}

// section lists the live permits of one kind and template.
func (u *modelUser) section(kind minapush.PermitKind, template string) []*modelPermit {
	var list []*modelPermit
	for _, p := range u.permits {
		if p.Kind == kind && p.Template == template {
			list = append(list, p)
		}
	}
	return list
}

// sections counts the kinds and templates for which there are live permits.
func (u *modelUser) sections() int {
	seen := map[modelIdentity]bool{}
	for _, p := range u.permits {
		seen[modelIdentity{kind: p.Kind, template: p.Template}] = true
	}
	return len(seen)
}

// take removes a permit and remembers its identity.
func (u *modelUser) take(p *modelPermit) {
	u.drop(p)
	u.remember(p.Permit)
	if modelUnpaired(p.Permit) {
		u.halves[modelIdentityOf(p.Permit)] = modelHalf{takenAt: p.TakenAt, evidence: p.Evidence}
	}
}

// remember keeps the identity of a permit that is gone, or never came in.
func (u *modelUser) remember(p minapush.Permit) {
	u.spent[modelIdentityOf(p)] = modelForgetAt(p)
	u.bound()
}

// bound forgets what is too much.
func (u *modelUser) bound() {
	for len(u.spent)+len(u.voids) > store.MaxIdentities {
		u.forgetFirst()
	}
}

// forget forgets what is over at now.
func (u *modelUser) forget(now time.Time) {
	for id, until := range u.spent {
		if !modelRemembered(until, now) {
			delete(u.spent, id)
			delete(u.halves, id)
		}
	}
	for template, until := range u.voids {
		if !modelRemembered(until.Add(minapush.IdentityLife), now) {
			delete(u.voids, template)
		}
	}
}

// drop removes a permit and does not remember it.
func (u *modelUser) drop(p *modelPermit) {
	u.permits = slices.DeleteFunc(u.permits, func(q *modelPermit) bool { return q == p })
}

func (u *modelUser) forgetFirst() {
	var first modelIdentity
	none := true
	for id, until := range u.spent {
		c := modelTimes(until, u.spent[first])
		tie := cmp.Or(cmp.Compare(id.kind, first.kind), cmp.Compare(id.template, first.template), cmp.Compare(id.identity, first.identity))
		if none || c < 0 || c == 0 && tie < 0 {
			first, none = id, false
		}
	}
	if template, until, some := u.firstVoid(); some && (none || modelTimes(until.Add(minapush.IdentityLife), u.spent[first]) < 0) {
		delete(u.voids, template)
		return
	}
	delete(u.spent, first)
	delete(u.halves, first)
}

// firstVoid is the one that is forgotten first.
func (u *modelUser) firstVoid() (template string, until time.Time, some bool) {
	for t, at := range u.voids {
		if !some || at.Before(until) || at.Equal(until) && t < template {
			template, until, some = t, at, true
		}
	}
	return template, until, some
}

// heldBy is the permit that a delivery has in hand or in doubt; nil when it is gone.
func (u *modelUser) heldBy(r *modelRow) *modelPermit {
	for _, p := range u.permits {
		if p.by == r {
			return p
		}
	}
	return nil
}

// serves tells whether a permit could be taken for a message once it is ready.
func (p *modelPermit) serves(n store.Need) bool {
	if n.Code != "" && (!p.Kind.HasCode() || p.Identity != n.Code) {
		return false
	}
	return p.State == minapush.Available && slices.Contains(n.Kind.PermitKinds(), p.Kind) && (p.Template == "" || p.Template == n.Template)
}

// find chooses the permit to reserve: of those that serve and are ready, the one that expires first. When there is none, readyAt
// is when one that is merely too young is ready; zero if there is none of these either.
func (u *modelUser) find(n store.Need, now time.Time) (best *modelPermit, readyAt time.Time) {
	for _, p := range u.permits {
		if !p.serves(n) {
			continue
		}
		grown := p.TakenAt.Add(minapush.PayReadyAfter)
		switch {
		case p.Ready(now):
			if best == nil || modelSooner(p, best) < 0 {
				best = p
			}
		case now.Before(grown) && p.Ready(grown):
			if readyAt.IsZero() || grown.Before(readyAt) {
				readyAt = grown
			}
		}
	}
	if best != nil {
		return best, time.Time{}
	}
	return nil, readyAt
}

// view is the user as callers see it.
func (u *modelUser) view() store.User {
	v := store.User{
		OpenID: u.openid, FirstSeen: u.firstSeen, LastSeen: u.lastSeen, Counts: u.past, StandingSent: u.standingSent,
		Profile: modelProfile(u.profile), Events: maps.Clone(u.events), Erasing: u.erasing,
	}
	for _, x := range u.recent {
		v.Recent = append(v.Recent, x.Recent)
	}
	if u.busy != nil {
		ref := store.RefOf(u.busy.Delivery)
		v.Busy = &ref
	}
	for _, p := range u.permits {
		v.Permits = append(v.Permits, p.Holding)
		if p.Kind == minapush.Standing {
			continue
		}
		v.Counts.Available += int64(p.Uses)
		switch p.State {
		case minapush.Held:
			v.Counts.Held, v.Counts.Available = v.Counts.Held+1, v.Counts.Available-1
		case minapush.Suspect:
			v.Counts.Suspect, v.Counts.Available = v.Counts.Suspect+1, v.Counts.Available-1
		}
	}
	slices.SortFunc(v.Permits, func(a, b minapush.Holding) int {
		return cmp.Or(
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Template, b.Template), modelTimes(a.ExpiresAt, b.ExpiresAt),
			a.TakenAt.Compare(b.TakenAt), cmp.Compare(a.Identity, b.Identity),
		)
	})
	return v
}
