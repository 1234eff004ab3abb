package server

import (
	"context"
	"net/http"
	"time"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) stockRoutes() {
	handle(s, route{
		method: http.MethodGet, path: appPath + "/stock", id: "get-stock", scopes: []account.Scope{account.ScopeRead},
		summary: "Show what users have by kind, template, age and source, from the last survey",
	}, s.getStock)
}

func (s *Server) getStock(ctx context.Context, c *call, _ *none) (api.Stock, error) {
	survey, err := s.parts.Bank.LastSurvey(ctx, c.app)
	if err != nil {
		return api.Stock{}, err
	}
	names, err := s.parts.Bank.SourceNames(ctx, c.app)
	if err != nil {
		return api.Stock{}, err
	}
	out := api.Stock{
		At: utc(survey.At), AgeSeconds: max(0, int64(survey.Age(s.cfg.Now())/time.Second)), Users: survey.Users,
		Permits: make([]api.PermitStock, len(survey.ByPermit)), LeftOut: survey.LeftOut,
	}
	for i, p := range survey.ByPermit {
		out.Permits[i] = api.PermitStock{
			Kind: p.Kind.String(), Template: p.Template, Permits: p.Permits, Uses: p.Uses, ByAge: p.ByAge[:],
			BySource: make([]api.SourceStock, len(p.BySource)),
		}
		for j, part := range p.BySource {
			out.Permits[i].BySource[j] = api.SourceStock{Source: sourceName(names, part.Source), Uses: part.Uses}
		}
	}
	return out, nil
}
