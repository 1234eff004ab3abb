package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

func TestTheModelAgreesWithItself(t *testing.T) {
	t.Parallel()
	Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		m := NewModel(clock)
		tb.Cleanup(func() { _ = m.Close() })
		return m, func() store.Store {
			m = m.Reopen()
			return m
		}
	})
}

// Each of these is wrong in one way that has been seen in stores.
func TestAgreeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*Model) store.Store{
		"spends what is released":        func(m *Model) store.Store { return agreeSpends{m} },
		"hands out the wrong attempt":    func(m *Model) store.Store { return agreeAttempts{m} },
		"forgets identities":             func(m *Model) store.Store { return agreeForgets{m} },
		"lets a lapsed lease settle":     func(m *Model) store.Store { return agreeLapsed{m} },
		"does a step that was too late":  func(m *Model) store.Store { return agreeCancelled{m} },
		"loses the values of a list":     func(m *Model) store.Store { return agreeNoValues{m} },
		"sends to who opted out":         func(m *Model) store.Store { return agreeNoOptOut{m} },
		"adds to a list that is walked":  func(m *Model) store.Store { return agreeLateList{m} },
		"takes any code":                 func(m *Model) store.Store { return agreeAnyCode{m} },
		"keeps no row of who is skipped": func(m *Model) store.Store { return agreeNotKept{m} },
		"leaves erased users on lists":   func(m *Model) store.Store { return agreeStaysListed{m} },
		"binds over anything":            func(m *Model) store.Store { return agreeBinds{m} },
		"pairs nothing":                  func(m *Model) store.Store { return agreeUnpaired{m} },
		"pairs only what is there":       func(m *Model) store.Store { return agreeNoHalves{m} },
		"forgets what was switched off":  func(m *Model) store.Store { return agreeSwitchesOn{m} },
		"gives switched off uses back":   func(m *Model) store.Store { return agreeNotDoomed{m} },
		"drops notes":                    func(m *Model) store.Store { return agreeDropsNotes{m} },
		"confirms any number":            func(m *Model) store.Store { return agreeAnyNumber{m} },
		"guards nobody in campaigns":     func(m *Model) store.Store { return agreeUnguarded{m} },
		"guards nobody from pushes":      func(m *Model) store.Store { return agreeUnguardedPush{m} },
		"counts what did not arrive":     func(m *Model) store.Store { return agreeNeverMissed{m} },
		"remembers eight in all":         func(m *Model) store.Store { return agreeEight{m} },
		"knows no series":                func(m *Model) store.Store { return agreeNoSeries{m} },
		"counts events that are known":   func(m *Model) store.Store { return agreeCountsAll{m} },
		"sees nobody by events":          func(m *Model) store.Store { return agreeUnseen{m} },
		"tells nothing of campaigns":     func(m *Model) store.Store { return agreeNothingBeside{m} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := agreeFails(t, wrong)
			if found == "" {
				t.Fatal("Agree did not find it")
			}
			t.Log(found)
		})
	}
}

// agreeFails runs sequences until one fails, and says how. It goes round rapid.Check, which would shorten the sequence and write it
// to a file.
func agreeFails(t *testing.T, wrong func(*Model) store.Store) (found string) {
	for seed := range 5000 { // nearly always among the first hundred
		rapid.Custom(func(rt *rapid.T) bool {
			defer func() {
				if r := recover(); r != nil {
					found = fmt.Sprint(r)
				}
			}()
			if found == "" {
				agreeRun(rt, agreeTB{TB: t, rt: rt}, func(_ testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
					return wrong(NewModel(clock)), nil
				})
			}
			return true
		}).Example(seed)
		if found != "" {
			return found
		}
	}
	return ""
}

type agreeSpends struct{ *Model }

func (s agreeSpends) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	for i, x := range xs {
		if x.Outcome == minapush.Failed && x.Permit == store.Release {
			xs[i].Permit = store.Spend
		}
	}
	return s.Model.Settle(ctx, l, xs)
}

