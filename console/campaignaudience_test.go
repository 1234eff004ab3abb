package console

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

func TestEveryChoiceIsAnExpressionThatComesBackAsThatChoice(t *testing.T) {
	t.Parallel()
	form := func(zone string, change func(*audienceForm)) audienceForm {
		f := newAudienceForm(zone)
		change(&f)
		return f
	}
	for want, f := range map[string]audienceForm{
		`{"seen_within":"7d"}`:                                                   form("", func(f *audienceForm) { f.Audience, f.Days = audienceSeen, "7" }),
		`{"not_seen_within":"3650d"}`:                                            form("", func(f *audienceForm) { f.Audience, f.Days = audienceUnseen, "3650" }),
		`{"not":{"event":{"days":1,"name":"checkin"}}}`:                          form("", func(f *audienceForm) { f.Audience, f.Event = audienceIdle, "checkin" }),
		`{"not":{"event":{"days":366,"name":"_a.b-c"}}}`:                         form("", func(f *audienceForm) { f.Audience, f.Event, f.EventDays = audienceIdle, "_a.b-c", "366" }),
		`{"not":{"event":{"days":2,"name":"checkin","time_zone":"Asia/Tokyo"}}}`: form("Asia/Tokyo", func(f *audienceForm) { f.Audience, f.Event, f.EventDays = audienceIdle, "checkin", "2" }),
		`{"permits":{"last_expires_within":"24h"}}`:                              form("", func(f *audienceForm) { f.Audience = audienceExpiring }),
		`{"not":{"got":"01KAND"}}`:                                               form("", func(f *audienceForm) { f.Audience, f.Of = audienceUngot, "01KAND" }),
		`{"all":[{"got":"01KAND"},{"not":{"opened":"01KAND"}}]}`:                 form("", func(f *audienceForm) { f.Audience, f.Of = audienceUnopened, "01KAND" }),
	} {
		e := f.expression(func(field, name string, params ...string) { t.Errorf("%s: %s is %s %v", want, field, name, params) })
		if string(e) != want {
			t.Errorf("%s is %s, not %s", f.Audience, e, want)
		}
		if _, err := audience.Parse(e); err != nil {
			t.Errorf("%s is no expression: %v", e, err)
		}
		if back := audienceOf(minapush.Audience{Where: e}); !reflect.DeepEqual(back, f) {
			t.Errorf("%s comes back as %+v, not %+v", e, back, f)
		}
	}
	for _, f := range expressed() {
		if allTexts()["audience."+f] == [2]string{} || allTexts()["whom."+f] == [2]string{} {
			t.Errorf("the choice %s has no words", f)
		}
	}
}

func TestWhatIsNoChoiceStaysAnExpression(t *testing.T) {
	t.Parallel()
	for _, where := range []string{
		`{"tag":"vip"}`, `{"seen_within":"2w"}`, `{"seen_within":"07d"}`, `{"seen_within":"4000d"}`, `{"not":{"event":{"name":"checkin","within":"24h"}}}`,
		`{"event":{"name":"checkin","days":1}}`, `{"not":{"event":{"name":"checkin","days":1,"time_zone":"Asia/Shanghai"}}}`, `{"permits":{"last_expires_within":"1d"}}`,
		`{"permits":{"last_expires_within":"24h","kind":"form"}}`, `{"all":[{"got":"A"},{"not":{"opened":"B"}}]}`, `{"all":[{"got":"A"},{"not":{"opened":"A"}},{"tag":"x"}]}`,
		`{"got":"A"}`, `{"not":{"opened":"A"}}`, `[]`, `7`, `{`, `{"not":[]}`, `{"all":"x"}`,
	} {
		if f := audienceOf(minapush.Audience{Where: json.RawMessage(where)}); f.Audience != audienceWhere || f.Where != where {
			t.Errorf("%s became %s %q", where, f.Audience, f.Where)
		}
	}
	if f := audienceOf(minapush.Audience{}); f.Audience != audienceAll {
		t.Errorf("everybody became %s", f.Audience)
	}
	if f := audienceOf(minapush.Audience{List: true}); f.Audience != audienceList {
		t.Errorf("a list became %s", f.Audience)
	}
	// The days of an event begin elsewhere in another time zone: there it is no choice.
	where := json.RawMessage(`{"not":{"event":{"days":1,"name":"checkin"}}}`)
	if f := audienceOf(minapush.Audience{Where: where}).in("Asia/Tokyo", where); f.Audience != audienceWhere || f.Where != string(where) || f.Zone != "Asia/Tokyo" {
		t.Errorf("in Tokyo it became %+v", f)
	}
	if f := audienceOf(minapush.Audience{Where: where}).in("", where); f.Audience != audienceIdle {
		t.Errorf("where it was made it became %+v", f)
	}
}

