package sandbox

import (
	"io"
	"net"
	"net/http"
	"strings"
)

// controlPrefix is where the control API begins.
const controlPrefix = "/sandbox/v1/"

// maxControlBody bounds the control API: a million openids take 31 MB.
const maxControlBody = 64 << 20

// ServeHTTP serves the platform's endpoints, the control API and the phone. The Date of its answers is the sandbox's time. A
// scripted broken connection ends in the panic with http.ErrAbortHandler by which a handler closes its connection.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	w.Header()["Date"] = []string{s.Now().UTC().Format(http.TimeFormat)}
	if isPhone(r.URL.Path) {
		s.servePhone(w, r)
		return
	}
	control := isControl(r.URL.Path)
	body, status := s.readBody(r.Body, r.ContentLength, control)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	if control {
		status, answer := s.serveControl(r.Context(), r.Method, r.URL.Path, r.URL.RawQuery, body)
		write(w, outcome{status: status, body: answer})
		return
	}
	c := &call{sandbox: s, method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, body: body, ip: ip}
	defer c.finish()
	out := s.exchange(r.Context(), c)
	switch {
	case out.broken == ActReset || out.broken == ActRefuse:
		reset(w)
	case out.broken != "" || out.err != nil:
		panic(http.ErrAbortHandler)
	default:
		write(w, out)
	}
}

func isControl(path string) bool { return strings.HasPrefix(path, controlPrefix) }

const (
	typeJSON  = "application/json; encoding=utf-8"
	typePlain = "text/plain"
)

func (out outcome) contentType() string {
	if out.plain {
		return typePlain
	}
	return typeJSON
}

func write(w http.ResponseWriter, out outcome) {
	w.Header()["Content-Type"] = []string{out.contentType()}
	if out.status != http.StatusOK {
		w.WriteHeader(out.status)
	}
	_, _ = w.Write(out.body) // a caller that is gone needs no answer
}

// readBody returns the HTTP status of a body that it does not take: 413 if too large, 400 if cut off.
func (s *Sandbox) readBody(body io.Reader, length int64, control bool) ([]byte, int) {
	limit := s.cfg.MaxBody
	if control {
		limit = maxControlBody
	}
	if limit > 0 && length > limit {
		return nil, http.StatusRequestEntityTooLarge
	}
	if body == nil || length == 0 {
		return nil, 0
	}
	if length > 0 && length <= maxControlBody {
		b := make([]byte, length)
		if _, err := io.ReadFull(body, b); err != nil {
			return nil, http.StatusBadRequest
		}
		return b, 0
	}
	if limit > 0 {
		body = io.LimitReader(body, limit+1)
	}
	b, err := io.ReadAll(body)
	switch {
	case err != nil:
		return nil, http.StatusBadRequest
	case limit > 0 && int64(len(b)) > limit:
		return nil, http.StatusRequestEntityTooLarge
	}
	return b, 0
}

// reset closes the connection with RST where it can, and without an answer otherwise.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