type agreeAttempts struct{ *Model }

func (s agreeAttempts) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	r, err := s.Model.ReserveBatch(ctx, l, b)
	for i := range r.Rows {
		r.Rows[i].Attempt = 1
	}
	return r, err
}

type agreeForgets struct{ *Model }

func (s agreeForgets) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if u := s.data.shards[sh]; u != nil && u.users[o] != nil {
		u.users[o].spent = map[modelIdentity]time.Time{}
	}
	return s.Model.Deposit(ctx, sh, o, d)
}

type agreeLapsed struct{ *Model }

func (s agreeLapsed) Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error) {
	l = s.shard(l.Shard).lease
	return s.Model.Mark(ctx, l, refs, now)
}

type agreeCancelled struct{ *Model }

func (s agreeCancelled) Erase(ctx context.Context, sh minapush.Shard, o minapush.OpenID, now time.Time) (bool, error) {
	return s.Model.Erase(context.WithoutCancel(ctx), sh, o, now)
}

type agreeNoValues struct{ *Model }

func (s agreeNoValues) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	r, err := s.Model.ReserveBatch(ctx, l, b)
	for i, d := range r.Rows {
		if d.Attempt > 1 { // it gave them the first time
			r.Rows[i].Values = nil
		}
	}
	return r, err
}

type agreeNoOptOut struct{ *Model }

func (s agreeNoOptOut) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	for _, u := range s.shard(l.Shard).users {
		defer func(was minapush.OptOut) { u.profile.OptOut = was }(u.profile.OptOut)
		u.profile.OptOut = minapush.OptOutNone
	}
	return s.Model.ReserveBatch(ctx, l, b)
}

type agreeLateList struct{ *Model }

func (s agreeLateList) AddListed(ctx context.Context, sh minapush.Shard, campaign string, users []store.Listed) ([]bool, error) {
	s.shard(sh).batch(campaign).begun = false
	return s.Model.AddListed(ctx, sh, campaign, users)
}

type agreeAnyCode struct{ *Model }

func (s agreeAnyCode) ReservePush(ctx context.Context, sh minapush.Shard, p store.Push) (store.PushAnswer, error) {
	p.Need.Code = ""
	return s.Model.ReservePush(ctx, sh, p)
}

type agreeNotKept struct{ *Model }

func (s agreeNotKept) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	b.KeepSkipped = false
	return s.Model.ReserveBatch(ctx, l, b)
}

type agreeStaysListed struct{ *Model }

func (s agreeStaysListed) Erase(ctx context.Context, sh minapush.Shard, o minapush.OpenID, now time.Time) (bool, error) {
	for _, b := range s.shard(sh).batches {
		if values, there := b.listed[o]; there {
			defer func() { b.listed[o] = values }()
		}
	}
	return s.Model.Erase(ctx, sh, o, now)
}

type agreeBinds struct{ *Model }

func (s agreeBinds) BindUID(ctx context.Context, sh minapush.Shard, uid string, o, _ minapush.OpenID) error {
	return s.Model.BindUID(ctx, sh, uid, o, s.shard(sh).uids[uid])
}

type agreeUnpaired struct{ *Model }

func (s agreeUnpaired) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if u := s.shard(sh).users[o]; u != nil {
		clear(u.halves)
		for _, p := range u.permits {
			defer func(was minapush.Evidence) { p.Evidence = was }(p.Evidence)
			p.Evidence = minapush.ByBackend // which nothing is paired with
		}
	}
	return s.Model.Deposit(ctx, sh, o, d)
}

type agreeNoHalves struct{ *Model }

func (s agreeNoHalves) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if u := s.shard(sh).users[o]; u != nil {
		clear(u.halves)
	}
	return s.Model.Deposit(ctx, sh, o, d)
}

type agreeSwitchesOn struct{ *Model }

func (s agreeSwitchesOn) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if u := s.shard(sh).users[o]; u != nil {
		clear(u.voids)
	}
	return s.Model.Deposit(ctx, sh, o, d)
}

