package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/wechat"
)

// real is the platform as the server has it in earnest.
type real struct{ *wechat.Client }

func (r real) JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error) {
	got, err := r.Client.JSCode2Session(ctx, app, code)
	return got.OpenID, err
}

// outside is somebody else's server, which answers every request with what it was last told to.
type outside struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	hits   atomic.Int64
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.hits.Add(1)
		o.mu.Lock()
		answer := o.answer
		o.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outside) says(f http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

// token answers requests for an access token, and leaves the others to f.
func tokenThen(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "token") {
			fmt.Fprint(w, `{"access_token":"T-O-K-E-N","expires_in":7200}`)
			return
		}
		f(w, r)
	}
}

// setupReal is a server that asks a real client, whose WeChat is o.
func setupReal(t *testing.T, o *outside) *bundle {
	t.Helper()
	var c *wechat.Client
	b := setupWith(t, 200*time.Millisecond, func(p *server.Parts, cfg *server.Config) {
		var err error
		c, err = wechat.New(wechat.Config{Apps: p.Accounts, SendTimeout: 500 * time.Millisecond, AppFor: time.Nanosecond, Now: cfg.Now})
		must(t, err)
		p.Platform = real{c}
	})
	b.sender.failWith(func(m minapush.Outgoing) error {
		_, err := c.Send(context.Background(), m)
		return err
	})
	t.Cleanup(c.CloseIdleConnections)
	b.addApps(t)
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"base_url":"`+o.URL+`"}`), 200)
	b.awaitPushes(t)
	return b
}

func TestOWASPAPI7ServerSideRequestForgery(t *testing.T) {
	t.Parallel()
	o, inner := newOutside(t), newOutside(t)
	b := setupReal(t, o)
	before := b.model.Dump()
	set := func(field, url string) (method, path, body, location string) {
		switch field {
		case "public_url":
			return "POST", base + "/checks", `{"public_url":"` + url + `"}`, "body.public_url"
		case "token.url":
			return "PATCH", base, `{"token":{"kind":"url","url":"` + url + `"}}`, "body.token.url"
		}
		return "PATCH", base, `{"token":{"kind":"none"},"base_url":"` + url + `"}`, "body.base_url"
	}
	// where the server goes is set by admins only
	for _, field := range []string{"base_url", "token.url", "public_url"} {
		method, path, body, _ := set(field, "https://evil.example.com")
		for _, scope := range []account.Scope{account.ScopeReport, account.ScopeRead, account.ScopePush, account.ScopeCampaign} {
			wantProblem(t, b.call(t, method, path, b.key(t, appID, scope), body), api.NumForbidden, "")
		}
		wantProblem(t, b.call(t, method, path, b.key(t, otherApp, account.ScopeAdmin), body), api.NumForbidden, "")
		wantProblem(t, send(t, b.server.Public(), method, path, b.admin, body), api.NumNoRoute, "")
	}
	// nor anywhere by them: other schemes, passwords, and where clouds keep the machine's own credentials
	everywhere := []string{
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://example.com", "//example.com", "javascript:alert(1)", "http://", "https://:443", "x",
		"https://user:pass@example.com", "https://" + strings.Repeat("x", 3000), "https://exa mple.com", "https://example.com\\u0000",
		"https://example.com\\r\\nX-Injected: 1", "https://example.com/#x",
	}
	metadata := []string{
		"http://169.254.169.254/latest/meta-data", "https://169.254.169.254", "http://[::ffff:169.254.169.254]", "http://100.100.100.200/latest/meta-data",
		"https://[fd00:ec2::254]", "http://169.254.0.23", "https://169.254.170.2/v2/credentials",
	}
	for field, urls := range map[string][]string{
		"base_url": append(metadata, everywhere...), "token.url": append(metadata, everywhere...), "public_url": everywhere,
	} {
		for _, url := range urls {
			method, path, body, location := set(field, url)
			wantProblem(t, b.call(t, method, path, b.admin, body), api.NumInvalid, location)
		}
	}
	if after := b.model.Dump(); !sameButDumpedKeys(before, after) {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
	// what is found inside is not shown to callers, in no form
	inner.says(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"secret":"INNER-DATA"}`) })
	for name, f := range map[string]http.HandlerFunc{
		"text": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "INNER-DATA") },
		"JSON": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"errcode":40013,"errmsg":"INNER-DATA","data":"INNER-DATA"}`)
		},
		"404": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "INNER-DATA", 404) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL+"/INNER-DATA", http.StatusFound)
		},
		"307": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL+"/INNER-DATA", http.StatusTemporaryRedirect)
		},
	} {
		for i, f := range []http.HandlerFunc{f, tokenThen(f)} {
			o.says(f)
			b.clock.add(2 * time.Minute)
			for _, a := range b.consume(t, i) {
				if strings.Contains(a.body, "INNER-DATA") || strings.Contains(fmt.Sprint(a.header), "INNER-DATA") {
					t.Errorf("%s: a caller is shown %s", name, a.body)
				}
			}
		}
	}
	if n := inner.hits.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
	if n := o.hits.Load(); n < 20 {
		t.Errorf("the outside was asked %d times only", n)
	}
	b.clock.add(time.Minute)
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"token":{"kind":"url","url":"`+inner.URL+`/x","path":"secret"},"base_url":"`+o.URL+`"}`), 200)
	if a := b.call(t, "GET", base, b.admin, ""); strings.Contains(a.body, "INNER-DATA") {
		t.Errorf("got %s", a.body)
	}
}

