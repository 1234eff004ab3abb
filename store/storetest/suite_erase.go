package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteErase struct{ *suiteKit }

// erase wants an answer.
func (k suiteErase) erase(o minapush.OpenID, done bool) {
	k.t.Helper()
	k.rowsGo()
	got, err := k.st.Erase(k.ctx(), k.shard, o, suiteAt(2*suiteHour))
	k.must(err, "erase")
	if got != done {
		k.t.Errorf("erase: done %v, want %v", got, done)
	}
}

// gone wants that nothing is left of a user.
func (k suiteErase) gone(o minapush.OpenID, batches ...string) {
	k.t.Helper()
	_, err := k.st.User(k.ctx(), k.shard, o)
	k.wantKind(err, minapush.NotFound, "erased user")
	for _, u := range k.walk(100) {
		if u.OpenID == o {
			k.t.Errorf("%s is still walked", o)
		}
	}
	for _, batch := range batches {
		for _, d := range k.list(batch, 100, nil) {
			if d.OpenID == o {
				k.t.Errorf("a row of %s is left in %s: %+v", o, batch, d)
			}
		}
	}
}

func (k suiteErase) WhoNeverCameIsNotFound() {
	_, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(0))
	k.wantKind(err, minapush.NotFound, "erase")
}

func (k suiteErase) RemovesTheUserAndItsRowsAndTheSumsStay() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.run(l, b)
	k.give("u", suiteForm("x", suiteDay), suitePay("y", 2*suiteDay))
	day := k.spend("u", "p", suiteLegacy()).Batch
	k.erase("u", true)
	k.gone("u", "c", day)
	k.wantTally("c", suiteSum{"accepted": 2})
	k.wantTally(day, suiteSum{"accepted": 1})
	k.row("c", "v", "")
	suiteEqual(k.suiteKit, "flow of payments", k.flow()[minapush.PrepayID], minapush.Counts{Deposited: 3, Erased: 3})
}

func (k suiteErase) RepeatingIsSafe() {
	k.giveForms("u")
	k.erase("u", true)
	k.same("erasing again", func() {
		if done, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(2*suiteHour)); err == nil && !done {
			k.t.Error("waits for a delivery of somebody who is gone")
		} else if err != nil {
			k.wantKind(err, minapush.NotFound, "erase")
		}
	})
}

func (k suiteErase) ALaterDepositMakesANewUser() {
	p := suiteForm(suiteCode(1), 6*suiteDay)
	k.give("u", p)
	k.spend("u", "p", suiteLegacy())
	k.erase("u", true)
	k.deposit("u", store.Deposit{Now: suiteAt(3 * suiteHour), Permits: []minapush.Permit{p}})
	u := k.user("u")
	if !u.FirstSeen.Equal(suiteAt(3*suiteHour)) || len(u.Recent) != 0 || u.Counts.Spent != 0 {
		k.t.Errorf("remembers what was erased: %+v", u)
	}
}

func (k suiteErase) WaitsForAHeldPushAndSettlingCompletesIt() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	d := k.hold("u", "p")
	k.erase("u", false)
	k.erase("u", false)
	if !k.user("u").Erasing {
		k.t.Error("is not marked")
	}
	d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	if d.Outcome != minapush.Accepted {
		k.t.Errorf("settled row is %v", d.Outcome)
	}
	k.gone("u", d.Batch)
	k.wantTally(d.Batch, suiteSum{"accepted": 1})
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 2, Spent: 1, Erased: 1})
}

func (k suiteErase) WhileMarkedDepositsAreRefusedAndPushesFindTheUserBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.hold("u", "p")
	k.erase("u", false)
	k.same("what came for a marked user", func() {
		got := k.deposit("u", store.Deposit{Permits: []minapush.Permit{suiteForm("c", suiteDay), suiteSub("t", "n")}})
		suiteEqual(k.suiteKit, "answers", got.Items, []store.Accepted{store.Refused, store.Refused})
		k.reservePush(k.askPush("u", "p2"), store.PushBusy)
	})
}

func (k suiteErase) WithdrawingAPushCompletesIt() {
	k.giveForms("u")
	d := k.hold("u", "p")
	k.erase("u", false)
	k.settlePush(store.Settlement{Ref: store.RefOf(d), Now: suiteAt(2 * suiteHour)})
	k.gone("u", d.Batch)
	k.wantTally(d.Batch, suiteSum{})
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 1, Erased: 1})
}

