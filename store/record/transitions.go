package record

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// Need says which permits serve a message.
type Need struct {
	Kinds []minapush.PermitKind
	// Template is the message's; permits without a template serve any.
	Template string
	// Content is remembered of the delivery.
	Content uint64
	// Code, if not empty, lets only the form or pay permit with this code serve.
	Code string
}

// Choice answers Reserve.
type Choice struct {
	// OK tells that Permit is held now.
	OK     bool
	Permit minapush.Permit
	// ReadyAt is, when there is no permit but one that is merely too young, when that is ready; else zero.
	ReadyAt time.Time
	// Kept is the reason for which the guard kept the message from a user who has a permit that is ready; empty: it did not.
	Kept string
}

// Reserve holds one use of the permit that expires first of those that serve the need and are ready, never-expiring ones: that was
// taken first. The user is busy with the delivery from then on. Without such a permit, or if the guard keeps the message from the user,
// nothing changes.
func (r *Record) Reserve(d Ref, need Need, g Guard, now time.Time) Choice {
	var c Choice
	var best *entry
	var from *section
	only := need.only()
	for i := range r.sections {
		s := &r.sections[i]
		if !need.meets(s) {
			continue
		}
		if e := s.first(now, only, &c.ReadyAt); e != nil && (best == nil || e.before(best)) {
			best, from = e, s
		}
	}
	if best == nil {
		return c
	}
	batch, push := packID(d.Batch), packID(d.Push)
	if why := r.keeps(&g, &need, batch, push, now); why != "" {
		return Choice{Kept: why}
	}
	best.state = minapush.Held
	r.busy, r.isBusy = ref{batch: batch, push: push, attempt: d.Attempt}, true
	r.remember(recent{batch: batch, push: push, at: now.UnixMilli(), content: need.Content, template: minapush.TemplateHash(need.Template)})
	return Choice{OK: true, Permit: best.permit(from.kind, string(from.template))}
}

// only is the identity of the one permit that serves; nil: any does.
func (n *Need) only() *identity {
	if n.Code == "" {
		return nil
	}
	id := codeIdentity(n.Code)
	return &id
}

// meets tells whether a section has permits that may serve.
func (n *Need) meets(s *section) bool {
	return slices.Contains(n.Kinds, s.kind) && (len(s.template) == 0 || string(s.template) == n.Template) && (n.Code == "" || s.kind.HasCode())
}

// first finds the first permit of a section that is available and ready, and moves young to the time when one is ready that is
// merely too young. With only set it looks at no other permit.
func (s *section) first(now time.Time, only *identity, young *time.Time) *entry {
	for i := range s.entries {
		e := &s.entries[i]
		if e.state != minapush.Available || !e.outlives(now) || only != nil && !e.identity.equal(only) {
			continue
		}
		if s.kind == minapush.PrepayID {
			ready := time.Unix(int64(e.taken), 0).UTC().Add(minapush.PayReadyAfter)
			if now.Before(ready) {
				if e.outlives(ready) && (young.IsZero() || ready.Before(*young)) {
					*young = ready
				}
				continue
			}
		}
		return e
	}
	return nil
}

// outlives tells whether the permit's expiry is far enough from now: the rule of minapush.Permit.Ready.
func (e *entry) outlives(now time.Time) bool {
	return e.expires == 0 || time.Unix(int64(e.expires), 0).Sub(now) > minapush.SpendMargin
}

// find looks for a permit as Reserve gave it, in a state.
func (r *Record) find(p *minapush.Permit, state minapush.PermitState) (at, j int, ok bool) {
	id, ok := storedIdentity(p)
	if !ok {
		return 0, 0, false
	}
	at, ok = r.search(p.Kind, []byte(p.Template))
	if !ok {
		return 0, 0, false
	}
	for j := range r.sections[at].entries {
		e := &r.sections[at].entries[j]
		if e.state == state && e.identity.equal(&id) {
			return at, j, true
		}
	}
	return 0, 0, false
}

// Release gives the held use back; one whose template was switched off since it was taken dies, and leaves its identity, one of at most
// limit. A permit that is not held, since it was voided meanwhile, is left as it is; so it is in the transitions below.
func (r *Record) Release(p *minapush.Permit, limit int) Flow {
	return r.giveBack(p, minapush.Held, limit)
}

