package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
)

func (s *Server) importRoutes() {
	admin := []account.Scope{account.ScopeAdmin}
	stream(s, route{
		method: http.MethodPost, path: appPath + "/permits/import", id: "import-permits", scopes: admin, rows: typeOf[api.PermitRow](),
		summary: "Deposit permits of many users, row by row",
		query: []*huma.Param{queryParam("import_id", huma.TypeString,
			"Names the import, 1 to 64 printable ASCII bytes without #: rows without a code or an id are told apart by it and their line.")},
	}, s.importPermits)
	stream(s, route{
		method: http.MethodPost, path: appPath + "/users/import", id: "import-users", scopes: admin, rows: typeOf[api.UserRow](),
		summary: "Change the profiles of many users, row by row",
	}, s.importUsers)
	stream(s, route{
		method: http.MethodPut, path: appPath + "/campaigns/{id}/audience", id: "fill-audience", rows: typeOf[api.ListRow](),
		summary: "Put users on the list of a campaign that was not started", scopes: []account.Scope{account.ScopeCampaign},
	}, s.fillAudience)
}

func (s *Server) importPermits(ctx context.Context, c *call, rows *audience.Reader) (api.ImportAnswer, error) {
	id, err := c.importID()
	if err != nil {
		return api.ImportAnswer{}, err
	}
	done, err := s.parts.Collector.Import(ctx, c.app, id, rows)
	return importBody(done), renamed(err, "id", "query.import_id")
}

func (s *Server) importUsers(ctx context.Context, c *call, rows *audience.Reader) (api.ImportAnswer, error) {
	done, err := s.parts.Profiles.Import(ctx, c.app, rows)
	return importBody(done), err
}

func (s *Server) fillAudience(ctx context.Context, c *call, rows *audience.Reader) (api.ListAnswer, error) {
	id, err := c.campaignID()
	if err != nil {
		return api.ListAnswer{}, err
	}
	done, err := s.parts.Campaigns.FillList(ctx, c.app, id, rows)
	if err != nil {
		return api.ListAnswer{}, err
	}
	listed, err := s.parts.Campaigns.Listed(ctx, c.app, id)
	return api.ListAnswer{
		Rows: done.Rows, Added: done.Accepted, Duplicate: done.Duplicate, Refused: done.Refused, Problems: rowProblems(done.Problems),
		Listed: listed,
	}, err
}
