package sandbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

// arrive sends the user a message that opens a page.
func (d *device) arrive(page string) {
	d.t.Helper()
	must(d.t, d.sb.Subscribe(d.app, d.openid, d.tmpl, 1))
	d.wantCode(d.send("page", page, "miniprogram_state", "trial", "lang", "en_US"), 0)
}

// got asks what was received, with these parameters.
func (d *device) got(q string) (pages []string, next float64) {
	d.t.Helper()
	answer := askJSON(d.t, d.client, "GET", d.url+"/phone/api/messages?"+q, "", 200)
	for _, m := range answer["messages"].([]any) {
		pages = append(pages, m.(map[string]any)["page"].(string))
	}
	return pages, answer["next"].(float64)
}

func (d *device) wantPages(q, want string) (next float64) {
	d.t.Helper()
	pages, next := d.got(q)
	if got := strings.Join(pages, " "); got != want {
		d.t.Errorf("%s: got %q, want %q", q, got, want)
	}
	return next
}

func TestACardHasWhatThePageNeeds(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	d.arrive("/pages/goods/goods?id=7&name=%E7%AD%BE&id=8&flag&=x")
	got := messagesOf(d)[0].(map[string]any)
	for name, want := range map[string]any{
		"id": 1.0, "app": d.app, "openid": d.openid, "user": "xiaoming", "template_id": d.tmpl, "title": "签到提醒", "kind": "one_time",
		"time": "2026-07-01T01:00:00Z", "read": false, "page": "/pages/goods/goods?id=7&name=%E7%AD%BE&id=8&flag&=x", "path": "pages/goods/goods",
		"miniprogram_state": "trial", "lang": "en_US", "form_id": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if id := got["msgid"].(string); len(id) != 19 {
		t.Errorf("msgid %s", id)
	}
	for name, want := range map[string]string{
		"query":  `{"flag":"","id":"8","name":"%E7%AD%BE"}`,
		"values": `[{"key":"thing1","label":"thing1","value":"每日签到"},{"key":"date2","label":"date2","value":"2026-07-01"}]`,
	} {
		if b, err := json.Marshal(got[name]); err != nil || string(b) != want {
			t.Errorf("%s is %s, want %s", name, b, want)
		}
	}
	if raw := got["raw"].(map[string]any); raw["touser"] != d.openid || raw["data"] == nil {
		t.Errorf("raw %v", raw)
	}
	form := d.call("POST", "form-id", "", 200)["form_id"].(string)
	d.wantCode(d.sendLegacy(form, "data", values("keyword2", "only")), 0)
	got = messagesOf(d)[1].(map[string]any)
	if got["form_id"] != form || got["kind"] != "legacy" || got["path"] != "" || len(got["values"].([]any)) != 1 {
		t.Errorf("legacy: %v", got)
	}
}

func TestMessagesAreMarkedRead(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	for _, page := range []string{"a", "b", "c"} {
		d.arrive(page)
	}
	if got := d.call("GET", "chat", "", 200); got["unread"] != 3.0 {
		t.Errorf("unread %v", got["unread"])
	}
	if got := d.call("POST", "read", `{"through":2}`, 200); got["unread"] != 1.0 {
		t.Errorf("unread %v", got["unread"])
	}
	read := []any{}
	for _, m := range messagesOf(d) {
		read = append(read, m.(map[string]any)["read"])
	}
	if fmt.Sprint(read) != "[true true false]" {
		t.Errorf("read %v", read)
	}
}

func TestATestCanAskWhatAUserGot(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	ming.arrive("m1")
	hong.arrive("h1")
	ming.arrive("m2")
	hong.wantCode(hong.sendLegacy(hong.call("POST", "form-id", "", 200)["form_id"].(string), "page", "h2"), 0)
	mings, hongs := "app="+ming.app+"&user=xiaoming", "app="+hong.app+"&user="+hong.openid
	for q, want := range map[string]string{
		"":                                      "m1 h1 m2 h2",
		"app=" + ming.app:                       "m1 h1 m2 h2",
		mings:                                   "m1 m2",
		hongs:                                   "h1 h2",
		hongs + "&template=" + w.legacy:         "h2",
		"template=" + w.tmpl:                    "m1 h1 m2",
		"q=H1":                                  "h1",
		"q=" + url.QueryEscape("每日"):            "m1 h1 m2",
		"q=" + url.QueryEscape("购买"):            "h2",
		"q=nothing":                             "",
		"since=2":                               "m2 h2",
		"since=1&limit=2":                       "h1 m2",
		"limit=2":                               "m2 h2",
		mings + "&since=1":                      "m2",
		mings + "&since=3":                      "",
		"app=" + ming.app + "&user=" + w.openid: "",
	} {
		ming.wantPages(q, want)
	}
	if next := ming.wantPages("since=0&limit=1", "m1"); next != 1 {
		t.Errorf("next is %v, want 1", next)
	}
	if next := ming.wantPages(mings+"&since=0", "m1 m2"); next != 4 {
		t.Errorf("next is %v, want 4: all that came was looked at", next)
	}
}

func TestMessagesCanBeDeleted(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	ming.arrive("m1")
	hong.arrive("h1")
	hong.arrive("h2")
	if got := hong.call("DELETE", "messages?q=h1", "", 200); got["deleted"] != 1.0 {
		t.Errorf("deleted %v", got)
	}
	ming.wantPages("", "m1 h2")
	hong.wantPages("app="+hong.app+"&user=hong", "h2")
	if got := hong.call("DELETE", "messages", "", 200); got["deleted"] != 1.0 {
		t.Errorf("deleted %v", got)
	}
	ming.wantPages("", "m1")
	if got := askJSON(t, ming.client, "DELETE", ming.url+"/phone/api/messages", "", 200); got["deleted"] != 1.0 {
		t.Errorf("deleted %v", got)
	}
	ming.wantPages("", "")
	if n, err := w.sb.CountsByUser(ming.app, ming.tmpl); err != nil || n[hong.openid] != 2 {
		t.Errorf("counts %v, %v", n, err)
	}
	ming.arrive("m2")
	if next := ming.wantPages("", "m2"); next != 4 {
		t.Errorf("numbers begin anew: next is %v", next)
	}
}

func TestTheInboxKeepsTheNewest(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{MaxInbox: 3, MessagesPerUser: 2})
	var all []string
	for i := range 20 {
		d.arrive(fmt.Sprint("p", i))
		all = append(all, fmt.Sprint("p", i))
		d.wantPages("", strings.Join(all[max(0, len(all)-3):], " "))
	}
	d.wantPages("app="+d.app+"&user=xiaoming", "p18 p19")
}

