package server

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
)

// userEventRoutes puts the call on the mux by hand, since a session token or a key may make it.
func (s *Server) userEventRoutes() {
	rt := route{
		method: http.MethodPost, path: appPath + "/events", id: "note-events", public: true,
		summary: "Tell what users did, such as checkin: with a key of scope report, or a user's own with a session token",
	}
	schema := s.document(rt, typeOf[api.UserEvents](), typeOf[api.UserEventsAnswer]())
	op := s.docs.Paths[rt.path].Post
	op.Security = append(op.Security, map[string][]string{sessionScheme: {}})
	op.Description = "Scope: " + scopeNames([]account.Scope{account.ScopeReport}) + "."
	s.mount(rt, func(w http.ResponseWriter, r *http.Request) error { return s.noteEvents(w, r, rt, schema) })
}

func (s *Server) noteEvents(w http.ResponseWriter, r *http.Request, rt route, schema *huma.Schema) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
	defer cancel()
	app, by, err := s.reporter(ctx, r)
	if err != nil {
		return err
	}
	c := &call{r: r, app: app}
	if by == "" {
		err = c.checkQuery(rt)
	} else {
		err = s.allowance(app, by)
	}
	if err != nil {
		return err
	}
	var in api.UserEvents
	if err := s.readBody(w, c, schema, &in); err != nil {
		return err
	}
	switch {
	case in.Events == nil:
		return wrong("body.events", "is required")
	case len(in.Events) > api.MaxUserEvents:
		return wrong("body.events", "must have at most "+strconv.Itoa(api.MaxUserEvents)+" events")
	}
	if by != "" {
		if err := ownEvents(in.Events, by); err != nil {
			return err
		}
	}
	out, err := s.note(ctx, app, in.Events, by != "")
	if err != nil {
		return err
	}
	write(w, api.ContentType, http.StatusOK, out)
	return nil
}

// ownEvents makes the events of a session those of its user. Times are not taken from phones, whose clocks are often wrong.
func ownEvents(events []api.UserEvent, by minapush.OpenID) error {
	for i := range events {
		e := &events[i]
		switch {
		case e.OpenID != "" && e.OpenID != string(by):
			return refuse(rowForbidden, fmt.Sprintf("the session is of another user than body.events[%d].openid names", i))
		case !e.At.IsZero():
			return wrong(fmt.Sprintf("body.events[%d].at", i), "is not taken with a session: send age_ms")
		}
		e.OpenID = string(by)
	}
	return nil
}

// note notes events and says what became of each. seen tells that their user is there now.
func (s *Server) note(ctx context.Context, app minapush.App, events []api.UserEvent, seen bool) (api.UserEventsAnswer, error) {
	out := api.UserEventsAnswer{Events: make([]api.UserEventAnswer, len(events))}
	now := s.cfg.Now()
	told, place := make([]audience.Told, 0, len(events)), make([]int, 0, len(events))
	for i, e := range events {
		if !e.At.IsZero() && e.AgeMS != 0 {
			return out, wrong(fmt.Sprintf("body.events[%d].age_ms", i), "cannot stand beside at")
		}
		at := e.At
		if at.IsZero() && e.AgeMS >= 0 && e.AgeMS <= api.MaxEventAge {
			at = now.Add(-time.Duration(e.AgeMS) * time.Millisecond)
		}
		if now.Sub(at) > api.MaxEventAge*time.Millisecond {
			out.Events[i] = api.UserEventAnswer{Result: eventRefused, Reason: audience.ReasonBadTime}
			continue
		}
		told, place = append(told, audience.Told{Name: e.OpenID, Event: minapush.NamedEvent{Name: e.Name, At: at}}), append(place, i)
	}
	noted, err := s.parts.Profiles.NoteEvents(ctx, app, told, seen)
	if err != nil {
		return out, err
	}
	for i, n := range noted {
		out.Events[place[i]] = userEventAnswer(n)
	}
	for _, e := range out.Events {
		switch e.Result {
		case eventAdded:
			out.Added++
		case eventKnown:
			out.Known++
		default:
			out.Refused++
		}
	}
	return out, nil
}

const (
	eventAdded   = "added"
	eventKnown   = "known"
	eventRefused = "refused"
)

func userEventAnswer(n audience.NotedEvent) api.UserEventAnswer {
	switch n.Result {
	case audience.EventAdded:
		return api.UserEventAnswer{Result: eventAdded}
	case audience.EventKnown:
		return api.UserEventAnswer{Result: eventKnown}
	}
	return api.UserEventAnswer{Result: eventRefused, Reason: n.Reason}
}
