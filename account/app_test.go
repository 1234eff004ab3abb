package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
)

func TestCreateAppFillsInDefaultsAndReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created, err := b.one.CreateApp(b.ctx, minapush.App{ID: "wx0123", Number: 77, Name: "示例"}, "")
	must(t, err)
	want := minapush.App{
		ID: "wx0123", Number: 1, Name: "示例", Shards: 256, Rate: 100, InFlight: 128, BaseURL: "https://api.weixin.qq.com",
		Token: minapush.TokenSource{Kind: minapush.TokenStable}, TimeZone: "Asia/Shanghai", CreatedAt: b.clock.now(),
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Fatal(diff)
	}
	read, err := b.two.App(b.ctx, "wx0123")
	must(t, err)
	if diff := cmp.Diff(want, read); diff != "" {
		t.Fatal(diff)
	}
}

func TestCreateAppGivesEveryAppANumberOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for i := range 20 {
		node := b.one
		if i%2 == 1 {
			node = b.two
		}
		wg.Go(func() {
			if _, err := node.CreateApp(b.ctx, minapush.App{ID: minapush.AppID(fmt.Sprintf("wx%04d", i))}, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	apps, err := b.one.Apps(b.ctx)
	must(t, err)
	wantEqual(t, len(apps), 20)
	seen := map[uint32]bool{0: true}
	for i, app := range apps {
		wantEqual(t, app.ID, minapush.AppID(fmt.Sprintf("wx%04d", i)))
		if seen[app.Number] {
			t.Fatalf("number %d is given twice, or zero", app.Number)
		}
		seen[app.Number] = true
	}
}

func TestCreateAppNeverGivesANumberTwiceEvenIfTheAppIsNotWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.docs.set(func(d store.Document) error {
		if d.Kind == "account.app" {
			return minapush.Unavailable
		}
		return nil
	}, nil)
	_, err := b.one.CreateApp(b.ctx, minapush.App{ID: "wx0123"}, "")
	wantKind(t, err, minapush.Unavailable)
	b.docs.set(nil, nil)
	wantEqual(t, b.app(t, "wx0123").Number, 2)
}

func TestCreateAppRefusesAnAppThatExists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	_, err := b.two.CreateApp(b.ctx, minapush.App{ID: "wx0123"}, "")
	wantKind(t, err, minapush.Conflict)
}

func TestCreateAppNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fixed := minapush.TokenSource{Kind: minapush.TokenFixed, Value: "v"}
	for name, c := range map[string]struct {
		app    minapush.App
		secret string
		field  string
	}{
		"no id":                  {app: minapush.App{}, field: "id"},
		"short id":               {app: minapush.App{ID: "wx1"}, field: "id"},
		"hostile id":             {app: minapush.App{ID: "wx{1}:/"}, field: "id"},
		"long name":              {app: minapush.App{ID: "wx0123", Name: strings.Repeat("n", 129)}, field: "name"},
		"name not UTF-8":         {app: minapush.App{ID: "wx0123", Name: "\xff"}, field: "name"},
		"too many shards":        {app: minapush.App{ID: "wx0123", Shards: 16385}, field: "shards"},
		"negative shards":        {app: minapush.App{ID: "wx0123", Shards: -1}, field: "shards"},
		"negative rate":          {app: minapush.App{ID: "wx0123", Rate: -2}, field: "rate"},
		"negative in flight":     {app: minapush.App{ID: "wx0123", InFlight: -1}, field: "in_flight"},
		"plain http":             {app: minapush.App{ID: "wx0123", BaseURL: "http://api.weixin.qq.com"}, field: "base_url"},
		"http on a private net":  {app: minapush.App{ID: "wx0123", BaseURL: "http://10.0.0.1"}, field: "base_url"},
		"no host":                {app: minapush.App{ID: "wx0123", BaseURL: "https://"}, field: "base_url"},
		"other scheme":           {app: minapush.App{ID: "wx0123", BaseURL: "file:///etc/passwd"}, field: "base_url"},
		"user in url":            {app: minapush.App{ID: "wx0123", BaseURL: "https://u:p@api.weixin.qq.com"}, field: "base_url"},
		"query in base url":      {app: minapush.App{ID: "wx0123", BaseURL: "https://a.b/?x=1"}, field: "base_url"},
		"unknown token kind":     {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "magic"}}, field: "token.kind"},
		"fixed without value":    {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "fixed"}}, field: "token.value"},
		"value of another kind":  {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Value: "v"}}, field: "token.value"},
		"url kind without url":   {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "url"}}, field: "token.url"},
		"url of another kind":    {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{URL: "https://a.b"}}, field: "token.url"},
		"plain token url":        {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "url", URL: "http://a.example.com"}}, field: "token.url"},
		"header without name":    {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "url", URL: "https://a.b", Header: "secret"}}, field: "token.header"},
		"header with line break": {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: "url", URL: "https://a.b", Header: "A: b\r\nC: d"}}, field: "token.header"},
		"secret with a space":    {app: minapush.App{ID: "wx0123"}, secret: "a b", field: "secret"},
		"unknown time zone":      {app: minapush.App{ID: "wx0123", TimeZone: "Mars/Olympus"}, field: "time_zone"},
		"the machine's own zone": {app: minapush.App{ID: "wx0123", TimeZone: "Local"}, field: "time_zone"},
		"cap too high":           {app: minapush.App{ID: "wx0123", Guards: minapush.Guards{PerDay: minapush.MaxPerDay + 1}}, field: "guards.per_day"},
		"pushes without a cap":   {app: minapush.App{ID: "wx0123", Guards: minapush.Guards{CountPushes: true}}, field: "guards.count_pushes"},
		"days below none":        {app: minapush.App{ID: "wx0123", Guards: minapush.Guards{SameContentDays: -1}}, field: "guards.same_content_days"},
		"half of quiet hours":    {app: minapush.App{ID: "wx0123", Guards: minapush.Guards{Quiet: minapush.QuietHours{From: "22:00"}}}, field: "guards.quiet.until"},
		"fixed with a header":    {app: minapush.App{ID: "wx0123", Token: minapush.TokenSource{Kind: fixed.Kind, Value: "v", Header: "A: b"}}, field: "token.header"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.one.CreateApp(b.ctx, c.app, c.secret)
			wantField(t, err, c.field)
			if strings.Contains(err.Error(), "u:p") {
				t.Fatalf("the error repeats a secret: %v", err)
			}
		})
	}
	apps, err := b.one.Apps(b.ctx)
	must(t, err)
	wantEqual(t, len(apps), 0)
}

