package storetest

import (
	"context"
	"sync"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteContext struct{ *suiteKit }

// suiteStep is one call of the contract.
type suiteStep func(ctx context.Context) error

// prepare leaves a held push of u1, a held campaign row of u2, a suspected one of u3, a document and a uid, so that each step has
// something to do.
func (k suiteContext) prepare() (l store.Lease, push, row store.Ref, doc store.Document) {
	k.t.Helper()
	k.give("u1", suiteForm("a", suiteDay), suiteForm("b", 2*suiteHour))
	push = store.RefOf(k.hold("u1", "p"))
	k.giveForms("u2", "u3")
	l = k.lease()
	for _, o := range []minapush.OpenID{"u2", "u3"} {
		b := k.campaign("c "+string(o), suiteLegacy())
		b.Audience = func(u *store.User) bool { return u.OpenID == o }
		d := k.reserveOne(l, b)
		if o == "u2" {
			row = store.RefOf(d)
		} else {
			k.settle(l, suiteEnd(d, minapush.Pending, store.SuspectUse))
		}
	}
	doc = store.Document{Kind: "suite", ID: "a", Value: []byte("value")}
	doc.Version = suiteDocuments{k.suiteKit}.put("a", 0, "value")
	k.mustBind("1", "u1")
	k.uids[suiteUID{k.shard, "2"}] = true
	k.track("list")
	return l, push, row, doc
}

// writes are calls of every method that changes something, each of which would do so now.
func (k suiteContext) writes() map[string]suiteStep {
	l, push, row, doc := k.prepare()
	st, s, now := k.st, k.shard, suiteAt(suiteDay)
	ask := k.askPush("u3", "q")
	skip := k.campaign("c u2", suiteLegacy())
	skip.Skip = minapush.ReasonCancelled
	k.giveForms("u6")
	opened := k.spend("u6", "o", suiteLegacy())
	return map[string]suiteStep{
		"Deposit": func(ctx context.Context) error {
			return suiteErr(st.Deposit(ctx, s, "u4", store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{suiteForm("a", suiteDay)}}))
		},
		"Sweep":       func(ctx context.Context) error { return suiteErr(st.Sweep(ctx, s, "", 10, suiteAt(8*suiteDay))) },
		"Erase":       func(ctx context.Context) error { return suiteErr(st.Erase(ctx, s, "u3", now)) },
		"ReservePush": func(ctx context.Context) error { return suiteErr(st.ReservePush(ctx, s, ask)) },
		"MarkPush":    func(ctx context.Context) error { return st.MarkPush(ctx, s, push, suiteAt(suiteHour), now) },
		"SettlePush": func(ctx context.Context) error {
			return suiteErr(st.SettlePush(ctx, s, store.Settlement{Ref: push, Now: now}))
		},
		"RecoverPushes": func(ctx context.Context) error { return suiteErr(st.RecoverPushes(ctx, s, now)) },
		"ReserveBatch":  func(ctx context.Context) error { return suiteErr(st.ReserveBatch(ctx, l, skip)) },
		"Mark":          func(ctx context.Context) error { return suiteErr(st.Mark(ctx, l, []store.Ref{row}, now)) },
		"Settle": func(ctx context.Context) error {
			return st.Settle(ctx, l, []store.Settlement{{Ref: row, Outcome: minapush.Accepted, Permit: store.Spend, Now: now}})
		},
		"Recover": func(ctx context.Context) error { return suiteErr(st.Recover(ctx, l, now)) },
		"ResolveSuspects": func(ctx context.Context) error {
			return suiteErr(st.ResolveSuspects(ctx, l, "c u3", now, true, 10, now))
		},
		"Forget": func(ctx context.Context) error { return st.Forget(ctx, s, "c u2") },
		"Open":   func(ctx context.Context) error { return suiteErr(st.Open(ctx, s, opened.Batch, "u6", "o", now)) },
		"Confirm": func(ctx context.Context) error {
			_, _, err := st.Confirm(ctx, s, opened.Batch, "u6", "o", suiteWord(minapush.Delivered))
			return err
		},
		"Void":   func(ctx context.Context) error { return suiteErr(st.Void(ctx, s, "u7", "t", now, now)) },
		"Put":    func(ctx context.Context) error { return suiteErr(st.Put(ctx, doc)) },
		"Delete": func(ctx context.Context) error { return st.Delete(ctx, doc) },
		"PutProfile": func(ctx context.Context) error {
			return suiteErr(st.PutProfile(ctx, s, "u5", minapush.Profile{UID: "2"}, now))
		},
		"NoteEvents": func(ctx context.Context) error {
			return suiteErr(st.NoteEvents(ctx, s, "u8", []minapush.NamedEvent{suiteDid("a", 0)}, true, now))
		},
		"BindUID":   func(ctx context.Context) error { return st.BindUID(ctx, s, "2", "u5", "") },
		"UnbindUID": func(ctx context.Context) error { return st.UnbindUID(ctx, s, "1", "u1") },
		"AddListed": func(ctx context.Context) error {
			return suiteErr(st.AddListed(ctx, s, "list", []store.Listed{{OpenID: "u1"}}))
		},
		"Acquire": func(ctx context.Context) error {
			return suiteErr(st.Acquire(ctx, minapush.Shard{App: 9}, "node-1", suiteTTL))
		},
		"TakeTokens": func(ctx context.Context) error {
			return suiteErr(st.TakeTokens(ctx, 9, store.RateAsk{PerSecond: 1, Want: 1}))
		},
		"Renew":   func(ctx context.Context) error { return st.Renew(ctx, l, suiteTTL) },
		"Release": func(ctx context.Context) error { return st.Release(ctx, l) },
	}
}

