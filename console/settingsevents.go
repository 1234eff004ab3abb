package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// eventsForm is how WeChat pushes to an app, as it was typed, without the secrets.
type eventsForm struct {
	// Path stands behind the public address: the console does not know that one.
	Path string
	// Known tells that something is stored, and TokenSet and KeySet which secrets.
	Known, TokenSet, KeySet bool
	Mode                    string
	// PassOnURL is without its query: QueryHidden tells that the stored one has some.
	PassOnURL              string
	QueryHidden, PassOnAll bool
	// EventsOnly tells that without events nobody could be sent anything new.
	EventsOnly bool
	Mistakes   mistakes
}

// Modes are those that can be chosen in WeChat's console.
func (eventsForm) Modes() []string {
	return []string{string(account.EventSecurity), string(account.EventCompatible), string(account.EventPlain)}
}

func (c *Console) eventSettings(ctx context.Context, rq *request) error {
	s, _, err := c.eventSettingsOf(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	f := eventsForm{Mode: string(s.Mode), PassOnURL: shownURL(s.PassOnURL), PassOnAll: s.PassOnAll}
	if f.Mode == "" {
		f.Mode = string(account.EventSecurity)
	}
	return c.showEventSettings(ctx, rq, f)
}

func (c *Console) showEventSettings(ctx context.Context, rq *request, f eventsForm) error {
	s, known, err := c.eventSettingsOf(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	f.Path = c.cfg.BasePath + "/v1/apps/" + url.PathEscape(string(rq.app.ID)) + "/wechat"
	f.Known, f.TokenSet, f.KeySet, f.EventsOnly = known, s.Token != "", s.AESKey != "", rq.app.EventsOnly
	f.QueryHidden = s.PassOnURL != shownURL(s.PassOnURL)
	return rq.show(statusOf(f.Mistakes), settingsView(rq, "settingsevents"), f)
}

func (c *Console) saveEventSettings(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	f := eventsForm{
		Mode: v.Get("mode"), PassOnURL: strings.TrimSpace(v.Get("pass_on_url")), PassOnAll: v.Get("pass_on_all") == "yes", Mistakes: mistakes{},
	}
	token, key := strings.TrimSpace(v.Get("token")), strings.TrimSpace(v.Get("encoding_aes_key"))
	_, err = c.parts.Accounts.ChangeEvents(ctx, rq.app.ID, func(s *account.EventSettings) error {
		if f.Mode == "" { // the room would choose one
			f.Mistakes.add("mode", "mistake.choose")
			return errMistaken
		}
		if token != "" {
			s.Token = token
		}
		if key != "" {
			s.AESKey = key
		}
		s.Mode, s.PassOnURL, s.PassOnAll = account.EventMode(f.Mode), keptURL(f.PassOnURL, s.PassOnURL), f.PassOnAll
		return nil
	})
	switch {
	case err == nil:
		rq.tell(ctx, "events.saved")
		return rq.goTo(rq.appPath("settings", "events"))
	case errors.Is(err, errMistaken):
	case !f.Mistakes.blame(err, map[string]string{
		"mode": "mistake.choose", "token": "mistake.event_token", "encoding_aes_key": "mistake.event_key", "pass_on": "mistake.pass_on",
		"pass_on_url": "mistake.pass_on_url",
	}):
		return err
	}
	if shown := shownURL(f.PassOnURL); shown != f.PassOnURL {
		f.PassOnURL = shown
		f.Mistakes.add("pass_on_url", "mistake.retype_url")
	}
	f.Mistakes.retype(v, "token", "encoding_aes_key")
	return c.showEventSettings(ctx, rq, f)
}

// removeEventsPage asks once more.
type removeEventsPage struct{ EventsOnly bool }

func (c *Console) askRemoveEvents(ctx context.Context, rq *request) error {
	_, known, err := c.eventSettingsOf(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	if !known {
		return rq.goTo(rq.appPath("settings", "events"))
	}
	return rq.show(http.StatusOK, settingsView(rq, "settingseventsremove"), removeEventsPage{rq.app.EventsOnly})
}

// removeEvents takes no more events from WeChat; where none are taken already it stays so.
func (c *Console) removeEvents(ctx context.Context, rq *request) error {
	if err := c.parts.Accounts.DeleteEvents(ctx, rq.app.ID); err != nil && !errors.Is(err, minapush.NotFound) {
		return err
	}
	rq.tell(ctx, "events.removed")
	return rq.goTo(rq.appPath("settings", "events"))
}
