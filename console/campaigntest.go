package console

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/dispatch"
)

// testForm sends a campaign's message to one person.
type testForm struct {
	// Key makes a repeated post send once.
	Key string
	// Latest are who reported last, and may be the person herself; Names shorten their openids.
	Latest []bank.Reporter
	// Chosen is one of them, and Typed what was typed instead.
	Chosen, Typed string
	// Names are the placeholders, and Values what fills them.
	Names  []string
	Values map[string]string
	Result *minapush.Delivery
}

// fillTest adds what the form of a test offers.
func (c *Console) fillTest(ctx context.Context, app minapush.App, p *checkPage) error {
	latest, err := c.parts.Bank.Latest(ctx, app)
	if err != nil {
		return err
	}
	for _, r := range latest { // whose permit is for this template comes first
		if r.Template == p.M.Message.Template {
			p.Test.Latest = append(p.Test.Latest, r)
		}
	}
	for _, r := range latest {
		if r.Template != p.M.Message.Template {
			p.Test.Latest = append(p.Test.Latest, r)
		}
	}
	p.Test.Names = p.M.Message.Placeholders()
	if p.Test.Key == "" {
		p.Test.Key = c.cfg.NewID()
	}
	if p.Test.Values == nil {
		p.Test.Values = map[string]string{}
		for _, name := range p.Test.Names {
			p.Test.Values[name] = name
		}
	}
	return nil
}

// testCampaign sends the message to one person, which costs one of her permits.
func (c *Console) testCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State != minapush.Scheduled {
		return rq.goTo(rq.appPath("campaigns", m.ID))
	}
	p := checkPage{M: m, StartAt: m.StartAt, Mistakes: map[string]mistake{}}
	at := rq.r.PostFormValue("at")
	if t, ok := beijingTime(at); ok {
		p.StartAt = t
	}
	push, err := c.readTest(ctx, rq, &p)
	if err != nil {
		return err
	}
	if len(p.Mistakes) > 0 {
		return c.showCheck(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	done, err := c.parts.Dispatcher.Push(ctx, rq.app, push)
	if err != nil {
		p.Mistakes["test"] = pushMistake(err)
		return c.showCheck(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	v := url.Values{"test": {done.Delivery.Push}, "day": {done.Delivery.Batch}, "who": {string(done.Delivery.OpenID)}}
	if at != "" {
		v.Set("at", at)
	}
	return rq.goTo(rq.appPath("campaigns", m.ID, "check") + "?" + v.Encode() + "#test")
}

// readTest reads the form of a test, and finds what is wrong with it.
func (c *Console) readTest(ctx context.Context, rq *request, p *checkPage) (push dispatch.Push, err error) {
	if err := rq.r.ParseForm(); err != nil {
		return push, minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	v := rq.r.PostForm
	p.Test = testForm{Key: v.Get("key"), Chosen: v.Get("who"), Typed: strings.TrimSpace(v.Get("openid")), Values: map[string]string{}}
	for _, name := range p.M.Message.Placeholders() {
		p.Test.Values[name] = strings.TrimSpace(v.Get("fill." + name))
	}
	if p.Test.Key == "" || !plausibleID(p.Test.Key) {
		p.Test.Key = c.cfg.NewID()
	}
	name := p.Test.Typed
	if name == "" {
		name = p.Test.Chosen
	}
	if name == "" {
		p.Mistakes["openid"] = mistake{Name: "mistake.nobody"}
		return push, nil
	}
	openid, err := c.parts.Profiles.OpenID(ctx, rq.app, name)
	switch {
	case errors.Is(err, minapush.NotFound):
		p.Mistakes["openid"] = mistake{Name: "mistake.no_uid"}
		return push, nil
	case errors.Is(err, minapush.Invalid):
		p.Mistakes["openid"] = mistake{Name: "mistake.openid"}
		return push, nil
	case err != nil:
		return push, err
	}
	t, _, err := c.template(ctx, p.M)
	if err != nil {
		return push, err
	}
	message := p.M.Message.Fill(p.Test.Values)
	if found := t.Fit(message).Findings; len(found) > 0 {
		text, params := findingWords(found[0])
		p.Mistakes["fill"] = mistake{text, params}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.M.ID + " " + string(openid) + " " + v.Get("key"))) // a hash takes everything
	return dispatch.Push{OpenID: openid, Message: message, Template: t, Key: p.Test.Key, Fingerprint: h.Sum64() ^ message.Content()}, nil
}

// pushMistake says why a test was not sent.
func pushMistake(err error) mistake {
	var e *minapush.Error
	switch {
	case errors.As(err, &e) && e.Reason == "stopped":
		return mistake{Name: "mistake.test_stopped"}
	case errors.As(err, &e) && e.Field == "Idempotency-Key":
		return mistake{Name: "mistake.test_again"}
	case errors.Is(err, minapush.Throttled), errors.Is(err, minapush.Unavailable):
		return mistake{"mistake.test_busy", []string{err.Error()}}
	}
	return mistake{"mistake.test", []string{err.Error()}}
}

var pushDay = regexp.MustCompile(`^push-[0-9]{8}$`)

// tested is the test that the address names; nil: none, or it is forgotten.
func (c *Console) tested(ctx context.Context, rq *request) *minapush.Delivery {
	q := rq.r.URL.Query()
	push, day, who := q.Get("test"), q.Get("day"), minapush.OpenID(q.Get("who"))
	if push == "" || !plausibleID(push) || !pushDay.MatchString(day) || who.Validate() != nil {
		return nil
	}
	d, err := c.parts.Ledger.Find(ctx, rq.app, day, who, push)
	if err != nil {
		return nil
	}
	return &d
}
