package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

func (c *Console) stopRoutes() {
	c.appPage("GET settings/stop", c.stopAsk)
	c.appPage("POST settings/stop", c.stopApp)
	c.appPage("POST settings/go", c.letGo)
}

const (
	// campaignsListed is how many of the campaigns that the switch is about are listed.
	campaignsListed = 20
	// maxNote is the longest note, in bytes: what the API takes as a parameter of a reason.
	maxNote = 256
)

// stopPage is the kill switch: it asks for a stop, or while all stands still shows why, and asks to go on.
type stopPage struct {
	// Stopped is why nothing is sent, and Since when that began, if it is known; zero: the app sends.
	Stopped minapush.Reason
	Since   time.Time
	// Running are the first campaigns that are being sent, or would be, and More counts the others.
	Running []minapush.Campaign
	More    int
	// Note was typed.
	Note     string
	Mistakes mistakes
	// Other tells that the app is stopped for another reason now than when the form was shown.
	Other bool
}

// Mark is what a form that lets the app go on brings back: it is of this stop, and of no later one.
func (p stopPage) Mark() string { return markOf(p.Stopped) }

func markOf(r minapush.Reason) string { return r.Code + " " + r.Params["since"] + " " + r.Params["at"] }

// Copy tells that the app came from a backup or another store: what was sent since may be sent again.
func (p stopPage) Copy() bool { return fromCopy(p.Stopped) }

func fromCopy(r minapush.Reason) bool { return r.Code == "restored" || r.Code == "copied" }

// CopiedAt is when the backup or the copy was made, if that is known.
func (p stopPage) CopiedAt() time.Time {
	at, err := time.Parse(time.RFC3339, p.Stopped.Params["at"])
	if err != nil {
		return time.Time{}
	}
	return at
}

func (c *Console) stopAsk(ctx context.Context, rq *request) error {
	return c.showStop(ctx, rq, http.StatusOK, rq.app.Stopped, stopPage{})
}

func (c *Console) showStop(ctx context.Context, rq *request, status int, why minapush.Reason, p stopPage) error {
	all, err := c.parts.Campaigns.Unfinished(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	p.Stopped, p.Since = why, stoppedSince(why)
	for _, m := range all {
		switch {
		case m.State != minapush.Running:
		case len(p.Running) < campaignsListed:
			p.Running = append(p.Running, m)
		default:
			p.More++
		}
	}
	return rq.show(status, settingsView(rq, "settingsstop"), p)
}

// stopApp stops all sending. An app that is stopped keeps its first reason.
func (c *Console) stopApp(ctx context.Context, rq *request) error {
	note := strings.TrimSpace(rq.r.PostFormValue("note"))
	if len(note) > maxNote || !utf8.ValidString(note) || strings.ContainsFunc(note, unicode.IsControl) {
		p := stopPage{Note: strings.ToValidUTF8(note, ""), Mistakes: mistakes{"note": {Name: "mistake.note"}}}
		return c.showStop(ctx, rq, http.StatusUnprocessableEntity, rq.app.Stopped, p)
	}
	why := minapush.Reason{Code: "operator", Params: map[string]string{
		"since": c.cfg.Now().UTC().Format(time.RFC3339), "by": rq.operator,
	}}
	if note != "" {
		why.Params["note"] = note
	}
	_, err := c.parts.Accounts.UpdateApp(ctx, rq.app.ID, func(a *minapush.App) error {
		if a.Stopped.IsZero() {
			a.Stopped = why
		}
		return nil
	}, nil)
	if err != nil {
		return err
	}
	c.parts.Dispatcher.Kick() // it acts now, not at the next look
	rq.tell(ctx, "stop.done")
	return rq.goTo(rq.appPath("settings", "stop"))
}

// errOtherStop ends a change whose form was about another stop.
var errOtherStop = errors.New("the app is stopped for another reason now")

// letGo lets the app send again, if it is still stopped for the reason that the operator was shown.
func (c *Console) letGo(ctx context.Context, rq *request) error {
	mark, sure := rq.r.PostFormValue("stop"), rq.r.PostFormValue("sure") == "yes"
	var now minapush.Reason
	was := stopPage{Mistakes: mistakes{}}
	_, err := c.parts.Accounts.UpdateApp(ctx, rq.app.ID, func(a *minapush.App) error {
		now = a.Stopped
		switch {
		case now.IsZero():
			return nil
		case markOf(now) != mark:
			return errOtherStop
		case fromCopy(now) && !sure:
			return errMistaken
		}
		a.Stopped = minapush.Reason{}
		return nil
	}, nil)
	switch {
	case errors.Is(err, errOtherStop):
		was.Other = true
		return c.showStop(ctx, rq, http.StatusConflict, now, was)
	case errors.Is(err, errMistaken):
		was.Mistakes.add("sure", "mistake.stop_sure")
		return c.showStop(ctx, rq, http.StatusUnprocessableEntity, now, was)
	case err != nil:
		return err
	}
	c.parts.Dispatcher.Kick()
	rq.tell(ctx, "stop.over")
	return rq.goTo(rq.appPath("settings", "stop"))
}
