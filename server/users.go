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
		summary: "Erase a user with permits and deliveries; sums of campaigns stay", scopes: []account.Scope{account.ScopePush},
		status: http.StatusAccepted, also: map[int]string{http.StatusNoContent: "Erased."},
	}, s.eraseUser)
}

// pathUser is the openid of the path. Errors: 400.
func (c *call) pathUser() (minapush.OpenID, error) {
	o := minapush.OpenID(c.path("openid"))
	return o, below("path", o.Validate())
}

func (s *Server) getUser(ctx context.Context, c *call, _ *none) (api.User, error) {
	o, err := c.pathUser()
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
	out.Recent = recent
	for _, b := range s.parts.Bank.Balance(u, s.cfg.Now()) {
		out.Balance = append(out.Balance, api.Balance{
			Kind: b.Kind.String(), Template: b.Template, Available: b.Available, Ready: b.Ready, Held: b.Held, Suspect: b.Suspect,
			NextExpiry: utc(b.NextExpiry),
		})
	}
	return out, nil
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
		StandingSent: u.StandingSent, Balance: []api.Balance{}, Permits: make([]api.Permit, len(u.Permits)),
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

func (s *Server) eraseUser(ctx context.Context, c *call, _ *none) (api.Erasure, error) {
	o, err := c.pathUser()
	if err != nil {
		return api.Erasure{}, err
	}
	done, err := s.parts.Bank.Erase(ctx, c.app, o)
	if done {
		c.status = http.StatusNoContent
	}
	return api.Erasure{Erasing: !done}, err
}
