package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// from sends a request to the public handler that comes from an address.
func (b *bundle) from(t *testing.T, sender, method, path, key, body string, headers ...string) answer {
	t.Helper()
	return sendFrom(t, b.server.Public(), sender, method, path, key, body, headers...)
}

func sendFrom(t *testing.T, h http.Handler, sender, method, path, key, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(sender), 4711).String()
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return serve(h, r)
}

func TestAFloodOfOneAddressIsThrottled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.RequestsPerAddress = 3 }).withApp(t)
	session := b.session(t, appID, openid)
	me := func(sender string) answer { return b.from(t, sender, "GET", base+"/me", session, "") }
	for range 3 {
		want[api.Me](t, me("203.0.113.9"), 200)
	}
	a := me("203.0.113.9")
	if p := wantProblem(t, a, api.NumTooManyOfAddress, ""); p.Code != api.Throttled || a.header.Get("Retry-After") != "20" {
		t.Errorf("got %+v, Retry-After %q", p, a.header.Get("Retry-After"))
	}
	wantProblem(t, b.from(t, "::ffff:203.0.113.9", "GET", "/no/such", "", ""), api.NumTooManyOfAddress, "") // the same in another form
	want[api.Me](t, me("203.0.113.10"), 200)
	for i := range 3 { // one household has 64 bits of addresses
		want[api.Me](t, me(fmt.Sprintf("2001:db8:0:1::%x", i)), 200)
	}
	wantProblem(t, me("2001:db8:0:1:ffff::1"), api.NumTooManyOfAddress, "")
	want[api.Me](t, me("2001:db8:0:2::1"), 200)
	for range 10 { // a balancer that looks after the node, and this machine
		want[api.Health](t, b.from(t, "203.0.113.9", "GET", "/healthz", "", ""), 200)
		want[api.Health](t, b.from(t, "203.0.113.9", "GET", "/readyz", "", ""), 200)
		want[api.Me](t, me("127.0.0.1"), 200)
		want[api.App](t, b.call(t, "GET", base, b.admin, ""), 200) // the private listener
	}
	b.clock.add(20 * time.Second)
	want[api.Me](t, me("203.0.113.9"), 200)
	wantProblem(t, me("203.0.113.9"), api.NumTooManyOfAddress, "")
	if n := strings.Count(b.log.String(), "an address is over its limit"); n != 1 {
		t.Errorf("logged %d times in a minute", n)
	}
	if text := b.call(t, "GET", "/metrics", "", "").body; !strings.Contains(text, `minapush_server_requests_total{route="none",status="429"} 4`) {
		t.Error("refused requests are not counted")
	}
}

func TestWhatProxiesSayCountsOnlyIfTheyAreTrusted(t *testing.T) {
	t.Parallel()
	trusted, err := server.ParseProxies([]string{"10.0.0.0/8"})
	must(t, err)
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.RequestsPerAddress, c.TrustedProxies = 1, trusted })
	get := func(sender, said string) int {
		return b.from(t, sender, "GET", "/nothing", "", "", "X-Forwarded-For", said).status
	}
	for i := range 20 { // everybody behind a trusted proxy is somebody else
		if got := get("10.0.0.1", fmt.Sprintf("1.2.3.4, 203.0.113.%d", i)); got != 404 {
			t.Fatalf("client %d: got %d", i, got)
		}
	}
	if got := get("10.0.0.2", "9.9.9.9, 203.0.113.0"); got != 429 {
		t.Errorf("through another proxy: got %d", got)
	}
	if got := get("203.0.113.100", "1.1.1.1"); got != 404 {
		t.Errorf("got %d", got)
	}
	if got := get("203.0.113.100", "2.2.2.2"); got != 429 {
		t.Errorf("an address that is no proxy got round its limit: %d", got)
	}
	if !strings.Contains(b.log.String(), "trusted proxies") {
		t.Errorf("the log does not say what may be wrong: %s", b.log)
	}
	for range 5 { // a proxy that names nobody speaks for many
		if got := get("10.0.0.1", "10.0.0.9"); got != 404 {
			t.Errorf("got %d", got)
		}
	}
}