// ended is a campaign of the first app that was started, and ended at once.
func (w *world) ended(key string) string {
	w.t.Helper()
	id := w.made("key", key, "latest", "none")
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "0", "sure", "yes")
	_, err := w.campaigns.Cancel(w.t.Context(), testApp, id)
	w.must(err)
	w.must(w.campaigns.Finish(w.t.Context(), testApp, id, minapush.Tally{}))
	return id
}

func TestAnAudienceIsChosenInTheFormAndCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	of := w.ended("first")
	for i, c := range []struct {
		pairs []string
		want  string
		shows []string
	}{
		{[]string{"audience", "idle", "event", "checkin", "event_days", "1"}, `{"not":{"event":{"days":1,"name":"checkin"}}}`, []string{`value="idle" checked`, `value="checkin"`}},
		{[]string{"audience", "expiring", "hours", "48"}, `{"permits":{"last_expires_within":"48h"}}`, []string{`value="expiring" checked`, `value="48"`}},
		{[]string{"audience", "ungot", "of", of}, `{"not":{"got":"` + of + `"}}`, []string{`value="ungot" checked`, `<option value="` + of + `" selected>`}},
		{[]string{"audience", "unopened", "of", of}, `{"all":[{"got":"` + of + `"},{"not":{"opened":"` + of + `"}}]}`, []string{`value="unopened" checked`}},
	} {
		id := w.made(append([]string{"key", "choice" + string(rune('a'+i))}, c.pairs...)...)
		if got := string(w.campaign(id).Audience.Where); got != c.want {
			t.Errorf("made %s, not %s", got, c.want)
		}
		w.shows(w.get(appPath("campaigns/new?copy="+id), 200), c.shows...)
		w.lacks(w.get(appPath("campaigns/"+id+"/check"), 200), "<code>") // it is said in words
	}
	_, err := w.accounts.UpdateApp(t.Context(), testApp, func(a *minapush.App) error { a.TimeZone = "Asia/Tokyo"; return nil }, nil)
	w.must(err)
	id := w.made("key", "tokyo", "audience", "idle", "event", "checkin", "event_days", "3")
	if got, want := string(w.campaign(id).Audience.Where), `{"not":{"event":{"days":3,"name":"checkin","time_zone":"Asia/Tokyo"}}}`; got != want {
		t.Errorf("made %s, not %s", got, want)
	}
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "最近 3 天（含今天）没有 checkin 的用户", "(Asia/Tokyo)")
}

