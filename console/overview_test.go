package console

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func (w *world) app() minapush.App {
	w.t.Helper()
	app, err := w.accounts.App(w.t.Context(), testApp)
	w.must(err)
	return app
}

// countDeliveries counts the rows of a batch by outcome, one by one.
func (w *world) countDeliveries(batch string, into map[minapush.Outcome]int64) {
	w.t.Helper()
	for after := ""; ; {
		page, err := w.ledger.List(w.t.Context(), w.app(), batch, nil, after, 1000)
		w.must(err)
		for _, d := range page.Deliveries {
			into[d.Outcome]++
		}
		if after = page.Next; after == "" {
			return
		}
	}
}

func TestOverviewAndPermitsShowWhatAFullCountFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.bank.Follow(w.app(), nil)
	w.must(w.bank.Flush(ctx)) // the daybook begins before anything happens, as in a server
	number, err := w.bank.SourceNumber(ctx, w.app(), "pages/sign/index")
	w.must(err)
	const people = 40
	for i := range people {
		o := minapush.OpenID(fmt.Sprintf("oPerson%02d", i))
		w.user(o, i%4)
		_, err := w.bank.Deposit(ctx, w.app(), o, []minapush.Permit{
			{Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", i), Uses: 1, TakenAt: w.clock.now(), ExpiresAt: w.clock.now().Add(time.Duration(i) * time.Hour), Source: number},
			{Kind: minapush.Standing, Template: "tmpl-flight", TakenAt: w.clock.now(), Source: number},
		}[:i%3])
		w.must(err)
	}
	w.run()
	id := w.made("audience", "list")
	w.upload(appPath("campaigns/"+id+"/list"), http.StatusOK, "oPerson03\noPerson07\noPerson08\noPerson11\noNobody\n", "", "")
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "5", "sure", "yes")
	w.await(id, minapush.Finished)
	w.platform.set(&minapush.Error{Kind: minapush.Refused, Code: 43101})
	w.post(appPath("users/oPerson02/push"), http.StatusSeeOther, goodPush()...)
	w.platform.set(nil)
	w.post(appPath("users/oPerson01/push"), http.StatusSeeOther, goodPush()...)
	w.post(appPath("users/oPerson15/erase"), http.StatusSeeOther, "tail", "on15")
	w.must(w.bank.Flush(ctx))
	w.clock.add(30 * time.Hour) // some codes end, and are swept
	w.survey()
	w.must(w.bank.Flush(ctx))

	var over overviewPage
	w.must(w.console.fillOverview(ctx, w.app(), &over))
	permits, err := w.console.loadPermits(ctx, w.app())
	w.must(err)

	truth, err := w.bank.Totals(ctx, w.app())
	w.must(err)
	if !truth.Closes() {
		t.Fatalf("the bank does not close: %+v", truth)
	}
	sum := permits.Flow.Sum
	if got, want := sum.There(), truth.Available+truth.Held+truth.Suspect; got != want {
		t.Errorf("%d uses are there by the page, %d by a full count", got, want)
	}
	if permits.Flow.Counted != truth.Available || permits.Flow.Held() != truth.Held+truth.Suspect {
		t.Errorf("the page has %d free and %d held, a full count %+v", permits.Flow.Counted, permits.Flow.Held(), truth)
	}
	if sum.Deposited != truth.Deposited || sum.Spent != truth.Spent || sum.Dead != truth.Dead || sum.Expired != truth.Expired || sum.Erased != truth.Erased {
		t.Errorf("flows of the page: %+v, of the bank: %+v", sum, truth)
	}
	if truth.Spent == 0 || truth.Dead == 0 || truth.Expired == 0 || truth.Erased == 0 {
		t.Errorf("too little happened to tell: %+v", truth)
	}
	w.compareDays(over, truth)
	w.compareUsers(over, permits)
	rows := map[minapush.Outcome]int64{}
	w.countDeliveries(id, rows)
	w.countDeliveries(minapush.PushBatch(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)), rows)
	for _, one := range over.Sent {
		o, err := minapush.ParseOutcome(one.Outcome)
		w.must(err)
		if one.N != rows[o] {
			t.Errorf("%s: the page has %d, the rows are %d", one.Outcome, one.N, rows[o])
		}
	}
	if rows[minapush.Accepted] == 0 || rows[minapush.RefusedByUser] == 0 || rows[minapush.Skipped] == 0 {
		t.Errorf("too little happened to tell: %v", rows)
	}
	w.shows(w.get(appPath(""), 200), grouped(over.Reachable), "签到提醒", "任一模板消息", "24 小时内到期", "已受理")
	w.shows(w.get(appPath("permits"), 200), grouped(sum.Deposited), "pages/sign/index", "表单推送码", "微信侧无次数（43101）", "长期订阅：")
}

