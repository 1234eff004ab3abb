package sandbox_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func (w *world) script(f sandbox.Fault) int64 {
	w.t.Helper()
	id, err := w.sb.Script(f)
	must(w.t, err)
	return id
}

// trySend sends with a time limit and tells the error and whether the whole request was written.
func (w *world) trySend(rt http.RoundTripper, base string, limit time.Duration) (answer, bool, error) {
	w.t.Helper()
	wrote := false
	ctx := httptrace.WithClientTrace(w.t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { wrote = info.Err == nil },
	})
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", base+w.withToken(sandbox.PathSend), strings.NewReader(w.message()))
	must(w.t, err)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return answer{}, wrote, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, text: string(b)}, wrote, err
}

var brokenConnections = map[string]struct {
	fault    sandbox.Fault
	accepted int64
	inProc   error // of RoundTrip
	socket   error // over a server; nil means any
	wrote    bool  // by RoundTrip
}{
	"drop before consuming":  {sandbox.Fault{Action: sandbox.ActDrop}, 0, io.EOF, io.EOF, true},
	"drop after consuming":   {sandbox.Fault{Action: sandbox.ActDrop, Consume: true}, 1, io.EOF, io.EOF, true},
	"reset before consuming": {sandbox.Fault{Action: sandbox.ActReset}, 0, syscall.ECONNRESET, syscall.ECONNRESET, true},
	"reset after consuming":  {sandbox.Fault{Action: sandbox.ActReset, Consume: true}, 1, syscall.ECONNRESET, syscall.ECONNRESET, true},
	"refuse":                 {sandbox.Fault{Action: sandbox.ActRefuse}, 0, syscall.ECONNREFUSED, syscall.ECONNRESET, false},
	"hang before consuming":  {sandbox.Fault{Action: sandbox.ActHang}, 0, context.DeadlineExceeded, context.DeadlineExceeded, true},
	"hang after consuming":   {sandbox.Fault{Action: sandbox.ActHang, Consume: true}, 1, context.DeadlineExceeded, context.DeadlineExceeded, true},
}

func TestBrokenConnectionsAreErrorsOfRoundTrip(t *testing.T) {
	for name, c := range brokenConnections {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, sandbox.Config{})
				w.subscribe(2)
				c.fault.Path, c.fault.Count = sandbox.PathSend, 1
				w.script(c.fault)
				_, wrote, err := w.trySend(w.sb, "http://sandbox", time.Minute)
				if !errors.Is(err, c.inProc) {
					t.Errorf("error %v, want %v", err, c.inProc)
				}
				if wrote != c.wrote {
					t.Errorf("request written: %t", wrote)
				}
				w.wantAfterFault(c.accepted)
			})
		})
	}
}

func TestBrokenConnectionsAreSeenOverASocket(t *testing.T) {
	for name, c := range brokenConnections {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			w.subscribe(2)
			var calls sync.WaitGroup // a hijacked connection is not waited for by its server
			server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				defer calls.Done()
				w.sb.ServeHTTP(answer, r)
			}))
			defer server.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			c.fault.Path, c.fault.Count = sandbox.PathSend, 1
			w.script(c.fault)
			limit := 30 * time.Second
			if c.fault.Action == sandbox.ActHang {
				limit = 200 * time.Millisecond
			}
			_, _, err := w.trySend(transport, server.URL, limit)
			if !errors.Is(err, c.socket) {
				t.Errorf("error %v, want %v", err, c.socket)
			}
			server.CloseClientConnections()
			calls.Wait()
			w.wantAfterFault(c.accepted)
		})
	}
}

func (w *world) wantAfterFault(accepted int64) {
	w.t.Helper()
	if st := w.stats(); st.Accepted != accepted || st.Unanswered != 1 {
		w.t.Errorf("stats %+v, want %d accepted, 1 unanswered", st, accepted)
	}
	if got := w.permits(); got != 2-int(accepted) {
		w.t.Errorf("%d permits left", got)
	}
	w.wantCode(w.send(), 0) // nothing is in flight any more
}

func TestAnswersCanBeSpoiltBeforeAndAfterConsuming(t *testing.T) {
	for name, c := range map[string]struct {
		fault    sandbox.Fault
		status   int
		text     string
		accepted int64
	}{
		"a gateway error":                 {sandbox.Fault{Status: 502, Body: "<html>Bad Gateway</html>"}, 502, "<html>Bad Gateway</html>", 0},
		"a gateway error after consuming": {sandbox.Fault{Status: 502, Consume: true}, 502, "", 1},
		"busy":                            {sandbox.Fault{Errcode: -1}, 200, `{"errcode":-1,"errmsg":"system error rid: `, 0},
		"busy after consuming":            {sandbox.Fault{Errcode: -1, Errmsg: "oh \"no\"", Consume: true}, 200, `{"errcode":-1,"errmsg":"oh \"no\" rid: `, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			w.subscribe(2)
			w.script(c.fault)
			a := w.send()
			if a.status != c.status || !strings.HasPrefix(a.text, c.text) {
				t.Errorf("answer %d %s", a.status, a.text)
			}
			if st := w.stats(); st.Accepted != c.accepted {
				t.Errorf("%d accepted", st.Accepted)
			}
			w.sb.ClearFaults()
			w.wantCode(w.send(), 0)
		})
	}
}

