package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const app = "wx0123456789abcdef"

// golden is one file of api/testdata, as the server's tests describe it.
type golden struct {
	Method, Path    string
	Headers         map[string]string
	Request, Answer json.RawMessage
	// Body is a request that is not JSON, and Text an answer.
	Body, Text string
	Status     int
}

// with decodes the request of a golden file for a call of the client.
func with[In, Out any](call func(context.Context, *client.Client, In, string) (Out, error)) func(context.Context, *client.Client, golden) (any, error) {
	return func(ctx context.Context, c *client.Client, g golden) (any, error) {
		var in In
		if len(g.Request) > 0 {
			if err := json.Unmarshal(g.Request, &in); err != nil {
				return nil, err
			}
		}
		out, err := call(ctx, c, in, g.Headers[api.IdempotencyKey])
		return out, err
	}
}

type none struct{}

// calls are the client's calls by the golden file that each is played with.
func calls() map[string]func(context.Context, *client.Client, golden) (any, error) {
	user := func(openid string) func(context.Context, *client.Client, none, string) (api.User, error) {
		return func(ctx context.Context, c *client.Client, _ none, _ string) (api.User, error) {
			return c.User(ctx, app, openid)
		}
	}
	push := with(func(ctx context.Context, c *client.Client, in api.NewPush, key string) (api.Push, error) {
		return c.Push(ctx, app, in, key)
	})
	report := with(func(ctx context.Context, c *client.Client, in api.Report, _ string) (api.ReportAnswer, error) {
		return c.Report(ctx, app, in)
	})
	template := func(id string) func(context.Context, *client.Client, golden) (any, error) {
		return with(func(ctx context.Context, c *client.Client, in api.Template, _ string) (api.Template, error) {
			in.ID = id
			return c.PutTemplate(ctx, app, in)
		})
	}
	campaign := with(func(ctx context.Context, c *client.Client, in api.NewCampaign, key string) (api.Campaign, error) {
		return c.CreateCampaign(ctx, app, in, key)
	})
	showApp := with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.App, error) { return c.App(ctx, app) })
	return map[string]func(context.Context, *client.Client, golden) (any, error){
		"create-app": with(func(ctx context.Context, c *client.Client, in api.NewApp, _ string) (api.App, error) {
			return c.CreateApp(ctx, in)
		}),
		"stop-app": with(func(ctx context.Context, c *client.Client, in api.AppChange, _ string) (api.App, error) {
			return c.UpdateApp(ctx, app, in)
		}),
		"list-apps": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Apps, error) {
			list, err := c.Apps(ctx)
			return api.Apps{Apps: list}, err
		}),
		"put-template": template("one-time-template"), "put-legacy-template": template("legacy-template"),
		"put-template-policies": template("order-template"),
		"list-templates": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Templates, error) {
			list, err := c.Templates(ctx, app)
			return api.Templates{Templates: list}, err
		}),
		"create-key": with(func(ctx context.Context, c *client.Client, in api.NewKey, _ string) (api.KeySecret, error) {
			return c.CreateKey(ctx, in)
		}),
		"list-keys": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Keys, error) {
			list, err := c.Keys(ctx)
			return api.Keys{Keys: list}, err
		}),
		"login": with(func(ctx context.Context, c *client.Client, in api.Login, _ string) (api.Session, error) {
			return c.Session(ctx, app, in.Code)
		}),
		"create-session-token": with(func(ctx context.Context, c *client.Client, in api.NewSession, _ string) (api.Session, error) {
			return c.SessionToken(ctx, app, in.OpenID)
		}),
		"report": report, "report-relayed": report, "report-sdk": report, "report-of-somebody-else": report,
		"report-recipe": with(func(ctx context.Context, c *client.Client, in api.RecipeReport, _ string) (api.ReportAnswer, error) {
			return c.ReportRecipe(ctx, app, in)
		}),
		"deposit": with(func(ctx context.Context, c *client.Client, in api.Deposit, _ string) (api.ReportAnswer, error) {
			return c.Deposit(ctx, app, in)
		}),
		"user": with(user("oUser0000000000000000000001")), "user-after-pushes": with(user("oUser0000000000000000000001")),
		"user-not-found": with(user("oNobodyAtAll")),
		"erase-user": with(func(ctx context.Context, c *client.Client, _ none, _ string) (any, error) {
			done, err := c.EraseUser(ctx, app, "oUser0000000000000000000002")
			if !done && err == nil {
				err = errors.New("not done")
			}
			return nil, err
		}),
		"push": push, "push-replayed": push, "push-key-reused": push, "push-keywords": push, "push-skipped": push, "push-invalid": push, "push-stopped": push,
		"reach": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Reach, error) {
			return c.Reach(ctx, app, true)
		}),
		"flow": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Flow, error) {
			return c.Flow(ctx, app)
		}),
		"create-campaign": campaign, "schedule-campaign": campaign,
		"campaign": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Campaign, error) {
			return c.Campaign(ctx, app, "{first}")
		}),
		"deliveries": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Deliveries, error) {
			var all api.Deliveries
			for d, err := range c.Deliveries(ctx, app, "{first}", "accepted") {
				if err != nil {
					return all, err
				}
				all.Deliveries = append(all.Deliveries, d)
			}
			return all, nil
		}),
		"list-campaigns": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Campaigns, error) {
			var all api.Campaigns
			for m, err := range c.Campaigns(ctx, app) {
				if err != nil {
					return all, err
				}
				all.Campaigns = append(all.Campaigns, m)
			}
			return all, nil
		}),
		"pause-finished": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Campaign, error) {
			return c.PauseCampaign(ctx, app, "{first}")
		}),
		"cancel-campaign": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Campaign, error) {
			return c.CancelCampaign(ctx, app, "{second}")
		}),
		"no-key": showApp, "bad-key": showApp,
		"health": with(func(ctx context.Context, c *client.Client, _ none, _ string) (api.Health, error) {
			return c.Health(ctx)
		}),
	}
}

