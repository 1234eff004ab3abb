package record

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/minapush/minapush"
)

// Deposit is what Record.Deposit adds, with every limit given.
type Deposit struct {
	Now     time.Time
	Permits []minapush.Permit
	// PerSection and Sections bound the live permits of one kind and template, and the kinds and templates of a user.
	PerSection, Sections int
	// Identities bounds the tombstones.
	Identities int
}

// Verdict is what became of one deposited permit. The values are those of store.Accepted.
type Verdict uint8

const (
	// Added: the permit is in the record.
	Added Verdict = iota
	// Duplicate: it was there already, or had been spent.
	Duplicate
	// EvictedAtOnce: it was counted in and pushed out by the same deposit.
	EvictedAtOnce
	// Refused: it needs a section too many, or the user is being erased.
	Refused
	// Stale: it was expired.
	Stale
	// SwitchedOff: its template was switched off after it was taken.
	SwitchedOff
)

// Result answers a deposit.
type Result struct {
	Items []Verdict
	// Evicted counts the uses that were pushed out.
	Evicted int
	Flow    Flow
	// Changed tells that the record is not what it was.
	Changed bool
	// Merge tells that AppendDelta says all that changed.
	Merge bool
}

// Deposit adds permits and moves the last-seen time forward, by the rules of store.Permits.Deposit.
func (r *Record) Deposit(d Deposit) Result {
	res := Result{Items: make([]Verdict, len(d.Permits)), Merge: true}
	if r.Erasing {
		for i := range res.Items {
			res.Items[i] = Refused
		}
		return res
	}
	res.Changed = r.Seen(d.Now)
	for i := range d.Permits {
		res.Items[i] = r.depositOne(d, i, &res)
	}
	return res
}

func (r *Record) depositOne(d Deposit, i int, res *Result) Verdict {
	p := &d.Permits[i]
	e := newEntry(p)
	if e.ended(d.Now) {
		return Stale
	}
	if r.knows(p, &e, d.Now, res) {
		return Duplicate
	}
	if !p.Kind.HasCode() {
		if r.pair(p, &e, d.Now, d.Identities) {
			res.Changed, res.Merge = true, false
			return Duplicate
		}
		if r.switchedOff(p, &e, d.Now) {
			return SwitchedOff
		}
	}
	at, found := r.search(p.Kind, []byte(p.Template))
	if !found {
		if len(r.sections) >= d.Sections {
			return Refused
		}
		r.insertSection(at, p.Kind, []byte(p.Template))
	}
	s := &r.sections[at]
	s.insert(e)
	r.deposited(&res.Flow, p.Kind, e.uses)
	res.Changed = true
	res.Items[i] = Added
	for len(s.entries) > d.PerSection && r.evict(d, i, at, res) {
	}
	return res.Items[i]
}

// evict pushes the available permit that would expire first out of a section, and says so of the permits up to the i-th of the
// deposit if it is one of them. It tells whether there was one.
func (r *Record) evict(d Deposit, i, at int, res *Result) bool {
	s := &r.sections[at]
	j := slices.IndexFunc(s.entries, func(e entry) bool { return e.state == minapush.Available })
	if j < 0 {
		return false
	}
	out := s.entries[j]
	r.bury(s, &out, d.Identities)
	r.evicted(&res.Flow, s.kind, out.uses)
	res.Evicted += int(out.uses)
	res.Merge = false
	r.drop(at, j)
	for k := range d.Permits[:i+1] {
		if q := &d.Permits[k]; res.Items[k] == Added && q.Kind == d.Permits[i].Kind && out.is(q) {
			res.Items[k] = EvictedAtOnce
		}
	}
	return true
}

func (e *entry) is(p *minapush.Permit) bool {
	id := identityOf(p)
	return e.identity.equal(&id)
}

// newEntry is a permit as it is deposited: its times cut to the second, and with the uses of its kind unless it names some.
func newEntry(p *minapush.Permit) entry {
	e := entry{taken: seconds(p.TakenAt), source: p.Source, evidence: p.Evidence & 3, identity: identityOf(p)}
	if !p.ExpiresAt.IsZero() {
		e.expires = max(seconds(p.ExpiresAt), 1) // 0 is never
	}
	switch uses := p.Kind.Uses(); {
	case p.Kind == minapush.Standing:
	case p.Uses <= 0:
		e.uses = uint16(uses)
	default:
		e.uses = uint16(min(p.Uses, math.MaxUint16))
	}
	return e
}

// seconds cuts a time to the second; what lies outside 1970 to 2106 is moved to that end.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32-1)) }

// knows tells whether the user has the permit, or had it within its life. A Standing permit's time moves forward; one in hand that was
// switched off, and is given again, lives on.
func (r *Record) knows(p *minapush.Permit, e *entry, now time.Time, res *Result) bool {
	for i := range r.sections {
		s := &r.sections[i]
		if s.kind != p.Kind || !p.Kind.HasCode() && string(s.template) != p.Template {
			continue
		}
		for j := range s.entries {
			old := &s.entries[j]
			if p.Kind == minapush.Standing {
				if e.taken > old.taken {
					old.taken = e.taken
					res.Changed, res.Merge = true, false
				}
				if old.doomed && !r.switchedOff(p, e, now) {
					old.doomed = false
					res.Changed, res.Merge = true, false
				}
				return true
			}
			if old.identity.equal(&e.identity) {
				return true
			}
		}
	}
	return len(r.tombs) > 0 && r.buried(e.identity.hash(p.Kind), now)
}