type agreeNotDoomed struct{ *Model }

func (s agreeNotDoomed) Void(ctx context.Context, sh minapush.Shard, o minapush.OpenID, template string, until, now time.Time) (int, error) {
	died, err := s.Model.Void(ctx, sh, o, template, until, now)
	if u := s.shard(sh).users[o]; u != nil {
		for _, p := range u.permits {
			p.doomed = false
		}
	}
	return died, err
}

type agreeDropsNotes struct{ *Model }

func (s agreeDropsNotes) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	for _, x := range xs {
		if _, r := s.shard(l.Shard).row(x.Ref); r != nil && r.inHand() {
			r.Confirmed, r.ConfirmedAt, r.ConfirmStatus = minapush.Unconfirmed, time.Time{}, ""
		}
	}
	return s.Model.Settle(ctx, l, xs)
}

type agreeAnyNumber struct{ *Model }

func (s agreeAnyNumber) Confirm(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string, c store.Confirmation) (minapush.Delivery, bool, error) {
	if r := s.shard(sh).batch(batch).rows[modelRowID{openid: o, push: push}]; r != nil && r.MsgID != 0 {
		c.MsgID = r.MsgID
	}
	return s.Model.Confirm(ctx, sh, batch, o, push, c)
}

type agreeUnguarded struct{ *Model }

func (s agreeUnguarded) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	b.Guard = store.Guard{}
	return s.Model.ReserveBatch(ctx, l, b)
}

type agreeUnguardedPush struct{ *Model }

func (s agreeUnguardedPush) ReservePush(ctx context.Context, sh minapush.Shard, p store.Push) (store.PushAnswer, error) {
	p.Guard = store.Guard{}
	return s.Model.ReservePush(ctx, sh, p)
}

type agreeNeverMissed struct{ *Model }

func (s agreeNeverMissed) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	for _, u := range s.shard(l.Shard).users {
		for i, x := range u.recent {
			defer func() {
				if i < len(u.recent) && u.recent[i].Batch == x.Batch && u.recent[i].Push == x.Push {
					u.recent[i].Missed = x.Missed
				}
			}()
			u.recent[i].Missed = false
		}
	}
	return s.Model.ReserveBatch(ctx, l, b)
}

type agreeEight struct{ *Model }

func (s agreeEight) Walk(ctx context.Context, sh minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]store.User, error) {
	users, err := s.Model.Walk(ctx, sh, after, limit, beside...)
	for i, u := range users {
		users[i].Recent = u.Recent[:min(len(u.Recent), store.MaxRecent)]
	}
	return users, err
}

type agreeNoSeries struct{ *Model }

func (s agreeNoSeries) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	b.Guard.Series = ""
	return s.Model.ReserveBatch(ctx, l, b)
}

type agreeCountsAll struct{ *Model }

func (s agreeCountsAll) NoteEvents(ctx context.Context, sh minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time) ([]store.EventNoted, error) {
	noted, err := s.Model.NoteEvents(ctx, sh, o, events, seen, now)
	for i, a := range noted {
		if a == store.EventKnown {
			had := s.shard(sh).users[o].events
			had[events[i].Name] = minapush.EventState{Last: had[events[i].Name].Last, Count: had[events[i].Name].Count + 1}
		}
	}
	return noted, err
}

type agreeUnseen struct{ *Model }

func (s agreeUnseen) NoteEvents(ctx context.Context, sh minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, _ bool, now time.Time) ([]store.EventNoted, error) {
	return s.Model.NoteEvents(ctx, sh, o, events, false, now)
}

type agreeNothingBeside struct{ *Model }

func (s agreeNothingBeside) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	if asks := b.Audience; asks != nil {
		b.Audience = func(u *store.User) bool {
			v := *u
			v.Beside = make([]store.Beside, len(u.Beside))
			return asks(&v)
		}
	}
	return s.Model.ReserveBatch(ctx, l, b)
}
