package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush/account"
)

const (
	tarType = "application/x-tar"
	// backupRetry is how long to wait when another backup is being taken.
	backupRetry = 10 * time.Second
)

// backupRoutes puts the backup on the mux by hand, as its answer is no JSON.
func (s *Server) backupRoutes() {
	rt := route{
		method: http.MethodGet, path: "/v1/backup", id: "backup", summary: "Take a backup of the whole store, as a tar; needs an admin key for every app",
	}
	s.document(rt, typeOf[none](), typeOf[none]())
	op := s.docs.Paths[rt.path].Get
	delete(op.Responses, "204")
	op.Responses["200"] = &huma.Response{
		Description: "The backup. A connection that is cut before the end means that it is not whole.",
		Content:     map[string]*huma.MediaType{tarType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	s.mount(rt, s.backup)
}

func (s *Server) backup(w http.ResponseWriter, r *http.Request) error {
	c := &call{r: r}
	if err := s.admit(r.Context(), c, route{}); err != nil {
		return err
	}
	if err := forEveryApp(c.key, account.ScopeAdmin); err != nil {
		return err
	}
	if s.parts.Backup == nil {
		return refuse(rowNotFound, "this store is not backed up by this call: use its own means")
	}
	if !s.backups.begin("") {
		p := refuse(rowThrottled, "another backup is being taken")
		p.wait = backupRetry
		return p
	}
	defer s.backups.end("")
	out := &outflow{ResponseWriter: w, conn: http.NewResponseController(w), idle: s.cfg.StreamIdle}
	s.takeTime(w)
	err := s.parts.Backup(r.Context(), out)
	if err == nil || !out.begun {
		return err
	}
	s.brokeOff(r.Context(), err)
	panic(http.ErrAbortHandler) // the connection is cut, so that half a backup does not look like a whole one
}

// brokeOff logs a backup that ended early, unless the caller went away.
func (s *Server) brokeOff(ctx context.Context, err error) {
	if !errors.Is(err, context.Canceled) {
		s.cfg.Logger.ErrorContext(ctx, "backup broke off", "err", err)
	}
}

// outflow is an answer that may take long but has to be taken: each part within the idle time.
type outflow struct {
	http.ResponseWriter
	conn  *http.ResponseController
	idle  time.Duration
	begun bool
}

// Write writes a part of the answer.
func (o *outflow) Write(p []byte) (int, error) {
	if !o.begun {
		o.begun = true
		h := o.Header()
		h.Set("Content-Type", tarType)
		h.Set("Content-Disposition", `attachment; filename="minapush-backup.tar"`)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	for written := 0; ; {
		_ = o.conn.SetWriteDeadline(time.Now().Add(o.idle)) //arch:allow a connection's deadlines are of real time
		n, err := o.ResponseWriter.Write(p[written:min(written+maxPart, len(p))])
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// maxPart is how much is written within the idle time, so that a slow line may carry a large write.
const maxPart = 256 << 10
