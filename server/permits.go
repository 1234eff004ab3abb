package server

import (
	"context"
	"net/http"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/collect"
)

func (s *Server) permitRoutes() {
	handle(s, route{
		method: http.MethodPost, path: appPath + "/permits", id: "deposit-permits",
		summary: "Deposit what the backend vouches for: payments and counts of subscriptions", scopes: []account.Scope{account.ScopePush},
	}, s.deposit)
}

func (s *Server) deposit(ctx context.Context, c *call, in *api.Deposit) (api.ReportAnswer, error) {
	items := make([]collect.TrustedItem, len(in.Items))
	for i, it := range in.Items {
		items[i] = collect.TrustedItem{
			Kind: it.Kind, PrepayID: it.PrepayID, FormID: it.FormID, Template: it.Template, Count: it.Count, ID: it.ID,
			PaidAt: it.PaidAt, AgeMS: it.AgeMS, Source: it.Source,
		}
	}
	a, err := s.parts.Collector.Trusted(ctx, c.app, minapush.OpenID(in.OpenID), items)
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
