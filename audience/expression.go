package audience

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Expression says of each user whether it belongs to an audience. It is immutable, and may be asked by any number of goroutines. The
// zero Expression holds for everybody.
type Expression struct {
	root node
	// campaigns are those asked of; nodes have places in it.
	campaigns []string
	named     []Named
}

// Named is a place of an expression where a campaign is named.
type Named struct {
	// Path is the place, as in the errors of Parse.
	Path     string
	Campaign string
	// List tells that its list is asked of, rather than its messages.
	List bool
}

// node is one word of an expression with what belongs to it.
type node struct {
	op     op
	kids   []node
	within time.Duration
	// name is that of the tag, the attribute or the event.
	name   string
	values []minapush.Attribute
	// campaign is the place of a campaign in Expression.campaigns.
	campaign int
	// count is what a number is compared with.
	count int64
	// Each of these is set for the words that need it.
	days    *days
	permits *permits
	share   *share
}

type op uint8

const (
	opEverybody op = iota
	opAll
	opAny
	opNot
	opSeen
	opTag
	opIs
	opAtLeast
	opAtMost
	opHasUID
	opList
	opGot
	opOpened
	opEventWithin
	opEventDays
	opEventAtLeast
	opEventAtMost
	opPermitsAtLeast
	opPermitsAtMost
	opPermitsExactly
	opLastExpires
	opRanOut
	opShare
)

// Asked is what an expression is asked for.
type Asked struct {
	// Now is the time of the question.
	Now time.Time
	// Kind and Template are those of the message's template: permits without a template of their own are meant by "permits". Both are empty
	// where there is no message; then every permit is meant.
	Kind     minapush.TemplateKind
	Template string
}

// Holds tells whether a user belongs to the audience. The user says in Beside what there is of it in Campaigns, in that order; of what it
// does not say nothing is known, and no condition on it holds. It allocates nothing, and changes nothing of the user.
func (e *Expression) Holds(u *store.User, a Asked) bool { return e.root.holds(u, &a) }

// Looks says what of a user the expression looks at.
func (e *Expression) Looks() store.Looks { return store.LookSeen | e.root.looks() }

func (n *node) looks() (l store.Looks) {
	switch n.op {
	case opTag, opIs, opAtLeast, opAtMost, opHasUID:
		l = store.LookProfile
	case opEventWithin, opEventDays, opEventAtLeast, opEventAtMost:
		l = store.LookEvents
	case opPermitsAtLeast, opPermitsAtMost, opPermitsExactly, opLastExpires:
		l = store.LookPermits
	case opRanOut:
		l = store.LookPermits | store.LookRecent
	}
	for i := range n.kids {
		l |= n.kids[i].looks()
	}
	return l
}

// Campaigns lists the campaigns that the expression asks of, each once, in the order in which they are named first; nil: none. The caller
// may keep it.
func (e *Expression) Campaigns() []string { return slices.Clone(e.campaigns) }

// Named lists the places where the expression names a campaign, as they stand in it; nil: none. The caller may keep it.
func (e *Expression) Named() []Named { return slices.Clone(e.named) }

func (n *node) holds(u *store.User, a *Asked) bool {
	switch n.op {
	case opAll:
		for i := range n.kids {
			if !n.kids[i].holds(u, a) {
				return false
			}
		}
		return true
	case opAny:
		for i := range n.kids {
			if n.kids[i].holds(u, a) {
				return true
			}
		}
		return false
	case opNot:
		return !n.kids[0].holds(u, a)
	case opSeen:
		return !u.LastSeen.IsZero() && !u.LastSeen.Before(a.Now.Add(-n.within))
	case opTag:
		return slices.Contains(u.Profile.Tags, n.name)
	case opHasUID:
		return u.Profile.UID != ""
	case opIs, opAtLeast, opAtMost:
		a, there := u.Profile.Attributes[n.name]
		return there && n.compares(a)
	case opList, opGot, opOpened:
		return n.campaign < len(u.Beside) && n.beside(&u.Beside[n.campaign])
	case opEventWithin, opEventDays, opEventAtLeast, opEventAtMost:
		return n.event(u.Events[n.name], a.Now)
	case opPermitsAtLeast, opPermitsAtMost, opPermitsExactly, opLastExpires:
		return n.stock(n.permits.of(u, a), a.Now)
	case opRanOut:
		return n.permits.of(u, a).none() && n.permits.tookSince(u, a, a.Now.Add(-n.within))
	case opShare:
		return n.share.has(u.OpenID)
	}
	return true
}

// beside answers what is asked of a campaign.
func (n *node) beside(b *store.Beside) bool {
	switch row := &b.Row; {
	case n.op == opList:
		return b.Listed
	case row.Batch == "":
		return false
	case n.op == opOpened:
		return !row.OpenedAt.IsZero()
	default:
		return (row.Outcome == minapush.Accepted || row.Outcome == minapush.Unknown) && row.Confirmed != minapush.Undelivered
	}
}

// event answers what is asked of the events of one name; the zero state is that of a user who has none.
func (n *node) event(e minapush.EventState, now time.Time) bool {
	switch n.op {
	case opEventWithin:
		return e.Count > 0 && !e.Last.Before(now.Add(-n.within))
	case opEventDays:
		return e.Count > 0 && e.Last.Unix() >= n.days.begin(now)
	case opEventAtLeast:
		return e.Count >= n.count
	}
	return e.Count <= n.count
}

// stock answers what is asked of the permits that are held.
func (n *node) stock(h holding, now time.Time) bool {
	switch n.op {
	case opPermitsAtLeast:
		return h.standing || h.uses >= n.count
	case opPermitsAtMost:
		return !h.standing && h.uses <= n.count
	case opPermitsExactly:
		return !h.standing && h.uses == n.count
	}
	return !h.none() && !h.endless && !h.last.After(now.Add(n.within))
}

// compares holds an attribute against the values of the same kind.
func (n *node) compares(a minapush.Attribute) bool {
	if n.op == opIs {
		return slices.Contains(n.values, a)
	}
	limit := n.values[0]
	if a.Kind != limit.Kind {
		return false
	}
	if n.op == opAtLeast {
		a, limit = limit, a
	}
	if a.Kind == minapush.Text {
		return a.Text <= limit.Text
	}
	return a.Number <= limit.Number
}
