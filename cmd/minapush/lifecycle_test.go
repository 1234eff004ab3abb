package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
)

// slowWorld answers after 20 ms, four at a time, so that a broadcast can be met half-way.
func slowWorld(t *testing.T, users int) (*world, []string) {
	t.Helper()
	w := newWorld(t, sandbox.Config{Latency: sandbox.Latency{Median: 20 * time.Millisecond, P99: 40 * time.Millisecond}}, nil)
	inFlight := 4
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{InFlight: &inFlight})
	must(t, err)
	openids := w.users(users)
	for _, openid := range openids {
		w.subscribe(openid, 1)
	}
	return w, openids
}

func (w *world) halfWay(id string, n int64) api.Campaign {
	w.t.Helper()
	return w.until(id, "half-way", func(c api.Campaign) bool { return c.Progress.Outcomes["accepted"] >= n })
}

func TestAPausedCampaignSendsNothingAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w, _ := slowWorld(t, 80)
	m := oneTimeMessage("pages/pause")
	id := w.campaign(m)
	w.halfWay(id, 20)
	_, err := w.client.PauseCampaign(t.Context(), testApp, id)
	must(t, err)
	still := w.until(id, "still", func(c api.Campaign) bool { return c.Progress.PendingBy["sending"]+c.Progress.PendingBy["held"] == 0 })
	if still.State != "paused" || still.Progress.Outcomes["accepted"] == 80 {
		t.Fatalf("state %s, %+v", still.State, still.Progress)
	}
	sent := len(w.received(m))
	w.restart() // a pause survives, and nothing is sent by the new process
	w.push(w.users(1)[0], m)
	if n := len(w.received(m)); n != sent {
		t.Errorf("%d messages went out while it was paused", n-sent)
	}
	w.check(id)
	_, err = w.client.ResumeCampaign(t.Context(), testApp, id)
	must(t, err)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 80 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestACancelledCampaignCountsThoseLeftAsSkipped(t *testing.T) {
	t.Parallel()
	w, openids := slowWorld(t, 80)
	m := oneTimeMessage("pages/cancel")
	id := w.campaign(m)
	w.halfWay(id, 20)
	_, err := w.client.CancelCampaign(t.Context(), testApp, id)
	must(t, err)
	got := w.untilState(id, "cancelled")
	p := got.Progress
	if !adds(p) || p.Pending != 0 || p.Audience != 80 || p.Reasons["skipped"]["cancelled"] == 0 {
		t.Errorf("progress %+v", p)
	}
	left := 0
	for _, openid := range openids {
		left += balance(w.user(openid), "subscribe")
	}
	if int64(left) != 80-p.Outcomes["accepted"] {
		t.Errorf("%d permits left of %d skipped", left, p.Outcomes["skipped"])
	}
	if _, err := w.client.ResumeCampaign(t.Context(), testApp, id); err == nil {
		t.Error("a cancelled campaign was resumed")
	}
	w.check(id)
}

func TestNothingIsSentAfterTheLatestSendTime(t *testing.T) {
	t.Parallel()
	w, _ := slowWorld(t, 80)
	m := oneTimeMessage("pages/late")
	c, err := w.client.CreateCampaign(t.Context(), testApp, api.NewCampaign{Message: m, Start: true, LatestSend: w.now().Add(time.Hour)}, "")
	must(t, err)
	w.halfWay(c.ID, 20)
	_, err = w.client.PauseCampaign(t.Context(), testApp, c.ID)
	must(t, err)
	w.advance(time.Hour) // and no pause resumes past it
	got := w.finished(c.ID)
	if p := got.Progress; p.Audience != 80 || p.Reasons["skipped"]["too_late"] != 80-p.Outcomes["accepted"] || p.Outcomes["skipped"] == 0 {
		t.Errorf("progress %+v", p)
	}
	w.check(c.ID)
}

