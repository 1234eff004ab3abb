package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// at once is how events arrive where it does not matter when.
func atOnce() sandbox.PushKnobs {
	return sandbox.PushKnobs{SentMost: -1, Most: -1}
}

func TestScenario3AnEventAndAReportOfOneAcceptCountOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		users := w.users(2)
		at := w.tap(users[0]) // the event first
		w.told()
		if got := w.reportTap(users[0], "n1", at); got != "duplicate" {
			t.Errorf("a report after its event: %s", got)
		}
		w.knobs(sandbox.PushKnobs{Least: time.Hour, Most: time.Hour}) // until it is flushed
		at = w.tap(users[1])
		if got := w.reportTap(users[1], "n1", at); got != "accepted" {
			t.Errorf("a report before its event: %s", got)
		}
		w.told()
		w.agree(users...)
		for _, user := range users {
			if p := w.user(user).Permits; len(p) != 1 || p[0].Evidence != "both" {
				t.Errorf("%s: permits %+v, want one that both tell of", user, p)
			}
		}
		if w.result("popup", "accepted") != 1 || w.result("popup", "duplicate") != 1 {
			t.Errorf("the first event was accepted %d times, the second a duplicate %d times", w.result("popup", "accepted"), w.result("popup", "duplicate"))
		}
		w.check()
	})
}

func TestScenario12WhoSwitchesOffInTheMiddleOfACampaignIsSkipped(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		users := w.users(120)
		for _, user := range users {
			w.subscribe(user, 2)
		}
		rate := 40
		_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &rate})
		must(t, err)
		m := oneTimeMessage("pages/12")
		id := w.campaign(m)
		w.until(id, "under way", func(c api.Campaign) bool { return c.Progress.Outcomes["accepted"] > 5 })
		_, err = w.client.PauseCampaign(t.Context(), testApp, id)
		must(t, err)
		w.until(id, "at rest", func(c api.Campaign) bool { return c.Progress.PendingBy["held"]+c.Progress.PendingBy["sending"] == 0 })
		got := w.received(m)
		if len(got) == 0 || len(got) == len(users) {
			t.Fatalf("%d of %d got it before the pause", len(got), len(users))
		}
		for _, user := range users {
			must(t, w.sandbox.Revoke(testApp, user, oneTimeT))
		}
		w.told()
		fast := -1
		_, err = w.client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &fast})
		must(t, err)
		_, err = w.client.ResumeCampaign(t.Context(), testApp, id)
		must(t, err)
		p := w.finished(id).Progress
		if p.Outcomes["accepted"] != int64(len(got)) || p.Reasons["skipped"]["no_permit"] != int64(len(users)-len(got)) || p.Outcomes["refused"] != 0 {
			t.Errorf("%d got it before they switched off: %+v", len(got), p)
		}
		w.agree(users...)
		for _, user := range users {
			if n := balance(w.user(user), "subscribe"); n != 0 {
				t.Errorf("%s has %d", user, n)
			}
		}
		if n := w.stats().Answers[43101]; n > 0 {
			t.Errorf("%d sends to users who had switched off", n)
		}
		w.check(id)
	})
}

func TestScenario13EveryPaddingAndAKeyWithSpareBitsAreTaken(t *testing.T) {
	t.Parallel()
	w := eventWorld(t, settings{store: "pebble:" + t.TempDir()}, atOnce())
	users := w.users(32)
	for i, user := range users { // a text of each length has a padding of each length, 19 among them
		_, err := w.sandbox.SetPush(t.Context(), testApp, sandbox.Push{
			URL: w.public + "/v1/apps/" + testApp + "/wechat", Token: testEventToken, AESKey: testEventKey, Mode: sandbox.PushSecurity,
			ToUserName: "gh_" + strings.Repeat("a", i+1),
		})
		must(t, err)
		w.tap(user)
		w.told()
	}
	w.agree(users...)
	if n := w.result("popup", "accepted"); n != 32 {
		t.Errorf("%d events were accepted", n)
	}
}

