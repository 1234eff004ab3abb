package wechat_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

func TestDriftIsTheDifferenceToTheDateOfAnAnswer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for off, date := range map[time.Duration]string{
		time.Hour:           now.Add(-time.Hour).Format(http.TimeFormat),
		-10 * time.Minute:   now.Add(10 * time.Minute).Format(http.TimeFormat),
		0:                   now.Format(http.TimeFormat),
		30 * 24 * time.Hour: now.Add(-30 * 24 * time.Hour).Format(http.TimeFormat),
	} {
		base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "" {
				t.Errorf("asked with %s", r.URL.RawQuery)
			}
			w.Header().Set("Date", date)
			w.WriteHeader(http.StatusBadGateway) // whatever it says
		}))
		c := newClient(t, wechat.Config{Apps: oneApp(base, fixed()), Now: func() time.Time { return now }})
		got, err := c.Drift(t.Context(), appID)
		if err != nil || (got-off).Abs() > time.Second {
			t.Errorf("%v: got %v, %v", off, got, err)
		}
	}
}

func TestDriftSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	silent := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }))
	if _, err := newClient(t, wechat.Config{Apps: oneApp(silent, fixed())}).Drift(t.Context(), appID); !errors.Is(err, minapush.NotFound) {
		t.Errorf("no Date: %v", err)
	}
	_, err := newClient(t, wechat.Config{Apps: oneApp("http://127.0.0.1:1", fixed())}).Drift(t.Context(), appID)
	if e := asError(t, err); e.Kind != minapush.Unavailable || e.Reason != wechat.ReasonNotSent {
		t.Errorf("refused: %+v", e)
	}
	if _, err := newClient(t, wechat.Config{Apps: oneApp(silent, fixed())}).Drift(t.Context(), "wx-other"); !errors.Is(err, minapush.BadCredential) {
		t.Errorf("no app: %v", err)
	}
}

func TestCheckTokenAsksAgainWhereThatChangesNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []minapush.TokenKind{minapush.TokenStable, minapush.TokenClassic} {
		p := newPlatform()
		c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), minapush.TokenSource{Kind: kind})})
		if _, err := c.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		var asked int
		p.set(func(p *platform) { asked = p.normal + p.classics })
		got, err := c.CheckToken(t.Context(), appID)
		if err != nil || got.Source != kind || got.Left <= 0 || got.Fresh != (kind == minapush.TokenStable) {
			t.Errorf("%s: got %+v, %v", kind, got, err)
		}
		p.set(func(p *platform) {
			if again := p.normal + p.classics - asked; again != map[minapush.TokenKind]int{minapush.TokenStable: 1}[kind] || len(p.forced) > 0 {
				t.Errorf("%s: asked %d times, by force %d", kind, again, len(p.forced))
			}
		})
		if _, err := c.Send(t.Context(), message()); err != nil {
			t.Errorf("%s: the token in use was ended: %v", kind, err)
		}
	}
}

func TestCheckTokenTellsWhatAGoodTokenHides(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), minapush.TokenSource{Kind: minapush.TokenStable})})
	if _, err := c.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	p.set(func(p *platform) {
		p.tokenSays = `{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 5f7184ff-5448020d-6384be15"}`
	})
	_, err := c.CheckToken(t.Context(), appID)
	var said *wechat.AnswerError
	if e := asError(t, err); e.Code != 40164 || e.Kind != minapush.BadCredential || !errors.As(err, &said) || said.IP != "203.0.113.7" {
		t.Errorf("got %+v", e)
	}
	p.set(func(p *platform) { p.tokenSays = "" })
	if got, err := c.CheckToken(t.Context(), appID); err != nil || !got.Fresh {
		t.Errorf("after the failure: %+v, %v", got, err)
	}
	if got, err := newClient(t, wechat.Config{Apps: oneApp("http://127.0.0.1:1", fixed())}).CheckToken(t.Context(), appID); err != nil || got.Fresh {
		t.Errorf("a fixed token: %+v, %v", got, err)
	}
}
