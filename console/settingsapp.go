package console

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// appForm is the settings of an app as they were typed, without its secrets.
type appForm struct {
	Name, Rate, InFlight, BaseURL string
	Unlimited, EventsOnly         bool
	Token                         tokenForm
	Guards                        guardsForm
	// SecretSet tells that there is an AppSecret, and SecretRemove that it is to go.
	SecretSet, SecretRemove bool
	// Events tells that WeChat's message push is set up.
	Events   bool
	Shards   int
	Mistakes mistakes
}

// tokenForm is a source of tokens as it was typed, without its secrets.
type tokenForm struct {
	// URL is without its query: QueryHidden tells that the stored one has some.
	Kind, URL, Path                  string
	QueryHidden, HeaderSet, ValueSet bool
	HeaderRemove                     bool
}

// Kinds are the sources that can be chosen.
func (tokenForm) Kinds() []string {
	return []string{
		string(minapush.TokenStable), string(minapush.TokenClassic), string(minapush.TokenURL), string(minapush.TokenNone),
		string(minapush.TokenFixed),
	}
}

func tokenFormOf(t minapush.TokenSource) tokenForm {
	f := tokenForm{Kind: string(t.Kind), Path: t.Path}
	f.show(t)
	f.URL = shownURL(t.URL)
	return f
}

// show tells which secrets are stored.
func (f *tokenForm) show(t minapush.TokenSource) {
	f.QueryHidden, f.HeaderSet, f.ValueSet = t.URL != shownURL(t.URL), t.Header != "", t.Value != ""
}

func readTokenForm(v url.Values) tokenForm {
	return tokenForm{
		Kind: v.Get("token_kind"), URL: strings.TrimSpace(v.Get("token_url")), Path: strings.TrimSpace(v.Get("token_path")),
		HeaderRemove: v.Get("token_header_remove") == "yes",
	}
}

// source is what the form means: what it leaves empty of the secrets stays as it was.
func (f tokenForm) source(v url.Values, was minapush.TokenSource, m mistakes) minapush.TokenSource {
	t := minapush.TokenSource{Kind: minapush.TokenKind(f.Kind)}
	switch t.Kind {
	case "":
		m.add("token_kind", "mistake.choose")
	case minapush.TokenURL:
		t.URL, t.Path, t.Header = keptURL(f.URL, was.URL), f.Path, strings.TrimSpace(v.Get("token_header"))
		switch {
		case t.Header != "" && f.HeaderRemove:
			m.add("token_header", "mistake.either")
		case t.Header != "" || f.HeaderRemove || was.Header == "":
		case sameServer(t.URL, was.URL):
			t.Header = was.Header
		default: // a secret goes to no other server than it was entered for
			m.add("token_header", "mistake.header_moved")
		}
	case minapush.TokenFixed:
		if t.Value = strings.TrimSpace(v.Get("token_value")); t.Value == "" {
			t.Value = was.Value
		}
	}
	return t
}

// hide takes out of the form what may be secret, and asks for it again.
func (f *tokenForm) hide(v url.Values, m mistakes) {
	if shown := shownURL(f.URL); shown != f.URL {
		f.URL = shown
		m.add("token_url", "mistake.retype_url")
	}
	m.retype(v, "token_header", "token_value")
}

// appWording words what is wrong with an app's fields.
func appWording() map[string]string {
	words := map[string]string{
		"id": "mistake.app_id", "name": "mistake.app_name", "rate": "mistake.app_rate", "in_flight": "mistake.app_in_flight",
		"base_url": "mistake.base_url", "secret": "mistake.secret", "token_kind": "mistake.choose", "token_url": "mistake.token_url",
		"token_header": "mistake.token_header", "token_path": "mistake.token_path", "token_value": "mistake.token_value",
	}
	maps.Copy(words, guardsWording())
	return words
}

func (c *Console) appSettings(ctx context.Context, rq *request) error {
	a := rq.app
	f := appForm{
		Name: a.Name, Rate: strconv.Itoa(a.Rate), InFlight: strconv.Itoa(a.InFlight), BaseURL: a.BaseURL,
		EventsOnly: a.EventsOnly, Token: tokenFormOf(a.Token), Guards: guardsFormOf(a.TimeZone, a.Guards),
	}
	if f.Guards.None && rq.r.URL.Query().Get("propose") == "guards" {
		f.Guards = guardsFormOf(a.TimeZone, minapush.DefaultGuards())
		f.Guards.Proposed = true
	}
	if a.Rate == minapush.Unlimited {
		f.Unlimited, f.Rate = true, ""
	}
	return c.showAppSettings(ctx, rq, f)
}

func (c *Console) showAppSettings(ctx context.Context, rq *request, f appForm) (err error) {
	if f.SecretSet, err = c.hasSecret(ctx, rq.app.ID); err != nil {
		return err
	}
	_, err = c.parts.Accounts.Events(ctx, rq.app.ID)
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return err
	}
	f.Events, f.Shards = err == nil, rq.app.Shards
	return rq.show(statusOf(f.Mistakes), settingsView(rq, "settings"), f)
}