func TestAFloodOfLoginsOfOneAddressIsThrottled(t *testing.T) {
	t.Parallel()
	asked := &counted{}
	b := setup(t, func(p *server.Parts, c *server.Config) { c.LoginsPerAddress, p.Platform = 2, asked }).withApp(t)
	login := func(sender string, i int) answer {
		return b.from(t, sender, "POST", base+"/session", "", fmt.Sprintf(`{"code":"c%d"}`, i))
	}
	for i := range 2 {
		want[api.Session](t, login("203.0.113.9", i), 200)
	}
	a := login("203.0.113.9", 2)
	wantProblem(t, a, api.NumTooManyOfAddress, "")
	if a.header.Get("Retry-After") != "30" || asked.n != 2 {
		t.Errorf("got Retry-After %q after %d questions to WeChat", a.header.Get("Retry-After"), asked.n)
	}
	want[api.Session](t, login("203.0.113.10", 3), 200)
	want[api.Me](t, b.from(t, "203.0.113.9", "GET", base+"/me", b.session(t, appID, openid), ""), 200) // who has a session goes on
	for i := range 5 {
		want[api.Session](t, b.call(t, "POST", base+"/session", "", fmt.Sprintf(`{"code":"p%d"}`, i)), 200) // private: not counted
	}
	b.clock.add(30 * time.Second)
	want[api.Session](t, login("203.0.113.9", 4), 200)
}

// counted is a platform that knows every code, and counts.
type counted struct {
	server.Platform
	n int
}

func (c *counted) JSCode2Session(context.Context, minapush.AppID, string) (minapush.OpenID, error) {
	c.n++
	return openid, nil
}

func TestWhatIsRememberedOfAddressesIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.RequestsPerAddress = 1 })
	_, most := b.server.AddressesRemembered()
	r := httptest.NewRequest("GET", "/nothing", nil)
	for i := range most/2 + 1000 {
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)
		b.server.Public().ServeHTTP(httptest.NewRecorder(), r)
	}
	if now, _ := b.server.AddressesRemembered(); now > most || now < 1000 {
		t.Errorf("%d addresses are remembered, at most %d should be", now, most)
	}
	b.clock.add(2 * time.Minute)
	b.server.Public().ServeHTTP(httptest.NewRecorder(), r)
	b.clock.add(2 * time.Minute)
	b.server.Public().ServeHTTP(httptest.NewRecorder(), r)
	if now, _ := b.server.AddressesRemembered(); now != 1 {
		t.Errorf("%d addresses are remembered of long ago", now)
	}
}

func TestLimitsMayBeTakenAway(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) {
		c.RequestsPerAddress, c.LoginsPerAddress, c.MaxConcurrent, c.ReportsPerMinute = -1, -1, -1, -1
	}).withApp(t)
	for i := range 100 {
		want[api.Session](t, b.from(t, "203.0.113.9", "POST", base+"/session", "", `{"code":"code-of-`+strconv.Itoa(i)+`"}`), 200)
	}
	setup(t, func(p *server.Parts, _ *server.Config) {
		_, err := server.New(*p, server.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
		var e *minapush.Error
		if !errors.As(err, &e) || e.Field != "TrustedProxies" {
			t.Errorf("got %v", err)
		}
	})
}

// gate is a platform whose logins wait until it opens.
type gate struct {
	server.Platform
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 64), open: make(chan struct{})} }

func (g *gate) JSCode2Session(context.Context, minapush.AppID, string) (minapush.OpenID, error) {
	g.entered <- struct{}{}
	<-g.open
	return openid, nil
}

