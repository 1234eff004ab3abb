package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
)

func (s *Server) permitRoutes() {
	handle(s, route{
		method: http.MethodPost, path: appPath + "/permits", id: "deposit-permits",
		summary: "Deposit what the backend vouches for: payments and counts of subscriptions", scopes: []account.Scope{account.ScopePush},
	}, s.deposit)
	handle(s, route{
		method: http.MethodPost, path: appPath + "/permits/spent", id: "spend-permit", keyed: true,
		summary: "Tell of a message that went out elsewhere, and take its permit; the answer is its delivery",
		scopes:  []account.Scope{account.ScopePush},
	}, s.spent)
}

func (s *Server) deposit(ctx context.Context, c *call, in *api.Deposit) (api.ReportAnswer, error) {
	items := make([]collect.TrustedItem, len(in.Items))
	for i, it := range in.Items {
		items[i] = collect.TrustedItem{
			Kind: it.Kind, PrepayID: it.PrepayID, FormID: it.FormID, Template: it.Template, Count: it.Count, ID: it.ID,
			PaidAt: it.PaidAt, AgeMS: it.AgeMS, Source: it.Source,
		}
	}
	o, err := s.user(ctx, c.app, "body.openid", in.OpenID)
	if err != nil {
		return api.ReportAnswer{}, err
	}
	a, err := s.parts.Collector.Trusted(ctx, c.app, o, items)
	if err != nil {
		return api.ReportAnswer{}, err
	}
	return answerBody(a), nil
}

// answerBody shows what became of each item.
func answerBody(a collect.Answer) api.ReportAnswer {
	out := api.ReportAnswer{
		Accepted: a.Accepted, Duplicate: a.Duplicate, Evicted: a.Evicted, Refused: a.Refused, Items: make([]api.ItemAnswer, len(a.Items)),
	}
	for i, it := range a.Items {
		out.Items[i] = api.ItemAnswer{Index: it.Index, Status: string(it.Status), Field: it.Field, Added: it.Added}
		if it.Reason != "" {
			out.Items[i].Reason = &api.Reason{Code: it.Reason}
		}
	}
	return out
}

// spent takes a permit for a message that somebody else sent. Without an Idempotency-Key each call is another message.
func (s *Server) spent(ctx context.Context, c *call, in *api.Spent) (api.Push, error) {
	o, err := s.user(ctx, c.app, "body.openid", in.OpenID)
	if err != nil {
		return api.Push{}, err
	}
	t, err := s.parts.Accounts.Template(ctx, c.app.ID, in.Template)
	if errors.Is(err, minapush.NotFound) {
		return api.Push{}, wrong("body.template", "is not a template of this app: PUT it first")
	}
	if err != nil {
		return api.Push{}, err
	}
	d, replayed, err := s.parts.Bank.Spent(ctx, c.app, bank.Elsewhere{
		ID: s.cfg.NewID(), OpenID: o, Template: t, Code: in.Code, MsgID: int64(in.MsgID), SentAt: in.SentAt, Key: c.idempotency,
		Fingerprint: c.fingerprint,
	})
	if err != nil {
		return api.Push{}, err
	}
	return api.Push{Delivery: deliveryBody(d), Replayed: replayed}, nil
}