func TestAnAudienceThatIsTypedWrongIsMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.accounts.UpdateApp(t.Context(), otherApp, func(*minapush.App) error { return nil }, nil)
	w.must(err)
	for name, c := range map[string]struct{ pairs, want []string }{
		"no event":           {[]string{"audience", "idle", "event", "", "event_days", "1"}, []string{`id="m-event"`}},
		"no name":            {[]string{"audience", "idle", "event", "签到", "event_days", "1"}, []string{`id="m-event"`, `value="签到"`, "最多 64 个字母"}},
		"no days":            {[]string{"audience", "idle", "event", "checkin", "event_days", "0"}, []string{`id="m-event_days"`, "1 到 366"}},
		"no hours":           {[]string{"audience", "expiring", "hours", "soon"}, []string{`id="m-hours"`, "1 到 744", `value="soon"`}},
		"no campaign":        {[]string{"audience", "ungot", "of", ""}, []string{`id="m-of"`, "请选择"}},
		"unknown campaign":   {[]string{"audience", "unopened", "of", "01UNKNOWN"}, []string{`id="m-of"`, "01UNKNOWN", `value="unopened" checked`}},
		"no campaign's name": {[]string{"audience", "ungot", "of", "\x00"}, []string{`id="m-of"`}},
		"percents":           {[]string{"rollout", "yes", "rollout_percents", "10, 1", "rollout_pause", "10"}, []string{`id="m-rollout_percents"`, `value="10, 1"`, "<details class=\"card mb-3\" open>"}},
		"no percents":        {[]string{"rollout", "yes", "rollout_percents", "一些", "rollout_pause", "10"}, []string{`id="m-rollout_percents"`}},
		"pause":              {[]string{"rollout", "yes", "rollout_percents", "1", "rollout_pause", "10081"}, []string{`id="m-rollout_pause"`, "10,080"}},
		"kept back":          {[]string{"keep_back", "101"}, []string{`id="m-keep_back"`, "0 到 100"}},
		"quiet":              {[]string{"on_quiet", "loud"}, []string{`id="m-on_quiet"`}},
	} {
		a := w.post(appPath("campaigns/new"), http.StatusUnprocessableEntity, goodCampaign(c.pairs...)...)
		for _, text := range append(c.want, `aria-invalid="true"`, `value="周末提醒"`) {
			if !contains(a, text) {
				t.Errorf("%s: the page does not show %q", name, text)
			}
		}
	}
	if list, err := w.campaigns.List(t.Context(), testApp, "", 1); err != nil || len(list) > 0 {
		t.Errorf("made %v, %v", list, err)
	}
}

func TestWhatKeepsACampaignFromUsersIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made("rollout", "yes", "rollout_percents", "0.5，5%, 20", "rollout_pause", "30", "keep_back", "2", "on_quiet", "skip")
	m := w.campaign(id)
	if m.KeepBack != 2 || m.OnQuiet != minapush.QuietSkip || m.Rollout == nil || !reflect.DeepEqual(m.Rollout.Percents, []float64{0.5, 5, 20}) || m.Rollout.Pause != 30*time.Minute {
		t.Errorf("made %+v, %+v", m, m.Rollout)
	}
	w.shows(w.get(appPath("campaigns/new?copy="+id), 200), `name="rollout" value="yes" checked`, `value="0.5, 5, 20"`, `value="30"`, `value="2"`, `value="skip" selected`, `<details class="card mb-3" open>`)
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "0.5% → 5% → 20% → 其余用户", "保留 2 次", "未设置防打扰规则")
	plain := w.campaign(w.made("key", "plain", "rollout_percents", "x", "rollout_pause", "y"))
	if plain.Rollout != nil || plain.KeepBack != 0 || plain.OnQuiet != "" {
		t.Errorf("made %+v", plain)
	}
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "0", "sure", "yes")
	w.shows(w.get(appPath("campaigns/"+id), 200), "灰度发送：第 1 / 4 阶段", "累计 0.5% 的用户", "免打扰时段：跳过")
	w.must(w.campaigns.Stop(t.Context(), testApp, id, minapush.Reason{Code: "rollout_failed", Params: map[string]string{"share": "0.431", "answers": "200", "max": "0.100"}}))
	w.shows(w.get(appPath("campaigns/"+id), 200), "灰度发送已停止：失败过多", "失败 43.1%，共 200 条应答；上限 10.0%", "请查看下方失败原因并处理")
}
