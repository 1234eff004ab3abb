package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/collect"
)

// reportRoutes puts the hot path on the mux by hand: no schema is looked at, since unknown fields are allowed and bad items are
// refused one by one.
func (s *Server) reportRoutes() {
	rt := route{
		method: http.MethodPost, path: appPath + "/reports", id: "report",
		summary: "Report what a user's taps earned, and which messages were opened: from the mini program with a session token, or relayed with a key of scope report",
		public:  true,
	}
	s.document(rt, typeOf[api.Report](), typeOf[api.ReportAnswer]())
	op := s.docs.Paths[rt.path].Post
	op.Security = append(op.Security, map[string][]string{sessionScheme: {}})
	op.Description = "The upload of the original recipe is taken as well. Unknown fields are ignored."
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: api.OpenIDHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Names the user, for a relay that forwards the SDK's body unchanged.",
	})
	schema := op.RequestBody.Content[api.ContentType]
	op.RequestBody.Content[api.ContentType] = &huma.MediaType{Schema: &huma.Schema{OneOf: []*huma.Schema{
		schema.Schema, s.docs.Components.Schemas.Schema(typeOf[api.RecipeReport](), true, ""),
	}}}
	s.mount(rt, s.report)
}

// reportOf is a report of either form, with items decoded or not. encoding/json prefers the exact name, so openid and openId do not
// mix.
type reportOf[Item any] struct {
	OpenID string `json:"openid"`
	Nonce  string `json:"nonce"`
	Items  []Item `json:"items"`
	// Opens are decoded one by one: what is no open is ignored alone.
	Opens        []json.RawMessage `json:"opens"`
	RecipeOpenID string            `json:"openId"`
	FormIDs      *string           `json:"formIds"`
}

type incoming = reportOf[api.ReportItem]

func (s *Server) report(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
	defer cancel()
	app, by, err := s.reporter(ctx, r)
	if err != nil {
		return err
	}
	if by != "" { // whose report it is is known before the body is read
		if err := s.allowance(app, by); err != nil {
			return err
		}
	}
	body, err := s.readBytes(w, r)
	if err != nil {
		return err
	}
	in, broken, err := s.parseReport(body)
	if err != nil {
		return err
	}
	o, err := s.whose(ctx, r, app, by, in)
	if err != nil {
		return err
	}
	if by == "" {
		if err := s.allowance(app, o); err != nil {
			return err
		}
	}
	a, err := s.collect(ctx, app, o, in)
	if err != nil {
		return err
	}
	for _, i := range broken {
		a.Items[i].Reason, a.Items[i].Field = collect.ReasonNotAnItem, "items["+strconv.Itoa(i)+"]"
	}
	out := answerBody(a)
	if len(in.Opens) > 0 && in.FormIDs == nil {
		out.Opens = &api.OpenAnswer{Accepted: a.Opens.Accepted, Duplicate: a.Opens.Duplicate, Ignored: a.Opens.Ignored}
	}
	write(w, api.ContentType, http.StatusOK, out)
	return nil
}

// reporter finds out who reports: a user with a session token, or a relay (by is empty) with an API key. A session token is a JWT,
// with two dots; keys have none.
func (s *Server) reporter(ctx context.Context, r *http.Request) (app minapush.App, by minapush.OpenID, err error) {
	id := minapush.AppID(r.PathValue("appid"))
	credential, err := bearer(r)
	if err != nil {
		return app, "", err
	}
	if strings.Count(credential, ".") == 2 {
		return s.sessionOf(ctx, r)
	}
	key, err := s.parts.Accounts.Authenticate(ctx, credential)
	if err != nil {
		return app, "", unknownCredential(err)
	}
	app, err = s.allowed(ctx, key, id, []account.Scope{account.ScopeReport})
	return app, "", err
}

// sessionOf finds the user of a session token, and the app of the path, which the token is for. Errors: 401.
func (s *Server) sessionOf(ctx context.Context, r *http.Request) (app minapush.App, by minapush.OpenID, err error) {
	id := minapush.AppID(r.PathValue("appid"))
	credential, err := bearer(r)
	if err != nil {
		return app, "", err
	}
	if by, err = s.parts.Accounts.VerifySession(ctx, id, credential); err != nil {
		return app, "", unknownCredential(err)
	}
	app, err = s.parts.Accounts.App(ctx, id)
	return app, by, err
}

