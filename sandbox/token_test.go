package sandbox_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func TestAClassicTokenOutlivesItsSuccessorByTheOverlap(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	first := w.classicAnswer()
	if first.ExpiresIn != 7200 || len(first.Token) < 100 || len(first.Token) > 512 || strings.Contains(first.text, "errcode") {
		t.Fatalf("answer %s", first.text)
	}
	must(t, w.sb.Advance(time.Hour))
	second := w.classicAnswer()
	if second.Token == first.Token {
		t.Fatal("the second fetch returned the same token")
	}
	for _, step := range []struct {
		advance       time.Duration
		first, second int
	}{
		{0, 0, 0},
		{299 * time.Second, 0, 0},
		{time.Second, 40001, 0},
		{time.Hour - 300*time.Second, 42001, 0},
		{time.Hour - time.Second, 42001, 0},
		{time.Second, 42001, 42001},
	} {
		must(t, w.sb.Advance(step.advance))
		if got := w.tokenWorks(first.Token); got != step.first {
			t.Errorf("%s later: first token %d, want %d", w.sb.Offset(), got, step.first)
		}
		if got := w.tokenWorks(second.Token); got != step.second {
			t.Errorf("%s later: second token %d, want %d", w.sb.Offset(), got, step.second)
		}
	}
}

func TestAStableTokenIsTheSameUntilItsLastFiveMinutes(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	must(t, w.sb.Advance(6899*time.Second))
	if a := w.stableAnswer(false); a.Token != w.token || a.ExpiresIn != 301 {
		t.Fatalf("answer %s", a.text)
	}
	must(t, w.sb.Advance(101*time.Second)) // 200 s before the end: renewed 100 s ago
	a := w.stableAnswer(false)
	if a.Token == w.token || a.ExpiresIn != 7100 {
		t.Fatalf("answer %s", a.text)
	}
	if b := w.stableAnswer(false); b.Token != a.Token {
		t.Error("a second call in the window renewed again")
	}
	if old := w.tokenWorks(w.token); old != 0 {
		t.Errorf("old token in the window: %d", old)
	}
	must(t, w.sb.Advance(200*time.Second))
	if old := w.tokenWorks(w.token); old != 42001 {
		t.Errorf("old token at its end: %d", old)
	}
	if current := w.tokenWorks(a.Token); current != 0 {
		t.Errorf("new token: %d", current)
	}
}

func TestAForcedRefreshKillsTheTokenAtOnceAndIsLimited(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	forced := w.stable(true)
	if forced == w.token || w.tokenWorks(w.token) != 40001 || w.tokenWorks(forced) != 0 {
		t.Fatal("the old token lives on")
	}
	must(t, w.sb.Advance(29*time.Second))
	if w.stable(true) != forced {
		t.Error("a force after 29 s made a new token")
	}
	must(t, w.sb.Advance(time.Second))
	for i := 2; i <= 20; i++ {
		if next := w.stable(true); next == forced {
			t.Fatalf("force %d kept the token", i)
		} else {
			forced = next
		}
		must(t, w.sb.Advance(30*time.Second))
	}
	w.wantCode(w.stableAnswer(true), 45009)
	if w.stable(false) != forced {
		t.Error("normal mode is refused or renewed")
	}
	must(t, w.sb.ClearQuota(w.app.AppID))
	if w.stable(true) == forced {
		t.Error("clear_quota did not restore forcing")
	}
	must(t, w.sb.Advance(24*time.Hour))
	w.stable(true)
}

func TestClassicAndStableTokensDoNotDisturbEachOther(t *testing.T) {
	w := newWorld(t, sandbox.Config{TokenOverlap: -1})
	classic := w.classicAnswer().Token
	w.stable(true)
	if w.tokenWorks(classic) != 0 {
		t.Error("a forced stable refresh killed the classic token")
	}
	stable := w.stable(false)
	w.classicAnswer()
	if w.tokenWorks(stable) != 0 {
		t.Error("a classic fetch killed the stable token")
	}
	if got := w.tokenWorks(classic); got != 40001 {
		t.Errorf("without overlap the old classic token answers %d", got)
	}
}

func TestTokenEndpointsRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		grant  string
		appid  string
		secret string
		code   int
	}{
		"a wrong grant type":           {grant: "authorization_code", code: 40002},
		"a missing appid":              {appid: "-", code: 41002},
		"an unknown appid":             {appid: "wx0", code: 40013},
		"a missing secret":             {secret: "-", code: 41004},
		"a wrong secret":               {secret: "wrong", code: 40125},
		"a secret that was reset":      {change: func(w *world) { must(t, w.sb.SetSecret(w.app.AppID, "new")) }, code: 40125},
		"a frozen secret":              {change: flag(sandbox.Flags{SecretFrozen: true}), code: 40243},
		"a frozen account":             {change: flag(sandbox.Flags{AccountFrozen: true}), code: 50007},
		"a forbidden token interface":  {change: flag(sandbox.Flags{TokenForbidden: true}), code: 50004},
		"an address not on the list":   {change: func(w *world) { must(t, w.sb.SetIPWhitelist(w.app.AppID, []string{"10.0.0.1"})) }, code: 40164},
		"nothing once the list has it": {change: func(w *world) { must(t, w.sb.SetIPWhitelist(w.app.AppID, []string{"127.0.0.1"})) }, code: 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			if c.change != nil {
				c.change(w)
			}
			or := func(given, usual string) string {
				switch given {
				case "":
					return usual
				case "-":
					return ""
				}
				return given
			}
			grant, appid, secret := or(c.grant, "client_credential"), or(c.appid, w.app.AppID), or(c.secret, w.app.Secret)
			q := url.Values{"grant_type": {grant}, "appid": {appid}, "secret": {secret}}
			classic := w.do("GET", sandbox.PathToken+"?"+q.Encode(), "")
			w.wantCode(classic, c.code)
			stable := w.do("POST", sandbox.PathStableToken, object("grant_type", grant, "appid", appid, "secret", secret))
			w.wantCode(stable, c.code)
			if c.code == 40164 && !strings.Contains(stable.Errmsg, "127.0.0.1") {
				t.Errorf("the text does not show the address: %s", stable.Errmsg)
			}
		})
	}
	w := newWorld(t, sandbox.Config{})
	w.wantCode(w.do("GET", sandbox.PathStableToken, ""), 43002)
	w.wantCode(w.do("POST", sandbox.PathStableToken, "{"), 47001)
	w.wantCode(w.do("POST", sandbox.PathToken, ""), 43001)
}

func flag(f sandbox.Flags) func(w *world) {
	return func(w *world) { must(w.t, w.sb.SetFlags(w.app.AppID, f)) }
}

func TestTokenEndpointsHaveLimits(t *testing.T) {
	w := newWorld(t, sandbox.Config{ClassicTokenPerDay: 2, StableTokenPerMinute: 3, StableTokenPerDay: 5})
	w.wantCode(w.classicAnswer(), 0)
	w.wantCode(w.classicAnswer(), 0)
	w.wantCode(w.classicAnswer(), 45009)
	w.wantCode(w.stableAnswer(false), 0) // newWorld had the first
	w.wantCode(w.stableAnswer(false), 0)
	w.wantCode(w.stableAnswer(false), 45011)
	must(t, w.sb.Advance(time.Minute))
	w.wantCode(w.stableAnswer(false), 0)
	w.wantCode(w.stableAnswer(false), 0)
	w.wantCode(w.stableAnswer(false), 45009)
	must(t, w.sb.Advance(15*time.Hour)) // Beijing midnight
	w.wantCode(w.stableAnswer(false), 0)
	w.wantCode(w.classicAnswer(), 0)
}

func TestOtherEndpointsTellTokenErrorsApart(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.wantCode(w.do("GET", "/cgi-bin/getcallbackip", ""), 41001)
	w.wantCode(w.do("GET", "/cgi-bin/getcallbackip?access_token=nonsense", ""), 40014)
	a := w.do("GET", w.withToken("/cgi-bin/getcallbackip"), "")
	if a.text != `{"ip_list":["127.0.0.1"]}` {
		t.Errorf("answer %s", a.text)
	}
	must(t, w.sb.Advance(2*time.Hour))
	w.wantCode(w.do("GET", w.withToken("/cgi-bin/getcallbackip"), ""), 42001)
}

func TestARogueClientStealsTheClassicToken(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	mine := w.classicAnswer().Token
	must(t, w.sb.StealToken(w.app.AppID))
	must(t, w.sb.Advance(299*time.Second))
	if got := w.tokenWorks(mine); got != 0 {
		t.Errorf("in the overlap: %d", got)
	}
	must(t, w.sb.Advance(time.Second))
	if got := w.tokenWorks(mine); got != 40001 {
		t.Errorf("after the overlap: %d", got)
	}
	must(t, w.sb.SetRogue(w.app.AppID, 10*time.Minute))
	mine = w.classicAnswer().Token
	for _, step := range []struct {
		advance time.Duration
		code    int
	}{{10 * time.Minute, 0}, {299 * time.Second, 0}, {time.Second, 40001}} {
		must(t, w.sb.Advance(step.advance))
		if got := w.tokenWorks(mine); got != step.code {
			t.Errorf("%s later: %d, want %d", w.sb.Offset(), got, step.code)
		}
	}
	must(t, w.sb.SetRogue(w.app.AppID, 0))
	mine = w.classicAnswer().Token
	must(t, w.sb.Advance(time.Hour))
	if got := w.tokenWorks(mine); got != 0 {
		t.Errorf("the rogue was stopped: %d", got)
	}
}
