package sandbox_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func TestAURLIsVerifiedBeforeItIsSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	t.Cleanup(func() { must(t, w.sb.Close()) })
	good := newReceiver(t, w.app.AppID, sandbox.PushPlain)
	set := func(url string, status int, more ...any) map[string]any {
		t.Helper()
		return control(t, w.sb, "PUT", "push", object(append([]any{"appid", w.app.AppID, "url", url, "token", pushToken}, more...)...), status)
	}
	if first := set(good.URL+"?mine=1", 200); good.verified != 1 || first["mode"] != "plain" || first["format"] != "json" || !strings.HasPrefix(first["to_user_name"].(string), "gh_") {
		t.Errorf("verified %d times, setting %v", good.verified, first)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"quoted":   func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", r.URL.Query().Get("echostr")) },
		"newline":  func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Query().Get("echostr")) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"forbid":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, good.URL, http.StatusFound) },
		"no":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(answer)
		problem := set(server.URL, 422)["error"].(map[string]any)
		if problem["field"] != "url" {
			t.Errorf("%s: %v", name, problem)
		}
		if p, err := w.sb.Push(w.app.AppID); err != nil || p.URL != good.URL+"?mine=1" {
			t.Errorf("%s: the setting has become %v, %v", name, p, err)
		}
		if name == "forbid" {
			set(server.URL, 200, "skip_verification", true)
			set(good.URL+"?mine=1", 200)
		}
		server.Close()
	}
	control(t, w.sb, "DELETE", "push?appid="+w.app.AppID, "", 200)
	if got := control(t, w.sb, "GET", "push?appid="+w.app.AppID, "", 200); got["url"] != "" {
		t.Errorf("after DELETE: %v", got)
	}
}

func TestABadPushSettingIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	good := sandbox.Push{URL: "http://localhost/x", Token: "abc", AESKey: pushKey, Mode: sandbox.PushSecurity, Format: sandbox.PushXML}
	for field, spoil := range map[string]func(*sandbox.Push){
		"url":     func(p *sandbox.Push) { p.URL = "localhost:80" },
		"token":   func(p *sandbox.Push) { p.Token = "a-c" },
		"aes_key": func(p *sandbox.Push) { p.AESKey = pushKey[1:] },
		"mode":    func(p *sandbox.Push) { p.Mode = "aes" },
		"format":  func(p *sandbox.Push) { p.Format = "yaml" },
	} {
		p := good
		spoil(&p)
		_, err := w.sb.SetUnverifiedPush(w.app.AppID, p)
		var arg *sandbox.ArgError
		if !errors.As(err, &arg) || arg.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := w.sb.AddApp(sandbox.App{Push: &p}); !errors.As(err, &arg) || arg.Field != "push."+field {
			t.Errorf("in an app, %s: %v", field, err)
		}
	}
	p := good
	p.AESKey = ""
	if _, err := w.sb.SetUnverifiedPush(w.app.AppID, p); err == nil {
		t.Error("security mode without a key is taken")
	}
	app, err := w.sb.AddApp(sandbox.App{AppID: "wx2", Push: &good})
	if err != nil || app.Push == nil || app.Push.ToUserName == "" || *w.sb.Apps()[1].Push != *app.Push {
		t.Errorf("app %+v, %v", app, err)
	}
}

func TestAnEventThatIsNotAnsweredWellIsSentThreeTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    func(n int, w http.ResponseWriter)
		times     int
		delivered bool
	}{
		"error":         {func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, 3, false},
		"another word":  {func(_ int, w http.ResponseWriter) { fmt.Fprint(w, "ok") }, 3, false},
		"broken":        {func(int, http.ResponseWriter) { panic(http.ErrAbortHandler) }, 3, false},
		"empty":         {func(int, http.ResponseWriter) {}, 1, true},
		"second answer": {func(n int, w http.ResponseWriter) { fmt.Fprint(w, []string{"busy", "success"}[n-1]) }, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushXML)
			p.reply(c.answer)
			p.tap([]string{p.tmpl})
			got := p.flush()
			if len(got) != c.times {
				t.Fatalf("sent %d times, want %d", len(got), c.times)
			}
			seen := map[string]bool{}
			for _, one := range got {
				if one.plain != got[0].plain {
					t.Errorf("another message: %s", one.plain)
				}
				for _, part := range []string{"nonce " + one.query.Get("nonce"), "signature " + one.query.Get("msg_signature"), one.body} {
					if seen[part] {
						t.Errorf("used twice: %s", part)
					}
					seen[part] = true
				}
			}
			counts := p.counts(popupEvent)
			want := sandbox.PushCounts{Queued: 1, Attempts: int64(c.times), Retried: int64(c.times - 1), GivenUp: 1}
			if c.delivered {
				want.GivenUp, want.Delivered = 0, 1
			}
			if counts != want {
				t.Errorf("counts %+v, want %+v", counts, want)
			}
			log, err := p.sb.PushAttempts(p.app.AppID)
			must(t, err)
			last := log[len(log)-1]
			if len(log) != c.times || last.Delivered != c.delivered || last.Delivered == (last.Problem != "") || last.Try != c.times || last.Message != got[0].plain || last.OpenID != p.openid {
				t.Errorf("log %+v", log)
			}
		})
	}
}