func TestCreateAppTakesPlainHTTPWhereNoSecretCrossesANetwork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, app := range []minapush.App{
		{BaseURL: "http://127.0.0.1:8901/"},
		{BaseURL: "http://localhost:8901"},
		{BaseURL: "http://[::1]:8901"},
		{BaseURL: "http://api.weixin.qq.com", Token: minapush.TokenSource{Kind: minapush.TokenNone}},
		{Token: minapush.TokenSource{Kind: minapush.TokenURL, URL: "http://token.internal/wx?app=1", Header: "X-Key: 1"}},
		{Token: minapush.TokenSource{Kind: minapush.TokenURL, URL: "http://10.1.2.3/wx"}},
	} {
		app.ID = minapush.AppID(fmt.Sprintf("wx%04d", i))
		created, err := b.one.CreateApp(b.ctx, app, "")
		must(t, err)
		if strings.HasSuffix(created.BaseURL, "/") {
			t.Fatalf("base URL %s ends in a slash", created.BaseURL)
		}
	}
}

func TestUpdateAppKeepsReplacesAndRemovesTheSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	nothing := func(*minapush.App) error { return nil }
	for _, step := range []struct {
		give *string
		want string
	}{{nil, "appsecret-of-wx0123"}, {new("another"), "another"}, {nil, "another"}} {
		_, err := b.one.UpdateApp(b.ctx, "wx0123", nothing, step.give)
		must(t, err)
		got, err := b.one.Secret(b.ctx, "wx0123")
		must(t, err)
		wantEqual(t, got, step.want)
	}
	_, err := b.one.UpdateApp(b.ctx, "wx0123", nothing, new(""))
	must(t, err)
	_, err = b.one.Secret(b.ctx, "wx0123")
	wantKind(t, err, minapush.NotFound)
	if !strings.Contains(err.Error(), "has no AppSecret") {
		t.Fatalf("the text does not say what is missing: %v", err)
	}
}