// notForClients are golden files that the client does not bring about: it knows its fields and types, sends a part's first line with the
// second part only, reads exports as pages, and takes nothing for a backup that is no tar; and a session's token is no such key as these are
// played with.
var notForClients = map[string]bool{
	"unknown-field": true, "import-wrong-type": true, "import-users-csv": true, "export-permits-csv": true, "export-permits-ndjson": true, "backup": true,
	"note-own-events": true,
}

func TestTheClientMakesTheGoldenCalls(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../api/testdata/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d golden files: %v", len(files), err)
	}
	known := calls()
	maps.Copy(known, moreCalls())
	for _, file := range files {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		if notForClients[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if known[name] == nil {
				t.Fatal("the test does not know the call")
			}
			play(t, readGolden(t, file), known[name])
		})
	}
}

func readGolden(t *testing.T, file string) (g golden) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// play makes a call against a server that expects the golden request and gives the golden answer.
func play(t *testing.T, g golden, call func(context.Context, *client.Client, golden) (any, error)) {
	t.Helper()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.RequestURI(); got != g.Method+" "+strings.NewReplacer("{", "%7B", "}", "%7D").Replace(g.Path) {
			t.Errorf("got %s, want %s %s", got, g.Method, g.Path)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer the-key" {
			t.Errorf("got Authorization %q", got)
		}
		for name, value := range g.Headers {
			if got := r.Header.Get(name); got != value {
				t.Errorf("got %s %q, want %q", name, got, value)
			}
		}
		body, _ := io.ReadAll(r.Body)
		if g.Body != "" {
			if string(body) != g.Body {
				t.Errorf("got body %q, want %q", body, g.Body)
			}
		} else if diff := cmp.Diff(plain(t, g.Request), plain(t, body)); diff != "" {
			t.Errorf("request (-file +sent):\n%s", diff)
		}
		w.Header().Set("Content-Type", api.ContentType)
		if g.Status >= 400 {
			w.Header().Set("Content-Type", api.ProblemType)
		}
		w.WriteHeader(g.Status)
		_, _ = io.WriteString(w, string(g.Answer)+g.Text)
	}, client.Config{Tries: 1})
	got, err := call(t.Context(), c, g)
	if g.Status >= 400 {
		wantProblem(t, err, g)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(got)
	if g.Text != "" { // lines, of which the last one is returned
		lines := strings.Split(strings.TrimSpace(g.Text), "\n")
		g.Answer = json.RawMessage(lines[len(lines)-1])
	}
	if diff := cmp.Diff(plain(t, g.Answer), plain(t, again)); diff != "" {
		t.Errorf("answer (-file +returned):\n%s", diff)
	}
}

func wantProblem(t *testing.T, err error, g golden) {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(g.Answer, &p); err != nil {
		t.Fatal(err)
	}
	var e *client.Error
	if !errors.As(err, &e) || !errors.Is(err, p.Code) {
		t.Fatalf("got %v, want a problem %s", err, p.Code)
	}
	want := &client.Error{Status: p.Status, Code: p.Code, Number: p.Number, Title: p.Title, Detail: p.Detail, Errcode: p.Errcode, Reason: p.Reason, Fields: p.Errors}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-file +error):\n%s", diff)
	}
	if len(p.Errors) > 0 && e.Field() != p.Errors[0].Location {
		t.Errorf("got field %q", e.Field())
	}
	if text := err.Error(); !strings.Contains(text, p.Title) || !strings.Contains(text, fmt.Sprint(p.Number)) {
		t.Errorf("got text %q", text)
	}
}

// serve starts a server and makes a client of it.
func serve(t *testing.T, h http.HandlerFunc, cfg client.Config) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg.HTTPClient = s.Client()
	c, err := client.New(s.URL+"/", "the-key", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func plain(t *testing.T, body []byte) any {
	t.Helper()
	if len(body) == 0 || string(body) == "null" {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if m, ok := v.(map[string]any); ok && m["kind"] != nil {
		delete(m, "id") // the client repeats the path's template id in the body
	}
	return v
}
