package main

import (
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
)

// The acceptance scenarios of the fact sheet on WeChat (§7.4), by their numbers.

func TestScenario1ThreeTapsAndFourSends(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.subscribe(user, 3)
	w.report(user, 1) // the bank believes in a fourth, which WeChat does not know
	for i := range 3 {
		if got := w.push(user, oneTimeMessage("pages/1")); got.Outcome != "accepted" {
			t.Fatalf("send %d: %s", i+1, got.Outcome)
		}
	}
	if got := w.push(user, oneTimeMessage("pages/1")); got.Outcome != "refused" || got.Errcode != 43101 {
		t.Errorf("the fourth: %+v", got)
	}
	if n := balance(w.user(user), "subscribe"); n != 0 {
		t.Errorf("the bank ends at %d", n)
	}
	w.check()
}

func TestScenario2FiveSilentCallsGiveFivePermits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	for range 5 {
		w.subscribe(user, 1)
	}
	if n := balance(w.user(user), "subscribe"); n != 5 {
		t.Errorf("the bank holds %d", n)
	}
}

func TestScenario5ABadPageStopsTheCampaignAndLosesNoPermit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	must(t, w.sandbox.SetPages(testApp, []string{"pages/index/index"}))
	for _, user := range w.users(300) {
		w.subscribe(user, 1)
	}
	m := oneTimeMessage("pages/new")
	id := w.campaign(m)
	got := w.untilState(id, "paused")
	if got.Why == nil || got.Why.Code != "bad_message" || got.Why.Params["errcode"] != "41030" {
		t.Errorf("why %+v", got.Why)
	}
	if n := w.stats().Answers[41030]; n > 5 {
		t.Errorf("%d sends before it stopped", n)
	}
	// The page is released, and the campaign reaches everybody.
	must(t, w.sandbox.SetPages(testApp, []string{"pages/index/index", "pages/new"}))
	_, err := w.client.ResumeCampaign(t.Context(), testApp, id)
	must(t, err)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 300 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario6TheDailyQuotaPausesUntilMidnight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, user := range w.users(200) {
		w.subscribe(user, 1)
	}
	must(t, w.sandbox.SetQuota(testApp, sandbox.PathSend, 80, -1))
	m := oneTimeMessage("pages/6")
	id := w.campaign(m)
	got := w.until(id, "waiting", quiet)
	beijing := time.FixedZone("UTC+8", 8*3600)
	if at := got.Hold.Until.In(beijing); got.Hold.Why.Code != "quota" || at.Hour() != 0 || at.Minute() != 0 {
		t.Errorf("hold %+v", got.Hold)
	}
	// The next day the rest goes out.
	must(t, w.sandbox.SetQuota(testApp, sandbox.PathSend, 10_000, -1))
	w.advance(got.Hold.Until.Sub(w.now()) + time.Second)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 200 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario6TheQuotaIsClearedByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	for _, user := range w.users(200) {
		w.subscribe(user, 1)
	}
	_, err := w.sandbox.EarlyDailyLimit(testApp, 50)
	must(t, err)
	m := oneTimeMessage("pages/6b")
	id := w.campaign(m)
	w.until(id, "waiting", quiet)
	must(t, w.sandbox.ClearQuota(testApp))
	_, err = w.client.ResumeCampaign(t.Context(), testApp, id)
	must(t, err)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 200 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario7ALostAnswerIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(50)
	for _, user := range users {
		w.subscribe(user, 2)
	}
	for i, user := range users[:6] {
		_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: user, Count: 1, Action: sandbox.ActDrop, Consume: i%2 == 0})
		must(t, err)
	}
	m := oneTimeMessage("pages/7")
	id := w.campaign(m)
	got := w.finished(id)
	if p := got.Progress; p.Outcomes["unknown"] != 6 || p.Outcomes["accepted"] != 44 {
		t.Errorf("progress %+v", p)
	}
	unknown := 0
	for d, err := range w.client.Deliveries(t.Context(), testApp, id, "unknown") {
		must(t, err)
		unknown++
		if d.Tries != 1 {
			t.Errorf("%+v", d)
		}
	}
	if unknown != 6 {
		t.Errorf("%d unknown deliveries are listed", unknown)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario7AFormIDIsSentAgainWithTheSameCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(20)
	for _, user := range users {
		w.forms(user, 2)
	}
	for i, user := range users[:6] {
		_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathLegacySend, OpenID: user, Count: 1, Action: sandbox.ActDrop, Consume: i%2 == 0})
		must(t, err)
	}
	m := legacyMessage("pages/7b")
	id := w.campaign(m)
	got := w.finished(id)
	if p := got.Progress; p.Outcomes["accepted"] != 20 || p.Reasons["accepted"]["had_arrived"] != 3 {
		t.Errorf("progress %+v", p)
	}
	w.nobodyTwice(m)
	for _, user := range users {
		if n := balance(w.user(user), "form"); n != 1 {
			t.Errorf("%s holds %d", user, n)
		}
	}
	w.check(id)
}