func TestUpdateAppRefusesToMoveWhatStoredDataDependsOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.app(t, "wx0123")
	for field, change := range map[string]func(*minapush.App){
		"id":         func(a *minapush.App) { a.ID = "wx4567" },
		"number":     func(a *minapush.App) { a.Number++ },
		"shards":     func(a *minapush.App) { a.Shards = 1 },
		"created_at": func(a *minapush.App) { a.CreatedAt = time.Time{} },
		"rate":       func(a *minapush.App) { a.Rate = -7 },
	} {
		_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error { change(a); return nil }, nil)
		wantField(t, err, field)
	}
	stop := errors.New("changed my mind")
	_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error { a.Rate = 7; return stop }, nil)
	if !errors.Is(err, stop) {
		t.Fatalf("got %v, want the error of change", err)
	}
	after, err := b.two.App(b.ctx, "wx0123")
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatal(diff)
	}
	_, err = b.one.UpdateApp(b.ctx, "wx9999", func(*minapush.App) error { return nil }, nil)
	wantKind(t, err, minapush.NotFound)
}

func TestUpdateAppLosesNoUpdateOfAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	var wg sync.WaitGroup
	for i := range 20 {
		node := b.one
		if i%2 == 1 {
			node = b.two
		}
		wg.Go(func() {
			if _, err := node.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error { a.Rate++; return nil }, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	app, err := b.node(t).App(b.ctx, "wx0123")
	must(t, err)
	wantEqual(t, app.Rate, minapush.DefaultRate+20)
}

func TestAppIsSeenAtOnceWhereItWasChangedAndWithinASecondElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	for _, node := range []int{1, 2} {
		wantEqual(t, b.isStopped(t, node), false)
	}
	_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error {
		a.Stopped = minapush.Reason{Code: "operator", Params: map[string]string{"by": "me"}}
		return nil
	}, nil)
	must(t, err)
	wantEqual(t, b.isStopped(t, 1), true)
	wantEqual(t, b.isStopped(t, 2), false) // cached
	b.clock.add(time.Second)
	wantEqual(t, b.isStopped(t, 2), true)
}

func TestThatOnlyEventsCountIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	for _, want := range []bool{true, false} {
		_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error {
			a.EventsOnly = want
			return nil
		}, nil)
		must(t, err)
		app, err := b.node(t).App(b.ctx, "wx0123")
		must(t, err)
		wantEqual(t, app.EventsOnly, want)
	}
}

func TestAppReturnsACopyThatTheCallerMayWriteTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error {
		a.Stopped = minapush.Reason{Code: "operator", Params: map[string]string{"by": "me"}}
		return nil
	}, nil)
	must(t, err)
	app, err := b.one.App(b.ctx, "wx0123")
	must(t, err)
	app.Stopped.Params["by"] = "somebody else"
	again, err := b.one.App(b.ctx, "wx0123")
	must(t, err)
	wantEqual(t, again.Stopped.Params["by"], "me")
}

func TestAppIsNotFoundForNamesThatNoAppCanHave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []minapush.AppID{"", "wx9999", "wx\x00", "../../x", minapush.AppID(strings.Repeat("x", 1000))} {
		_, err := b.one.App(b.ctx, id)
		wantKind(t, err, minapush.NotFound)
		_, err = b.one.Secret(b.ctx, id)
		wantKind(t, err, minapush.NotFound)
	}
}

func (b *bundle) isStopped(t *testing.T, node int) bool {
	t.Helper()
	a := b.one
	if node == 2 {
		a = b.two
	}
	app, err := a.App(b.ctx, "wx0123")
	must(t, err)
	return !app.Stopped.IsZero()
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := account.New(nil, b.sealer, account.Config{})
	wantField(t, err, "docs")
	_, err = account.New(b.docs, nil, account.Config{})
	wantField(t, err, "sealer")
	_, err = account.New(b.docs, b.sealer, account.Config{SessionLife: time.Millisecond})
	wantField(t, err, "SessionLife")
}

func TestWithoutACacheEveryChangeIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	fresh, err := account.New(b.docs, b.sealer, account.Config{Now: b.clock.now, CacheFor: -1})
	must(t, err)
	for rate := range 3 {
		_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error { a.Rate = rate + 1; return nil }, nil)
		must(t, err)
		app, err := fresh.App(b.ctx, "wx0123")
		must(t, err)
		wantEqual(t, app.Rate, rate+1)
	}
}

func TestUpdateAppMovesBetweenTokenSourcesWithoutTidyingUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(t, "wx0123")
	for _, source := range []minapush.TokenSource{
		{Kind: minapush.TokenURL, URL: "https://token.example.com/wx"}, {Kind: minapush.TokenStable}, {Kind: minapush.TokenClassic},
	} {
		app, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error {
			a.Token.Kind, a.Token.URL = source.Kind, source.URL // and not the Path that was filled in
			return nil
		}, nil)
		must(t, err)
		if source.Kind == minapush.TokenURL {
			source.Path = "access_token"
		}
		wantEqual(t, app.Token, source)
	}
}
