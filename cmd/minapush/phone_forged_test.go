package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minapush/minapush/api"
)

// Whoever lies about who they are, tells the same twice, or tells too much, is refused and counted, and other users keep what they have.
func TestForgedAndFloodingReportsTouchNobodyElse(t *testing.T) {
	t.Parallel()
	w := newShopWorld(t)
	ming, hong := w.phone("xiaoming"), w.phone("hong")
	item := func(n int) string {
		return fmt.Sprintf(`"items":[{"type":"form","form_id":"%032x","nonce":"n%d"}]`, n, n)
	}
	hong.ask("POST", "/push-reports", "{"+item(1)+"}", 200)
	before := w.user(hong.openid)

	const other = "wxother123456789ab"
	_, err := w.client.CreateApp(t.Context(), api.NewApp{AppID: other, Secret: testSecret, BaseURL: w.wechat, Guards: noGuards()})
	must(t, err)
	session := w.sessionToken(w.app, ming.openid)
	key, err := w.client.CreateKey(t.Context(), api.NewKey{Name: "other", AppID: other, Scopes: []string{"report"}})
	must(t, err)
	for name, c := range map[string]struct {
		credential, body, header string
		status                   int
	}{
		"a body that names somebody else":           {session, `{"openid":"` + hong.openid + `",` + item(2) + `}`, "", 403},
		"the recipe's body that names somebody":     {session, `{"openId":"` + hong.openid + `","formIds":"[]"}`, "", 403},
		"a header that names somebody else":         {session, `{` + item(2) + `}`, hong.openid, 403},
		"the same user's session of another app":    {w.sessionToken(other, ming.openid), `{` + item(2) + `}`, "", 401},
		"a session that was changed":                {session[:len(session)-4] + "AAAA", `{` + item(2) + `}`, "", 401},
		"another app's relay":                       {key.Secret, `{"openid":"` + hong.openid + `",` + item(2) + `}`, "", 403},
		"no credential":                             {"", `{"openid":"` + hong.openid + `",` + item(2) + `}`, "", 401},
		"another app's relay by the other's header": {key.Secret, `{` + item(2) + `}`, hong.openid, 403},
	} {
		base := w.url // relays
		if strings.Count(c.credential, ".") == 2 {
			base = w.public // phones
		}
		if status := w.claim(base, c.credential, c.body, c.header); status != c.status {
			t.Errorf("%s: answered %d, want %d", name, status, c.status)
		}
	}

	// A nonce that comes again is the same tap, by whatever way it comes.
	tap := `{"items":[{"type":"subscribe","template":"` + oneTimeT + `","result":"accept","nonce":"tap"}]}`
	ming.ask("POST", "/push-reports", tap, 200)
	for range 3 {
		if got := ming.ask("POST", "/push-reports", tap, 200); got["duplicate"] != 1.0 || got["accepted"] != 0.0 {
			t.Errorf("a replay: %v", got)
		}
		if status := w.claim(w.public, session, tap, ""); status != 200 {
			t.Errorf("a replay by session: %d", status)
		}
	}
	if n := w.user(ming.openid).Counts.Deposited; n != 1 {
		t.Errorf("one tap, told eight times, is %d permits", n)
	}

	floods := 10_000
	if testing.Short() {
		floods = 2_000
	}
	var taken, turnedAway, next atomic.Int64
	var flood sync.WaitGroup
	for range 16 {
		flood.Go(func() {
			for n := next.Add(1); n <= int64(floods); n = next.Add(1) {
				switch status := w.claim(w.public, session, `{`+item(int(n)+100)+`}`, ""); status {
				case 200:
					taken.Add(1)
				case 429:
					turnedAway.Add(1)
				default:
					t.Errorf("a report of the flood was answered %d", status)
				}
			}
		})
	}
	flood.Wait()
	t.Logf("of %d reports %d were taken and %d turned away", floods, taken.Load(), turnedAway.Load())
	if taken.Load()+turnedAway.Load() != int64(floods) || turnedAway.Load() == 0 {
		t.Errorf("of %d reports %d were taken and %d turned away", floods, taken.Load(), turnedAway.Load())
	}
	u := w.user(ming.openid)
	if u.Counts.Deposited > taken.Load()+1 || balance(u, "form") > 200 {
		t.Errorf("the flood left %+v", u.Counts)
	}
	for status, want := range map[int]int64{401: 3, 403: 5, 429: turnedAway.Load()} {
		if n := w.refused(status); n != want {
			t.Errorf("%d answers of %d were counted, want %d", n, status, want)
		}
	}
	if after := w.user(hong.openid); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("another user had %+v and has %+v", before, after)
	}
	hong.ask("POST", "/push-reports", "{"+item(3)+"}", 200) // and is served as ever
	if n := balance(w.user(hong.openid), "form"); n != 2 {
		t.Errorf("another user has %d permits, want 2", n)
	}
	w.check()
}

func (w *world) sessionToken(app, openid string) string {
	w.t.Helper()
	got, err := w.client.SessionToken(w.t.Context(), app, openid)
	must(w.t, err)
	return got.SessionToken
}

// claim posts a report and returns the status.
func (w *world) claim(base, credential, body, openid string) int {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, base+"/v1/apps/"+w.app+"/reports", strings.NewReader(body))
	if err != nil {
		return 0
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	if openid != "" {
		req.Header.Set(api.OpenIDHeader, openid)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	return answer.StatusCode
}

// refused reads how many reports were answered so from the server's metrics.
func (w *world) refused(status int) (n int64) {
	w.t.Helper()
	answer, err := http.Get(w.url + "/metrics")
	must(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(w.t, err)
	line := regexp.MustCompile(`minapush_server_requests_total\{route="[^"]*/reports",status="` + strconv.Itoa(status) + `"\} (\d+)`)
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		one, err := strconv.ParseInt(m[1], 10, 64)
		must(w.t, err)
		n += one
	}
	return n
}