func TestTheClockOfTheSandboxStampsEveryTry(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	p.reply(func(n int, w http.ResponseWriter) {
		if n == 1 {
			_ = p.sb.Advance(time.Minute)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "success")
	})
	p.tap([]string{p.tmpl})
	got := p.flush()
	for i, want := range []time.Time{epoch, epoch.Add(time.Minute)} {
		if stamp := got[i].query.Get("timestamp"); stamp != fmt.Sprint(want.Unix()) {
			t.Errorf("try %d is of %s", i+1, stamp)
		}
		if n := got[i].notice(t); n.CreateTime != float64(epoch.Unix()) {
			t.Errorf("try %d says %v", i+1, n.CreateTime)
		}
	}
}

// xmlNotice reads any event in XML.
type xmlNotice struct {
	XMLName    xml.Name `xml:"xml"`
	Event      string
	CreateTime int64
	Popup      *xmlItems `xml:"SubscribeMsgPopupEvent"`
	Change     *xmlItems `xml:"SubscribeMsgChangeEvent"`
	Sent       *xmlItems `xml:"SubscribeMsgSentEvent"`
}

type xmlItems struct {
	List []struct {
		TemplateId, SubscribeStatusString, PopupScene, MsgID, ErrorCode, ErrorStatus string
	}
}

func TestEveryModeAndFormatArrives(t *testing.T) {
	t.Parallel()
	for _, mode := range []sandbox.PushMode{sandbox.PushPlain, sandbox.PushCompatible, sandbox.PushSecurity} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			p := newPushing(t, sandbox.Config{PushWorkers: -1}, mode, sandbox.PushXML)
			second := p.template()
			p.tap([]string{p.tmpl, second}, second)
			wantXML(t, p.flush(), func(n xmlNotice) bool {
				return n.Event == popupEvent && n.CreateTime == epoch.Unix() && n.Popup != nil && len(n.Popup.List) == 2 && n.Popup.List[0].TemplateId == p.tmpl &&
					n.Popup.List[1].SubscribeStatusString == "reject" && n.Popup.List[1].PopupScene == "0"
			})
			sent := p.send()
			wantXML(t, p.flush(), func(n xmlNotice) bool {
				return n.Event == sentEvent && n.Sent != nil && len(n.Sent.List) == 1 && n.Sent.List[0].MsgID == sent.MsgID.String() && n.Sent.List[0].ErrorStatus == "success"
			})
			must(t, p.sb.Revoke(p.app.AppID, p.openid, p.tmpl))
			wantXML(t, p.flush(), func(n xmlNotice) bool {
				return n.Event == changeEvent && n.Change != nil && n.Change.List[0].TemplateId == p.tmpl
			})
		})
	}
}

func wantXML(t *testing.T, got []received, right func(xmlNotice) bool) {
	t.Helper()
	if len(got) != 1 || got[0].kind != "text/xml" {
		t.Fatalf("got %v", got)
	}
	var n xmlNotice
	must(t, xml.Unmarshal([]byte(got[0].plain), &n))
	if !right(n) {
		t.Errorf("event %s", got[0].plain)
	}
}

