package record

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/minapush/minapush"
)

// Pairing and voids need no fields of their own: what has to be known of a permit that is gone, or of a template that was switched off,
// stands among the identities, under a hash of one of these marks and the template instead of a kind and an identity. Stored data depends
// on the numbers: they may never change, nor be those of kinds of permits.
const (
	markClient minapush.PermitKind = 0x81 // a permit is gone that was reported, and whose event may come
	markEvent  minapush.PermitKind = 0x82 // a permit is gone that an event told of, and whose report may come
	markVoid   minapush.PermitKind = 0x83 // the template was switched off
)

func markHash(mark minapush.PermitKind, template []byte) uint64 {
	return identityHash(mark, template, nil)
}

// unpaired tells whether the report, or the event, of the same accept may still come.
func (e *entry) unpaired(k minapush.PermitKind) bool {
	return k == minapush.Subscription && (e.evidence == minapush.ByClient || e.evidence == minapush.ByEvent)
}

// counter is who tells of the same accept besides.
func (e *entry) counter() minapush.Evidence { return minapush.ByClient + minapush.ByEvent - e.evidence }

// markOf is the mark that a permit of one evidence leaves when it goes unpaired, and for how many seconds after it was taken.
func markOf(e minapush.Evidence) (mark minapush.PermitKind, life uint32) {
	if e == minapush.ByEvent {
		return markEvent, uint32(minapush.IdentityLife / time.Second)
	}
	return markClient, uint32(minapush.PairLife / time.Second)
}

// later is a moment some seconds after another. The last one there is stays free: it means never.
func later(taken, life uint32) uint32 {
	return uint32(min(uint64(taken)+uint64(life), math.MaxUint32-1))
}

// counterpart is what told of the same accept: a permit that is there, or the mark of one that is gone.
type counterpart struct {
	entry *entry
	tomb  int
	taken int64
	apart int64 // in seconds
}

// meet takes a candidate if it is nearer, or as near and earlier.
func (c *counterpart) meet(f counterpart, e *entry) {
	f.apart = max(f.taken-int64(e.taken), int64(e.taken)-f.taken)
	if f.apart < c.apart || f.apart == c.apart && f.taken < c.taken {
		*c = f
	}
}

// pair makes a permit that comes in one with the report, or the event, of the same accept, if that came before: then the first of the two
// stays what it was, and the identity of the second is remembered. It tells whether that was so.
func (r *Record) pair(p *minapush.Permit, e *entry, now time.Time, limit int) bool {
	if !e.unpaired(p.Kind) {
		return false
	}
	c, found := r.counterpart([]byte(p.Template), e, now)
	if !found {
		return false
	}
	if c.entry != nil {
		c.entry.evidence = minapush.ByBoth
	} else {
		r.forget(c.tomb)
	}
	r.leave(e.forgetAt(p.Kind), e.identity.hash(p.Kind), limit)
	return true
}

// counterpart finds the nearest unpaired permit of the other evidence; of two as near the earlier, of these one that is there.
func (r *Record) counterpart(template []byte, e *entry, now time.Time) (counterpart, bool) {
	other := e.counter()
	best := counterpart{apart: int64(minapush.PairWithin/time.Second) + 1, taken: math.MinInt64}
	none := best.apart
	if at, ok := r.search(minapush.Subscription, template); ok {
		for j := range r.sections[at].entries {
			if f := &r.sections[at].entries[j]; f.evidence == other {
				best.meet(counterpart{entry: f, taken: int64(f.taken)}, e)
			}
		}
	}
	if len(r.tombs) == 0 {
		return best, best.apart < none
	}
	mark, life := markOf(other)
	hash := markHash(mark, template)
	for i := range len(r.tombs) / tombSize {
		if r.tombHash(i) == hash && !over(r.tombTime(i), now) {
			best.meet(counterpart{tomb: i, taken: int64(r.tombTime(i)) - int64(life)}, e)
		}
	}
	return best, best.apart < none
}

// Void notes that the user switched the messages of a template off at until, to the second. Every available use of its Subscription and
// Standing permits that were taken by then dies; a use that is held or suspect now dies when it would become available again. It tells
// how many died now, Standing permits as one each, and whether the record is not what it was. A void that is not later than the one noted,
// while that is remembered, changes nothing; neither does one of a user being erased.
func (r *Record) Void(template string, until, now time.Time, limit int) (died int, f Flow, changed bool) {
	sec := seconds(until)
	i, noted := r.voidMark([]byte(template))
	if r.Erasing || noted && sec <= r.voidedUntil(i) && !over(r.tombTime(i), now) {
		return 0, f, false
	}
	if noted {
		r.forget(i)
	}
	for _, k := range [...]minapush.PermitKind{minapush.Subscription, minapush.Standing} {
		if at, ok := r.search(k, []byte(template)); ok {
			died += r.switchOff(at, sec, limit, &f)
		}
	}
	r.leave(later(sec, voidLife), markHash(markVoid, []byte(template)), limit)
	return died, f, true
}

const voidLife = uint32(minapush.IdentityLife / time.Second)

// switchOff ends the available uses of a section that were taken by a moment, and dooms what is in a delivery's hand, or in doubt.
func (r *Record) switchOff(at int, until uint32, limit int, f *Flow) (died int) {
	k := r.sections[at].kind
	for j := len(r.sections[at].entries) - 1; j >= 0; j-- {
		e := &r.sections[at].entries[j]
		switch {
		case e.taken > until:
			continue
		case e.state == minapush.Available:
			died += max(int(e.uses), 1)
			r.die(at, j, limit, f)
			continue
		case e.uses > 1:
			died += int(e.uses) - 1
			r.died(f, k, e.uses-1)
			e.uses = 1
		}
		e.doomed = true
	}
	return died
}

// die ends all that is left of a permit.
func (r *Record) die(at, j, limit int, f *Flow) {
	s := &r.sections[at]
	e := &s.entries[j]
	r.died(f, s.kind, e.uses)
	r.bury(s, e, limit)
	r.drop(at, j)
}

// voidMark finds what is remembered of a template that was switched off.
func (r *Record) voidMark(template []byte) (i int, ok bool) {
	if len(r.tombs) == 0 {
		return 0, false
	}
	hash := markHash(markVoid, template)
	for i := range len(r.tombs) / tombSize {
		if r.tombHash(i) == hash {
			return i, true
		}
	}
	return 0, false
}

func (r *Record) voidedUntil(i int) uint32 { return r.tombTime(i) - min(r.tombTime(i), voidLife) }

// switchedOff tells whether a permit was taken before its template was switched off, and comes within the time for which that counts.
func (r *Record) switchedOff(p *minapush.Permit, e *entry, now time.Time) bool {
	if p.Kind.HasCode() || e.evidence == minapush.ByBackend {
		return false
	}
	i, ok := r.voidMark([]byte(p.Template))
	return ok && e.taken <= r.voidedUntil(i) && !over(r.tombTime(i), now)
}

// free makes a use available that was held or suspect, unless its template was switched off meanwhile: then it dies.
func (r *Record) free(at, j, limit int) Flow {
	var f Flow
	e := &r.sections[at].entries[j]
	if e.state = minapush.Available; e.doomed {
		r.die(at, j, limit, &f)
	}
	return f
}

// forget drops one of the identities and marks.
func (r *Record) forget(i int) {
	r.tombs = append(append([]byte(nil), r.tombs[:i*tombSize]...), r.tombs[(i+1)*tombSize:]...)
}

func (r *Record) tombHash(i int) uint64 { return binary.BigEndian.Uint64(r.tombs[i*tombSize+4:]) }