func TestScenario14EveryShapeInEveryEncodingMeansTheSame(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		var all []string
		for _, mode := range []sandbox.PushMode{sandbox.PushPlain, sandbox.PushCompatible, sandbox.PushSecurity} {
			for _, format := range []sandbox.PushFormat{sandbox.PushJSON, sandbox.PushXML} {
				w.pushEvents(mode, format)
				for _, knobs := range []sandbox.PushKnobs{
					{Lists: sandbox.ShapeReal, Numbers: sandbox.ShapeReal}, {Lists: sandbox.ShapeArray, Numbers: sandbox.ShapeString},
					{Lists: sandbox.ShapeMixed, Numbers: sandbox.ShapeMixed, Wrappers: sandbox.ShapeMixed},
				} {
					knobs.SentMost, knobs.Most = -1, -1
					w.knobs(knobs)
					users := w.users(4)
					all = append(all, users...)
					w.tap(users[0])
					_, err := w.sandbox.Tap(testApp, users[1], []string{oneTimeT}, oneTimeT)
					must(t, err)
					w.tap(users[2])
					w.told()
					must(t, w.sandbox.Revoke(testApp, users[2], oneTimeT))
					w.tap(users[3])
					w.told()
					if got := w.push(users[0], oneTimeMessage("pages/14")); got.Outcome != "accepted" {
						t.Errorf("%s %s: push %+v", mode, format, got)
					}
					w.told()
				}
			}
		}
		w.agree(all...)
		for kind, n := range map[string]int64{"popup.accepted": 18 * 3, "popup.rejected": 18, "change.voided": 18, "sent.confirmed": 18} {
			kind, result, _ := strings.Cut(kind, ".")
			if got := w.result(kind, result); got != n {
				t.Errorf("%s %s: %d, want %d", kind, result, got, n)
			}
		}
		for _, user := range all {
			u, err := w.client.User(t.Context(), testApp, user)
			if err != nil {
				continue // who rejected is not in the bank
			}
			for _, r := range u.Recent {
				if r.Delivery.Confirmed != "delivered" || r.Delivery.ConfirmStatus != "success" || r.Delivery.ConfirmedAt.IsZero() {
					t.Errorf("delivery %+v", r.Delivery)
				}
			}
		}
		w.check()
	})
}

func TestScenario15AnEventThatWeChatSendsThreeTimesCountsOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		// A proxy that loses our answers: WeChat takes it for a failure, and sends again.
		deaf := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.sys.server.Public().ServeHTTP(rw, r)
				return
			}
			lost := httptest.NewRecorder()
			w.sys.server.Public().ServeHTTP(lost, r)
			if lost.Body.String() != "success" {
				t.Errorf("got %d %s", lost.Code, lost.Body)
			}
			rw.WriteHeader(http.StatusBadGateway)
		}))
		t.Cleanup(deaf.Close)
		_, err := w.sandbox.SetPush(t.Context(), testApp, sandbox.Push{
			URL: deaf.URL + "/v1/apps/" + testApp + "/wechat", Token: testEventToken, AESKey: testEventKey, Mode: sandbox.PushSecurity,
		})
		must(t, err)
		user := w.users(1)[0]
		at := w.tap(user)
		w.reportTap(user, "n1", at)
		must(t, w.sandbox.FlushPush(t.Context()))
		stats, err := w.sandbox.PushStats(testApp)
		must(t, err)
		if c := stats["subscribe_msg_popup_event"]; c.Attempts != 3 || c.GivenUp != 1 {
			t.Errorf("attempts: %+v", c)
		}
		w.agree(user)
		if got := w.result("popup", "accepted") + w.result("popup", "duplicate"); got != 3 {
			t.Errorf("%d were taken", got)
		}
		w.check()
	})
}