// end is the expiry as it sorts: never is last.
func (e *entry) end() uint32 {
	if e.expires == 0 {
		return math.MaxUint32
	}
	return e.expires
}

// before orders permits by expiry, time taken and identity: the order in which they are spent and evicted.
func (e *entry) before(f *entry) bool {
	if a, b := e.end(), f.end(); a != b {
		return a < b
	}
	if e.taken != f.taken {
		return e.taken < f.taken
	}
	return e.identity.compare(&f.identity) < 0
}

func (s *section) insert(e entry) {
	at := len(s.entries)
	if at > 0 && e.before(&s.entries[at-1]) {
		at = sort.Search(len(s.entries), func(i int) bool { return e.before(&s.entries[i]) })
	}
	s.entries = append(s.entries, entry{})
	copy(s.entries[at+1:], s.entries[at:])
	s.entries[at] = e
}

// search finds the place of a section, by kind and template.
func (r *Record) search(k minapush.PermitKind, template []byte) (int, bool) {
	for i := range r.sections {
		s := &r.sections[i]
		if s.kind > k {
			return i, false
		}
		if s.kind == k {
			if c := bytes.Compare(s.template, template); c >= 0 {
				return i, c == 0
			}
		}
	}
	return len(r.sections), false
}

// section finds a section and makes it if it is not there.
func (r *Record) section(k minapush.PermitKind, template []byte) *section {
	at, found := r.search(k, template)
	if !found {
		r.insertSection(at, k, template)
	}
	return &r.sections[at]
}

func (r *Record) insertSection(at int, k minapush.PermitKind, template []byte) {
	s := *r.growSections()
	copy(r.sections[at+1:], r.sections[at:])
	r.sections[at] = section{kind: k, template: template, entries: s.entries}
}

// drop takes an entry out, and its section with the last one.
func (r *Record) drop(at, j int) {
	s := &r.sections[at]
	s.entries = append(s.entries[:j], s.entries[j+1:]...)
	if len(s.entries) > 0 {
		return
	}
	spare := *s
	copy(r.sections[at:], r.sections[at+1:])
	r.sections[len(r.sections)-1] = spare
	r.sections = r.sections[:len(r.sections)-1]
}

// bury leaves the identity of a permit that is gone behind, so that a replay of its report does not bring it back, and if it was not
// paired a mark by which what else tells of the same accept finds it.
func (r *Record) bury(s *section, e *entry, limit int) {
	r.leave(e.forgetAt(s.kind), e.identity.hash(s.kind), limit)
	if e.unpaired(s.kind) {
		mark, life := markOf(e.evidence)
		r.leave(later(e.taken, life), markHash(mark, s.template), limit)
	}
}

// leave remembers an identity, or a mark, until a moment in seconds. Above limit what would be forgotten first goes.
func (r *Record) leave(forget uint32, hash uint64, limit int) {
	at := sort.Search(len(r.tombs)/tombSize, func(i int) bool { return r.tombTime(i) > forget }) * tombSize
	tombs := make([]byte, 0, len(r.tombs)+tombSize) // the old ones may be part of the stored bytes
	tombs = append(tombs, r.tombs[:at]...)
	tombs = binary.BigEndian.AppendUint32(tombs, forget)
	tombs = binary.BigEndian.AppendUint64(tombs, hash)
	tombs = append(tombs, r.tombs[at:]...)
	r.tombs = tombs[max(0, len(tombs)-limit*tombSize):]
}

// forgetAt is when a replay of the permit cannot do harm any more: a code is expired then, and a report of that age is refused. A
// code that does not expire is never forgotten for its age.
func (e *entry) forgetAt(k minapush.PermitKind) uint32 {
	if k.HasCode() {
		return e.end()
	}
	return later(e.taken, uint32(minapush.IdentityLife/time.Second))
}

func (r *Record) tombTime(i int) uint32 { return binary.BigEndian.Uint32(r.tombs[i*tombSize:]) }

func (r *Record) buried(hash uint64, now time.Time) bool {
	for b := r.tombs; len(b) >= tombSize; b = b[tombSize:] {
		if binary.BigEndian.Uint64(b[4:]) == hash && !over(binary.BigEndian.Uint32(b), now) {
			return true
		}
	}
	return false
}

// ended tells whether the permit has ended at now.
func (e *entry) ended(now time.Time) bool { return over(e.end(), now) }

// over tells whether now is at a moment in seconds, or behind it. The last one there is never comes.
func over(seconds uint32, now time.Time) bool {
	return seconds != math.MaxUint32 && now.Unix() >= int64(seconds)
}