// Suspect leaves the held use in doubt.
func (r *Record) Suspect(p *minapush.Permit) {
	if at, j, ok := r.find(p, minapush.Held); ok {
		r.sections[at].entries[j].state = minapush.Suspect
	}
}

// Trust makes the suspect use available again, as Release does the held one.
func (r *Record) Trust(p *minapush.Permit, limit int) Flow {
	return r.giveBack(p, minapush.Suspect, limit)
}

func (r *Record) giveBack(p *minapush.Permit, from minapush.PermitState, limit int) Flow {
	if at, j, ok := r.find(p, from); ok {
		return r.free(at, j, limit)
	}
	return Flow{}
}

// Resume tells the attempt under which the user's delivery goes on with the same permit.
func (r *Record) Resume(attempt uint32) { r.busy.attempt = attempt }

// Spend counts the held use as spent. With its last use the permit goes and leaves its identity, one of at most limit. A Standing
// permit stays, unless it was switched off, and counts what was accepted.
func (r *Record) Spend(p *minapush.Permit, accepted bool, limit int) Flow {
	var f Flow
	at, j, ok := r.find(p, minapush.Held)
	if !ok {
		return f
	}
	if p.Kind == minapush.Standing {
		if accepted {
			r.StandingSent++
		}
		return r.free(at, j, limit)
	}
	e := &r.sections[at].entries[j]
	r.Spent++
	if e.uses--; e.uses == 0 {
		r.bury(&r.sections[at], e, limit)
		r.drop(at, j)
	} else {
		f = r.free(at, j, limit)
	}
	f[p.Kind].Spent++
	return f
}

// Burn counts every use left of the held permit as dead.
func (r *Record) Burn(p *minapush.Permit, limit int) Flow {
	var f Flow
	if at, j, ok := r.find(p, minapush.Held); ok {
		r.die(at, j, limit, &f)
	}
	return f
}

// VoidTemplate counts every use left of the permits of a kind and template as dead, held and suspect ones too, and leaves their
// identities. Permits that were taken after until stay; a zero until spares none.
func (r *Record) VoidTemplate(k minapush.PermitKind, template string, until time.Time, limit int) Flow {
	var f Flow
	if at, ok := r.search(k, []byte(template)); ok {
		r.void(at, until, limit, &f)
	}
	return f
}

// VoidUser counts every use left of every permit as dead.
func (r *Record) VoidUser(limit int) Flow {
	var f Flow
	for at := len(r.sections) - 1; at >= 0; at-- {
		r.void(at, time.Time{}, limit, &f)
	}
	return f
}

func (r *Record) void(at int, until time.Time, limit int, f *Flow) {
	for j := len(r.sections[at].entries) - 1; j >= 0; j-- {
		if until.IsZero() || r.sections[at].entries[j].taken <= seconds(until) {
			r.die(at, j, limit, f)
		}
	}
}

// Expire removes the available permits that have ended at now and counts them as expired. It tells whether any went.
func (r *Record) Expire(now time.Time) (Flow, bool) {
	var f Flow
	gone := false
	for at := len(r.sections) - 1; at >= 0; at-- {
		s := &r.sections[at]
		for j := len(s.entries) - 1; j >= 0; j-- {
			e := &s.entries[j]
			if e.state != minapush.Available || !e.ended(now) {
				continue
			}
			gone = true
			r.expired(&f, s.kind, e.uses)
			r.drop(at, j)
		}
	}
	return f, gone
}

// ForgetIdentities drops the identities, and the marks among them, whose time is over. It tells whether any went.
func (r *Record) ForgetIdentities(now time.Time) bool {
	n := 0
	for n < len(r.tombs)/tombSize && over(r.tombTime(n), now) {
		n++
	}
	r.tombs = r.tombs[n*tombSize:]
	return n > 0
}

// Erased is what is left of the permits, as the flow that ends a user.
func (r *Record) Erased() Flow {
	var f Flow
	for i := range r.sections {
		s := &r.sections[i]
		if s.kind == minapush.Standing {
			continue
		}
		for j := range s.entries {
			f[s.kind].Erased += int64(s.entries[j].uses)
		}
	}
	return f
}
