package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/minapush/minapush"
)

func (c *Console) settingsRoutes() {
	c.page("GET apps-new", c.askApp)
	c.page("POST apps-new", c.makeApp)
	c.appPage("GET settings", c.appSettings)
	c.appPage("POST settings", c.saveAppSettings)
	c.appPage("GET settings/events", c.eventSettings)
	c.appPage("POST settings/events", c.saveEventSettings)
	c.appPage("GET settings/events/remove", c.askRemoveEvents)
	c.appPage("POST settings/events/remove", c.removeEvents)
	c.templateRoutes()
}

func settingsView(rq *request, name string) view {
	return view{name, rq.say("nav.settings"), "settings"}
}

// mistakes are what is wrong with a form, by field.
type mistakes map[string]mistake

// Of is what is wrong with a field; nil: nothing.
func (m mistakes) Of(field string) *mistake {
	one, ok := m[field]
	if !ok {
		return nil
	}
	return &one
}

// add notes what is wrong with a field, unless that is known.
func (m mistakes) add(field, name string, params ...string) {
	if _, known := m[field]; !known {
		m[field] = mistake{name, params}
	}
}

// blame puts an Invalid error of a room at its field, worded by wording for that field, and tells whether it was one.
func (m mistakes) blame(err error, wording map[string]string) bool {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field == "" {
		return false
	}
	field := strings.ReplaceAll(e.Field, ".", "_")
	if name, ok := wording[field]; ok {
		m.add(field, name)
		return true
	}
	m.add(field, "mistake.other", e.Err.Error())
	return true
}

// retype asks once more for the secrets that were typed into a form that comes back: a page never holds one.
func (m mistakes) retype(form url.Values, fields ...string) {
	for _, field := range fields {
		if form.Get(field) != "" {
			m.add(field, "mistake.retype")
		}
	}
}

// mistaken ends a change whose form has mistakes.
var errMistaken = errors.New("the form has mistakes")

// shownURL is an address without what may be secret in it: its query, and who calls.
func shownURL(raw string) string {
	before, _, _ := strings.Cut(raw, "?")
	before, _, _ = strings.Cut(before, "#")
	if scheme, rest, ok := strings.Cut(before, "://"); ok {
		host, path, slash := strings.Cut(rest, "/")
		if at := strings.LastIndex(host, "@"); at >= 0 {
			host = host[at+1:]
		}
		if before = scheme + "://" + host; slash {
			before += "/" + path
		}
	}
	return before
}

// keptURL is the address that a form means: the stored one, whose query it does not show, if nothing was changed. A bare ? at its end
// takes the query away.
func keptURL(typed, stored string) string {
	if typed == shownURL(stored) {
		return stored
	}
	return strings.TrimSuffix(typed, "?")
}

// sameServer tells whether a secret that goes to one address may go to the other.
func sameServer(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

// postForm is the form that was sent. Errors: Invalid.
func (rq *request) postForm() (url.Values, error) {
	if err := rq.r.ParseForm(); err != nil {
		return nil, minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	return rq.r.PostForm, nil
}

// hasSecret tells whether an app has an AppSecret.
func (c *Console) hasSecret(ctx context.Context, app minapush.AppID) (bool, error) {
	_, err := c.parts.Accounts.Secret(ctx, app)
	if errors.Is(err, minapush.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// statusOf is that of a form that is shown: with mistakes, nothing was done.
func statusOf(m mistakes) int {
	if len(m) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
