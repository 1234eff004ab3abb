package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

const (
	testEventToken = "eventToken1"
	// testEventKey ends in a character that has bits which no byte takes.
	testEventKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// patientPush lets the simulator wait for an answer as long as a busy machine may take, where the five seconds are not what is tested.
const patientPush = 2 * time.Minute

// onEachStore runs a test in a world of each store.
func onEachStore(t *testing.T, test func(t *testing.T, in settings)) {
	t.Helper()
	t.Parallel()
	t.Run("pebble", func(t *testing.T) {
		t.Parallel()
		test(t, settings{store: "pebble:" + t.TempDir()})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, settings{store: redisURL(redistest.One(t)), keyFile: filepath.Join(t.TempDir(), "secret.key")})
	})
}

// eventWorld is a world whose simulator pushes its events to the public listener.
func eventWorld(t *testing.T, in settings, knobs sandbox.PushKnobs) *world {
	t.Helper()
	w := newWorldIn(t, sandbox.Config{}, in)
	t.Cleanup(func() { _ = w.sandbox.Close() })
	w.knobs(knobs)
	w.pushEvents(sandbox.PushSecurity, sandbox.PushJSON)
	return w
}

// knobs sets how events arrive; who does not say how long an answer may take is patient.
func (w *world) knobs(k sandbox.PushKnobs) {
	w.t.Helper()
	if k.Wait == 0 {
		k.Wait = patientPush
	}
	must(w.t, w.sandbox.SetPushKnobs(k))
}

// pushEvents sets events up here and there, as an operator does.
func (w *world) pushEvents(mode sandbox.PushMode, format sandbox.PushFormat) {
	w.t.Helper()
	set, err := w.client.PutEventSettings(w.t.Context(), testApp, api.NewEventSettings{Token: testEventToken, EncodingAESKey: testEventKey, Mode: string(mode)})
	must(w.t, err)
	_, err = w.sandbox.SetPush(w.t.Context(), testApp, sandbox.Push{
		URL: w.public + set.Path, Token: testEventToken, AESKey: testEventKey, Mode: mode, Format: format,
	})
	must(w.t, err)
}

// told waits until every event has been sent, and answered well.
func (w *world) told() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	must(w.t, w.sandbox.FlushPush(ctx))
	stats, err := w.sandbox.PushStats(testApp)
	must(w.t, err)
	for name, c := range stats {
		if c.GivenUp+c.Dropped+c.Overflowed > 0 {
			w.t.Errorf("%s: %+v", name, c)
		}
	}
}

// tap lets a user accept the one-time template in the popup.
func (w *world) tap(openid string) time.Time {
	w.t.Helper()
	_, err := w.sandbox.Tap(testApp, openid, []string{oneTimeT})
	must(w.t, err)
	return w.sandbox.Now()
}

// reportTap reports an accept of a while ago, as the SDK does, and returns what became of it.
func (w *world) reportTap(openid, nonce string, at time.Time) string {
	w.t.Helper()
	got, err := w.client.Report(w.t.Context(), testApp, api.Report{OpenID: openid, Items: []api.ReportItem{{
		Type: "subscribe", Template: oneTimeT, Result: "accept", Nonce: nonce, AgeMS: w.now().Sub(at).Milliseconds(),
	}}})
	must(w.t, err)
	return got.Items[0].Status
}

// counts are the one-time permits that a user has, as the simulator counts and as the bank does.
func (w *world) counts(openid string) (wechat, bank int) {
	w.t.Helper()
	state, err := w.sandbox.User(testApp, openid)
	must(w.t, err)
	u, err := w.client.User(w.t.Context(), testApp, openid)
	var e *client.Error
	if asClientError(err, &e) && e.Status == 404 {
		return state.Permits[oneTimeT], 0
	}
	must(w.t, err)
	return state.Permits[oneTimeT], balance(u, minapush.Subscription.String())
}

// agree checks that the bank has what WeChat has.
func (w *world) agree(openids ...string) {
	w.t.Helper()
	for _, o := range openids {
		if theirs, ours := w.counts(o); theirs != ours {
			w.t.Errorf("%s: WeChat counts %d permits, the bank %d", o, theirs, ours)
		}
	}
}

// result is how often the server counted a result of a type of event today.
func (w *world) result(kind, result string) int64 {
	w.t.Helper()
	got, err := w.client.OddEvents(w.t.Context(), testApp, 2)
	must(w.t, err)
	return got.Counts[kind][result]
}
