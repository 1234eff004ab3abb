package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"syscall"
)

// localIP is the caller's address in RoundTrip, where there is no connection.
const localIP = "127.0.0.1"

// RoundTrip answers a request to any host without a socket, by the same code as ServeHTTP, so that a client can be tested in a
// testing/synctest bubble. Scripted connection faults are errors here, of the kinds that http.Transport returns, and
// httptrace hooks tell as there how far the request got. While it waits, the request's context can end it.
func (s *Sandbox) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var reader io.Reader
	if r.Body != nil && r.Body != http.NoBody {
		reader = r.Body
	}
	length := r.ContentLength
	if length == 0 {
		length = -1 // unknown, if there is a body
	}
	control := isControl(r.URL.Path)
	body, status := s.readBody(reader, length, control)
	if status == http.StatusBadRequest {
		return nil, fmt.Errorf("sandbox: read request body: %w", io.ErrUnexpectedEOF)
	}
	if status != 0 {
		return response(r, outcome{status: status, plain: true, body: []byte(http.StatusText(status))}), nil
	}
	if control {
		status, answer := s.serveControl(ctx, r.Method, r.URL.Path, r.URL.RawQuery, body)
		return response(r, outcome{status: status, body: answer}), nil
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	c := &call{sandbox: s, method: method, path: r.URL.Path, query: r.URL.RawQuery, body: body, ip: localIP}
	defer c.finish()
	out := s.exchange(ctx, c)
	if out.broken != ActRefuse {
		traceWritten(r)
	}
	if err := out.failure(); err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return response(r, out), nil
}

// traceWritten tells the request's trace that the whole request was written.
func traceWritten(r *http.Request) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace == nil {
		return
	}
	if trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

// failure is the error that http.Transport returns for such an outcome.
func (out outcome) failure() error {
	switch out.broken {
	case ActDrop:
		return fmt.Errorf("sandbox: connection closed without an answer: %w", io.EOF)
	case ActReset:
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	case ActRefuse:
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return out.err
}

func response(r *http.Request, out outcome) *http.Response {
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)),
		StatusCode:    out.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {out.contentType()}},
		Body:          io.NopCloser(bytes.NewReader(out.body)),
		ContentLength: int64(len(out.body)),
		Request:       r,
	}
}
