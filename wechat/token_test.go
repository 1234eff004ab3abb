package wechat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

func bubbleClient(t *testing.T, p *platform, kind minapush.TokenKind, cache wechat.TokenCache) *wechat.Client {
	return newClient(t, wechat.Config{Apps: oneApp("http://wechat.test", minapush.TokenSource{Kind: kind}), Transport: direct{p}, Cache: cache})
}

func mustSend(t *testing.T, c *wechat.Client) {
	t.Helper()
	r, err := c.Send(t.Context(), message())
	if err != nil || r.MsgID != 1988810812324364291 {
		t.Fatalf("got %+v, %v", r, err)
	}
}

func TestAHundredSendersShareOneFetch(t *testing.T) {
	t.Parallel()
	for _, kind := range []minapush.TokenKind{"", minapush.TokenClassic} {
		p := newPlatform()
		c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), minapush.TokenSource{Kind: kind}), Transport: wechat.NewTransport(128)})
		storm := func() {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, err := c.Send(t.Context(), message()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		storm()
		if n := p.normal + p.classics; n != 1 || len(p.sent) != 100 {
			t.Fatalf("%q: %d fetches, %d sends", kind, n, len(p.sent))
		}
		// Somebody else renews the token: everybody is refused at once, and again one fetch serves all.
		p.set(func(p *platform) { p.stable, p.classic = p.make(), p.make() })
		storm()
		if n := p.normal + p.classics; n != 2 || len(p.forced) != 0 || len(p.sent) > 300 {
			t.Fatalf("%q: %d fetches, %d by force, %d sends", kind, n, len(p.forced), len(p.sent))
		}
	}
}

func TestTokensAreRenewedBeforeTheyEnd(t *testing.T) {
	for _, tc := range []struct {
		kind      minapush.TokenKind
		expiresIn int
		life      time.Duration
	}{
		{minapush.TokenStable, 7200, 6900 * time.Second},
		{minapush.TokenStable, 345, 60 * time.Second},
		{minapush.TokenStable, 10, 60 * time.Second},
		{minapush.TokenClassic, 7200, 5700 * time.Second},
		{minapush.TokenClassic, 1510, 60 * time.Second},
	} {
		t.Run(fmt.Sprint(tc.kind, tc.expiresIn), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform()
				p.expiresIn = tc.expiresIn
				c := bubbleClient(t, p, tc.kind, nil)
				mustSend(t, c)
				time.Sleep(tc.life - time.Millisecond)
				mustSend(t, c)
				if n := p.normal + p.classics; n != 1 {
					t.Fatalf("%d fetches before the end", n)
				}
				time.Sleep(2 * time.Millisecond)
				mustSend(t, c)
				mustSend(t, c)
				if n := p.normal + p.classics; n != 2 {
					t.Fatalf("%d fetches after the end", n)
				}
			})
		})
	}
}

func TestATokenDueForRenewalIsUsedOnWhileNoneCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		c := bubbleClient(t, p, minapush.TokenStable, nil)
		mustSend(t, c)
		p.tokenSays = `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`
		time.Sleep(6901 * time.Second)
		for range 20 {
			mustSend(t, c)
			time.Sleep(time.Second)
		}
		if p.normal != 2 {
			t.Errorf("%d fetches; a used-up quota is to be asked once a minute", p.normal)
		}
		time.Sleep(300 * time.Second)
		_, err := c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != minapush.Throttled || e.Extent != minapush.OneApp || e.Code != 45009 || e.RetryAfter <= 0 {
			t.Errorf("got %+v", e)
		}
		p.tokenSays = ""
		time.Sleep(time.Minute)
		mustSend(t, c)
	})
}

func TestARefusedTokenIsRenewedOnceAndTheMessageRepeatedOnce(t *testing.T) {
	for _, code := range []int{40001, 40014, 41001, 42001} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform()
			c := bubbleClient(t, p, minapush.TokenStable, nil)
			mustSend(t, c)
			p.stable = p.make()
			mustSend(t, c)
			if p.normal != 2 || len(p.forced) != 0 || len(p.sent) != 3 {
				t.Errorf("%d fetches, %d by force, %d sends", p.normal, len(p.forced), len(p.sent))
			}
			if p.sent[1] != p.sent[2] {
				t.Errorf("repeated %s as %s", p.sent[1], p.sent[2])
			}
			// Every answer refuses the token: the second refusal is the caller's.
			p.answer = func(int) string { return fmt.Sprintf(`{"errcode":%d,"errmsg":"no"}`, code) }
			before := len(p.sent)
			_, err := c.Send(t.Context(), message())
			if e := asError(t, err); e.Kind != minapush.BadCredential || e.Extent != minapush.OneApp || e.Code != code {
				t.Errorf("got %+v", e)
			}
			if n := len(p.sent) - before; n != 2 {
				t.Errorf("%d sends", n)
			}
		})
	}
}