// TestALostAnswerIsSettledByTheEvent: WeChat consumed the permit, and its answer never came. Nothing is sent again, and the event settles
// it; without the event it stays unknown.
func TestALostAnswerIsSettledByTheEvent(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, sandbox.PushKnobs{SentLeast: time.Hour, SentMost: time.Hour, Most: -1})
		users := w.users(40)
		for _, user := range users {
			w.subscribe(user, 2)
		}
		lose := func(user string, f sandbox.Fault) {
			f.Path, f.OpenID, f.Count = sandbox.PathSend, user, 1
			_, err := w.sandbox.Script(f)
			must(t, err)
		}
		lose(users[0], sandbox.Fault{Action: sandbox.ActHang, Consume: true}) // a real read time-out
		for _, user := range users[1:6] {
			lose(user, sandbox.Fault{Action: sandbox.ActDrop, Consume: true})
		}
		for _, user := range users[6:8] { // WeChat never got it: there will be no event
			lose(user, sandbox.Fault{Action: sandbox.ActDrop})
		}
		m := oneTimeMessage("pages/lost")
		id := w.campaign(m)
		p := w.finished(id).Progress
		if p.Outcomes["unknown"] != 8 || p.Outcomes["accepted"] != 32 || p.Confirmed != nil {
			t.Errorf("before the events: %+v", p)
		}
		before := w.totals()
		w.told()
		for range 2 { // the second time nothing moves, as if all events came twice
			p = w.finished(id).Progress
			if p.Outcomes["unknown"] != 2 || p.Outcomes["accepted"] != 38 || p.Reasons["accepted"]["confirmed"] != 6 || p.Confirmed["delivered"] != 38 || p.Confirmed["unconfirmed"] != 0 {
				t.Errorf("after the events: %+v", p)
			}
			w.repeatEvents()
		}
		if after := w.totals(); after != before || !after.Closes() {
			t.Errorf("uses of permits moved from %+v to %+v", before, after)
		}
		if d := w.user(users[0]).Recent[0].Delivery; d.Outcome != "accepted" || d.Confirmed != "delivered" || d.Reason.Code != "confirmed" || d.Tries != 1 {
			t.Errorf("the one whose read timed out: %+v", d)
		}
		w.advance(48 * time.Hour)
		w.restart()
		if p = w.finished(id).Progress; p.Outcomes["unknown"] != 2 {
			t.Errorf("two days later: %+v", p)
		}
		if got := w.received(m); len(got) != 38 {
			t.Errorf("%d got it", len(got))
		}
		w.nobodyTwice(m)
		retry, err := w.client.RetryCampaign(t.Context(), testApp, id, api.Retry{}, "")
		if err == nil && retry.Audience.Listed != 0 { // it takes those that failed: there are none
			t.Errorf("a retry takes %d", retry.Audience.Listed)
		}
		w.check(id)
	})
}

// TestACampaignsReportAddsUp: accepted, delivered, undelivered and unknown, in the API, the CLI and its export.
func TestACampaignsReportAddsUp(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		knobs := atOnce()
		knobs.Undelivered, knobs.Duplicate, knobs.Lists = 0.2, 0.3, sandbox.ShapeMixed
		w := eventWorld(t, in, knobs)
		users := w.users(200)
		for _, user := range users {
			w.subscribe(user, 1)
		}
		for i, user := range users[:10] {
			_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: user, Count: 1, Action: sandbox.ActDrop, Consume: i < 5})
			must(t, err)
		}
		m := oneTimeMessage("pages/sum")
		id := w.campaign(m)
		w.finished(id)
		w.told()
		p := w.finished(id).Progress
		c := p.Confirmed
		var arrived int64 // into inboxes
		for _, user := range users {
			got, err := w.sandbox.Messages(testApp, user)
			must(t, err)
			arrived += int64(len(got))
		}
		if p.Outcomes["accepted"] != 195 || p.Outcomes["unknown"] != 5 || c["delivered"] != arrived || c["delivered"]+c["undelivered"] != 195 || c["unconfirmed"] != 0 || c["undelivered"] == 0 {
			t.Errorf("%d arrived: %+v", arrived, p)
		}
		t.Logf("audience %d = accepted %d (delivered %d + undelivered %d) + unknown %d", p.Audience, p.Outcomes["accepted"], c["delivered"], c["undelivered"], p.Outcomes["unknown"])
		if w.settings.keyFile == "" { // the CLI finds the admin key beside the store
			w.reportInWords(id, c)
		}
		w.check(id)
	})
}

// reportInWords checks what the CLI shows.
func (w *world) reportInWords(id string, c map[string]int64) {
	w.t.Helper()
	status, stdout, stderr := w.minapush("campaign", "show", id, "--app", testApp)
	if status != 0 {
		w.t.Fatalf("status %d: %s", status, stderr)
	}
	wantAll(w.t, stdout, fmt.Sprintf("of the accepted: %d delivered, %d undelivered, 0 not confirmed (yet)", c["delivered"], c["undelivered"]))
	status, stdout, stderr = w.minapush("campaign", "export", id, "--app", testApp)
	if status != 0 {
		w.t.Fatalf("status %d: %s", status, stderr)
	}
	got := map[string]int64{}
	for line := range strings.Lines(stdout) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		got[cells[len(cells)-3]+" "+cells[len(cells)-1]]++
	}
	if got["delivered success"] != c["delivered"] || got["undelivered -10 failed: system failed"]+got["undelivered '-10 failed: system failed"] != c["undelivered"] || got["confirmed confirm_status"] != 1 {
		w.t.Errorf("the export has %v, want %v", got, c)
	}
}
