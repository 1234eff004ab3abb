package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
)

func (s *Server) profileRoutes() {
	handle(s, route{
		method: http.MethodPut, path: appPath + "/users/{openid}/profile", id: "put-profile", scopes: []account.Scope{account.ScopeCampaign},
		summary: "Replace a user's uid, tags and attributes; the user is made if there is none",
	}, s.putProfile)
	handle(s, route{
		method: http.MethodPut, path: appPath + "/users/{openid}/opt-out", id: "put-opt-out",
		scopes: []account.Scope{account.ScopePush, account.ScopeCampaign}, summary: "Say what a user asked not to be sent",
	}, s.putOptOut)
}

// user finds the user whom a caller names at a location of the request, by openid or "uid:…". Errors: 400, 404.
func (s *Server) user(ctx context.Context, app minapush.App, location, name string) (minapush.OpenID, error) {
	if !strings.HasPrefix(name, audience.UIDPrefix) {
		o := minapush.OpenID(name)
		return o, renamed(o.Validate(), "openid", location)
	}
	o, err := s.parts.Profiles.OpenID(ctx, app, name)
	switch {
	case errors.Is(err, minapush.NotFound):
		p := refuse(rowNotFound, clip(location+": no user of this app has the "+name))
		p.fields = []api.FieldProblem{{Location: location, Message: "is the uid of no user"}}
		return "", p
	case errors.Is(err, minapush.Invalid):
		return "", wrong(location, reasonOf(err))
	}
	return o, err
}

// reasonOf is the rule that an Invalid error says was broken, without the field.
func reasonOf(err error) string {
	var e *minapush.Error
	if errors.As(err, &e) {
		return causeOf(e)
	}
	return err.Error()
}

// pathUser is the user of the path. Errors: 400, 404.
func (s *Server) pathUser(ctx context.Context, c *call) (minapush.OpenID, error) {
	return s.user(ctx, c.app, "path.openid", c.path("openid"))
}

func (s *Server) putProfile(ctx context.Context, c *call, in *api.NewProfile) (api.Profile, error) {
	attributes, err := attributesOf(in.Attributes)
	if err != nil {
		return api.Profile{}, err
	}
	tags := slices.Clone(in.Tags)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	return s.changeProfile(ctx, c, func(p *minapush.Profile) error {
		p.UID, p.Tags, p.Attributes = in.UID, tags, attributes
		return nil
	})
}

func (s *Server) putOptOut(ctx context.Context, c *call, in *api.NewOptOut) (api.Profile, error) {
	o, err := minapush.ParseOptOut(in.OptOut)
	if err != nil {
		return api.Profile{}, below("body", err)
	}
	return s.changeProfile(ctx, c, func(p *minapush.Profile) error {
		p.OptOut = o
		return nil
	})
}

func (s *Server) changeProfile(ctx context.Context, c *call, rule func(*minapush.Profile) error) (api.Profile, error) {
	o, err := s.pathUser(ctx, c)
	if err != nil {
		return api.Profile{}, err
	}
	p, err := s.parts.Profiles.Change(ctx, c.app, o, rule)
	var e *minapush.Error
	if errors.As(err, &e) && e.Kind == minapush.Conflict && e.Field == "uid" {
		p := refuse(rowConflict, "body.uid: "+causeOf(e))
		p.fields = []api.FieldProblem{{Location: "body.uid", Message: causeOf(e)}}
		return api.Profile{}, p
	}
	return profileBody(p), err
}

// attributesOf reads attributes, which JSON has as texts, numbers, true or false.
func attributesOf(in map[string]any) (map[string]minapush.Attribute, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(map[string]minapush.Attribute, len(in))
	for name, v := range in {
		switch v := v.(type) {
		case string:
			out[name] = minapush.Attribute{Text: v}
		case float64:
			out[name] = minapush.Attribute{Kind: minapush.Number, Number: v}
		case bool:
			a := minapush.Attribute{Kind: minapush.Flag}
			if v {
				a.Number = 1
			}
			out[name] = a
		default:
			return nil, wrong(clip("body.attributes."+name), "must be a text, a number, true or false")
		}
	}
	return out, nil
}

func profileBody(p minapush.Profile) api.Profile {
	out := api.Profile{UID: p.UID, Tags: append([]string{}, p.Tags...), Attributes: map[string]any{}, OptOut: p.OptOut.String()}
	for name, a := range p.Attributes {
		switch a.Kind {
		case minapush.Number:
			out.Attributes[name] = a.Number
		case minapush.Flag:
			out.Attributes[name] = a.Number != 0
		default:
			out.Attributes[name] = a.Text
		}
	}
	return out
}