func TestAStableTokenIsForcedOnlyWhenTheNormalCallGivesTheRefusedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		c := bubbleClient(t, p, minapush.TokenStable, nil)
		mustSend(t, c)
		time.Sleep(time.Minute)
		p.refuse[p.stable] = true
		mustSend(t, c)
		if p.normal != 2 || len(p.forced) != 1 {
			t.Errorf("%d fetches, %d by force", p.normal, len(p.forced))
		}
	})
}

func TestFlappingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		p.answer = func(int) string { return `{"errcode":40001,"errmsg":"not latest"}` } // whatever the token
		c := bubbleClient(t, p, minapush.TokenStable, nil)
		start := time.Now()
		sends := 0
		for time.Since(start) < time.Hour {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					_, err := c.Send(t.Context(), message())
					if !errors.Is(err, minapush.BadCredential) {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
			sends += 10
			time.Sleep(500 * time.Millisecond)
		}
		if p.normal > 3601 || len(p.sent) > 2*sends {
			t.Errorf("%d fetches and %d requests for %d sends in an hour", p.normal, len(p.sent), sends)
		}
		for i := 1; i < len(p.forced); i++ {
			if d := p.forced[i].Sub(p.forced[i-1]); d < 30*time.Second {
				t.Errorf("forced twice within %v", d)
			}
		}
		if n := len(p.forced); n < 2 || n > 10 {
			t.Errorf("forced %d times in an hour", n)
		}
		for range 100 {
			time.Sleep(15 * time.Minute)
			_, _ = c.Send(t.Context(), message())
		}
		if n := len(p.forced); n > 40 {
			t.Errorf("forced %d times in a little over a day", n)
		}
	})
}

func TestTwoNodesShareOneToken(t *testing.T) {
	for _, kind := range []minapush.TokenKind{minapush.TokenStable, minapush.TokenClassic} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform()
			cache := wechat.NewMemoryCache()
			nodes := []*wechat.Client{bubbleClient(t, p, kind, cache), bubbleClient(t, p, kind, cache), bubbleClient(t, p, kind, cache)}
			all := func() {
				var wg sync.WaitGroup
				for _, c := range nodes {
					for range 5 {
						wg.Go(func() { mustSend(t, c) })
					}
				}
				wg.Wait()
			}
			fetches := func() int { return p.normal + p.classics }
			all()
			if fetches() != 1 {
				t.Errorf("%s: %d fetches at first", kind, fetches())
			}
			time.Sleep(7000 * time.Second)
			all()
			if fetches() != 2 {
				t.Errorf("%s: %d fetches after renewal", kind, fetches())
			}
			time.Sleep(time.Minute)
			p.set(func(p *platform) { p.stable, p.classic = p.make(), p.make() })
			all()
			if fetches() != 3 || len(p.forced) != 0 {
				t.Errorf("%s: %d fetches after a stranger's renewal, %d by force", kind, fetches(), len(p.forced))
			}
		})
	}
}

// A node takes the claim and dies: the others go on once it has run out.
func TestAClaimOfADeadNodeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, cache := newPlatform(), wechat.NewMemoryCache()
		claim := wechat.CachedToken{Source: minapush.TokenStable, ClaimedUntil: time.Now().Add(20 * time.Second)}
		if err := cache.Store(t.Context(), appID, wechat.CachedToken{}, claim); err != nil {
			t.Fatal(err)
		}
		c := bubbleClient(t, p, minapush.TokenStable, cache)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Send(ctx, message())
		if e := asError(t, err); e.Kind != minapush.Unavailable || e.Reason != wechat.ReasonNoToken || e.Extent != minapush.OneUser {
			t.Errorf("got %+v", e)
		}
		mustSend(t, c)
		if d := time.Since(start); d < 20*time.Second || d > 21*time.Second {
			t.Errorf("waited %v", d)
		}
	})
}

type brokenCache struct {
	wechat.TokenCache
	load, store error
}

func (b *brokenCache) Load(ctx context.Context, id minapush.AppID) (wechat.CachedToken, error) {
	if b.load != nil {
		return wechat.CachedToken{}, b.load
	}
	return b.TokenCache.Load(ctx, id)
}

func (b *brokenCache) Store(ctx context.Context, id minapush.AppID, old, next wechat.CachedToken) error {
	if b.store != nil && next.ClaimedUntil.IsZero() {
		return b.store
	}
	return b.TokenCache.Store(ctx, id, old, next)
}

func TestACacheThatFailsMakesNobodyFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		cache := &brokenCache{TokenCache: wechat.NewMemoryCache(), load: minapush.Errorf(minapush.NotFound, "down")}
		c := bubbleClient(t, p, minapush.TokenStable, cache)
		_, err := c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != minapush.Unavailable || e.Extent != minapush.OneApp || p.normal != 0 {
			t.Errorf("got %+v after %d fetches", e, p.normal)
		}
		// A token that cannot be stored is used all the same.
		cache.load, cache.store = nil, errors.New("disk full")
		mustSend(t, c)
		mustSend(t, c)
		if p.normal != 1 {
			t.Errorf("%d fetches", p.normal)
		}
	})
}

func TestTroubleWithTheTokenIsNeverAboutTheUser(t *testing.T) {
	for says, want := range map[string]minapush.Kind{
		`{"errcode":40001,"errmsg":"invalid credential"}`: minapush.BadCredential,
		`{"errcode":40125,"errmsg":"invalid appsecret"}`:  minapush.BadCredential,
		`{"errcode":40164,"errmsg":"invalid ip 1.2.3.4"}`: minapush.BadCredential,
		`{"errcode":89503,"errmsg":"confirm"}`:            minapush.BadCredential,
		`{"errcode":45011,"errmsg":"minute"}`:             minapush.Throttled,
		`{"errcode":-1,"errmsg":"system error"}`:          minapush.Throttled,
		`{"errcode":40002,"errmsg":"grant"}`:              minapush.Internal,
		`{"errcode":77777,"errmsg":"what"}`:               minapush.Internal,
		`{"access_token":"ACCESS-half"}`:                  minapush.Unavailable,
		`{"expires_in":7200}`:                             minapush.Unavailable,
		`{"access_token":"ACCESS-cut`:                     minapush.Unavailable,
		`{"access_token":"ACCESS-neg","expires_in":-5}`:   minapush.Unavailable,
		`<html>`: minapush.Unavailable,
	} {
		for _, kind := range []minapush.TokenKind{minapush.TokenStable, minapush.TokenClassic} {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform()
				p.tokenSays = says
				c := bubbleClient(t, p, kind, nil)
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() {
						_, err := c.Send(t.Context(), message())
						if e := asError(t, err); e.Kind != want || e.Extent != minapush.OneApp {
							t.Errorf("%s: got %v %v %v", says, e.Kind, e.Extent, e)
						}
					})
				}
				wg.Wait()
				if n := p.normal + p.classics; n != 1 || len(p.sent) != 0 {
					t.Errorf("%s: %d fetches, %d sends", says, n, len(p.sent))
				}
				p.tokenSays = ""
				time.Sleep(time.Minute)
				mustSend(t, c)
			})
		}
	}
}

func TestAppsThatCannotBeFoundAreNotTheUsersFault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		change func(*apps)
		want   minapush.Kind
	}{
		{func(a *apps) { a.err = minapush.Errorf(minapush.NotFound, "no such app") }, minapush.BadCredential},
		{func(a *apps) { a.err = minapush.Errorf(minapush.Unavailable, "store down") }, minapush.Unavailable},
		{func(a *apps) { a.err = errors.New("what") }, minapush.Unavailable},
		{func(a *apps) { a.app.BaseURL = "ftp://s3cr3t@x" }, minapush.BadCredential},
		{func(a *apps) { a.app.BaseURL = "http://%zz" }, minapush.BadCredential},
		{func(a *apps) { a.app.Token.Kind = "magic" }, minapush.BadCredential},
		{func(a *apps) { a.app.Token = minapush.TokenSource{Kind: minapush.TokenURL, URL: "::"} }, minapush.BadCredential},
		{func(a *apps) {
			a.app.Token = minapush.TokenSource{Kind: minapush.TokenURL, URL: "http://127.0.0.1:1/t", Header: "s3cr3t"}
		}, minapush.BadCredential},
	} {
		a := oneApp("http://127.0.0.1:1", minapush.TokenSource{})
		tc.change(a)
		c := newClient(t, wechat.Config{Apps: a})
		_, err := c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != tc.want || e.Extent != minapush.OneApp || errors.Is(err, minapush.NotFound) {
			t.Errorf("got %v %v %v, want %v", e.Kind, e.Extent, e, tc.want)
		}
	}
}

func TestATokenServiceIsAskedWithItsHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		asked := 0
		answer := func() string {
			return fmt.Sprintf(`{"code":0,"data":{"token":{"value":%q,"expires_in":7200}}}`, p.stable)
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				p.ServeHTTP(w, r)
				return
			}
			asked++
			if r.Header.Get("X-Key") != "s3cr3t" || r.Method != http.MethodGet {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			fmt.Fprint(w, answer())
		})
		source := minapush.TokenSource{Kind: minapush.TokenURL, URL: "http://token.test/token?a=b", Header: "X-Key: s3cr3t", Path: "data.token.value"}
		a := oneApp("http://wechat.test", source)
		c := newClient(t, wechat.Config{Apps: a, Transport: direct{h}})
		mustSend(t, c)
		time.Sleep(6899 * time.Second)
		mustSend(t, c)
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		p.stable = p.make()
		mustSend(t, c) // refused, asked again, repeated
		if asked != 2 {
			t.Errorf("asked %d times after a refusal", asked)
		}
		answer = func() string { return fmt.Sprintf(`{"data":{"token":{"value":%q}}}`, p.stable) } // no expires_in: a minute
		time.Sleep(6901 * time.Second)
		mustSend(t, c)
		time.Sleep(61 * time.Second)
		mustSend(t, c)
		if asked != 4 {
			t.Errorf("asked %d times without expires_in", asked)
		}
		answer = func() string { return `{"data":{"token":5}}` }
		time.Sleep(61 * time.Second)
		_, err := c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != minapush.Unavailable || e.Extent != minapush.OneApp {
			t.Errorf("got %+v", e)
		}
		a.set(func(a *apps) { a.app.Token.Header = "X-Key: wrong-s3cr3t" }) // a change is seen within a second
		time.Sleep(2 * time.Second)
		_, err = c.Send(t.Context(), message())
		if e := asError(t, err); e.Kind != minapush.BadCredential || e.Reason != wechat.ReasonNoToken {
			t.Errorf("got %+v", e)
		}
	})
}

func TestFixedAndNoTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var query atomic.Value
		says := `{"errcode":0,"errmsg":"ok"}`
		n := 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			query.Store(r.URL.String())
			fmt.Fprint(w, says)
		})
		a := oneApp("http://gateway.test/base/", minapush.TokenSource{Kind: minapush.TokenFixed, Value: "a b&c"})
		c := newClient(t, wechat.Config{Apps: a, Transport: direct{h}})
		if _, err := c.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		if got, want := query.Load(), "http://gateway.test/base/cgi-bin/message/subscribe/send?access_token=a+b%26c"; got != want {
			t.Errorf("asked %v, want %s", got, want)
		}
		a.set(func(a *apps) { a.app.Token = minapush.TokenSource{Kind: minapush.TokenNone} })
		time.Sleep(time.Second)
		if _, err := c.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		if got, want := query.Load(), "http://gateway.test/base/cgi-bin/message/subscribe/send"; got != want {
			t.Errorf("asked %v, want %s", got, want)
		}
		says, n = `{"errcode":40001,"errmsg":"old"}`, 0
		if _, err := c.Send(t.Context(), message()); !errors.Is(err, minapush.BadCredential) || n != 1 {
			t.Errorf("got %v after %d requests", err, n)
		}
	})
}

func TestASenderThatLeavesDoesNotTakeTheOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/cgi-bin/stable_token" {
				select {
				case <-r.Context().Done():
					panic("gone") // recovered below
				case <-time.After(5 * time.Second):
				}
			}
			p.ServeHTTP(w, r)
		})
		c := newClient(t, wechat.Config{Apps: oneApp("http://wechat.test", minapush.TokenSource{}), Transport: recovering{direct{slow}}})
		var wg sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		wg.Go(func() {
			_, err := c.Send(ctx, message())
			if e := asError(t, err); e.Kind != minapush.Unavailable {
				t.Errorf("got %+v", e)
			}
		})
		synctest.Wait()
		for range 5 {
			wg.Go(func() { mustSend(t, c) })
		}
		wg.Wait()
	})
}

type recovering struct{ http.RoundTripper }

func (r recovering) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil {
			resp, err = nil, req.Context().Err()
		}
	}()
	return r.RoundTripper.RoundTrip(req)
}

func TestACacheOfTwoWritersHasOneWinner(t *testing.T) {
	t.Parallel()
	cache := wechat.NewMemoryCache()
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := cache.Store(t.Context(), appID, wechat.CachedToken{}, wechat.CachedToken{Token: fmt.Sprint(i)})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, minapush.Conflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d winners", won.Load())
	}
	got, _ := cache.Load(t.Context(), appID)
	for _, s := range []string{fmt.Sprint(wechat.CachedToken{Token: "ACCESS-1"}), fmt.Sprintf("%+v %#v", got, got)} {
		if s == "" || got.Token == "" {
			t.Error("nothing stored")
		}
	}
}
