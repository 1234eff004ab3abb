package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// totals adds up all uses of permits.
func (w *world) totals() minapush.Counts {
	w.t.Helper()
	app, err := w.sys.accounts.App(w.t.Context(), testApp)
	must(w.t, err)
	sum, err := w.sys.bank.Totals(w.t.Context(), app)
	must(w.t, err)
	return sum
}

// repeatEvents forwards what the simulator sent once more, as a team does that logged it.
func (w *world) repeatEvents() {
	w.t.Helper()
	sent, err := w.sandbox.PushAttempts(testApp)
	must(w.t, err)
	var n api.NewEvents
	for _, one := range sent {
		n.Events = append(n.Events, json.RawMessage(one.Message))
		if len(n.Events) == api.MaxEvents {
			w.forward(n)
			n.Events = nil
		}
	}
	if len(n.Events) > 0 {
		w.forward(n)
	}
}

func (w *world) forward(n api.NewEvents) {
	w.t.Helper()
	got, err := w.client.ForwardEvents(w.t.Context(), testApp, n)
	must(w.t, err)
	for _, e := range got.Events {
		if e.Problem != nil {
			w.t.Errorf("a forwarded event: %+v", e)
		}
		for _, it := range e.Items {
			if it.Result != "duplicate" && it.Result != "voided" && it.Result != "rejected" {
				w.t.Errorf("%s told again: %s", e.Event, it.Result)
			}
		}
	}
}

func TestAPunishmentStopsTheAppAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := eventWorld(t, settings{store: "pebble:" + t.TempDir()}, atOnce())
	user := w.users(1)[0]
	w.subscribe(user, 2)
	must(t, w.sandbox.Punish(testApp, sandbox.Punishment{Type: sandbox.PunishWarning}))
	w.told()
	if app, err := w.client.App(t.Context(), testApp); err != nil || app.Stopped {
		t.Errorf("a warning stopped it: %+v, %v", app, err)
	}
	must(t, w.sandbox.Punish(testApp, sandbox.Punishment{Type: sandbox.PunishFunctions, Reason: "存在诱导分享行为"}))
	w.told()
	app, err := w.client.App(t.Context(), testApp)
	must(t, err)
	if !app.Stopped || app.StoppedWhy.Code != "punished" || app.StoppedWhy.Params["illegal_reason"] != "存在诱导分享行为" {
		t.Errorf("got %+v %+v", app, app.StoppedWhy)
	}
	if _, err := w.client.Push(t.Context(), testApp, api.NewPush{OpenID: user, Message: oneTimeMessage("pages/p")}, ""); err == nil {
		t.Error("it still sends")
	}
	if n := w.stats().Accepted; n != 0 {
		t.Errorf("%d were sent", n)
	}
	status, stdout, _ := w.minapush("apps", "list")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, "WeChat punished the mini program: functions are banned, 存在诱导分享行为")
	status, stdout, _ = command(t, map[string]string{"MINAPUSH_SERVER": w.url, "MINAPUSH_KEY": w.adminKey(), "MINAPUSH_LANG": "zh"}, "apps", "list")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	wantAll(t, stdout, "小程序受到微信处罚: 功能封禁, 存在诱导分享行为")
}

func TestAUserWhoClosedTheAccountIsForgotten(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		users := w.users(2)
		for _, user := range users {
			w.subscribe(user, 1)
		}
		_, err := w.client.SetProfile(t.Context(), testApp, users[0], api.NewProfile{UID: "10086"})
		must(t, err)
		must(t, w.sandbox.CancelAuthorization(testApp, users[0]))
		w.told()
		for _, name := range []string{users[0], "uid:10086"} {
			if _, err := w.client.User(t.Context(), testApp, name); err == nil {
				t.Errorf("%s is still known", name)
			}
		}
		w.user(users[1])
		w.checkAfterErasure()
	})
}

func TestEventsAreSetUpOnTheCommandLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	t.Cleanup(func() { _ = w.sandbox.Close() })
	ok := func(want []string, args ...string) {
		t.Helper()
		status, stdout, stderr := w.minapush(append([]string{"apps", "events", testApp}, args...)...)
		if status != 0 {
			t.Fatalf("%v: status %d: %s", args, status, stderr)
		}
		wantAll(t, stdout, want...)
	}
	ok([]string{"WeChat's events are not taken"})
	ok([]string{"https://push.example.com/v1/apps/" + testApp + "/wechat", "security", "set"},
		"--token-file", file(t, "token", testEventToken+"\n"), "--aes-key-file", file(t, "key", testEventKey), "--public-url", "https://push.example.com")
	ok([]string{"https://shop.example.com/wx (all)"}, "--pass-on", "https://shop.example.com/wx?k=1", "--pass-on-all")
	ok([]string{"https://YOUR-DOMAIN/v1/apps/", "events only", "https://shop.example.com/wx"}, "--events-only", "--mode", "compatible")
	ok([]string{"reports and events, once", "compatible"}, "--events-only=false", "--pass-on", "")
	_, err := w.sandbox.SetPush(t.Context(), testApp, sandbox.Push{
		URL: w.public + "/v1/apps/" + testApp + "/wechat", Token: testEventToken, AESKey: testEventKey, Mode: sandbox.PushCompatible,
	})
	must(t, err)
	w.knobs(atOnce())
	w.tap(w.users(1)[0])
	must(t, w.sandbox.Punish(testApp, sandbox.Punishment{Type: sandbox.PunishWarning}))
	w.told()
	ok([]string{"popup answered", "permit taken in", "warning noted", "1 events are kept"})
	ok([]string{"punishment", "wxa_punish_event"}, "--odd")
	ok([]string{"WeChat's events are not taken"}, "--off")
	for _, args := range [][]string{{"--off", "--mode", "plain"}, {"--odd", "--off"}, {"--mode", "aes", "--token-file", file(t, "t2", "abc")}} {
		if status, _, _ := w.minapush(append([]string{"apps", "events", testApp}, args...)...); status == 0 {
			t.Errorf("%v: status 0", args)
		}
	}
	if got := w.now().Sub(w.sandbox.Now()); got > time.Minute {
		t.Errorf("clocks differ by %v", got)
	}
}
