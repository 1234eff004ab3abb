package bank

import (
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// noteDeposit counts what a deposit brought: see FigureIncome and FigureDuplicate. What the mini program reported, or WeChat told, makes
// its user one of the latest reporters; what the backend deposits does not.
func (b *Bank) noteDeposit(app minapush.App, o minapush.OpenID, now time.Time, permits []minapush.Permit, d store.Deposited) {
	list, reported := sums{}, -1
	for i, a := range d.Items {
		p := permits[i]
		switch a {
		case store.Added, store.EvictedAtOnce:
			n := int64(p.Uses)
			if p.Kind == minapush.Standing {
				n = 1
				list[figure{FigureDeposited, p.Kind.String()}]++
			}
			list[figure{FigureIncome, incomeKey(p.Kind, p.Source)}] += n
			if p.Evidence != minapush.ByBackend {
				reported = i
			}
		case store.Duplicate:
			list[figure{FigureDuplicate, p.Kind.String()}]++
		}
	}
	b.book.addAll(app, dateOf(now), list)
	if reported >= 0 {
		p := permits[reported]
		b.latest.saw(app, Reporter{OpenID: o, At: now.UTC().Truncate(time.Millisecond), Kind: p.Kind, Template: p.Template})
	}
}

// incomeKey names a kind and a source: the source's number in the app's dictionary, see SourceNames.
func incomeKey(k minapush.PermitKind, source uint16) string {
	return k.String() + "/" + strconv.FormatUint(uint64(source), 10)
}

// noteElsewhere counts a message that somebody else sent on a Standing permit, of which the store keeps no counter.
func (b *Bank) noteElsewhere(app minapush.App, d minapush.Delivery) {
	if d.Outcome == minapush.Accepted && d.Permit.Kind == minapush.Standing {
		b.Note(app, FigureSpent, d.Permit.Kind.String(), 1)
	}
}