// allowance refuses a flood of one user's reports.
func (s *Server) allowance(app minapush.App, o minapush.OpenID) error {
	if wait := s.reports.take(user{app.Number, o}, s.cfg.Now()); wait > 0 {
		p := refuse(rowReports, "at most "+strconv.Itoa(s.cfg.ReportsPerMinute)+" a minute are taken")
		p.wait = wait
		return p
	}
	return nil
}

// whose settles whose report it is. A session token has the last word: a body that names somebody else is refused, as is one that
// differs from what the relay's header says, so that no client writes another user's permits. A relay may
// name the user by "uid:…".
func (s *Server) whose(ctx context.Context, r *http.Request, app minapush.App, by minapush.OpenID, in *incoming) (minapush.OpenID, error) {
	field, named := "body.openid", in.OpenID
	if in.FormIDs != nil && named == "" {
		field, named = "body.openId", in.RecipeOpenID
	}
	header := r.Header.Get(api.OpenIDHeader)
	switch {
	case by != "" && ((named != "" && named != string(by)) || (header != "" && header != string(by))):
		return "", refuse(rowForbidden, "the session is of another user than the report names")
	case by != "":
		return by, nil
	case header != "" && named != "" && header != named:
		return "", wrong(field, "differs from the header "+api.OpenIDHeader)
	case header != "":
		field, named = "header."+api.OpenIDHeader, header
	}
	return s.user(ctx, app, field, named)
}

func (s *Server) collect(ctx context.Context, app minapush.App, o minapush.OpenID, in *incoming) (collect.Answer, error) {
	if in.FormIDs != nil {
		return s.parts.Collector.Recipe(ctx, app, collect.RecipeBody{OpenID: string(o), FormIDs: *in.FormIDs})
	}
	r := collect.Report{Nonce: in.Nonce, Items: make([]collect.Item, len(in.Items)), Opens: make([]collect.Opened, len(in.Opens))}
	for i, it := range in.Items {
		r.Items[i] = collect.Item{
			Type: it.Type, FormID: it.FormID, Template: it.Template, Result: it.Result, Nonce: it.Nonce, AgeMS: it.AgeMS, Source: it.Source,
		}
	}
	for i, raw := range in.Opens {
		var it api.ReportOpen
		if json.Unmarshal(raw, &it) == nil {
			r.Opens[i] = collect.Opened{Message: it.Message, AgeMS: it.AgeMS, Nonce: it.Nonce}
		}
	}
	return s.parts.Collector.Report(ctx, app, o, r)
}

// parseReport decodes a report. Unknown fields are counted; items that are no items are replaced by empty ones and named in broken,
// so that each is refused alone.
func (s *Server) parseReport(body []byte) (in *incoming, broken []int, err error) {
	in = &incoming{}
	if strict(body, in) != nil {
		*in = incoming{}
		err := json.Unmarshal(body, in)
		var wrongType *json.UnmarshalTypeError
		switch {
		case err == nil:
			s.metrics.unknown.Inc()
		case errors.As(err, &wrongType) && strings.HasPrefix(wrongType.Field, "items"):
			if in, broken, err = parseItems(body); err != nil {
				return nil, nil, malformed(err)
			}
		default:
			return nil, nil, malformed(err)
		}
	}
	if in.FormIDs == nil && in.Items == nil && in.Opens == nil {
		return nil, nil, wrong("body.items", "is required")
	}
	if in.FormIDs != nil {
		return in, nil, nil // the recipe has no items
	}
	return in, broken, nil
}

// parseItems decodes a report item by item.
func parseItems(body []byte) (in *incoming, broken []int, err error) {
	var raw reportOf[json.RawMessage]
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, nil, err
	}
	in = &incoming{
		OpenID: raw.OpenID, Nonce: raw.Nonce, RecipeOpenID: raw.RecipeOpenID, FormIDs: raw.FormIDs, Opens: raw.Opens,
		Items: make([]api.ReportItem, len(raw.Items)),
	}
	for i, item := range raw.Items {
		if json.Unmarshal(item, &in.Items[i]) != nil {
			in.Items[i] = api.ReportItem{}
			broken = append(broken, i)
		}
	}
	return in, broken, nil
}