// compareDays holds the sums over days to the counters since the beginning: everything happened within the days.
func (w *world) compareDays(p overviewPage, truth minapush.Counts) {
	w.t.Helper()
	standing := int64(0)
	w.everybody(func(u bank.User) {
		for _, h := range u.Permits {
			if h.Kind == minapush.Standing {
				standing++
			}
		}
	})
	// The erased person's Standing permit was deposited, too: she had one if her number says so.
	if 15%3 == 2 {
		standing++
	}
	if p.Collected != truth.Deposited+standing || p.Spent != truth.Spent {
		w.t.Errorf("the days have %d collected and %d spent, the bank %+v and %d standing", p.Collected, p.Spent, truth, standing)
	}
}

// compareUsers counts everybody by hand.
func (w *world) compareUsers(p overviewPage, permits permitsPage) {
	w.t.Helper()
	now := w.clock.now()
	users, reachable, free := int64(0), int64(0), map[string]int64{}
	byTemplate := map[string]int64{}
	w.everybody(func(u bank.User) {
		users++
		ready := map[string]bool{}
		for _, b := range w.bank.Balance(u, now) {
			free[b.Kind.String()+b.Template] += int64(b.Available)
			if b.Ready > 0 {
				ready[b.Template] = true
			}
		}
		for template := range ready {
			byTemplate[template]++
		}
		if len(ready) > 0 {
			reachable++
		}
	})
	if p.Users != users || p.Reachable != reachable {
		w.t.Errorf("the page has %d users, %d reachable; there are %d and %d", p.Users, p.Reachable, users, reachable)
	}
	for _, r := range p.Reach {
		if r.Now != byTemplate[r.Template] || r.Now+r.ByRemaining[0] != users || r.ByRemaining[1]+r.ByRemaining[2]+r.ByRemaining[3] != r.Now {
			w.t.Errorf("%q: the page has %+v, %d of %d can be reached", r.Template, r, byTemplate[r.Template], users)
		}
	}
	if len(p.Reach) != 3 || len(permits.Stock) != 3 {
		w.t.Errorf("%d templates have reach and %d kinds are in stock, want 3 and 3", len(p.Reach), len(permits.Stock))
	}
	for _, k := range permits.Stock {
		if got, want := k.Uses, free[k.Kind.String()+k.Template]; got != want {
			w.t.Errorf("%v %q: %d in stock by the page, %d by a full count", k.Kind, k.Template, got, want)
		}
	}
}

func (w *world) everybody(f func(bank.User)) {
	w.t.Helper()
	for i := range 40 {
		u, err := w.bank.User(w.t.Context(), w.app(), minapush.OpenID(fmt.Sprintf("oPerson%02d", i)))
		if err == nil {
			f(u)
		}
	}
}

func TestANewAppIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.get("apps/"+string(otherApp)+"/", 200)
	w.shows(a, "开始使用", "获取模板", "尚未完成用户统计", "/settings", "/scenes")
	w.lacks(a, "24 小时内到期", "模板消息（已下线）")
	w.shows(w.get("apps/"+string(otherApp)+"/permits", 200), "尚未统计")
	w.user("oSomebody", 1)
	w.survey()
	b := w.get(appPath(""), 200)
	w.lacks(b, "开始使用", "24 小时内到期")
	w.shows(b, "签到提醒", "未来 7 天可触达人数")
	w.get("apps/wx0000000000000000/", 404)
	w.get("apps/wx0000000000000000/permits", 404)
	w.get("apps/wx0000000000000000/live", 404)
}

func TestTheQuotaIsAskedOnlyOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lacks(w.get(appPath(""), 200), "9,000,000")
	w.shows(w.post(appPath("quota"), 200), "今日剩余额度 9,000,000 条，日发送上限 10,000,000 条")
	w.platform.mu.Lock()
	w.platform.left = -1
	w.platform.mu.Unlock()
	w.shows(w.post(appPath("quota"), 200), "未能从微信查到今日剩余额度")
}

func TestAlarmsAreInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.accounts.UpdateApp(ctx, testApp, func(a *minapush.App) error {
		a.Stopped = minapush.Reason{Code: "punished", Params: map[string]string{"at": "2026-11-20T01:02:03Z", "illegal_reason": "类目不符"}}
		return nil
	}, nil)
	w.must(err)
	id := w.made()
	w.user("oUser1", 1)
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1", "sure", "yes")
	w.must(w.campaigns.Stop(ctx, testApp, id, minapush.Reason{Code: "bad_credential", Params: map[string]string{"errcode": "40164"}}))
	w.bank.Note(w.app(), bank.FigureErrcode, "campaign.40001", 7)
	w.bank.Note(w.app(), bank.FigureErrcode, "push.40001", 2)
	w.bank.Note(w.app(), bank.FigureErrcode, "campaign.43101", 1000)
	gone, err := w.accounts.Template(ctx, testApp, testTemplate)
	w.must(err)
	a := w.get(appPath(""), 200)
	w.shows(a, "账号受到微信处罚", "类目不符", "自 2026-11-20 09:02:03", "任务被规则自动暂停", "服务器 IP 不在白名单中", "× 9")
	w.lacks(a, "1,000", "(43101)</span> ×")
	all := alarmsOf(minapush.App{}, []minapush.Template{gone, {GoneSince: w.clock.now()}}, bank.Survey{At: w.clock.now().Add(-2 * time.Hour)}, nil, bank.Day{}, context.DeadlineExceeded, w.clock.now())
	var names []string
	for _, one := range all {
		names = append(names, one.Name)
	}
	if got := strings.Join(names, " "); got != "starved gone old_survey" {
		t.Errorf("alarms: %s", got)
	}
	words := allTexts()
	for _, name := range alarmNames() {
		if _, ok := words["alarm."+name]; !ok {
			t.Errorf("no words for the alarm %s", name)
		}
	}
}

func TestPlannedCampaignsAreTakenOffTheReachFromTheirDayOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		w.user(minapush.OpenID(fmt.Sprint("oUser", i)), 1)
	}
	w.survey()
	plan := func(key string, after time.Duration, pairs ...string) {
		_, err := w.campaigns.Plan(t.Context(), w.app(), w.made(append(pairs, "key", key, "latest", "none")...), w.clock.now().Add(after))
		w.must(err)
	}
	plan("in two days", 48*time.Hour)
	plan("beyond", 30*24*time.Hour)
	var p overviewPage
	w.must(w.console.fillOverview(t.Context(), w.app(), &p))
	if p.Planned != 1 || p.Uncounted != 0 || len(p.Forecast.Series) != 1 {
		t.Fatalf("planned %d, not counted %d, lines %+v", p.Planned, p.Uncounted, p.Forecast.Series)
	}
	if got := fmt.Sprint(p.Forecast.Series[0].Values); got != "[10 10 0 0 0 0 0 0]" {
		t.Errorf("reach %s", got)
	}
	if got := fmt.Sprint(lessPlanned([bank.ReachDays]int64{9, 9, 9, 9, 9, 9, 9, 9}, []planned{{0, 2}, {3, 4}, {3, 5}})); got != "[7 7 7 0 0 0 0 0]" {
		t.Errorf("reach less what is planned: %s", got)
	}
	// 23:30 and 00:30 in Beijing are of two days.
	if got := daysBetween(time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC), time.Date(2026, 11, 22, 16, 30, 0, 0, time.UTC)); got != 1 {
		t.Errorf("%d midnights", got)
	}
}

func TestTheOverviewFollowsRunningCampaigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	ids := map[string]bool{}
	for i := range runningShown + 2 {
		id := w.made("key", fmt.Sprint("k", i), "name", fmt.Sprintf("任务 %d 号", i))
		w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1", "sure", "yes")
		ids[id] = true
	}
	page := w.get(appPath(""), 200)
	w.shows(page, "hx-sse:connect", "查看进度", "另有 2 个任务")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+root+appPath("live"), nil)
	w.must(err)
	r.Header.Set("Accept-Language", "zh-CN")
	resp, err := w.browser.Do(r)
	w.must(err)
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("content type %s", got)
	}
	lines := bufio.NewScanner(resp.Body)
	summed := func(want int) {
		for lines.Scan() {
			if n := strings.Count(lines.Text(), "<progress"); n > 0 {
				want -= n
			}
			if want <= 0 {
				return
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
	}
	summed(runningShown)
	w.console.watches.mu.Lock()
	follows := len(w.console.watches.byID)
	w.console.watches.mu.Unlock()
	if follows != runningShown {
		t.Errorf("%d campaigns are followed, want %d", follows, runningShown)
	}
	w.run()
	for id := range ids {
		for w.campaign(id).State != minapush.Finished {
			w.clock.add(time.Second) // one person gets all of them, one after the other
			time.Sleep(5 * time.Millisecond)
		}
	}
	over := false
	for !over && lines.Scan() {
		over = strings.Contains(lines.Text(), "当前没有正在发送的任务")
	}
	if !over {
		t.Errorf("the stream does not say that nothing is sent any more: %v", lines.Err())
	}
	stop()
	for deadline := time.Now().Add(time.Minute); ; {
		w.console.watches.mu.Lock()
		streams, left := w.console.watches.streams, len(w.console.watches.byID)
		w.console.watches.mu.Unlock()
		if streams == 0 && left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d streams and %d watches are left", streams, left)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