// sameButDumpedKeys compares dumps without the keys that the test made.
func sameButDumpedKeys(before, after string) bool {
	for line := range strings.Lines(difference(before, after)) {
		if !strings.Contains(line, "account.key") && !strings.Contains(line, ".versions") {
			return false
		}
	}
	return true
}

// consume makes the calls of which WeChat's answer is a part.
func (b *bundle) consume(t *testing.T, n int) map[string]answer {
	t.Helper()
	o := minapush.OpenID(fmt.Sprintf("oConsumer%d", n))
	b.deposit(t, o, b.formID(1000+n), b.subscription(1000+n))
	return map[string]answer{
		"login":                  b.call(t, "POST", base+"/session", "", `{"code":"abc"}`),
		"sync":                   b.call(t, "POST", base+"/templates/sync", b.admin, ""),
		"push":                   b.push(t, `{"openid":"`+string(o)+`","message":{"template":"`+legacyID+`"}}`, ""),
		"push of a subscription": b.push(t, `{"openid":"`+string(o)+`","message":{"template":"`+tmplID+`","values":{"thing1":"x"}}}`, ""),
	}
}

func TestOWASPAPI10UnsafeConsumptionOfAPIs(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	b := setupReal(t, o)
	say := func(status int, text string) http.HandlerFunc {
		return tokenThen(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		})
	}
	const marker = "<script>RAW-ERRMSG</script>"
	quiet := make(chan struct{})
	t.Cleanup(func() { close(quiet) })
	n := 100
	for name, f := range map[string]http.HandlerFunc{
		"a page":                 say(200, "<html><body>"+marker+"</body></html>"),
		"a page of a gateway":    say(502, "<html>"+marker+"</html>"),
		"a text":                 say(200, marker),
		"nothing":                say(200, ""),
		"null":                   say(200, "null"),
		"a list":                 say(200, `["`+marker+`"]`),
		"a number":               say(200, "7"),
		"an unknown code":        say(200, `{"errcode":987654,"errmsg":"`+marker+`"}`),
		"a code as text":         say(200, `{"errcode":"40029","errmsg":"`+marker+`"}`),
		"a code as object":       say(200, `{"errcode":{},"errmsg":"`+marker+`"}`),
		"a code beyond counting": say(200, `{"errcode":99999999999999999999999,"errmsg":"`+marker+`"}`),
		"a negative code":        say(200, `{"errcode":-1,"errmsg":"`+marker+`"}`),
		"a text as object":       say(200, `{"errcode":40029,"errmsg":{"a":"`+marker+`"}}`),
		"an openid as number":    say(200, `{"openid":7,"data":7,"errmsg":"`+marker+`"}`),
		"a hostile openid":       say(200, `{"openid":"a b\n`+marker+`","data":[{"priTmplId":"a b","type":2}]}`),
		"an openid of 1 KiB":     say(200, `{"openid":"`+strings.Repeat("x", 1024)+`"}`),
		"hostile templates":      say(200, `{"errcode":0,"data":[{"priTmplId":"`+strings.Repeat("x", 9000)+`","type":2,"title":"`+marker+`"},{"priTmplId":7},{"type":"2"}]}`),
		"a template of 100 KiB":  say(200, `{"errcode":0,"data":[{"priTmplId":"large","type":2,"example":"`+strings.Repeat("x", 100<<10)+`"}]}`),
		"deep JSON":              say(200, strings.Repeat(`{"data":`, 100_000)),
		"10 MiB":                 say(200, `{"errcode":0,"errmsg":"`+strings.Repeat(marker, 10<<20/len(marker))+`"}`),
		"invalid UTF-8":          say(200, "{\"errcode\":1,\"errmsg\":\"\xff"+marker+"\"}"),
		"an end of its own":      tokenThen(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"a length that is a lie": tokenThen(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"errcode":0}`)
		}),
		"silence": tokenThen(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-quiet:
			case <-r.Context().Done():
			}
		}),
		"a token with a newline": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"access_token":"a\r\nX: y","expires_in":7200,"openid":"a\r\nb"}`)
		},
		"a token for ever": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"access_token":"`+marker+`","expires_in":1e18}`)
		},
	} {
		n++
		o.says(f)
		for call, a := range b.consume(t, n) {
			switch {
			case strings.Contains(a.body, "RAW-ERRMSG"):
				t.Errorf("%s, %s: a caller is shown what WeChat said: %.300s", name, call, a.body)
			case a.status == 500 || a.status == 0:
				t.Errorf("%s, %s: got %d %.300s", name, call, a.status, a.body)
			case a.status >= 400 && a.header.Get("Content-Type") != api.ProblemType:
				t.Errorf("%s, %s: got %d %v", name, call, a.status, a.header)
			case (a.status == 503 || a.status == 429) && a.header.Get("Retry-After") == "":
				t.Errorf("%s, %s: no Retry-After", name, call)
			case call == "login" && a.status == 200:
				t.Errorf("%s: somebody was logged in: %s", name, a.body)
			case len(a.body) > 4096:
				t.Errorf("%s, %s: %d bytes were passed on", name, call, len(a.body))
			case call == "sync" && a.status == 400:
				t.Errorf("%s: the caller is blamed: %s", name, a.body)
			}
		}
		b.clock.add(2 * time.Minute)
	}
	if hits := o.hits.Load(); hits < 70 {
		t.Errorf("WeChat was asked %d times only", hits)
	}
	if got := want[api.Templates](t, b.call(t, "GET", base+"/templates", b.admin, ""), 200); len(got.Templates) != 2 {
		t.Errorf("templates were taken over: %+.300v", got)
	}
	if strings.Contains(b.call(t, "GET", "/metrics", "", "").body, "minapush_server_panics_total 1") {
		t.Error("something panicked")
	}
}
