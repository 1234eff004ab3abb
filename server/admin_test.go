package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

func TestTemplatesAreTakenFromThePlatform(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	known, err := b.accounts.Template(t.Context(), appID, tmplID)
	must(t, err)
	must(t, b.accounts.PutTemplate(t.Context(), appID, minapush.Template{ID: "gone", Kind: minapush.LongTermTemplate}))
	must(t, b.accounts.PutTemplate(t.Context(), appID, minapush.Template{ID: "old", Kind: minapush.OneTimeTemplate, Title: "Old"}))
	b.logins.templates = []minapush.Template{
		known, {ID: "old", Kind: minapush.OneTimeTemplate, Title: "New"}, {ID: "new", Kind: minapush.LongTermTemplate, Keys: []minapush.TemplateKey{{Key: "thing1"}}},
	}
	got := want[api.TemplateSync](t, b.call(t, "POST", base+"/templates/sync", b.admin, ""), 200)
	wanted := api.TemplateSync{
		Added: []string{"new"}, Changed: []string{"old"}, Same: []string{tmplID}, Missing: []string{"gone"},
		Drift: []api.TemplateDrift{
			{Template: "old", Title: "New", What: "changed", Changes: []api.TemplateChange{{Field: "title", Was: "Old", Is: "New"}}},
			{Template: "new", What: "new"}, {Template: "gone", What: "deleted", GoneSince: b.clock.now()},
		},
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	if now := want[api.Template](t, b.call(t, "GET", base+"/templates/old", b.admin, ""), 200); now.Title != "New" {
		t.Errorf("got %+v", now)
	}
	again := want[api.TemplateSync](t, b.call(t, "POST", base+"/templates/sync", b.admin, ""), 200)
	if len(again.Same) != 3 || again.Added == nil || len(again.Added)+len(again.Changed) != 0 || len(again.Missing) != 1 {
		t.Errorf("the second time: got %+v", again)
	}
	want[api.Template](t, b.call(t, "GET", base+"/templates/gone", b.admin, ""), 200) // it stays
}

func TestAPlatformThatShowsNoTemplatesChangesNone(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	for number, err := range map[int]error{
		api.NumPlatformRejected: &minapush.Error{Kind: minapush.BadCredential, Code: 40164, Err: errors.New("hint: 10.0.0.1")},
		api.NumUnavailable:      &minapush.Error{Kind: minapush.Unavailable, Reason: "not_sent", Err: errors.New("dial 10.0.0.1")},
		api.NumThrottled:        &minapush.Error{Kind: minapush.Throttled, Code: 45009},
	} {
		b.logins.err = err
		a := b.call(t, "POST", base+"/templates/sync", b.admin, "")
		p := wantProblem(t, a, number, "")
		var e *minapush.Error
		errors.As(err, &e)
		if p.Errcode != e.Code || strings.Contains(a.body, "10.0.0.1") || (p.Reason != nil) != (e.Reason != "") {
			t.Errorf("got %+v", p)
		}
	}
	b.logins.err = minapush.Errorf(minapush.NotFound, "app has no AppSecret")
	wantProblem(t, b.call(t, "POST", base+"/templates/sync", b.admin, ""), api.NumPlatformRejected, "")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestAPushThatWechatNeverSawSaysSo(t *testing.T) {
	t.Parallel()
	b := setupWith(t, 300*time.Millisecond).withApp(t)
	b.deposit(t, openid, b.formID(1))
	b.sender.failWith(func(minapush.Outgoing) error {
		return &minapush.Error{Kind: minapush.Unavailable, Reason: "not_sent", RetryAfter: time.Hour, Err: errors.New("dial tcp 10.0.0.1:443: refused")}
	})
	a := b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`, "")
	p := wantProblem(t, a, api.NumUnavailable, "")
	if p.Reason == nil || p.Reason.Code != "not_sent" || !strings.Contains(p.Detail, "not_sent") || strings.Contains(a.body, "10.0.0.1") {
		t.Errorf("got %+v", p)
	}
	if u := want[api.User](t, b.call(t, "GET", users+openid, b.admin, ""), 200); u.Counts.Available != 1 {
		t.Errorf("the permit is not back: %+v", u.Counts)
	}
}

func TestChecksAreAskedWithWhatIsValid(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	const checks = base + "/checks"
	want[api.Profile](t, b.putProfile(t, openid, `{"uid":"u1"}`), 200)
	if got := want[api.Checks](t, b.call(t, "POST", checks, b.admin, `{}`), 200); !got.OK || len(got.Steps) != 2 || got.Steps[1].Status != "skipped" {
		t.Errorf("got %+v", got)
	}
	body := `{"openid":"uid:u1","message":{` + oneTime + `},"public_url":"https://push.example.com/base"}`
	got := want[api.Checks](t, b.call(t, "POST", checks, b.admin, body), 200)
	if got.Steps[1].Reason.Params["openid"] != openid || got.Steps[1].Reason.Params["app"] != appID {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct{ body, location string }{
		{`{"openid":"a b","message":{` + oneTime + `}}`, "body.openid"},
		{`{"openid":"o"}`, "body.message"},
		{`{"message":{` + oneTime + `}}`, "body.message"},
		{`{"openid":"o","message":{"template":"nobody-knows-it"}}`, "body.message.template"},
		{`{"openid":"o","message":{` + greeting + `}}`, "body.message.values.thing1"},
		{`{"public_url":"ftp://x"}`, "body.public_url"},
		{`{"public_url":"https://user:pass@x"}`, "body.public_url"},
		{`{"public_url":"/only/a/path"}`, "body.public_url"},
		{`{"public_url":"https://x/` + strings.Repeat("x", 2048) + `"}`, "body.public_url"},
	} {
		wantProblem(t, b.call(t, "POST", checks, b.admin, c.body), api.NumInvalid, c.location)
	}
	bare := setup(t, func(p *server.Parts, _ *server.Config) { p.Checker = nil })
	wantProblem(t, bare.call(t, "POST", checks, bare.admin, `{}`), api.NumNoRoute, "")
}

func TestABackupIsForAdminsOfEveryApp(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	a := b.call(t, "GET", "/v1/backup", b.admin, "")
	if a.status != 200 || a.body != "the whole store" || a.header.Get("Content-Type") != "application/x-tar" {
		t.Errorf("got %+v", a)
	}
	wantProblem(t, b.call(t, "GET", "/v1/backup", b.key(t, appID, account.ScopeAdmin), ""), api.NumForbidden, "")
	wantProblem(t, b.call(t, "GET", "/v1/backup", b.key(t, "", account.ScopeRead), ""), api.NumForbidden, "")
	bare := setup(t, func(p *server.Parts, _ *server.Config) { p.Backup = nil })
	wantProblem(t, bare.call(t, "GET", "/v1/backup", bare.admin, ""), api.NumNotFound, "")
}

func TestABackupThatFailsBeforeItsFirstByteIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *server.Parts, _ *server.Config) {
		p.Backup = func(context.Context, io.Writer) error {
			return minapush.Errorf(minapush.Unavailable, "the disk is full")
		}
	})
	wantProblem(t, b.call(t, "GET", "/v1/backup", b.admin, ""), api.NumUnavailable, "")
}

func TestABackupThatBreaksOffDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *server.Parts, _ *server.Config) {
		p.Backup = func(_ context.Context, w io.Writer) error {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
				return err
			}
			return errors.New("the inner text")
		}
	})
	s := b.live(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/backup", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+b.admin)
	resp, err := s.Client().Do(r)
	must(t, err)
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || n > 1<<20 {
		t.Errorf("read %d bytes and then %v, want a broken connection", n, err)
	}
	if !strings.Contains(b.log.String(), "the inner text") {
		t.Error("it is not logged")
	}
}

func TestABackupMayTakeLongAndIsTakenOneAtATime(t *testing.T) {
	t.Parallel()
	begun, second := make(chan struct{}), make(chan struct{})
	b := setup(t, func(p *server.Parts, _ *server.Config) {
		p.Backup = func(ctx context.Context, w io.Writer) error {
			close(begun)
			<-second
			for range 8 { // longer than the listener's times
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
					return ctx.Err()
				}
				if _, err := io.WriteString(w, "part"); err != nil {
					return err
				}
			}
			return nil
		}
	})
	s := b.live(t)
	whole := make(chan string, 1)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/backup", nil)
		r.Header.Set("Authorization", "Bearer "+b.admin)
		resp, err := s.Client().Do(r)
		if err != nil {
			whole <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			text = append(text, err.Error()...)
		}
		whole <- string(text)
	}()
	<-begun
	a := b.call(t, "GET", "/v1/backup", b.admin, "")
	wantProblem(t, a, api.NumThrottled, "")
	if a.header.Get("Retry-After") == "" {
		t.Error("a 429 without Retry-After")
	}
	close(second)
	if got := <-whole; got != strings.Repeat("part", 8) {
		t.Errorf("got %q", got)
	}
}

func TestStockIsToldWithTheNamesOfSources(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	wantProblem(t, b.call(t, "GET", base+"/stock", b.admin, ""), api.NumNotFound, "")
	report := `{"openid":"` + openid + `","items":[{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"n1","source":"pages/pay?x=1"},` +
		`{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"n2"}]}`
	want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, report), 200)
	want[api.Reach](t, b.call(t, "GET", base+"/reach?fresh=true", b.admin, ""), 200)
	b.clock.add(90 * time.Second)
	got := want[api.Stock](t, b.call(t, "GET", base+"/stock", b.admin, ""), 200)
	if got.Users != 1 || got.AgeSeconds != 90 || len(got.Permits) != 1 || got.LeftOut != 0 {
		t.Fatalf("got %+v", got)
	}
	expect := api.PermitStock{
		Kind: "subscribe", Template: tmplID, Permits: 2, Uses: 2, ByAge: []int64{2, 0, 0, 0, 0, 0, 0, 0},
		BySource: []api.SourceStock{{Source: "", Uses: 1}, {Source: "pages/pay", Uses: 1}},
	}
	if diff := cmp.Diff(expect, got.Permits[0]); diff != "" {
		t.Error(diff)
	}
	wantProblem(t, b.call(t, "GET", "/v1/apps/"+otherApp+"/stock", b.admin, ""), api.NumNotFound, "")
}

func TestPathsBesideAWildcardTellTheirMethods(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for call, allow := range map[string]string{
		"PUT " + base + "/users/import":     "DELETE, GET, POST",
		"PATCH " + base + "/templates/sync": "DELETE, GET, POST, PUT",
		"POST " + base + "/users/o1":        "DELETE, GET",
		"POST " + base + "/me":              "GET",
	} {
		method, path, _ := strings.Cut(call, " ")
		a := b.call(t, method, path, b.admin, "")
		wantProblem(t, a, api.NumMethod, "")
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s: got Allow %q, want %q", call, got, allow)
		}
	}
}
