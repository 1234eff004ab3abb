package sandbox_test

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func TestThreeTapsAllowThreeMessages(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for range 3 {
		answers, err := w.sb.Tap(w.app.AppID, w.openid, []string{w.tmpl})
		must(t, err)
		if answers[w.tmpl] != sandbox.Accept {
			t.Fatalf("tap answers %v", answers)
		}
	}
	must(t, w.sb.Advance(365*24*time.Hour)) // they do not expire
	w.token = w.stable(false)
	for range 3 {
		a := w.send()
		id, err := strconv.ParseInt(a.MsgID.String(), 10, 64)
		if a.Errcode != 0 || err != nil || id < 1<<53 || len(a.MsgID) != 19 {
			t.Fatalf("answer %s", a.text)
		}
	}
	a := w.send()
	w.wantCode(a, 43101)
	if !regexp.MustCompile(`^user refuse to accept the msg rid: [0-9a-f]{8}(-[0-9a-f]{8}){2}$`).MatchString(a.Errmsg) {
		t.Errorf("errmsg %q", a.Errmsg)
	}
	if w.permits() != 0 {
		t.Errorf("%d permits left", w.permits())
	}
}

func TestALongTermPermitIsNotUsedUp(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	id, err := w.sb.AddTemplate(w.app.AppID, sandbox.Template{Type: sandbox.LongTerm, Keys: []string{"thing1"}})
	must(t, err)
	w.wantCode(w.send("template_id", id), 43101)
	must(t, w.sb.Subscribe(w.app.AppID, w.openid, id, 1))
	for range 5 {
		w.wantCode(w.send("template_id", id), 0)
	}
	must(t, w.sb.Revoke(w.app.AppID, w.openid, id))
	w.wantCode(w.send("template_id", id), 43101)
}

func TestRevokedPermitsDoNotComeBack(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(2)
	must(t, w.sb.Revoke(w.app.AppID, w.openid, w.tmpl))
	w.wantCode(w.send(), 43101)
	must(t, w.sb.SetChoice(w.app.AppID, w.openid, w.tmpl, sandbox.Accept))
	w.wantCode(w.send(), 43101)
	w.subscribe(1)
	must(t, w.sb.SetMainSwitch(w.app.AppID, w.openid, false))
	w.wantCode(w.send(), 43101)
	must(t, w.sb.SetMainSwitch(w.app.AppID, w.openid, true))
	w.wantCode(w.send(), 0)
}

func TestSubscribeSendRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		fields []any
		code   int
		text   string
	}{
		"a stranger":                {fields: []any{"touser", "oStranger"}, code: 40003},
		"no recipient":              {fields: []any{"touser", ""}, code: 40003},
		"an unknown template":       {fields: []any{"template_id", "x"}, code: 40037},
		"a page outside the build":  {change: pages("pages/index/index"), fields: []any{"page", "pages/other?x=1"}, code: 41030, text: "invalid page"},
		"data that is a string":     {fields: []any{"data", `{"thing1":{"value":"x"}}`}, code: 47003},
		"data that is missing":      {fields: []any{"data", nil}, code: 47003},
		"a missing key":             {fields: []any{"data", values("thing1", "x")}, code: 47003, text: "argument invalid! data.date2.value is empty"},
		"an empty value":            {fields: []any{"data", values("thing1", " ", "date2", "2026-07-01")}, code: 47003, text: "argument invalid! data.thing1.value is empty"},
		"a bad value":               {fields: []any{"data", values("thing1", "x", "date2", "soon")}, code: 47003, text: "argument invalid! data.date2.value invalid"},
		"a value that is a number":  {fields: []any{"data", map[string]any{"thing1": map[string]any{"value": 1}, "date2": map[string]any{"value": "2026-07-01"}}}, code: 47003, text: "argument invalid! data.thing1.value invalid"},
		"a sensitive word":          {fields: []any{"data", values("thing1", "敏感的", "date2", "2026-07-01")}, code: 45168},
		"a wrong type of field":     {fields: []any{"touser", 7}, code: 47001},
		"an unauthorized account":   {change: flag(sandbox.Flags{Unauthorized: true}), code: 48001},
		"a punished account":        {change: flag(sandbox.Flags{Forbidden: true}), code: 48004},
		"a limited account":         {change: flag(sandbox.Flags{UserLimited: true}), code: 50002},
		"a banned capability":       {change: flag(sandbox.Flags{SubscribeBanned: true}), code: 43107},
		"a banned template":         {change: func(w *world) { must(t, w.sb.BanTemplate(w.app.AppID, w.tmpl, true)) }, code: 43107},
		"a spent daily limit":       {change: func(w *world) { w.limit(1, 0); w.send("page", "first") }, code: 45009},
		"a spent minute limit":      {change: func(w *world) { w.limit(0, 1); w.send("page", "first") }, code: 45011},
		"an expired token":          {change: func(w *world) { must(t, w.sb.Advance(2*time.Hour)) }, code: 42001},
		"a token that was replaced": {change: func(w *world) { w.stable(true) }, code: 40001, text: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"},
		"a made-up token":           {change: func(w *world) { w.token = "x" }, code: 40014},
		"a missing token":           {change: func(w *world) { w.token = "" }, code: 41001},
		"no user without permit":    {change: func(w *world) { must(t, w.sb.Revoke(w.app.AppID, w.openid, w.tmpl)) }, code: 43101},
		"nothing good":              {code: 0},
		"no page of the build":      {change: pages("pages/index/index"), fields: []any{"page", "/pages/index/index?x=1#y"}, code: 0},
		"no extra key":              {fields: []any{"data", values("thing1", "x", "date2", "2026-07-01", "thing9", "")}, code: 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{SensitiveWords: []string{"敏感"}})
			w.subscribe(5)
			if c.change != nil {
				c.change(w)
			}
			before := w.permits()
			a := w.send(c.fields...)
			w.wantCode(a, c.code)
			if c.text != "" && !regexp.MustCompile(`^`+regexp.QuoteMeta(c.text)+` rid: [0-9a-f-]{26}$`).MatchString(a.Errmsg) {
				t.Errorf("errmsg %q", a.Errmsg)
			}
			spent := before - w.permits()
			if want := map[bool]int{true: 1, false: 0}[c.code == 0]; spent != want {
				t.Errorf("%d permits spent, want %d", spent, want)
			}
		})
	}
}

func pages(list ...string) func(w *world) {
	return func(w *world) { must(w.t, w.sb.SetPages(w.app.AppID, list)) }
}

func (w *world) limit(perDay, perMinute int64) {
	w.t.Helper()
	must(w.t, w.sb.SetQuota(w.app.AppID, sandbox.PathSend, perDay, perMinute))
}

func TestSendsRefuseMethodsAndBrokenJSON(t *testing.T) {
	w := newWorld(t, sandbox.Config{RefuseExtraKeys: true})
	w.subscribe(1)
	for _, path := range []string{sandbox.PathSend, sandbox.PathLegacySend} {
		w.wantCode(w.do("GET", w.withToken(path), ""), 43002)
		w.wantCode(w.do("POST", w.withToken(path), ""), 47001)
		w.wantCode(w.do("POST", w.withToken(path), "{"), 47001)
		w.wantCode(w.do("POST", w.withToken(path), "[]"), 47001)
		w.wantCode(w.do("POST", w.withToken(path), "{}"), 40003)
	}
	a := w.send("data", values("thing1", "x", "date2", "2026-07-01", "thing9", "x"))
	w.wantCode(a, 47003)
	w.wantCode(w.do("GET", "/cgi-bin/nothing", ""), 40066)
}

func TestUsersAndTemplatesOfAnotherAppAreUnknown(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(1)
	other := newWorldIn(t, w.sb)
	w.wantCode(w.send("touser", other.openid), 40003)
	w.wantCode(w.send("template_id", other.tmpl), 40037)
	w.wantCode(w.send("template_id", w.legacy), 40037)
	if st, err := w.sb.Stats(""); err != nil || st.Accepted != 0 {
		t.Errorf("stats of nobody: %+v, %v", st, err)
	}
}