func (c *Console) saveAppSettings(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	f := appForm{
		Name: strings.TrimSpace(v.Get("name")), Rate: strings.TrimSpace(v.Get("rate")), InFlight: strings.TrimSpace(v.Get("in_flight")),
		BaseURL: strings.TrimSpace(v.Get("base_url")), Unlimited: v.Get("unlimited") == "yes", EventsOnly: v.Get("events_only") == "yes",
		Token: readTokenForm(v), Guards: readGuardsForm(v), SecretRemove: v.Get("secret_remove") == "yes", Mistakes: mistakes{},
	}
	rate, inFlight := f.numbers()
	guards := f.Guards.guards(f.Mistakes)
	secret := f.secret(v)
	_, err = c.parts.Accounts.UpdateApp(ctx, rq.app.ID, func(a *minapush.App) error {
		token := f.Token.source(v, a.Token, f.Mistakes)
		a.Name, a.Rate, a.InFlight, a.BaseURL, a.EventsOnly, a.Token = f.Name, rate, inFlight, f.BaseURL, f.EventsOnly, token
		a.TimeZone, a.Guards = f.Guards.TimeZone, guards
		if len(f.Mistakes) > 0 {
			return errMistaken
		}
		return nil
	}, secret)
	if err != nil && !errors.Is(err, errMistaken) && !f.Mistakes.blame(err, appWording()) {
		return err
	}
	if err != nil {
		f.BaseURL = shownURL(f.BaseURL)
		f.Token.hide(v, f.Mistakes)
		f.Token.show(rq.app.Token)
		f.Mistakes.retype(v, "secret")
		return c.showAppSettings(ctx, rq, f)
	}
	c.parts.Dispatcher.Kick()
	rq.tell(ctx, "settings.saved")
	return rq.goTo(rq.appPath("settings"))
}

// numbers are the pace and the sends in flight; an empty field is not the default here, since nobody would see it.
func (f *appForm) numbers() (rate, inFlight int) {
	rate, err := strconv.Atoi(f.Rate)
	switch {
	case f.Unlimited:
		rate = minapush.Unlimited
	case err != nil || rate < 1:
		f.Mistakes.add("rate", "mistake.app_rate")
	}
	if inFlight, err = strconv.Atoi(f.InFlight); err != nil || inFlight < 1 {
		f.Mistakes.add("in_flight", "mistake.app_in_flight")
	}
	return rate, inFlight
}

// secret is the AppSecret that the form sets; nil keeps what there is, and "" removes it.
func (f *appForm) secret(v url.Values) *string {
	typed := strings.TrimSpace(v.Get("secret"))
	switch {
	case typed != "" && f.SecretRemove:
		f.Mistakes.add("secret", "mistake.either")
		return nil
	case typed == "" && !f.SecretRemove:
		return nil
	}
	return &typed
}

// newAppForm is a mini program that is added, as it was typed.
type newAppForm struct {
	ID, Name, BaseURL, Shards string
	Token                     tokenForm
	Mistakes                  mistakes
}

// Choices are over how many shards the users of an app may be spread here.
func (newAppForm) Choices() []string {
	return []string{strconv.Itoa(minapush.DefaultShards), strconv.Itoa(largeShards)}
}

// largeShards suits ten million users.
const largeShards = 4096

func (c *Console) askApp(_ context.Context, rq *request) error {
	return showNewApp(rq, newAppForm{Shards: strconv.Itoa(minapush.DefaultShards), Token: tokenForm{Kind: string(minapush.TokenStable)}})
}

func showNewApp(rq *request, f newAppForm) error {
	return rq.show(statusOf(f.Mistakes), view{name: "settingsnew", title: rq.say("start.add")}, f)
}

// makeApp adds an app. Its id is what makes it one: a form that is sent again finds it there.
func (c *Console) makeApp(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	f := newAppForm{
		ID: strings.TrimSpace(v.Get("id")), Name: strings.TrimSpace(v.Get("name")), BaseURL: strings.TrimSpace(v.Get("base_url")),
		Shards: v.Get("shards"), Token: readTokenForm(v), Mistakes: mistakes{},
	}
	app := minapush.App{
		ID: minapush.AppID(f.ID), Name: f.Name, BaseURL: f.BaseURL, Token: f.Token.source(v, minapush.TokenSource{}, f.Mistakes),
		Guards: minapush.DefaultGuards(),
	}
	switch app.Shards, _ = strconv.Atoi(f.Shards); app.Shards {
	case minapush.DefaultShards, largeShards:
	default:
		f.Mistakes.add("shards", "mistake.choose")
	}
	if len(f.Mistakes) == 0 {
		err = c.createApp(ctx, app, strings.TrimSpace(v.Get("secret")), f.Mistakes)
	}
	if len(f.Mistakes) > 0 {
		f.BaseURL = shownURL(f.BaseURL)
		f.Token.hide(v, f.Mistakes)
		f.Mistakes.retype(v, "secret")
		return showNewApp(rq, f)
	}
	if err != nil {
		return err
	}
	rq.tell(ctx, "new_app.made")
	return rq.goTo(c.path("apps", f.ID, "settings", "templates"))
}

func (c *Console) createApp(ctx context.Context, app minapush.App, secret string, m mistakes) error {
	_, err := c.parts.Accounts.CreateApp(ctx, app, secret)
	switch {
	case errors.Is(err, minapush.Conflict):
		m.add("id", "mistake.app_taken")
	case err == nil:
		c.parts.Dispatcher.Kick()
	default:
		m.blame(err, appWording())
	}
	return err
}

// eventSettingsOf are the event settings of an app; those of one without any are the zero ones.
func (c *Console) eventSettingsOf(ctx context.Context, app minapush.AppID) (s account.EventSettings, known bool, err error) {
	s, err = c.parts.Accounts.Events(ctx, app)
	if errors.Is(err, minapush.NotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}
