package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// asked is one request as the server sees it.
type asked struct{ method, uri, body string }

// Each call, the request that it must be, an answer, and whether the call is repeated when there is no answer.
func newCalls() map[string]struct {
	call   func(ctx context.Context, c *client.Client) (any, error)
	want   asked
	answer string
	safe   bool
} {
	const base = "/base/v1/apps/" + app
	type row = struct {
		call   func(ctx context.Context, c *client.Client) (any, error)
		want   asked
		answer string
		safe   bool
	}
	return map[string]row{
		"me": {func(ctx context.Context, c *client.Client) (any, error) { return c.Me(ctx, app) },
			asked{"GET", base + "/me", ""}, `{"openid":"o","balance":[],"scenes":[{"name":"s","templates":["t"]}]}`, true},
		"scenes": {func(ctx context.Context, c *client.Client) (any, error) {
			list, err := c.Scenes(ctx, app)
			return api.Scenes{Scenes: list}, err
		}, asked{"GET", base + "/scenes", ""}, `{"scenes":[{"name":"s","templates":["t"]}]}`, true},
		"put scene": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.PutScene(ctx, app, api.Scene{Name: "a b", Templates: []string{"t"}, CoolDownSeconds: -1})
		}, asked{"PUT", base + "/scenes/a%20b", `{"templates":["t"],"cool_down_seconds":-1}`}, `{"name":"a b","templates":["t"],"target":1}`, true},
		"delete scene": {func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeleteScene(ctx, app, "s") },
			asked{"DELETE", base + "/scenes/s", ""}, "", false},
		"spent": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.Spent(ctx, app, api.Spent{OpenID: "uid:7", Template: "t", MsgID: 12}, "k")
		}, asked{"POST", base + "/permits/spent", `{"openid":"uid:7","template":"t","msgid":"12"}`},
			`{"push":"p","openid":"o","state":"settled","outcome":"accepted","tries":0,"replayed":true}`, true},
		"a page of permits": {func(ctx context.Context, c *client.Client) (any, error) { return c.PermitPage(ctx, app, "a/b", 7) },
			asked{"GET", base + "/permits/export?cursor=a%2Fb&limit=7", ""},
			`{"permits":[{"openid":"o","kind":"form","code":"c","uses":1}],"next":"n","shards_done":1,"shards":8}`, true},
		"stock": {func(ctx context.Context, c *client.Client) (any, error) { return c.Stock(ctx, app) },
			asked{"GET", base + "/stock", ""},
			`{"at":"2026-11-22T10:00:00Z","age_seconds":4,"users":2,"permits":[{"kind":"form","permits":1,"uses":1,"by_age":[1],"by_source":[{"source":"p","uses":1}]}]}`, true},
		"profile": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.SetProfile(ctx, app, "uid:a/b", api.NewProfile{UID: "a/b", Tags: []string{"vip"}})
		}, asked{"PUT", base + "/users/uid:a%2Fb/profile", `{"uid":"a/b","tags":["vip"]}`}, `{"uid":"a/b","tags":["vip"],"attributes":{},"opt_out":"none"}`, true},
		"profile of another uid": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.SetProfile(ctx, app, "uid:a", api.NewProfile{UID: "b"})
		}, asked{"PUT", base + "/users/uid:a/profile", `{"uid":"b"}`}, `{"uid":"b","tags":[],"attributes":{},"opt_out":"none"}`, false},
		"profile of the same uid": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.SetProfile(ctx, app, "uid:a", api.NewProfile{UID: "a"})
		}, asked{"PUT", base + "/users/uid:a/profile", `{"uid":"a"}`}, `{"uid":"a","tags":[],"attributes":{},"opt_out":"none"}`, true},
		"opt-out": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.SetOptOut(ctx, app, "uid:张三 ?#%", "all")
		},
			asked{"PUT", base + "/users/uid:%E5%BC%A0%E4%B8%89%20%3F%23%25/opt-out", `{"opt_out":"all"}`},
			`{"tags":[],"attributes":{},"opt_out":"all"}`, true},
		"dry run": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.DryRun(ctx, app, api.NewCampaign{Message: api.Message{Template: "t"}, Audience: &api.Audience{Where: json.RawMessage(`{"tag":"vip"}`)}})
		}, asked{"POST", base + "/campaigns?dry_run=true", `{"message":{"template":"t"},"audience":{"where":{"tag":"vip"}}}`},
			`{"users":3,"reachable":2,"surveyed_at":"2026-11-22T10:00:00Z","narrowed":true}`, true},
		"retry": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.RetryCampaign(ctx, app, "id", api.Retry{Outcomes: []string{"failed"}, Start: true}, "k")
		}, asked{"POST", base + "/campaigns/id/retry", `{"outcomes":["failed"],"start":true}`},
			`{"id":"2","name":"","message":{"template":"t"},"template_kind":"one_time","audience":{"list":true,"listed":1},"retry_of":"id","at_least_once":false,` +
				`"grace_seconds":3600,"state":"running","created_at":"2026-11-22T10:00:00Z"}`, true},
		"sync": {func(ctx context.Context, c *client.Client) (any, error) { return c.SyncTemplates(ctx, app) },
			asked{"POST", base + "/templates/sync", ""}, `{"added":["a"],"changed":[],"same":["b"],"missing":["c"],"drift":[]}`, false},
		"check": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.Check(ctx, app, api.NewChecks{PublicURL: "https://x"})
		}, asked{"POST", base + "/checks", `{"public_url":"https://x"}`},
			`{"ok":false,"steps":[{"step":"token","status":"failed","reason":{"code":"40164","params":{"ip":"1.2.3.4"}},"errcode":40164}]}`, true},
		"check that sends": {func(ctx context.Context, c *client.Client) (any, error) {
			return c.Check(ctx, app, api.NewChecks{OpenID: "o", Message: &api.Message{Template: "t"}})
		}, asked{"POST", base + "/checks", `{"openid":"o","message":{"template":"t"}}`}, `{"ok":true,"steps":[]}`, false},
	}
}

func TestEachCallIsMadeAndAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range newCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &transport{answer: func(int) (*http.Response, error) {
				if c.answer == "" {
					return reply(http.StatusNoContent, ""), nil
				}
				return reply(http.StatusOK, c.answer), nil
			}}
			got, err := c.call(t.Context(), over(t, tr))
			if err != nil {
				t.Fatal(err)
			}
			r := tr.asked[0]
			if diff := cmp.Diff(c.want, asked{r.Method, r.URL.RequestURI(), tr.bodies[0]}, cmp.AllowUnexported(asked{})); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer the-key" {
				t.Errorf("got Authorization %q", got)
			}
			if got := r.Header.Get("Content-Type"); (c.want.body != "") != (got == api.ContentType) {
				t.Errorf("got Content-Type %q", got)
			}
			again, _ := json.Marshal(got)
			if diff := cmp.Diff(plain(t, []byte(c.answer)), plain(t, again)); diff != "" {
				t.Errorf("answer (-sent +returned):\n%s", diff)
			}
		})
	}
}

func TestEachCallIsRepeatedOnlyWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	for name, c := range newCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := 1
			if c.safe {
				want = client.DefaultTries
			}
			asked, keys := failing(t, func(ctx context.Context, cl *client.Client) error {
				_, err := c.call(ctx, cl)
				return err
			})
			if asked != want {
				t.Errorf("asked %d times, want %d", asked, want)
			}
			if strings.Contains("spent retry", name) && keys[0] != "k" {
				t.Errorf("got keys %q", keys)
			}
		})
	}
}

func TestKeysAreMadeForEveryCallThatTakesOne(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(ctx context.Context, c *client.Client) error{
		"spent": func(ctx context.Context, c *client.Client) error {
			_, err := c.Spent(ctx, app, api.Spent{}, "")
			return err
		},
		"retry": func(ctx context.Context, c *client.Client) error {
			_, err := c.RetryCampaign(ctx, app, "id", api.Retry{}, "")
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
	} {
		asked, keys := failing(t, call)
		if asked != client.DefaultTries || len(keys) != 1 || len(keys[0]) < 20 {
			t.Errorf("%s: asked %d times with keys %q", name, asked, keys)
		}
	}
}

func TestAnotherCredentialSharesTheRest(t *testing.T) {
	t.Parallel()
	tr := &transport{answer: func(int) (*http.Response, error) { return reply(200, `{}`), nil }}
	c := over(t, tr)
	phone, err := c.As("session-token")
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := phone.Me(t.Context(), app)
	_, err2 := c.Stock(t.Context(), app)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if got := tr.asked[0].Header.Get("Authorization") + ", " + tr.asked[1].Header.Get("Authorization"); got != "Bearer session-token, Bearer the-key" {
		t.Errorf("got %s", got)
	}
	if _, err := c.As("two words"); err == nil {
		t.Error("a credential with a space is taken")
	}
}

func TestAllPermitsAreStreamed(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"": `{"permits":[{"openid":"a","kind":"form"}],"next":"p2"}`, "p2": `{"permits":[],"next":"p3"}`, "p3": `{"permits":[{"openid":"b","kind":"pay","code":"c","uses":2}]}`,
	}
	tr := &transport{}
	tr.answer = func(try int) (*http.Response, error) {
		return reply(200, pages[tr.asked[try-1].URL.Query().Get("cursor")]), nil
	}
	var got []api.PermitRow
	for p, err := range over(t, tr).ExportPermits(t.Context(), app) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := []api.PermitRow{{OpenID: "a", Kind: "form"}, {OpenID: "b", Kind: "pay", Code: "c", Uses: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
