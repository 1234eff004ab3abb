package wechat_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"errcode\":0,\"errmsg\":\"ok\"}"

// raw serves connections by hand until the test ends.
func raw(t testing.TB, handle func(conn net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

// take reads one request whole.
func take(conn net.Conn) bool {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

func answers(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if take(conn) {
			_, _ = io.WriteString(conn, text)
		}
	}
}

func fixed() minapush.TokenSource {
	return minapush.TokenSource{Kind: minapush.TokenFixed, Value: "ACCESS-fixed"}
}

func whole(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

func TestEveryTransportFailureSaysWhatIsCertain(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	wait := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) } // until the client closes
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	t.Cleanup(secure.Close)
	for name, tc := range map[string]struct {
		base   string
		kind   minapush.Kind
		reason string
	}{
		"refused":               {"http://" + gone.Addr().String(), minapush.Unavailable, wechat.ReasonNotSent},
		"handshake with HTTP":   {strings.Replace(raw(t, answers(okAnswer)), "http:", "https:", 1), minapush.Unavailable, wechat.ReasonNotSent},
		"handshake that hangs":  {strings.Replace(raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "http:", "https:", 1), minapush.Unavailable, wechat.ReasonNotSent},
		"unknown certificate":   {secure.URL, minapush.Unavailable, wechat.ReasonNotSent},
		"read and close":        {raw(t, func(c net.Conn) { take(c) }), minapush.Uncertain, wechat.ReasonConnectionLost},
		"read and reset":        {raw(t, func(c net.Conn) { take(c); _ = c.(*net.TCPConn).SetLinger(0) }), minapush.Uncertain, wechat.ReasonConnectionLost},
		"read a part and close": {raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 20)) }), minapush.Uncertain, wechat.ReasonConnectionLost},
		"read and hang":         {raw(t, func(c net.Conn) { take(c); wait(c) }), minapush.Uncertain, minapush.ReasonReadTimeout},
		"head and hang":         {raw(t, func(c net.Conn) { answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")(c); wait(c) }), minapush.Uncertain, minapush.ReasonReadTimeout},
		"502":                   {raw(t, answers(whole("502 Bad Gateway", "<html>"))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"500 that says ok":      {raw(t, answers(whole("500 Oops", `{"errcode":0,"errmsg":"ok"}`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"503 that says no":      {raw(t, answers(whole("503 Oops", `{"errcode":43101,"errmsg":"no"}`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"not HTTP":              {raw(t, answers("SSH-2.0-OpenSSH_9.9\r\n")), minapush.Uncertain, minapush.ReasonBadAnswer},
		"head cut short":        {raw(t, answers("HTTP/1.1 200 OK\r\nContent-")), minapush.Uncertain, minapush.ReasonBadAnswer},
		"garbage":               {raw(t, answers(whole("200 OK", "<html>"))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"empty":                 {raw(t, answers(whole("200 OK", ""))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"no errcode":            {raw(t, answers(whole("200 OK", `{"msgid":5}`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"errcode null":          {raw(t, answers(whole("200 OK", `{"errcode":null}`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"array":                 {raw(t, answers(whole("200 OK", `[{"errcode":0}]`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"JSON cut by length":    {raw(t, answers(whole("200 OK", `{"errcode":0,"errm`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"JSON cut by close":     {raw(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"+`{"errcode":0,"errmsg":"ok"}`)), minapush.Uncertain, minapush.ReasonBadAnswer},
		"chunk cut by close":    {raw(t, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1b\r\n"+`{"errcode":0,"errmsg":"ok"}`)), minapush.Uncertain, minapush.ReasonBadAnswer},
		"over 1 MiB":            {raw(t, answers(whole("200 OK", `{"errcode":0,"errmsg":"`+strings.Repeat("x", 1<<20)+`"}`))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"400 by a gateway":      {raw(t, answers(whole("400 Bad Request", "<html>"))), minapush.Uncertain, minapush.ReasonBadAnswer},
		"404 by a gateway":      {raw(t, answers(whole("404 Not Found", "<html>"))), minapush.Unavailable, wechat.ReasonHTTPStatus},
		"redirect":              {raw(t, answers("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/?a=b\r\nContent-Length: 0\r\n\r\n")), minapush.Unavailable, wechat.ReasonHTTPStatus},
		"413 with JSON":         {raw(t, answers(whole("413 Too Large", `{"error":"too large"}`))), minapush.Unavailable, wechat.ReasonHTTPStatus},
		"429 with our code":     {raw(t, answers(whole("429 Slow down", `{"errcode":45011,"errmsg":"minute"}`))), minapush.Throttled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, wechat.Config{Apps: oneApp(tc.base, fixed()), SendTimeout: 200 * time.Millisecond})
			_, err := c.Send(t.Context(), message())
			if e := asError(t, err); e.Kind != tc.kind || e.Reason != tc.reason {
				t.Errorf("got %v %q: %v; want %v %q", e.Kind, e.Reason, e, tc.kind, tc.reason)
			}
		})
	}
	t.Run("accepted and closed unread", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, wechat.Config{Apps: oneApp(raw(t, func(net.Conn) {}), fixed())})
		_, err := c.Send(t.Context(), message())
		// The kernel may have taken the bytes or not: both may be said, but never that it was sent.
		if e := asError(t, err); e.Reason != wechat.ReasonConnectionLost && e.Reason != wechat.ReasonNotSent {
			t.Errorf("got %+v", e)
		}
	})
}

func TestCancellingSaysWhetherItWasSent(t *testing.T) {
	t.Parallel()
	taken := make(chan struct{})
	c := newClient(t, wechat.Config{Apps: oneApp(raw(t, func(conn net.Conn) {
		take(conn)
		close(taken)
		_, _ = conn.Read(make([]byte, 1))
	}), fixed())})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Send(ctx, message())
	if e := asError(t, err); e.Kind != minapush.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("before: got %+v", e)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-taken; cancel() }()
	_, err = c.Send(ctx, message())
	if e := asError(t, err); e.Kind != minapush.Uncertain || e.Reason != wechat.ReasonInterrupted {
		t.Errorf("after: got %+v", e)
	}
}

// A far side that closes connections between requests costs no message and doubles none.
func TestConnectionsClosedWhileIdle(t *testing.T) {
	t.Parallel()
	var taken atomic.Int64
	base := raw(t, func(conn net.Conn) {
		if take(conn) {
			taken.Add(1)
			_, _ = io.WriteString(conn, okAnswer)
		}
	})
	c := newClient(t, wechat.Config{Apps: oneApp(base, fixed())})
	accepted, uncertain := 0, 0
	for range 300 { // at once, so that the close and the next request meet
		switch _, err := c.Send(t.Context(), message()); {
		case err == nil:
			accepted++
		default:
			if e := asError(t, err); e.Kind != minapush.Uncertain || e.Reason != wechat.ReasonConnectionLost {
				t.Fatalf("got %+v", e)
			}
			uncertain++
		}
	}
	if int64(accepted) != taken.Load() {
		t.Errorf("%d accepted, %d uncertain, the far side took %d", accepted, uncertain, taken.Load())
	}
	t.Logf("%d accepted, %d uncertain", accepted, uncertain)
}

// faulty is a connection whose writes fail from the nth on, after taking part bytes.
type faulty struct {
	net.Conn
	n, from, part int
}

func (f *faulty) Write(p []byte) (int, error) {
	if f.n++; f.n < f.from {
		return f.Conn.Write(p)
	}
	n := 0
	if f.part > 0 {
		n, _ = f.Conn.Write(p[:f.part])
	}
	return n, &net.OpError{Op: "write", Err: syscall.EPIPE}
}

func TestAWriteThatTookNothingIsRepeatedOnceOnAFreshConnection(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name                    string
		faultyConns, from, part int
		kind                    minapush.Kind // of the second send; Internal for success
		reason                  string
		dials, taken            int64
	}{
		{"reused, nothing taken", 1, 2, 0, minapush.Internal, "", 2, 2},
		{"reused, a part taken", 1, 2, 10, minapush.Uncertain, wechat.ReasonConnectionLost, 1, 1},
		{"fresh again fails", 2, 2, 0, minapush.Internal, "", 2, 2},
	} {
		for _, call := range []string{"send", "session"} {
			t.Run(tc.name+" "+call, func(t *testing.T) {
				t.Parallel()
				var dials, taken atomic.Int64
				base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(r.Body); err == nil {
						taken.Add(1)
					}
					fmt.Fprintf(w, `{"errcode":0,"errmsg":"ok","openid":%q}`, openID)
				}))
				var dialer net.Dialer
				transport := wechat.NewTransportOver(func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := dialer.DialContext(ctx, network, addr)
					if n := dials.Add(1); err == nil && int(n) <= tc.faultyConns {
						conn = &faulty{Conn: conn, from: tc.from, part: tc.part}
					}
					return conn, err
				})
				c := newClient(t, wechat.Config{Apps: oneApp(base, fixed()), Transport: transport})
				try := func() error {
					if call == "session" {
						_, err := c.JSCode2Session(t.Context(), appID, "code-1234")
						return err
					}
					_, err := c.Send(t.Context(), message())
					return err
				}
				if err := try(); err != nil {
					t.Fatal(err)
				}
				err := try()
				if (err == nil) != (tc.kind == minapush.Internal) {
					t.Fatalf("got %v", err)
				}
				if err != nil {
					if e := asError(t, err); e.Kind != tc.kind || e.Reason != tc.reason {
						t.Errorf("got %+v", e)
					}
				}
				if dials.Load() != tc.dials || taken.Load() != tc.taken {
					t.Errorf("%d dials, %d taken; want %d, %d", dials.Load(), taken.Load(), tc.dials, tc.taken)
				}
			})
		}
	}
}

func TestAFreshConnectionThatTakesNothingIsNotSent(t *testing.T) {
	t.Parallel()
	base := serve(t, http.NotFoundHandler())
	var dials atomic.Int64
	var dialer net.Dialer
	c := newClient(t, wechat.Config{Apps: oneApp(base, fixed()), Transport: wechat.NewTransportOver(
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			conn, err := dialer.DialContext(ctx, network, addr)
			return &faulty{Conn: conn, from: 1}, err
		})})
	_, err := c.Send(t.Context(), message())
	if e := asError(t, err); e.Kind != minapush.Unavailable || e.Reason != wechat.ReasonNotSent || dials.Load() != 1 {
		t.Errorf("got %+v after %d dials", e, dials.Load())
	}
}

// counting counts writes.
type counting struct {
	net.Conn
	writes *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

func TestAMessageIsOneWriteOnAKeptConnection(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	var writes, dials atomic.Int64
	var dialer net.Dialer
	c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), fixed()), Transport: wechat.NewTransportOver(
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			conn, err := dialer.DialContext(ctx, network, addr)
			return counting{conn, &writes}, err
		})})
	p.stable = "ACCESS-fixed"
	for range 10 {
		mustSend(t, c)
	}
	if writes.Load() != 10 || dials.Load() != 1 {
		t.Errorf("%d writes, %d dials", writes.Load(), dials.Load())
	}
}

func TestTLSIsHTTP1AndKept(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	p.stable = "ACCESS-fixed"
	var protos sync.Map
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protos.Store(r.Proto, true)
		p.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	transport := wechat.NewTransport(8)
	transport.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := newClient(t, wechat.Config{Apps: oneApp(s.URL, fixed()), Transport: transport})
	for range 3 {
		mustSend(t, c)
	}
	protos.Range(func(k, _ any) bool {
		if k != "HTTP/1.1" {
			t.Errorf("spoke %v", k)
		}
		return true
	})
	// The server goes: what it had not taken is not sent, and nothing panics over TLS's own closing records.
	s.CloseClientConnections()
	if _, err := c.Send(t.Context(), message()); err != nil {
		if e := asError(t, err); e.Kind != minapush.Uncertain && e.Kind != minapush.Unavailable {
			t.Errorf("got %+v", e)
		}
	}
}

// foreign is a transport that is not of net/http and tells nothing about connections.
type foreign struct{ err error }

func (f foreign) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestAForeignTransportIsBelievedOnlyWhenItDialled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		kind minapush.Kind
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, minapush.Unavailable},
		{&net.DNSError{Err: "no such host", Name: "x"}, minapush.Unavailable},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, minapush.Uncertain},
		{errors.New("what: access_token=ACCESS-fixed for " + string(openID)), minapush.Uncertain},
	} {
		c := newClient(t, wechat.Config{Apps: oneApp("http://wechat.test", fixed()), Transport: foreign{tc.err}})
		_, err := c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != tc.kind {
			t.Errorf("%v: got %+v", tc.err, e)
		}
	}
}

func TestTheCloudsOwnServiceForTheMachineIsNeverDialled(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://169.254.169.254", "http://100.100.100.200", "http://[::ffff:169.254.169.254]", "http://169.254.0.23"} {
		c := newClient(t, wechat.Config{Apps: oneApp(base, minapush.TokenSource{Kind: minapush.TokenNone}), SendTimeout: time.Minute})
		start := time.Now()
		_, err := c.Templates(t.Context(), appID)
		if minapush.KindOf(err) != minapush.Unavailable || !strings.Contains(err.Error(), "never asked") || time.Since(start) > 3*time.Second {
			t.Errorf("%s: got %v after %v", base, err, time.Since(start))
		}
	}
}
