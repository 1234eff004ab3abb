package sandbox_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/sandbox"
)

func TestTheDailyQuotaStartsAnewAtBeijingMidnight(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(10)
	w.limit(2, 0)
	w.wantCode(w.send(), 0)
	w.wantCode(w.send(), 0)
	w.wantCode(w.send(), 45009)
	must(t, w.sb.Advance(15*time.Hour-time.Second)) // 23:59:59 in Beijing
	w.token = w.stable(false)
	w.wantCode(w.send(), 45009)
	must(t, w.sb.Advance(time.Second))
	w.wantCode(w.send(), 0)
	if w.permits() != 7 {
		t.Errorf("%d permits left, want 7", w.permits())
	}
}

func TestAppsHaveTheirOwnLimits(t *testing.T) {
	sb := newSandbox(t, sandbox.Config{})
	for _, c := range []struct {
		app    sandbox.App
		perDay int64
	}{
		{sandbox.App{AppID: "plain"}, 10_000_000},
		{sandbox.App{AppID: "pay", Pay: true}, 30_000_000},
		{sandbox.App{AppID: "own", Pay: true, DailyLimit: 5, MinuteLimit: 3}, 5},
		{sandbox.App{AppID: "free", DailyLimit: -1}, 0},
	} {
		_, err := sb.AddApp(c.app)
		must(t, err)
		q, err := sb.Quota(c.app.AppID, sandbox.PathSend)
		must(t, err)
		want := sandbox.Quota{Path: sandbox.PathSend, PerDay: c.perDay, PerMinute: c.app.MinuteLimit}
		if diff := cmp.Diff(want, q); diff != "" {
			t.Errorf("%s: %s", c.app.AppID, diff)
		}
	}
}

func TestQuotaGetShowsTheFigures(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(3)
	w.limit(10, 7)
	w.send()
	w.send()
	get := func(path string) answer {
		return w.do("POST", w.withToken("/cgi-bin/openapi/quota/get"), object("cgi_path", path))
	}
	want := `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":10,"used":2,"remain":8},"rate_limit":{"call_count":7,"refresh_second":60},"component_rate_limit":{"call_count":0,"refresh_second":0}}`
	if a := get(sandbox.PathSend); a.text != want {
		t.Errorf("answer %s", a.text)
	}
	w.wantCode(get("/cgi-bin/nothing"), 76021)
	w.wantCode(get(sandbox.PathLogin), 76022)
	w.wantCode(get(""), 76021)
	w.wantCode(w.do("GET", w.withToken("/cgi-bin/openapi/quota/get"), ""), 43002)
}

func TestClearQuotaWorksTenTimesAMonth(t *testing.T) {
	w := newWorld(t, sandbox.Config{ClassicTokenPerDay: 1})
	w.subscribe(100)
	w.limit(1, 0)
	clearOld := func() answer {
		return w.do("POST", w.withToken("/cgi-bin/clear_quota"), object("appid", w.app.AppID))
	}
	clearNew := func(appid, secret string) answer {
		return w.do("POST", "/cgi-bin/clear_quota/v2", object("appid", appid, "appsecret", secret))
	}
	w.wantCode(w.do("POST", w.withToken("/cgi-bin/clear_quota"), object("appid", "wx0")), 40013)
	w.wantCode(clearNew("wx0", "x"), 40013)
	w.wantCode(clearNew(w.app.AppID, ""), 41004)
	w.wantCode(clearNew(w.app.AppID, "x"), 40125)
	w.wantCode(w.classicAnswer(), 0)
	for i := range 10 {
		w.wantCode(w.send(), 0)
		w.wantCode(w.send(), 45009)
		w.wantCode(w.classicAnswer(), 45009)
		if i%2 == 0 {
			w.wantCode(clearOld(), 0)
		} else {
			w.wantCode(clearNew(w.app.AppID, w.app.Secret), 0)
		}
		w.wantCode(w.classicAnswer(), 0)
	}
	w.wantCode(clearOld(), 48006)
	w.wantCode(clearNew(w.app.AppID, w.app.Secret), 48006)
	must(t, w.sb.Advance(31*24*time.Hour))
	w.token = w.stable(false)
	w.wantCode(clearOld(), 0)
}

func TestRIDsOfErrorsAreFoundForSevenDays(t *testing.T) {
	w := newWorld(t, sandbox.Config{MaxRIDs: 3})
	refused := w.send("touser", "stranger")
	rid := refused.Errmsg[len(refused.Errmsg)-26:]
	if want := fmt.Sprintf("%08x", epoch.Unix()); rid[:8] != want {
		t.Errorf("rid %s does not begin with %s", rid, want)
	}
	get := func(rid string) answer {
		return w.do("POST", w.withToken("/cgi-bin/openapi/rid/get"), object("rid", rid))
	}
	a := get(rid)
	var found struct {
		Request struct {
			At       int64  `json:"invoke_time"`
			URL      string `json:"request_url"`
			Request  string `json:"request_body"`
			Response string `json:"response_body"`
			IP       string `json:"client_ip"`
		} `json:"request"`
	}
	must(t, json.Unmarshal([]byte(a.text), &found))
	if r := found.Request; r.At != epoch.Unix() || r.Response != refused.text || r.IP != "127.0.0.1" || r.Request != w.message("touser", "stranger") || r.URL != "access_token="+w.token {
		t.Errorf("answer %s", a.text)
	}
	w.wantCode(get("nonsense"), 76002)
	w.wantCode(get("00000000-00000000-00000000"), 76001)
	other := newWorldIn(t, w.sb)
	w.wantCode(other.do("POST", other.withToken("/cgi-bin/openapi/rid/get"), object("rid", rid)), 76003)
	must(t, w.sb.Advance(7*24*time.Hour))
	w.token = w.stable(false)
	w.wantCode(get(rid), 76001) // three newer errors made room
	refused = w.send("touser", "stranger")
	rid = refused.Errmsg[len(refused.Errmsg)-26:]
	must(t, w.sb.Advance(7*24*time.Hour))
	w.token = w.stable(false)
	w.wantCode(get(rid), 76004)
}
