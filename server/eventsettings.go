package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) eventSettingsRoutes() {
	const path = appPath + "/wechat-push"
	admin := []account.Scope{account.ScopeAdmin}
	handle(s, route{
		method: http.MethodPut, path: path, id: "put-event-settings", scopes: admin,
		summary: "Say how WeChat pushes its events, as its console has it; what is absent stays",
	}, s.putEventSettings)
	handle(s, route{
		method: http.MethodGet, path: path, id: "get-event-settings", scopes: admin,
		summary: "Show how WeChat pushes its events, without secrets, and the path to be entered in its console",
	}, s.getEventSettings)
	handle(s, route{
		method: http.MethodDelete, path: path, id: "delete-event-settings", scopes: admin, summary: "Take no more events from WeChat",
	}, func(ctx context.Context, c *call, _ *none) (none, error) {
		return none{}, s.parts.Accounts.DeleteEvents(ctx, c.app.ID)
	})
	handle(s, route{
		method: http.MethodGet, path: appPath + "/odd-events", id: "list-odd-events", scopes: []account.Scope{account.ScopeRead},
		summary: "Count WeChat's events, and list the last ones that were not understood or fit nothing here",
		query:   []*huma.Param{queryParam("days", huma.TypeInteger, "Over how many days it counts, today in Beijing included: 7, at most 90.")},
	}, s.oddEvents)
}

const (
	passOthers = "others"
	passAll    = "all"
)

func (s *Server) putEventSettings(ctx context.Context, c *call, in *api.NewEventSettings) (api.EventSettings, error) {
	if in.PassOn != "" && in.PassOn != passOthers && in.PassOn != passAll {
		return api.EventSettings{}, wrong("body.pass_on", "must be others or all")
	}
	set, err := s.parts.Accounts.ChangeEvents(ctx, c.app.ID, func(e *account.EventSettings) error {
		if in.Token != "" {
			e.Token = in.Token
		}
		if in.EncodingAESKey != "" {
			e.AESKey = in.EncodingAESKey
		}
		if in.Mode != "" {
			e.Mode = account.EventMode(in.Mode)
		}
		if in.PassOnURL != nil {
			e.PassOnURL = *in.PassOnURL
			e.PassOnAll = e.PassOnAll && e.PassOnURL != ""
		}
		if in.PassOn != "" {
			e.PassOnAll = in.PassOn == passAll
		}
		return nil
	})
	if err != nil {
		return api.EventSettings{}, err
	}
	return s.eventSettings(c.app.ID, set), nil
}

func (s *Server) getEventSettings(ctx context.Context, c *call, _ *none) (api.EventSettings, error) {
	set, err := s.parts.Accounts.Events(ctx, c.app.ID)
	if err != nil {
		return api.EventSettings{}, err
	}
	return s.eventSettings(c.app.ID, set), nil
}

// eventSettings shows settings without what may be secret: token, key, and the query of the URL.
func (s *Server) eventSettings(app minapush.AppID, set account.EventSettings) api.EventSettings {
	out := api.EventSettings{
		Path: s.cfg.BasePath + strings.Replace(eventPath, "{appid}", string(app), 1), Mode: string(set.Mode),
		TokenSet: set.Token != "", EncodingAESKeySet: set.AESKey != "", PassOn: passOthers,
	}
	out.PassOnURL, _, _ = strings.Cut(set.PassOnURL, "?")
	if set.PassOnAll {
		out.PassOn = passAll
	}
	return out
}

// figureEvent is how the collector counts events in the bank's daybook, by type and result: "popup.accepted".
const figureEvent = "event"

func (s *Server) oddEvents(ctx context.Context, c *call, _ *none) (api.OddEvents, error) {
	days := api.DefaultEventDays
	if text := c.query("days"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > api.MaxEventDays {
			return api.OddEvents{}, wrong("query.days", "must be a number from 1 to "+strconv.Itoa(api.MaxEventDays))
		}
		days = n
	}
	book, err := s.parts.Bank.Days(ctx, c.app, s.cfg.Now().AddDate(0, 0, 1-days), days)
	if err != nil {
		return api.OddEvents{}, err
	}
	kept, err := s.parts.Collector.OddEvents(ctx, c.app)
	if err != nil {
		return api.OddEvents{}, err
	}
	out := api.OddEvents{Since: utc(book[0].Date), Counts: map[string]map[string]int64{}, Events: make([]api.OddEvent, len(kept))}
	for _, d := range book {
		for key, n := range d.Figures[figureEvent] {
			kind, result, _ := strings.Cut(key, ".")
			if out.Counts[kind] == nil {
				out.Counts[kind] = map[string]int64{}
			}
			out.Counts[kind][result] += n
		}
	}
	for i, e := range kept {
		out.Events[i] = api.OddEvent{At: utc(e.At), Type: e.Type, Why: e.Why, Body: e.Body}
	}
	return out, nil
}
