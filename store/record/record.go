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
	events   []byte // as they are stored; empty: there are none
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

type ref struct {
	batch, push id
	attempt     uint32
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
	var v View
	v.readHoldings(r)
	return v.Permits
}

func (e *entry) permit(k minapush.PermitKind, template string) (p minapush.Permit) {
	e.show(&p, k, template, e.identity.String())
	return p
}

// show fills all of p.
func (e *entry) show(p *minapush.Permit, k minapush.PermitKind, template, identity string) {
	p.Kind, p.Template, p.Identity, p.Uses = k, template, identity, int(e.uses)
	p.TakenAt, p.ExpiresAt = time.Unix(int64(e.taken), 0).UTC(), time.Time{}
	if e.expires != 0 {
		p.ExpiresAt = time.Unix(int64(e.expires), 0).UTC()
	}
	p.Source, p.Evidence = e.source, e.evidence
}
