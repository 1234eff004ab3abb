package audience

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// permits is what {"permits": …} asks of: which permits, and how many, how long, or when the last one went.
type permits struct {
	// kind and template say which permits are meant; without both those that serve the message that is asked for.
	kind     minapush.PermitKind
	template string
	// hash is minapush.TemplateHash of template.
	hash uint32
}

// holding sums the uses that could be spent now of the permits that are meant.
type holding struct {
	uses int64
	// standing tells that a Standing permit is among them, which is without number.
	standing bool
	// last is when the last of them ends, and endless tells that one never does.
	last    time.Time
	endless bool
}

func (h holding) none() bool { return h.uses == 0 && !h.standing }

func (p *permits) of(u *store.User, a *Asked) (sum holding) {
	for i := range u.Permits {
		h := &u.Permits[i]
		if !p.means(h, a) {
			continue
		}
		free := spendable(h, a.Now)
		if free == 0 {
			continue
		}
		if h.Kind == minapush.Standing {
			sum.standing = true
		} else {
			sum.uses += int64(free)
		}
		if h.ExpiresAt.IsZero() {
			sum.endless = true
		} else if h.ExpiresAt.After(sum.last) {
			sum.last = h.ExpiresAt
		}
	}
	return sum
}

func (p *permits) means(h *minapush.Holding, a *Asked) bool {
	if p.kind == 0 && p.template == "" {
		return serves(h, a)
	}
	return (p.kind == 0 || h.Kind == p.kind) && (p.template == "" || h.Template == p.template)
}

// tookSince tells whether a message of the template that is meant, or of any if none is, took a permit at a time or later, and arrived or
// may have.
func (p *permits) tookSince(u *store.User, a *Asked, since time.Time) bool {
	hash := p.hash
	if p.kind == 0 && p.template == "" && a.Template != "" {
		hash = minapush.TemplateHash(a.Template)
	}
	for i := range u.Recent {
		r := &u.Recent[i]
		if !r.Missed && !r.At.Before(since) && (hash == 0 || r.Template == hash) {
			return true
		}
	}
	return false
}

// serves tells whether a permit is one for the message that is asked for; without a message each is.
func serves(h *minapush.Holding, a *Asked) bool {
	switch a.Kind {
	case "":
		return true
	case minapush.LegacyTemplate:
		if h.Kind != minapush.FormID && h.Kind != minapush.PrepayID {
			return false
		}
	case minapush.OneTimeTemplate:
		if h.Kind != minapush.Subscription {
			return false
		}
	case minapush.LongTermTemplate:
		if h.Kind != minapush.Standing {
			return false
		}
	default:
		return false
	}
	return h.Template == "" || h.Template == a.Template
}

// spendable counts the uses of a permit that could be spent now: it is old enough and does not end too soon, and no delivery holds them. A
// held or suspect permit has one use in a delivery's hand. A Standing permit counts as one, since a delivery takes nothing from it.
func spendable(h *minapush.Holding, now time.Time) int {
	switch {
	case !h.Ready(now):
		return 0
	case h.Kind == minapush.Standing:
		return 1
	case h.State == minapush.Available:
		return h.Uses
	}
	return max(h.Uses-1, 0)
}
