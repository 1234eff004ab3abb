package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
)

func (s *Server) pushRoutes() {
	handle(s, route{
		method: http.MethodPost, path: appPath + "/pushes", id: "push", summary: "Send one message to one user; the answer is the outcome",
		scopes: []account.Scope{account.ScopePush}, keyed: true, unbounded: true,
	}, s.push)
}

func (s *Server) push(ctx context.Context, c *call, in *api.NewPush) (api.Push, error) {
	o, err := s.user(ctx, c.app, "body.openid", in.OpenID)
	if err != nil {
		return api.Push{}, err
	}
	message, template, err := s.message(ctx, c.app, in.Message)
	if err == nil {
		err = below("body.message", message.CheckFilled())
	}
	if err != nil {
		return api.Push{}, err
	}
	p, err := s.parts.Dispatcher.Push(ctx, c.app, dispatch.Push{
		OpenID: o, Message: message, Template: template, Key: c.idempotency, Fingerprint: c.fingerprint,
	})
	if err != nil {
		return api.Push{}, err
	}
	return api.Push{Delivery: deliveryBody(p.Delivery), Replayed: p.Replayed, RetryAt: utc(p.RetryAt)}, nil
}

// message checks a message against its template, which must be known.
func (s *Server) message(ctx context.Context, app minapush.App, in api.Message) (minapush.Message, minapush.Template, error) {
	m := minapush.Message{
		Template: in.Template, Page: in.Page, State: in.MiniprogramState, Lang: in.Lang, Values: in.Values, Emphasis: in.Emphasis,
	}
	if in.Keywords != "" {
		if len(in.Values) > 0 {
			return m, minapush.Template{}, wrong("body.message.keywords", "cannot stand beside values")
		}
		if strings.Count(in.Keywords, ",") >= maxKeywords {
			return m, minapush.Template{}, wrong("body.message.keywords", "must be at most 32 texts")
		}
		m.Values = minapush.Keywords(in.Keywords)
	}
	if err := m.Validate(); err != nil {
		return m, minapush.Template{}, below("body.message", err)
	}
	t, err := s.parts.Accounts.Template(ctx, app.ID, m.Template)
	if errors.Is(err, minapush.NotFound) {
		return m, t, wrong("body.message.template", "is not a template of this app: PUT it first")
	}
	if err != nil {
		return m, t, err
	}
	if !t.HasRules() {
		return m, t, below("body.message", m.CheckAgainst(t))
	}
	return m, t, badValues("body.message", t.Lint(m).Findings)
}

const maxKeywords = 32

func messageBody(m minapush.Message) api.Message {
	return api.Message{
		Template: m.Template, Page: m.Page, MiniprogramState: m.State, Lang: m.Lang, Values: m.Values, Emphasis: m.Emphasis,
	}
}

func deliveryBody(d minapush.Delivery) api.Delivery {
	out := api.Delivery{
		Push: d.Push, OpenID: string(d.OpenID), State: d.State.String(), Outcome: d.Outcome.String(), Errcode: d.Errcode, MsgID: api.MsgID(d.MsgID),
		Permit: d.Permit.Kind.String(), Tries: d.Tries, ReservedAt: utc(d.ReservedAt), SettledAt: utc(d.SettledAt),
		OpenedAt: utc(d.OpenedAt), Confirmed: d.Confirmed.String(), ConfirmedAt: utc(d.ConfirmedAt), ConfirmStatus: d.ConfirmStatus,
	}
	if d.Push == "" {
		out.Campaign = d.Batch
	}
	if d.Reason != "" {
		out.Reason = &api.Reason{Code: d.Reason}
	}
	if d.State != minapush.Settled {
		out.NotBefore = utc(d.NotBefore)
	}
	return out
}
