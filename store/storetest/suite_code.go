package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteCodes struct{ *suiteKit }

// by asks for a push by one code.
func (k suiteCodes) by(o minapush.OpenID, id, code string) store.Push {
	p := k.askPush(o, id)
	p.Need.Code = code
	return p
}

func (k suiteCodes) APushTakesThatPermitAndNoOther() {
	k.give("u", suiteForm("a", 2*suiteHour), suiteForm("b", suiteDay), suitePay("p", suiteDay), suiteSub("t", "b"))
	for i, code := range []string{"b", "p", "p", "a"} { // not that which expires first
		d := k.reservePush(k.by("u", suiteCode(i), code), store.PushReserved).Delivery
		if d.Permit.Identity != code {
			k.t.Errorf("took %q, want %q", d.Permit.Identity, code)
		}
		k.markPush(d)
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	}
	k.wantCounts("u", minapush.Counts{Deposited: 6, Available: 2, Spent: 4})
	suiteEqual(k.suiteKit, "permits left", []string{suiteName(k.user("u").Permits[0].Permit), suiteName(k.user("u").Permits[1].Permit)},
		[]string{suiteName(suitePay("p", suiteDay)), suiteName(suiteSub("t", "b"))})
}

func (k suiteCodes) WithoutThatPermitThereIsNone() {
	expiring := suiteForm("expiring", suiteHour+time.Minute)
	k.give("u", suiteForm("a", suiteDay), suiteForm("spent", suiteDay), suitePay("p", suiteDay), suiteSub("t", "n"), expiring)
	k.reservePush(k.by("u", "spend", "spent"), store.PushReserved)
	k.settlePush(suiteEnd(k.row(k.askPush("u", "").Batch, "u", "spend"), minapush.Accepted, store.Spend))
	for _, code := range []string{"spent", "expiring", "n", "A", "a ", "unheard of", "{a}"} {
		a := k.reservePush(k.by("u", "push "+code, code), store.PushSkipped)
		if a.Delivery.Outcome != minapush.Skipped || a.Delivery.Reason != minapush.ReasonNoPermit || !a.RetryAt.IsZero() {
			k.t.Errorf("code %q: %+v", code, a)
		}
	}
	k.reservePush(k.by("nobody", "q", "a"), store.PushSkipped)
	k.wantCounts("u", minapush.Counts{Deposited: 7, Available: 6, Spent: 1})
}

func (k suiteCodes) AreOfFormsAndPaymentsOnly() {
	k.give("u", suiteSub("t", "n"), suiteStanding("t", "s"), suiteForm("a", suiteDay))
	for i, need := range []store.Need{suiteOneTime("t"), suiteLongTerm("t")} {
		for j, code := range []string{"n", "s", "a"} {
			need.Code = code
			p := k.askPush("u", suiteCode(10*i+j))
			p.Need = need
			k.reservePush(p, store.PushSkipped)
		}
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 2})
}

func (k suiteCodes) AYoungPaymentIsReadyLater() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - time.Second)
	k.give("u", suiteForm("a", suiteDay), young)
	a := k.reservePush(k.by("u", "q", "p"), store.PushSkipped)
	if want := young.TakenAt.Add(minapush.PayReadyAfter); !a.RetryAt.Equal(want) {
		k.t.Errorf("retry at %v, want %v", a.RetryAt, want)
	}
}

func (k suiteCodes) OneThatIsHeldMakesTheUserBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.reservePush(k.by("u", "p1", "a"), store.PushReserved)
	k.reservePush(k.by("u", "p2", "a"), store.PushBusy)
	k.reservePush(k.by("u", "p3", "b"), store.PushBusy)
}

func (k suiteCodes) OneInDoubtDoesNotServe() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.suspect(k.lease(), k.campaign("c", suiteLegacy()))
	k.reservePush(k.by("u", "p1", "a"), store.PushSkipped)
	k.reservePush(k.by("u", "p2", "b"), store.PushReserved)
}

func (k suiteCodes) ACampaignTakesThatPermitAndNoOther() {
	k.give("u", suiteForm("a", 2*suiteHour), suiteForm("b", suiteDay))
	k.give("v", suiteForm("a", suiteDay), suitePay("b", suiteDay))
	k.give("w", suiteForm("a", suiteDay), suiteSub("t", "b"))
	b := k.campaign("c", suiteLegacy())
	b.Need.Code = "b"
	for _, d := range k.run(k.lease(), b) {
		if d.Permit.Identity != "b" {
			k.t.Errorf("took %q", d.Permit.Identity)
		}
	}
	k.wantTally("c", suiteSum{"accepted": 2, "skipped no_permit": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
	k.wantCounts("v", minapush.Counts{Deposited: 4, Available: 3, Spent: 1})
}

func (k suiteCodes) InTheQueueNoOtherIsTakenEither() {
	k.give("u", suiteForm("a", 2*suiteHour), suiteForm("b", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Need.Code = "b"
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	x := suiteEnd(d, minapush.Pending, store.Burn)
	x.Reason = "dead"
	k.settle(l, x)
	b.Now = suiteAt(suiteHour + time.Minute)
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"failed dead": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Dead: 1})
}
