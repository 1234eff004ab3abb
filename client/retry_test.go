package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// transport answers with one function and remembers what was asked.
type transport struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	at     []time.Time
	answer func(try int) (*http.Response, error)
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	tr.asked, tr.bodies, tr.at = append(tr.asked, r), append(tr.bodies, string(body)), append(tr.at, time.Now())
	return tr.answer(len(tr.asked))
}

func reply(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {api.ContentType}}
	if status >= 400 {
		h.Set("Content-Type", api.ProblemType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func over(t *testing.T, tr *transport) *client.Client {
	t.Helper()
	c, err := client.New("https://push.example.com/base", "the-key", client.Config{HTTPClient: &http.Client{Transport: tr}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const busy = `{"title":"Not now","status":429,"code":"throttled","number":42901}`

func TestWhatIsSafeIsRepeatedAndNothingElse(t *testing.T) {
	t.Parallel()
	safe := map[string]func(context.Context, *client.Client) error{
		"read": func(ctx context.Context, c *client.Client) error { _, err := c.Flow(ctx, app); return err },
		"report": func(ctx context.Context, c *client.Client) error {
			_, err := c.Report(ctx, app, api.Report{})
			return err
		},
		"push": func(ctx context.Context, c *client.Client) error {
			_, err := c.Push(ctx, app, api.NewPush{}, "")
			return err
		},
		"campaign": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateCampaign(ctx, app, api.NewCampaign{}, "")
			return err
		},
		"schedule": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateSchedule(ctx, app, api.NewSchedule{}, "")
			return err
		},
		"check schedule": func(ctx context.Context, c *client.Client) error {
			_, err := c.CheckSchedule(ctx, app, api.NewSchedule{})
			return err
		},
		"count": func(ctx context.Context, c *client.Client) error {
			_, err := c.CountAudience(ctx, app, api.AudienceQuestion{}, nil)
			return err
		},
		"events": func(ctx context.Context, c *client.Client) error {
			_, err := c.NoteEvents(ctx, app, []api.UserEvent{{OpenID: "o", Name: "n"}})
			return err
		},
	}
	unsafe := map[string]func(context.Context, *client.Client) error{
		"login": func(ctx context.Context, c *client.Client) error { _, err := c.Session(ctx, app, "code"); return err },
		"app": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateApp(ctx, api.NewApp{})
			return err
		},
		"key": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateKey(ctx, api.NewKey{})
			return err
		},
		"revoke": func(ctx context.Context, c *client.Client) error { return c.RevokeKey(ctx, "id") },
		"invite": func(ctx context.Context, c *client.Client) error { _, err := c.InviteOperator(ctx, ""); return err },
		"cancel": func(ctx context.Context, c *client.Client) error {
			_, err := c.CancelCampaign(ctx, app, "id")
			return err
		},
		"pause schedule": func(ctx context.Context, c *client.Client) error {
			_, err := c.PauseSchedule(ctx, app, "id")
			return err
		},
		"deposit": func(ctx context.Context, c *client.Client) error {
			_, err := c.Deposit(ctx, app, api.Deposit{})
			return err
		},
		"erase": func(ctx context.Context, c *client.Client) error { _, err := c.EraseUser(ctx, app, "o"); return err },
	}
	try := func(calls map[string]func(context.Context, *client.Client) error, want int) {
		for name, call := range calls {
			for _, failure := range []func(int) (*http.Response, error){
				func(int) (*http.Response, error) { return reply(429, busy), nil },
				func(int) (*http.Response, error) { return reply(503, `{"code":"unavailable","number":50301}`), nil },
				func(int) (*http.Response, error) { return nil, errors.New("connection reset") },
				func(int) (*http.Response, error) {
					return reply(502, "<html>bad gateway", "Content-Type", "text/html"), nil
				},
			} {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						tr := &transport{answer: failure}
						if err := call(t.Context(), over(t, tr)); err == nil {
							t.Error("no error")
						}
						if len(tr.asked) != want {
							t.Errorf("asked %d times, want %d", len(tr.asked), want)
						}
						for i := range tr.asked {
							if tr.bodies[i] != tr.bodies[0] || tr.asked[i].Header.Get(api.IdempotencyKey) != tr.asked[0].Header.Get(api.IdempotencyKey) {
								t.Error("a repeated call is another one")
							}
						}
					})
				})
			}
		}
	}
	try(safe, 4)
	try(unsafe, 1)
}

