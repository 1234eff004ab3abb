package sandbox_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/sandbox"
)

func TestMessagesShowWhatAUserReceived(t *testing.T) {
	w := newWorld(t, sandbox.Config{MessagesPerUser: 2})
	w.subscribe(3)
	w.send("page", "first")
	second := w.send("page", "pages/index/index?campaign=7", "miniprogram_state", "trial", "lang", "en_US")
	code := w.formID()
	w.wantCode(w.sendLegacy(code), 0)
	got, err := w.sb.Messages(w.app.AppID, w.openid)
	must(t, err)
	if len(got) != 2 {
		t.Fatalf("%d messages kept, want the last 2", len(got))
	}
	id, err := second.MsgID.Int64()
	must(t, err)
	want := []sandbox.Message{
		{MsgID: id, OpenID: w.openid, TemplateID: w.tmpl, Title: "签到提醒", Page: "pages/index/index?campaign=7", Data: map[string]string{"thing1": "每日签到", "date2": "2026-07-01"},
			Text: "thing1:每日签到\ndate2:2026-07-01\n", State: "trial", Lang: "en_US", Time: epoch},
		{MsgID: got[1].MsgID, OpenID: w.openid, TemplateID: w.legacy, Title: "购买成功", Data: map[string]string{"keyword1": "1", "keyword2": "2"},
			Text: "keyword1:1\nkeyword2:2\n", FormID: code, Time: epoch},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCountsTellUsersTemplatesAndPagesApart(t *testing.T) {
	for _, record := range []sandbox.Recording{sandbox.RecordAll, sandbox.RecordCounts} {
		w := newWorld(t, sandbox.Config{Record: record, MaxPages: 2})
		w.subscribe(10)
		silent, err := w.sb.AddUser(w.app.AppID, "")
		must(t, err)
		other, err := w.sb.AddUser(w.app.AppID, "")
		must(t, err)
		must(t, w.sb.Subscribe(w.app.AppID, other, w.tmpl, 1))
		for _, page := range []string{"a?c=1&minapush=x", "a?c=2", "a?minapush=y&c=1", "beyond MaxPages"} {
			w.wantCode(w.send("page", page), 0)
		}
		w.wantCode(w.send("page", "a?c=1", "touser", other), 0)
		w.wantCode(w.sendLegacy(w.formID(), "page", "a?c=1"), 0)

		byUser, err := w.sb.CountsByUser(w.app.AppID, w.tmpl)
		must(t, err)
		byPage, err := w.sb.CountsByPage(w.app.AppID, w.tmpl, "a?c=1")
		must(t, err)
		beyond, err := w.sb.CountsByPage(w.app.AppID, w.tmpl, "*")
		must(t, err)
		received := make(map[string]map[string]int)
		for openid, counts := range w.sb.Received(w.app.AppID) {
			received[openid] = counts
		}
		got := []any{byUser, byPage, beyond, received, w.stats().Repeated}
		want := []any{map[string]int{w.openid: 4, other: 1}, map[string]int{w.openid: 2, other: 1}, map[string]int{w.openid: 1},
			map[string]map[string]int{w.openid: {w.tmpl: 4, w.legacy: 1}, other: {w.tmpl: 1}}, int64(1)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record %d: %s", record, diff)
		}
		list, err := w.sb.Messages(w.app.AppID, w.openid)
		if want := map[sandbox.Recording]int{sandbox.RecordAll: 5}[record]; err != nil || len(list) != want {
			t.Errorf("record %d: %d messages, %v", record, len(list), err)
		}
		_ = silent
	}
}

func TestStatsCountCallsAndAnswers(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(1)
	w.send()
	w.send()
	w.send("touser", "stranger")
	w.do("POST", sandbox.PathSend, "{}")
	want := sandbox.Stats{Accepted: 1, Answers: map[int]int64{0: 1, 43101: 1, 40003: 1}, MaxInFlight: 1,
		Calls: map[string]int64{sandbox.PathStableToken: 1, sandbox.PathSend: 3}}
	if diff := cmp.Diff(want, w.stats()); diff != "" {
		t.Error(diff)
	}
	nobody, err := w.sb.Stats("")
	must(t, err)
	if nobody.Answers[41001] != 1 {
		t.Errorf("stats of nobody: %+v", nobody)
	}
	w.sb.Reset()
	if _, err := w.sb.Stats(w.app.AppID); err == nil {
		t.Error("the app survived Reset")
	}
}

func TestManySendersNeverSpendAPermitTwice(t *testing.T) {
	w := newWorld(t, sandbox.Config{Record: sandbox.RecordCounts})
	const users, permits, senders = 50, 3, 8
	openids, err := w.sb.AddUsers(w.app.AppID, users)
	must(t, err)
	must(t, w.sb.SubscribeAll(w.app.AppID, w.tmpl, permits))
	var group sync.WaitGroup
	for s := range senders {
		group.Go(func() {
			for i := range users * permits {
				openid := openids[(i+s*7)%users]
				a, err := roundTrip(w.sb, "POST", w.withToken(sandbox.PathSend), w.message("touser", openid))
				if err != nil || a.Errcode != 0 && a.Errcode != 43101 && a.Errcode != 43108 {
					t.Errorf("answer %s, %v", a.text, err)
				}
			}
		})
	}
	for range 20 { // inspection must not disturb
		_, err := w.sb.CountsByUser(w.app.AppID, w.tmpl)
		must(t, err)
		w.stats()
	}
	group.Wait()
	st := w.stats()
	counts, err := w.sb.CountsByUser(w.app.AppID, w.tmpl)
	must(t, err)
	for openid, n := range counts {
		if u, err := w.sb.User(w.app.AppID, openid); err != nil || n+u.Permits[w.tmpl] != permits || u.InFlight {
			t.Errorf("%s received %d and has %d left, in flight %t, %v", openid, n, u.Permits[w.tmpl], u.InFlight, err)
		}
	}
	if sum := st.Answers[0] + st.Answers[43101] + st.Answers[43108]; sum != users*permits*senders || st.Accepted != st.Answers[0] || st.InFlight != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestTapsFailAsTheClientDoes(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	var ids []string
	for i, tmpl := range []sandbox.Template{{Title: "签到提醒"}, {Title: "a"}, {Title: "b"}, {Title: "c", Type: sandbox.LongTerm}} {
		tmpl.Keys = []string{"thing" + strconv.Itoa(i)}
		id, err := w.sb.AddTemplate(w.app.AppID, tmpl)
		must(t, err)
		ids = append(ids, id)
	}
	must(t, w.sb.BanTemplate(w.app.AppID, ids[2], true))
	answers, err := w.sb.Tap(w.app.AppID, w.openid, []string{w.tmpl, ids[0], ids[2]})
	must(t, err)
	if diff := cmp.Diff(map[string]sandbox.Choice{w.tmpl: sandbox.Accept, ids[0]: sandbox.Filter, ids[2]: sandbox.Ban}, answers); diff != "" {
		t.Error(diff)
	}
	answers, err = w.sb.Tap(w.app.AppID, w.openid, []string{w.tmpl, ids[1]}, w.tmpl)
	must(t, err)
	if diff := cmp.Diff(map[string]sandbox.Choice{w.tmpl: sandbox.Reject, ids[1]: sandbox.Accept}, answers); diff != "" {
		t.Error(diff)
	}
	if w.permits() != 1 {
		t.Errorf("%d permits", w.permits())
	}
	tap := func(code int, ids ...string) {
		t.Helper()
		_, err := w.sb.Tap(w.app.AppID, w.openid, ids)
		if fail := new(sandbox.TapError); !errors.As(err, &fail) || fail.Code != code {
			t.Errorf("error %v, want %d", err, code)
		}
	}
	tap(10001)
	tap(20001, "x")
	tap(20001, w.legacy)
	tap(20002, w.tmpl, ids[3])
	tap(20003, w.tmpl, ids[0], ids[1], ids[2])
	must(t, w.sb.SetMainSwitch(w.app.AppID, w.openid, false))
	tap(20004, w.tmpl)
	flag(sandbox.Flags{SubscribeBanned: true})(w)
	tap(20005, w.tmpl)
}

func TestAStackOfPermitsCanBeCapped(t *testing.T) {
	w := newWorld(t, sandbox.Config{MaxStack: 3})
	w.subscribe(2)
	w.subscribe(2)
	if w.permits() != 3 {
		t.Errorf("%d permits", w.permits())
	}
}

func ExampleSandbox() {
	sb, err := sandbox.New(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	app, err := sb.AddApp(sandbox.App{AppID: "wx0123456789abcdef"})
	if err != nil {
		panic(err)
	}
	tmpl, err := sb.AddTemplate(app.AppID, sandbox.Template{Title: "签到提醒", Content: "活动:{{thing1.DATA}}"})
	if err != nil {
		panic(err)
	}
	openid, err := sb.AddUser(app.AppID, "")
	if err != nil {
		panic(err)
	}
	answers, err := sb.Tap(app.AppID, openid, []string{tmpl})
	fmt.Println(answers[tmpl], err)
	user, err := sb.User(app.AppID, openid)
	fmt.Println(user.Permits[tmpl], err)
	// Output:
	// accept <nil>
	// 1 <nil>
}
