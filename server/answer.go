package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/minapush/minapush/api"
)

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observed runs a handler that may fail: it counts the request, turns an error or a panic into a problem, and logs what is ours to
// mend.
func (s *Server) observed(route string, h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		begun := s.cfg.Now()
		w := &recorder{ResponseWriter: rw}
		defer func() {
			if v := recover(); v != nil {
				s.panicked(w, r, route, v)
			}
			s.metrics.answered(route, w.status, s.cfg.Now().Sub(begun))
		}()
		if err := h(w, r); err != nil {
			s.fail(w, r, route, err)
		}
		if w.status == 0 {
			w.WriteHeader(http.StatusOK)
		}
	}
}

// panicked answers for a handler that panicked. http.ErrAbortHandler is passed on, as net/http wants it.
func (s *Server) panicked(w *recorder, r *http.Request, route string, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.metrics.panics.Inc()
	s.cfg.Logger.ErrorContext(r.Context(), "handler panicked", "route", route, "panic", v, "stack", string(debug.Stack()))
	if w.status == 0 {
		writeProblem(w, refuse(rowInternal, ""))
	}
}

// statusGone is counted for clients that went away before they had an answer.
const statusGone = 499

// fail answers with the problem of err. Faults of ours are logged, here and nowhere else.
func (s *Server) fail(w *recorder, r *http.Request, route string, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		w.status = statusGone
		return
	}
	p := problemOf(err)
	if p.row.status() >= http.StatusInternalServerError {
		level := slog.LevelWarn
		if p.row.code == api.Internal {
			level = slog.LevelError
		}
		s.cfg.Logger.Log(r.Context(), level, "request failed", "route", route, "app", r.PathValue("appid"), "number", p.row.number, "err", err)
	}
	if w.status == 0 { // an answer that has begun cannot be taken back
		writeProblem(w, p)
	}
}

func writeProblem(w http.ResponseWriter, p *problem) {
	h := w.Header()
	if wait := p.waitOf(); wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
	}
	if p.row.status() == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="minapush"`)
	}
	write(w, api.ProblemType, p.row.status(), p.body())
}

// write sends a body. Bodies are the contract's structs: they always marshal.
func write(w http.ResponseWriter, contentType string, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that is gone needs no answer
}

// utc is a time as the wire has it: UTC, to the millisecond; the zero time stays zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
