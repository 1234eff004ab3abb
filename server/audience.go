package server

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
)

const (
	// maxPasses is how many passes over the users of one app there are at a time.
	maxPasses = 2
	// passRetry is how long to wait when there are as many.
	passRetry = 5 * time.Second
)

// audienceRoutes puts the calls on the mux by hand, as their answers are lines.
func (s *Server) audienceRoutes() {
	for _, rt := range []route{
		{path: appPath + "/audience/count", id: "count-audience", summary: "Count the users for whom an audience expression holds, in one pass"},
		{path: appPath + "/audience/sample", id: "sample-audience", summary: "Draw some of the users for whom an audience expression holds, by chance, in one pass"},
	} {
		rt.method, rt.scopes = http.MethodPost, []account.Scope{account.ScopeRead, account.ScopeCampaign}
		schema := s.document(rt, typeOf[api.AudienceQuestion](), typeOf[api.AudienceLine]())
		good := s.docs.Paths[rt.path].Post.Responses["200"]
		good.Description = "Lines of JSON, as the pass goes on; the last one is done, or has a problem."
		good.Content = map[string]*huma.MediaType{api.NDJSONType: good.Content[api.ContentType]}
		sampled := strings.HasSuffix(rt.path, "/sample")
		s.mount(rt, func(w http.ResponseWriter, r *http.Request) error { return s.askAudience(w, r, rt, schema, sampled) })
	}
}

// askAudience answers line by line while the pass goes on. It ends when the caller goes away, or does not take a line for the time of
// Config.StreamIdle.
func (s *Server) askAudience(w http.ResponseWriter, r *http.Request, rt route, schema *huma.Schema, sampled bool) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.StreamTimeout)
	defer cancel()
	c := &call{r: r}
	if err := s.admit(ctx, c, rt); err != nil {
		return err
	}
	var in api.AudienceQuestion
	if err := s.readBody(w, c, schema, &in); err != nil {
		return err
	}
	q, err := s.question(ctx, c.app, &in, sampled)
	if err != nil {
		return err
	}
	if !s.passes.begin(c.app.ID) {
		p := refuse(rowThrottled, "at most "+strconv.Itoa(maxPasses)+" audiences of an app are counted at a time")
		p.wait = passRetry
		return p
	}
	defer s.passes.end(c.app.ID)
	s.takeTime(w)
	l := &lines{s: s, w: w, last: audience.Count{Shards: c.app.Shards}, reach: in.Template != "", gone: cancel}
	stop := l.tell()
	defer stop() // a panic must find nobody else writing
	count, err := s.parts.Counter.Count(ctx, c.app, q, l.note)
	stop()
	switch {
	case l.stuck: // nobody takes the answer
		return nil
	case err == nil:
		_ = l.write(l.done(count, sampled)) // a client that is gone needs no answer
		return nil
	case l.begun && r.Context().Err() == nil:
		problem := problemOf(err).body()
		line := l.line()
		line.Problem = &problem
		_ = l.write(line) // as above
	}
	return err
}

// question reads what is asked. Errors: 400.
func (s *Server) question(ctx context.Context, app minapush.App, in *api.AudienceQuestion, sampled bool) (q audience.Question, err error) {
	switch {
	case in.Sample != 0 && !sampled:
		return q, wrong("body.sample", "belongs to audience/sample only")
	case in.Sample < 0 || in.Sample > api.MaxSample:
		return q, wrong("body.sample", "must be from 1 to "+strconv.Itoa(api.MaxSample)+", or 0 for "+strconv.Itoa(api.DefaultSample))
	}
	if sampled {
		if q.Sample = in.Sample; q.Sample == 0 {
			q.Sample = api.DefaultSample
		}
		q.Rand = chance()
	}
	if in.Template != "" {
		t, err := s.parts.Accounts.Template(ctx, app.ID, in.Template)
		if errors.Is(err, minapush.NotFound) {
			return q, wrong("body.template", "is not a template of this app: PUT it first")
		}
		if err != nil {
			return q, err
		}
		q.Kind, q.Template = t.Kind, t.ID
	}
	if len(in.Where) > 0 && string(in.Where) != "null" {
		q.Where, err = s.parts.Campaigns.CheckAudience(ctx, app, in.Where)
	}
	return q, belowWhere("body.where", err)
}

// chance is a source of randomness that nobody can foretell.
func chance() *rand.Rand {
	var seed [16]byte
	_, _ = crand.Read(seed[:]) // it never fails
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
}

// belowWhere says where in the request the place lies that an error of an expression names, whatever a campaign calls it.
func belowWhere(location string, err error) error {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid {
		return err
	}
	field := strings.TrimPrefix(strings.TrimPrefix(e.Field, "audience.where"), ".")
	if field != "" && !strings.HasPrefix(field, "[") {
		field = "." + field
	}
	return wrong(location+field, causeOf(e))
}

// lines is an answer that grows while a pass goes on.
type lines struct {
	s     *Server
	w     http.ResponseWriter
	reach bool   // there is a template, so Reachable is told
	gone  func() // ends the pass
	// begun tells that a line was written, and stuck that one could not be; they are for who writes.
	begun, stuck bool

	mu   sync.Mutex
	last audience.Count // guarded by mu
}

// note takes down how far the pass is.
func (l *lines) note(c audience.Count) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = c
}

// line tells how far the pass is.
func (l *lines) line() api.AudienceLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := api.AudienceLine{
		Walked: l.last.Walked, Matched: l.last.Matched, OptedOut: l.last.OptedOut, ShardsDone: l.last.ShardsDone, Shards: l.last.Shards,
		At: utc(l.last.At),
	}
	if reachable := l.last.Reachable; l.reach {
		out.Reachable = &reachable
	}
	return out
}

// done is the last line of a pass.
func (l *lines) done(c audience.Count, sampled bool) api.AudienceLine {
	l.note(c)
	out := l.line()
	out.Done = true
	for _, o := range c.Sample {
		if sampled {
			out.Sample = append(out.Sample, string(o))
		}
	}
	return out
}

// tell writes a line now and then, until stop is called, which may be repeated. It waits for the writing to end.
func (l *lines) tell() (stop func()) {
	ended, ticker := make(chan struct{}), time.NewTicker(l.s.cfg.ProgressEvery)
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			if l.write(l.line()) != nil {
				l.stuck = true
				l.gone()
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(ended)
		telling.Wait()
	})
}

// write writes a line and sends it on its way. Errors: the caller is gone, or takes nothing.
func (l *lines) write(line api.AudienceLine) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return err
	}
	if !l.begun {
		l.begun = true
		h := l.w.Header()
		h.Set("Content-Type", api.NDJSONType)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Accel-Buffering", "no") // a proxy that keeps lines back keeps back what they are for
	}
	l.s.mayWrite(l.w)
	_, err := l.w.Write(b.Bytes())
	if err == nil {
		err = http.NewResponseController(l.w).Flush()
	}
	if errors.Is(err, http.ErrNotSupported) { // a writer without a buffer, in a test
		return nil
	}
	return err
}