// newWorldIn is a second app in the same sandbox.
func newWorldIn(t *testing.T, sb *sandbox.Sandbox) *world {
	w := &world{t: t, sb: sb}
	var err error
	w.app, err = sb.AddApp(sandbox.App{})
	must(t, err)
	w.tmpl, err = sb.AddTemplate(w.app.AppID, sandbox.Template{Keys: []string{"thing1", "date2"}})
	must(t, err)
	w.openid, err = sb.AddUser(w.app.AppID, "")
	must(t, err)
	w.token = w.stable(false)
	return w
}

func TestTheOrderOfChecksIsATable(t *testing.T) {
	first := func(c sandbox.Check) []sandbox.Check {
		order := []sandbox.Check{c}
		for _, other := range sandbox.DefaultOrder() {
			if other != c {
				order = append(order, other)
			}
		}
		return order
	}
	for check, code := range map[sandbox.Check]int{
		sandbox.CheckToken: 42001, sandbox.CheckAccount: 48004, sandbox.CheckQuota: 45009, sandbox.CheckUser: 0, sandbox.CheckTemplate: 43107,
		sandbox.CheckPage: 41030, sandbox.CheckData: 47003, sandbox.CheckSensitive: 45168, sandbox.CheckPermit: 43101, sandbox.CheckFault: -1,
	} {
		t.Run(check.String(), func(t *testing.T) {
			w := newWorld(t, sandbox.Config{Order: first(check), SensitiveWords: []string{"敏感"}})
			flag(sandbox.Flags{Forbidden: true})(w)
			pages("pages/index/index")(w)
			w.limit(1, 0)
			must(t, w.sb.BanTemplate(w.app.AppID, w.tmpl, true))
			_, err := w.sb.Script(sandbox.Fault{Late: true, Errcode: -1})
			must(t, err)
			fields := []any{"page", "nowhere", "data", values("thing1", "敏感", "date2", "soon")}
			if check == sandbox.CheckQuota {
				w.send(fields...)
			}
			must(t, w.sb.Advance(2*time.Hour))
			if code == 0 {
				code = 42001 // the user exists, so the next check in line decides
			}
			w.wantCode(w.send(fields...), code)
		})
	}
}

func TestAShuffledOrderAcceptsAndRefusesTheSameMessages(t *testing.T) {
	for seed := range uint64(50) {
		order := sandbox.DefaultOrder()
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		w := newWorld(t, sandbox.Config{Order: order})
		w.subscribe(2)
		for _, bad := range [][]any{{"touser", "x"}, {"template_id", "x"}, {"data", nil}, {"touser", 3}} {
			if a := w.send(bad...); a.Errcode == 0 {
				t.Errorf("seed %d, order %v: %v was accepted", seed, order, bad)
			}
		}
		good := w.token
		for _, w.token = range []string{"", "x"} {
			if a := w.send(); a.Errcode != 41001 && a.Errcode != 40014 {
				t.Errorf("seed %d, order %v: token %q answers %d", seed, order, w.token, a.Errcode)
			}
		}
		w.token = good
		w.wantCode(w.send(), 0)
		if w.permits() != 1 {
			t.Errorf("seed %d, order %v: %d permits left of 2", seed, order, w.permits())
		}
	}
}

func TestConfigNamesTheKnobThatIsWrong(t *testing.T) {
	for want, cfg := range map[string]sandbox.Config{
		"Order":           {Order: sandbox.DefaultOrder()[1:]},
		"Latency":         {Latency: sandbox.Latency{Median: time.Second, P99: time.Millisecond}},
		"Legacy":          {Legacy: 7},
		"Record":          {Record: 7},
		"TokenLife":       {TokenLife: -1},
		"Push: SentLeast": {Push: sandbox.PushKnobs{SentLeast: time.Minute}},
		"Push: Lose":      {Push: sandbox.PushKnobs{Lose: 1.5}},
		"Push: Numbers":   {Push: sandbox.PushKnobs{Numbers: sandbox.ShapeArray}},
	} {
		if _, err := sandbox.New(cfg); err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, c := range sandbox.DefaultOrder() {
		if back, err := sandbox.ParseCheck(c.String()); err != nil || back != c {
			t.Errorf("%s: %v, %v", c, back, err)
		}
	}
	if _, err := sandbox.ParseCheck("nonsense"); err == nil {
		t.Error("nonsense is a check")
	}
}
