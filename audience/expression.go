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
}

// node is one word of an expression with what belongs to it.
type node struct {
	op     op
	kids   []node
	within time.Duration
	// name is that of the tag or the attribute.
	name   string
	values []minapush.Attribute
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
)

// Holds tells whether a user belongs to the audience at now. It allocates nothing.
func (e *Expression) Holds(u store.User, now time.Time) bool { return e.root.holds(&u, now) }

func (n *node) holds(u *store.User, now time.Time) bool {
	switch n.op {
	case opAll:
		for i := range n.kids {
			if !n.kids[i].holds(u, now) {
				return false
			}
		}
		return true
	case opAny:
		for i := range n.kids {
			if n.kids[i].holds(u, now) {
				return true
			}
		}
		return false
	case opNot:
		return !n.kids[0].holds(u, now)
	case opSeen:
		return !u.LastSeen.IsZero() && !u.LastSeen.Before(now.Add(-n.within))
	case opTag:
		return slices.Contains(u.Profile.Tags, n.name)
	case opHasUID:
		return u.Profile.UID != ""
	case opIs, opAtLeast, opAtMost:
		a, there := u.Profile.Attributes[n.name]
		return there && n.compares(a)
	}
	return true
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
