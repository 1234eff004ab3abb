package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/collect"
)

// Events reads what the platform pushes without being asked.
type Events interface {
	// Receiver makes what opens the pushes to an app. Errors: Invalid, naming the field.
	Receiver(app minapush.AppID, s account.EventSettings) (Receiver, error)
	// Parse reads the body of one event in clear. Errors: Invalid, naming the field.
	Parse(body []byte) (minapush.Event, error)
}

// Receiver opens the pushes to one app. It must be safe for concurrent use.
type Receiver interface {
	// Verify answers the platform's check of the address: the text to be sent back, and nothing else. Errors: Unauthorized.
	Verify(query url.Values) (echo string, err error)
	// Open proves who sent a push, and reads it. body is what was sent, decrypted; nil: its sender is not proven. Errors: Unauthorized, with
	// a Reason; Invalid, naming the field.
	Open(query url.Values, sent []byte) (e minapush.Event, body []byte, err error)
}

const (
	// eventTime is within how long our own work on a push is done, or given up: WeChat waits 5 s, and sends again what was not answered.
	eventTime = 4 * time.Second
	// eventSuccess is the answer that WeChat understands.
	eventSuccess = "success"
	eventPath    = appPath + "/wechat"
	// maxEventWork is how many events are worked on at a time, those included whose answer did not wait.
	maxEventWork = 1024
)

func (s *Server) eventRoutes() {
	if s.parts.Events == nil {
		return
	}
	s.eventSettingsRoutes()
	s.forwardedRoutes()
	verify := route{
		method: http.MethodGet, path: eventPath, id: "verify-events", open: true, public: true,
		summary: "WeChat's check of the address at which it pushes events: answers echostr if it is signed",
	}
	take := route{
		method: http.MethodPost, path: eventPath, id: "take-event", open: true, public: true,
		summary: "What WeChat pushes: events and messages, signed by the app's token, in JSON or XML, encrypted or not",
	}
	for _, rt := range []route{verify, take} {
		s.document(rt, typeOf[none](), typeOf[none]())
	}
	s.documentEvents()
	s.mount(verify, s.verifyEvents)
	s.mount(take, s.takeEvent)
}

// documentEvents describes what no schema does.
func (s *Server) documentEvents() {
	text := map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	sent := map[string]*huma.MediaType{}
	for _, media := range []string{api.ContentType, "text/xml"} {
		sent[media] = &huma.MediaType{Schema: &huma.Schema{}}
	}
	path := s.docs.Paths[eventPath]
	path.Post.RequestBody = &huma.RequestBody{Required: true, Content: sent, Description: "At most 64 KiB, as WeChat writes it."}
	for _, op := range []*huma.Operation{path.Get, path.Post} {
		delete(op.Responses, "204")
		op.Responses["200"] = &huma.Response{Description: "The echostr; success; or what the address answered to which the push was passed on.", Content: text}
		op.Description = "The query is WeChat's: signature, timestamp, nonce, echostr, msg_signature, encrypt_type, openid."
	}
}

// receivers are those of the apps that something was pushed to, each by the settings that it was made of.
type receivers struct {
	mu  sync.Mutex // guards all below
	all map[minapush.AppID]madeReceiver
}

type madeReceiver struct {
	of account.EventSettings
	Receiver
}

// eventSource is the app of a push, with its settings and what opens it. Errors: NotFound.
func (s *Server) eventSource(ctx context.Context, r *http.Request) (app minapush.App, set account.EventSettings, in Receiver, err error) {
	id := minapush.AppID(r.PathValue("appid"))
	if app, err = s.parts.Accounts.App(ctx, id); err != nil {
		return app, set, nil, err
	}
	if set, err = s.parts.Accounts.Events(ctx, id); err != nil {
		return app, set, nil, err
	}
	if !set.HasSecrets() {
		return app, set, nil, minapush.Errorf(minapush.NotFound, "app %s has no event settings: their secrets were removed", id)
	}
	s.receivers.mu.Lock()
	defer s.receivers.mu.Unlock()
	made, ok := s.receivers.all[id]
	if !ok || made.of != set {
		made = madeReceiver{of: set}
		if made.Receiver, err = s.parts.Events.Receiver(id, set); err != nil {
			return app, set, nil, err
		}
		s.receivers.all[id] = made
	}
	return app, set, made.Receiver, nil
}

