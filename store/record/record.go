// Package record is the packed record of one user: its byte format, and what may happen to the permits in it, as pure functions.
//
// A backend reads the bytes, decodes them into a Record, lets one or more transitions happen, and writes what Append makes of
// it. Nothing here reads a clock, does I/O or knows of deliveries beyond the reference that makes a user busy. Every transition
// that moves uses from one count to another returns the Flow that it caused, so that sums outside the record can follow it; a
// Standing permit is not counted and causes none.
//
// The format is described in docs/storage.md. This package may change at any release, the format only with its version.
package record

import (
	"bytes"
	"time"

	"github.com/minapush/minapush"
)

// Record is one user, decoded. It keeps references into the bytes that it was decoded from: these may not change while it is in
// use. The zero Record is no user; New makes one. A Record is for one goroutine.
type Record struct {
	// FirstSeen and LastSeen are milliseconds since 1970; a LastSeen of 0 is never.
	FirstSeen, LastSeen int64
	// Erasing marks a user that is gone as soon as its delivery in hand ends.
	Erasing bool
	// Deposited, Spent, Dead, Expired and Evicted count uses of this user's permits, ever.
	Deposited, Spent, Dead, Expired, Evicted int64
	// StandingSent counts messages accepted on Standing permits.
	StandingSent int64
	// Deltas is how many delta frames Decode folded; Append writes none.
	Deltas int

	flags    byte // bits of the header that this release does not know, kept as they are
	busy     ref
	isBusy   bool
	recent   []recent
	sections []section
	tombs    []byte // tombSize bytes each, the one to forget first in front
	profile  []byte // as it is stored; empty: nothing was told of the user
}

// New makes a user that was seen first at now.
func New(now time.Time) Record {
	ms := now.UnixMilli()
	return Record{FirstSeen: ms, LastSeen: ms}
}

// Told makes a user of whom somebody told at now, and who was never seen.
func Told(now time.Time) Record { return Record{FirstSeen: now.UnixMilli()} }

// Seen moves the last-seen time forward to now. It tells whether that changed anything.
func (r *Record) Seen(now time.Time) bool {
	ms := now.UnixMilli()
	if ms <= r.LastSeen {
		return false
	}
	r.LastSeen = ms
	return true
}

// Ref names one attempt of one delivery of this user.
type Ref struct {
	Batch, Push string
	Attempt     uint32
}

// Recent is one delivery that the record remembers.
type Recent struct {
	Batch, Push string
	At          time.Time
	Content     uint64
}

// maxRecent is how many deliveries a record remembers: store.MaxRecent.
const maxRecent = 8

type ref struct {
	batch, push id
	attempt     uint32
}

type recent struct {
	batch, push id
	at          int64
	content     uint64
}

// section holds the permits of one kind and template, the one that expires first in front.
type section struct {
	kind     minapush.PermitKind
	template []byte
	entries  []entry
}

// entry is one permit. A pay permit may have one use held or suspect; its other uses stay available.
type entry struct {
	taken, expires uint32 // seconds since 1970; expires 0 is never
	uses           uint16
	source         uint16
	evidence       minapush.Evidence
	state          minapush.PermitState
	// doomed tells that a use in hand, or in doubt, dies when it would become available again, since its template was switched off. Of
	// such a permit no other use is left.
	doomed   bool
	identity identity
}

// Busy names the delivery that is held or being sent, if there is one.
func (r *Record) Busy() (Ref, bool) {
	if !r.isBusy {
		return Ref{}, false
	}
	return Ref{Batch: r.busy.batch.String(), Push: r.busy.push.String(), Attempt: r.busy.attempt}, true
}

// IsBusy tells whether a delivery of the user is held or being sent.
func (r *Record) IsBusy() bool { return r.isBusy }

// Idle ends the hold of the user's delivery.
func (r *Record) Idle() { r.busy, r.isBusy = ref{}, false }

// Recent lists the last deliveries that took a permit, latest first.
func (r *Record) Recent() []Recent {
	if len(r.recent) == 0 {
		return nil
	}
	list := make([]Recent, len(r.recent))
	for i, e := range r.recent {
		list[i] = Recent{Batch: e.batch.String(), Push: e.push.String(), At: time.UnixMilli(e.at).UTC(), Content: e.content}
	}
	return list
}

// ForgetRecent drops one delivery from the recent ones, when it is withdrawn as if it had never been.
func (r *Record) ForgetRecent(batch, push string) {
	b, p := packID(batch), packID(push)
	for i, e := range r.recent {
		if bytes.Equal(e.batch, b) && bytes.Equal(e.push, p) {
			r.recent = append(r.recent[:i], r.recent[i+1:]...)
			return
		}
	}
}

// remember puts a delivery in front of the recent ones; another attempt of the same delivery takes the place of the earlier.
func (r *Record) remember(e recent) {
	at := len(r.recent)
	for i, old := range r.recent {
		if bytes.Equal(old.batch, e.batch) && bytes.Equal(old.push, e.push) {
			at = i
			break
		}
	}
	if at == len(r.recent) {
		if at == maxRecent {
			at--
		} else {
			r.recent = append(r.recent, recent{})
		}
	}
	copy(r.recent[1:at+1], r.recent[:at])
	r.recent[0] = e
}

// Counts sums the uses of this user.
func (r *Record) Counts() minapush.Counts {
	c := minapush.Counts{
		Deposited: r.Deposited, Spent: r.Spent, Dead: r.Dead, Expired: r.Expired, Evicted: r.Evicted,
	}
	for i := range r.sections {
		if r.sections[i].kind == minapush.Standing {
			continue
		}
		for j := range r.sections[i].entries {
			r.sections[i].entries[j].count(&c)
		}
	}
	return c
}

func (e *entry) count(c *minapush.Counts) {
	free := int64(e.uses)
	switch e.state {
	case minapush.Held:
		c.Held++
		free--
	case minapush.Suspect:
		c.Suspect++
		free--
	}
	c.Available += free
}

// Holdings lists the live permits by kind, template, expiry, time taken and identity.
func (r *Record) Holdings() []minapush.Holding {
	n := 0
	for i := range r.sections {
		n += len(r.sections[i].entries)
	}
	if n == 0 {
		return nil
	}
	list := make([]minapush.Holding, 0, n)
	for i := range r.sections {
		s := &r.sections[i]
		template := string(s.template)
		for j := range s.entries {
			list = append(list, minapush.Holding{Permit: s.entries[j].permit(s.kind, template), State: s.entries[j].state})
		}
	}
	return list
}

func (e *entry) permit(k minapush.PermitKind, template string) minapush.Permit {
	p := minapush.Permit{
		Kind: k, Template: template, Identity: e.identity.String(), Uses: int(e.uses), TakenAt: time.Unix(int64(e.taken), 0).UTC(),
		Source: e.source, Evidence: e.evidence,
	}
	if e.expires != 0 {
		p.ExpiresAt = time.Unix(int64(e.expires), 0).UTC()
	}
	return p
}