// reads are calls of every method that changes nothing.
func (k suiteContext) reads() map[string]suiteStep {
	st, s := k.st, k.shard
	return map[string]suiteStep{
		"User":     func(ctx context.Context) error { return suiteErr(st.User(ctx, s, "u1")) },
		"Walk":     func(ctx context.Context) error { return suiteErr(st.Walk(ctx, s, "", 10)) },
		"Flow":     func(ctx context.Context) error { return suiteErr(st.Flow(ctx, s)) },
		"Progress": func(ctx context.Context) error { return suiteErr(st.Progress(ctx, s.App, 1, "c u2")) },
		"Delivery": func(ctx context.Context) error { return suiteErr(st.Delivery(ctx, s, "c u2", "u2", "")) },
		"List": func(ctx context.Context) error {
			_, _, _, err := st.List(ctx, s, "c u2", store.Ref{}, 10, nil)
			return err
		},
		"Get":           func(ctx context.Context) error { return suiteErr(st.Get(ctx, "suite", "a")) },
		"ListDocuments": func(ctx context.Context) error { return suiteErr(st.ListDocuments(ctx, "suite", "", 10)) },
		"UID":           func(ctx context.Context) error { return suiteErr(st.UID(ctx, s, "1")) },
		"CountListed":   func(ctx context.Context) error { return suiteErr(st.CountListed(ctx, s.App, 1, "list")) },
		"Listed":        func(ctx context.Context) error { return suiteErr(st.Listed(ctx, s, "list", "", 10)) },
	}
}

func (k suiteContext) CancelledBeforeTheStepMeansThatNothingHappened() {
	steps := k.writes()
	ctx, cancel := context.WithCancel(k.ctx())
	cancel()
	k.same("steps with a cancelled context", func() {
		for name, step := range steps {
			if step(ctx) == nil {
				k.t.Errorf("%s succeeded with a cancelled context", name)
			}
		}
	})
	k.wantKind(suiteErr(k.st.Acquire(k.ctx(), k.shard, "node-2", suiteTTL)), minapush.Conflict, "acquire of what was not released")
	k.must(suiteErr(k.st.Acquire(k.ctx(), minapush.Shard{App: 9}, "node-2", suiteTTL)), "acquire of what was not given")
	for name, step := range steps { // each of them had something to do, or the test would prove nothing
		switch name {
		case "Settle", "Mark", "PutProfile", "NoteEvents", "BindUID", "AddListed":
			k.must(step(k.ctx()), name)
		}
	}
	k.unbind("1", "u1") // and this one has
	k.wantUID("1", "")
}

func (k suiteContext) AfterCloseEveryCallIsUnavailable() {
	writes, reads := k.writes(), k.reads()
	k.must(k.st.Close(), "close")
	for _, steps := range []map[string]suiteStep{writes, reads} {
		for name, step := range steps {
			k.wantKind(step(k.ctx()), minapush.Unavailable, name+" after close")
		}
	}
	k.st = k.b.Open(k.t, k.clock.read) // for the end of the test
}

func (k suiteContext) ClosingWaitsForStepsUnderWay() {
	var ready, done sync.WaitGroup
	for i := range 4 {
		ready.Add(1)
		done.Go(func() {
			first := sync.OnceFunc(ready.Done)
			defer first()
			for n := 0; ; n++ {
				p := suiteForm(suiteCode(n), suiteDay)
				_, err := k.st.Deposit(k.ctx(), k.shard, suiteUsers(4)[i], store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{p}})
				if err != nil {
					k.wantKind(err, minapush.Unavailable, "deposit while closing")
					return
				}
				if n == 20 {
					first()
				}
			}
		})
	}
	ready.Wait()
	k.must(k.st.Close(), "close")
	done.Wait()
	k.st = k.b.Open(k.t, k.clock.read) // for the end of the test
}
