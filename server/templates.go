package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) templateRoutes() {
	const path = appPath + "/templates"
	read, admin := []account.Scope{account.ScopeRead}, []account.Scope{account.ScopeAdmin}
	handle(s, route{method: http.MethodGet, path: path, id: "list-templates", summary: "List templates", scopes: read}, s.listTemplates)
	handle(s, route{method: http.MethodGet, path: path + "/{id}", id: "get-template", summary: "Show a template", scopes: read}, s.getTemplate)
	handle(s, route{
		method: http.MethodPut, path: path + "/{id}", id: "put-template", summary: "Add a template, or replace it", scopes: admin,
	}, s.putTemplate)
	handle(s, route{
		method: http.MethodDelete, path: path + "/{id}", id: "delete-template", scopes: admin,
		summary: "Remove a template that no scene asks for; its permits stay",
	}, s.deleteTemplate)
	handle(s, route{
		method: http.MethodPost, path: path + "/sync", id: "sync-templates", scopes: admin,
		summary: "Ask WeChat for the app's templates, tell what differs, and write what is new or changed",
		query:   []*huma.Param{queryParam("dry_run", huma.TypeBoolean, "Write nothing: only tell what differs.")},
	}, s.syncTemplates)
	handle(s, route{
		method: http.MethodPost, path: appPath + "/lint", id: "lint", scopes: read,
		summary: "Check values against the types of a template's keys; nothing is sent",
	}, s.lint)
}

func (s *Server) listTemplates(ctx context.Context, c *call, _ *none) (api.Templates, error) {
	list, err := s.parts.Accounts.Templates(ctx, c.app.ID)
	if err != nil {
		return api.Templates{}, err
	}
	out := api.Templates{Templates: make([]api.Template, len(list))}
	for i, t := range list {
		out.Templates[i] = templateBody(t)
	}
	return out, nil
}

func (s *Server) getTemplate(ctx context.Context, c *call, _ *none) (api.Template, error) {
	t, err := s.parts.Accounts.Template(ctx, c.app.ID, c.path("id"))
	if err != nil {
		return api.Template{}, err
	}
	return templateBody(t), nil
}

func (s *Server) putTemplate(ctx context.Context, c *call, in *api.Template) (api.Template, error) {
	id := c.path("id")
	if in.ID != "" && in.ID != id {
		return api.Template{}, wrong("body.id", "differs from the id of the path")
	}
	t := minapush.Template{ID: id, Kind: minapush.TemplateKind(in.Kind), Title: in.Title, Example: in.Example}
	for _, k := range in.Keys {
		t.Keys = append(t.Keys, minapush.TemplateKey{
			Key: k.Key, Label: k.Label, Type: k.Type, Enum: k.Enum, Policy: minapush.ValuePolicy(k.Policy), Fallback: k.Fallback,
		})
	}
	if err := s.parts.Accounts.PutTemplate(ctx, c.app.ID, t); err != nil {
		return api.Template{}, renamed(err, "id", "path.id")
	}
	return templateBody(t), nil
}

func (s *Server) deleteTemplate(ctx context.Context, c *call, _ *none) (none, error) {
	return none{}, s.parts.Accounts.DeleteTemplate(ctx, c.app.ID, c.path("id"))
}

func templateBody(t minapush.Template) api.Template {
	out := api.Template{ID: t.ID, Kind: string(t.Kind), Title: t.Title, Example: t.Example, GoneSince: utc(t.GoneSince)}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, api.TemplateKey{
			Key: k.Key, Label: k.Label, Type: k.Type, Enum: k.Enum, Policy: string(k.Policy), Fallback: k.Fallback,
		})
	}
	return out
}
