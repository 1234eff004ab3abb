package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/dispatch"
)

// pushView is the form of one message to one user, and what became of it.
type pushView struct {
	// Templates are those that the user has a permit for, ready to be sent; Template is the one that was chosen.
	Templates []minapush.Template
	Template  minapush.Template
	Form      campaignForm
	// Standing tells that it takes nothing away.
	Standing bool
	Mistake  *mistake
	Result   *minapush.Delivery
}

// choose finds the templates that the user can be sent, and keeps to the chosen one if it is among them.
func (v *pushView) choose(templates []minapush.Template, balance []balanceRow) {
	for _, t := range templates {
		ready := slices.ContainsFunc(balance, func(b balanceRow) bool {
			return b.Ready > 0 && slices.Contains(t.Kind.PermitKinds(), b.Kind) && (b.Template == "" || b.Template == t.ID)
		})
		if ready || t.ID == v.Template.ID && v.Template.Kind != "" { // one whose form was sent stays
			v.Templates = append(v.Templates, t)
		}
	}
	i := slices.IndexFunc(v.Templates, func(t minapush.Template) bool { return t.ID == v.Template.ID })
	if i < 0 && len(v.Templates) > 0 {
		i = 0
	}
	if v.Template = (minapush.Template{}); i >= 0 {
		v.Template = v.Templates[i]
	}
	v.Standing = v.Template.Kind == minapush.LongTermTemplate
}

// pushUser sends one message to a user. Repeating the form sends nothing more: its key is the push's.
func (c *Console) pushUser(ctx context.Context, rq *request) error {
	u, err := c.namedUser(ctx, rq)
	if err != nil {
		return err
	}
	if err := rq.r.ParseForm(); err != nil {
		return minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	v := rq.r.PostForm
	p := userPage{U: u, Push: pushView{Form: readCampaignForm(v, rq.app.TimeZone)}}
	f := &p.Push.Form
	f.Audience = audienceAll // so that placeholders are refused: nothing fills them
	if f.Key == "" || !plausibleID(f.Key) {
		f.Key = c.cfg.NewID()
	}
	if p.Why, err = c.whyAsked(ctx, rq, u); err != nil {
		return err
	}
	t, err := c.parts.Accounts.Template(ctx, rq.app.ID, v.Get("template"))
	switch {
	case errors.Is(err, minapush.NotFound):
		p.Push.Mistake = &mistake{Name: "push.no_template"}
		return c.showUser(ctx, rq, http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	}
	p.Push.Template = t
	message := f.message(t)
	if f.checkMessage(t, message); len(f.Mistakes) > 0 {
		return c.showUser(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	done, err := c.parts.Dispatcher.Push(ctx, rq.app, dispatch.Push{
		OpenID: u.OpenID, Message: message, Template: t, Key: f.Key, Fingerprint: fingerprint(v),
	})
	if err != nil {
		p.Push.Mistake, f.Key = notPushed(err, f.Key, c.cfg.NewID)
		return c.showUser(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	d := done.Delivery
	q := url.Values{"push": {d.Push}, "day": {d.Batch}, "template": {t.ID}}
	return rq.goTo(rq.appPath("users", string(u.OpenID)) + "?" + q.Encode() + "#push")
}

// notPushed says why a push was not sent, and with which key the form may be sent again: with the same while nobody knows how it ended.
func notPushed(err error, key string, newID func() string) (*mistake, string) {
	var e *minapush.Error
	switch {
	case errors.As(err, &e) && e.Reason == "stopped":
		return &mistake{Name: "mistake.test_stopped"}, key
	case errors.As(err, &e) && e.Field == "Idempotency-Key" && errors.Is(err, minapush.Invalid):
		return &mistake{Name: "push.again"}, newID()
	case errors.As(err, &e) && e.Field == "Idempotency-Key":
		return &mistake{Name: "push.under_way"}, key
	case errors.Is(err, minapush.Throttled), errors.Is(err, minapush.Unavailable):
		return &mistake{"push.busy", []string{err.Error()}}, key
	}
	return &mistake{"push.failed", []string{err.Error()}}, key
}

// pushed is the push that the address names; nil: none, or it is forgotten.
func (c *Console) pushed(ctx context.Context, rq *request, o minapush.OpenID) *minapush.Delivery {
	push, day := rq.r.URL.Query().Get("push"), rq.r.URL.Query().Get("day")
	if push == "" || !plausibleID(push) || !pushDay.MatchString(day) {
		return nil
	}
	d, err := c.parts.Ledger.Find(ctx, rq.app, day, o, push)
	if err != nil {
		return nil
	}
	return &d
}
