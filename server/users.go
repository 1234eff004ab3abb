package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/bank"
)

func (s *Server) userRoutes() {
	handle(s, route{
		method: http.MethodGet, path: appPath + "/users/{openid}", id: "get-user", summary: "Show a user's balance and recent deliveries",
		scopes: []account.Scope{account.ScopeRead},
	}, s.getUser)
	handle(s, route{
		method: http.MethodDelete, path: appPath + "/users/{openid}", id: "erase-user",
		summary: "Erase a user with permits, profile and deliveries; sums of campaigns stay", scopes: []account.Scope{account.ScopePush},
		status: http.StatusAccepted, also: map[int]string{http.StatusNoContent: "Erased."},
	}, s.eraseUser)
}

func (s *Server) getUser(ctx context.Context, c *call, _ *none) (api.User, error) {
	o, err := s.pathUser(ctx, c)
	if err != nil {
		return api.User{}, err
	}
	u, err := s.parts.Bank.User(ctx, c.app, o)
	if err != nil {
		return api.User{}, err
	}
	recent, err := s.recent(ctx, c.app, u)
	if err != nil {
		return api.User{}, err
	}
	out := userBody(u)
	out.Recent, out.Balance = recent, s.balanceBody(u)
	if len(u.Events) > 0 {
		out.Events = make(map[string]api.EventState, len(u.Events))
	}
	for name, e := range u.Events {
		out.Events[name] = api.EventState{Last: utc(e.Last), Count: e.Count}
	}
	return out, nil
}

// balanceBody sums a user's permits as they stand now.
func (s *Server) balanceBody(u bank.User) []api.Balance {
	out := []api.Balance{}
	for _, b := range s.parts.Bank.Balance(u, s.cfg.Now()) {
		out = append(out, api.Balance{
			Kind: b.Kind.String(), Template: b.Template, Available: b.Available, Ready: b.Ready, Held: b.Held, Suspect: b.Suspect,
			NextExpiry: utc(b.NextExpiry),
		})
	}
	return out
}

// recent finds the rows of the deliveries that a user's record remembers. Rows that are not kept any more are left out.
func (s *Server) recent(ctx context.Context, app minapush.App, u bank.User) ([]api.RecentDelivery, error) {
	list := make([]api.RecentDelivery, 0, len(u.Recent))
	for _, r := range u.Recent {
		one := api.RecentDelivery{Push: r.Push, At: utc(r.At)}
		if r.Push == "" {
			one.Campaign = r.Batch
		}
		d, err := s.parts.Ledger.Find(ctx, app, r.Batch, u.OpenID, r.Push)
		if err == nil {
			row := deliveryBody(d)
			one.Delivery = &row
		} else if !errors.Is(err, minapush.NotFound) {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func userBody(u bank.User) api.User {
	c := u.Counts
	out := api.User{
		OpenID: string(u.OpenID), FirstSeen: utc(u.FirstSeen), LastSeen: utc(u.LastSeen), Busy: u.Busy != nil, Erasing: u.Erasing,
		StandingSent: u.StandingSent, Permits: make([]api.Permit, len(u.Permits)), Profile: profileBody(u.Profile),
		Counts: api.Counts{
			Deposited: c.Deposited, Available: c.Available, Held: c.Held, Suspect: c.Suspect, Spent: c.Spent, Dead: c.Dead,
			Expired: c.Expired, Evicted: c.Evicted, Erased: c.Erased,
		},
	}
	for i, h := range u.Permits {
		out.Permits[i] = api.Permit{
			Kind: h.Kind.String(), Template: h.Template, State: h.State.String(), Uses: h.Uses, TakenAt: utc(h.TakenAt),
			ExpiresAt: utc(h.ExpiresAt), Evidence: h.Evidence.String(),
		}
	}
	return out
}

// eraseUser takes the user's uid out of the index before the record that says which uid that is.
func (s *Server) eraseUser(ctx context.Context, c *call, _ *none) (api.Erasure, error) {
	o, err := s.pathUser(ctx, c)
	if err != nil {
		return api.Erasure{}, err
	}
	done := false
	if err = s.parts.Profiles.Forget(ctx, c.app, o); err == nil {
		done, err = s.parts.Bank.Erase(ctx, c.app, o)
	}
	if done {
		c.status = http.StatusNoContent
	}
	return api.Erasure{Erasing: !done}, s.unerased(c, o, err)
}

// unerased says how to repeat an erasure that stopped half way: the uid by which the user was named may lead nowhere by now, and a 404
// would then look as if all was done.
func (s *Server) unerased(c *call, o minapush.OpenID, err error) error {
	if err == nil || errors.Is(err, minapush.NotFound) || c.path("openid") == string(o) {
		return err
	}
	p := *problemOf(err)
	p.detail = "the uid is forgotten, the user is not: repeat the call with the openid " + string(o)
	return &p
}
