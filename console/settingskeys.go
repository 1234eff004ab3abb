package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

func (c *Console) keyRoutes() {
	c.appPage("GET settings/keys", c.keys)
	c.appPage("POST settings/keys", c.makeKey)
	c.appPage("GET settings/keys/{id}/revoke", c.askRevoke)
	c.appPage("POST settings/keys/{id}/revoke", c.revokeKey)
}

// keysPage lists the keys that may call for the app, with a form for another one.
type keysPage struct {
	Rows []account.Key
	Form keyForm
	// Made is the key that was made just now, and Secret what is shown of it this once.
	Made   *account.Key
	Secret string
	// Again tells that the form that was sent had made its key before.
	Again bool
}

// keyForm is a key as it was asked for. ID is that of the key: however often the form is sent, it makes this one only.
type keyForm struct {
	ID, Name string
	Every    bool
	Scopes   []account.Scope
	Mistakes mistakes
}

// All are the scopes that can be chosen.
func (keyForm) All() []account.Scope { return account.Scopes() }

// Has tells whether a scope was chosen.
func (f keyForm) Has(s account.Scope) bool { return slices.Contains(f.Scopes, s) }

func (c *Console) keys(ctx context.Context, rq *request) error {
	return c.showKeys(ctx, rq, http.StatusOK, keysPage{})
}

// showKeys lists the keys; a form without an ID gets one.
func (c *Console) showKeys(ctx context.Context, rq *request, status int, p keysPage) error {
	all, err := c.parts.Accounts.Keys(ctx)
	if err != nil {
		return err
	}
	p.Rows = slices.DeleteFunc(all, func(k account.Key) bool { return !keyOf(k, rq.app) })
	if p.Form.ID == "" {
		p.Form.ID = c.cfg.NewID()
	}
	return rq.show(status, settingsView(rq, "settingskeys"), p)
}

// keyOf tells whether a key may call for an app.
func keyOf(k account.Key, app minapush.App) bool { return k.App == "" || k.App == app.ID }

// makeKey answers with the page that shows the secret: there is no address at which it could be asked for again.
func (c *Console) makeKey(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	f := keyForm{ID: v.Get("form"), Name: strings.TrimSpace(v.Get("name")), Every: v.Get("for") == "every", Mistakes: mistakes{}}
	for _, s := range v["scope"] {
		f.Scopes = append(f.Scopes, account.Scope(s))
	}
	id, err := ulid.ParseStrict(f.ID)
	if err != nil {
		f.ID = ""
		f.Mistakes.add("form", "mistake.form_over")
		return c.showKeys(ctx, rq, http.StatusUnprocessableEntity, keysPage{Form: f})
	}
	if f.ID = id.String(); c.wasSent(ctx, f.ID) {
		return c.showKeys(ctx, rq, http.StatusConflict, keysPage{Again: true})
	}
	want := account.Key{ID: f.ID, Name: f.Name, Scopes: f.Scopes}
	if !f.Every {
		want.App = rq.app.ID
	}
	made, secret, err := c.parts.Accounts.CreateKey(ctx, want)
	switch {
	case errors.Is(err, minapush.Conflict): // the other click was first
		return c.showKeys(ctx, rq, http.StatusConflict, keysPage{Again: true})
	case f.Mistakes.blame(err, map[string]string{"name": "mistake.key_name", "scopes": "mistake.key_scopes"}):
		return c.showKeys(ctx, rq, http.StatusUnprocessableEntity, keysPage{Form: f})
	case err != nil:
		return err
	}
	c.sent(ctx, f.ID)
	return c.showKeys(ctx, rq, http.StatusOK, keysPage{Made: &made, Secret: secret})
}

// revokePage asks once more before a key ends.
type revokePage struct{ Key account.Key }

func (c *Console) askRevoke(ctx context.Context, rq *request) error {
	k, err := c.namedKey(ctx, rq)
	if err != nil {
		return err
	}
	return rq.show(http.StatusOK, settingsView(rq, "settingskeyrevoke"), revokePage{k})
}

// namedKey is the key that the address names. Errors: NotFound, also for a key of another app.
func (c *Console) namedKey(ctx context.Context, rq *request) (account.Key, error) {
	all, err := c.parts.Accounts.Keys(ctx)
	if err != nil {
		return account.Key{}, err
	}
	for _, k := range all {
		if k.ID == rq.r.PathValue("id") && keyOf(k, rq.app) {
			return k, nil
		}
	}
	return account.Key{}, minapush.Errorf(minapush.NotFound, "the key is not known")
}

// revokeKey ends a key. One that is gone already stays so.
func (c *Console) revokeKey(ctx context.Context, rq *request) error {
	k, err := c.namedKey(ctx, rq)
	if err == nil {
		err = c.parts.Accounts.RevokeKey(ctx, k.ID)
	}
	switch {
	case errors.Is(err, minapush.NotFound):
		rq.tell(ctx, "keys.gone")
	case err != nil:
		return err
	default:
		rq.tell(ctx, "keys.revoked", k.Name)
	}
	return rq.goTo(rq.appPath("settings", "keys"))
}

// sessionSent are the forms of the session that made a secret, by what is hidden in them, the newest last.
const (
	sessionSent = "sent"
	sentKept    = 100
)

// wasSent tells whether the session sent a form before.
func (c *Console) wasSent(ctx context.Context, form string) bool {
	return slices.Contains(strings.Fields(c.sessions.GetString(ctx, sessionSent)), form)
}

// sent remembers that the session sent a form.
func (c *Console) sent(ctx context.Context, form string) {
	all := append(strings.Fields(c.sessions.GetString(ctx, sessionSent)), form)
	c.sessions.Put(ctx, sessionSent, strings.Join(all[max(0, len(all)-sentKept):], " "))
}
