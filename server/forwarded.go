package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/collect"
)

// forwardedRoutes puts the call on the mux by hand, since its body may be one event in JSON or XML, or a list of them.
func (s *Server) forwardedRoutes() {
	rt := route{
		method: http.MethodPost, path: eventPath + "/events", id: "forward-events", scopes: []account.Scope{account.ScopeReport},
		summary: "Forward events that WeChat pushed to the team's own address, decrypted: one as WeChat wrote it, or a list",
	}
	list := s.document(rt, typeOf[api.NewEvents](), typeOf[api.EventAnswers]())
	s.docs.Paths[rt.path].Post.RequestBody.Content = map[string]*huma.MediaType{
		"text/xml": {Schema: &huma.Schema{Type: huma.TypeString}},
		api.ContentType: {Schema: &huma.Schema{OneOf: []*huma.Schema{
			list, {Type: huma.TypeObject, Description: "One event as WeChat wrote it.", AdditionalProperties: true},
		}}},
	}
	s.mount(rt, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
		defer cancel()
		c := &call{r: r}
		if err := s.admit(ctx, c, rt); err != nil {
			return err
		}
		bodies, single, err := s.eventBodies(w, r, list)
		if err != nil {
			return err
		}
		out, err := s.forward(ctx, c.app, bodies)
		if err != nil {
			return err
		}
		if single && out.Events[0].Problem != nil {
			return oneEvent(out.Events[0].Problem)
		}
		write(w, api.ContentType, http.StatusOK, out)
		return nil
	})
}

// oneEvent is the problem of an event that stands alone.
func oneEvent(p *api.FieldProblem) error {
	location := strings.Replace(p.Location, "body.events[0]", "body", 1)
	if location == "body.body" {
		return refuse(rowMalformed, "the body "+p.Message)
	}
	return wrong(location, p.Message)
}

// readUpTo reads a body of at most most bytes. Errors: 400, 408, 413.
func (s *Server) readUpTo(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, unread(r, err)
	}
	return body, nil
}

// forward does what events say, one after the other. One that cannot be read is refused alone; after another error the caller repeats the
// whole call.
func (s *Server) forward(ctx context.Context, app minapush.App, bodies [][]byte) (api.EventAnswers, error) {
	out := api.EventAnswers{Events: make([]api.EventAnswer, len(bodies))}
	for i, one := range bodies {
		e, err := s.parts.Events.Parse(one)
		if err != nil {
			s.parts.Collector.BadEvent(ctx, app, nil, err) // counted, and told: who has it may look at it
		} else {
			var a collect.EventAnswer
			if a, err = s.parts.Collector.Event(ctx, app, e); err == nil {
				out.Events[i] = eventAnswer(e, a)
			}
		}
		var invalid *minapush.Error
		switch {
		case err == nil:
		case !errors.As(err, &invalid) || invalid.Kind != minapush.Invalid:
			return api.EventAnswers{}, err
		default:
			location := fmt.Sprintf("body.events[%d].%s", i, clip(invalid.Field))
			out.Events[i] = api.EventAnswer{Event: e.Name, Problem: &api.FieldProblem{Location: location, Message: clip(causeOf(invalid))}}
		}
	}
	return out, nil
}

// eventBodies reads the events of a request: its body, or those that it lists. No event of WeChat's has a field events. Errors: 400, 408,
// 413, 415.
func (s *Server) eventBodies(w http.ResponseWriter, r *http.Request, list *huma.Schema) (bodies [][]byte, single bool, err error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && (media == "text/xml" || media == "application/xml") {
		body, err := s.readUpTo(w, r, s.cfg.MaxBody)
		return [][]byte{body}, true, err
	}
	body, err := s.readBytes(w, r)
	if err != nil {
		return nil, false, err
	}
	var plain any
	if err := json.Unmarshal(body, &plain); err != nil {
		return nil, false, malformed(err)
	}
	fields, ok := plain.(map[string]any)
	if !ok {
		return nil, false, wrong("body", "must be an event, or an object with events")
	}
	if _, ok := fields["events"]; !ok {
		return [][]byte{body}, true, nil
	}
	result := &huma.ValidateResult{}
	huma.Validate(s.docs.Components.Schemas, list, huma.NewPathBuffer([]byte("body"), 4), huma.ModeWriteToServer, plain, result)
	if len(result.Errors) > 0 {
		return nil, false, invalidBody(result.Errors)
	}
	var in api.NewEvents
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, false, malformed(err)
	}
	if n := len(in.Events); n < 1 || n > api.MaxEvents {
		return nil, false, wrong("body.events", fmt.Sprintf("must be 1 to %d, are %d", api.MaxEvents, n))
	}
	bodies = make([][]byte, len(in.Events))
	for i, raw := range in.Events {
		bodies[i] = raw
		var text string
		if json.Unmarshal(raw, &text) == nil {
			bodies[i] = []byte(text)
		}
	}
	return bodies, false, nil
}
