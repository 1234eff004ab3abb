package wechat

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// claimTimes is how many exchanges may happen under one claim: a call in normal mode and one by force.
const claimTimes = 2

// obtainShared gets a token that all nodes share through the cache. One node at a time asks WeChat: it first claims the right by
// a compare-and-set, so that two nodes do not end each other's classic tokens and nobody counts as refused twice.
//
// A crash after the claim delays a renewal until the claim ends; the token in use goes on meanwhile, since it is renewed minutes
// before its end. A crash after the fetch loses a token that nobody used.
func (c *Client) obtainShared(ctx context.Context, v *view, refused string) (*access, error) {
	for {
		stored, err := c.cache.Load(ctx, v.app.ID)
		if err != nil {
			return nil, cacheError("load", err)
		}
		now := c.now()
		current := stored
		if stored.Source != v.app.Token.Kind {
			current = CachedToken{ForcedAt: stored.ForcedAt, Forced: stored.Forced}
		}
		usable := current.Token != "" && current.Token != refused && now.Before(current.ExpiresAt)
		if usable && now.Before(current.RenewAt) {
			return newAccess(v, current.Token, current.RenewAt, current.ExpiresAt), nil
		}
		if now.Before(stored.ClaimedUntil) {
			if usable { // somebody else renews it; look again soon
				return newAccess(v, current.Token, now.Add(renewSpacing), current.ExpiresAt), nil
			}
			if err := pause(ctx, claimPoll); err != nil {
				return nil, err
			}
			continue
		}
		next, err := c.claimAndFetch(ctx, v, stored, current, refused)
		switch {
		case minapush.KindOf(err) == minapush.Conflict:
			continue // somebody else was first
		case err != nil && usable:
			c.log.Warn("keep using the access token that is due for renewal", "app", v.app.ID, "err", err)
			return newAccess(v, current.Token, now.Add(renewSpacing), current.ExpiresAt), nil
		case err != nil:
			return nil, err
		}
		return newAccess(v, next.Token, next.RenewAt, next.ExpiresAt), nil
	}
}

// claimAndFetch asks WeChat for a token and stores it. Errors: Conflict when another node has the claim, and all of a token call.
func (c *Client) claimAndFetch(ctx context.Context, v *view, stored, current CachedToken, refused string) (CachedToken, error) {
	if err := c.turn(ctx, v.state); err != nil {
		return CachedToken{}, err
	}
	claimed := current
	claimed.Source = v.app.Token.Kind
	claimed.ClaimedUntil = stamp(c.now().Add(claimTimes * c.timeout))
	if err := c.cache.Store(ctx, v.app.ID, stored, claimed); err != nil {
		return CachedToken{}, cacheError("claim", err)
	}
	next, claimed, err := c.fetchShared(ctx, v, claimed, refused)
	// What was fetched is stored, and the claim given back, also when the caller has left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	if err != nil {
		free := claimed
		free.ClaimedUntil = time.Time{}
		if err := c.cache.Store(ctx, v.app.ID, claimed, free); err != nil {
			c.log.Warn("give back the claim on an access token", "app", v.app.ID, "err", err)
		}
		return CachedToken{}, err
	}
	err = c.cache.Store(ctx, v.app.ID, claimed, next)
	if minapush.KindOf(err) == minapush.Conflict {
		return CachedToken{}, cacheError("store", err)
	}
	if err != nil { // the token is good all the same; the next renewal stores one again
		c.log.Warn("store an access token", "app", v.app.ID, "err", err)
	}
	return next, nil
}

// fetchShared asks WeChat, by force only when a normal call gives the very token that was refused. It returns the claim as it then
// stands in the cache.
func (c *Client) fetchShared(ctx context.Context, v *view, claimed CachedToken, refused string) (next, claim CachedToken, err error) {
	kind := v.app.Token.Kind
	var g grant
	if kind == minapush.TokenClassic {
		g, err = c.fetchClassic(ctx, v)
	} else {
		g, err = c.fetchStable(ctx, v, false)
	}
	c.fetched(ctx, v, string(kind), err)
	if err != nil {
		return CachedToken{}, claimed, err
	}
	if kind == minapush.TokenStable && refused != "" && g.token == refused && claimed.mayForce(c.now()) {
		// The attempt is stored before it is made: after a crash in between it counts, and the daily limit holds.
		before := claimed
		claimed = claimed.forcing(c.now())
		if err := c.cache.Store(ctx, v.app.ID, before, claimed); err != nil {
			return CachedToken{}, before, cacheError("claim", err)
		}
		c.log.Warn("WeChat refuses the token that it gives; renewing it by force", "app", v.app.ID, "attempt", claimed.Forced)
		g, err = c.fetchStable(ctx, v, true)
		c.fetched(ctx, v, "force", err)
		if err != nil {
			return CachedToken{}, claimed, err
		}
	}
	now := c.now()
	next = CachedToken{
		Source: kind, Token: g.token, RenewAt: stamp(now.Add(g.renewIn)), ExpiresAt: stamp(now.Add(g.endsIn)),
		ForcedAt: claimed.ForcedAt, Forced: claimed.Forced,
	}
	return next, claimed, nil
}

const (
	// A stable token may be renewed by force 20 times a day, at least 30 s apart. [O] server API, getStableAccessToken, read 2026-06.
	// The spacing has a margin for the way there, and doubles with every attempt of a day: a token that WeChat refuses now and
	// then for half an hour ([C] developer forum, read 2026-06) must not use them all up.
	forceLimit      = 20
	forceSpacing    = 35 * time.Second
	forceSpacingMax = time.Hour
)

func (t CachedToken) mayForce(now time.Time) bool {
	if t.ForcedAt.IsZero() {
		return true
	}
	n := t.forcedOn(now)
	spacing := forceSpacing
	for i := 1; i < n && spacing < forceSpacingMax; i++ {
		spacing *= 2
	}
	return n < forceLimit && now.Sub(t.ForcedAt) >= min(spacing, forceSpacingMax)
}

// forcedOn is how often the token was renewed by force on the day of now.
func (t CachedToken) forcedOn(now time.Time) int {
	const day = "2006-01-02"
	if t.ForcedAt.In(beijing).Format(day) != now.In(beijing).Format(day) {
		return 0
	}
	return t.Forced
}

func (t CachedToken) forcing(now time.Time) CachedToken {
	t.Forced = t.forcedOn(now) + 1
	t.ForcedAt = stamp(now)
	return t
}

// stamp is a moment as the cache keeps it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// cacheError keeps Conflict, and makes all else Unavailable: nothing was sent.
func cacheError(op string, err error) error {
	kind := minapush.Unavailable
	if minapush.KindOf(err) == minapush.Conflict {
		kind = minapush.Conflict
	}
	return &minapush.Error{Kind: kind, Op: op + " access token in cache", Extent: minapush.OneApp, Err: causeOnly{err}}
}