func TestALongPollAnswersWhenAMessageArrives(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	const waiters = 5
	answers := make(chan []string, waiters)
	for range waiters {
		go func() {
			pages, _ := ming.got("app=" + ming.app + "&user=xiaoming&since=0&wait=60")
			answers <- pages
		}()
	}
	hong.arrive("another's")
	ming.arrive("mine")
	for range waiters {
		if pages := <-answers; len(pages) != 1 || pages[0] != "mine" {
			t.Errorf("got %v", pages)
		}
	}
	ming.wantPages("since=99&wait=1", "") // the time is over
}

func TestACallerThatIsGoneWaitsNoLonger(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", d.url+d.path("messages?wait=60"), nil)
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if resp, err := d.client.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	cancel()
	<-ended // and goleak finds the handler if it stays
}

func TestAWalkByNextMissesNothing(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	const each = 60
	var senders sync.WaitGroup
	for _, d := range []*device{ming, hong} {
		senders.Go(func() {
			for i := range each {
				d.arrive(fmt.Sprint(d.user, i))
			}
		})
	}
	seen := map[string]int{}
	for since := 0.0; len(seen) < 2*each; {
		pages, next := ming.got(fmt.Sprintf("since=%d&limit=7&wait=60", int64(since)))
		if len(pages) == 0 {
			t.Fatalf("only %d messages came", len(seen))
		}
		for _, p := range pages {
			seen[p]++
		}
		since = next
	}
	senders.Wait()
	for page, n := range seen {
		if n != 1 {
			t.Errorf("%s was seen %d times", page, n)
		}
	}
}

func TestCountsOnlyIsSaid(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{Record: sandbox.RecordCounts})
	for _, call := range []string{"GET chat", "GET messages", "DELETE messages", "GET events"} {
		method, call, _ := strings.Cut(call, " ")
		wantNamed(t, d.call(method, call, "", 409), "record")
	}
}

// events reads a stream of server-sent events.
type events struct {
	t    *testing.T
	scan *bufio.Scanner
}

func (d *device) listen(q string, headers ...string) *events {
	t := d.t.(*testing.T)
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", d.url+"/phone/api/events?"+q, nil)
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := d.client.Do(req)
	must(t, err)
	t.Cleanup(func() {
		cancel()
		resp.Body.Close()
	})
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("%d %s", resp.StatusCode, kind)
	}
	return &events{t, bufio.NewScanner(resp.Body)}
}

// next is the next event: its name and its page, or its time. Empty at the end.
func (e *events) next() string {
	e.t.Helper()
	name := ""
	for e.scan.Scan() {
		line := e.scan.Text()
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			var data struct {
				Page string
				Now  time.Time
			}
			must(e.t, json.Unmarshal([]byte(v), &data))
			if name == "clock" {
				return "clock " + data.Now.Format("15:04")
			}
			return strings.TrimSpace(name + " " + data.Page)
		}
	}
	return ""
}

func (e *events) want(list ...string) {
	e.t.Helper()
	for _, want := range list {
		if got := e.next(); got != want {
			e.t.Fatalf("event %q, want %q", got, want)
		}
	}
}

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	mings := "app=" + ming.app + "&user=xiaoming"
	ming.arrive("m1")
	mine, all := ming.listen(mings), ming.listen("")
	mine.want("clock 01:00")
	all.want("clock 01:00")
	hong.arrive("h1")
	all.want("message h1")
	ming.arrive("m2")
	mine.want("message m2")
	all.want("message m2")
	must(t, w.sb.Advance(time.Hour))
	mine.want("clock 02:00")
	all.want("clock 02:00")
	ming.call("DELETE", "messages?q=m1", "", 200)
	mine.want("cleared")
	all.want("cleared")
	ming.listen(mings+"&since=0").want("clock 02:00", "message m2")
	ming.listen("since=0", "Last-Event-ID", "2").want("clock 02:00", "message m2")
	wantNamed(t, askJSON(t, ming.client, "GET", ming.url+"/phone/api/events?app=nope", "", 404), "app")
	w.sb.HangUp()
	mine.want("")
	all.want("")
}
