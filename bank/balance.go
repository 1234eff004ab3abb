package bank

import (
	"cmp"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Balance sums what a user has of one kind and template (可推次数).
type Balance struct {
	Kind minapush.PermitKind
	// Template is empty for form and pay permits, which serve any legacy template.
	Template string
	// Available counts the uses that no delivery holds. A Standing permit counts as one.
	Available int
	// Ready counts those of Available that could be reserved now: old enough, not about to expire, of a permit that no delivery
	// holds.
	Ready int
	// Held and Suspect count the uses in a delivery's hand, and those that WeChat refused without being believed yet.
	Held, Suspect int
	// NextExpiry is when the first available use ends; zero: never, or there is none.
	NextExpiry time.Time
}

// Balance sums a user's permits at now by kind and template, in that order. Uses that have expired are left out, swept or not, but
// for those in a delivery's hand.
func (b *Bank) Balance(u store.User, now time.Time) []Balance {
	var all []Balance
	for _, h := range u.Permits {
		if h.Expired(now) && h.State == minapush.Available {
			continue
		}
		i := slices.IndexFunc(all, func(x Balance) bool { return x.Kind == h.Kind && x.Template == h.Template })
		if i < 0 {
			i = len(all)
			all = append(all, Balance{Kind: h.Kind, Template: h.Template})
		}
		all[i].add(h, now)
	}
	slices.SortFunc(all, func(x, y Balance) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Template, y.Template))
	})
	return all
}

func (x *Balance) add(h minapush.Holding, now time.Time) {
	free := freeUses(h)
	if h.Expired(now) {
		free = 0
	}
	x.Available += free
	switch h.State {
	case minapush.Available:
		if h.Ready(now) {
			x.Ready += free
		}
	case minapush.Held:
		x.Held++
	case minapush.Suspect:
		x.Suspect++
	}
	if free > 0 && !h.ExpiresAt.IsZero() && (x.NextExpiry.IsZero() || h.ExpiresAt.Before(x.NextExpiry)) {
		x.NextExpiry = h.ExpiresAt
	}
}

// freeUses counts the uses of a permit that no delivery holds: a held or suspect permit has one use in a delivery's hand. A
// Standing permit counts as one while it is there, since a delivery takes nothing from it.
func freeUses(h minapush.Holding) int {
	switch {
	case h.Kind == minapush.Standing:
		return 1
	case h.State == minapush.Available:
		return h.Uses
	}
	return max(h.Uses-1, 0)
}
