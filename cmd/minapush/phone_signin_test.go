package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
)

// The recipe's story: who signed in, and forgot the next day, is reminded. All clocks are moved together, and every day on which the user
// does something is lived in the browser.

func TestAnAlwaysKeepUserIsRemindedUntilTheCountIsZero(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	m := reminder("2")

	h.noon() // day 1
	h.tap(".tab:nth-child(2)")
	h.tap("in #sign")
	h.tap(".subscribe .keep input")
	h.tap(".subscribe .yes")
	h.says("in #state", "明天会提醒你")
	h.tap("in #sign") // 再提醒我一次: silent from now on
	h.until(`minapushPhone.calls.filter((c) => c === 'requestSubscribeMessage').length === 2`)
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "subscribe", demoSubscribe, 2)
	h.advance(8 * time.Hour)
	w.remind(m, 0, 0) // nobody forgot

	h.advance(24 * time.Hour) // day 2, forgotten
	sent := w.remind(m, 1, 0)

	h.advance(16 * time.Hour) // day 3: the card brings the user back
	h.load("screen", "chats")
	h.tap("[data-chat=notices]")
	h.tap(".card .paper")
	h.says("in .rule", "从消息进来：第 2 天")
	h.says("in #streak", "今天还没有签到")
	h.tap("in #sign")
	h.says("in #streak", "今天已签到")
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "subscribe", demoSubscribe, 2)
	w.until(sent, "opened once", func(c api.Campaign) bool { return c.Progress.Opened == 1 })
	h.advance(8 * time.Hour)
	w.remind(m, 0, 0)

	for day, left := range []int{1, 0} { // days 4 and 5, forgotten
		h.advance(24 * time.Hour)
		w.remind(m, 1, 0)
		if n := w.permits(h.openid, "subscribe", demoSubscribe); n != left || h.believes(demoSubscribe) != left {
			t.Errorf("day %d ends with %d permits, at WeChat with %d, want %d", day+4, n, h.believes(demoSubscribe), left)
		}
	}
	h.advance(24 * time.Hour) // day 6: the count is 0
	w.remind(m, 0, 1)
	w.nobodyIsReachable("one_time", demoSubscribe)
	if n := len(h.api("GET", "messages", nil)["messages"].([]any)); n != 3 {
		t.Errorf("%d reminders arrived, want 3", n)
	}
}

func TestAFormIDRemindsWithinSevenDays(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	m := api.Message{Template: demoLegacy, Page: "pages/sign/sign?day=3", Keywords: "签到提醒,今天还没有签到"}

	h.noon() // day 1
	h.tap(".tab:nth-child(2)")
	h.tap("in #sign")
	h.tap(".subscribe .no")
	h.says("in #streak", "今天已签到")
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "form", "", 1)
	h.advance(8 * time.Hour)
	w.remind(m, 0, 0)

	h.advance(48 * time.Hour) // day 2 forgotten, day 3 reminded
	w.remind(m, 1, 0)
	h.load("screen", "chats")
	h.tap("[data-chat=notices]")
	h.says(".card", "今天还没有签到")
	h.tap(".card .paper")
	h.says("in .rule", "第 3 天")
	h.tap("in #sign")
	h.says("in #streak", "今天已签到")
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "form", "", 1)

	h.advance(7 * 24 * time.Hour) // day 10: what day 3 earned is over
	w.remind(m, 0, 1)
	w.nobodyIsReachable("legacy", "")
	u := w.user(h.openid)
	if u.Counts.Deposited != 2 || u.Counts.Spent != 1 || u.Counts.Expired != 1 || u.Counts.Available != 0 {
		t.Errorf("the bank says %+v", u.Counts)
	}
	if n := len(h.api("GET", "messages", nil)["messages"].([]any)); n != 1 {
		t.Errorf("%d reminders arrived, want 1", n)
	}
}

// noon moves all clocks to the next noon in Beijing, where days begin at midnight, so that no test runs into it.
func (h *handset) noon() {
	h.t.Helper()
	now := h.w.now().UTC().Add(8 * time.Hour)
	h.advance(now.Truncate(24 * time.Hour).Add(36 * time.Hour).Sub(now))
	h.load()
}

// remind sends a reminder to all who have not signed in today, and checks how many were reached, and how many could not be. It
// returns the campaign.
func (w *phoneWorld) remind(m api.Message, reached, without int64) (id string) {
	w.t.Helper()
	today := w.now().UTC().Add(8 * time.Hour).Format(time.DateOnly)
	made, err := w.client.CreateCampaign(w.t.Context(), w.app, api.NewCampaign{
		Message: m, Start: true,
		Audience: &api.Audience{Where: []byte(fmt.Sprintf(`{"not":{"attribute":{"name":"signed_in","at_least":%q}}}`, today))},
	}, "")
	must(w.t, err)
	got := w.finished(made.ID).Progress
	if got.Outcomes["accepted"] != reached || got.Reasons["skipped"]["no_permit"] != without {
		w.t.Errorf("%s: reached %d, %d without a permit, want %d and %d: %+v", today, got.Outcomes["accepted"],
			got.Reasons["skipped"]["no_permit"], reached, without, got)
	}
	return made.ID
}

// nobodyIsReachable asks the bank.
func (w *phoneWorld) nobodyIsReachable(kind, template string) {
	w.t.Helper()
	reach, err := w.client.Reach(w.t.Context(), w.app, true)
	must(w.t, err)
	for _, one := range reach.Templates {
		if one.Kind == kind && one.Template == template && one.Days[0] != 0 {
			w.t.Errorf("the bank says that %d users can be reached by %s %s", one.Days[0], kind, template)
		}
	}
	if reach.Users != 1 {
		w.t.Errorf("the bank knows %d users", reach.Users)
	}
}