func TestTheShapesOfEventsCanBeChosen(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushPlain, sandbox.PushJSON)
	second := p.template()
	one := func(ids ...string) (list, created, scene string) {
		t.Helper()
		p.tap(ids)
		n := p.flushOne(popupEvent)
		return string(n.List[:1]), fmt.Sprintf("%T", n.CreateTime), fmt.Sprintf("%T", n.items(t)[0]["PopupScene"])
	}
	want := func(what, want string, ids ...string) {
		t.Helper()
		list, created, scene := one(ids...)
		if got := list + " " + created + " " + scene; got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("real, one", "{ float64 string", p.tmpl)
	want("real, two", "[ float64 string", p.tmpl, second)
	p.turn(func(k *sandbox.PushKnobs) { k.Lists, k.Numbers = sandbox.ShapeArray, sandbox.ShapeString })
	want("as the samples", "[ string string", p.tmpl)
	p.turn(func(k *sandbox.PushKnobs) { k.Lists, k.Numbers = sandbox.ShapeMixed, sandbox.ShapeMixed })
	seen := map[string]bool{}
	for range 200 {
		list, created, scene := one(p.tmpl)
		seen[list], seen["created "+created], seen["scene "+scene] = true, true, true
	}
	if len(seen) != 6 {
		t.Errorf("mixed shapes: only %v", seen)
	}
	p.turn(func(k *sandbox.PushKnobs) { k.Wrappers = sandbox.ShapeMixed })
	for range 200 {
		p.tap([]string{p.tmpl})
	}
	keys := map[string]int{}
	for _, got := range p.flush() {
		var m map[string]any
		must(t, json.Unmarshal([]byte(got.plain), &m))
		for _, key := range []string{"List", "SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"} {
			if m[key] != nil {
				keys[key]++
			}
		}
	}
	if len(keys) != 4 || keys["List"] < 50 {
		t.Errorf("mixed wrappers: %v", keys)
	}
}

func TestAValueOfAnyKindSurvivesTheXML(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushXML)
	const reason = "a<b>&]]>中\x01\"'"
	must(t, p.sb.Punish(p.app.AppID, sandbox.Punishment{Type: sandbox.PunishWarning, Reason: reason}))
	var n struct {
		Reason string `xml:"illegal_reason"`
		Detail string `xml:"detail"`
	}
	must(t, xml.Unmarshal([]byte(p.flush()[0].plain), &n))
	if n.Reason != strings.ReplaceAll(reason, "\x01", "\uFFFD") || !json.Valid([]byte(n.Detail)) {
		t.Errorf("read %q and %q", n.Reason, n.Detail)
	}
}

func TestEventsAreDuplicatedLostAndReordered(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{PushWorkers: 1}, sandbox.PushSecurity, sandbox.PushJSON)
	p.turn(func(k *sandbox.PushKnobs) { k.Duplicate = 1 })
	p.tap([]string{p.tmpl})
	got := p.flush()
	if len(got) != 3 || got[1].plain != got[0].plain || got[1].body == got[0].body {
		t.Errorf("duplicates: %v", got)
	}
	if c := p.counts(popupEvent); c != (sandbox.PushCounts{Queued: 1, Attempts: 3, Delivered: 1, Duplicated: 2}) {
		t.Errorf("counts %+v", c)
	}
	p.turn(func(k *sandbox.PushKnobs) { k.Duplicate, k.Lose = 0, 1 })
	p.tap([]string{p.tmpl})
	if got := p.flush(); len(got) != 0 || p.counts(popupEvent).Lost != 1 {
		t.Errorf("lost: %v", got)
	}
	p.turn(func(k *sandbox.PushKnobs) { k.Lose = 0 })
	second := p.template()
	order := func() string {
		t.Helper()
		p.tap([]string{p.tmpl})
		p.tap([]string{second})
		var all []string
		for _, one := range p.flush() {
			all = append(all, one.notice(t).statuses(t))
		}
		return strings.Join(all, ", ")
	}
	if got, want := order(), p.tmpl+" accept, "+second+" accept"; got != want {
		t.Errorf("order %s", got)
	}
	p.turn(func(k *sandbox.PushKnobs) { k.Overtake = 1 })
	if got, want := order(), second+" accept, "+p.tmpl+" accept"; got != want {
		t.Errorf("reordered: %s", got)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{PushQueue: 3, PushLog: 2}, sandbox.PushPlain, sandbox.PushJSON)
	for range 5 {
		p.tap([]string{p.tmpl})
	}
	if c := p.counts(popupEvent); c.Queued != 3 || c.Waiting != 3 || c.Overflowed != 2 {
		t.Errorf("counts %+v", c)
	}
	if got := p.flush(); len(got) != 3 {
		t.Errorf("%d events", len(got))
	}
	for range 9 {
		p.tap([]string{p.tmpl})
		p.flush()
	}
	if log, err := p.sb.PushAttempts(p.app.AppID); err != nil || len(log) != 2 || log[1].ID != 12 {
		t.Errorf("log %+v, %v", log, err)
	}
	log := control(t, p.sb, "GET", "push/log?limit=1&appid="+p.app.AppID, "", 200)["attempts"].([]any)
	if len(log) != 1 || log[0].(map[string]any)["status"] != 200.0 || log[0].(map[string]any)["answer"] != "success" {
		t.Errorf("log over HTTP %v", log)
	}
	stats := control(t, p.sb, "GET", "push/stats?appid="+p.app.AppID, "", 200)["events"].(map[string]any)
	if stats[popupEvent].(map[string]any)["delivered"] != 12.0 {
		t.Errorf("stats over HTTP %v", stats)
	}
}