func TestScenario8ConcurrentSendsToOneUserAreTriedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(30)
	for _, user := range users {
		w.subscribe(user, 1)
	}
	// Somebody else sends to these users at the same time, so WeChat answers 43108 although minapush keeps to one at a time.
	for _, user := range users[:5] {
		_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: user, Count: 1, Errcode: 43108})
		must(t, err)
	}
	m := oneTimeMessage("pages/8")
	id := w.campaign(m)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 30 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario9MockFormIDsAreRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	report := api.Report{OpenID: user}
	junk := []string{"the formId is a mock one", "requestFormId:fail timeout", "undefined", "", "1508392837549",
		"the formId is no longer available in develop or trial version of this mini program"}
	for _, code := range junk {
		report.Items = append(report.Items, api.ReportItem{Type: "form", FormID: code})
	}
	got, err := w.client.Report(t.Context(), testApp, report)
	must(t, err)
	if got.Refused != len(junk) || got.Accepted != 0 {
		t.Errorf("answer %+v", got)
	}
	for i, item := range got.Items {
		if item.Status != "refused" || item.Reason == nil {
			t.Errorf("%q: %+v", junk[i], item)
		}
	}
}

func TestScenario10AYoungPaymentIsKeptAndTriedLater(t *testing.T) {
	t.Parallel()
	// WeChat here needs longer than minapush waits: 15 s after the payment.
	w := newWorld(t, sandbox.Config{PrepayReadyAfter: 15 * time.Second}, nil)
	user := w.users(1)[0]
	prepay, err := w.sandbox.IssuePrepayID(testApp, user)
	must(t, err)
	_, err = w.client.Deposit(t.Context(), testApp, api.Deposit{OpenID: user, Items: []api.DepositItem{{Kind: "pay", PrepayID: prepay}}})
	must(t, err)
	w.advance(11 * time.Second)
	id := w.campaign(legacyMessage("pages/10"))
	w.until(id, "refused once", func(c api.Campaign) bool {
		return w.stats().Answers[41028] == 1 && c.Progress.PendingBy["waiting"] == 1
	})
	if c := w.user(user).Counts; c.Available != 3 || c.Dead != 0 {
		t.Errorf("counts %+v", c)
	}
	w.advance(11 * time.Second)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 1 {
		t.Errorf("progress %+v", got.Progress)
	}
	if c := w.user(user).Counts; c.Spent != 1 || c.Available != 2 {
		t.Errorf("counts %+v", c)
	}
	w.check(id)
}

// quiet is a campaign that waits, with no answer outstanding.
func quiet(c api.Campaign) bool {
	return c.Hold != nil && c.Progress.PendingBy["sending"]+c.Progress.PendingBy["held"] == 0
}

func stormy(c *dispatch.Config) {
	c.Storm = dispatch.StormConfig{Window: 100, Least: 20, Wait: time.Minute, Recheck: 20}
}

func TestScenario11ABurstOfRefusalsPausesAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, stormy)
	// Few are in flight, so that answers come nearly in the order of the sends and the burst fills windows of its own.
	inFlight := 8
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{InFlight: &inFlight})
	must(t, err)
	for _, user := range w.users(600) {
		w.subscribe(user, 1)
	}
	_, err = w.sandbox.SpuriousRefusals(testApp, 200, 150)
	must(t, err)
	m := oneTimeMessage("pages/11")
	id := w.campaign(m)
	got := w.until(id, "waiting", quiet)
	if got.Hold.Why.Code != "refusal_storm" || got.Progress.Outcomes["refused"] > 5 {
		t.Errorf("hold %+v progress %+v", got.Hold, got.Progress)
	}
	w.sandbox.ClearFaults() // whatever it was at WeChat is over
	w.advance(61 * time.Second)
	got = w.finished(id)
	if p := got.Progress; p.Outcomes["accepted"] < 595 || p.Outcomes["accepted"]+p.Outcomes["refused"] != 600 {
		t.Errorf("progress %+v", p)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestScenario11RealRefusalsAreBelievedAfterTheRecheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, stormy)
	users := w.users(400)
	for _, user := range users {
		w.report(user, 1) // permits that WeChat knows nothing of
	}
	id := w.campaign(oneTimeMessage("pages/11b"))
	w.until(id, "waiting", quiet)
	w.advance(61 * time.Second)
	got := w.finished(id)
	if p := got.Progress; p.Outcomes["refused"] != 400 {
		t.Errorf("progress %+v", p)
	}
	if c := w.user(users[0]).Counts; c.Dead != 1 || c.Suspect != 0 {
		t.Errorf("counts %+v", c)
	}
	w.check(id)
}