func (s *Server) verifyEvents(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), eventTime)
	defer cancel()
	app, _, in, err := s.eventSource(ctx, r)
	if err != nil {
		return err
	}
	echo, err := in.Verify(r.URL.Query())
	if err != nil {
		s.parts.Collector.BadEvent(ctx, app, nil, err)
		return unproven(err)
	}
	writeText(w, echo)
	return nil
}

// unproven makes the Unauthorized of a push that nobody proved to have sent a problem of its own.
func unproven(err error) error {
	e, ok := facts(err)
	if !ok || e.Kind != minapush.Unauthorized {
		return err
	}
	return &problem{row: rowUnproven, detail: causeOf(e), reason: e.Reason, err: err}
}

// takeEvent does what a push says before it is answered: the work is one durable step, or a few, and each may be repeated. What is not done
// in time is answered 503, and WeChat sends it again. A queue would need a durable step of its own, and could answer no sooner.
func (s *Server) takeEvent(w http.ResponseWriter, r *http.Request) error {
	// A client that hangs up changes nothing: what was begun is done.
	whole, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), passOnTime)
	defer cancel()
	ctx, cancel := context.WithTimeout(whole, eventTime)
	defer cancel()
	app, set, in, err := s.eventSource(ctx, r)
	if err != nil {
		return err
	}
	sent, err := s.readEvent(ctx, w, r)
	if err != nil {
		s.parts.Collector.BadEvent(ctx, app, nil, err)
		return err
	}
	e, body, err := in.Open(r.URL.Query(), sent)
	if err != nil {
		s.parts.Collector.BadEvent(ctx, app, body, err)
		if body == nil {
			return unproven(err)
		}
	} else if err := s.work(ctx, func() error { return s.tellEvent(ctx, app, e) }); err != nil {
		return err
	}
	// From here on the event has had its effect; whatever happens now, sending it again does no harm.
	ours := e.Type != minapush.EventOther
	switch {
	case set.PassOnURL == "" || ours && !set.PassOnAll:
		writeText(w, eventSuccess)
	case ours:
		if _, err := s.passOn(whole, set.PassOnURL, r, sent); err != nil {
			s.hint(r, "an event was not passed on", "app", string(app.ID), "err", err)
		}
		writeText(w, eventSuccess)
	default:
		a, err := s.passOn(whole, set.PassOnURL, r, sent)
		if err != nil {
			return &problem{row: rowUnavailable, detail: "the address to which this is passed on gave no answer", wait: rowUnavailable.wait, err: err}
		}
		a.write(w)
	}
	return nil
}

// readEvent reads the body of a push while there is time. Errors: 400, 408, 413.
func (s *Server) readEvent(ctx context.Context, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c := http.NewResponseController(w)
	if end, ok := ctx.Deadline(); ok {
		_ = c.SetReadDeadline(end) // only writers of tests cannot
	}
	sent, err := s.readUpTo(w, r, api.MaxEvent)
	if err == nil { // else the rest that does not come would be waited for
		_ = c.SetReadDeadline(time.Time{})
	}
	return sent, err
}

// tellEvent hands an event to the collector. One that cannot be right was counted there, and will not be better the next time.
func (s *Server) tellEvent(ctx context.Context, app minapush.App, e minapush.Event) error {
	_, err := s.parts.Collector.Event(ctx, app, e)
	if errors.Is(err, minapush.Invalid) {
		return nil
	}
	return err
}

// work does a thing and waits for it until ctx ends. Steps of a store may take longer than their context, when a disk hangs: what is left
// ends by itself, and Wait waits for it.
func (s *Server) work(ctx context.Context, f func() error) error {
	select {
	case s.eventWork <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	s.working.Go(func() {
		defer func() { <-s.eventWork }()
		done <- f()
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait returns when nothing works on events any more, or ctx ends. It is for the end, when no more requests are let in.
func (s *Server) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.working.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func writeText(w http.ResponseWriter, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // a client that is gone needs no answer
}

// isEvent tells the path at which WeChat pushes.
func (s *Server) isEvent(path string) bool {
	rest, ok := strings.CutPrefix(path, s.cfg.BasePath+"/v1/apps/")
	app, last, found := strings.Cut(rest, "/")
	return ok && found && app != "" && last == "wechat"
}

// eventAnswer shows what became of an event.
func eventAnswer(e minapush.Event, a collect.EventAnswer) api.EventAnswer {
	out := api.EventAnswer{Event: e.Name, Items: make([]api.EventItemAnswer, len(a.Items))}
	for i, it := range a.Items {
		out.Items[i] = api.EventItemAnswer{Template: it.Template, Result: string(it.Result)}
	}
	return out
}