func TestEventsOfAnAppWithoutURLAreDropped(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushPlain, sandbox.PushJSON)
	p.tap([]string{p.tmpl})
	must(t, p.sb.RemovePush(p.app.AppID))
	p.tap([]string{p.tmpl})
	if got := p.flush(); len(got) != 0 || p.counts(popupEvent) != (sandbox.PushCounts{Queued: 1, Dropped: 1}) {
		t.Errorf("sent %v, counts %+v", got, p.counts(popupEvent))
	}
}

func TestCloseEndsWhatIsUnderWayAndDropsTheRest(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{PushWorkers: 1}, sandbox.PushPlain, sandbox.PushJSON)
	arrived, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	p.reply(func(int, http.ResponseWriter) {
		arrived <- struct{}{}
		<-release
	})
	p.tap([]string{p.tmpl})
	p.tap([]string{p.tmpl})
	flushed := make(chan error, 1)
	go func() { flushed <- p.sb.FlushPush(context.WithoutCancel(t.Context())) }()
	<-arrived
	must(t, p.sb.Close())
	if err := <-flushed; err == nil {
		t.Error("a flush that was cut off reports success")
	}
	p.tap([]string{p.tmpl})
	if c := p.counts(popupEvent); c != (sandbox.PushCounts{Queued: 2, Attempts: 1, Dropped: 3}) {
		t.Errorf("counts %+v", c)
	}
	must(t, p.sb.Close())
	p.wantCode(p.send(), 0)
}

func TestResetForgetsEvents(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushPlain, sandbox.PushJSON)
	p.turn(func(k *sandbox.PushKnobs) { k.Lose = 1 })
	p.tap([]string{p.tmpl})
	p.turn(func(k *sandbox.PushKnobs) { k.Lose = 0 })
	p.tap([]string{p.tmpl})
	p.turn(func(k *sandbox.PushKnobs) { k.Lose = 1 })
	p.sb.Reset()
	if got := p.flush(); len(got) != 0 || p.sb.PushKnobs().Lose != 0 {
		t.Errorf("after a reset: %v, knobs %+v", got, p.sb.PushKnobs())
	}
}

// inMemory is a receiver without sockets, for the clock of a bubble.
type inMemory struct {
	mu    sync.Mutex
	start time.Time
	hang  bool
	at    []time.Duration
}

func (m *inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.at = append(m.at, time.Since(m.start))
	m.mu.Unlock()
	if m.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	rec := httptest.NewRecorder()
	rec.WriteString("success")
	return rec.Result(), nil
}

// tries are the times of what has arrived, from which on it starts anew. Nothing is under way then.
func (m *inMemory) tries() []time.Duration {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at
	m.at, m.start = nil, time.Now()
	return at
}

func TestEventsComeAfterTheirDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &inMemory{start: time.Now()}
		w := newWorld(t, sandbox.Config{PushTransport: m, Now: time.Now})
		_, err := w.sb.SetUnverifiedPush(w.app.AppID, sandbox.Push{URL: "http://shop/x", Token: pushToken})
		must(t, err)
		w.subscribe(100)
		for range 100 {
			w.wantCode(w.send(), 0)
		}
		time.Sleep(200*time.Millisecond - 1)
		if at := m.tries(); len(at) != 0 {
			t.Errorf("after %v", at)
		}
		time.Sleep(2800*time.Millisecond + 1)
		if at := m.tries(); len(at) != 100 || at[50] < 800*time.Millisecond || at[50] > 2200*time.Millisecond {
			t.Errorf("%d events, after %v", len(at), at)
		}
		for range 100 {
			_, err := w.sb.Tap(w.app.AppID, w.openid, []string{w.tmpl})
			must(t, err)
		}
		time.Sleep(time.Second)
		if at := m.tries(); len(at) != 100 || at[0] < 100*time.Millisecond || at[50] < 300*time.Millisecond {
			t.Errorf("%d events, after %v", len(at), at)
		}
		must(t, w.sb.Close())
	})
}

func TestAnAnswerHasFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &inMemory{start: time.Now(), hang: true}
		w := newWorld(t, sandbox.Config{PushTransport: m, Now: time.Now, Push: sandbox.PushKnobs{Most: -1}})
		_, err := w.sb.SetUnverifiedPush(w.app.AppID, sandbox.Push{URL: "http://shop/x", Token: pushToken})
		must(t, err)
		_, err = w.sb.Tap(w.app.AppID, w.openid, []string{w.tmpl})
		must(t, err)
		time.Sleep(time.Minute)
		if got := fmt.Sprint(m.tries()); got != "[0s 6s 12s]" { // five seconds and the pause of one
			t.Errorf("tries after %s", got)
		}
		log, err := w.sb.PushAttempts(w.app.AppID)
		must(t, err)
		if log[2].Problem != "no answer within 5s" || log[2].Status != 0 {
			t.Errorf("log %+v", log[2])
		}
		must(t, w.sb.Close())
	})
}

func TestKnobsAreSetOverTheControlAPI(t *testing.T) {
	t.Parallel()
	sb := newSandbox(t, sandbox.Config{})
	before := control(t, sb, "GET", "push/knobs", "", 200)
	if before["sent_least_ms"] != 200.0 || before["sent_most_ms"] != 3000.0 || before["least_ms"] != 100.0 || before["most_ms"] != 1000.0 ||
		before["wait_ms"] != 5000.0 || before["tries"] != 3.0 || before["omit_silent"] != false || before["lists"] != "real" {
		t.Errorf("defaults %v", before)
	}
	control(t, sb, "PUT", "push/knobs", `{"least_ms":0,"most_ms":0,"duplicate":0.5,"numbers":"mixed","omit_silent":true}`, 200)
	after := control(t, sb, "GET", "push/knobs", "", 200)
	for name, want := range map[string]any{"least_ms": 0.0, "most_ms": 0.0, "duplicate": 0.5, "numbers": "mixed", "omit_silent": true} {
		if after[name] != want {
			t.Errorf("%s is %v", name, after[name])
		}
		before[name] = want
	}
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("others have changed: %v", after)
	}
	for bad, field := range map[string]string{`{"duplicate":2}`: "duplicate", `{"wait_ms":0}`: "wait_ms", `{"tries":0}`: "tries",
		`{"lists":"string"}`: "lists", `{"least_ms":5}`: "least_ms", `{"most_ms":-1}`: "most_ms", `{"more":1}`: "more", `{"lose":"1"}`: "lose"} {
		if problem := control(t, sb, "PUT", "push/knobs", bad, 400)["error"].(map[string]any); problem["field"] != field {
			t.Errorf("%s: %v", bad, problem)
		}
	}
	if got := control(t, sb, "GET", "push/knobs", "", 200); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("a refused change has changed %v", got)
	}
}

func TestRunsWithTheSameSeedSendTheSameEvents(t *testing.T) {
	t.Parallel()
	run := func() string {
		p := newPushing(t, sandbox.Config{Rand: rand.New(rand.NewPCG(7, 8))}, sandbox.PushPlain, sandbox.PushJSON)
		p.turn(func(k *sandbox.PushKnobs) {
			k.Lists, k.Numbers, k.Wrappers = sandbox.ShapeMixed, sandbox.ShapeMixed, sandbox.ShapeMixed
			k.Duplicate, k.Lose, k.Undelivered = 0.3, 0.3, 0.3
		})
		p.subscribe(50)
		var all []string
		for range 50 {
			p.wantCode(p.send(), 0)
			for _, one := range p.flush() {
				all = append(all, one.query.Encode()+" "+one.body)
			}
		}
		return strings.Join(all, "\n")
	}
	if one, other := run(), run(); one != other || len(one) == 0 {
		t.Error("two runs differ")
	}
}

func TestManyEventsGoOutTogether(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{Push: sandbox.PushKnobs{Most: 20 * time.Millisecond, SentMost: 20 * time.Millisecond}}, sandbox.PushSecurity, sandbox.PushJSON)
	const sends, senders = 100, 8
	must(t, p.sb.Subscribe(p.app.AppID, p.openid, p.tmpl, sends*senders))
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			openid, err := p.sb.AddUser(p.app.AppID, "")
			if err != nil {
				t.Error(err)
				return
			}
			w := *p.world
			w.openid = openid
			w.subscribe(sends)
			for range sends {
				w.wantCode(w.send(), 0)
			}
		})
	}
	wg.Wait()
	got := map[string]bool{}
	for _, one := range p.flush() {
		got[one.notice(t).items(t)[0]["MsgID"].(string)] = true
	}
	if c := p.counts(sentEvent); len(got) != sends*senders || c.Delivered != sends*senders || c.Waiting != 0 {
		t.Errorf("%d events, %+v", len(got), c)
	}
}