func TestMoreRequestsThanThereArePlacesAreTurnedAwayAtOnce(t *testing.T) {
	t.Parallel()
	for _, public := range []bool{true, false} {
		g := newGate()
		b := setup(t, func(p *server.Parts, c *server.Config) { c.MaxConcurrent, p.Platform = 2, g }).withApp(t)
		h, other := b.server.Private(), b.server.Public()
		if public {
			h, other = other, h
		}
		inside := make(chan answer, 2)
		for i := range 2 {
			go func() {
				inside <- sendFrom(t, h, fmt.Sprintf("203.0.113.%d", i), "POST", base+"/session", "", `{"code":"x"}`)
			}()
			<-g.entered
		}
		a := send(t, h, "GET", base+"/me", "", "")
		p := wantProblem(t, a, api.NumCrowded, "")
		if p.Code != api.Unavailable || a.header.Get("Retry-After") != "1" {
			t.Errorf("got %+v, Retry-After %q", p, a.header.Get("Retry-After"))
		}
		want[api.Health](t, send(t, h, "GET", "/healthz", "", ""), 200)
		want[api.Health](t, send(t, h, "GET", "/readyz", "", ""), 200)
		want[api.Me](t, send(t, other, "GET", base+"/me", b.session(t, appID, openid), ""), 200) // the other listener has its own places
		if !public {
			if a := send(t, h, "GET", "/metrics", "", ""); a.status != 200 {
				t.Errorf("metrics: got %d", a.status)
			}
		}
		close(g.open)
		for range 2 {
			want[api.Session](t, <-inside, 200)
		}
		want[api.Me](t, send(t, h, "GET", base+"/me", b.session(t, appID, openid), ""), 200)
		if requests, addresses := b.server.Inside(); requests != 0 || addresses != 0 {
			t.Errorf("%d requests of %d addresses are still inside", requests, addresses)
		}
	}
}

func TestOneAddressTakesAQuarterOfThePlaces(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(p *server.Parts, c *server.Config) { c.MaxConcurrent, p.Platform = 8, g }).withApp(t)
	login := func(sender string) answer { return b.from(t, sender, "POST", base+"/session", "", `{"code":"x"}`) }
	inside := make(chan answer, 3)
	enter := func(sender string) {
		go func() { inside <- login(sender) }()
		<-g.entered
	}
	enter("203.0.113.9")
	enter("203.0.113.9")
	a := login("203.0.113.9")
	wantProblem(t, a, api.NumTooManyOfAddress, "")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("got Retry-After %q", a.header.Get("Retry-After"))
	}
	enter("203.0.113.10")
	close(g.open)
	for range 3 {
		want[api.Session](t, <-inside, 200)
	}
	want[api.Session](t, login("203.0.113.9"), 200)
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.MaxConcurrent = 1 }).withApp(t)
	for range 3 {
		wantProblem(t, b.from(t, "203.0.113.9", "POST", base+"/session", "", `{"code":"panic"}`), api.NumInternal, "")
	}
}

// TestWhoeverIsToComeAgainIsToldWhen walks every answer that says "later".
func TestWhoeverIsToComeAgainIsToldWhen(t *testing.T) {
	t.Parallel()
	later := 0
	for kind := minapush.Internal; kind <= minapush.BadCredential; kind++ {
		for _, e := range []*minapush.Error{{Kind: kind}, {Kind: kind, Reason: "stopped"}, {Kind: kind, RetryAfter: 90 * time.Second}, {Kind: kind, RetryAfter: -time.Second}} {
			w := httptest.NewRecorder()
			server.AnswerError(w, fmt.Errorf("do it: %w", e))
			if w.Code != http.StatusTooManyRequests && w.Code != http.StatusServiceUnavailable {
				continue
			}
			later++
			wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
			if err != nil || wait < 1 || e.RetryAfter > 0 && e.Reason == "" && wait != 90 {
				t.Errorf("%+v: got %d with Retry-After %q", e, w.Code, w.Header().Get("Retry-After"))
			}
		}
	}
	w := httptest.NewRecorder()
	if server.AnswerError(w, context.DeadlineExceeded); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	if later < 12 {
		t.Errorf("only %d answers say so", later)
	}
}