func TestFaultsCountMatchingCallsInOrder(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(100)
	other, err := w.sb.AddUser(w.app.AppID, "")
	must(t, err)
	must(t, w.sb.Subscribe(w.app.AppID, other, w.tmpl, 100))
	first := w.script(sandbox.Fault{Path: "/cgi-bin/message/*", OpenID: w.openid, After: 1, Count: 2, Errcode: 45011})
	second := w.script(sandbox.Fault{Path: sandbox.PathSend, AppID: w.app.AppID, After: 3, Errcode: -1})
	w.script(sandbox.Fault{AppID: "wx0", Errcode: 50002})
	w.script(sandbox.Fault{Path: sandbox.PathLogin, Errcode: 50002})
	var got []int
	for range 4 {
		got = append(got, w.send().Errcode, w.send("touser", other).Errcode)
	}
	// The two that the first fault took did not reach the second one.
	want := []int{0, 0, 45011, 0, 45011, -1, -1, -1}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("answers %v, want %v", got, want)
		}
	}
	list := w.sb.Faults()
	if len(list) != 4 || list[0].ID != first || list[0].Fired != 2 || !list[0].Over || list[1].Fired != 3 || list[1].Over {
		t.Errorf("faults %+v", list)
	}
	if !w.sb.Unscript(second) || w.sb.Unscript(second) {
		t.Error("a fault is removed once")
	}
	w.wantCode(w.send(), 0)
}

func TestFaultsWithChanceAreRepeatedByTheSeed(t *testing.T) {
	run := func() string {
		w := newWorld(t, sandbox.Config{Rand: rand.New(rand.NewPCG(7, 7))})
		w.subscribe(300)
		w.script(sandbox.Fault{Path: sandbox.PathSend, Probability: 0.3, Errcode: -1})
		var b strings.Builder
		failed := 0
		for range 300 {
			a := w.send()
			b.WriteString(a.text)
			failed -= a.Errcode
		}
		if failed < 60 || failed > 120 {
			t.Errorf("%d of 300 failed", failed)
		}
		return b.String()
	}
	if first, second := run(), run(); first != second {
		t.Error("two runs with one seed differ")
	}
}

func TestScenarios(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.subscribe(1000)
	_, err := w.sb.SpuriousRefusals(w.app.AppID, 3, 2)
	must(t, err)
	for i, want := range []int{0, 0, 0, 43101, 43101, 0} {
		if a := w.send(); a.Errcode != want {
			t.Errorf("send %d answers %d, want %d", i, a.Errcode, want)
		}
	}
	if w.permits() != 996 {
		t.Errorf("%d permits left, want 996", w.permits())
	}

	_, err = w.sb.FlappingToken(w.app.AppID, 0.5, 10*time.Minute)
	must(t, err)
	flapped := 0
	for range 100 {
		if w.send().Errcode == 40001 {
			flapped++
		}
	}
	if flapped < 30 || flapped > 70 {
		t.Errorf("%d of 100 flapped", flapped)
	}
	must(t, w.sb.Advance(10*time.Minute))
	for range 20 {
		w.wantCode(w.send(), 0)
	}

	for _, lift := range []func(){
		func() { must(t, w.sb.ClearQuota(w.app.AppID)) },
		func() { must(t, w.sb.Advance(24*time.Hour)); w.token = w.stable(false) },
	} {
		_, err = w.sb.EarlyDailyLimit(w.app.AppID, 2)
		must(t, err)
		w.wantCode(w.send(), 0)
		w.wantCode(w.send(), 0)
		w.wantCode(w.send(), 45009)
		w.wantCode(w.send(), 45009)
		lift()
		w.wantCode(w.send(), 0)
	}
	for _, f := range sandbox.Weather() {
		w.script(f)
	}
	for _, do := range []func(appid string) (int64, error){
		func(a string) (int64, error) { return w.sb.SpuriousRefusals(a, 1, 1) },
		func(a string) (int64, error) { return w.sb.FlappingToken(a, 1, 1) },
		func(a string) (int64, error) { return w.sb.EarlyDailyLimit(a, 1) },
	} {
		_, err := do("wx0")
		wantField(t, err, "appid")
	}
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for _, c := range []struct {
		field string
		fault sandbox.Fault
	}{
		{"action", sandbox.Fault{}},
		{"action", sandbox.Fault{Action: "explode"}},
		{"path", sandbox.Fault{Path: "/nowhere", Errcode: 1}},
		{"path", sandbox.Fault{Path: "x*", Errcode: 1}},
		{"after", sandbox.Fault{After: -1, Errcode: 1}},
		{"count", sandbox.Fault{Count: -1, Errcode: 1}},
		{"probability", sandbox.Fault{Probability: 1.1, Errcode: 1}},
		{"for", sandbox.Fault{For: -1, Errcode: 1}},
		{"delay", sandbox.Fault{Delay: -1, Errcode: 1}},
		{"delay", sandbox.Fault{Action: sandbox.ActDelay}},
		{"errcode", sandbox.Fault{Action: sandbox.ActErrcode}},
		{"status", sandbox.Fault{Status: 99}},
		{"consume", sandbox.Fault{Action: sandbox.ActRefuse, Consume: true}},
		{"late", sandbox.Fault{Action: sandbox.ActDrop, Late: true}},
		{"late", sandbox.Fault{Path: sandbox.PathLogin, Errcode: 1, Late: true}},
	} {
		_, err := w.sb.Script(c.fault)
		wantField(t, err, c.field)
	}
}

func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var arg *sandbox.ArgError
	if !errors.As(err, &arg) || arg.Field != field {
		t.Errorf("error %v, want one of field %s", err, field)
	}
}