func TestAnIdempotencyKeyIsMadeWhenNoneIsGiven(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(200, `{}`), nil }}
	c := over(t, tr)
	for _, key := range []string{"", "", "mine"} {
		if _, err := c.Push(t.Context(), app, api.NewPush{}, key); err != nil {
			t.Fatal(err)
		}
	}
	one, two, three := tr.asked[0].Header.Get(api.IdempotencyKey), tr.asked[1].Header.Get(api.IdempotencyKey), tr.asked[2].Header.Get(api.IdempotencyKey)
	if len(one) < 20 || one == two || three != "mine" {
		t.Errorf("got keys %q, %q, %q", one, two, three)
	}
}

func TestTheServersWaitIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(try int) (*http.Response, error) {
			if try < 3 {
				return reply(429, busy, "Retry-After", "7"), nil
			}
			return reply(200, `{"kinds":[]}`), nil
		}}
		if _, err := over(t, tr).Flow(t.Context(), app); err != nil {
			t.Fatal(err)
		}
		if took := tr.at[2].Sub(tr.at[0]); took != 14*time.Second {
			t.Errorf("waited %v, want 14s", took)
		}
	})
}

func TestALongWaitIsTheCallersToDecide(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(429, busy, "Retry-After", "3600"), nil }}
	_, err := over(t, tr).Flow(t.Context(), app)
	var e *client.Error
	if !errors.As(err, &e) || e.RetryAfter != time.Hour || len(tr.asked) != 1 {
		t.Errorf("got %v after %d calls", err, len(tr.asked))
	}
}

func TestWhatWillNotChangeIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"status":503,"code":"unavailable","number":50302}`, `{"status":503,"code":"bad_credential","number":50303}`,
	} {
		tr := &transport{answer: func(int) (*http.Response, error) { return reply(503, body), nil }}
		if _, err := over(t, tr).Flow(t.Context(), app); err == nil || len(tr.asked) != 1 {
			t.Errorf("%s: got %v after %d calls", body, err, len(tr.asked))
		}
	}
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(409, `{"code":"conflict","number":40901}`), nil }}
	if _, err := over(t, tr).Push(t.Context(), app, api.NewPush{}, "k"); !errors.Is(err, api.Conflict) || len(tr.asked) != 1 {
		t.Errorf("got %v after %d calls", err, len(tr.asked))
	}
}

func TestAPushInProgressIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(try int) (*http.Response, error) {
			if try == 1 {
				return reply(409, `{"code":"conflict","number":40902}`, "Retry-After", "1"), nil
			}
			return reply(200, `{"outcome":"accepted","replayed":true}`), nil
		}}
		p, err := over(t, tr).Push(t.Context(), app, api.NewPush{}, "k")
		if err != nil || !p.Replayed || p.Outcome != "accepted" {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}

func TestACancelledCallStopsWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(int) (*http.Response, error) { return reply(429, busy, "Retry-After", "20"), nil }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := over(t, tr).Flow(ctx, app); !errors.Is(err, api.Throttled) || time.Since(begun) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
	})
}

func TestIdsAreEscapedAndNeverShownInErrors(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return nil, errors.New("no route to host") }}
	c := over(t, tr)
	for openid, path := range map[string]string{
		"a/b": "/base/v1/apps/wx/users/a%2Fb", "..": "/base/v1/apps/wx/users/%2E%2E", "a?b#c": "/base/v1/apps/wx/users/a%3Fb%23c", "%2f": "/base/v1/apps/wx/users/%252f",
	} {
		_, err := c.EraseUser(t.Context(), "wx", openid)
		if err == nil || strings.Contains(err.Error(), "/users/") {
			t.Errorf("got %v", err)
		}
		if got := tr.asked[len(tr.asked)-1].URL.EscapedPath(); got != path {
			t.Errorf("got path %s, want %s", got, path)
		}
	}
}

func TestStreamsGoThroughThePagesAndStopWhenTold(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"": `{"deliveries":[{"openid":"a"},{"openid":"b"}],"next":"p2"}`, "p2": `{"deliveries":[],"next":"p3"}`, "p3": `{"deliveries":[{"openid":"c"}]}`,
	}
	tr := &transport{}
	tr.answer = func(try int) (*http.Response, error) {
		return reply(200, pages[tr.asked[try-1].URL.Query().Get("cursor")]), nil
	}
	c := over(t, tr)
	got := ""
	for d, err := range c.Deliveries(t.Context(), app, "id", "") {
		if err != nil {
			t.Fatal(err)
		}
		got += d.OpenID
	}
	if got != "abc" || len(tr.asked) != 3 {
		t.Errorf("got %q after %d calls", got, len(tr.asked))
	}
	for range c.Deliveries(t.Context(), app, "id", "") {
		break
	}
	if len(tr.asked) != 4 {
		t.Errorf("%d calls, want 4", len(tr.asked))
	}
	tr.answer = func(int) (*http.Response, error) { return reply(404, `{"code":"not_found","number":40401}`), nil }
	n := 0
	for _, err := range c.Campaigns(t.Context(), app) {
		n++
		if !errors.Is(err, api.NotFound) {
			t.Errorf("got %v", err)
		}
	}
	if n != 1 {
		t.Errorf("the stream yields %d times after an error", n)
	}
}

func TestTheRestOfTheCalls(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(200, `{}`), nil }}
	c, ctx := over(t, tr), t.Context()
	_, err1 := c.Relay(ctx, app, "oUser", []byte(`{"items": []}`))
	_, err2 := c.StopApp(ctx, app, true)
	_, err3 := c.Template(ctx, app, "t")
	err4 := c.DeleteTemplate(ctx, app, "t")
	_, err5 := c.Ready(ctx)
	_, err6 := c.StartCampaign(ctx, app, "id")
	_, err7 := c.ResumeCampaign(ctx, app, "id")
	err8 := c.RevokeKey(ctx, "k")
	_, err9 := c.Relay(ctx, app, "oUser", []byte(`{"items": [`))
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil || err9 == nil {
		t.Fatal(err, err9)
	}
	want := []string{
		"POST /base/v1/apps/" + app + "/reports {\"items\":[]}", "PATCH /base/v1/apps/" + app + " {\"stopped\":true}",
		"GET /base/v1/apps/" + app + "/templates/t ", "DELETE /base/v1/apps/" + app + "/templates/t ", "GET /base/readyz ",
		"POST /base/v1/apps/" + app + "/campaigns/id/start ", "POST /base/v1/apps/" + app + "/campaigns/id/resume ", "DELETE /base/v1/keys/k ",
	}
	for i, r := range tr.asked {
		if got := r.Method + " " + r.URL.Path + " " + tr.bodies[i]; got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
	}
	if got := tr.asked[0].Header.Get(api.OpenIDHeader); got != "oUser" {
		t.Errorf("got %s %q", api.OpenIDHeader, got)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		tr := &transport{answer: func(int) (*http.Response, error) {
			return reply(status, "", "Location", "https://elsewhere.example.com/"), nil
		}}
		c := over(t, tr)
		_, err1 := c.Push(t.Context(), app, api.NewPush{}, "")
		_, err2 := c.Flow(t.Context(), app)
		for _, err := range []error{err1, err2} {
			var e *client.Error
			if !errors.As(err, &e) || e.Status != status || len(tr.asked) != 2 {
				t.Errorf("%d: got %v after %d calls", status, err, len(tr.asked))
			}
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "push.example.com", "ftp://x", "http://x?y=1", "http://", ":"} {
		if _, err := client.New(base, "", client.Config{}); err == nil {
			t.Errorf("%q is taken for a base URL", base)
		}
	}
	if _, err := client.New("http://x", "a\nb", client.Config{}); err == nil {
		t.Error("a key with a line break is taken")
	}
	if _, err := client.New("http://x", "", client.Config{Tries: -1}); err == nil {
		t.Error("negative tries are taken")
	}
}

func TestAnswersThatAreNotMinapushsAreErrorsToo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		text   string
	}{{413, "<html>", "HTTP 413"}, {302, "", "redirect"}, {200, "<html>", "read answer"}} {
		tr := &transport{answer: func(int) (*http.Response, error) {
			return reply(c.status, c.body, "Content-Type", "text/html"), nil
		}}
		_, err := over(t, tr).CreateApp(t.Context(), api.NewApp{})
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%d: got %v, want %s", c.status, err, c.text)
		}
	}
}

// failing makes a call that is never answered, in a bubble of its own, and returns how often it was asked and with which keys.
func failing(t *testing.T, call func(ctx context.Context, c *client.Client) error) (asked int, keys []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{answer: func(int) (*http.Response, error) { return nil, errors.New("connection reset") }}
		if err := call(t.Context(), over(t, tr)); err == nil {
			t.Error("no error")
		}
		asked = len(tr.asked)
		for _, r := range tr.asked {
			if key := r.Header.Get(api.IdempotencyKey); key != "" {
				keys = append(keys, key)
			}
		}
		keys = slices.Compact(keys)
	})
	return asked, keys
}