func TestACampaignStartsAtItsTimeAndAMissedOneSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.subscribe(user, 2)
	create := func(page string, in, grace time.Duration) string {
		c, err := w.client.CreateCampaign(t.Context(), testApp, api.NewCampaign{
			Message: oneTimeMessage(page), StartAt: w.now().Add(in), GraceSeconds: int(grace.Seconds()),
		}, "")
		must(t, err)
		return c.ID
	}
	soon, tight := create("pages/soon", time.Hour, 30*time.Minute), create("pages/tight", time.Hour, time.Minute)
	if got, err := w.client.Campaign(t.Context(), testApp, soon); err != nil || got.State != "scheduled" {
		t.Fatalf("%v %v", got.State, err)
	}
	w.close()
	w.advance(time.Hour + 10*time.Minute) // the server was down at the time
	w.start()
	if got := w.finished(soon); got.Progress.Outcomes["accepted"] != 1 {
		t.Errorf("progress %+v", got.Progress)
	}
	if got := w.untilState(tight, "missed"); got.Why == nil || got.Why.Code != "missed" {
		t.Errorf("why %+v", got.Why)
	}
}

func TestTheKillSwitchStopsEverySend(t *testing.T) {
	t.Parallel()
	w, openids := slowWorld(t, 80)
	m := oneTimeMessage("pages/kill")
	id := w.campaign(m)
	w.halfWay(id, 10)
	_, err := w.client.StopApp(t.Context(), testApp, true)
	must(t, err)
	w.until(id, "still", func(c api.Campaign) bool { return c.Progress.PendingBy["sending"]+c.Progress.PendingBy["held"] == 0 })
	sent := len(w.received(m))
	var e *client.Error
	if _, err := w.client.Push(t.Context(), testApp, api.NewPush{OpenID: openids[79], Message: m}, "k"); !asClientError(err, &e) || e.Status != 503 {
		t.Errorf("a push under the kill switch: %v", err)
	}
	if n := len(w.received(m)); n != sent {
		t.Errorf("%d messages went out", n-sent)
	}
	_, err = w.client.StopApp(t.Context(), testApp, false)
	must(t, err)
	if got := w.finished(id); got.Progress.Outcomes["accepted"] != 80 {
		t.Errorf("progress %+v", got.Progress)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestAtLeastOnceTriesAnotherPermit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(3)
	w.subscribe(users[0], 2)
	w.subscribe(users[1], 1) // has no second permit: ends unknown
	w.subscribe(users[2], 1)
	for _, user := range users[:2] {
		_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: user, Count: 1, Action: sandbox.ActDrop})
		must(t, err)
	}
	c, err := w.client.CreateCampaign(t.Context(), testApp, api.NewCampaign{Message: oneTimeMessage("pages/alo"), Start: true, AtLeastOnce: true}, "")
	must(t, err)
	got := w.finished(c.ID)
	if p := got.Progress; p.Outcomes["accepted"] != 2 || p.Outcomes["unknown"] != 1 {
		t.Errorf("progress %+v", p)
	}
	w.check(c.ID)
}

func TestErasingAPersonDuringACampaignKeepsTheSums(t *testing.T) {
	t.Parallel()
	w, openids := slowWorld(t, 60)
	m := oneTimeMessage("pages/erase")
	id := w.campaign(m)
	w.halfWay(id, 5)
	for _, openid := range openids[:30] {
		_, err := w.client.EraseUser(t.Context(), testApp, openid)
		must(t, err)
	}
	got := w.finished(id)
	if !adds(got.Progress) {
		t.Errorf("progress %+v", got.Progress)
	}
	var e *client.Error
	if _, err := w.client.User(t.Context(), testApp, openids[0]); !asClientError(err, &e) || e.Status != 404 {
		t.Errorf("the person is still there: %v", err)
	}
	for d, err := range w.client.Deliveries(t.Context(), testApp, id, "") {
		must(t, err)
		for _, openid := range openids[:30] {
			if d.OpenID == openid {
				t.Errorf("a row of an erased person is left: %+v", d)
			}
		}
	}
	w.checkAfterErasure(id)
}

func TestADeadPermitIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(2)
	for _, user := range users {
		report := api.Report{OpenID: user, Items: []api.ReportItem{{Type: "form", FormID: "00000000000000000000000000000001", AgeMS: 1000}}}
		_, err := w.client.Report(t.Context(), testApp, report)
		must(t, err)
	}
	w.forms(users[0], 1)
	m := legacyMessage("pages/dead")
	id := w.campaign(m)
	got := w.finished(id)
	if p := got.Progress; p.Outcomes["accepted"] != 1 || p.Reasons["failed"]["41028"] != 1 {
		t.Errorf("progress %+v", p)
	}
	if c := w.user(users[0]).Counts; c.Dead != 1 || c.Spent != 1 {
		t.Errorf("counts %+v", c)
	}
	w.check(id)
}