func (k suiteErase) RecoveringAPushCompletesIt() {
	k.giveForms("u", "v")
	held, sending := k.hold("u", "p"), k.hold("v", "q")
	k.markPush(sending)
	k.erase("u", false)
	k.erase("v", false)
	n, err := k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	if n != 2 {
		k.t.Errorf("recovered %d pushes, want 2", n)
	}
	k.gone("u", held.Batch)
	k.gone("v", held.Batch)
	k.wantTally(held.Batch, suiteSum{"unknown crash": 1})
}

func (k suiteErase) WaitsForACampaignAndSettlingCompletesIt() {
	k.giveForms("u", "v", "w")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows...)
	for _, d := range rows {
		k.erase(d.OpenID, false)
	}
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Pending, store.Release),
		suiteEnd(rows[2], minapush.Pending, store.SuspectUse))
	for _, d := range rows {
		k.gone(d.OpenID, "c")
	}
	t := k.progress("c").Tally
	if t.Count(minapush.Accepted) != 1 || t.By[minapush.Skipped][minapush.ReasonErased] != 1 || t.Count(minapush.RefusedByUser) != 1 {
		k.t.Errorf("tally %+v, want one accepted, one skipped (erased) and one refused", t)
	}
	k.wantIdle(l, b, 0, time.Time{})
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 3, Spent: 1, Erased: 2})
}

func (k suiteErase) RecoveringACampaignCompletesIt() {
	k.giveForms("u")
	k.give("v", suiteSub("t", "n"))
	l := k.lease()
	k.reserveOne(l, k.campaign("c1", suiteLegacy()))
	k.mark(l, suiteAt(suiteHour), k.reserveOne(l, k.campaign("c2", suiteOneTime("t"))))
	k.erase("u", false)
	k.erase("v", false)
	_, err := k.st.Recover(k.ctx(), k.takeOver(), suiteAt(2*suiteHour))
	k.must(err, "recover")
	k.gone("u", "c1", "c2")
	k.gone("v", "c1", "c2")
	if t := k.progress("c1").Tally; t.By[minapush.Skipped][minapush.ReasonErased] != 1 {
		k.t.Errorf("held: tally %+v, want one skipped (erased)", t)
	}
	if t := k.progress("c2").Tally; t.By[minapush.Unknown][minapush.ReasonCrash] != 1 {
		k.t.Errorf("being sent: tally %+v, want one unknown (crash)", t)
	}
}

func (k suiteErase) AFormIDToBeSentAgainStillComesToAnEnd() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.mark(l, b.Now, k.reserveOne(l, b))
	k.erase("u", false)
	l = k.takeOver()
	_, err := k.st.Recover(k.ctx(), l, suiteAt(2*suiteHour))
	k.must(err, "recover")
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b) // if recovery has not completed it, the next step has to
	k.gone("u", "c")
	if t := k.progress("c").Tally; t.Examined != 1 || t.Count(minapush.Pending) != 0 {
		k.t.Errorf("tally %+v, want one examined and nothing pending", t)
	}
}

func (k suiteErase) PendingDeliveriesAreSkipped() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	x := suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Release)
	x.NotBefore = suiteAt(suiteDay)
	k.settle(l, x)
	k.erase("u", true)
	k.gone("u", "c")
	k.wantTally("c", suiteSum{"skipped erased": 1})
	b.Now = suiteAt(2 * suiteDay)
	k.wantIdle(l, b, 0, time.Time{})
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 1, Erased: 1})
}

func (k suiteErase) SuspectedDeliveriesAreRefused() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.suspect(l, b)
	k.erase("u", true)
	k.gone("u", "c")
	if t := k.progress("c").Tally; t.Count(minapush.RefusedByUser) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one refused", t)
	}
	for _, believe := range []bool{true, false} {
		n, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), believe, 10, suiteAt(suiteDay))
		k.must(err, "resolve suspects")
		if n != 0 {
			k.t.Errorf("resolved %d suspects who are gone", n)
		}
	}
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 1, Erased: 1})
}

func (k suiteErase) AMarkedUserIsPassedOverByCampaigns() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.hold("u", "p")
	k.erase("u", false)
	b := k.campaign("c", suiteLegacy())
	r := k.reserve(k.lease(), b)
	if len(r.Rows) != 0 || r.Waiting != 0 {
		k.t.Errorf("got %+v", r)
	}
	k.wantTally("c", suiteSum{})
}

func (k suiteErase) TakesIdempotencyKeysAlong() {
	p := k.askPush("u", "p1")
	p.Key, p.KeepKey = "key", suiteDay
	k.give("u", suiteForm("a", suiteDay))
	d := k.reservePush(p, store.PushReserved).Delivery
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.erase("u", true)
	k.give("u", suiteForm("a", suiteDay))
	p.ID = "p2"
	k.reservePush(p, store.PushReserved)
}
