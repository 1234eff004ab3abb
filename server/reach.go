package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/bank"
)

func (s *Server) reachRoutes() {
	read := []account.Scope{account.ScopeRead}
	handle(s, route{
		method: http.MethodGet, path: appPath + "/reach", id: "get-reach", unbounded: true, scopes: read,
		summary: "Show how many users can be reached, from the last survey",
		query:   []*huma.Param{queryParam("fresh", huma.TypeBoolean, "Survey all users now; it takes as long as that takes.")},
	}, s.getReach)
	handle(s, route{
		method: http.MethodGet, path: appPath + "/flow", id: "get-flow", summary: "Show what became of every use ever deposited", scopes: read,
	}, s.getFlow)
}

func (s *Server) getReach(ctx context.Context, c *call, _ *none) (api.Reach, error) {
	fresh, err := c.flag("fresh")
	if err != nil {
		return api.Reach{}, err
	}
	if !fresh {
		survey, err := s.parts.Bank.LastSurvey(ctx, c.app)
		return s.reachBody(survey), err
	}
	if !s.surveys.begin(c.app.ID) {
		p := refuse(rowThrottled, "a survey of this app is being made")
		p.wait = 5 * time.Second
		return api.Reach{}, p
	}
	defer s.surveys.end(c.app.ID)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StreamTimeout)
	defer cancel()
	survey, err := s.parts.Bank.Survey(ctx, c.app)
	return s.reachBody(survey), err
}

// flag is a yes or no of the query; absent is no.
func (c *call) flag(name string) (bool, error) {
	switch c.query(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, wrong("query."+name, "must be true or false")
}

func (s *Server) reachBody(v bank.Survey) api.Reach {
	out := api.Reach{
		At: utc(v.At), AgeSeconds: max(0, int64(v.Age(s.cfg.Now())/time.Second)), TookMS: v.Took.Milliseconds(), Users: v.Users,
		Templates: []api.TemplateReach{}, EndingSoon: api.Ending{Users: v.EndingSoon.Users, Uses: v.EndingSoon.Uses},
	}
	for _, r := range v.Reach {
		out.Templates = append(out.Templates, api.TemplateReach{
			Kind: string(r.Kind), Template: r.Template, Days: r.Days[:], ByRemaining: r.ByRemaining[:],
		})
	}
	return out
}

func (s *Server) getFlow(ctx context.Context, c *call, _ *none) (api.Flow, error) {
	flow, err := s.parts.Bank.Flow(ctx, c.app)
	if err != nil {
		return api.Flow{}, err
	}
	out := api.Flow{Kinds: []api.KindFlow{}}
	for _, kind := range minapush.PermitKinds {
		if n, ok := flow[kind]; ok {
			out.Kinds = append(out.Kinds, api.KindFlow{
				Kind: kind.String(), Deposited: n.Deposited, Spent: n.Spent, Dead: n.Dead, Expired: n.Expired, Evicted: n.Evicted, Erased: n.Erased,
			})
		}
	}
	return out, nil
}