func TestAPushWhoseCodesAreAllDeadHasFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	report := api.Report{OpenID: user, Items: []api.ReportItem{{Type: "form", FormID: "00000000000000000000000000000001", AgeMS: 1000}}}
	_, err := w.client.Report(t.Context(), testApp, report)
	must(t, err)
	if got := w.push(user, legacyMessage("pages/dead")); got.Outcome != "failed" || got.Errcode != 41028 {
		t.Errorf("push %+v", got)
	}
	if c := w.user(user).Counts; c.Dead != 1 {
		t.Errorf("counts %+v", c)
	}
	w.check()
}

func TestWrongOpenIDsStopTheCampaignBeforePermitsAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	inFlight := 8
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{InFlight: &inFlight})
	must(t, err)
	for i := range 100 {
		w.report("oNotOfThisApp"+string(rune('A'+i/10))+string(rune('A'+i%10)), 1)
	}
	id := w.campaign(oneTimeMessage("pages/wrong"))
	got := w.until(id, "paused and still", func(c api.Campaign) bool {
		return c.State == "paused" && c.Progress.PendingBy["sending"]+c.Progress.PendingBy["held"] == 0
	})
	if got.Why == nil || got.Why.Code != "wrong_app" {
		t.Errorf("why %+v", got.Why)
	}
	if got.Progress.Outcomes["failed"] > 40 {
		t.Errorf("%d failed before it stopped", got.Progress.Outcomes["failed"])
	}
	if c := w.user("oNotOfThisAppAA").Counts; c.Available != 1 {
		t.Errorf("counts %+v", c)
	}
	w.check(id)
}

func TestAWaitThatHasPassedIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	_, err := w.client.StopApp(t.Context(), testApp, true) // so that nobody works on the campaign
	must(t, err)
	id := w.campaign(oneTimeMessage("pages/hold"))
	until := w.now().Add(time.Hour)
	must(t, w.sys.campaigns.Hold(t.Context(), testApp, id, minapush.Hold{Why: minapush.Reason{Code: "quota"}, Until: until}))
	for _, shown := range []bool{true, false} {
		got, err := w.client.Campaign(t.Context(), testApp, id)
		must(t, err)
		if (got.Hold != nil) != shown {
			t.Errorf("shown %v: %+v", shown, got.Hold)
		}
		w.advance(2 * time.Hour)
	}
}

func TestAPushRightAfterItsAppWasMadeIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *dispatch.Config) { c.Poll = time.Hour }) // only a push makes the dispatcher look
	user := w.users(1)[0]
	w.subscribe(user, 1)
	body, err := json.Marshal(api.NewPush{OpenID: user, Message: oneTimeMessage("pages/new")})
	must(t, err)
	if status, answer := w.post(w.url+"/v1/apps/"+testApp+"/pushes", w.adminKey(), body); status != 200 {
		t.Errorf("status %d: %s", status, answer)
	}
}

func TestTheKillSwitchReachesAPushThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	rate := 1
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &rate})
	must(t, err)
	users := w.users(5)
	statuses := make(chan int, len(users))
	for _, user := range users {
		w.subscribe(user, 1)
		body, err := json.Marshal(api.NewPush{OpenID: user, Message: oneTimeMessage("pages/waits")})
		must(t, err)
		go func() {
			status, _ := w.post(w.url+"/v1/apps/"+testApp+"/pushes", w.adminKey(), body)
			statuses <- status
		}()
	}
	if status := <-statuses; status != 200 {
		t.Fatalf("the first one: %d", status)
	}
	_, err = w.client.StopApp(t.Context(), testApp, true)
	must(t, err)
	sent := 1
	for range len(users) - 1 {
		if status := <-statuses; status == 200 {
			sent++
		}
	}
	if n := len(w.received(oneTimeMessage("pages/waits"))); n != sent || sent > 3 {
		t.Errorf("%d were answered as sent, %d went out", sent, n)
	}
	w.check()
}
